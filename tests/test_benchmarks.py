"""`make bench` runs, and what it stores has the shape that others read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import PARTS

ROOT = Path(__file__).resolve().parents[1]
KEYS = {"name", "unit", "ours", "peer", "ratio", "goal", "ok", "note"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict], Path]:
    """Run our side with little work; return what was printed, the rows and the folder."""
    folder = tmp_path_factory.mktemp("bench")
    out = folder / "bench.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--ours-only", "--out", str(out)]
    command += [part for part in PARTS if part not in ("player", "grading")]  # a browser, classes
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout, json.loads(out.read_text(encoding="utf-8")), folder


def test_rows_have_their_shape(bench):
    printed, rows, _ = bench
    assert len({row["name"] for row in rows}) == len(rows) > 30
    for row in rows:
        assert set(row) == KEYS
        assert row["name"] in printed
        for key in ("ours", "peer", "ratio"):
            assert row[key] is None or row[key] > 0, row
        assert row["ok"] in (True, False, None)
        # A goal is judged, or a sentence says why not.
        assert row["goal"] is None or row["ok"] is not None or row["note"].endswith("."), row
        assert row["ours"] is not None or row["note"], row


def test_a_peer_that_is_left_out_is_a_row(bench):
    _, rows, _ = bench
    peers = [row for row in rows if row["name"].startswith(("messages / ", "queue / "))]
    assert len(peers) >= 12
    assert all(row["peer"] is row["ratio"] is row["ok"] is None and row["note"] for row in peers)


def test_published_numbers_of_states(bench):
    _, rows, _ = bench
    states = {row["name"]: row["ours"] for row in rows if row["unit"] == "states"}
    assert states["exhaust, two-phase commit, 3"] == 288
    assert states["exhaust, two-phase commit, 5"] == 8_832
    assert states["exhaust, Paxos, 2 clients"] == 16_668


def test_the_curves_are_plotted(bench):
    printed, _, folder = bench
    picture = folder / "bench-growth.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert str(picture) in printed


def test_a_peer_that_fails_is_a_row_too():
    code = """
from benchmarks.peers import Peer
from benchmarks import simulating
absent = Peer("none", "no-such-package", "with_nothing:run", 4.0, 10)
broken = Peer("broken", "pytest", "with_nothing:run", 4.0, 10)
rows = simulating._workload("m", lambda n: (lambda: n), (absent, broken), "u", 5, 1, True, True)
assert [row.ok for row in rows[1:]] == [None, None]
assert "not installed" in rows[1].note and "failed here" in rows[2].note, rows
"""
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
