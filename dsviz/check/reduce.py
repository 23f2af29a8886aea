"""Make a failing run small: fewer faults, fewer operations of clients, shorter faults.

Nothing is moved and nothing is added, so the small run is a part of the one that was found. The
result is 1-minimal: taking away any one of its faults or operations makes the check pass. A
restart is no fault: it stays as long as what it recovers from does, and goes with it. Otherwise a
search for a system that stands still would end with a system that nobody started again.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

from dsviz.check.shrink import shrink

__all__ = ["Smaller", "operations_of", "parts_of", "reduced", "smaller"]

#: ("fault", number in the list) or (name of a client, number of its operation).
Part = tuple[str, int]

_HALVINGS = 12
#: Faults that may stop a process, some of them by an error that its code does not handle.
_STOPPING = ("Crash", "PowerLoss", "DiskFailure", "Corrupt")


@dataclasses.dataclass(frozen=True)
class Smaller:
    """What shrinking reached, and in how many runs. `minimal` is False when the budget ran out."""

    scenario: Any
    runs: int
    minimal: bool


def smaller(scenario: Any, fails: Callable[[Any], bool], budget: int = 2_000) -> Smaller:
    """Return the smallest part of a failing scenario that was found to fail.

    `fails(candidate)` runs a candidate and tells whether it fails in the same way; it is called at
    most `budget` times. The scenario itself is taken to fail.
    """
    search = _Search(fails, budget)
    best, before = scenario, None
    while best != before and search.left:  # shorter faults may make others dispensable
        before = best
        best = search.without_parts(best)
        best = search.with_fewer_targets(best)
        best = search.with_shorter_faults(best)
    return Smaller(best, search.runs, search.left > 0)


def parts_of(scenario: Any) -> list[Part]:
    """Return what can be taken away: each fault but restarts, each operation in a client's list."""
    faults = enumerate(scenario.faults)
    parts: list[Part] = [("fault", number) for number, fault in faults if not _restart(fault)]
    for name, node in scenario.nodes.items():
        parts += [(name, number) for number in range(len(operations_of(node)))]
    return parts


def reduced(scenario: Any, parts: tuple[Part, ...]) -> Any:
    """Return the scenario with these faults and operations only; all nodes stay."""
    kept: dict[str, list[int]] = {}
    for owner, number in parts:
        kept.setdefault(owner, []).append(number)
    nodes = {}
    for name, node in scenario.nodes.items():
        ops = operations_of(node)
        nodes[name] = _with(node, [ops[i] for i in kept.get(name, ())]) if ops else node
    chosen = set(kept.get("fault", ()))
    left = [f for i, f in enumerate(scenario.faults) if i in chosen or _restart(f)]
    faults = tuple(f for f in left if not _restart(f) or _needed(f, left))
    return dataclasses.replace(scenario, nodes=nodes, faults=faults)


def _restart(fault: Any) -> bool:
    return type(fault).__name__ == "Restart"


def _needed(restart: Any, faults: list) -> bool:
    """Whether something may have stopped the node since it was last started."""
    stops = [
        fault.at
        for fault in faults
        if type(fault).__name__ in _STOPPING
        and fault.at <= restart.at
        and (restart.node in fault.nodes or type(fault).__name__ == "Corrupt")
    ]
    starts = [f.at for f in faults if _restart(f) and f.node == restart.node and f.at < restart.at]
    return bool(stops) and (not starts or max(stops) >= max(starts) or _lasting(faults))


def _lasting(faults: list) -> bool:
    """Whether something may stop a node at any time, not only when it begins."""
    return any(type(fault).__name__ in ("DiskFailure", "Corrupt") for fault in faults)


def operations_of(node: Any) -> tuple:
    """Return the operations of a client that has a list of them (others decide as they go)."""
    ops = getattr(node, "operations", ())
    return ops if isinstance(ops, tuple) and hasattr(node, "next_operation") else ()


def _with(client: Any, operations: list) -> Any:
    fewer = copy.copy(client)
    fewer.__dict__["operations"] = tuple(operations)
    return fewer


class _Search:
    """Counts the runs that the search takes."""

    def __init__(self, fails: Callable[[Any], bool], budget: int) -> None:
        self._fails, self._budget = fails, budget
        self.runs = 0

    @property
    def left(self) -> int:
        return self._budget - self.runs

    def fails(self, candidate: Any) -> bool:
        self.runs += 1
        return self._fails(candidate)

    def without_parts(self, scenario: Any) -> Any:
        parts = parts_of(scenario)
        tidy = reduced(scenario, tuple(parts))  # without restarts that recover from nothing
        if tidy.faults != scenario.faults and self.left and self.fails(tidy):
            scenario, parts = tidy, parts_of(tidy)
        kept = shrink(parts, lambda some: self.fails(reduced(scenario, some)), self.left)
        return scenario if len(kept) == len(parts) else reduced(scenario, kept)

    def with_fewer_targets(self, scenario: Any) -> Any:
        """Let each fault that hits several nodes at once hit no more of them than it must."""
        for number, fault in enumerate(scenario.faults):
            targets = getattr(fault, "targets", ())
            if len(targets) > 1:
                hitting = partial(_hitting, scenario, number)
                kept = shrink(targets, lambda some, on=hitting: self._some(on, some), self.left)
                scenario = hitting(kept)
        return scenario

    def _some(self, hitting: Callable[[tuple], Any], targets: tuple) -> bool:
        return bool(targets) and self.fails(hitting(targets))

    def with_shorter_faults(self, scenario: Any) -> Any:
        """Shorten each fault by bisection: to half while that still fails, then finer."""
        for number, fault in enumerate(scenario.faults):
            lasts = getattr(fault, "duration", None)
            if lasts is None and _endless(fault):
                lasts = scenario.duration - fault.at
            if not lasts:
                continue
            passes, tries = 0.0, 0
            while tries < _HALVINGS and self.left and lasts - passes > lasts / 50:
                tries += 1
                middle = _round((passes + lasts) / 2, lasts)
                if not passes < middle < lasts:
                    break
                shorter = dataclasses.replace(fault, duration=middle)
                candidate = _with_fault(scenario, number, shorter)
                if self.fails(candidate):
                    scenario, lasts = candidate, middle
                else:
                    passes = middle
        return scenario


def _hitting(scenario: Any, number: int, targets: tuple) -> Any:
    fault = dataclasses.replace(scenario.faults[number], targets=targets)
    return _with_fault(scenario, number, fault)


def _endless(fault: Any) -> bool:
    """Whether it lasts for the rest of the run: a failure of the next sync does not."""
    return hasattr(fault, "duration") and type(fault).__name__ != "DiskFailure"


def _with_fault(scenario: Any, number: int, fault: Any) -> Any:
    faults = list(scenario.faults)
    faults[number] = fault
    return dataclasses.replace(scenario, faults=tuple(faults))


def _round(ms: float, like: float) -> float:
    """Return `ms` with two digits fewer noise than it has: whole ms for hundreds, else finer."""
    digits = 0 if like >= 100 else 1 if like >= 10 else 3
    return round(ms, digits)
