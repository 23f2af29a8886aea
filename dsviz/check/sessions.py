"""Session guarantees: what a client may expect of its own reads and writes.

Source: D. B. Terry et al., "Session Guarantees for Weakly Consistent Replicated Data", PDIS 1994.
A session is one client of the history, in its own order. The four judges look at what clients
saw and at nothing else, so they serve any store; they are weaker than linearizability, and a
store without any order among replicas may keep all four.

The paper speaks of what each server holds, and a history does not show servers. So the last two
are judged as a client can see them: a client that has seen a write must not see a state without
what belongs before it. One that changes servers in between breaks that also where every server
keeps the promise, but then the system lacks monotonic reads, and the pair of them is broken.

A value is *older* than another when its write had returned before the other's began (or when no
write wrote it: it was there at first). Where a store orders its writes in another way, by their
timestamps for example, give `order`: a function from a write to something that can be compared.
Writes of which neither is older violate nothing. Values written to a key must be unique, or the
verdict is undecided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dsviz.check.measures import events_of
from dsviz.check.model import freeze
from dsviz.check.verdict import Verdict
from dsviz.check.words import client, named, shown
from dsviz.history import History, Operation
from dsviz.trace import Trace

__all__ = [
    "SESSION_GUARANTEES",
    "monotonic_reads",
    "monotonic_writes",
    "read_your_writes",
    "writes_follow_reads",
]

Order = Callable[[Operation], Any]
_READS = frozenset({"read", "get"})
_WRITES = frozenset({"write", "put"})


def read_your_writes(run: Trace | History, order: Order | None = None) -> Verdict:
    """Judge: a read returns what its session wrote last to that key, or something newer."""
    return _judge("read your writes", run, order, _own_writes)


def monotonic_reads(run: Trace | History, order: Order | None = None) -> Verdict:
    """Judge: a read never returns something older than its session has read of that key."""
    return _judge("monotonic reads", run, order, _own_reads)


def monotonic_writes(run: Trace | History, order: Order | None = None) -> Verdict:
    """Judge: whoever reads a write sees its session's earlier writes from then on, too."""
    return _judge("monotonic writes", run, order, _writes_before)


def writes_follow_reads(run: Trace | History, order: Order | None = None) -> Verdict:
    """Judge: whoever reads a write sees what its session had read before it from then on, too."""
    return _judge("writes follow reads", run, order, _reads_before)


#: The four of them, as checks of a scenario.
SESSION_GUARANTEES = (read_your_writes, monotonic_reads, monotonic_writes, writes_follow_reads)


@dataclass(frozen=True)
class _Duty:
    """A session must not read anything older than `write` any more, because of `because`."""

    write: Operation
    because: tuple[Operation, ...]
    words: str


class _Writes:
    """The writes of a history by what they wrote, and which is older."""

    def __init__(self, history: History, order: Order | None) -> None:
        self._order = order
        self.trouble: str | None = None
        self._by_value: dict[tuple, Operation] = {}
        for op in history:
            if op.f not in _READS | _WRITES:
                self.trouble = f"{op.f!r} is neither a read nor a write"
            elif op.f in _WRITES and op.status != "fail":
                place = (freeze(op.key), freeze(op.value))
                if place in self._by_value:
                    text = f"{shown(op.value)} is written to {named(op.key)} twice"
                    self.trouble = f"{text}, so a read of it does not tell which write it saw"
                self._by_value[place] = op

    def read_by(self, read: Operation) -> Operation | None:
        """The write that a read saw; None when it saw what was there at first."""
        return self._by_value.get((freeze(read.key), freeze(read.result)))

    def older(self, seen: Operation | None, than: Operation) -> bool:
        """Whether what was seen is certainly older than a write."""
        if seen is None:
            return True
        if self._order is not None:
            return self._order(seen) < self._order(than)
        return seen.returned is not None and seen.returned < than.invoked


Source = Callable[[Operation, _Writes, dict[int, list[Operation]]], Iterator[_Duty]]


