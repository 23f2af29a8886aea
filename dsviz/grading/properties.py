"""What a replicated register promises, as functions from a trace to a `Verdict`.

Each verdict names clients, values and times, so that its sentence can be followed in the player.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from dsviz.check.invariants import events_of, stale_reads
from dsviz.check.linearizability import linearizable as judge
from dsviz.check.verdict import Verdict
from dsviz.grading.register import Register, Served
from dsviz.history import History, Operation
from dsviz.trace import Trace

PATIENCE = 400.0  # ms within which an operation must be answered once nothing is in its way
WAITS = 900.0  # ms that a client is ready to wait: to refuse before that needs a reason


def no_errors(trace: Trace) -> Verdict:
    """Judge: no handler raised an exception."""
    for row in trace.rows:
        if row[2] == "crash" and row[5]:
            *where, error = row[5].splitlines()
            place = where[-1].rstrip(":") if where else "before its first line"
            sentence = f"{row[3]} stopped at {row[0]:,.0f} ms {place}: {error}"
            return Verdict("no errors", "violated", sentence, row[0], (row[1],))
    return Verdict("no errors", "ok", "No handler raised an exception.")


def linearizable(trace: Trace) -> Verdict:
    """Judge: the history is linearizable; explain a violation with two or three operations."""
    verdict = judge(trace)
    if verdict.status != "violated":
        return verdict
    told = min(_anomalies(trace.history()), key=lambda found: found[0], default=None)
    if told is None:
        return verdict
    at, sentence, ops = told
    ids = tuple(op.id for op in ops)
    return Verdict("linearizable", "violated", sentence, at, events_of(trace, *ids), ids)


Anomaly = tuple[float, str, tuple[Operation, ...]]


def _anomalies(history: History) -> Iterator[Anomaly]:
    """Yield what is wrong with a register's history, as (time in ms, sentence, operations).

    Written values are all different, so that each read tells which write it saw.
    """
    for operations in history.by_key().values():
        writes = {op.value: op for op in operations if op.f == "write"}
        reads = [op for op in operations if op.f == "read" and op.status == "ok"]
        yield from _impossible(reads, writes)
        yield from _inversions(reads, writes)
    for read, write in stale_reads(history):
        sentence = (
            f"the write of {write.value} was acknowledged at {ended(write)}, "
            f"yet {read.process} read {got(read)} at {ended(read)}"
        )
        yield read.return_ms or 0.0, sentence, (write, read)


def _impossible(reads: list[Operation], writes: dict) -> Iterator[Anomaly]:
    for read in reads:
        write = writes.get(read.result)
        if read.result is not None and write is None:
            sentence = (
                f"{read.process} read {got(read)} at {ended(read)}, "
                f"which nobody wrote to {read.key}"
            )
            yield read.return_ms or 0.0, sentence, (read,)
        elif write is not None and write.status == "fail":
            sentence = (
                f"{write.process} was told at {ended(write)} that its write of {write.value} "
                f"failed, yet {read.process} read it at {ended(read)}"
            )
            yield read.return_ms or 0.0, sentence, (write, read)


def _inversions(reads: list[Operation], writes: dict) -> Iterator[Anomaly]:
    """New, then old: a later read returned what is known to be older than an earlier one's."""
    for later in reads:
        for earlier in reads:
            if not _before(earlier, later) or earlier.result == later.result:
                continue
            witness = _known_older(later.result, earlier, reads, writes)
            if witness is None:
                continue
            sentence = (
                f"{earlier.process} read {got(earlier)} at {ended(earlier)}, and after that "
                f"{later.process} read {_older(later)} at {ended(later)}"
            )
            yield later.return_ms or 0.0, sentence, (earlier, later, *witness)


def _older(read: Operation) -> str:
    return "nothing" if read.result is None else f"the older {read.result}"


def _known_older(
    old: Any, seen: Operation, reads: list[Operation], writes: dict
) -> tuple[Operation, ...] | None:
    """Return the operations that show that `old` was written before what `seen` saw, or None."""
    if old is None:
        return ()
    new = seen.result
    first, second = writes.get(old), writes.get(new)
    if first is None or second is None:
        return None
    if _before(first, second):
        return (first, second)
    if _before(second, first):
        return None
    if _before(first, seen):  # complete when it was read, and yet not what was read
        return (first,)
    for one in reads:  # old was already seen when new was not yet begun, or before new was seen
        if one.result != old:
            continue
        if _before(one, second):
            return (one, second)
        for two in reads:
            if two.result == new and _before(one, two):
                return (one, two)
    return None


def _before(one: Operation, other: Operation) -> bool:
    return one.returned is not None and one.returned < other.invoked


def ended(op: Operation) -> str:
    """Return when an operation ended, in words."""
    return "an unknown time" if op.return_ms is None else f"{op.return_ms:,.0f} ms"


def got(op: Operation) -> str:
    """Return what a read returned, in words."""
    return "nothing" if op.result is None else str(op.result)


def answers_when_all_are_back(trace: Trace) -> Verdict:
    """Judge: an operation is answered once its coordinator reaches every replica."""
    return _answered(trace, all_of_them=True)


def answers_with_a_majority(trace: Trace) -> Verdict:
    """Judge: an operation is answered once its coordinator reaches a majority of the replicas."""
    return _answered(trace, all_of_them=False)


def _answered(trace: Trace, all_of_them: bool) -> Verdict:
    name = "answers"
    if all(op.status == "ok" for op in trace.history()):
        return Verdict(name, "ok", "Every operation was answered.")
    register = Register(trace)
    needed = len(register.replicas) if all_of_them else register.majority
    for op in register.ops.values():
        if op.status == "ok" or not _due(register, op, needed):
            continue
        how = "was refused" if op.status == "fail" else "was never answered"
        what = f"the {op.f} of {op.value}" if op.f == "write" else "a read"
        who = "every replica" if all_of_them else f"{needed} of {len(register.replicas)} replicas"
        sentence = (
            f"{what} that {op.client} began at {op.began:,.0f} ms {how}, although "
            f"{op.coordinator} could reach {who} for more than {PATIENCE:,.0f} ms"
        )
        at = op.ended if op.ended is not None else trace.duration
        return Verdict(name, "violated", sentence, at, events_of(trace, op.id), (op.id,))
    return Verdict(name, "ok", "Every operation was answered that could be.")


def _due(register: Register, op: Served, needed: int) -> bool:
    """Whether an answer to this operation was due: its coordinator had it, and replicas enough."""
    if op.answer is not None and op.status == "info":
        return False  # it was sent, and got lost or came too late
    asked = register.by_seq.get(op.request)
    if asked is None or asked[2] != "deliver":
        return False
    end = op.ended if op.ended is not None else register.trace.duration
    if op.status == "fail":
        end = min(op.began + WAITS, register.trace.duration)  # it need not have given up then
    moments = [asked[0], *(t for t in register.changes() if asked[0] < t < end), end]
    calm_since = asked[0]
    for begin, until in pairwise(moments):
        if not register.up(op.coordinator, begin):
            return False
        if len(register.reach(op.coordinator, begin)) < needed:
            calm_since = until
        elif until - calm_since >= PATIENCE:
            return True
    return False
