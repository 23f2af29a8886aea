"""In words: which operations of clients end otherwise in two futures, and why."""

from __future__ import annotations

from dsviz.check.why import why
from dsviz.draw.labels import short
from dsviz.history import Operation
from dsviz.trace import Trace
from dsviz.transcript import milliseconds

__all__ = ["differences"]

#: (client, what it asks, how often it has asked for that before): the same in both futures.
_Place = tuple[str, str, int]


def differences(a: Trace, b: Trace, letters: tuple[str, str] = ("A", "B"), most: int = 4) -> list:
    """Return a sentence for each operation that ends otherwise in future `b` than in `a`.

    At most `most`; one more then counts the rest. The order is that in which they begin.
    """
    before, after = _by_place(a), _by_place(b)
    told = []
    for place in {**before, **after}:
        one, other = before.get(place), after.get(place)
        if one and other and (one.status, one.result) == (other.status, other.result):
            continue
        ends = [
            f"in {letter} {_ending(trace, op) if op else 'it does not happen'}"
            for trace, op, letter in ((a, one, letters[0]), (b, other, letters[1]))
        ]
        told.append(f"{_owned(one or other)}: {'; '.join(ends)}.")
    if len(told) > most:
        told[most:] = [f"{len(told) - most} more operations end otherwise."]
    return told


def _by_place(trace: Trace) -> dict[_Place, Operation]:
    asked: dict[tuple[str, str], int] = {}
    places = {}
    for op in trace.history():
        what = (op.process, f"{op.f} {op.key} {op.value!r}")
        asked[what] = asked.get(what, -1) + 1
        places[(*what, asked[what])] = op
    return places


def _owned(op: Operation | None) -> str:
    assert op is not None
    value = "" if op.value is None else f" = {short(op.value)}"
    return f"{op.process}'s {op.f}{'' if op.key is None else f' {op.key}'}{value}"


def _ending(trace: Trace, op: Operation) -> str:
    at = "" if op.return_ms is None else f" at {milliseconds(op.return_ms)}"
    if op.status == "ok":
        done = "it returns nothing" if op.f == "read" else "it is done"
        return (done if op.result is None else f"it returns {short(op.result)}") + at
    if op.status == "fail":
        return "it is refused" + at
    reason = why(trace, op).summary.partition(": ")[2].rstrip(".")
    return reason.replace(": ", ", as ").replace("; ", ", ")
