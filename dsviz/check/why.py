"""Why did this operation end as it did? Read from what caused what, for any system.

Each event of a trace names the event whose handling made it happen. Upwards from an answer that
is the shortest chain of happens-before from the request to it; downwards from a request it is all
that was done on its behalf, and so what of it never arrived.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dsviz.check.causes import _answer, _invocation, _request, contacted
from dsviz.check.models import READS, WRITES
from dsviz.history import Operation
from dsviz.trace import Event, Trace
from dsviz.transcript import sentence

__all__ = ["Why", "why"]

_MOST = 6  # steps that are told, and messages that are named


@dataclass(frozen=True)
class Why:
    """The explanation of one operation.

    `summary` is a sentence, `steps` the chain of events that led to its end (for an operation
    without an answer, what was done for it), in order. `missing` are the messages that did not
    arrive, or arrived too late: had one of them been delivered in time, it might have ended
    otherwise; the most telling one first.
    """

    operation: Operation
    summary: str
    steps: tuple[Event, ...]
    missing: tuple[Event, ...]

    def __str__(self) -> str:
        lines = [self.summary]
        lines += [f"  {event.time:9.3f} ms  {sentence(event)}" for event in self.steps]
        lines += [f"  missing: {sentence(event)}" for event in self.missing]
        return "\n".join(lines)

    __repr__ = __str__


def why(trace: Trace, operation: int | Operation) -> Why:
    """Explain an operation of ``trace.history()``, given itself or by its id.

    Raises DsvizError when the run has no such operation.
    """
    number = operation.id if isinstance(operation, Operation) else operation
    began = _invocation(trace, number)
    found = next(op for op in trace.history() if op.id == number)
    family = _Family(trace)
    request = _request(trace, began)
    answer = _answer(trace, number)
    if answer is None:
        return _unanswered(family, found, began, request)
    steps = (began, *family.chain(answer, began))
    missing = _newer_writes(family, found, request) if found.f in READS else ()
    return Why(found, _answered_words(found, steps, missing), steps, tuple(missing))


class _Family:
    """Who descends from whom, among the events of a trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.events = {row[1]: Event._make(row) for row in trace.rows}

    def chain(self, last: Event, began: Event) -> list[Event]:
        """Return the events from the invocation (without it) up to `last`."""
        found = [last]
        while found[-1].cause in self.events and found[-1].cause != began.cause:
            found.append(self.events[found[-1].cause])
        return [event for event in reversed(found) if event.time >= began.time][-12:]

    def of(self, request: Event | None) -> list[Event]:
        """Return a request and all that was done on its behalf, in order.

        What its client does next, when it has the answer, is not.
        """
        if request is None:
            return []
        client = request.peer
        causes, found = {request.seq}, [request]
        for event in self.events.values():
            if event.cause in causes and event.seq != request.seq:
                found.append(event)
                if event.node != client:
                    causes.add(event.seq)
        return found


def _lost(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.what in ("drop", "flight")]


def _unanswered(family: _Family, op: Operation, began: Event, request: Event | None) -> Why:
    done = family.of(request)
    lost = _lost(done)
    told = [event for event in done if event.what in ("deliver", "drop", "flight", "crash")]
    stops = _stops(family, began, request) if request is not None else []
    end = "its outcome is unknown" if op.status == "info" else "it has no answer"
    what = f"{op.process}'s {_named(op)}"
    if request is None:
        text = f"{what}: {end}, because its request was never sent."
    elif request.what != "deliver":
        text = f"{what}: {end}, because {_undelivered(request)}."
    elif stops:
        at = f"{stops[0].time:g} ms"
        text = f"{what}: {end}, because {stops[0].node} stopped at {at}, before it answered."
    elif lost:
        rest = (
            f", and {len(lost) - 1} more messages on its behalf were not" if len(lost) > 1 else ""
        )
        text = f"{what}: {end}; {_undelivered(lost[0])}{rest}."
    else:
        text = f"{what}: {end}, though every message on its behalf arrived."
    steps = sorted({e.seq: e for e in (began, *told[:_MOST], *stops[:1])}.values(), key=_when)
    return Why(op, text, tuple(steps), tuple(lost[:_MOST]))


def _when(event: Event) -> tuple[float, int]:
    return event.time, event.seq


def _stops(family: _Family, began: Event, request: Event) -> list[Event]:
    """The crashes of the node that was asked, after it got the request."""
    crashes = family.trace.select("crash", node=request.node, since=request.time)
    return [event for event in crashes if event.time >= began.time]


def _newer_writes(family: _Family, read: Operation, request: Event | None) -> list[Event]:
    """What was sent on behalf of writes of other values, and was not there when it was read."""
    if request is None:
        return []
    met = contacted(family.trace, read)
    places = {request.node, *met["answered"], *met["asked"]}
    missing: list[tuple[int, Event]] = []
    for other in family.trace.history():
        writes = other.f in WRITES and other.key == read.key and other.value != read.result
        if not writes or other.invoked > (read.returned or float("inf")):
            continue
        asked = _request(family.trace, _invocation(family.trace, other.id))
        for event in family.of(asked):
            late = event.what == "deliver" and event.time > (read.return_ms or 0.0) > event.sent_at
            if event.node in places and (late or event.what in ("drop", "flight")):
                missing.append((-other.invoked, event))
    missing.sort(key=lambda pair: (pair[0], _when(pair[1])))
    return [event for _, event in missing[:_MOST]]


def _answered_words(op: Operation, steps: tuple[Event, ...], missing: list[Event]) -> str:
    last = next((e for e in reversed(steps[:-1]) if e.what == "deliver"), None)
    text = f"{op.process}'s {_named(op)} ended as {op.status}"
    text += f" with {op.result!r}" if op.result is not None else ""
    if last is not None:
        text += f"; what decided it is {_message(last)}"
    if missing:
        text += f". Another value was under way: {_undelivered(missing[0])}"
    return text + "."


def _message(event: Event) -> str:
    return f"{event.data.kind!r} from {event.peer} to {event.node}"


def _undelivered(event: Event) -> str:
    words = _message(event)
    if event.what == "deliver":
        return f"{words} came only at {event.time:g} ms"
    if event.what == "flight":
        return f"{words} was still under way at the end"
    why = {"cut": "the link is cut", "lost": "the network lost it"}.get(
        event.reason or "", f"{event.node} is down"
    )
    return f"{words} did not arrive: {why}"


def _named(op: Operation) -> str:
    value = "" if op.value is None else f" = {op.value!r}"
    return f"{op.f}{'' if op.key is None else f' {op.key}'}{value}"
