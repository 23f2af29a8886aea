"""What lab 18 asks of a database, as functions from a trace to a `Verdict`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps

from dsviz.check.verdict import Verdict
from dsviz.grading.labs._wal_cases import FSYNC, HOP
from dsviz.history import Operation
from dsviz.sim.faults import BitRot
from dsviz.systems.write_ahead_log_audit import books_balance, nothing_lost, recovers_a_prefix
from dsviz.trace import Trace

Judge = Callable[[Trace], Verdict]

#: What a start may end with: the disk failed, or the log is damaged beyond what was torn.
ALLOWED = ("DiskError", "Corrupt")
SETTLED = 70.0  # ms within which a transfer is answered
RECOVERS_IN = 45.0  # ms after a start in which an audit is not expected to be answered


def no_surprises(trace: Trace) -> Verdict:
    """Judge: no handler raised an exception but those that a failing disk is a reason for."""
    name = "no errors"
    for row in trace.rows:
        if row[2] == "crash" and row[5]:
            *where, error = row[5].splitlines()
            if error.split(":")[0] in ALLOWED:
                continue
            place = where[-1].rstrip(":") if where else "before its first line"
            sentence = f"db stopped at {row[0]:,.0f} ms {place}: {error}"
            return Verdict(name, "violated", sentence, row[0], (row[1],))
    return Verdict(name, "ok", "No handler raised an exception.")


def up_spans(trace: Trace) -> list[tuple[float, float]]:
    """Return (from, to) for each time in which the database ran."""
    spans: list[tuple[float, float]] = []
    since: float | None = None
    for time, _, what, node, *_ in trace.rows:
        if node != "db":
            continue
        if what == "start":
            since = time
        elif what == "crash" and since is not None:
            spans.append((since, time))
            since = None
    return [*spans, (since, trace.duration)] if since is not None else spans


def answers(trace: Trace) -> Verdict:
    """Judge: what is asked of a database that has been up for a while is answered soon.

    One whose log is rotten may refuse to start instead.
    """
    name = "answers"
    if any(isinstance(fault, BitRot) for fault in trace.faults):
        return Verdict(name, "ok", "The log is rotten: to refuse is right.")
    spans = up_spans(trace)
    for op in trace.history():
        if op.status == "ok" or not _due(op, spans, trace):
            continue
        what = "an audit" if op.f == "audit" else f"the transfer of {op.value[1]} from {op.key}"
        sentence = (
            f"{what} that {op.process} asked for at {op.call_ms:,.0f} ms was never answered, "
            "although nothing was wrong with the database for long"
        )
        at = min(op.call_ms + SETTLED, trace.duration)
        return Verdict(name, "violated", sentence, at, (), (op.id,))
    return Verdict(name, "ok", "Everything was answered that could be.")


def _due(op: Operation, spans: list[tuple[float, float]], trace: Trace) -> bool:
    """Whether an answer was due: the database was up for long, or would be but for itself."""
    asked = op.call_ms
    if op.f == "transfer":
        return any(begin <= asked and asked + SETTLED <= end for begin, end in spans)
    started = max((begin for begin, _ in spans if begin <= asked - RECOVERS_IN), default=None)
    if started is None:
        return False
    excused = [row[0] for row in trace.rows if row[2] == "crash" and not _refusal(row[5])]
    return not any(started <= at <= asked + RECOVERS_IN for at in excused)


def _refusal(error: str | None) -> bool:
    """Whether a database stopped by itself because it did not like its log."""
    return bool(error) and error.splitlines()[-1].startswith("Corrupt")


def shares_syncs(trace: Trace) -> Verdict:
    """Judge: at most one sync of the log for each `FSYNC` ms, and nobody waits for long.

    Who comes while a sync is under way waits for its rest and for one more: 1.5 times as long as
    a sync on average, 2 times at most.
    """
    name = "shares syncs"
    ops = [op for op in trace.history() if op.f == "transfer"]
    if not ops:
        return Verdict(name, "ok", "There were no transfers.")
    late = [op for op in ops if op.status != "ok"]
    if late:
        return Verdict(name, "violated", "a transfer was not answered", late[0].call_ms)
    took = [op.return_ms - op.call_ms - 2 * HOP for op in ops]
    begin, end = ops[0].call_ms, max(op.return_ms for op in ops)
    syncs = [row for row in trace.rows if row[2] == "synced" and begin < row[0] <= end]
    most = (end - begin) / FSYNC + 2
    if len(syncs) > most:
        sentence = (
            f"{len(ops)} transfers took {len(syncs)} syncs in {end - begin:,.0f} ms, although a "
            f"disk does one in {FSYNC:g} ms"
        )
        return Verdict(name, "violated", sentence, end)
    mean, worst = sum(took) / len(took), max(took)
    if mean > 1.7 * FSYNC or worst > 2.1 * FSYNC:
        slow = max(ops, key=lambda op: op.return_ms - op.call_ms)
        sentence = (
            f"{slow.process} waited {worst:,.1f} ms for its transfer of {slow.call_ms:,.0f} ms "
            f"({mean:,.1f} ms on average), although two syncs take {2 * FSYNC:g} ms"
        )
        return Verdict(name, "violated", sentence, slow.return_ms, (), (slow.id,))
    return Verdict(name, "ok", f"{len(ops)} transfers, {len(syncs)} syncs, {mean:.1f} ms each.")


def _told(judge: Judge) -> Judge:
    """Return a judge whose sentence can go on, as a lab's does: "…, because …"."""

    @wraps(judge)
    def told(trace: Trace) -> Verdict:
        verdict = judge(trace)
        sentence = verdict.sentence.rstrip(".")
        return replace(verdict, sentence=sentence[:1].lower() + sentence[1:])

    return told


RECOVERS = (
    no_surprises, _told(nothing_lost), _told(books_balance), _told(recovers_a_prefix), answers,
)  # fmt: skip
