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
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, ClassVar

from dsviz.errors import DsvizError, listed
from dsviz.sim.network import Link, Network
from dsviz.sim.slot import Slot, explained
from dsviz.sim.values import ATOMS, frozen
from dsviz.trace import Message

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
        self._links: dict[tuple[str, str], Link] = {}
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
        heap, step = self._heap, self.step
        collecting = gc.isenabled()
        gc.disable()  # a run makes no garbage cycles worth looking for, and a fifth of the time
        left = MAX_EVENTS
        try:
            while heap and heap[0][0] <= until:
                step()
                left -= 1
                if not left:
                    raise DsvizError(
                        f"the run stopped at {self.now:g} ms after {MAX_EVENTS:,} events; a node "
                        "keeps itself busy without time passing, or the duration is too long"
                    )
        finally:
            if collecting:
                gc.enable()
        self.now = until
        for time, seq, what, dst, src, data, info, cause in sorted(heap, key=lambda row: row[:2]):
            if what in ("deliver", "drop"):
                sent_at = info[0] if what == "drop" else info
                self.rows.append((time, seq, "flight", dst, src, data, sent_at, cause))
        heap.clear()

    def step(self) -> None:
        """Let the next event happen. Raises IndexError when nothing is left."""
        entry = heappop(self._heap)
        self.now = entry[0]
        what = entry[2]
        if what == "deliver":
            self._deliver(entry)
        elif what == "timer":
            self._fire(entry)
        elif what == "drop":
            self.rows.append(entry)
        else:
            self._BY_WHAT[what](self, entry)

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

    def send(self, slot: Slot, dst: str, kind: str, body: dict[str, Any], re: int | None) -> int:
        """Give a message to the network; return its id. Raises DsvizError for an unknown node."""
        if dst not in self.slots:
            raise DsvizError(
                f"{slot.name} sends {kind!r} to {dst!r}, which does not exist; the nodes are "
                f"{listed(self.slots)}"
            )
        for name, value in body.items():
            if type(value) not in ATOMS:
                body[name] = frozen(value, f"field {name!r} of message {kind!r}")
        message = Message(kind, slot.name, dst, self._next, re, body)
        if self._lead:
            self._next += 1
            self._later(slot, self._transmit, message)
        else:
            self._transmit(message)
        return message.id

    def _transmit(self, message: Message) -> None:
        src, dst, now = message.src, message.dst, self.now
        if src == dst:
            self._push(now, "deliver", dst, src, message, now)
            return
        link = self._links.get((src, dst)) or self.link(src, dst)
        arrives = now + link.latency(message.kind)
        if link.cuts:
            self._push(arrives, "drop", dst, src, message, (now, "cut"))
        elif link.loss and link.loses():
            self._push(arrives, "drop", dst, src, message, (now, "lost"))
        else:
            self._push(arrives, "deliver", dst, src, message, now)
        if link.duplicate and not link.cuts:
            latency = link.copy_latency(message.kind)
            if latency is not None:
                self._push(now + latency, "deliver", dst, src, message, now)

    def _deliver(self, entry: tuple) -> None:
        slot = self.slots[entry[3]]
        if self._cuts and self._is_cut(entry[4], entry[3]):
            self._drop(entry, "cut")
        elif not slot.up:
            self._drop(entry, "node down")
        elif slot.paused or slot.busy:
            slot.inbox.append(entry)
        else:
            self._handle_message(slot, entry)

    def _handle_message(self, slot: Slot, entry: tuple) -> None:
        message = entry[5]
        # An entry that waited in the inbox happens now, not when it arrived.
        self.rows.append(entry if entry[0] == self.now else (self.now, *entry[1:]))
        handler = slot.handlers.get(message.kind)
        if handler is None:
            handler = self._no_handler
        self._handle(slot, entry[1], handler, message)

    def _no_handler(self, message: Message) -> None:
        slot = self.slots[message.dst]
        raise DsvizError(
            f"{slot.name} got a message of kind {message.kind!r} but "
            f"{type(slot.template).__name__} has no on_{message.kind}; it handles "
            f"{listed(slot.handlers)}"
        )

    def _drop(self, entry: tuple, reason: str) -> None:
        _, seq, _, dst, src, message, sent_at, cause = entry
        self.rows.append((self.now, seq, "drop", dst, src, message, (sent_at, reason), cause))

    # Handlers ---------------------------------------------------------------------------------

    def _handle(self, slot: Slot, cause: int, handler: Callable, *args: Any, **named: Any) -> None:
        """Run one handler; note what it changed; let its node die if it raises."""
        self._cause = cause
        try:
            handler(*args, **named)
        except Exception as error:
            self._die_of(slot, explained(error))
            self._cause = -1
            return
        if self._lead:
            slot.busy = True
            self._push(self.now + self._lead, "free", slot.name, None, slot.starts, None)
            self._lead = 0.0
        elif slot.shows:
            self._show(slot)
        self._cause = -1

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

    def _die_of(self, slot: Slot, text: str) -> None:
        self._lead = 0.0
        self._stop(slot, False, text)

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
            self._cause = -1

    def _on_free(self, entry: tuple) -> None:
        slot = self.slots[entry[3]]
        if self._outlived(slot, entry[5], entry):
            slot.busy = False
            self._cause = entry[7]
            if slot.shows:
                self._show(slot)
            self._cause = -1
            self._drain(slot)

    def _outlived(self, slot: Slot, starts: int, entry: tuple) -> bool:
        """Whether what a handler left to do may be done now; when its node is paused, wait."""
        if not slot.up or slot.starts != starts:
            return False
        if slot.paused:
            slot.held.append(entry)
            return False
        return True

    def _drain(self, slot: Slot) -> None:
        """Handle what waited while the node could not."""
        inbox = slot.inbox
        while inbox and slot.up and not (slot.paused or slot.busy):
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
        slot.timers[key] = self._push(self.now + ms, "timer", slot.name, None, name, (key, data))

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
        if slot.paused or slot.busy:
            slot.inbox.append(entry)
            return
        del slot.timers[key]
        self.rows.append((self.now, seq, "timer", name, None, timer, None, cause))
        self._handle(slot, seq, getattr(slot.node, f"on_timer_{timer}"), **data)

    def sync_disk(self, slot: Slot, serial: int, ms: float, then: str | None) -> None:
        """Make the disk's changes up to `serial` durable in `ms` ms; see `Disk.sync`."""
        if then is not None and not hasattr(slot.node, f"on_disk_{then}"):
            raise DsvizError(f"{slot.name}: sync(then={then!r}) needs a method on_disk_{then}")
        if ms == 0 and not self._lead and then is None:
            self._record("synced", slot.name, slot.disk._settle(serial))
            return
        ends = self.handler_time() + ms
        self._push(ends, "synced", slot.name, None, (serial, then), slot.starts)
        if then is None:
            self._lead += ms

    def _on_synced(self, entry: tuple) -> None:
        _, seq, _, name, _, (serial, then), starts, cause = entry
        slot = self.slots[name]
        if not slot.up or slot.starts != starts:
            return
        if then is not None and (slot.paused or slot.busy):
            slot.inbox.append(entry)
            return
        count = slot.disk._settle(serial)
        self.rows.append((self.now, seq, "synced", name, None, count, None, cause))
        if then is not None:
            self._handle(slot, seq, getattr(slot.node, f"on_disk_{then}"), count)

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
        self._cause = -1

    def _on_heal(self, entry: tuple) -> None:
        self.rows.append(entry)
        self._cause = entry[1]
        entry[5].end(self)
        self._cause = -1

    def crash(self, name: str, power: bool = False) -> None:
        """Stop the process of node `name`; with `power`, its un-synced writes are gone as well."""
        slot = self.slots[name]
        if slot.up or power:
            self._stop(slot, power, None)

    def _stop(self, slot: Slot, power: bool, text: str | None) -> None:
        was_up, slot.up = slot.up, False
        if was_up:
            self._record("crash", slot.name, text)
        lost = slot.disk._crash(self.now, power)
        if lost:
            self._record("undone", slot.name, lost)
        slot.timers, slot.held = {}, []
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
        self._handle(slot, seq, slot.node.on_start)

    def pause(self, name: str, until: float) -> None:
        """Let node `name` stand still until `until` ms."""
        slot = self.slots[name]
        if not slot.up:
            return
        slot.paused_until = max(until, slot.paused_until) if slot.paused else until
        slot.paused = True
        self._record("pause", name, slot.paused_until)
        self._push(until, "resume", name, None, slot.starts, None)

    def _on_resume(self, entry: tuple) -> None:
        time, seq, _, name, _, starts, _, cause = entry
        slot = self.slots[name]
        if slot.up and slot.starts == starts and slot.paused and slot.paused_until <= self.now:
            slot.paused = False
            self.rows.append((time, seq, "resume", name, None, None, None, cause))
            held, slot.held = slot.held, []
            for entry in held:
                self._BY_WHAT[entry[2]](self, entry)
            self._drain(slot)

    def cut(self, src: str, dst: str, change: int) -> None:
        """Cut the link from `src` to `dst` once more (+1) or once less (-1)."""
        self.link(src, dst).cuts += change
        self._cuts += change

    def _is_cut(self, src: str, dst: str) -> bool:
        link = self._links.get((src, dst))
        return link is not None and link.cuts > 0

    def link(self, src: str, dst: str) -> Link:
        """Return the link from `src` to `dst`."""
        link = self._links.get((src, dst))
        if link is None:
            link = self._links[src, dst] = Link(self._network, self.seed, src, dst)
        return link

    def next_operation_number(self) -> int:
        """Number the operations of all clients, in the order in which they begin."""
        self._operations += 1
        return self._operations

    _BY_WHAT: ClassVar[dict[str, Callable]] = {
        "later": _on_later,
        "free": _on_free,
        "synced": _on_synced,
        "fault": _on_fault,
        "heal": _on_heal,
        "resume": _on_resume,
    }


def _timer_key(name: str, data: dict[str, Any]) -> tuple:
    return (name, *sorted(data.items())) if data else (name,)
