"""Captions: what was run, what went wrong, what clients saw, what the judges say."""

import os
import subprocess
import sys

import pytest

from dsviz.check.verdict import Verdict
from dsviz.draw.text import caption, clauses, counted, joined
from dsviz.sim.faults import Crash, Cut, Pause
from dsviz.systems import quorum
from dsviz.trace import Trace

GOOD = Verdict("reads are fresh", "ok", "All fresh.")
BAD = Verdict("linearizable", "violated", "B read v1 after A had read v2.", 340.0)
OPEN = Verdict("linearizable", "undecided", "The budget ran out.")


@pytest.fixture(scope="module")
def run():
    return quorum.inversion().run(seed=0)


def test_the_caption_of_the_lesson(run):
    assert caption(run, [BAD, GOOD]) == (
        "Inversion (seed 0): 3 clients, 2 coordinators and 3 replicas over 500 ms; nothing passes "
        "from k1 to r2 and r3 from 90 ms on and k1 crashes at 130 ms. Clients saw 3 of 4 "
        "operations answered and 1 with unknown outcome. Linearizable: violated. B read v1 after "
        "A had read v2."
    )


def test_a_run_without_faults():
    calm = quorum.inversion().run(0, ())
    assert caption(calm, GOOD) == (
        "Inversion (seed 0): 3 clients, 2 coordinators and 3 replicas over 500 ms, no faults. "
        "Clients saw 4 of 4 operations answered. Holds: reads are fresh."
    )


def test_verdicts(run):
    assert caption(run, OPEN).endswith("Linearizable: undecided. The budget ran out.")
    assert caption(run, (GOOD, GOOD)).endswith("Holds: reads are fresh and reads are fresh.")
    assert caption(run, (GOOD, OPEN, BAD)).count("Linearizable:") == 2


def test_many_faults_are_counted():
    faults = [Pause("r1", at=t, duration=5) for t in (10, 20, 30, 40)] + [Crash("k1", at=50)]
    said = caption(quorum.inversion().run(0, faults))
    assert "r1 stands still from 10 to 15 ms" in said
    assert "and 2 more faults." in said


def test_like_faults_are_merged_unless_they_differ_in_the_subject():
    faults = [Cut("k1", "r1", at=5), Cut("k1", "r2", at=5), Crash("r1", at=50), Crash("r2", at=50)]
    said = caption(quorum.inversion().run(0, faults))
    assert "nothing passes from k1 to r1 and r2 from 5 ms on" in said
    assert "r1 crashes at 50 ms and r2 crashes at 50 ms" in said


def test_a_trace_read_from_a_file_has_the_same_caption(run):
    assert caption(Trace.from_jsonl(run.to_jsonl())) == caption(run)


def test_a_trace_of_nothing():
    assert caption(Trace("empty", 3, 10.0, {})) == "Empty (seed 3) over 10 ms, no faults."


def test_words():
    assert caption(Trace("t", 0, 1.0, {}), Verdict("c", "violated", "no full stop")).endswith(
        "stop."
    )
    assert (counted(1, "reply", "replies"), counted(1200, "write")) == ("1 reply", "1,200 writes")
    assert (joined(["a"]), joined("ab"), joined("abc")) == ("a", "a and b", "a, b and c")
    assert clauses("At 5 ms: cut from a to b; cut from a to c; x is down; y is down") == (
        "At 5 ms: cut from a to b and c; x is down; y is down"
    )


def test_texts_are_the_same_in_another_process_and_under_another_hash_seed(run):
    code = (
        "from dsviz.systems import quorum; from dsviz.draw import charts, cluster, spacetime;"
        "run = quorum.inversion().run(seed=0);"
        "print(cluster.cluster(run, 113)); print(charts.lanes(run));"
        "print(spacetime.spacetime(run))"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert b"holds[x] took 2 values" in told[0]
