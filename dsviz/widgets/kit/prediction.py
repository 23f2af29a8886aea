"""The form that asks for a prediction, and the outcome beside it.

A prediction is a choice, a number, or points on a small plot (one anywhere, or one at each of
given x). It is kept under its name, in the form that JSON has for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from dsviz.answers import answer, keep
from dsviz.errors import DsvizError
from dsviz.widgets.kit.base import Kit, script


@dataclass(frozen=True)
class Axis:
    """An axis of the plot: what it shows, from where to where, linear or logarithmic."""

    label: str
    low: float
    high: float
    unit: str = ""
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise DsvizError(f"axis {self.label!r}: low={self.low!r} is not below high={self.high}")
        if self.log and self.low <= 0:
            raise DsvizError(f"axis {self.label!r}: a logarithmic axis begins above 0")


@dataclass(frozen=True)
class Plot:
    """Where the learner draws: one point, or one at each of `at` (values of x, drawn as a line)."""

    x: Axis
    y: Axis
    at: tuple[float, ...] = ()


class Prediction(Kit):
    """A question; what the learner commits to is kept, and can be changed until it is revealed."""

    _esm = script("plot", "prediction")
    verbs = ("commit",)

    def __init__(
        self,
        name: str,
        question: str,
        choices: Sequence[str] | None = None,
        unit: str = "",
        low: float = 0,
        high: float = 100,
        plot: Plot | None = None,
    ) -> None:
        self.name, self.question, self.unit = name, question, unit
        self.choices = None if choices is None else tuple(choices)
        self.low, self.high, self.plot = low, high, plot
        super().__init__()

    def commit(self, value: Any) -> None:
        """Keep `value`: a choice's text, a number, or a list of [x, y].

        Raises DsvizError for what cannot be an answer to this question.
        """
        keep(self.name, self._valid(value))
        self.refresh()

    def _valid(self, value: Any) -> Any:
        if self.choices is not None:
            if value not in self.choices:
                raise DsvizError("Choose one of the answers first.")
            return value
        if self.plot is None:
            return _number(value, self.low, self.high)
        points = value if isinstance(value, list) else []
        if len(points) != (len(self.plot.at) or 1) or any(len(p) != 2 for p in points):
            raise DsvizError("Put every point where you expect it first.")
        x, y = self.plot.x, self.plot.y
        return [[_number(a, x.low, x.high), _number(b, y.low, y.high)] for a, b in points]

    @property
    def kept(self) -> Any:
        """What is kept under the name, None when it does not fit the question any more."""
        try:
            return self._valid(answer(self.name))
        except (DsvizError, TypeError, ValueError):
            return None

    def state(self) -> dict[str, Any]:
        kept = self.kept
        return {
            "question": self.question,
            "choices": self.choices,
            "unit": self.unit,
            "low": self.low,
            "high": self.high,
            "plot": self.plot and asdict(self.plot),
            "kept": kept,
            "said": ""
            if kept is None
            else f"Kept: {shown(kept, self.unit)}. Now run the next cell.",
        }

    def __repr__(self) -> str:
        if self.choices is not None:
            return f"Predict: {self.question} {' / '.join(self.choices)}"
        if self.plot is not None:
            x, y = self.plot.x, self.plot.y
            return f"Predict: {self.question} (a sketch: {x.label} across, {y.label} up)"
        return f"Predict: {self.question}" + (f" ({self.unit})" if self.unit else "")

    def static(self) -> str:
        items = "".join(f"<li>{escape(choice)}</li>" for choice in self.choices or ())
        how = "" if self.choices else " <i>(run the cell to answer)</i>"
        return f"<p><b>Predict.</b> {escape(self.question)}{how}</p>" + (
            f"<ul>{items}</ul>" if items else ""
        )


class Outcome(Kit):
    """What was observed, beside what was predicted; without a prediction it nudges."""

    _esm = script("plot", "outcome")

    def __init__(
        self, name: str, observed: Any, because: str = "", unit: str = "", plot: Plot | None = None
    ) -> None:
        self.name, self.observed, self.because, self.unit = name, observed, because, unit
        self.plot = plot
        self.predicted = _legible(answer(name))
        super().__init__()

    @property
    def right(self) -> bool | None:
        """Whether a choice was right; None for numbers, points, and without a prediction."""
        both = isinstance(self.predicted, str) and isinstance(self.observed, str)
        return self.predicted == self.observed if both else None

    @property
    def said(self) -> str:
        """The sentence about the prediction."""
        guess, seen = self.predicted, self.observed
        if guess is None:
            return "You have not predicted yet: go back and commit to an answer first."
        if isinstance(guess, str):
            return f"You predicted “{guess}”: " + ("right." if guess == seen else "not so.")
        if isinstance(guess, list):
            return f"You predicted {shown(guess, self.unit)}."
        if not isinstance(seen, (int, float)):
            return f"You predicted {shown(guess, self.unit)}."
        gap = shown(abs(guess - seen), self.unit)
        return f"You predicted {shown(guess, self.unit)}, {gap} off."

    def state(self) -> dict[str, Any]:
        return {
            "said": self.said,
            "nudge": self.predicted is None,
            "right": self.right,
            "seen": shown(self.observed, self.unit),
            "because": self.because,
            "predicted": self.predicted if isinstance(self.predicted, list) else None,
            "observed": self.observed if isinstance(self.observed, list) else None,
            "plot": self.plot and asdict(self.plot),
        }

    def __repr__(self) -> str:
        seen = shown(self.observed, self.unit)
        return f"{self.said}\nObserved: {seen}" + (f"\n{self.because}" if self.because else "")

    def static(self) -> str:
        seen = escape(shown(self.observed, self.unit))
        because = f"<br>{escape(self.because)}" if self.because else ""
        # Folded, so that a reader of the page can still predict first.
        return (
            "<details><summary><i>Predict first, then unfold what was observed</i></summary>"
            f"<p><b>Observed: {seen}</b>{because}</p></details>"
        )


def _legible(value: Any) -> Any:
    """Return what was kept, None for what no prediction looks like: reveal never raises."""
    if isinstance(value, list):
        pairs = all(isinstance(p, list) and len(p) == 2 and all(map(_is_number, p)) for p in value)
        return value if value and pairs else None
    return value if isinstance(value, str) or _is_number(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def shown(value: Any, unit: str = "") -> str:
    """Return a prediction or an observation as a learner reads it."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return ", ".join(f"({shown(float(x))}, {shown(float(y))})" for x, y in value)
    return f"{value:,.1f}".removesuffix(".0") + (f" {unit}" if unit else "")


def _number(value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise DsvizError("Enter a number first.")
    if not low <= value <= high:
        raise DsvizError(f"Enter a number between {low:g} and {high:g}.")
    return value
