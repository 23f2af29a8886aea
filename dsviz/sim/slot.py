"""A place in the cluster: what outlives the process that runs there."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from dsviz.errors import DsvizError, listed
from dsviz.message import Message
from dsviz.sim.disk import Disk
from dsviz.sim.latency import Latency

if TYPE_CHECKING:
    from dsviz.sim.kernel import Kernel
    from dsviz.sim.network import Link
    from dsviz.sim.node import Node


#: What a handler is taken to cost, in ms, where a slow node has no service time of its own.
NOMINAL_SERVICE = 0.1


_NOTHING: dict[str, Any] = {}


class Slot:
    """A place in the cluster: what outlives the process that runs there, and its state now."""

    # Slots, because the loop reads four of these attributes for every event.
    __slots__ = (
        "_random",
        "_seed",
        "_works",
        "armed",
        "at_once",
        "booting",
        "busy",
        "clock",
        "cuts",
        "disk",
        "dispatch",
        "fast",
        "handlers",
        "held",
        "inbox",
        "links",
        "name",
        "node",
        "on_timer",
        "paused",
        "paused_until",
        "post",
        "quick",
        "ready",
        "shown",
        "shows",
        "slowness",
        "stalled",
        "stalls",
        "starts",
        "template",
        "timers",
        "up",
        "verbs",
        "watched",
    )

    def __init__(self, kernel: Kernel, name: str, template: Node, sync_ms: float) -> None:
        self.name = name
        self.template = template
        self.disk = Disk(kernel, self, sync_ms)
        self.shows = tuple(template.shows)
        self.watched = bool(self.shows)
        self.links: dict[str, Link] = {}  # from here, by receiver
        # (least latency, its range, draw, where to) of the links without any fault, by receiver
        self.quick: dict[str, tuple[float, float, Callable[[], float], Slot]] = {}
        self.cuts = 0  # how many cuts are on the links to here
        self.booting = False
        self.starts = 0
        self.paused_until = 0.0
        self.slowness = 1.0  # factor on the time that handlers and disk take
        self.set(up=False, paused=False, busy=False)
        self.clock = Clock()
        self.stalls = 0  # how many faults stall the disk now
        self.stalled: list[tuple] = []  # what waits for the disk to answer again
        self.timers: dict[Any, int] = {}  # the event of each timer that is set, by name (and data)
        self.armed: dict[int, tuple[tuple, dict[str, Any]]] = {}  # of those with data, by event
        self.inbox: deque[tuple] = deque()  # what arrived while it was paused or busy
        self.held: list[tuple] = []  # the rest of a handler that a pause interrupted
        self.handlers = Handlers(self)
        self.dispatch: dict[type[Message], Callable] = {}  # the same by class, as messages come
        self.on_timer: dict[str, Callable] = {}
        self.post = kernel._works.post_of(self)
        #: Methods of `Node` as functions of this place's own: a call less for each event.
        self.verbs = {
            "send": kernel._works.send_of(self),
            "set_timer": kernel._works.set_timer_of(self),
            "cancel_timer": kernel._works.cancel_timer_of(self),
        }
        self.shown: dict[str, Any] = {}
        self.node: Node | None = None
        self._seed = kernel.seed
        self._random: Random | None = None
        self._works: Callable[[], float] | None = None

    def work(self) -> float:
        """How many ms the next handler takes: the node's service time, if it has one.

        Booting takes none.
        """
        service = self.template.service
        if self.booting:
            return 0.0
        if not service:
            return 0.0 if self.slowness == 1.0 else NOMINAL_SERVICE * (self.slowness - 1.0)
        if not isinstance(service, Latency):
            return service * self.slowness
        if self._works is None:
            self._works = Random(f"{self._seed}/service/{self.name}").random
        return service.draw(self._works()) * self.slowness

    def set(self, **flags: bool) -> None:
        """Set `up`, `paused` or `busy` (a handler takes time), and what follows from them."""
        for flag, value in flags.items():
            setattr(self, flag, value)
        self.ready = self.up and not self.paused and not self.busy
        takes_time = bool(self.template.service) or self.slowness != 1.0
        self.at_once = self.ready and not takes_time
        self.fast = self.at_once and not self.cuts

    def due(self, timer: str, seq: int) -> dict[str, Any] | None:
        """Disarm the timer that fires with event `seq`; return its data, None if it is not set."""
        timers = self.timers
        if timers.get(timer) == seq:
            del timers[timer]
            return _NOTHING
        if seq not in self.armed:
            return None  # cancelled, replaced, or of a process that is gone
        key, data = self.armed.pop(seq)
        del timers[key]
        return data

    up: bool
    paused: bool
    busy: bool
    ready: bool  # it can handle something now
    at_once: bool  # and handling it takes no time
    fast: bool  # and no link to here is cut: the shortest way

    def random(self) -> Random:
        """The node's own random stream, a new one after each restart."""
        if self._random is None:
            self._random = Random(f"{self._seed}/node/{self.name}/{self.starts}")
        return self._random

    def boot(self, kernel: Kernel) -> None:
        """Put a fresh process here."""
        self.set(up=True, paused=False, busy=False)
        self.starts += 1
        self._random = None
        self.shown = {}
        self.node = self.template._booted(kernel, self)
        self.handlers.clear()
        self.dispatch.clear()
        self.on_timer.clear()
        for name in kernel.handler_names(type(self.node)):
            if name.startswith("on_timer_"):
                self.on_timer[name[9:]] = getattr(self.node, name)
            else:
                self.handlers[name[3:]] = getattr(self.node, name)


