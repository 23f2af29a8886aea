"""Many runs of one scenario: how often does a check fail, and which run shows it best?

`sweep` counts over seeds. `hunt` also makes up fault schedules, stops at the first run that
violates a check, and makes that run small enough to be understood.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from math import sqrt
from typing import Any

from dsviz.check.found import Found, NotFound
from dsviz.check.reduce import smaller
from dsviz.check.verdict import Verdict
from dsviz.check.workers import in_order, show_progress
from dsviz.errors import DsvizError

__all__ = ["Found", "NotFound", "Sweep", "hunt", "sweep", "wilson"]

Check = Callable[[Any], Verdict]
#: Seeds that a smaller counterexample may move to.
_OTHER_SEEDS = range(8)
#: Makes the faults of a run: (scenario, seed) -> faults. See `dsviz.check.chaos.Schedule`.
Schedules = Callable[[Any, int], tuple]


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


# Hunting --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Job:
    """What a worker needs to judge a seed."""

    scenario: Any
    checks: tuple[Check, ...]
    schedules: Schedules | None

    def of(self, seed: int) -> Any:
        """The scenario of this seed: the script's own faults, then those made up."""
        scenario = self.scenario(seed) if callable(self.scenario) else self.scenario
        if self.schedules is None:
            return scenario
        made = self.schedules(scenario, seed)
        return dataclasses.replace(scenario, faults=(*scenario.faults, *made))

    def checks_of(self, scenario: Any) -> tuple[Check, ...]:
        """What to judge a run of this scenario by."""
        checks = self.checks or scenario.checks
        if not checks:
            raise DsvizError(
                "check: the scenario has no checks; give one, for example check=linearizable"
            )
        return tuple(checks)


@dataclass(frozen=True)
class _Seen:
    """What one run showed."""

    violated: int | None  # number of the first check that is violated
    verdict: Verdict | None
    undecided: bool
    error: str | None  # of a node whose code raised


def hunt(
    scenario: Any,
    seeds: Iterable[int] = range(200),
    schedules: Schedules | None = None,
    check: Check | Iterable[Check] | None = None,
    executor: Executor | None = None,
    progress: bool = False,
    count_all: bool = False,
    shrink_budget: int = 2_000,
    smallest_of: int = 1,
) -> Found | NotFound:
    """Look for a run that violates a check, and make it small.

    `scenario` is a `Scenario`, or a function that makes one for a seed. Each seed is one run, with
    the scenario's own faults and those that ``schedules(scenario, seed)`` makes (default: none;
    `dsviz.check.chaos.Schedule` is a generator). `check` is one check or several (default: all of
    the scenario's). The answer is the first failing run in the order of `seeds`, whatever the
    executor and however many workers it has; `count_all` goes through all seeds and lists every
    failing one. About `shrink_budget` more runs at most, in this process, make it small. With
    `smallest_of` more than one, so many failing runs are made small and the smallest is the answer,
    since what cannot be left out of one may not be needed in another. Raises DsvizError when there
    is nothing to check.
    """
    if smallest_of < 1:
        raise DsvizError(f"smallest_of={smallest_of!r} must be 1 or more")
    checks = () if check is None else (check,) if callable(check) else tuple(check)
    job = _Job(scenario, checks, schedules)
    total = len(seeds) if hasattr(seeds, "__len__") else None  # type: ignore[arg-type]
    results = in_order(_judged, job, seeds, executor)
    if progress:
        results = show_progress(results, total, "hunting")
    runs, best, failing, undecided, raised, error = 0, None, [], [], [], None
    for seed, seen in results:
        runs += 1
        if seen.undecided:
            undecided.append(seed)
        if seen.error is not None:
            raised.append(seed)
            error = error or seen.error
        if seen.verdict is not None:
            failing.append(seed)
            wanted = len(failing) <= smallest_of and (best is None or best.size > 1)
            if wanted:
                found = _shrunk(job, seed, seen, runs, shrink_budget)
                best = found if best is None or found.size < best.size else best
            if not count_all and (len(failing) == smallest_of or best.size <= 1):
                break
    if best is None:
        return NotFound(job.scenario, runs, tuple(undecided), tuple(raised), error)
    seen_in_all = {"failing": failing, "undecided": undecided, "raised": raised}
    return dataclasses.replace(best, **{name: tuple(seeds) for name, seeds in seen_in_all.items()})


def _judged(job: _Job, seed: int) -> _Seen:
    """Run a seed and judge it: the first check that is violated counts."""
    scenario = job.of(seed)
    checks = job.checks_of(scenario)
    trace = scenario.run(seed)
    undecided, violated, found = False, None, None
    for number, judge in enumerate(checks):
        verdict = judge(trace)
        if verdict.status == "violated":
            violated, found = number, verdict
            break
        undecided = undecided or verdict.status == "undecided"
    error = next((row[5] for row in trace.rows if row[2] == "crash" and row[5]), None)
    return _Seen(violated, found, undecided and found is None, error)


def _shrunk(job: _Job, seed: int, seen: _Seen, runs: int, budget: int) -> Found:
    original = job.of(seed)
    checks = job.checks_of(original)
    search = _Shrinking(checks[seen.violated or 0], seed)
    start = search.cut_short(original, seen.verdict.at if seen.verdict else None)
    result = smaller(start, search.fails, budget)
    search.others = _OTHER_SEEDS
    again = smaller(result.scenario, search.fails_somewhere, (budget - result.runs) // 9)
    small = search.in_full(again.scenario, original)
    small = dataclasses.replace(small, checks=checks)
    verdict = search.judge(small.run(search.seed))
    minimal = result.minimal and again.minimal
    return Found(small, search.seed, verdict, runs, search.runs, minimal, seed, original=original)


class _Shrinking:
    """Runs candidates for a smaller counterexample, and counts the runs."""

    def __init__(self, judge: Check, seed: int) -> None:
        self.judge, self.seed, self.runs = judge, seed, 0
        self.others: Iterable[int] = ()

    def fails(self, candidate: Any) -> bool:
        """Whether it fails under the seed that counts now."""
        return self._fails(candidate, self.seed)

    def fails_somewhere(self, candidate: Any) -> bool:
        """Whether it fails under that seed or one of a few others, which counts from now on.

        An operation that is taken away shifts the latencies of those after it on the same links;
        so what is left may need other latencies to fail, and those of a small seed will do.
        """
        for seed in (self.seed, *self.others):
            if self._fails(candidate, seed):
                self.seed = seed
                return True
        return False

    def _fails(self, candidate: Any, seed: int) -> bool:
        self.runs += 1
        return self.judge(candidate.run(seed)).status == "violated"

    def cut_short(self, scenario: Any, at: float | None) -> Any:
        """Return a run that ends when the violation is certain, if it is one then too."""
        if at is None or at + 1.0 >= scenario.duration:
            return scenario
        faults = tuple(fault for fault in scenario.faults if fault.at <= at)
        short = dataclasses.replace(scenario, duration=at + 1.0, faults=faults)
        return short if self.fails(short) else scenario

    def in_full(self, small: Any, original: Any) -> Any:
        """Return the run at its first length again, if it still fails."""
        full = dataclasses.replace(small, duration=original.duration)
        return full if self.fails(full) else small
