"""Sliders and menus that rebuild a scenario, with its numbers and its player below."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import Any

import ipywidgets as widgets

from dsviz.errors import DsvizError
from dsviz.sim.scenario import Scenario
from dsviz.widgets.fallback import TextFallback
from dsviz.widgets.player import Player

Rows = Iterable[tuple[str, str]]


class Playground(TextFallback, widgets.VBox):
    """Controls on top, what they mean in numbers beside them, the run below.

    `build` makes the scenario from the controls' values, `numbers` rows (label, value) of what to
    compare. Each control is a list of choices, or a tuple (low, high, step, value). A combination
    that makes no sense is explained in one sentence and the last picture stays.
    """

    def __init__(
        self, build: Callable[..., Scenario], numbers: Callable[..., Rows], **controls: Any
    ) -> None:
        self._build, self._numbers = build, numbers
        self.fields = {name: _control(name, spec) for name, spec in controls.items()}
        self.table = widgets.HTML()
        self.player = Player(build(**self.values))
        for field in self.fields.values():
            field.observe(lambda _: self.update(), "value")
        box = widgets.Layout(min_width="300px", flex="1 1 320px")
        left = widgets.VBox(list(self.fields.values()), layout=box)
        right = widgets.VBox([self.table], layout=box)
        wrap = widgets.Layout(flex_flow="row wrap")
        super().__init__([widgets.HBox([left, right], layout=wrap), self.player])
        self.update()

    @property
    def values(self) -> dict[str, Any]:
        """The controls' values now."""
        return {name: field.value for name, field in self.fields.items()}

    def update(self) -> None:
        """Rebuild numbers and run from the controls."""
        try:
            scenario = self._build(**self.values)
            rows = list(self._numbers(**self.values))
        except DsvizError as error:
            self.table.value = f"<p>{escape(str(error))}</p>"
            return
        self.rows = rows
        cells = "".join(
            f"<tr><td style='padding:2px 16px 2px 0'>{escape(label)}</td>"
            f"<td style='text-align:right'><b>{escape(value)}</b></td></tr>"
            for label, value in rows
        )
        self.table.value = f"<table>{cells}</table>"
        self.player.load(scenario)

    def __repr__(self) -> str:
        chosen = ", ".join(f"{name} = {value}" for name, value in self.values.items())
        rows = "\n".join(f"  {label}: {value}" for label, value in self.rows)
        return f"Playground with {chosen}\n{rows}"


def _control(name: str, spec: Any) -> widgets.Widget:
    style = {"description_width": "130px"}
    layout = widgets.Layout(width="min(100%, 440px)")
    common = {"description": name.replace("_", " "), "style": style, "layout": layout}
    if isinstance(spec, list):
        return widgets.Dropdown(options=spec, value=spec[0], **common)
    low, high, step, value = spec
    kind = widgets.IntSlider if isinstance(step, int) else widgets.FloatSlider
    more = {} if isinstance(step, int) else {"readout_format": ".4g"}
    return kind(
        value=value, min=low, max=high, step=step, continuous_update=False, **more, **common
    )
