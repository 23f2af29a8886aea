"""Fault schedules made by chance: what goes wrong, where and when, for a seed.

A schedule is data and a pure function of (schedule, scenario, seed). Fault number *i* draws from
a random stream of its own, so asking for one more fault changes none of the others, and no draw
is shared with the run that the faults are injected into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, dataclass, fields
from random import Random
from typing import Any

from dsviz.errors import DsvizError, listed
from dsviz.sim.faults import FAULTS, Crash, Fault, Partition, PowerLoss, Restart
from dsviz.sim.node import Client
from dsviz.sim.scenario import Scenario

__all__ = ["EVERYTHING", "USUAL", "Schedule"]

#: What every protocol for an asynchronous network has to survive when it syncs its disk: nothing
#: lies, nothing is broken for good, and no clock is trusted.
USUAL = tuple(
    name
    for name in (
        "Crash", "PowerLoss", "Pause", "Slow", "Partition", "Cut", "Loss", "Duplicate", "Reorder",
        "Delay", "DiskStall",
    )
    if name in FAULTS
)  # fmt: skip

#: All faults there are. A restart is no fault of its own here: it follows each crash. Bit rot
#: strikes a file, and which files there are only the system's own schedule can know.
EVERYTHING = tuple(name for name in FAULTS if name not in ("Restart", "BitRot"))


@dataclass(frozen=True)
class Schedule:
    """Makes a list of faults for a scenario and a seed: ``Schedule()(scenario, seed)``.

    - `kinds`: names of fault classes; each fault is one of them, equally likely.
    - `count`: (fewest, most) faults; a restart belongs to its crash and is not counted.
    - `nodes`: whom they may hit (default: every node that is not a client). Links are those
      between these nodes.
    - `since`: the share of the run after which the first fault may begin, `until` the share at
      which all of them are over: the rest is calm, so a system has time to recover.
    - `longest`: the longest duration of a fault, as a share of the run.

    Raises DsvizError for an unknown kind or node, and for shares that are out of order.
    """

    kinds: tuple[str, ...] = USUAL
    count: tuple[int, int] = (1, 4)
    nodes: tuple[str, ...] | None = None
    since: float = 0.0
    until: float = 0.7
    longest: float = 0.3

    def __post_init__(self) -> None:
        unknown = set(self.kinds) - set(EVERYTHING)
        if unknown or not self.kinds:
            raise DsvizError(
                f"kinds={tuple(self.kinds)!r}: choose among the faults {listed(EVERYTHING)}"
                + ("; a restart follows every crash" if "Restart" in unknown else "")
            )
        low, high = self.count
        if not 0 <= low <= high:
            raise DsvizError(f"count={self.count!r} must be (fewest, most), 0 or more each")
        if not 0 <= self.since < self.until <= 1 or not 0 < self.longest <= 1:
            raise DsvizError(
                f"since={self.since:g}, until={self.until:g}, longest={self.longest:g}: these are "
                "shares of the run; need 0 <= since < until <= 1 and 0 < longest <= 1"
            )

    def __call__(self, scenario: Scenario, seed: int) -> tuple[Fault, ...]:
        """Return the faults for this seed, in order of time."""
        names = self._targets(scenario)
        low, high = self.count
        how_many = low + int(Random(f"{seed}/chaos/count").random() * (high - low + 1))
        made: list[Fault] = []
        for number in range(how_many):
            draw = _Draw(Random(f"{seed}/chaos/{number}").random, scenario.duration, self, names)
            made += draw.fault()
        return tuple(sorted(made, key=lambda fault: fault.at))

    def _targets(self, scenario: Scenario) -> tuple[str, ...]:
        if self.nodes is None:
            nodes = scenario.nodes.items()
            return tuple(name for name, node in nodes if not isinstance(node, Client))
        unknown = set(self.nodes) - set(scenario.nodes)
        if unknown:
            raise DsvizError(
                f"nodes: there is no {listed(unknown)}; the nodes are {listed(scenario.nodes)}"
            )
        return tuple(self.nodes)


class _Draw:
    """The draws that make one fault."""

    def __init__(
        self,
        random: Callable[[], float],
        length: float,
        plan: Schedule,
        names: Sequence[str],
    ) -> None:
        self.random, self.length, self.plan, self.names = random, length, plan, names

    def fault(self) -> list[Fault]:
        """Return one fault, with the restarts that belong to it."""
        kinds = [kind for kind in self.plan.kinds if self._possible(kind)]
        if not kinds:
            return []
        kind = FAULTS[self.pick(kinds)]
        begin, last = self.plan.since * self.length, self.plan.until * self.length
        at = self.time(begin, last)
        lasts = self.time(0.01 * self.length, self.plan.longest * self.length)
        ends = min(at + lasts, last)
        if kind is Crash:
            node = self.pick(self.names)
            return [Crash(node, at), Restart(node, _grid(ends, self.length))]
        if kind is PowerLoss:
            hit = self.some(len(self.names))
            again = _grid(ends, self.length)
            return [PowerLoss(hit, at), *(Restart(name, again) for name in hit)]
        return [kind(**self._fields(kind, at, _grid(ends - at, self.length)))]

    def _possible(self, kind: str) -> bool:
        """Whether there are enough nodes for it: a link has two ends, a partition two sides."""
        return len(self.names) >= (2 if FAULTS[kind].hits_links else 1)

    def _fields(self, kind: type[Fault], at: float, lasts: float) -> dict[str, Any]:
        """Return a value for each field of a fault that is known by its name."""
        given: dict[str, Any] = {}
        names = {item.name for item in fields(kind)}  # type: ignore[arg-type]
        if {"src", "dst"} <= names:
            given["src"], given["dst"] = self.link()
        if kind is Partition:
            given["a"], given["b"] = self.sides()
        for item in fields(kind):  # type: ignore[arg-type]
            if item.name in given:
                continue
            make = self._MAKERS.get(item.name)
            if item.name == "at":
                given["at"] = at
            elif item.name == "duration":
                given["duration"] = lasts
            elif make is not None:
                given[item.name] = make(self)
            elif item.default is MISSING and item.default_factory is MISSING:
                raise DsvizError(
                    f"kinds: {kind.__name__} needs {item.name!r}, which a Schedule cannot choose; "
                    "write a function (scenario, seed) -> faults instead"
                )
        return given

    # Choices: each one a draw ------------------------------------------------------------------

    def pick(self, options: Sequence[Any]) -> Any:
        """Return one of the options."""
        return options[int(self.random() * len(options))]

    def some(self, most: int) -> tuple[str, ...]:
        """Return between 1 and `most` of the nodes."""
        left, chosen = list(self.names), []
        for _ in range(1 + int(self.random() * most)):
            chosen.append(left.pop(int(self.random() * len(left))))
        return tuple(chosen)

    def link(self) -> tuple[str, str]:
        """Return a sender and a receiver."""
        src = self.pick(self.names)
        return src, self.pick([name for name in self.names if name != src])

    def sides(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the sides of a partition: half the time from everybody, clients included."""
        a = self.some(len(self.names) - 1)
        alone = self.random() < 0.5
        return a, () if alone else tuple(name for name in self.names if name not in a)

    def time(self, low: float, high: float) -> float:
        """Return a time in ms with three or four digits, not more: it will be read."""
        return _grid(low + (high - low) * self.random(), self.length)

    def share(self) -> float:
        return self.pick((0.05, 0.2, 0.5))

    def delay(self) -> float:
        return self.time(0.002 * self.length, 0.1 * self.length)

    _MAKERS = {  # noqa: RUF012
        "node": lambda self: self.pick(self.names),
        "targets": lambda self: self.some(len(self.names)),
        "p": share,
        "ms": delay,
        "factor": lambda self: self.pick((2.0, 5.0, 20.0)),
        "ppm": lambda self: self.pick((-100_000.0, -1_000.0, 1_000.0, 100_000.0)),
    }


def _grid(ms: float, length: float) -> float:
    """Return `ms` on a grid of about a ten-thousandth of the run, at most 1 ms wide."""
    step = 1.0
    while step * 2_000 > length and step > 0.001:
        step /= 10
    return round(round(ms / step) * step, 6)


def of_kinds(faults: Iterable[Fault]) -> tuple[str, ...]:
    """Return the names of the kinds of some faults, sorted and without repeats."""
    return tuple(sorted({type(fault).__name__ for fault in faults}))
