"""Lab 16 · GroupCoordinator and Member: one owner for each partition in each generation.

The learner writes how partitions are dealt out, the coordinator that hands them over, and the
member that takes them and gives them back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dsviz import laws
from dsviz.grading.lab import Case, Check, Classes, Lab, Question, Questions
from dsviz.grading.labs import _groups_cases as cases
from dsviz.grading.labs._groups_dealing import dealt_well
from dsviz.grading.labs._groups_hints import HINTS
from dsviz.grading.labs._groups_properties import (
    ALL,
    COMMITS,
    COORDINATOR_ALONE,
    DEALT,
    MEMBER_ALONE,
    OWNERS,
    RESTARTED,
    WORKED_ON,
)
from dsviz.grading.properties import no_errors

ALONE = (no_errors, dealt_well)
GROUP = ("GroupCoordinator", "Member")
EVERYTHING = ("Assignor", *GROUP)
Seeds = Sequence[int]
Family = Callable[[Classes, int], Iterator[Case]]


# Steps: they accompany the work and carry no points --------------------------------------------


def _first_dealing(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    for seed in seeds:
        yield from cases.dealing(classes, seed)


def _first_group(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    for make in (cases.joins, cases.leaves, cases.crash):
        yield make(classes, seeds[0])


def _first_member(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    for make in (cases.keeps, cases.busy, cases.outside):
        yield make(classes, seeds[0])


# Checks ---------------------------------------------------------------------------------------


def _each(family: Family, varied: Family):
    """Return cases: every situation at the first seed, those that depend on it at two more."""

    def chosen(classes: Classes, seeds: Seeds) -> Iterator[Case]:
        yield from family(classes, seeds[0])
        for seed in seeds[1:3]:
            yield from varied(classes, seed)

    return chosen


_owners = _each(cases.owner_cases, cases.varied_owner_cases)
_commits = _each(cases.commit_cases, cases.varied_commit_cases)
_going_on = _each(cases.live_cases, cases.varied_live_cases)
_dealt = _each(cases.dealt_cases, cases.dealing)
_restarts = _each(cases.restart_cases, cases.varied_restart_cases)


def _hidden(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    yield from cases.directed(classes, seeds[0])
    for place, seed in enumerate(seeds):
        yield (cases.storm, cases.stalls, cases.bad_links)[place % 3](classes, seed)


# Questions ------------------------------------------------------------------------------------


def _number(answer: Any) -> float | str:
    """Return the answer as a number, or a sentence about its form."""
    if answer is None:
        return "not yet answered"
    if isinstance(answer, bool) or not isinstance(answer, (int, float)):
        return f"{answer!r} is not a number"
    return float(answer)


def cooperative(answer: Any) -> str | None:
    """P = 24, n = 6, a barrier of 0.5 s: partition-seconds of a rolling restart."""
    number = _number(answer)
    if isinstance(number, str):
        return number
    silence = laws.restart_silence(24, 6, 0.5, 3)
    if abs(number - silence["cooperative"]) <= 0.01:
        return None
    if abs(number - silence["eager"]) <= 0.01:
        return f"{answer}: that is what it costs when all 24 stop at each change"
    if abs(number - silence["static"]) <= 0.01:
        return f"{answer}: that is what it costs when nobody takes over while a member is down"
    if abs(number - silence["cooperative"] / 2) <= 0.01:
        return f"{answer}: a restart is two changes, one when it leaves and one when it is back"
    return f"{answer}: how many partitions stop at each change, for how long, how many changes?"


def break_even(answer: Any) -> str | None:
    """The longest time down, in s, for which static ids are no worse than cooperative."""
    number = _number(answer)
    if isinstance(number, str):
        return number
    if abs(number - 1.0) <= 0.01:
        return None
    if abs(number - 0.5) <= 0.01:
        return (
            f"{answer} s: cooperative members pause once when one leaves, and once when it is back"
        )
    return f"{answer} s: for how long is a partition of the restarted member silent, either way?"


NUMBERS = Questions(
    "partition-seconds",
    cell="numbers",
    variable="NUMBERS",
    items=(
        Question("cooperative, partition-seconds", 1, cooperative),
        Question("static ids break even, s", 1, break_even),
    ),
)

LAB = Lab(
    slug="16-consumer-groups",
    title="One owner in each generation",
    classes={"Assignor": "assign", "GroupCoordinator": "coordinator", "Member": "member"},
    given=Path(__file__).with_name("_groups_given.py").read_text(encoding="utf-8"),
    checks=(
        Check("it deals out", 0, ALONE, _first_dealing, ("Assignor",), step="assign"),
        Check(
            "the group forms",
            0,
            COORDINATOR_ALONE,
            _first_group,
            ("GroupCoordinator",),
            step="coordinator",
        ),
        Check("a member works", 0, MEMBER_ALONE, _first_member, ("Member",), step="member"),
        Check("one owner in each generation", 1, OWNERS, _owners, GROUP, fixed_seeds=True),
        Check("no stale commit", 1, COMMITS, _commits, GROUP, fixed_seeds=True),
        Check("every partition goes on", 1, WORKED_ON, _going_on, GROUP, fixed_seeds=True),
        Check("balanced, few moves", 1, (*DEALT, dealt_well), _dealt, EVERYTHING),
        Check("the coordinator restarts", 1, RESTARTED, _restarts, GROUP),
        Check("mishaps of every kind, hidden seeds", 3, ALL, _hidden, GROUP, visible=False),
    ),
    questions=(NUMBERS,),
    hints=HINTS,
    visible_seeds=(1, 2, 3),
)
