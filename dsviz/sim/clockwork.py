"""The clockwork of a run: the moment, the numbers of events, and all that turns a million times.

One function holds the state that every event touches (the time, what is being handled, the next
number), because a variable of an enclosing function is read and written several times faster than
an attribute of an object. It returns the functions that share this state; the kernel's floors
above call them. A message costs three of them: the loop, the learner's handler, `Node.send`.

What is to come are entries of four: when, the event's number, the `Slot` where a message arrives
or a timer fires (None for all else), and the record, which goes into the trace as it is. Numbers
are unique, so nothing behind them is ever compared and ties in time are decided by the order of
cause, not by chance. Faults have negative numbers: at equal times they come first, and adding one
renumbers nothing else.

There is no heap of them, because its comparisons were a sixth of a message. The nearest two thirds
are a sorted `batch`, which the loop just walks through; all after its `horizon` is added to the
list `later` without a look. When the batch is done, that list is sorted: by time alone, which the
sort compares as plain numbers, ten times faster than tuples. It keeps the order of equal ones, and
they were added in the order of their numbers. The rare entry before the horizon is put where it
belongs in the batch.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterator
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from dsviz.errors import DsvizError
from dsviz.message import Shape, shape
from dsviz.sim.values import ATOMS, frozen_field, frozen_fields

if TYPE_CHECKING:
    from dsviz.sim.kernel import Kernel
    from dsviz.sim.slot import Slot

#: A run ends with an error after this many events.
MAX_EVENTS = 5_000_000
#: So many entries of a batch may be done, or half of it, before what is left is sorted anew.
LONGEST = 1_000
INFINITY = float("inf")
WHEN = itemgetter(0)

#: (receiver, kind, fields, id replied to) -> the message's id
Post = Callable[[str, str, dict[str, Any], "int | None"], int]


class Clockwork(NamedTuple):
    """The functions of one run. Times are in ms, causes the numbers of events."""

    peek: Callable[[], float]  # when the next event happens, or infinity
    take: Callable[[], tuple]  # the entry of the next event, which is taken out
    put_back: Callable[[], None]  # all that is to come waits in one list again
    launch: Callable[[tuple], None]  # this entry is to happen; it has the highest number so far
    relaunch: Callable[[tuple], None]  # the same of an entry that had its number before
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
    cancel_timer_of: Callable[[Slot], Callable[..., None]]
    turn: Callable[[float], None]  # let everything happen up to this time


def clockwork(kernel: Kernel, later: list[tuple], records: list[tuple]) -> Clockwork:
    """Return the clockwork of a new run, which takes events from `heap` to `records`."""
    now, cause, lead, number = 0.0, -1, 0.0, 0
    late = False  # whether there is a lead: cheaper to ask than a number
    batch: list[tuple] = []
    left: Iterator[tuple] = iter(batch)  # what of it has not happened yet
    horizon = -INFINITY  # `later` has nothing before this time, nor at it
    # How the messages of a kind are made. A run's own, so that the order of fields, which a trace
    # shows, does not depend on what ran before.
    sends: dict[str, Shape] = {}
    replies: dict[str, Shape] = {}
    append = records.append

    def push(time: float, what: str, node: str | None, peer: Any, data: Any, info: Any) -> int:
        nonlocal number
        seq = number
        number = seq + 1
        launch((time, seq, None, (time, seq, what, node, peer, data, info, cause)))
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
        nonlocal lead, late
        lead += ms
        late = lead > 0.0

    def level() -> float:
        nonlocal lead, late
        was, lead, late = lead, 0.0, False
        return was

    # What is to come ----------------------------------------------------------------------------

    def launch(entry: tuple) -> None:
        if entry[0] > horizon:
            later.append(entry)
        else:
            squeeze(entry)

    def relaunch(entry: tuple) -> None:
        put_back()
        later.append(entry)
        later.sort()

    def squeeze(entry: tuple) -> None:
        place = len(batch) - left.__length_hint__()
        if place < LONGEST or 2 * place < len(batch):
            insort(batch, entry, place, key=WHEN)  # behind those of equal times
        else:  # most of a batch that grew and grew is done, and only takes up memory
            put_back()
            later.append(entry)

    def put_back() -> None:
        nonlocal horizon
        place = len(batch) - left.__length_hint__()
        later.extend(batch[place:])
        del batch[place:]
        horizon = -INFINITY

    def refill(until: float) -> bool:
        """Make the next batch, of events up to `until`. Returns False when there is none."""
        nonlocal batch, left, horizon
        later.sort(key=WHEN)
        if not later or later[0][0] > until:
            return False
        horizon = min(later[len(later) * 2 // 3][0], until)
        count = bisect_right(later, horizon, key=WHEN)
        batch = later[:count]
        del later[:count]
        left = iter(batch)
        return True

    def peek() -> float:
        if left.__length_hint__() or refill(INFINITY):
            return batch[len(batch) - left.__length_hint__()][0]
        return INFINITY

    def take() -> tuple:
        if left.__length_hint__() or refill(INFINITY):
            return next(left)
        raise IndexError("nothing is left to happen")

    # What handlers do ---------------------------------------------------------------------------

    def post_of(slot: Slot) -> Post:
        src, links = slot.name, slot.links
        act_later, transmit = kernel._later, kernel._transmit

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
            if late:
                act_later(slot, transmit, link, made, seq, re, body)
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
            nonlocal number
            try:
                made, count, pick = sends[kind]
                low, span, random, to = quick[dst]
                value = body[pick] if count == 1 else pick(body)
            except KeyError:
                post(dst, kind, body, None)
                return
            if count != len(body) or late:
                post(dst, kind, body, None)
                return
            seq = number
            if count == 1:
                if type(value) not in ATOMS:
                    value = frozen_field(kind, pick, value)
                arrives = now + (low + span * random())
                message = made((arrives, seq, dst, src, now, cause, value))
            else:
                for each in value:
                    if type(each) not in ATOMS:
                        value = frozen_fields(
                            kind, dict(zip(made.fields, value, strict=True))
                        ).values()
                        break
                arrives = now + (low + span * random())
                message = made((arrives, seq, dst, src, now, cause, *value))
            number = seq + 1
            if arrives > horizon:
                later.append((arrives, seq, to, message))
            else:
                squeeze((arrives, seq, to, message))

        return send

    def set_timer_of(slot: Slot) -> Callable[..., None]:
        name, known, clock = slot.name, slot.on_timer, slot.clock
        timers, armed = slot.timers, slot.armed

        def set_timer(timer: str, ms: float, /, **data: Any) -> None:
            nonlocal number
            if timer not in known:
                kernel.refuse_timer(slot, timer)
            if not ms >= 0.0:
                raise DsvizError(f"{name}: timer {timer!r} needs ms of 0 or more, not {ms!r}")
            if late:
                kernel._later(slot, partial(set_timer, timer, ms, **data))
                return
            seq = number
            number = seq + 1
            if data:
                for item in data.items():  # mostly one, and this is the quickest way to it
                    key = (timer, item)
                if len(data) > 1:
                    key = timer_key(timer, data)
                was = timers.setdefault(key, seq)  # looks such a key up once
                if was != seq:
                    del armed[was]
                    timers[key] = seq
                armed[seq] = (key, data)
            else:
                timers[timer] = seq
            fires = now + (ms if clock.rate == 0.0 else clock.real(ms))
            entry = (fires, seq, slot, (fires, seq, "timer", name, None, timer, None, cause))
            if fires > horizon:
                later.append(entry)
            else:
                squeeze(entry)

        return set_timer

    def cancel_timer_of(slot: Slot) -> Callable[..., None]:
        timers, armed = slot.timers, slot.armed

        def cancel_timer(timer: str, /, **data: Any) -> None:
            if late:
                kernel._later(slot, partial(cancel_timer, timer, **data))
            elif data:
                for item in data.items():
                    key = (timer, item)
                if len(data) > 1:
                    key = timer_key(timer, data)
                seq = timers.pop(key, None)
                if seq is not None:
                    del armed[seq]
            else:
                timers.pop(timer, None)
                for key in keys_of(timer, armed) if armed else ():
                    del armed[timers.pop(key)]

        return cancel_timer

    def turn(until: float) -> None:
        nonlocal now, cause
        by_what = kernel.by_what
        done = 0
        put_back()
        while refill(until):
            for now, cause, slot, record in left:  # noqa: B007, `now` is everybody's
                made = type(record)
                if made is tuple:
                    if slot is None or not slot.fast:
                        by_what[record[2]](kernel, record)
                        continue
                    timer, timers = record[5], slot.timers
                    if timers.get(timer) == cause:
                        data = None  # its number stays there: no other event will have it
                    elif cause in slot.armed:
                        key, data = slot.armed.pop(cause)
                        del timers[key]
                    else:  # cancelled, replaced, or of a process that is gone
                        continue
                    handler = slot.on_timer[timer]
                elif slot.fast:
                    try:
                        handler = slot.dispatch[made]
                    except KeyError:  # the first of its class since the node started
                        handler = slot.dispatch[made] = slot.handlers[made.kind]
                    records.append(record)
                    try:
                        handler(record)
                        if late:
                            kernel._wait_for_disk(slot)
                        elif slot.watched:
                            kernel._show(slot)
                    except Exception as error:
                        kernel._die_of(slot, error)
                    continue
                else:
                    kernel._deliver_message(record)
                    continue
                records.append(record)
                try:  # as above for messages: one function for both would be a call for each event
                    if data:
                        handler(**data)
                    else:
                        handler()
                    if late:
                        kernel._wait_for_disk(slot)
                    elif slot.watched:
                        kernel._show(slot)
                except Exception as error:
                    kernel._die_of(slot, error)
            done += len(batch)
            if done > MAX_EVENTS:
                break
        else:
            return
        raise DsvizError(
            f"the run stopped at {now:g} ms after {MAX_EVENTS:,} events; a node keeps itself "
            "busy without time passing, or the duration is too long"
        )

    return Clockwork(
        peek, take, put_back, launch, relaunch, push, note, get_now, get_cause, get_lead, at,
        because, ahead, level, post_of, send_of, set_timer_of, cancel_timer_of, turn,
    )  # fmt: skip


def timer_key(timer: str, data: dict[str, Any]) -> tuple:
    """Return what two timers with the same name and several data have in common."""
    return (timer, *sorted(data.items()))


def keys_of(timer: str, armed: dict[int, tuple[tuple, dict[str, Any]]]) -> list[tuple]:
    """Return the keys of all timers of this name that have data."""
    return [key for key, _ in armed.values() if key[0] == timer]
