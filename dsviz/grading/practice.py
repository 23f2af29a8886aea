"""Practice: a lab's visible checks on the learner's own classes, in the learner's own kernel.

Quick, and the counterexample can be played, because the classes are at hand. For the same reason
it is no mark: whoever owns the kernel owns the result. Marks come from `dsviz.grading.grade`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dsviz.errors import DsvizError, listed
from dsviz.grading.grade import mark_answers
from dsviz.grading.lab import Check, Lab, Mark, all_labs, lab_named, table
from dsviz.grading.run import run_check
from dsviz.sim.node import Node

#: Shows a counterexample: called as ``play(scenario, seed=..., title=..., at=...)``,
#: where `at` is the moment in ms at which it goes wrong, or None.
Play = Callable[..., Any]


def check(
    *work: Any, lab: str | None = None, step: str | None = None, play: Play | None = None
) -> Any:
    """Print what the visible checks of a lab say, and play the first counterexample.

    `work` are the classes to judge, or a dictionary with the answers to the lab's questions.
    `step` runs what belongs to one step of the lab instead. Returns what `play` returns for the
    first counterexample, else None. An unfinished lab is told "not yet", never an exception.
    """
    try:
        chosen = _lab(lab, work)
        marks = _marks(chosen, work, step)
    except DsvizError as error:
        print(f"not yet: {error}")
        return None
    print(table(marks))
    if step is None and any(isinstance(item, type) for item in work):
        print("\n" + _summary(chosen, marks))
    shown = next((mark for mark in marks if mark.counterexample), None)
    return None if shown is None or play is None else _played(shown, play)


def _lab(slug: str | None, work: tuple[Any, ...]) -> Lab:
    """Return the lab meant: named, or the only one that asks for these classes."""
    if slug is not None:
        return lab_named(slug)
    names = {item.__name__ for item in work if isinstance(item, type)}
    fitting = [lab for lab in all_labs().values() if names and names <= set(lab.classes)]
    if len(fitting) != 1:
        raise DsvizError(f"say which lab is meant: lab={next(iter(all_labs()))!r}")
    return fitting[0]


def _marks(lab: Lab, work: tuple[Any, ...], step: str | None) -> list[Mark]:
    classes = {c.__name__: c for c in work if isinstance(c, type) and issubclass(c, Node)}
    answers = [item for item in work if isinstance(item, dict)]
    strange = [item for item in work if item not in classes.values() and item not in answers]
    if strange:
        raise DsvizError(f"{strange[0]!r} is neither a class of nodes nor a dictionary of answers")
    marks = [_mark(lab, one, classes) for one in _chosen(lab, step)] if classes else []
    for questions in lab.questions:
        marks += [mark_answers(questions, given) for given in answers]
    if not marks:
        raise DsvizError(f"there is nothing to check; give the classes {listed(lab.classes)}")
    return marks


def _chosen(lab: Lab, step: str | None) -> list[Check]:
    if step is None:
        return [one for one in lab.checks if one.visible and one.points]
    chosen = [one for one in lab.checks if one.step == step]
    if not chosen:
        steps = dict.fromkeys(one.step for one in lab.checks if one.step)
        raise DsvizError(f"step={step!r} is none of this lab's steps, {listed(steps)}")
    return chosen


def _mark(lab: Lab, one: Check, classes: dict[str, type[Node]]) -> Mark:
    missing = [name for name in one.needs if name not in classes]
    if missing:
        return Mark(one.name, 0, one.points, f"not yet: give check() the class {listed(missing)}.")
    try:
        return run_check(lab, one, classes, hidden=False)
    except DsvizError as error:  # an option that a class does not have, and the like
        return Mark(one.name, 0, one.points, f"not yet: {error}.")


def _summary(lab: Lab, marks: list[Mark]) -> str:
    got, most = sum(mark.points for mark in marks), sum(mark.max for mark in marks)
    hidden = sum(one.points for one in lab.checks if not one.visible)
    return (
        f"{got} of {most} points here. {hidden} more depend on seeds that only the judge knows: "
        "what holds in these runs may fail in others."
    )


def _played(mark: Mark, play: Play) -> Any:
    case, at = mark.counterexample, mark.verdict and mark.verdict.at
    return play(case.scenario, seed=case.seed, title=f"{case.name} (seed {case.seed})", at=at)
