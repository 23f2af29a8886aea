"""What a lab is, as data: the classes to write, the checks, the questions, the points.

A check judges *cases*: one case is a scenario with the learner's nodes in it, and a seed. The same
cases are run by a learner's own kernel (`dsviz.grading.practice`) and by the judge that marks
(`dsviz.grading.judge`); nothing in a lab knows which of the two it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from textwrap import fill
from typing import Any

from dsviz.check.verdict import Verdict
from dsviz.errors import DsvizError, listed
from dsviz.sim.node import Node
from dsviz.sim.scenario import Scenario
from dsviz.trace import Trace

#: The learner's classes by name, or what stands for them in the judge.
Classes = Mapping[str, type[Node]]

#: Judges one trace, like the functions in `dsviz.check`.
Property = Callable[[Trace], Verdict]


@dataclass(frozen=True)
class Case:
    """One execution to judge. `name` says what is special about it: "loss of 10 %"."""

    name: str
    scenario: Scenario
    seed: int

    def __str__(self) -> str:
        return f"seed {self.seed}, {self.name}"


@dataclass(frozen=True)
class Hint:
    """What to tell a learner about a counterexample.

    `tell` gets the trace and the verdict and returns the facts of this execution in words, or
    None when the hint does not fit. `advice` follows. Neither ever contains code, and neither sees
    the submission: a hint comes from what happened, not from how it was written.
    """

    name: str
    advice: str
    tell: Callable[[Trace, Verdict], str | None]


@dataclass(frozen=True)
class Check:
    """Points for one property.

    `cases` gets the classes and the seeds, and yields what to run, directed scenarios first.
    `properties` judge each trace in turn; the first one violated decides. `visible` checks run in
    the learner's notebook too, there with the lab's `visible_seeds`. `needs` names the classes to
    be written before it can run. `step` names the part of the lab that it belongs to, for checks
    that accompany the work and carry no points.
    """

    name: str
    points: int
    properties: tuple[Property, ...]
    cases: Callable[[Classes, Sequence[int]], Iterable[Case]]
    needs: tuple[str, ...]
    visible: bool = True
    fixed_seeds: bool = False  # True: the visible seeds, whoever runs it
    step: str | None = None


@dataclass(frozen=True)
class Question:
    """A question with a short answer, written as a plain literal.

    `wrong` returns for an answer why it is wrong, or None when it is right. It gets whatever
    literal the learner wrote.
    """

    name: str
    points: int
    wrong: Callable[[Any], str | None]


@dataclass(frozen=True)
class Questions:
    """A check on answers instead of code: `variable` is a dictionary in the cell `cell`."""

    name: str
    cell: str
    variable: str
    items: tuple[Question, ...]

    @property
    def points(self) -> int:
        """The points for all of them."""
        return sum(item.points for item in self.items)


@dataclass(frozen=True)
class Lab:
    """An exercise: what to write, what it is worth, and what to say about it.

    `classes` maps each class to write to the grade id of its cell, in the order in which the
    cells run; several classes may share a cell. `given` is source that runs before them: what the
    lab hands to the learner in a locked cell of the same text. Hidden checks run with
    `hidden_seeds`, all that a notebook runs with `visible_seeds`. The first of `hints` that fits a
    counterexample is told.
    """

    slug: str
    title: str
    classes: Mapping[str, str]
    checks: tuple[Check, ...]
    questions: tuple[Questions, ...]
    hints: tuple[Hint, ...]
    given: str = ""
    visible_seeds: tuple[int, ...] = (1, 2, 3, 4, 5)
    hidden_seeds: tuple[int, ...] = tuple(range(100, 150))

    @property
    def points(self) -> int:
        """The most a submission can get."""
        return sum(c.points for c in self.checks) + sum(q.points for q in self.questions)

    def seeds(self, check: Check, hidden: bool) -> tuple[int, ...]:
        """Return the seeds to run a check with, in the judge (`hidden`) or in a notebook."""
        return self.hidden_seeds if hidden and not check.fixed_seeds else self.visible_seeds

    def hint(self, trace: Trace, verdict: Verdict) -> tuple[Hint, str] | None:
        """Return the hint that fits this counterexample, with the facts it found."""
        for hint in self.hints:
            facts = hint.tell(trace, verdict)
            if facts is not None:
                return hint, facts
        return None


@dataclass(frozen=True)
class Mark:
    """What one check gave: points and the reason, in one or two sentences."""

    name: str
    points: int
    max: int
    sentence: str
    counterexample: Case | None = None
    trace: Trace | None = None  # of the counterexample
    verdict: Verdict | None = None

    @property
    def ok(self) -> bool:
        """Whether it gave all its points."""
        return self.points == self.max

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "name": self.name,
            "points": self.points,
            "max": self.max,
            "ok": self.ok,
            "sentence": self.sentence,
        }


@dataclass(frozen=True)
class Result:
    """What a submission is worth. `notes` are remarks about the notebook itself; `isolation` says
    what kept its processes apart, see `dsviz.grading.judge`."""

    lab: str
    marks: tuple[Mark, ...]
    notes: tuple[str, ...] = ()
    isolation: str = ""

    @property
    def points(self) -> int:
        return sum(mark.points for mark in self.marks)

    @property
    def max(self) -> int:
        return sum(mark.max for mark in self.marks)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, the shape that `python -m dsviz grade --json` prints."""
        checks = [mark.to_dict() for mark in self.marks]
        return {
            "lab": self.lab,
            "points": self.points,
            "max": self.max,
            "checks": checks,
            "notes": list(self.notes),
            "isolation": self.isolation,
        }


WIDTH = 100  # characters of a line of `table`


def table(marks: Sequence[Mark]) -> str:
    """Return marks as text: name, points where there are any, and the sentence beside them."""
    name_width = max(len(mark.name) for mark in marks)
    indent = " " * (name_width + 9)
    lines = []
    for mark in marks:
        points = f"{mark.points}/{mark.max}" if mark.max else ""
        head = f"{mark.name:<{name_width}}  {points:>5}  "
        sentence = mark.sentence[:1].upper() + mark.sentence[1:]
        lines.append(fill(sentence, WIDTH, initial_indent=head, subsequent_indent=indent))
    return "\n".join(lines)


def lab_named(slug: str) -> Lab:
    """Return the lab ``NN-slug``. Raises DsvizError when there is none."""
    labs = all_labs()
    if slug not in labs:
        raise DsvizError(f"lab {slug!r} does not exist; the labs are {listed(labs)}")
    return labs[slug]


def all_labs() -> dict[str, Lab]:
    """Return every lab by its slug."""
    package = "dsviz.grading.labs"
    found = iter_modules([str(Path(__file__).parent / "labs")])
    names = [module.name for module in found if not module.name.startswith("_")]
    labs = [import_module(f"{package}.{name}").LAB for name in sorted(names)]
    return {lab.slug: lab for lab in labs}
