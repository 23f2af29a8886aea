"""Lab 18 · Wal: a log that keeps what it acknowledged, and a bank on top of it.

The learner writes the log (append, sync in groups, recover, checkpoint) and the database that logs
its transfers, applies them to pages, and redoes them after a crash.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dsviz import laws
from dsviz.grading.lab import Case, Check, Classes, Lab, Question, Questions
from dsviz.grading.labs import _wal_cases as cases
from dsviz.grading.labs._wal_hints import HINTS
from dsviz.grading.labs._wal_properties import RECOVERS, no_surprises, shares_syncs

BOTH = ("Wal", "BankDb")
Seeds = Sequence[int]


# Steps: they accompany the work and carry no points --------------------------------------------


def _first_transfers(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    yield cases.trickle(classes, seeds[0])


def _first_recovery(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    yield cases.killed(classes, seeds[0])
    yield cases.power(classes, seeds[0])


def _first_checkpoint(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    for step in range(9):
        yield cases.in_checkpoint(classes, seeds[0], step, torn=False)


# Checks ---------------------------------------------------------------------------------------


def _one_of_each(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    for seed in seeds:
        yield from cases.one_of_each(classes, seed)


def _hidden(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    yield from cases.one_of_each(classes, seeds[0])
    for seed in seeds:
        yield from cases.drawn(classes, seed)


def _torn_pages(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    for seed in seeds:
        for step in (2, 3, 5, 7):
            yield cases.in_checkpoint(classes, seed, step, torn=True)
        yield cases.rotten_image(classes, seed)
        yield cases.torn_images(classes, seed)


def _failing_disk(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    for seed in seeds[:3]:
        for file in ("wal", "page", "root"):
            yield cases.failed_sync(classes, seed, file)
        yield cases.rotten(classes, seed, 9 + seed % 9)


def _group_commit(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    yield cases.trickle(classes, seeds[0])
    yield cases.rush(classes, seeds[0])


def _redo(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    for seed in seeds[:2]:
        for step in range(9):
            yield cases.cut_recovery(classes, seed, step, torn=bool(step % 2))


# Questions ------------------------------------------------------------------------------------


def _number(answer: Any) -> float | str:
    """Return the answer as a number, or a sentence about its form."""
    if answer is None:
        return "not yet answered"
    if isinstance(answer, bool) or not isinstance(answer, (int, float)):
        return f"{answer!r} is not a number"
    return float(answer)


def batch(answer: Any) -> str | None:
    """F = 4 ms, 3,000 transfers a second."""
    number = _number(answer)
    if isinstance(number, str):
        return number
    right = laws.group_commit(3000, 4).batch
    if abs(number - right) <= 0.05 * right:
        return None
    return f"{answer} a sync: how many transfers come while one sync is under way?"


def latency(answer: Any) -> str | None:
    """F = 4 ms, at a high load: mean latency in ms."""
    number = _number(answer)
    if isinstance(number, str):
        return number
    right = laws.group_commit(3000, 4).mean
    if abs(number - right) <= 0.05 * right:
        return None
    if abs(number - 4) <= 0.2:
        return f"{answer} ms is the sync alone: who comes while another one is under way waits first"
    return f"{answer} ms: half a sync on average until the bus departs, and then the ride"


NUMBERS = Questions(
    "group commit in numbers",
    cell="numbers",
    variable="NUMBERS",
    items=(
        Question("transfers a sync", 1, batch),
        Question("mean latency, ms", 1, latency),
    ),
)

LAB = Lab(
    slug="18-write-ahead-log",
    title="A log that keeps its word",
    classes={"Wal": "wal", "BankDb": "bank"},
    given=Path(__file__).with_name("_wal_given.py").read_text(encoding="utf-8"),
    checks=(
        Check("it answers", 0, RECOVERS, _first_transfers, BOTH, step="transfers"),
        Check("it recovers", 0, RECOVERS, _first_recovery, BOTH, step="recovery"),
        Check("it makes checkpoints", 0, RECOVERS, _first_checkpoint, BOTH, step="checkpoint"),
        Check("one mishap of each kind", 1, RECOVERS, _one_of_each, BOTH, fixed_seeds=True),
        Check("believes a failing disk nothing", 1, RECOVERS, _failing_disk, BOTH),
        Check("survives torn pages", 1, RECOVERS, _torn_pages, BOTH, fixed_seeds=True),
        Check("recovery may be interrupted", 1, RECOVERS, _redo, BOTH),
        Check("transfers share syncs", 1, (no_surprises, shares_syncs), _group_commit, BOTH),
        Check("mishaps of all kinds, hidden seeds", 2, RECOVERS, _hidden, BOTH, visible=False),
        Check("torn pages, hidden seeds", 1, RECOVERS, _torn_pages, BOTH, visible=False),
    ),
    questions=(NUMBERS,),
    hints=HINTS,
    visible_seeds=(1, 2, 3),
)
