"""The kernel: the loop over events, and what faults do to nodes and links.

Its floors are in modules of their own: `clockwork` (what is to come, and all that turns a million
times), `events` (how a handler is run), `mail` (messages on bad links) and `timing` (timers, disks,
work).
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable
from random import Random
from typing import TYPE_CHECKING, ClassVar

from dsviz.sim.network import Network
from dsviz.sim.slot import Slot
from dsviz.sim.timing import Timing

if TYPE_CHECKING:
    from dsviz.sim.faults import Fault
    from dsviz.sim.node import Node


#: Number of the first fault's event; its end has the next one, the second fault the one after.
FIRST_FAULT_SEQ = -1_000_000


FEW, MANY = 10_000, 2_000_000  # objects
_never_looked_at = 0  # how many objects the collector was kept from since it last looked at all


def _call_old() -> None:
    """Spare the collector the records of a long run, which are all young to it, and alive.

    What is old it looks at only if enough has come of age in the ordinary way, and a run that is
    over is a cycle that nobody else takes away: so now and then it looks at everything.
    """
    global _never_looked_at
    young = gc.get_count()[0]
    if young < FEW:
        return
    _never_looked_at += young
    if _never_looked_at < MANY:
        gc.freeze()
        gc.unfreeze()
    else:
        gc.collect()
        _never_looked_at = 0


class Kernel(Timing):
    """One run of a cluster. `run` is a loop over `step`; `records` is the trace so far."""

    def __init__(
        self,
        nodes: dict[str, Node],
        network: Network,
        seed: int,
        faults: Iterable[Fault],
        sync_ms: float,
    ) -> None:
        super().__init__(network, seed)
        self.roles = {name: node.role_name() for name, node in nodes.items()}
        self._handlers: dict[type, list[str]] = {}
        for name, node in nodes.items():
            self.slots[name] = Slot(self, name, node, sync_ms)
        for number, fault in enumerate(faults):
            self._schedule_fault(number, fault)
        for name in nodes:
            self.restart(name)
        self._coming.sort()  # faults before the rest, though with negative numbers

    def handler_names(self, cls: type) -> list[str]:
        """Return the names of the methods of a node's class that handle messages and timers."""
        if cls not in self._handlers:
            self._handlers[cls] = [
                name
                for name in dir(cls)
                if name.startswith("on_") and name != "on_start" and not name.startswith("on_disk_")
            ]
        return self._handlers[cls]

    # The loop ---------------------------------------------------------------------------------

    def peek(self) -> float:
        """When the next event happens, in ms; infinity when nothing is left."""
        return self._works.peek()

    def step(self) -> None:
        """Let the next event happen. Raises IndexError when nothing is left."""
        time, seq, _, record = self._works.take()
        self._works.at(time, seq)
        if type(record) is tuple:
            self.by_what[record[2]](self, record)
        else:
            self._deliver_message(record)

    def run(self, until: float) -> None:
        """Let everything happen up to `until` ms, then note what is still under way.

        Raises DsvizError after `MAX_EVENTS` events, so that no code of a learner hangs a notebook.
        """
        collecting = gc.isenabled()
        gc.disable()  # a run makes no garbage cycles worth looking for, and a fifth of the time
        try:
            self._works.turn(until)
        finally:
            if collecting:
                _call_old()
                gc.enable()
        self._works.at(until, -1)
        self._note_what_is_under_way()
        self._coming.clear()

    # What faults do ---------------------------------------------------------------------------

    def _schedule_fault(self, number: int, fault: Fault) -> None:
        seq = FIRST_FAULT_SEQ + 2 * number
        entry = (float(fault.at), seq, "fault", None, None, fault, number, -1)
        if fault.at == 0 and fault.hits_links:
            self._works.at(0.0, seq)
            self._on_fault(entry)  # before the nodes boot and send their first messages
            self._works.at(0.0, -1)
        else:
            self._works.launch((*entry[:2], None, entry))
        if fault.ends is not None:
            ends = float(fault.ends)
            heal = (ends, seq + 1, "heal", None, None, fault, number, -1)
            self._works.launch((*heal[:2], None, heal))

    def _on_fault(self, entry: tuple) -> None:
        self.records.append(entry)
        entry[5].begin(self)

    def _on_heal(self, entry: tuple) -> None:
        self.records.append(entry)
        entry[5].end(self)

    def crash(self, name: str, power: bool = False, torn: bool = False) -> None:
        """Stop the process of node `name`; with `power`, its un-synced writes are gone as well,
        and if `torn`, sectors of them remain."""
        slot = self.slots[name]
        if slot.up or power:
            draw = Random(f"{self.seed}/torn/{name}/{slot.starts}") if torn else None
            self._stop(slot, power, None, draw)

    def _stop(self, slot: Slot, power: bool, text: str | None, draw: Random | None = None) -> None:
        if slot.up:
            slot.set(up=False)
            self._record("crash", slot.name, text)
        lost = slot.disk._crash(self.now, power, draw)
        if lost:
            self._record("undone", slot.name, lost)
        slot.timers.clear()
        slot.armed.clear()
        slot.held, slot.stalled = [], []
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
        slot.booting = True
        self._handle(slot, seq, slot.node.on_start)
        slot.booting = False

    def pause(self, name: str, until: float) -> None:
        """Let node `name` stand still until `until` ms."""
        slot = self.slots[name]
        if not slot.up:
            return
        slot.paused_until = max(until, slot.paused_until) if slot.paused else until
        slot.set(paused=True)
        self._record("pause", name, slot.paused_until)
        self._push(float(until), "resume", name, None, slot.starts, None)

    def _on_resume(self, entry: tuple) -> None:
        time, seq, _, name, _, starts, _, cause = entry
        slot = self.slots[name]
        if slot.up and slot.starts == starts and slot.paused and slot.paused_until <= self.now:
            slot.set(paused=False)
            self.records.append((time, seq, "resume", name, None, None, None, cause))
            held, slot.held = slot.held, []
            for waiting in held:
                self.by_what[waiting[2]](self, waiting)
            self._drain(slot)

    def cut(self, src: str, dst: str, change: int) -> None:
        """Cut the link from `src` to `dst` once more (+1) or once less (-1)."""
        link = self.link(src, dst)
        link.cuts += change
        link.touched()
        receiver = self.slots[dst]
        receiver.cuts += change
        receiver.set()

    by_what: ClassVar[dict[str, Callable]] = {
        "deliver": Timing._deliver,
        "timer": Timing._fire,
        "drop": Timing._on_drop,
        "later": Timing._on_later,
        "free": Timing._on_free,
        "synced": Timing._on_synced,
        "fault": _on_fault,
        "heal": _on_heal,
        "resume": _on_resume,
    }
