"""What goes wrong between nodes: links that are cut, lossy, slow or garble what they carry."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsviz.errors import DsvizError, listed
from dsviz.sim.fault import Fault, check_positive, names_of, span
from dsviz.sim.network import as_probability

if TYPE_CHECKING:
    from dsviz.sim.kernel import Kernel
    from dsviz.sim.network import Link


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
        object.__setattr__(self, "a", names_of(self.a))
        object.__setattr__(self, "b", names_of(self.b))
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
        return f"a network partition separates {listed(self.a)} from {other} {span(self)}"


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
        return f"nothing passes from {self.src} to {self.dst} {span(self)}"


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
        return f"messages are lost with probability {self.p:g} {self._where()} {span(self)}"


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
        return f"messages arrive twice with probability {self.p:g} {self._where()} {span(self)}"


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
        return f"messages take {self.ms:g} ms longer {self._where()} {span(self)}"


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
        check_positive(self, "ms", self.ms)

    def change(self, link: Link, on: bool) -> None:
        (link.windows.append if on else link.windows.remove)(self.ms)

    def __str__(self) -> str:
        return f"messages are shuffled within {self.ms:g} ms {self._where()} {span(self)}"


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
        return f"messages are garbled with probability {self.p:g} {self._where()} {span(self)}"
