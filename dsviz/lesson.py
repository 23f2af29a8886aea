"""What a lesson's notebook calls: predict, reveal, missions, quiz, interview, check.

What a learner answers is kept in a small local file, so it survives a restart of the kernel and
can be put beside the outcome later. Without a prediction nothing fails: the reveal nudges and goes
on, so "Run all cells" always reaches the end.

Names are ``"NN-slug/E1"``: the lesson, and the id of the item in ``dsviz/lessons/NN-slug.toml``.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from dsviz.answers import answer, forget, keep
from dsviz.errors import DsvizError

__all__ = [
    "answer",
    "axis",
    "check",
    "concept_map",
    "forget",
    "glossary",
    "interview",
    "keep",
    "missions",
    "predict",
    "quiz",
    "reveal",
    "source",
]


def check(*args: Any, **named: Any) -> Any:
    """Judge a lab's classes in this kernel, for practice; see `dsviz.grading.practice.check`."""
    from dsviz.grading.practice import check as practise
    from dsviz.widgets.player import Player

    return practise(*args, **{"play": Player, **named})


def quiz(lesson: str) -> Any:
    """Return the quiz of a lesson, for example ``quiz("04-quorum")``.

    Its questions are the ``[[question]]`` of the lesson's file. Each answer gets feedback at once,
    a hint comes after two wrong ones. Raises DsvizError when the lesson has no file.
    """
    from dsviz.widgets.kit.quiz import Quiz

    return Quiz.of(lesson)


def interview(lesson: str) -> Any:
    """Return the interview corner of a lesson: the ``[[card]]`` and ``[[whiteboard]]`` of its file.

    Strong answers are folded; the learner rates the own answer. Raises DsvizError when the lesson
    has no file.
    """
    from dsviz.widgets.kit.interview import Interview

    return Interview.of(lesson)


def missions(lesson: str, todo: Sequence[Any], of: Any = None) -> Any:
    """Return a list of missions to achieve in `of`, a Player or a Playground.

    `todo` are `dsviz.check.mission.Mission`: one with a predicate ticks itself off as soon as the
    run shown achieves it, one without is ticked by the learner. What is achieved is kept.
    """
    from dsviz.widgets.kit.missions import Missions

    return Missions(lesson, todo, of)


def concept_map() -> Any:
    """Return the map of the twenty concepts, with what builds on what and the own progress."""
    from dsviz.widgets.kit.map import ConceptMap

    return ConceptMap()


def glossary(*names: str) -> Any:
    """Return the terms named, or without names the whole glossary, to search.

    Raises DsvizError for a term that is not in it.
    """
    from dsviz.widgets.kit.glossary import Glossary

    return Glossary(names)


def axis(label: str, low: float, high: float, unit: str = "", log: bool = False) -> Any:
    """Return an axis for `predict(…, x=, y=)`, from `low` to `high`, logarithmic if `log`."""
    from dsviz.widgets.kit.prediction import Axis

    return Axis(label, low, high, unit, log)


def predict(
    name: str,
    question: str,
    choices: Sequence[str] | None = None,
    unit: str = "",
    low: float = 0,
    high: float = 100,
    *,
    x: Any = None,
    y: Any = None,
    at: Sequence[float] = (),
) -> Any:
    """Ask for a prediction and keep it under `name` (``"04-quorum/E1"``).

    With `choices` the learner picks one. With two axes `x` and `y` (see `axis`) the learner puts
    a point on a small plot, or one point at each of `at` (values of x). Otherwise it is a number
    between `low` and `high`, in `unit`. Raises DsvizError for fewer than two choices, an empty
    range, or one axis without the other.
    """
    from dsviz.widgets.kit.prediction import Prediction

    if choices is not None and len(choices) < 2:
        raise DsvizError(f"predict({name!r}): give at least two choices, or none for a number")
    if choices is None and not low < high:
        raise DsvizError(f"predict({name!r}): low={low!r} must be below high={high!r}")
    plot = _plot(f"predict({name!r})", x, y, at)
    return Prediction(name, question, choices, unit, low, high, plot)


def reveal(
    name: str,
    observed: Any,
    because: str = "",
    unit: str = "",
    *,
    x: Any = None,
    y: Any = None,
) -> Any:
    """Put the outcome beside the prediction kept under `name`; nudge when there is none.

    `observed` is a number in `unit`, the text of the choice that turned out to be right, or a
    list of points ``[[x, y], …]``; for points give the axes again, and both are drawn.
    """
    from dsviz.widgets.kit.prediction import Outcome

    plot = _plot(f"reveal({name!r})", x, y, ())
    if plot is not None:
        observed = [[float(a), float(b)] for a, b in observed]
    return Outcome(name, observed, because, unit, plot)


def _plot(call: str, x: Any, y: Any, at: Sequence[float]) -> Any:
    from dsviz.widgets.kit.prediction import Axis, Plot

    if x is None and y is None:
        return None
    if not (isinstance(x, Axis) and isinstance(y, Axis)):
        raise DsvizError(f"{call}: a plot needs two axes, x=axis(…) and y=axis(…)")
    outside = [value for value in at if not x.low <= value <= x.high]
    if outside:
        raise DsvizError(f"{call}: at={outside[0]!r} is not on the axis {x.label!r}")
    return Plot(x, y, tuple(at))


class Source:
    """Code shown from where it lives, so that no notebook holds a second copy of it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.text}\n```"


def source(thing: Any) -> Source:
    """Return the source of a class or function of the reference cluster, to be shown."""
    return Source(inspect.cleandoc("\n" + inspect.getsource(thing)).rstrip())
