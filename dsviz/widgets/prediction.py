"""The form that asks for a prediction before a run."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from dsviz.answers import answer, keep
from dsviz.widgets.fallback import TextFallback


class Prediction(TextFallback, widgets.VBox):
    """A question with choices or a number, a button that keeps the answer, and a line that says so.

    Shown where no widget runs, it is the question as text.
    """

    def __init__(
        self,
        name: str,
        question: str,
        choices: Sequence[str] | None,
        unit: str,
        low: float,
        high: float,
    ) -> None:
        self.name, self.question, self.choices, self.unit = name, question, choices, unit
        wide, number = widgets.Layout(width="auto"), widgets.Layout(width="120px")
        if choices is not None:
            self.field: Any = widgets.RadioButtons(options=list(choices), value=None, layout=wide)
        else:
            middle = (low + high) / 2
            self.field = widgets.BoundedFloatText(middle, min=low, max=high, layout=number)
        self.button = widgets.Button(description="Keep my prediction", button_style="primary")
        self.said = widgets.HTML()
        kept = answer(name)
        if kept is not None and (choices is None or kept in choices):
            self.field.value = kept
            self._say(kept)
        self.button.on_click(lambda _: self.commit())
        head = widgets.HTML(f"<b>Predict.</b> {escape(question)}")
        asked = widgets.HBox([self.field, widgets.HTML(escape(unit))])
        super().__init__([head, asked, widgets.HBox([self.button, self.said])])
        self.add_class("dsviz-prediction")

    def commit(self) -> None:
        """Keep what the field holds now."""
        if self.field.value is None:
            self.said.value = "Choose an answer first."
            return
        keep(self.name, self.field.value)
        self._say(self.field.value)

    def _say(self, value: Any) -> None:
        shown = value if isinstance(value, str) else f"{value:g} {self.unit}".strip()
        self.said.value = f"Kept: <b>{escape(shown)}</b>. Now run the next cell."

    def __repr__(self) -> str:
        options = "" if self.choices is None else " " + " / ".join(self.choices)
        return f"Predict: {self.question}{options}"