class Clock:
    """A node's clock, in ms: it may be off, and it may run fast or slow."""

    __slots__ = ("offset", "rate", "since")

    def __init__(self) -> None:
        self.offset = 0.0
        self.rate = 0.0  # ms gained per ms
        self.since = 0.0

    def at(self, now: float) -> float:
        """What the clock shows at true time `now`."""
        return now + self.offset + self.rate * (now - self.since)

    def drift(self, now: float, rate: float) -> None:
        """Gain `rate` ms more per ms from true time `now` on."""
        self.offset += self.rate * (now - self.since)
        self.since = now
        self.rate += rate

    def real(self, ms: float) -> float:
        """How many ms of true time pass while the clock counts `ms`."""
        return ms / (1.0 + self.rate)


class Handlers(dict):
    """A node's handlers by message kind. A kind without one gets a handler that says so."""

    def __init__(self, slot: Slot) -> None:
        super().__init__()
        self._slot = slot

    def __missing__(self, kind: str) -> Callable[[Message], None]:
        def refuse(message: Message) -> None:
            raise DsvizError(
                f"{self._slot.name} got a message of kind {kind!r} but "
                f"{type(self._slot.template).__name__} has no on_{kind}; it handles {listed(self)}"
            )

        return refuse


def explained(error: Exception) -> str:
    """Return what went wrong in a handler: the learner's own lines, then the error.

    Without file names and without our frames, so that the trace is the same on every machine.
    """
    told = getattr(error, "explained", None)
    if isinstance(told, str):
        return told  # raised in another process, which has explained it already
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _is_ours(f.filename)]
    lines = [f"in {frame.name}, line {frame.lineno}: {frame.line}" for frame in frames]
    return "\n".join([*lines, in_words(error)])


def in_words(error: BaseException) -> str:
    """Return the kind of an error and what it says; of a missing field, which fields there are."""
    said = str(error)
    if isinstance(error, AttributeError) and isinstance(error.obj, Message):
        message = error.obj
        said = (
            f"message {message.kind!r} has no field {error.name!r}; its fields are "
            f"{listed(message.fields)}"
        )
    return f"{type(error).__name__}: {said}"


def _is_ours(filename: str) -> bool:
    return Path(filename).parent == Path(__file__).parent
