"""The fault vocabulary: what can go wrong, as data.

A fault is a frozen dataclass: when it begins (`at`, in ms of true time), how long it lasts
(`duration` in ms, None for the rest of the run) and what it hits. Because faults are data, every
click of a learner can be replayed, shared, shrunk and undone. ``str(fault)`` is one sentence,
``repr(fault)`` the Python that makes it, `to_dict` and `fault_from_dict` its JSON form.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

from dsviz import trace
from dsviz.errors import DsvizError, listed
from dsviz.sim.network import as_probability

if TYPE_CHECKING:
    from dsviz.sim.kernel import Kernel
    from dsviz.sim.network import Link

#: Every fault class by name: the vocabulary of the menus, of JSON and of the search for bugs.
FAULTS: dict[str, type[Fault]] = {}


class Fault(ABC):
    """What all faults share. Subclasses are frozen dataclasses with a field `at`."""

    label: ClassVar[str] = "fault"  # what menus and chips call it
    hits_links: ClassVar[bool] = False  # else it hits nodes
    at: float

    def __init_subclass__(cls) -> None:
        FAULTS[cls.__name__] = cls

    def __post_init__(self) -> None:
        for name in ("at", "duration"):
            value = getattr(self, name, None)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
                raise DsvizError(
                    f"{type(self).__name__}: {name}={value!r} must be a number of ms, 0 or more"
                )
        self.validate()

    def validate(self) -> None:  # noqa: B027 (most have no more to check)
        """Raise DsvizError when a field of this kind of fault makes no sense; tidy the fields."""

    @property
    def ends(self) -> float | None:
        """When it ends by itself, in ms, or None."""
        duration = getattr(self, "duration", None)
        return None if duration is None else self.at + duration

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes it names."""
        names: list[str] = []
        for name in ("node", "src", "dst"):
            value = getattr(self, name, None)
            names += [value] if value is not None else []
        return tuple(names)

    @abstractmethod
    def begin(self, kernel: Kernel) -> None:
        """Do to the running cluster what this fault does."""

    def end(self, kernel: Kernel) -> None:  # noqa: B027 (faults without an end need none)
        """Undo it, when its duration is over."""

    def check(self, nodes: Iterable[str], duration: float) -> None:
        """Raise DsvizError unless every node exists and the fault begins within the run."""
        known = list(nodes)
        for name in self.nodes:
            if name not in known:
                raise DsvizError(
                    f"{self!r}: there is no node {name!r}; the nodes are {listed(known)}"
                )
        if not 0 <= self.at <= duration:
            raise DsvizError(
                f"{self!r}: at={self.at:g} is outside the run; choose 0 to {duration:g} ms"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: the class name as ``fault``, and what differs from defaults."""
        stored: dict[str, Any] = {"fault": type(self).__name__}
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if item.default is MISSING or value != item.default:
                stored[item.name] = list(value) if isinstance(value, tuple) else value
        return stored

    def __repr__(self) -> str:
        parts = []
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if item.default is not MISSING and value == item.default:
                continue
            text = f"{value:g}" if isinstance(value, float) else repr(value)
            leading = item.name in (
                "node",
                "targets",
                "a",
                "b",
                "src",
                "dst",
                "p",
                "ms",
                "factor",
                "ppm",
            )
            parts.append(text if leading and len(parts) < 3 else f"{item.name}={text}")
        return f"{type(self).__name__}({', '.join(parts)})"


def fault_from_dict(stored: dict[str, Any]) -> Fault:
    """Return the fault that `Fault.to_dict` wrote. Raises DsvizError when it is not one."""
    values = dict(stored)
    name = values.pop("fault", None)
    if name not in FAULTS:
        raise DsvizError(f"fault={name!r} is not known; the faults are {listed(FAULTS)}")
    try:
        return FAULTS[name](**values)
    except TypeError as error:
        raise DsvizError(f"{name}: {error}") from None


trace._fault_reader[0] = fault_from_dict


def _check_positive(fault: Any, name: str, value: float) -> None:
    if not value > 0:
        raise DsvizError(f"{type(fault).__name__}: {name}={value!r} must be more than 0")


def _span(fault: Any) -> str:
    if fault.duration is None:
        return f"from {fault.at:g} ms on"
    return f"from {fault.at:g} to {fault.at + fault.duration:g} ms"


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    """Return names sorted and without repeats, whatever they were given as."""
    return (value,) if isinstance(value, str) else tuple(sorted(set(value)))


@dataclass(frozen=True, repr=False)
class Crash(Fault):
    """The process of `node` dies. Its memory is gone; what it wrote stays in the page cache."""

    label = "crash"
    node: str
    at: float

    def begin(self, kernel: Kernel) -> None:
        kernel.crash(self.node)

    def __str__(self) -> str:
        return f"{self.node} crashes at {self.at:g} ms"


@dataclass(frozen=True, repr=False)
class Restart(Fault):
    """`node` starts again with what its disk holds. Nothing happens when it is running."""

    label = "restart"
    node: str
    at: float

    def begin(self, kernel: Kernel) -> None:
        kernel.restart(self.node)

    def __str__(self) -> str:
        return f"{self.node} restarts at {self.at:g} ms"


@dataclass(frozen=True, repr=False)
class PowerLoss(Fault):
    """The machines of `targets` lose power together: what no completed sync covered is gone. If
    `torn`, sectors of it reached the disk and others did not, in no order."""

    label = "power loss"
    targets: tuple[str, ...]
    at: float
    torn: bool = False

    def validate(self) -> None:
        object.__setattr__(self, "targets", _names(self.targets))

    @property
    def nodes(self) -> tuple[str, ...]:
        return self.targets

    def begin(self, kernel: Kernel) -> None:
        for name in self.targets:
            kernel.crash(name, power=True, torn=self.torn)

    def __str__(self) -> str:
        verb = "loses" if len(self.targets) == 1 else "lose"
        left = "sectors of un-synced writes remain" if self.torn else "un-synced writes are gone"
        return f"{listed(self.targets)} {verb} power at {self.at:g} ms; {left}"


@dataclass(frozen=True, repr=False)
class Pause(Fault):
    """`node` stands still (a garbage collection, a VM being moved): it handles nothing, its timers
    fire late, and it does not know."""

    label = "pause"
    node: str
    at: float
    duration: float

    def begin(self, kernel: Kernel) -> None:
        kernel.pause(self.node, self.at + self.duration)

    def __str__(self) -> str:
        return f"{self.node} stands still {_span(self)}"


@dataclass(frozen=True, repr=False)
class Partition(Fault):
    """No message passes between the groups `a` and `b`, in either direction. With `b` empty, `a`
    is cut off from every other node. Messages under way across the cut are lost."""

    label = "partition"
    hits_links = True
    a: tuple[str, ...]
    b: tuple[str, ...] = ()
    at: float = 0.0
    duration: float | None = None

    def validate(self) -> None:
        object.__setattr__(self, "a", _names(self.a))
        object.__setattr__(self, "b", _names(self.b))
        if not self.a:
            raise DsvizError("Partition: a is empty; name at least one node to cut off")
        if set(self.a) & set(self.b):
            both = listed(set(self.a) & set(self.b))
            raise DsvizError(f"Partition: {both} cannot be on both sides")

    @property
    def nodes(self) -> tuple[str, ...]:
        return self.a + self.b

    def _links(self, kernel: Kernel) -> Iterator[tuple[str, str]]:
        others = self.b or [name for name in kernel.slots if name not in self.a]
        for one in self.a:
            for other in others:
                yield one, other
                yield other, one

    def begin(self, kernel: Kernel) -> None:
        for src, dst in self._links(kernel):
            kernel.cut(src, dst, +1)

    def end(self, kernel: Kernel) -> None:
        for src, dst in self._links(kernel):
            kernel.cut(src, dst, -1)

    def __str__(self) -> str:
        other = listed(self.b) if self.b else "all other nodes"
        return f"a network partition separates {listed(self.a)} from {other} {_span(self)}"


@dataclass(frozen=True, repr=False)
class _LinkFault(Fault):
    """A fault of one direction of a link, or, with src or dst None, of all links that match."""

    hits_links = True

    @abstractmethod
    def change(self, link: Link, on: bool) -> None:
        """Put this fault on a link, or take it off."""

    def begin(self, kernel: Kernel) -> None:
        for link in self._links(kernel):
            self.change(link, True)
            link.touched()

    def end(self, kernel: Kernel) -> None:
        for link in self._links(kernel):
            self.change(link, False)
            link.touched()

    def _links(self, kernel: Kernel) -> Iterator[Link]:
        src, dst = getattr(self, "src", None), getattr(self, "dst", None)
        for one in [src] if src else kernel.slots:
            for other in [dst] if dst else kernel.slots:
                if one != other:
                    yield kernel.link(one, other)

    def _where(self) -> str:
        src, dst = getattr(self, "src", None), getattr(self, "dst", None)
        if src is None and dst is None:
            return "on every link"
        return f"from {src or 'every node'} to {dst or 'every node'}"


del FAULTS["_LinkFault"]


@dataclass(frozen=True, repr=False)
class Cut(Fault):
    """Messages from `src` to `dst` are lost; the other direction still works."""

    label = "one-way cut"
    hits_links = True
    src: str
    dst: str
    at: float
    duration: float | None = None

    def begin(self, kernel: Kernel) -> None:
        kernel.cut(self.src, self.dst, +1)

    def end(self, kernel: Kernel) -> None:
        kernel.cut(self.src, self.dst, -1)

    def __str__(self) -> str:
        return f"nothing passes from {self.src} to {self.dst} {_span(self)}"


@dataclass(frozen=True, repr=False)
class Loss(_LinkFault):
    """Each message is lost with probability `p`, on the links that match `src` and `dst`."""

    label = "loss"
    p: float
    src: str | None = None
    dst: str | None = None
    at: float = 0.0
    duration: float | None = None

    def validate(self) -> None:
        as_probability("Loss: p", self.p)

    def change(self, link: Link, on: bool) -> None:
        (link.loss.append if on else link.loss.remove)(self.p)

    def __str__(self) -> str:
        return f"messages are lost with probability {self.p:g} {self._where()} {_span(self)}"


@dataclass(frozen=True, repr=False)
class Duplicate(_LinkFault):
    """Each message arrives twice with probability `p`, on the links that match."""

    label = "duplication"
    p: float
    src: str | None = None
    dst: str | None = None
    at: float = 0.0
    duration: float | None = None

    def validate(self) -> None:
        as_probability("Duplicate: p", self.p)

    def change(self, link: Link, on: bool) -> None:
        (link.duplicate.append if on else link.duplicate.remove)(self.p)

    def __str__(self) -> str:
        return f"messages arrive twice with probability {self.p:g} {self._where()} {_span(self)}"


@dataclass(frozen=True, repr=False)
class Delay(_LinkFault):
    """Each message takes `ms` longer, on the links that match `src` and `dst`."""

    label = "extra delay"
    ms: float
    src: str | None = None
    dst: str | None = None
    at: float = 0.0
    duration: float | None = None

    def validate(self) -> None:
        if not self.ms >= 0:
            raise DsvizError(
                f"Delay: ms={self.ms!r} must be 0 or more; messages cannot arrive early"
            )

    def change(self, link: Link, on: bool) -> None:
        link.delay += self.ms if on else -self.ms

    def __str__(self) -> str:
        return f"messages take {self.ms:g} ms longer {self._where()} {_span(self)}"


@dataclass(frozen=True, repr=False)
class Reorder(_LinkFault):
    """Each message takes up to `ms` longer, drawn by lot, so that later ones overtake earlier."""

    label = "reordering"
    ms: float
    src: str | None = None
    dst: str | None = None
    at: float = 0.0
    duration: float | None = None

    def validate(self) -> None:
        _check_positive(self, "ms", self.ms)

    def change(self, link: Link, on: bool) -> None:
        (link.windows.append if on else link.windows.remove)(self.ms)

    def __str__(self) -> str:
        return f"messages are shuffled within {self.ms:g} ms {self._where()} {_span(self)}"


@dataclass(frozen=True, repr=False)
class Corrupt(_LinkFault):
    """Each message has one field garbled with probability `p`, on the links that match."""

    label = "corruption"
    p: float
    src: str | None = None
    dst: str | None = None
    at: float = 0.0
    duration: float | None = None

    def validate(self) -> None:
        as_probability("Corrupt: p", self.p)

    def change(self, link: Link, on: bool) -> None:
        (link.corrupt.append if on else link.corrupt.remove)(self.p)

    def __str__(self) -> str:
        return f"messages are garbled with probability {self.p:g} {self._where()} {_span(self)}"


@dataclass(frozen=True, repr=False)
class Slow(Fault):
    """Everything `node` does, its disk included, takes `factor` times as long."""

    label = "slow node"
    node: str
    factor: float
    at: float = 0.0
    duration: float | None = None

    def validate(self) -> None:
        _check_positive(self, "factor", self.factor)

    def begin(self, kernel: Kernel) -> None:
        slot = kernel.slots[self.node]
        slot.slowness *= self.factor
        slot.set()

    def end(self, kernel: Kernel) -> None:
        slot = kernel.slots[self.node]
        slot.slowness /= self.factor
        slot.set()

    def __str__(self) -> str:
        return f"{self.node} is {self.factor:g} times slower {_span(self)}"


@dataclass(frozen=True, repr=False)
class DiskStall(Fault):
    """The disk of `node` answers nothing: a sync ends only after the stall."""

    label = "disk stall"
    node: str
    at: float
    duration: float

    def begin(self, kernel: Kernel) -> None:
        kernel.stall_disk(self.node, +1)

    def end(self, kernel: Kernel) -> None:
        kernel.stall_disk(self.node, -1)

    def __str__(self) -> str:
        return f"the disk of {self.node} stalls {_span(self)}"


@dataclass(frozen=True, repr=False)
class DiskFailure(Fault):
    """A sync of `node` fails with an input/output error: the next one, or with a `duration` every
    one in that time. What it should have written is on no disk, and no later sync writes it."""

    label = "disk error"
    node: str
    at: float
    duration: float | None = None

    def begin(self, kernel: Kernel) -> None:
        kernel.slots[self.node].disk._fail(1 if self.duration is None else -1)

    def end(self, kernel: Kernel) -> None:
        kernel.slots[self.node].disk._fail(0)

    def __str__(self) -> str:
        if self.duration is None:
            return f"the next sync of {self.node} after {self.at:g} ms fails"
        return f"every sync of {self.node} fails {_span(self)}"


@dataclass(frozen=True, repr=False)
class ClockDrift(Fault):
    """The clock of `node` gains `ppm` microseconds a second (negative: loses), and its timers
    count by it."""

    label = "clock drift"
    node: str
    ppm: float
    at: float = 0.0
    duration: float | None = None

    def validate(self) -> None:
        if not self.ppm > -1_000_000:
            raise DsvizError(f"ClockDrift: ppm={self.ppm!r} would stop the clock or turn it back")

    def begin(self, kernel: Kernel) -> None:
        kernel.slots[self.node].clock.drift(kernel.now, self.ppm / 1e6)

    def end(self, kernel: Kernel) -> None:
        kernel.slots[self.node].clock.drift(kernel.now, -self.ppm / 1e6)

    def __str__(self) -> str:
        return f"the clock of {self.node} drifts by {self.ppm:+g} ppm {_span(self)}"


@dataclass(frozen=True, repr=False)
class ClockSkew(Fault):
    """The clock of `node` jumps by `ms` (negative: back). Its timers, which measure durations,
    are not affected."""

    label = "clock skew"
    node: str
    ms: float
    at: float = 0.0

    def begin(self, kernel: Kernel) -> None:
        kernel.slots[self.node].clock.offset += self.ms

    def __str__(self) -> str:
        return f"the clock of {self.node} jumps by {self.ms:+g} ms at {self.at:g} ms"
