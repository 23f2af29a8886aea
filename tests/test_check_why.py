"""Why an operation ended as it did: the chain that led to its end, and what did not arrive."""

from itertools import pairwise

import pytest

from dsviz.check.why import why
from dsviz.errors import DsvizError
from dsviz.sim.faults import Crash, Cut, Loss
from dsviz.systems import quorum


def explained(faults=None, seed=7):
    scenario = quorum.inversion()
    trace = scenario.run(seed, faults if faults is None else (*scenario.faults, *faults))
    return trace, {f"{op.process} {op.f} {op.value}": why(trace, op) for op in trace.history()}


def test_a_stale_read_names_the_write_that_did_not_get_there():
    _, of = explained()
    stale = of["B read None"]
    assert stale.summary == (
        "B's read x ended as ok with 'v1'; what decided it is 'value' from r3 to k2. Another value "
        "was under way: 'store' from k1 to r2 did not arrive: the link is cut."
    )
    assert [(e.time, e.node) for e in stale.steps] == [
        (300.0, "B"), (310.0, "k2"), (320.0, "r3"), (330.0, "k2"), (340.0, "B"),
    ]  # fmt: skip
    assert {(e.peer, e.node) for e in stale.missing} == {("k1", "r2"), ("k1", "r3")}


def test_each_step_is_caused_by_the_one_before_it():
    trace, of = explained()
    for found in of.values():
        if found.operation.status != "ok":
            continue
        _, *rest = found.steps
        assert all(b.cause == a.seq for a, b in pairwise(rest))
        assert all(trace.event(step.seq) == step for step in found.steps)


def test_a_server_that_stopped_is_why_there_is_no_answer():
    _, of = explained()
    assert "because k1 stopped at 130 ms, before it answered" in of["C write v2"].summary
    assert of["C write v2"].steps[-2].what == "crash"


def test_a_request_that_never_arrived_is_why():
    _, of = explained([Cut("A", "k2", at=150)])
    assert "'read' from A to k2 did not arrive: the link is cut" in of["A read None"].summary


def test_an_answer_that_was_lost_is_why():
    _, of = explained([Crash("r2", at=212)])
    assert "'fetch' from k2 to r2 did not arrive: r2 is down" in of["A read None"].summary


def test_without_what_is_missing_the_end_is_another():
    """Counterfactual: the read is stale because of the cuts; take them away, and it is not."""
    scenario = quorum.inversion()
    without = scenario.run(7, [f for f in scenario.faults if not isinstance(f, Cut)])
    reads = [op.result for op in without.history() if op.f == "read"]
    assert reads == ["v2", "v2"]


def test_every_operation_of_a_lossy_run_has_an_explanation():
    scenario = quorum.sloppy_quorum()
    trace = scenario.run(3, (*scenario.faults, Loss(0.2)))
    for op in list(trace.history())[::40]:
        found = why(trace, op)
        assert found.summary.startswith(f"{op.process}'s {op.f}")
        assert found.summary.endswith(".")
        assert found.steps


def test_an_operation_that_does_not_exist():
    trace, _ = explained()
    with pytest.raises(DsvizError, match="operation=99 is not in this run"):
        why(trace, 99)
