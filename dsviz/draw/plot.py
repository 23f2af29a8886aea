"""A plot area on a sheet: scales, ticks with units, a grid, and labels that find a free place."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence, Sized
from itertools import pairwise

from dsviz.draw.figure import Sheet
from dsviz.draw.measure import Box, Point, fit, overlap, text_width
from dsviz.errors import DsvizError

TICK = 10.5  # font size of tick labels in px
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


class Scale:
    """Maps values to px: linear, or logarithmic with `log`."""

    def __init__(
        self, low: float, high: float, start: float, end: float, log: bool = False
    ) -> None:
        if high <= low:
            high = low * 10 if log else low + 1
        self.low, self.high, self.start, self.end, self.log = low, high, start, end, log

    def __call__(self, value: float) -> float:
        """Return the px of a value, those outside at the edge."""
        value = min(max(value, self.low), self.high)
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + (self.end - self.start) * share

    def ticks(self, count: int = 6) -> list[float]:
        """Return round values to mark, at most about `count`."""
        return log_ticks(self.low, self.high) if self.log else ticks(self.low, self.high, count)


def ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Return at most `count` + 1 round values from `low` to `high`, evenly apart."""
    raw = (high - low) / max(1, count)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * s for s in STEPS if power * s >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return powers of ten, with 2 and 5 between them when there are few."""
    decades = math.log10(high / low)
    between = (1, 2, 5) if decades < 2.5 else (1,)
    exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    every = [m * 10.0**e for e in exponents for m in between]
    return [value for value in every if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]


def number(value: float) -> str:
    """Return a number as a tick label: no trailing zeros, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def percent(value: float) -> str:
    """Return a share as a percentage with all its digits: ``99.99 %``."""
    return f"{round(value * 100, 6):g} %"


def share(value: float) -> str:
    """Return a share as a percentage with one decimal, and exactly ``0 %`` and ``100 %``."""
    return percent(value) if value in (0.0, 1.0) else f"{value * 100:.1f} %"


class Plot:
    """Axes round a box: x grows to the right, y upwards."""

    def __init__(self, sheet: Sheet, box: Box, x: Scale, y: Scale) -> None:
        self.sheet, self.box, self.x, self.y = sheet, box, x, y
        self.taken: list[Box] = []
        self.lines: list[Sequence[Point]] = []

    def axes(
        self,
        x_label: str,
        y_label: str = "",
        *,
        x_text: Callable[[float], str] = number,
        y_text: Callable[[float], str] = number,
        x_ticks: Sequence[float] | None = None,
        y_ticks: Sequence[float] | None = None,
    ) -> None:
        """Draw the grid, the ticks and what the axes measure."""
        left, top, right, bottom = self.box
        sheet = self.sheet
        xs = self.x.ticks() if x_ticks is None else x_ticks
        ys = self.y.ticks(5) if y_ticks is None else y_ticks
        sheet.segments(
            [[(self.x(v), top), (self.x(v), bottom)] for v in xs], colour="line", width=1
        )
        sheet.segments(
            [[(left, self.y(v)), (right, self.y(v))] for v in ys], colour="line", width=1
        )
        sheet.line([(left, bottom), (right, bottom)], colour="edge", width=1.4, z=1)
        x_axis(sheet, self.x, xs, bottom, x_text)
        for value in ys:
            label = y_text(value)
            sheet.text(left - 8, self.y(value), label, size=TICK, colour="soft", align="right")
        sheet.text((left + right) / 2, bottom + 34, x_label, size=11.5, colour="soft")
        if y_label:
            sheet.text(left, top - 14, y_label, size=11.5, colour="soft", align="left")

    def curve(
        self,
        points: Sequence[Point],
        *,
        colour: str,
        dash: Sequence[float] = (),
        width: float = 2.2,
        z: float = 3,
    ) -> None:
        """Draw a line through values, and remember it so that labels keep off it."""
        line = [(self.x(a), self.y(b)) for a, b in points]
        self.sheet.line(line, colour=colour, width=width, dash=dash, z=z)
        self.lines.append(line)

    def label(
        self, text: str, spots: Iterable[Point], *, colour: str, size: float = 11.5
    ) -> Box | None:
        """Write a label left-aligned at the first of `spots` (px) that is free; else at the first
        one that overlaps no other label."""
        width, fallback = text_width(text, size, True), None
        for x, y in spots:
            box = (x, y - size * 0.7, x + width, y + size * 0.7)
            if not self._inside(box) or any(overlap(box, other, 2) for other in self.taken):
                continue
            if not any(_crosses(line, box) for line in self.lines):
                return self._write(text, box, colour, size)
            fallback = fallback or box
        return self._write(text, fallback, colour, size) if fallback else None

    def _inside(self, box: Box) -> bool:
        return (
            box[0] >= self.box[0]
            and box[2] <= self.sheet.width
            and box[1] >= self.box[1] - 6
            and box[3] <= self.box[3]
        )

    def _write(self, text: str, box: Box, colour: str, size: float) -> Box:
        self.sheet.box(box, radius=3, fill="background", alpha=0.85, z=4)
        y = (box[1] + box[3]) / 2
        self.sheet.text(box[0], y, text, size=size, bold=True, colour=colour, align="left")
        self.taken.append(box)
        return box


def x_axis(
    sheet: Sheet,
    scale: Callable[[float], float],
    values: Iterable[float],
    y: float,
    text: Callable[[float], str] = number,
) -> None:
    """Write tick labels under a line, leaving out those for which there is no room."""
    last = -math.inf
    for value in values:
        at, label = scale(value), text(value)
        half = text_width(label, TICK) / 2
        sheet.line([(at, y), (at, y + 4)], colour="edge", width=1.2)
        if at - half > last + 6 and at - half > -16 and at + half < sheet.width + 16:
            sheet.text(at, y + 14, label, size=TICK, colour="soft")
            last = at + half


def side_labels(
    sheet: Sheet, names: Iterable[tuple[str, float]], width: float, *, bold: bool = True
) -> None:
    """Write the names of rows, right-aligned in `width` px; `names` are pairs (text, y)."""
    for name, y in names:
        text = fit(name, width - 12, 12, bold)
        sheet.text(width - 12, y, text, size=12, bold=bold, align="right")


def room_for(names: Iterable[str], most: float = 150.0) -> float:
    """Return the px that the longest of some row names needs, at most `most`."""
    widest = max((text_width(name, 12, True) for name in names), default=0.0)
    return min(most, widest) + 14


def _crosses(line: Sequence[Point], box: Box) -> bool:
    """Whether a polyline comes into a box."""
    grown = (box[0] - 2, box[1] - 1, box[2] + 2, box[3] + 1)
    return any(_segment_in(a, b, grown) for a, b in pairwise(line))


def _segment_in(a: Point, b: Point, box: Box) -> bool:
    """Liang-Barsky: whether part of a segment lies in a box."""
    t0, t1 = 0.0, 1.0
    for delta, low, high, start in (
        (b[0] - a[0], box[0], box[2], a[0]),
        (b[1] - a[1], box[1], box[3], a[1]),
    ):
        if abs(delta) < 1e-12:
            if not low <= start <= high:
                return False
            continue
        near, far = sorted(((low - start) / delta, (high - start) / delta))
        t0, t1 = max(t0, near), min(t1, far)
    return t0 <= t1


def needed(name: str, values: Sized) -> None:
    """Raise DsvizError when there is nothing to draw."""
    if len(values) == 0:
        raise DsvizError(f"{name} is empty; there is nothing to draw")
