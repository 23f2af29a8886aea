"""Session guarantees: one planted history for each way to break one, and what breaks none."""

import pytest

from dsviz.check import sessions
from dsviz.check.sessions import (
    SESSION_GUARANTEES,
    monotonic_reads,
    monotonic_writes,
    read_your_writes,
    writes_follow_reads,
)
from dsviz.history import History, HistoryBuilder
from dsviz.sim.faults import Cut
from dsviz.systems import quorum


def history(*lines):
    """Return the history of operations one after the other: ``"A w x 1"``, ``"A r x 1"``.

    ``-`` is what was there at first; ``w?`` a write without an answer; two lines with ``&`` at the
    end of the first overlap.
    """
    builder, waiting = HistoryBuilder(), []
    for number, line in enumerate(lines):
        overlaps = line.endswith("&")
        client, f, key, value = line.removesuffix("&").split()
        value = None if value == "-" else value
        name = {"w": "write", "r": "read", "w?": "write", "a": "append"}[f]
        builder.invoke(number, client, name, key, value if f != "r" else None, 10.0 * number)
        status = "info" if f == "w?" else "ok"
        waiting.append((number, status, value if f == "r" else None))
        if not overlaps:
            for op, status, result in waiting:
                builder.complete(op, status, result, 10.0 * number + 5)
            waiting = []
    return builder.history()


NOBODY = ()
CASES = [
    # what happens, who is violated
    (("A w x 1", "A r x -"), {read_your_writes}),
    (("B w x 0", "A w x 1", "A r x 0"), {read_your_writes}),
    (("A w x 1", "A r x 1", "A w y 1", "A r y 1", "A r x 1"), NOBODY),
    (("A w x 1", "B w x 2", "A r x 2"), NOBODY),  # newer than one's own
    (("A w x 1&", "B w x 2", "A r x 2"), NOBODY),  # nobody knows which is newer
    (("A w? x 1", "A r x -"), NOBODY),  # it may never have taken effect
    (("A w x 1", "B r x -"), NOBODY),  # another session's write promises nothing
    (("A w x 1", "B r x 1", "B r x -"), {monotonic_reads}),
    (("A w x 1", "A w x 2", "B r x 2", "B r x 1"), {monotonic_reads}),
    (("A w x 1", "C w x 2", "B r x 2", "B r x 1"), {monotonic_reads}),
    (("A w x 1", "A w x 2", "B r x 2", "C r x 1"), NOBODY),  # two sessions
    (("A w x 1&", "C w x 2", "B r x 2", "B r x 1"), NOBODY),
    (("A w x 1", "A w y 2", "B r y 2", "B r x -"), {monotonic_writes}),
    (("A w x 1", "C w y 2", "B r y 2", "B r x -"), NOBODY),
    (("A w x 1", "A w y 2", "B r x -", "B r y 2"), NOBODY),  # read before it knew
    (("A w? x 1", "A w y 2", "B r y 2", "B r x -"), NOBODY),
    (("A w x 1", "B r x 1", "B w y 2", "C r y 2", "C r x -"), {writes_follow_reads}),
    (("A w x 1", "B w y 2", "C r y 2", "C r x -"), NOBODY),
    (("A w x 1", "B r x 1", "B w y 2", "C r y 2", "C r x 1"), NOBODY),
    (("A w x 1", "B w y 2", "B r x 1", "C r y 2", "C r x -"), NOBODY),  # read after it wrote
]


@pytest.mark.parametrize("judge", SESSION_GUARANTEES, ids=lambda judge: judge.__name__)
@pytest.mark.parametrize(("lines", "violated"), CASES, ids=[", ".join(lines) for lines, _ in CASES])
def test_each_history_breaks_what_it_is_meant_to(lines, violated, judge):
    verdict = judge(history(*lines))
    assert verdict.status == ("violated" if judge in violated else "ok"), verdict


def test_the_sentence_says_what_and_why():
    lines = ("A w x 1", "B r x 1", "B w y 2", "C r y 2", "C r x -")
    verdict = writes_follow_reads(history(*lines))
    assert verdict.sentence == (
        "C read nothing from x at 45 ms, which is older than x = '1', although it had read "
        "y = '2', written by B after it read x = '1'."
    )
    assert verdict.operations == (1, 2, 3, 4)
    assert verdict.at == 45.0


def test_a_store_with_an_order_of_its_own_is_judged_by_that():
    lines = ("A w x 1", "A w x 2", "B r x 2", "B r x 1")
    backwards = {"1": 2, "2": 1}  # by the store's timestamps the first write is the newer one
    assert not monotonic_reads(history(*lines)).ok
    assert monotonic_reads(history(*lines), order=lambda op: backwards[op.value]).ok
    overlapping = ("A w x 1&", "C w x 2", "B r x 2", "B r x 1")
    assert not monotonic_reads(history(*overlapping), order=lambda op: int(op.value)).ok


def test_values_that_are_not_unique_leave_it_undecided():
    verdict = read_your_writes(history("A w x 1", "B w x 1", "A r x 1"))
    assert verdict.status == "undecided"
    assert "twice" in verdict.sentence


def test_other_operations_leave_it_undecided():
    assert monotonic_reads(history("A a x 1")).status == "undecided"


def test_an_empty_history_breaks_nothing():
    assert all(judge(History([])).ok for judge in SESSION_GUARANTEES)


def test_values_need_not_be_hashable():
    builder = HistoryBuilder()
    for number, (f, value, result) in enumerate([("write", [1], None), ("read", None, [1])]):
        builder.invoke(number, "A", f, "x", value, 0)
        builder.complete(number, "ok", result, 1)
    assert read_your_writes(builder.history()).ok


def test_the_events_of_a_run_are_named():
    scenario = quorum.inversion("off").branch(Cut("k2", "r1", at=250))
    trace = scenario.run(1)
    verdict = monotonic_reads(trace)
    for judge in SESSION_GUARANTEES:
        assert judge(trace).status in ("ok", "violated")
    assert verdict.ok  # the two reads are those of two sessions
    lottery = quorum.staleness("lnkd-disk", trials=200)
    found = read_your_writes(lottery.run(0))
    assert found.status == "violated"
    assert [lottery.run(0).event(seq).what for seq in found.events] == ["invoke", "ok"] * 2
    assert read_your_writes(quorum.staleness("lnkd-disk", R=2, W=2, trials=200).run(0)).ok


def test_the_four_are_the_papers():
    assert [judge.__name__ for judge in sessions.SESSION_GUARANTEES] == [
        "read_your_writes", "monotonic_reads", "monotonic_writes", "writes_follow_reads",
    ]  # fmt: skip
