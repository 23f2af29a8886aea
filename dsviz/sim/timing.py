"""Timers, disks and work: what makes a node wait, and what it does when the wait is over."""

from __future__ import annotations

from typing import Any

from dsviz.errors import DsvizError
from dsviz.sim.disk import DiskError
from dsviz.sim.mail import Mail
from dsviz.sim.node import Node
from dsviz.sim.slot import Slot


class Timing(Mail):
    """The kernel's part that lets time pass for a node."""

    # Timers -----------------------------------------------------------------------------------

    def set_timer(self, slot: Slot, name: str, ms: float, data: dict[str, Any]) -> None:
        """Arm a timer of `slot`, replacing the one with the same name and data."""
        slot.verbs["set_timer"](name, ms, **data)

    def cancel_timer(self, slot: Slot, name: str, data: dict[str, Any]) -> None:
        """Disarm one timer of `slot`, or without data all of that name."""
        slot.verbs["cancel_timer"](name, **data)

    def refuse_timer(self, slot: Slot, name: str) -> None:
        """Raise DsvizError for a timer without a handler."""
        Node.set_timer(slot.node, name, 0.0)  # type: ignore[arg-type]

    def _fire(self, entry: tuple) -> None:
        slot = self.slots[entry[3]]
        if not slot.ready:
            slot.inbox.append(entry)
            return
        now, seq, timer = self.now, entry[1], entry[5]
        data = slot.due(timer, seq)
        if data is None:
            return
        self.records.append(entry if entry[0] == now else (now, *entry[1:]))
        self._handle(slot, seq, slot.on_timer[timer], **data)

    # Disks ------------------------------------------------------------------------------------

    def sync_disk(
        self,
        slot: Slot,
        serial: int,
        names: tuple[str, ...],
        ms: float,
        then: str | None,
        failed: bool,
    ) -> None:
        """Make the disk's changes up to `serial` durable in `ms` ms; see `Disk.sync`."""
        if then is not None and not hasattr(slot.node, f"on_disk_{then}"):
            raise DsvizError(f"{slot.name}: sync(then={then!r}) needs a method on_disk_{then}")
        ms *= slot.slowness
        if ms == 0 and not self._works.lead() and then is None and not slot.stalls:
            settled = _settled(slot, slot.disk._settle(serial, names, failed))
            self._record(*settled, _listed(names))
            return
        data = (serial, then, failed, names)
        self._push(self.handler_time() + ms, "synced", slot.name, None, data, slot.starts)
        if then is None:
            self._works.ahead(ms)

    def _on_synced(self, entry: tuple) -> None:
        _, seq, _, name, _, (serial, then, failed, names), starts, cause = entry
        slot = self.slots[name]
        if not slot.up or slot.starts != starts:
            return
        if slot.stalls:
            slot.stalled.append(entry)
            return
        if then is not None and not slot.ready:
            slot.inbox.append(entry)
            return
        result = slot.disk._settle(serial, names, failed)
        what, _, data = _settled(slot, result)
        self.records.append((self.now, seq, what, name, None, data, _listed(names), cause))
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
            time = self.now + entry[0] - first
            self._works.relaunch((time, entry[1], None, (time, *entry[1:])))

    # Work -------------------------------------------------------------------------------------

    def _on_free(self, entry: tuple) -> None:
        """A handler that took time is done."""
        slot = self.slots[entry[3]]
        if self._outlived(slot, entry[5], entry):
            slot.set(busy=False)
            self._works.because(entry[7])
            if slot.shows:
                self._show(slot)
            self._drain(slot)

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


def _settled(slot: Slot, result: int | DiskError) -> tuple[str, str, Any]:
    """Return (what, node, data) of the event that ends a sync."""
    if isinstance(result, DiskError):
        return "disk error", slot.name, "sync"
    return "synced", slot.name, result


def _listed(names: tuple[str, ...]) -> str | None:
    return ", ".join(names) or None
