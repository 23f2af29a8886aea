"""How long a message takes: distributions that turn one uniform draw into milliseconds.

Each message costs exactly one draw, whatever its distribution, so that another fault or another
message elsewhere never shifts the draws of this link. Results of `log` and `pow` differ in the
last bit between C libraries; they are rounded to 1/1024 ms (about one microsecond, exactly
representable), so a trace is the same on every machine.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from dsviz.errors import DsvizError


def _portable(ms: float) -> float:
    return int(ms * 1024.0 + 0.5) / 1024.0


@dataclass(frozen=True)
class Latency(ABC):
    """A distribution of delays."""

    @abstractmethod
    def draw(self, u: float) -> float:
        """Return the delay in ms that belongs to the uniform draw 0 <= u < 1."""

    @property
    def affine(self) -> tuple[float, float] | None:
        """(low, range) when `draw` is ``low + range * u``, else None."""
        return None

    def __add__(self, ms: float) -> Latency:
        return Shifted(ms, self)


@dataclass(frozen=True)
class Constant(Latency):
    """Always `ms` milliseconds."""

    ms: float

    def __post_init__(self) -> None:
        if not self.ms >= 0:
            raise DsvizError(f"ms={self.ms!r} must be 0 or more milliseconds")

    def draw(self, u: float) -> float:
        return self.ms

    @property
    def affine(self) -> tuple[float, float]:
        return self.ms, 0.0


@dataclass(frozen=True)
class Uniform(Latency):
    """Between `low` and `high` ms, each value equally likely."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise DsvizError(f"low={self.low!r}, high={self.high!r}: need 0 <= low <= high, in ms")

    def draw(self, u: float) -> float:
        return self.low + (self.high - self.low) * u

    @property
    def affine(self) -> tuple[float, float]:
        return self.low, self.high - self.low


@dataclass(frozen=True)
class Exponential(Latency):
    """Exponential with the given `rate` per ms (mean 1 / rate ms)."""

    rate: float

    def draw(self, u: float) -> float:
        return _portable(-math.log(1.0 - u) / self.rate)


@dataclass(frozen=True)
class Pareto(Latency):
    """Pareto with scale `xm` ms (the least value) and shape `alpha`."""

    xm: float
    alpha: float

    def draw(self, u: float) -> float:
        return _portable(self.xm * (1.0 - u) ** (-1.0 / self.alpha))


@dataclass(frozen=True)
class Mixture(Latency):
    """`first` with probability `p`, else `second`; one draw serves both choice and value."""

    p: float
    first: Latency
    second: Latency

    def draw(self, u: float) -> float:
        if u < self.p:
            return self.first.draw(u / self.p)
        return self.second.draw((u - self.p) / (1.0 - self.p))


@dataclass(frozen=True)
class Shifted(Latency):
    """`ms` milliseconds more than `base`."""

    ms: float
    base: Latency

    def draw(self, u: float) -> float:
        return self.ms + self.base.draw(u)


#: Presets for a whole network: every message kind alike.
PRESETS: dict[str, Latency] = {
    "exact": Constant(10.0),
    "lan": Uniform(0.3, 0.7),
    "az": Uniform(1.0, 3.0),
    "wan": Uniform(30.0, 50.0),
}

_SSD = Mixture(0.9122, Pareto(0.235, 10.0), Exponential(1.66))
_YMMR_READ = Mixture(0.982, Pareto(1.5, 3.8), Exponential(0.0217))

#: One-way latencies in ms fitted to production systems, for the messages of a quorum store in
#: the order W (write), A (acknowledgment), R (read), S (response). Source: Bailis et al.,
#: "Probabilistically Bounded Staleness for Practical Partial Quorums", VLDB 2012, table 3.
WARS: dict[str, tuple[Latency, Latency, Latency, Latency]] = {
    "lnkd-ssd": (_SSD, _SSD, _SSD, _SSD),
    "lnkd-disk": (Mixture(0.38, Pareto(1.05, 1.51), Exponential(0.183)), _SSD, _SSD, _SSD),
    "ymmr": (
        Mixture(0.939, Pareto(3.0, 3.35), Exponential(0.0028)),
        _YMMR_READ,
        _YMMR_READ,
        _YMMR_READ,
    ),
}
