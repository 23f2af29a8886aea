"""`hunt` in runs a second, and `exhaust` on clusters whose numbers of states are published."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from benchmarks.measure import middle, seconds
from benchmarks.table import Row, reaching
from dsviz.check.chaos import Schedule
from dsviz.check.explore import hunt
from dsviz.hunt_command import Target, targets


def hunts(runs: int, times: int) -> list[Row]:
    """Return how many runs of a correct system `hunt` does in a second, with faults and judges."""
    rows = []
    for system, variant in (("quorum", "write-back"), ("consensus", "correct")):
        try:
            target = _named(system, variant)
        except Exception as error:  # a system that is not finished is a row, not a crash
            why = f"there is no such hunt yet ({type(error).__name__}: {error})"
            rows.append(Row(f"hunt in {system}", "runs/s", None, note=why))
            continue
        schedules = target.schedules or Schedule()
        work = partial(_runs, target.make, schedules, runs)
        note = f"{target.variant}; faults made up, every run judged"
        rows.append(Row(f"hunt in {system}", "runs/s", middle(work, times), note=note))
    return rows


def _named(system: str, variant: str) -> Target:
    """Return the variant whose name has this word in it, else the first."""
    found = targets(system)
    return next((target for target in found if variant in target.variant), found[0])


def _runs(make: Callable[[int], Any], schedules: Any, runs: int) -> int:
    return hunt(make, range(runs), schedules, count_all=True, shrink_budget=1).runs


def searches(quick: bool) -> list[Row]:
    """Return the numbers of states, and the transitions a second of the largest search."""
    try:
        known = import_module("benchmarks.paxos")
    except ImportError as error:
        return [Row("exhaust", "states", None, note=f"dsviz.check.exhaust is not there: {error}")]
    small, smaller = (2,), (3, 5)
    rows = []
    for managers in smaller if quick else known.COMMIT_STATES:
        rows += _search(
            f"exhaust, two-phase commit, {managers}", known.COMMIT_STATES[managers],
            partial(known.search_commit, managers), None,
        )  # fmt: skip
    for clients in small if quick else known.PAXOS_STATES:
        goal = 400_000.0 if clients == 3 else None
        rows += _search(
            f"exhaust, Paxos, {clients} clients", known.PAXOS_STATES[clients],
            partial(known.search_paxos, clients), goal,
        )  # fmt: skip
    return rows


def _search(name: str, states: int, search: Callable[[], Any], goal: float | None) -> list[Row]:
    spent, found = seconds(search)
    speed, note = found.transitions / spent, f"{found.transitions:,} transitions in {spent:.2f} s"
    counted = reaching(name, "states", found.states, "=", states, f"verdict {found.verdict.status}")
    if goal is None:
        return [counted, Row(f"{name}, speed", "transitions/s", speed, note=note)]
    return [counted, reaching(f"{name}, speed", "transitions/s", speed, "≥", goal, note)]
