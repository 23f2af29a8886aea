"""A trace in columns is the same trace in a fifth of the memory."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import messages
from dsviz.columns import Columns
from dsviz.sim.faults import Corrupt, Duplicate, Loss, Pause, PowerLoss, Restart
from dsviz.systems import quorum
from dsviz.trace import Trace

FAULTS = (
    Loss(0.1),
    Duplicate(0.2, at=50),
    Corrupt(0.1),
    Pause("r1", at=20, duration=30),
    PowerLoss(("r1", "r2"), at=80),
    Restart("r1", at=150),
)


@pytest.mark.parametrize("faults", [(), FAULTS])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_columns_give_back_the_same_trace(faults, seed):
    trace = quorum.inversion("async", "lan").run(seed, faults)
    assert trace.columns().trace().to_jsonl() == trace.to_jsonl()
    assert len(trace.columns()) == len(trace)


def test_a_changed_array_gives_back_another_trace():
    columns = quorum.inversion().run(1).columns()
    columns._times[10] += 1.0
    assert columns.trace() != quorum.inversion().run(1)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=3),
    st.tuples(st.integers(0, 2), st.booleans()),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e6), VALUES, VALUES), max_size=30))
def test_whatever_is_stored_comes_back_with_its_type(stored):
    rows = [
        (time, seq, "log", "a", None, data, info, -1)
        for seq, (time, data, info) in enumerate(stored)
    ]
    back = Columns(Trace("any", 0, 1.0, {"a": "node"}, (), rows)).trace()
    assert repr(back.rows) == repr(rows)


def test_an_event_takes_at_most_64_bytes():
    trace = messages.cluster(20_000).run(1)
    tracemalloc.start()
    columns = trace.columns()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept / len(trace) <= 64
    assert columns.nbytes / len(trace) <= 64
