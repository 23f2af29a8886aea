"""The clockwork of a run: the moment, the numbers of events, and all that turns a million times.

One function holds the state that every event touches (the time, what is being handled, the next
number), because a variable of an enclosing function is read and written several times faster than
an attribute of an object. It returns the functions that share this state; the kernel's floors
above call them. A message costs four of them: the loop, the learner's handler, `Node.send`, and
the heap's.

The heap holds entries of four: when, the event's number, the `Slot` where a message arrives or a
timer fires (None for all else), and the record, which goes into the trace as it is. Numbers are
unique, so nothing behind them is ever compared and ties in time are decided by the order of
cause, not by chance. Faults have negative numbers: at equal times they come first, and adding one
renumbers nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush, heapreplace
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from dsviz.errors import DsvizError
from dsviz.message import Shape, shape
from dsviz.sim.values import ATOMS, frozen_field, frozen_fields

if TYPE_CHECKING:
    from dsviz.sim.kernel import Kernel
    from dsviz.sim.slot import Slot

#: A run ends with an error after this many events.
MAX_EVENTS = 5_000_000

#: (receiver, kind, fields, id replied to) -> the message's id
Post = Callable[[str, str, dict[str, Any], "int | None"], int]


class Clockwork(NamedTuple):
    """The functions of one run. Times are in ms, causes the numbers of events."""

    push: Callable[..., int]  # (time, what, node, peer, data, info) -> number: it is to happen
    record: Callable[..., int]  # (what, node, data, info) -> number: it happened just now
    now: Callable[[], float]
    cause: Callable[[], int]
    lead: Callable[[], float]  # how far the running handler's time is ahead, through its disk
    at: Callable[[float, int], None]  # this moment, and what is being handled
    because: Callable[[int], None]  # still this moment, but because of this event
    ahead: Callable[[float], None]  # the running handler's time is so many ms further ahead
    level: Callable[[], float]  # it is not ahead any more; returns how far it was
    post_of: Callable[[Slot], Post]
    send_of: Callable[[Slot], Callable[..., None]]
    set_timer_of: Callable[[Slot], Callable[..., None]]
    turn: Callable[[], None]  # let everything happen up to an entry that says "end"


def clockwork(kernel: Kernel, heap: list[tuple], records: list[tuple]) -> Clockwork:
    """Return the clockwork of a new run, which takes events from `heap` to `records`."""
    now, cause, lead, number = 0.0, -1, 0.0, 0
    # Whether the top of the heap is the very event that is being handled: the first message that
    # its handler sends takes its place, which is one walk through the heap less.
    hole = False
    # How the messages of a kind are made. A run's own, so that the order of fields, which a trace
    # shows, does not depend on what ran before.
    sends: dict[str, Shape] = {}
    replies: dict[str, Shape] = {}
    append = records.append

    def push(time: float, what: str, node: str | None, peer: Any, data: Any, info: Any) -> int:
        nonlocal number
        seq = number
        number = seq + 1
        heappush(heap, (time, seq, None, (time, seq, what, node, peer, data, info, cause)))
        return seq

    def note(what: str, node: str | None, data: Any = None, info: Any = None) -> int:
        nonlocal number
        seq = number
        number = seq + 1
        append((now, seq, what, node, None, data, info, cause))
        return seq

    def get_now() -> float:
        return now

    def get_cause() -> int:
        return cause

    def get_lead() -> float:
        return lead

    def at(time: float, seq: int) -> None:
        nonlocal now, cause
        now, cause = time, seq

    def because(seq: int) -> None:
        nonlocal cause
        cause = seq

    def ahead(ms: float) -> None:
        nonlocal lead
        lead += ms

    def level() -> float:
        nonlocal lead
        was, lead = lead, 0.0
        return was

    def launch(entry: tuple) -> None:
        nonlocal hole
        if hole:
            hole = False
            heapreplace(heap, entry)
        else:
            heappush(heap, entry)

    def post_of(slot: Slot) -> Post:
        src, links = slot.name, slot.links
        later, transmit = kernel._later, kernel._transmit

        def post(dst: str, kind: str, body: dict[str, Any], re: int | None) -> int:
            nonlocal number
            for value in body.values():
                if type(value) not in ATOMS:
                    body = frozen_fields(kind, body)
                    break
            link = links.get(dst) or kernel.link(src, dst)
            shapes, fields = sends if re is None else replies, tuple(body)
            made = shapes.get(kind)
            if made is None or made[0].fields != fields:
                made = shapes[kind] = shape(kind, fields, re is not None)
            seq = number
            number = seq + 1
            if lead:
                later(slot, transmit, link, made, seq, re, body)
            elif link.faulty:
                transmit(link, made, seq, re, body)
            else:
                arrives = now + link.by_kind.get(kind, link.draw)(link.random())
                values = body.values() if re is None else (re, *body.values())
                message = made[0]((arrives, seq, dst, src, now, cause, *values))
                launch((arrives, seq, link.to, message))
            return seq

        return post

    def send_of(slot: Slot) -> Callable[..., None]:
        """The short way of the messages that make up most runs.

        No fault on the link, no handler that is ahead of time: else it is `post_of`'s.
        """
        src, quick, post = slot.name, slot.quick, slot.post

        def send(dst: str, kind: str, /, **body: Any) -> None:
            nonlocal number, hole
            try:
                made, count, pick = sends[kind]
                low, span, random, to = quick[dst]
                value = body[pick] if count == 1 else pick(body)
            except KeyError:
                post(dst, kind, body, None)
                return
            if count != len(body) or lead:
                post(dst, kind, body, None)
                return
            if count == 1:
                if type(value) not in ATOMS:
                    value = frozen_field(kind, pick, value)
                arrives = now + (low + span * random())
                message = made((arrives, number, dst, src, now, cause, value))
            else:
                for each in value:
                    if type(each) not in ATOMS:
                        value = frozen_fields(
                            kind, dict(zip(made.fields, value, strict=True))
                        ).values()
                        break
                arrives = now + (low + span * random())
                message = made((arrives, number, dst, src, now, cause, *value))
            entry = (arrives, number, to, message)
            number += 1
            if hole:
                hole = False
                heapreplace(heap, entry)
            else:
                heappush(heap, entry)

        return send

    def set_timer_of(slot: Slot) -> Callable[..., None]:
        name, known, clock = slot.name, slot.on_timer, slot.clock
        timers, armed = slot.timers, slot.armed

        def set_timer(timer: str, ms: float, /, **data: Any) -> None:
            nonlocal number, hole
            if timer not in known:
                kernel.refuse_timer(slot, timer)
            if not ms >= 0:
                raise DsvizError(f"{name}: timer {timer!r} needs ms of 0 or more, not {ms!r}")
            if lead:
                kernel._later(slot, partial(set_timer, timer, ms, **data))
                return
            seq = number
            number = seq + 1
            if data:
                key = (timer, *data.items()) if len(data) == 1 else timer_key(timer, data)
                if key in timers:
                    del armed[timers[key]]
                armed[seq] = (key, data)
                timers[key] = seq
            else:
                timers[timer] = seq
            fires = now + (clock.real(ms) if clock.rate else ms)
            entry = (fires, seq, slot, (fires, seq, "timer", name, None, timer, None, cause))
            if hole:
                hole = False
                heapreplace(heap, entry)
            else:
                heappush(heap, entry)

        return set_timer

    def turn() -> None:
        nonlocal now, cause, hole, lead
        by_what = kernel.by_what
        for _ in repeat(None, MAX_EVENTS):
            now, cause, slot, record = heap[0]
            made = type(record)
            if slot is None or not slot.fast:
                heappop(heap)
                if made is not tuple:
                    kernel._deliver_message(record)
                    continue
                what = record[2]
                if what == "end":
                    return
                by_what[what](kernel, record)
                continue
            if made is not tuple:
                try:
                    handler = slot.dispatch[made]
                except KeyError:  # the first of its class since the node started
                    handler = slot.dispatch[made] = slot.handlers[made.kind]
            else:
                timer, timers = record[5], slot.timers
                if timers.get(timer) == cause:
                    del timers[timer]
                    data = None
                elif cause in slot.armed:
                    key, data = slot.armed.pop(cause)
                    del timers[key]
                else:  # cancelled, replaced, or of a process that is gone
                    heappop(heap)
                    continue
                handler = slot.on_timer[timer]
            append(record)
            hole = True
            try:
                if made is not tuple:
                    handler(record)
                elif data:
                    handler(**data)
                else:
                    handler()
                if hole:
                    hole = False
                    heappop(heap)
                if lead:
                    kernel._wait_for_disk(slot)
                elif slot.shows:
                    kernel._show(slot)
            except Exception as error:
                if hole:
                    hole = False
                    heappop(heap)
                kernel._die_of(slot, error)
        raise DsvizError(
            f"the run stopped at {now:g} ms after {MAX_EVENTS:,} events; a node keeps itself "
            "busy without time passing, or the duration is too long"
        )

    return Clockwork(
        push, note, get_now, get_cause, get_lead, at, because, ahead, level,
        post_of, send_of, set_timer_of, turn,
    )  # fmt: skip


def timer_key(timer: str, data: dict[str, Any]) -> tuple:
    """Return what two timers with the same name and data have in common."""
    return (timer, *(data.items() if len(data) == 1 else sorted(data.items())))
