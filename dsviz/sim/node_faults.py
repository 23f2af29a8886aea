"""What goes wrong with nodes: their processes, their disks, their clocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsviz.errors import DsvizError, listed
from dsviz.sim.fault import Fault, check_positive, names_of, span

if TYPE_CHECKING:
    from dsviz.sim.kernel import Kernel


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
        object.__setattr__(self, "targets", names_of(self.targets))

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
        return f"{self.node} stands still {span(self)}"


@dataclass(frozen=True, repr=False)
class Slow(Fault):
    """Everything `node` does, its disk included, takes `factor` times as long."""

    label = "slow node"
    node: str
    factor: float
    at: float = 0.0
    duration: float | None = None

    def validate(self) -> None:
        check_positive(self, "factor", self.factor)

    def begin(self, kernel: Kernel) -> None:
        slot = kernel.slots[self.node]
        slot.slowness *= self.factor
        slot.set()

    def end(self, kernel: Kernel) -> None:
        slot = kernel.slots[self.node]
        slot.slowness /= self.factor
        slot.set()

    def __str__(self) -> str:
        return f"{self.node} is {self.factor:g} times slower {span(self)}"


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
        return f"the disk of {self.node} stalls {span(self)}"


@dataclass(frozen=True, repr=False)
class DiskFailure(Fault):
    """A sync of `node` fails with an input/output error: the next one, or with a `duration` every
    one in that time. What it should have written is on no disk, and no later sync writes it. With
    `file`, only syncs of files whose names begin with it."""

    label = "disk error"
    node: str
    at: float
    duration: float | None = None
    file: str = ""

    def begin(self, kernel: Kernel) -> None:
        kernel.slots[self.node].disk._fail(1 if self.duration is None else -1, self.file)

    def end(self, kernel: Kernel) -> None:
        kernel.slots[self.node].disk._fail(0)

    def __str__(self) -> str:
        of = f"{self.file!r} on {self.node}" if self.file else self.node
        if self.duration is None:
            return f"the next sync of {of} after {self.at:g} ms fails"
        return f"every sync of {of} fails {span(self)}"


@dataclass(frozen=True, repr=False)
class BitRot(Fault):
    """A bit of `file` on the disk of `node` flips by itself: in byte `byte` of what was written, or
    of the record number `record` of what was appended. The node meets it when it next starts."""

    label = "bit rot"
    node: str
    file: str
    at: float
    record: int = 0
    byte: int = 0

    def validate(self) -> None:
        if self.byte < 0:
            raise DsvizError(f"BitRot: byte={self.byte!r} must be 0 or more")

    def begin(self, kernel: Kernel) -> None:
        kernel.slots[self.node].disk._rot(self.file, self.record, self.byte)

    def __str__(self) -> str:
        return f"a bit of {self.file!r} on the disk of {self.node} flips at {self.at:g} ms"


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
        return f"the clock of {self.node} drifts by {self.ppm:+g} ppm {span(self)}"


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
