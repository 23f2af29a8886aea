"""Virtual time: one heap of events, run in the order of (time, sequence number).

The heap holds plain tuples, and the tuple of an event that happened *is* its row in the trace:
nothing is allocated twice. Sequence numbers are unique, so nothing behind them is ever compared
and ties in time are decided by the order of cause, not by chance. Faults have negative numbers:
at equal times they come first, and adding one renumbers nothing else.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar

from dsviz.errors import DsvizError, listed
from dsviz.sim.disk import DiskError
from dsviz.sim.network import Link, Network
from dsviz.sim.slot import Slot, explained
from dsviz.sim.values import ATOMS, corrupted, frozen, frozen_fields
from dsviz.trace import MESSAGE_CLASSES, Message, message_class

if TYPE_CHECKING:
    from dsviz.sim.faults import Fault
    from dsviz.sim.node import Node


#: Number of the first fault's event; its end has the next one, the second fault the one after.
FIRST_FAULT_SEQ = -1_000_000


#: A run ends with an error after this many events.
MAX_EVENTS = 5_000_000


class Kernel:
    """One run of a cluster. `run` is a loop over `step`; `rows` is the trace so far."""

    def __init__(
        self,
        nodes: dict[str, Node],
        network: Network,
        seed: int,
        faults: Iterable[Fault],
        sync_ms: float,
    ) -> None:
        self.now = 0.0
        self.seed = seed
        self.rows: list[tuple] = []
        self.roles = {name: node.role_name() for name, node in nodes.items()}
        self._network = network
        self._heap: list[tuple] = []
        self._next = 0
        self._cause = -1  # the event that is being handled
        self._lead = 0.0  # how far the running handler's time is ahead, through blocking syncs
        self._operations = 0
        self._cuts = 0  # how many cuts are open on all links: 0 spares looking at them
        self.slots = {n: Slot(self, n, node, sync_ms) for n, node in nodes.items()}
        for number, fault in enumerate(faults):
            self._schedule_fault(number, fault)
        for name in nodes:
            self.restart(name)

    # The loop ---------------------------------------------------------------------------------

    def peek(self) -> float:
        """When the next event happens, in ms; infinity when nothing is left."""
        return self._heap[0][0] if self._heap else float("inf")

    def run(self, until: float) -> None:
        """Let everything happen up to `until` ms, then note what is still under way.

        Raises DsvizError after `MAX_EVENTS` events, so that no code of a learner hangs a notebook.
        """
        collecting = gc.isenabled()
        gc.disable()  # a run makes no garbage cycles worth looking for, and a fifth of the time
        try:
            self._run(until)
        finally:
            if collecting:
                # The rows are all young to the collector, and alive: call them old, not to be
                # walked through as soon as it is on again.
                gc.freeze()
                gc.unfreeze()
                gc.enable()
        self.now = until
        for time, seq, what, dst, src, data, info, cause in sorted(self._heap, key=_order):
            if what in ("deliver", "drop"):
                sent_at = info[0] if what == "drop" else info
                self.rows.append((time, seq, "flight", dst, src, data, sent_at, cause))
        self._heap.clear()

    def _run(self, until: float) -> None:
        """The loop over `step`, with the event that makes up nearly all of a run handled in place.

        Every call that is saved here is a tenth of the time a delivery takes.
        """
        heap, slots, record, by_what = self._heap, self.slots, self.rows.append, self._BY_WHAT
        for _ in range(MAX_EVENTS):
            if not heap or heap[0][0] > until:
                return
            entry = heappop(heap)
            self.now = entry[0]
            if entry[2] != "deliver":
                by_what[entry[2]](self, entry)
                continue
            slot = slots[entry[3]]
            if self._cuts or not slot.at_once:
                self._deliver(entry)
                continue
            record(entry)
            self._cause = entry[1]
            message = entry[5]
            try:
                slot.handlers[message.kind](message)
                if self._lead:
                    self._wait_for_disk(slot)
                elif slot.shows:
                    self._show(slot)
            except Exception as error:
                self._die_of(slot, error)
        raise DsvizError(
            f"the run stopped at {self.now:g} ms after {MAX_EVENTS:,} events; a node keeps itself "
            "busy without time passing, or the duration is too long"
        )

    def step(self) -> None:
        """Let the next event happen. Raises IndexError when nothing is left."""
        entry = heappop(self._heap)
        self.now = entry[0]
        self._BY_WHAT[entry[2]](self, entry)

    def _push(self, time: float, what: str, node: str | None, peer, data, info) -> int:
        seq = self._next
        self._next = seq + 1
        heappush(self._heap, (time, seq, what, node, peer, data, info, self._cause))
        return seq

    def _record(self, what: str, node: str | None, data: Any = None, info: Any = None) -> int:
        seq = self._next
        self._next = seq + 1
        self.rows.append((self.now, seq, what, node, None, data, info, self._cause))
        return seq

    # Messages ---------------------------------------------------------------------------------

    def post_of(self, slot: Slot) -> Callable[[str, str, dict[str, Any], int | None], int]:
        """Return the function by which a node sends: (receiver, kind, fields, id replied to).

        It returns the message's id, and raises DsvizError for a receiver that does not exist.
        """
        src, links, heap, new = slot.name, slot.links, self._heap, tuple.__new__
        classes = MESSAGE_CLASSES

        def post(dst: str, kind: str, body: dict[str, Any], re: int | None) -> int:
            for value in body.values():
                if type(value) not in ATOMS:
                    body = frozen_fields(kind, body)
                    break
            link = links.get(dst) or self.link(src, dst)
            made = classes.get((kind, *body)) or message_class(kind, *body)
            seq = self._next
            self._next = seq + 1
            message = new(made, (src, dst, seq, re, *body.values()))
            if self._lead:
                self._later(slot, self._transmit, message)
            elif link.faulty:
                self._transmit(message)
            else:
                link.sent += 1
                now, draw = self.now, link.by_kind.get(kind, link.draw)
                arrives = now + draw(link.random())
                heappush(heap, (arrives, seq, "deliver", dst, src, message, now, self._cause))
            return seq

        return post

    def _transmit(self, message: Message) -> None:
        """Give a message to the network, whatever faults are on its link."""
        src, dst, now = message.src, message.dst, self.now
        link = self.link(src, dst)
        what, info = "deliver", now
        arrives = now + link.latency(message.kind)
        if link.corrupt:
            message = self._corrupted(link, message)
        if link.cuts:
            what, info = "drop", (now, "cut")
        elif link.loss and link.loses():
            what, info = "drop", (now, "lost")
        heappush(self._heap, (arrives, message.id, what, dst, src, message, info, self._cause))
        if link.duplicate and not link.cuts:
            latency = link.copy_latency(message.kind)
            if latency is not None:
                self._push(now + latency, "deliver", dst, src, message, now)

    def _corrupted(self, link: Link, message: Message) -> Message:
        """Return the message as the network garbles it: one field has another value."""
        u = link.corruption()
        body = message.body
        if u is None or not body:
            return message
        place = int(u * len(body))
        name = list(body)[place]
        garbled = corrupted(body[name], u * len(body) - place)
        self._record("corrupt", message.dst, f"{name}: {body[name]!r} → {garbled!r}", message.id)
        body[name] = garbled
        return Message(message.kind, message.src, message.dst, message.id, message.re, body)

    def _deliver(self, entry: tuple) -> None:
        slot = self.slots[entry[3]]
        if self._cuts and self.link(entry[4], entry[3]).cuts:
            self._drop(entry, "cut")
        elif not slot.up:
            self._drop(entry, "node down")
        elif slot.ready:
            self._handle_message(slot, entry)
        else:
            self._record("queued", slot.name, entry[5].id)
            slot.inbox.append(entry)

    def _handle_message(self, slot: Slot, entry: tuple) -> None:
        message = entry[5]
        # An entry that waited in the inbox happens now, not when it arrived.
        self.rows.append(entry if entry[0] == self.now else (self.now, *entry[1:]))
        self._handle(slot, entry[1], slot.handlers[message.kind], message)

    def _drop(self, entry: tuple, reason: str) -> None:
        _, seq, _, dst, src, message, sent_at, cause = entry
        self.rows.append((self.now, seq, "drop", dst, src, message, (sent_at, reason), cause))

    # Handlers ---------------------------------------------------------------------------------

    def _handle(
        self, slot: Slot, cause: int, handler: Callable, *args: Any, works: bool = True
    ) -> None:
        """Run one handler; note what it changed; let its node die if it raises."""
        self._cause = cause
        if works and not slot.at_once:
            self._lead = slot.work()
        try:
            handler(*args)
            if self._lead:
                self._wait_for_disk(slot)
            elif slot.shows:
                self._show(slot)
        except Exception as error:
            self._die_of(slot, error)

    def _wait_for_disk(self, slot: Slot) -> None:
        """The handler takes time, or waits for its disk: meanwhile its node handles nothing."""
        slot.set(busy=True)
        self._push(self.now + self._lead, "free", slot.name, None, slot.starts, None)
        self._lead = 0.0

    def _show(self, slot: Slot) -> None:
        """Record the shown attributes that changed."""
        changed = {}
        for name in slot.shows:
            value = getattr(slot.node, name, None)
            if type(value) not in ATOMS:
                value = frozen(value, f"the shown attribute {name!r}")
            if name not in slot.shown or slot.shown[name] != value:
                changed[name] = slot.shown[name] = value
        if changed:
            self._record("state", slot.name, changed)

    def _die_of(self, slot: Slot, error: Exception) -> None:
        self._lead = 0.0
        self._stop(slot, False, explained(error))

    def handler_time(self) -> float:
        """True time in ms as the running handler has it: later than `now` after a blocking sync."""
        return self.now + self._lead

    def effect(self, slot: Slot, what: str, data: Any) -> None:
        """Record what a handler did, when its time comes."""
        if self._lead:
            self._later(slot, self._record, what, slot.name, data)
        else:
            self._record(what, slot.name, data)

    def _later(self, slot: Slot, act: Callable, *args: Any) -> None:
        """Do something at the handler's time, unless the node crashes before."""
        self._push(self.handler_time(), "later", slot.name, None, (act, args), slot.starts)

    def _on_later(self, entry: tuple) -> None:
        slot = self.slots[entry[3]]
        if self._outlived(slot, entry[6], entry):
            act, args = entry[5]
            self._cause = entry[7]
            act(*args)

    def _on_free(self, entry: tuple) -> None:
        slot = self.slots[entry[3]]
        if self._outlived(slot, entry[5], entry):
            slot.set(busy=False)
            self._cause = entry[7]
            if slot.shows:
                self._show(slot)
            self._drain(slot)

    def _outlived(self, slot: Slot, starts: int, entry: tuple) -> bool:
        """Whether what a handler left to do may be done now; when its node is paused, wait."""
        if not slot.up or slot.starts != starts:
            return False
        if slot.paused:
            slot.held.append(entry)
            return False
        if any(_blocks(waiting) for waiting in slot.stalled):
            slot.stalled.append(entry)
            return False
        return True

    def _drain(self, slot: Slot) -> None:
        """Handle what waited while the node could not."""
        inbox = slot.inbox
        while inbox and slot.ready:
            entry = inbox.popleft()
            if entry[2] == "timer":
                self._fire(entry)
            elif entry[2] == "synced":
                self._on_synced(entry)
            else:
                self._handle_message(slot, entry)

    # Timers and disk --------------------------------------------------------------------------

    def set_timer(self, slot: Slot, name: str, ms: float, data: dict[str, Any]) -> None:
        """Arm a timer of `slot`, replacing the one with the same name and data."""
        if not ms >= 0:
            raise DsvizError(f"{slot.name}: timer {name!r} needs ms of 0 or more, not {ms!r}")
        if self._lead:
            self._later(slot, self._arm, slot, name, ms, data)
        else:
            self._arm(slot, name, ms, data)

    def _arm(self, slot: Slot, name: str, ms: float, data: dict[str, Any]) -> None:
        key = _timer_key(name, data)
        fires = self.now + slot.clock.real(ms)
        slot.timers[key] = self._push(fires, "timer", slot.name, None, name, (key, data))

    def cancel_timer(self, slot: Slot, name: str, data: dict[str, Any]) -> None:
        """Disarm one timer of `slot`, or without data all of that name."""
        if self._lead:
            self._later(slot, self._disarm, slot, name, data)
        else:
            self._disarm(slot, name, data)

    def _disarm(self, slot: Slot, name: str, data: dict[str, Any]) -> None:
        if data:
            slot.timers.pop(_timer_key(name, data), None)
        else:
            for key in [key for key in slot.timers if key[0] == name]:
                del slot.timers[key]

    def _fire(self, entry: tuple) -> None:
        _, seq, _, name, _, timer, (key, data), cause = entry
        slot = self.slots[name]
        if slot.timers.get(key) != seq:
            return  # cancelled, replaced, or of a process that is gone
        if not slot.ready:
            slot.inbox.append(entry)
            return
        del slot.timers[key]
        self.rows.append((self.now, seq, "timer", name, None, timer, None, cause))
        handler = slot.on_timer[timer]
        self._handle(slot, seq, partial(handler, **data) if data else handler)

    def sync_disk(self, slot: Slot, serial: int, ms: float, then: str | None, failed: bool) -> None:
        """Make the disk's changes up to `serial` durable in `ms` ms; see `Disk.sync`."""
        if then is not None and not hasattr(slot.node, f"on_disk_{then}"):
            raise DsvizError(f"{slot.name}: sync(then={then!r}) needs a method on_disk_{then}")
        ms *= slot.slowness
        if ms == 0 and not self._lead and then is None and not slot.stalls:
            self._record(*_settled(slot, slot.disk._settle(serial, failed)))
            return
        data = (serial, then, failed)
        self._push(self.handler_time() + ms, "synced", slot.name, None, data, slot.starts)
        if then is None:
            self._lead += ms

    def _on_synced(self, entry: tuple) -> None:
        _, seq, _, name, _, (serial, then, failed), starts, cause = entry
        slot = self.slots[name]
        if not slot.up or slot.starts != starts:
            return
        if slot.stalls:
            slot.stalled.append(entry)
            return
        if then is not None and not slot.ready:
            slot.inbox.append(entry)
            return
        result = slot.disk._settle(serial, failed)
        what, _, data = _settled(slot, result)
        self.rows.append((self.now, seq, what, name, None, data, None, cause))
        if then is not None:
            self._handle(slot, seq, getattr(slot.node, f"on_disk_{then}"), result)

    def stall_disk(self, name: str, change: int) -> None:
        """Let the disk of node `name` stop answering (+1), or go on (-1)."""
        slot = self.slots[name]
        slot.stalls += change
        if slot.stalls or not slot.stalled:
            return
        waiting, slot.stalled = slot.stalled, []
        first = waiting[0][0]
        for entry in waiting:  # one after the other, as far apart as they were
            heappush(self._heap, (self.now + entry[0] - first, *entry[1:]))

    # What faults do ---------------------------------------------------------------------------

    def _schedule_fault(self, number: int, fault: Fault) -> None:
        seq = FIRST_FAULT_SEQ + 2 * number
        entry = (fault.at, seq, "fault", None, None, fault, number, -1)
        if fault.at == 0 and fault.hits_links:
            self._on_fault(entry)  # before the nodes boot and send their first messages
        else:
            heappush(self._heap, entry)
        if fault.ends is not None:
            heappush(self._heap, (fault.ends, seq + 1, "heal", None, None, fault, number, -1))

    def _on_fault(self, entry: tuple) -> None:
        self.rows.append(entry)
        self._cause = entry[1]
        entry[5].begin(self)

    def _on_heal(self, entry: tuple) -> None:
        self.rows.append(entry)
        self._cause = entry[1]
        entry[5].end(self)

    def crash(self, name: str, power: bool = False, torn: bool = False) -> None:
        """Stop the process of node `name`; with `power`, its un-synced writes are gone as well,
        and if `torn`, sectors of them remain."""
        slot = self.slots[name]
        if slot.up or power:
            self._stop(slot, power, None, torn)

    def _stop(self, slot: Slot, power: bool, text: str | None, torn: bool = False) -> None:
        if slot.up:
            slot.set(up=False)
            self._record("crash", slot.name, text)
        draw = Random(f"{self.seed}/torn/{slot.name}/{slot.starts}") if torn else None
        lost = slot.disk._crash(self.now, power, draw)
        if lost:
            self._record("undone", slot.name, lost)
        slot.timers, slot.held, slot.stalled = {}, [], []
        slot.node = None
        waiting, slot.inbox = slot.inbox, deque()
        for entry in waiting:
            if entry[2] == "deliver":
                self._drop(entry, "node down")

    def restart(self, name: str) -> None:
        """Start the process of node `name`, unless it runs already."""
        slot = self.slots[name]
        if slot.up:
            return
        slot.boot(self)
        seq = self._record("start", name, slot.starts)
        self._handle(slot, seq, slot.node.on_start, works=False)

    def pause(self, name: str, until: float) -> None:
        """Let node `name` stand still until `until` ms."""
        slot = self.slots[name]
        if not slot.up:
            return
        slot.paused_until = max(until, slot.paused_until) if slot.paused else until
        slot.set(paused=True)
        self._record("pause", name, slot.paused_until)
        self._push(until, "resume", name, None, slot.starts, None)

    def _on_resume(self, entry: tuple) -> None:
        time, seq, _, name, _, starts, _, cause = entry
        slot = self.slots[name]
        if slot.up and slot.starts == starts and slot.paused and slot.paused_until <= self.now:
            slot.set(paused=False)
            self.rows.append((time, seq, "resume", name, None, None, None, cause))
            held, slot.held = slot.held, []
            for entry in held:
                self._BY_WHAT[entry[2]](self, entry)
            self._drain(slot)

    def cut(self, src: str, dst: str, change: int) -> None:
        """Cut the link from `src` to `dst` once more (+1) or once less (-1)."""
        link = self.link(src, dst)
        link.cuts += change
        link.touched()
        self._cuts += change

    def link(self, src: str, dst: str) -> Link:
        """Return the link from `src` to `dst`. Raises DsvizError when there is no such node."""
        links = self.slots[src].links
        link = links.get(dst)
        if link is None:
            if dst not in self.slots:
                raise DsvizError(
                    f"{src} sends to {dst!r}, which does not exist; the nodes are "
                    f"{listed(self.slots)}"
                )
            # What a node sends to itself crosses no network.
            network = Network(0.0) if src == dst else self._network
            link = links[dst] = Link(network, self.seed, src, dst)
        return link

    def next_operation_number(self) -> int:
        """Number the operations of all clients, in the order in which they begin."""
        self._operations += 1
        return self._operations

    def _on_drop(self, entry: tuple) -> None:
        self.rows.append(entry)

    _BY_WHAT: ClassVar[dict[str, Callable]] = {
        "deliver": _deliver,
        "timer": _fire,
        "drop": _on_drop,
        "later": _on_later,
        "free": _on_free,
        "synced": _on_synced,
        "fault": _on_fault,
        "heal": _on_heal,
        "resume": _on_resume,
    }


def _blocks(entry: tuple) -> bool:
    """Whether this is the end of a sync for which its handler waits."""
    return entry[2] == "synced" and entry[5][1] is None


def _settled(slot: Slot, result: int | DiskError) -> tuple[str, str, Any]:
    """Return (what, node, data) of the event that ends a sync."""
    if isinstance(result, DiskError):
        return "disk error", slot.name, "sync"
    return "synced", slot.name, result


def _order(row: tuple) -> tuple[float, int]:
    return row[:2]


def _timer_key(name: str, data: dict[str, Any]) -> tuple:
    return (name, *sorted(data.items())) if data else (name,)
