"""Who took part in an operation."""

import pytest

from dsviz.check.causes import contacted
from dsviz.errors import DsvizError
from dsviz.sim.faults import Crash
from dsviz.systems import quorum


def by_operation(trace):
    return {str(op): contacted(trace, op) for op in trace.history()}


def test_the_run_of_the_lesson():
    assert by_operation(quorum.inversion().run(seed=0)) == {
        "C write x 'v1'": {"asked": ["r1", "r2", "r3"], "answered": ["r1", "r2"]},
        "C write x 'v2' (outcome unknown)": {"asked": ["r1", "r2", "r3"], "answered": []},
        "A read x → 'v2'": {"asked": ["r1", "r2"], "answered": ["r1", "r2"]},
        "B read x → 'v1'": {"asked": ["r2", "r3"], "answered": ["r2", "r3"]},
    }


def test_a_write_back_asks_in_a_second_phase():
    met = by_operation(quorum.inversion("write-back").run(seed=0))
    assert met["A read x → 'v2'"]["asked"] == ["r1", "r2", "r3"]
    assert met["B read x → 'v2'"] == {"asked": ["r3", "r1", "r2"], "answered": ["r3", "r1", "r2"]}


def test_what_is_repaired_after_the_answer_does_not_count():
    met = by_operation(quorum.inversion("async").run(seed=0))
    assert met["A read x → 'v2'"] == {"asked": ["r1", "r2"], "answered": ["r1", "r2"]}


def test_stand_ins_took_part():
    trace = quorum.sloppy_quorum().run(seed=0)
    write = next(op for op in trace.history() if op.value == "v10")
    assert contacted(trace, write.id)["answered"] == ["r3", "h1"]


def test_a_coordinator_that_is_down():
    trace = quorum.inversion().run(0, [Crash("k1", at=0)])
    assert contacted(trace, 1) == {"asked": [], "answered": []}


def test_an_operation_that_does_not_exist():
    with pytest.raises(DsvizError, match="operation=99 is not in this run"):
        contacted(quorum.inversion().run(seed=0), 99)
