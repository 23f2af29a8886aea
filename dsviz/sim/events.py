"""The ground of the kernel: what is to happen, what has happened, and how a handler is run."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from dsviz.errors import DsvizError, listed
from dsviz.sim.clockwork import clockwork
from dsviz.sim.network import Link, Network
from dsviz.sim.slot import Slot, explained
from dsviz.sim.values import ATOMS, frozen


class Events:
    """Virtual time: what is to happen, what has happened, and how a handler is run."""

    def __init__(self, network: Network, seed: int) -> None:
        self.seed = seed
        self.records: list[tuple] = []  # the trace so far
        self.roles: dict[str, str] = {}
        self.slots: dict[str, Slot] = {}
        self._network = network
        self._coming: list[tuple] = []
        self._operations = 0
        works = self._works = clockwork(self, self._coming, self.records)  # type: ignore[arg-type]
        self._push, self._record = works.push, works.record

    @property
    def now(self) -> float:
        """True time in ms."""
        return self._works.now()

    def handler_time(self) -> float:
        """True time in ms as the running handler has it: later than `now` after a blocking sync."""
        return self._works.now() + self._works.lead()

    def link(self, src: str, dst: str) -> Link:
        """Return the link from `src` to `dst`. Raises DsvizError when there is no such node."""
        slot = self.slots[src]
        link = slot.links.get(dst)
        if link is None:
            if dst not in self.slots:
                raise DsvizError(
                    f"{src} sends to {dst!r}, which does not exist; the nodes are "
                    f"{listed(self.slots)}"
                )
            # What a node sends to itself crosses no network.
            network = Network(0.0) if src == dst else self._network
            link = slot.links[dst] = Link(network, self.seed, src, self.slots[dst], slot.quick)
        return link

    def next_operation_number(self) -> int:
        """Number the operations of all clients, in the order in which they begin."""
        self._operations += 1
        return self._operations

    # Handlers ---------------------------------------------------------------------------------

    def _handle(self, slot: Slot, cause: int, handler: Callable, *args: Any, **data: Any) -> None:
        """Run one handler; note what it changed; let its node die if it raises."""
        self._works.because(cause)
        if not slot.at_once:
            self._works.ahead(slot.work())
        try:
            handler(*args, **data)
            if self._works.lead():
                self._wait_for_disk(slot)
            elif slot.shows:
                self._show(slot)
        except Exception as error:
            self._die_of(slot, error)

    def _wait_for_disk(self, slot: Slot) -> None:
        """The handler takes time, or waits for its disk: meanwhile its node handles nothing."""
        slot.set(busy=True)
        ends = self.now + self._works.level()
        self._push(ends, "free", slot.name, None, slot.starts, None)

    def _show(self, slot: Slot) -> None:
        """Record the shown attributes that changed."""
        changed = {}
        for name in slot.shows:
            value = getattr(slot.node, name, None)
            if type(value) not in ATOMS:
                value = frozen_shown(name, value)
            if name not in slot.shown or slot.shown[name] != value:
                changed[name] = slot.shown[name] = value
        if changed:
            self._record("state", slot.name, changed)

    def _die_of(self, slot: Slot, error: Exception) -> None:
        self._works.level()
        self._stop(slot, False, explained(error))

    def _stop(self, slot: Slot, power: bool, text: str | None, draw: Random | None = None) -> None:
        """Let a node's process end; the kernel says what that takes."""
        raise NotImplementedError

    # What a handler does, when its time comes ---------------------------------------------------

    def effect(self, slot: Slot, what: str, data: Any) -> None:
        """Record what a handler did, when its time comes."""
        if self._works.lead():
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
            self._works.because(entry[7])
            act(*args)

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


def frozen_shown(name: str, value: Any) -> Any:
    """Return a shown attribute as a trace can keep it. Raises DsvizError naming the attribute."""
    try:
        return frozen(value)
    except DsvizError:
        return frozen(value, f"the shown attribute {name!r}")


def _blocks(entry: tuple) -> bool:
    """Whether this is the end of a sync for which its handler waits."""
    return entry[2] == "synced" and entry[5][1] is None
