"""Lab 04 · AbdRegister: a register that is linearizable although nodes crash and messages get lost.

The algorithm is that of Attiya, Bar-Noy and Dolev (1995), for several writers: a write asks a
majority for the newest version and stores a newer one at a majority; a read asks a majority and
stores what it found at a majority before it answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dsviz.grading.lab import Case, Check, Classes, Lab, Question, Questions
from dsviz.grading.labs import _quorum_cases as cases
from dsviz.grading.labs._quorum_hints import HINTS
from dsviz.grading.properties import (
    answers_when_all_are_back,
    answers_with_a_majority,
    linearizable,
    no_errors,
)

BOTH = ("Replica", "Coordinator")
REGISTER = (no_errors, linearizable, answers_when_all_are_back)
AVAILABLE = (no_errors, linearizable, answers_with_a_majority)

Seeds = Sequence[int]


# Steps: they accompany the work and carry no points --------------------------------------------


def _replica_alone(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    yield Case("a replica by itself", cases.lonely(classes), seeds[0])


def _first_write(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    yield from cases.one_write(classes, 3, seeds[0])


def _first_read(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    yield from cases.write_and_read(classes, 3, seeds[0])


def _first_resend(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    yield from cases.blackout(classes, 3, seeds[0])


# Checks ---------------------------------------------------------------------------------------


def _visible(n: int):
    def chosen(classes: Classes, seeds: Seeds) -> Iterator[Case]:
        yield from cases.directed(classes, n, seeds[0])
        for seed in seeds:
            yield cases.quiet(classes, n, seed)
            yield cases.coordinator_crash(classes, n, seed)

    return chosen


def _hidden_3(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    yield from cases.directed(classes, 3, seeds[0])
    for seed in seeds:
        yield cases.coordinator_crash(classes, 3, seed)
        yield cases.loss(classes, 3, seed)
        yield cases.duplication(classes, 3, seed)


def _hidden_5(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    yield from cases.directed(classes, 5, seeds[0])
    for seed in seeds:
        yield cases.partition(classes, 5, seed)
        yield cases.power(classes, 5, seed)


def _available(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    for n in (3, 5):
        yield from cases.minority_down(classes, n, seeds[0])


def _durable(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    for n in (3, 5):
        yield from cases.directed(classes, n, seeds[0], (cases.power_everywhere,))
    for seed in seeds[:10]:
        yield cases.power(classes, 3, seed)


def _operation_ids(classes: Classes, seeds: Seeds) -> Iterator[Case]:
    for n in (3, 5):
        yield from cases.directed(classes, n, seeds[0], (cases.late_answers, cases.everything_twice))


# Questions ------------------------------------------------------------------------------------


def _pair(answer: Any, n: int) -> tuple[int, int] | str:
    """Return the answer as (R, W), or a sentence about its form."""
    if answer is None:
        return "not yet answered"
    pair = tuple(answer) if isinstance(answer, (tuple, list)) else ()
    if len(pair) != 2 or not all(type(x) is int and 1 <= x <= n for x in pair):
        return f"{answer!r} is not a pair (R, W) of whole numbers from 1 to {n}"
    return pair[0], pair[1]


def quick_reads(answer: Any) -> str | None:
    """N = 5, the fewest answers for a read, and yet it meets every completed write."""
    pair = _pair(answer, 5)
    if isinstance(pair, str):
        return pair
    r, w = pair
    if r + w <= 5:
        return f"R = {r} and W = {w}: {r} + {w} is not more than 5, so the two sets may be disjoint"
    if r > 1:
        return f"R = {r} and W = {w} always meet, but a read can do with fewer than {r} answers"
    return None


def two_down(answer: Any) -> str | None:
    """N = 5, reads and writes go on with two replicas down, and always meet."""
    pair = _pair(answer, 5)
    if isinstance(pair, str):
        return pair
    r, w = pair
    if r + w <= 5:
        return f"R = {r} and W = {w}: {r} + {w} is not more than 5, so the two sets may be disjoint"
    for name, k in (("reads", r), ("writes", w)):
        if k > 3:
            return f"{name} that need {k} of 5 replicas stop when two are down"
    return None


CHOICES = Questions(
    "choose (R, W)",
    cell="choices",
    variable="CHOICES",
    items=(
        Question("quickest reads", 1, quick_reads),
        Question("two replicas down", 1, two_down),
    ),
)

LAB = Lab(
    slug="04-quorum",
    title="A register on a quorum",
    classes={"Replica": "replica", "Coordinator": "coordinator"},
    checks=(
        Check("a replica starts", 0, (no_errors,), _replica_alone, ("Replica",), step="replica"),
        Check("a write is answered", 0, AVAILABLE, _first_write, BOTH, step="write"),
        Check("a read returns it", 0, AVAILABLE, _first_read, BOTH, step="read"),
        Check("it asks again", 0, AVAILABLE, _first_resend, BOTH, step="resend"),
        Check("linearizable, 3 replicas", 1, REGISTER, _visible(3), BOTH, fixed_seeds=True),
        Check("linearizable, 5 replicas", 1, REGISTER, _visible(5), BOTH, fixed_seeds=True),
        Check("linearizable, 3 replicas, hidden seeds", 1, REGISTER, _hidden_3, BOTH, visible=False),
        Check("linearizable, 5 replicas, hidden seeds", 1, REGISTER, _hidden_5, BOTH, visible=False),
        Check("answers although a minority is down", 2, AVAILABLE, _available, BOTH),
        Check("durable across power loss", 1, REGISTER, _durable, BOTH),
        Check("counts only its own answers", 1, REGISTER, _operation_ids, BOTH),
    ),
    questions=(CHOICES,),
    hints=HINTS,
)
