"""Many runs of one scenario: how often does a check fail, and which seed shows it first?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Any

from dsviz.check.verdict import Verdict


def wilson(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Return the Wilson score interval for a proportion (95 % for z = 1.96).

    Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
    JASA 22 (1927). With no trial at all, everything is possible: (0, 1).
    """
    if total == 0:
        return 0.0, 1.0
    p, square = hits / total, z * z / total
    centre = (p + square / 2) / (1 + square)
    spread = z * sqrt(p * (1 - p) / total + square / (4 * total)) / (1 + square)
    return max(0.0, centre - spread), min(1.0, centre + spread)


@dataclass(frozen=True)
class Sweep:
    """What a check said over many seeds."""

    check: str
    runs: int
    failing: tuple[int, ...]  # seeds, in the order tried
    undecided: tuple[int, ...]
    example: Verdict | None  # the verdict of the first failing seed

    @property
    def rate(self) -> float:
        """The share of runs that violate the check."""
        return len(self.failing) / self.runs if self.runs else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of `rate`."""
        return wilson(len(self.failing), self.runs)

    def __repr__(self) -> str:
        low, high = self.interval
        text = (
            f"{self.check}: violated in {len(self.failing)} of {self.runs} runs "
            f"({self.rate:.1%}, 95 % interval {low:.1%} to {high:.1%})"
        )
        if self.undecided:
            text += f", undecided in {len(self.undecided)}"
        return text + (f"; first at seed {self.failing[0]}" if self.failing else "")


def sweep(scenario: Any, seeds: Iterable[int] = range(200), check: Any = None) -> Sweep:
    """Run a scenario once a seed and return how often `check` was violated.

    `scenario` is a `Scenario`; `check` one of its checks (default: the first).
    """
    judge = scenario.checks[0] if check is None else check
    failing, undecided, example, name, runs = [], [], None, "check", 0
    for seed in seeds:
        verdict = judge(scenario.run(seed))
        name, runs = verdict.check, runs + 1
        if verdict.status == "violated":
            failing.append(seed)
            example = example or verdict
        elif verdict.status == "undecided":
            undecided.append(seed)
    return Sweep(name, runs, tuple(failing), tuple(undecided), example)
