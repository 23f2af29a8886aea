"""What a lesson's notebook calls: predict before you look, reveal, check, quiz.

A prediction is kept in a small local file, so it survives a restart of the kernel and can be put
beside the outcome later. Without a prediction nothing fails: the reveal nudges and goes on, so
"Run all cells" always reaches the end.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from dsviz.answers import answer, forget, keep
from dsviz.errors import DsvizError

__all__ = ["answer", "check", "forget", "keep", "predict", "quiz", "reveal", "source"]


def check(*args: Any, **named: Any) -> Any:
    """Judge a lab's classes in this kernel, for practice; see `dsviz.grading.practice.check`."""
    from dsviz.grading.practice import check as practise
    from dsviz.widgets.player import Player

    return practise(*args, **{"play": Player, **named})


def quiz(lesson: str) -> Any:
    """Return the quiz of a lesson, for example ``quiz("04-quorum")``."""
    from dsviz.widgets.quiz import Quiz

    return Quiz.of(lesson)


def predict(
    name: str,
    question: str,
    choices: Sequence[str] | None = None,
    unit: str = "",
    low: float = 0,
    high: float = 100,
) -> Any:
    """Ask for a prediction and keep it under `name` (``"04-quorum/E1"``).

    With `choices` the learner picks one; otherwise a number between `low` and `high`, in `unit`.
    Raises DsvizError for fewer than two choices or an empty range.
    """
    from dsviz.widgets.prediction import Prediction

    if choices is not None and len(choices) < 2:
        raise DsvizError(f"predict({name!r}): give at least two choices, or none for a number")
    if choices is None and not low < high:
        raise DsvizError(f"predict({name!r}): low={low!r} must be below high={high!r}")
    return Prediction(name, question, choices, unit, low, high)


class Outcome:
    """What was observed, beside what was predicted."""

    def __init__(self, predicted: Any, observed: Any, unit: str, because: str) -> None:
        self.predicted, self.observed, self.unit, self.because = predicted, observed, unit, because

    def __repr__(self) -> str:
        if self.predicted is None:
            said = "You have not predicted yet: go back and commit to an answer first."
        elif isinstance(self.predicted, str):
            right = self.predicted == self.observed
            said = f"You predicted “{self.predicted}”: " + ("right." if right else "not so.")
        else:
            gap = abs(self.predicted - self.observed)
            guess, off = _number(self.predicted, self.unit), _number(gap, self.unit)
            said = f"You predicted {guess}, {off} off."
        seen = _number(self.observed, self.unit)
        return f"{said}\nObserved: {seen}" + (f"\n{self.because}" if self.because else "")

    def _repr_markdown_(self) -> str:
        said, seen, *because = repr(self).split("\n")
        return "  \n".join([f"*{said}*", f"**{seen}**", *because])


def reveal(name: str, observed: Any, because: str = "", unit: str = "") -> Outcome:
    """Put the outcome beside the prediction kept under `name`.

    `observed` is a number in `unit`, or the text of the choice that turned out to be right.
    """
    return Outcome(answer(name), observed, unit, because)


def _number(value: float | str, unit: str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.1f}".removesuffix(".0") + (f" {unit}" if unit else "")


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