def _own_writes(op: Operation, writes: _Writes, _before: dict) -> Iterator[_Duty]:
    if op.f in _WRITES and op.status == "ok":
        yield _Duty(op, (op,), f"had written {shown(op.value)}")


def _own_reads(op: Operation, writes: _Writes, _before: dict) -> Iterator[_Duty]:
    seen = writes.read_by(op) if op.f in _READS and op.status == "ok" else None
    if seen is not None:
        yield _Duty(seen, (op,), f"had read {shown(op.result)}")


def _writes_before(op: Operation, writes: _Writes, before: dict) -> Iterator[_Duty]:
    seen = writes.read_by(op) if op.f in _READS and op.status == "ok" else None
    for earlier in before.get(seen.id, ()) if seen else ():
        if earlier.f in _WRITES:
            words = f"had read {_of(seen)}, written by {client(seen)} after {_of(earlier)}"
            yield _Duty(earlier, (earlier, seen, op), words)


def _reads_before(op: Operation, writes: _Writes, before: dict) -> Iterator[_Duty]:
    seen = writes.read_by(op) if op.f in _READS and op.status == "ok" else None
    for earlier in before.get(seen.id, ()) if seen else ():
        write = writes.read_by(earlier) if earlier.f in _READS else None
        if write is not None:
            words = f"had read {_of(seen)}, written by {client(seen)} after it read {_of(write)}"
            yield _Duty(write, (earlier, seen, op), words)


def _judge(name: str, run: Trace | History, order: Order | None, source: Source) -> Verdict:
    history = run.history() if isinstance(run, Trace) else run
    writes = _Writes(history, order)
    if writes.trouble:
        return Verdict(name, "undecided", f"This cannot be judged: {writes.trouble}.")
    before = _done_before(history)
    duties: dict[tuple, list[_Duty]] = {}
    for op in _by_return(history):
        session = (op.process, freeze(op.key))
        if op.f in _READS and op.status == "ok":
            seen = writes.read_by(op)
            for duty in duties.get(session, ()):
                if writes.older(seen, duty.write):
                    return _violated(name, run, op, duty)
        for duty in source(op, writes, before):
            place = (op.process, freeze(duty.write.key))
            kept = [d for d in duties.get(place, ()) if not writes.older(d.write, duty.write)]
            duties[place] = [*kept, duty]
    reads = sum(op.f in _READS and op.status == "ok" for op in history)
    return Verdict(name, "ok", f"None of {reads:,} reads went against it.")


def _by_return(history: History) -> list[Operation]:
    """The operations in the order in which they ended; those that did not, last."""
    return sorted(history, key=lambda op: (op.returned is None, op.returned or op.invoked))


def _done_before(history: History) -> dict[int, list[Operation]]:
    """What a session had done before each of its writes: its newest of each kind and key.

    A write that was not answered counts as done only if it is answered: else it may come later.
    """
    sessions: dict[str, dict[tuple, Operation]] = {}
    before: dict[int, list[Operation]] = {}
    for op in history:
        done = sessions.setdefault(op.process, {})
        if op.f in _WRITES:
            before[op.id] = list(done.values())
        if op.status == "ok":
            done[op.f in _WRITES, freeze(op.key)] = op
    return before


def _violated(name: str, run: Trace | History, read: Operation, duty: _Duty) -> Verdict:
    got = f"{shown(read.result)} from {named(read.key)}"
    when = "" if read.return_ms is None else f" at {read.return_ms:,.0f} ms"
    who = client(read)
    sentence = (
        f"{who[0].upper()}{who[1:]} read {got}{when}, which is older than {_of(duty.write)}, "
        f"although it {duty.words}."
    )
    ids = tuple(dict.fromkeys(op.id for op in (*duty.because, read)))
    events = events_of(run, *ids) if isinstance(run, Trace) else ()
    return Verdict(name, "violated", sentence, read.return_ms, events, ids)


def _of(op: Operation) -> str:
    return f"{named(op.key)} = {shown(op.value)}"
