"""Numbers read off a run: latencies, stale reads, where operations stand in the trace."""

from __future__ import annotations

from collections.abc import Iterator

from dsviz.history import History, Operation
from dsviz.trace import Trace


def latencies(trace: Trace, f: str | None = None) -> list[float]:
    """Return how many ms each operation that succeeded took, in order; `f` selects one function."""
    return [
        (op.return_ms or 0.0) - (op.call_ms or 0.0)
        for op in trace.history()
        if op.status == "ok" and f in (None, op.f)
    ]


def stale_between(trace: Trace, since: float, until: float) -> int:
    """Return how many stale reads began between two times, in ms; see `stale_reads`."""
    reads = [read for read, _ in stale_reads(trace.history())]
    return sum(since <= (read.call_ms or 0.0) < until for read in reads)


def stale_reads(history: History) -> Iterator[tuple[Operation, Operation]]:
    """Yield (read, write) for each read that missed `write`, completed before the read began.

    A read may return that write's value or anything newer or concurrent; it is stale when it
    returns a write that had ended before the missed one began, or nothing at all. Values written
    to a key must be unique. Writes with an unknown outcome are never *missed*.
    """
    for operations in history.by_key().values():
        writes = [op for op in operations if op.f == "write" and op.status != "fail"]
        by_value = {op.value: op for op in writes}
        ended = sorted((op for op in writes if op.returned is not None), key=_returned)
        missed, count = None, 0
        for read in operations:  # in order of invocation, so `ended` is walked through once
            while count < len(ended) and _returned(ended[count]) < read.invoked:
                if missed is None or ended[count].invoked > missed.invoked:
                    missed = ended[count]
                count += 1
            if read.f != "read" or read.status != "ok" or missed is None:
                continue
            if _ended_before(by_value.get(read.result), missed):
                yield read, missed


def _returned(op: Operation) -> int:
    return -1 if op.returned is None else op.returned


def _ended_before(seen: Operation | None, missed: Operation) -> bool:
    return seen is None or (seen.returned is not None and seen.returned < missed.invoked)


def events_of(trace: Trace, *operations: int) -> tuple[int, ...]:
    """Return the seq numbers of the events that begin and end these operations."""
    wanted = set(operations)
    return tuple(
        row[1]
        for row in trace.rows
        if row[2] in ("invoke", "ok", "fail", "info") and row[5]["op"] in wanted
    )
