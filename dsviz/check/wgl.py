"""The second opinion: a plain Wing–Gong–Lowe search, which shares no search code with the first.

Wing and Gong, "Testing and verifying concurrent objects" (J. Parallel Distrib. Comput. 1993):
try the operations that could come first, one after the other, and go back when stuck. Lowe,
"Testing for linearizability" (2017): remember (operations done, state) and never try one twice.
The doubly linked list of events is the form Lowe gives it.
"""

from __future__ import annotations

from collections.abc import Iterable

from dsviz.check.model import Model, State, prepared
from dsviz.history import Operation


def wgl(history: Iterable[Operation], model: Model, max_steps: int = 1_000_000) -> str:
    """Return ``ok``, ``violated`` or ``undecided`` (more than `max_steps` steps were needed).

    Keys are judged one after the other and share the steps; a violated key decides. Memory grows
    with the steps at most. Raises DsvizError for operations that `model` does not know.
    """
    keys: dict[object, list[Operation]] = {}
    for op in prepared(history, model):
        keys.setdefault(op.key if model.by_key else None, []).append(op)
    answer = "ok"
    for ops in keys.values():
        one, used = _search(ops, model, max_steps)
        max_steps -= used
        if one == "violated":
            return one
        if one == "undecided":
            answer = one
    return answer


class _Entry:
    """An invocation or a return in the list of events."""

    __slots__ = ("before", "match", "next", "number", "op")

    def __init__(self, op: Operation, number: int) -> None:
        self.op, self.number = op, number
        self.match: _Entry | None = None  # the return of an invocation; None for a return
        self.before: _Entry | None = None
        self.next: _Entry | None = None


def _search(ops: list[Operation], model: Model, max_steps: int) -> tuple[str, int]:
    """Return (answer, steps used) for the operations on one object."""
    head, left = _linked(ops)
    state, done, steps = model.init, 0, 0
    seen: set[tuple[int, State]] = {(0, state)}
    path: list[tuple[_Entry, State]] = []
    entry = head.next
    while left:
        if steps >= max_steps:
            return "undecided", steps
        steps += 1
        if entry is not None and (entry.match is not None or entry.op.returned is None):
            legal, new = model.step(
                state, entry.op.f, entry.op.value, entry.op.result, entry.op.status
            )
            then = (done | 1 << entry.number, new)
            if legal and then not in seen:
                seen.add(then)
                path.append((entry, state))
                done, state = then
                left -= entry.match is not None
                _lift(entry)
                entry = head.next
            else:
                entry = entry.next
        elif path:  # the return of an operation that has not taken effect: go back
            entry, state = path.pop()
            done ^= 1 << entry.number
            left += entry.match is not None
            _unlift(entry)
            entry = entry.next
        else:
            return "violated", steps
    return "ok", steps


def _linked(ops: list[Operation]) -> tuple[_Entry, int]:
    """Return the head of the list of events, and how many of them are returns."""
    events: list[tuple[int, int, int, _Entry]] = []
    for number, op in enumerate(ops):
        call = _Entry(op, number)
        events.append((op.invoked, 0, number, call))
        if op.returned is not None:
            call.match = _Entry(op, number)
            events.append((op.returned, 1, number, call.match))
    head = last = _Entry(ops[0], -1)
    for *_, entry in sorted(events, key=lambda event: event[:3]):
        last.next, entry.before = entry, last
        last = entry
    return head, sum(returns for _, returns, _, _ in events)


def _lift(call: _Entry) -> None:
    """Take an operation out of the list."""
    for entry in (call, call.match):
        if entry is not None:
            entry.before.next = entry.next
            if entry.next is not None:
                entry.next.before = entry.before


def _unlift(call: _Entry) -> None:
    """Put an operation back where it was."""
    for entry in (call.match, call):
        if entry is not None:
            entry.before.next = entry
            if entry.next is not None:
                entry.next.before = entry
