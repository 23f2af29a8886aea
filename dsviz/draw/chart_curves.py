"""Charts of curves: latency CDFs, and a law beside its simulation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dsviz.draw.figure import Picture, Sheet
from dsviz.draw.measure import Point, text_width
from dsviz.draw.plot import Plot, Scale, needed, number, percent
from dsviz.draw.text import joined
from dsviz.errors import DsvizError

WIDTH = 680.0
HIGH = 290.0
CURVES = ("blue", "vermilion", "teal", "purple", "green", "amber")
DASHES: tuple[tuple[float, ...], ...] = ((), (7, 3), (2, 2.5), (9, 3, 2, 3))
MARKS = ("circle", "square", "diamond", "triangle")


def cdf(
    samples: Mapping[str, Sequence[float]],
    *,
    title: str = "Latency",
    log: bool = True,
    nines: bool = False,
    x_label: str = "latency in ms",
    theme: str = "light",
) -> Picture:
    """Return what share of the samples (ms) took at most so long, one curve a label.

    With `nines` the y axis is stretched towards the tail: 0, 90 %, 99 %, 99.9 %. Values of 0 or
    less stand at the left edge of a logarithmic axis.
    """
    needed("samples", samples)
    for label, values in samples.items():
        needed(f"samples[{label!r}]", values)
    ordered = {label: sorted(values) for label, values in samples.items()}
    low, high = _range(ordered.values(), log)
    said = _cdf_caption(ordered)
    sheet, box = _sheet(title, said, theme)
    plot = Plot(sheet, box, Scale(low, high, box[0], box[2], log), _shares(box, nines, ordered))
    marks = [v for v in (0.0, 0.9, 0.99, 0.999, 0.9999) if v <= plot.y.high + 1e-9]
    plot.axes(x_label, "share of operations that took at most so long", y_text=percent,
              y_ticks=marks if nines else (0, 0.25, 0.5, 0.75, 1))  # fmt: skip
    for values, (colour, dash) in zip(ordered.values(), _looks(), strict=False):
        plot.curve(_steps(values, plot.y.high), colour=colour, dash=dash)
    for number_, (label, values) in enumerate(ordered.items()):
        tries = [0.5, 0.6, 0.4, 0.7, 0.3, 0.8, 0.2, 0.9, 0.95, 0.1]
        shift = number_ % 3
        at = [(_at_share(values, s), s) for s in tries[shift:] + tries[:shift]]
        spots = [(plot.x(v) + 9, plot.y(s)) for v, s in at]
        wide = text_width(label, 11.5, True)
        spots += [(plot.x(v) - 9 - wide, plot.y(s)) for v, s in at]
        plot.label(label, spots, colour=_look(number_)[0])
    return sheet.finish(said, f"Cumulative distribution of latencies. {said}")


class _Nines(Scale):
    """Equal steps for 0, 90 %, 99 %, 99.9 % …"""

    def __call__(self, value: float) -> float:
        deep = -math.log10(1 - self.high) if self.high < 1 else 4.0
        share = min(1.0, -math.log10(max(1 - value, 1e-12)) / deep)
        return self.start + (self.end - self.start) * share


def _shares(box: Any, nines: bool, ordered: Mapping[str, list]) -> Scale:
    if not nines:
        return Scale(0, 1, box[3], box[1])
    least = min(len(values) for values in ordered.values())
    deep = max(1, min(4, math.floor(math.log10(least))))
    return _Nines(0, 1 - 10.0**-deep, box[3], box[1])


def _range(series: Iterable[list[float]], log: bool) -> tuple[float, float]:
    series = list(series)
    high = max(values[-1] for values in series)
    if not log:
        return min(0.0, *(values[0] for values in series)), high
    if high <= 0:
        raise DsvizError("log=True needs values above 0 ms; use log=False")
    # The fastest thousandth is not worth a decade of the axis: it stands at the left edge.
    least = min((v for values in series if (v := _at_share(values, 0.001)) > 0), default=high)
    return max(least * 0.9, high / 1e5), high


def _steps(values: list[float], top: float, most: int = 300) -> list[Point]:
    """Points of the step curve: every value of few, quantiles of many, the tail in full."""
    count = len(values)
    ranks = range(1, count + 1)
    if count > most:
        tail = [count - round(count * 10 ** (-i / 30)) for i in range(int(30 * math.log10(count)))]
        spread = [round(count * i / most) for i in range(1, most + 1)]
        ranks = sorted({r for r in (*tail, *spread, count) if 1 <= r <= count})
    points = [(values[0], 0.0)]
    for rank in ranks:
        value, share = values[rank - 1], rank / count
        points += [(value, points[-1][1]), (value, min(share, top))]
        if share >= top:
            break
    return points


def _at_share(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, max(0, math.ceil(share * len(values)) - 1))]


def _cdf_caption(ordered: Mapping[str, list[float]]) -> str:
    parts = []
    for label, values in ordered.items():
        tail = [0.5, 0.99] + ([0.999] if len(values) >= 1000 else [])
        told = joined(f"{percent(s)} within {ms(_at_share(values, s))}" for s in tail)
        parts.append(f"{label}: {told} (n = {len(values):,})")
    return "; ".join(parts) + "."


def ms(value: float) -> str:
    """Return a duration with three significant digits and its unit."""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{min(digits, 3)}f} ms"


def law(
    x: Sequence[float],
    theory: Mapping[str, Sequence[float]],
    simulated: Mapping[str, tuple] | None = None,
    *,
    title: str = "Law and simulation",
    x_label: str = "",
    y_label: str = "",
    shares: bool = True,
    log: bool = False,
    theme: str = "light",
) -> Picture:
    """Return a law as curves and its simulation as points with intervals, in one plot.

    `theory` maps a label to the law's values at `x`; `simulated` maps a label to (xs, ys, lows,
    highs), the last two an interval for each point. A simulation named like a law takes its
    colour. `shares` writes y as percentages.
    """
    needed("x", x)
    simulated = dict(simulated or {})
    if not theory and not simulated:
        raise DsvizError("theory and simulated are both empty; give at least one")
    for label, ys in theory.items():
        _same_length(f"theory[{label!r}]", x, ys)
    for label, parts in simulated.items():
        if len(parts) != 4:
            raise DsvizError(f"simulated[{label!r}] must be (xs, ys, lows, highs)")
        for part in parts[1:]:
            _same_length(f"simulated[{label!r}]", parts[0], part)
    said = _law_caption(x, theory, simulated, percent if shares else number)
    ends = [ys[-1] for ys in theory.values()]
    room = max((text_width(label, 11.5, True) for label in theory), default=0.0) + 14
    sheet, box = _sheet(title, said, theme, right=room if ends else 20.0)
    every = [v for ys in theory.values() for v in ys]
    every += [v for _, _, lows, highs in simulated.values() for v in (*lows, *highs)]
    low, high = _padded(every, shares)
    places = [*x, *(v for xs, *_ in simulated.values() for v in xs)]
    margin = 0.0 if log else (max(places) - min(places)) * 0.03
    xs = Scale(min(places) - margin, max(places) + margin, box[0], box[2], log)
    plot = Plot(sheet, box, xs, Scale(low, high, box[3], box[1]))
    whole = all(float(v).is_integer() for v in places) and len(set(places)) <= 16
    at = sorted(set(places)) if whole and not log else None
    plot.axes(x_label, y_label, y_text=percent if shares else number, x_ticks=at)
    colours = {}
    for number_, (label, ys) in enumerate(theory.items()):
        colours[label], dash = _look(number_)
        plot.curve(list(zip(x, ys, strict=True)), colour=colours[label], dash=dash)
    for number_, (label, (px, py, lows, highs)) in enumerate(simulated.items()):
        colour = colours.get(label, _look(number_)[0] if theory else CURVES[number_ % 6])
        _points(plot, zip(px, py, lows, highs, strict=True), colour, MARKS[number_ % 4])
    ends_at = no_nearer([plot.y(v) for v in ends], 17, box[1], box[3])
    for label, y in zip(theory, ends_at, strict=True):
        sheet.text(box[2] + 8, y, label, size=11.5, bold=True, colour=colours[label], align="left")
    if simulated:
        _key(sheet, box, bool(theory))
        _name_points(plot, theory, simulated)
    return sheet.finish(said, f"Curves of the law and points of the simulation. {said}")


def _name_points(plot: Plot, theory: Mapping, simulated: Mapping) -> None:
    """Write a name beside the last point of what has no curve, when something else has one."""
    for number_, (label, (xs, ys, *_)) in enumerate(simulated.items()):
        if theory and label not in theory:
            x, y, colour = plot.x(xs[-1]) + 10, plot.y(ys[-1]), _look(number_)[0]
            plot.sheet.text(x, y, label, size=11.5, bold=True, colour=colour, align="left")


def _points(plot: Plot, points: Iterable[tuple], colour: str, mark: str) -> None:
    from dsviz.draw.glyphs import node_path

    for value, mean, low, high in points:
        x, y, top, bottom = plot.x(value), plot.y(mean), plot.y(high), plot.y(low)
        bars = [[(x, top), (x, bottom)]]
        bars += [[(x - 4, end), (x + 4, end)] for end in (top, bottom)]
        plot.sheet.segments(bars, colour=colour, width=1.5, z=4)
        outline = node_path(mark, x, y, 4.5)
        plot.sheet.shape(outline, fill="background", edge=colour, width=2, z=5)


def _key(sheet: Sheet, box: Any, theory: bool) -> None:
    """Say what lines and points are, above the plot on the right."""
    y, x = box[1] - 15, box[2]
    for text, kind in (("simulated, 95 % interval", "point"), ("law", "line")):
        if kind == "line" and not theory:
            continue
        left = x - text_width(text, 10.5)
        sheet.text(x, y, text, size=10.5, colour="soft", align="right")
        if kind == "line":
            sheet.line([(left - 26, y), (left - 6, y)], colour="soft", width=2.2)
        else:
            sheet.line([(left - 12, y - 7), (left - 12, y + 7)], colour="soft", width=1.5)
            sheet.disc(left - 12, y, 4, fill="background", edge="soft", width=2, z=1)
        x = left - 40


def _law_caption(
    x: Sequence[float], theory: Mapping, simulated: Mapping, text: Callable[[float], str]
) -> str:
    parts, most, points = [], 0.0, 0
    for label, ys in theory.items():
        parts.append(
            f"{label}: {text(_short(ys[0]))} at {number(x[0])} "
            f"to {text(_short(ys[-1]))} at {number(x[-1])}"
        )
    inside = total = 0
    for label, (xs, ys, lows, highs) in simulated.items():
        points += len(xs)
        if label not in theory:
            if theory:
                ends = [f"{text(_short(ys[i]))} at {number(xs[i])}" for i in (0, -1)]
                parts.append(f"{label}, simulated: {ends[0]} to {ends[1]}")
            continue
        known = dict(zip(x, theory[label], strict=True))
        for value, mean, low, high in zip(xs, ys, lows, highs, strict=True):
            if value in known:
                total += 1
                inside += low <= known[value] <= high
                most = max(most, abs(mean - known[value]))
    if total:
        unit = f"{most * 100:.1f} percentage points" if text is percent else f"{most:.3g}"
        parts.append(
            f"{inside} of {total} simulated intervals hold the law; "
            f"the largest difference is {unit}"
        )
    elif points:
        parts.append(f"{points} simulated points")
    return "; ".join(parts) + "."


def _short(value: float) -> float:
    return float(f"{value:.4g}")


# Common ---------------------------------------------------------------------------------------


def _sheet(title: str, said: str, theme: str, right: float = 14.0) -> tuple[Sheet, Any]:
    sheet = Sheet(WIDTH, HIGH + 74, theme=theme, title=title, caption=said)
    return sheet, (52.0, 30.0, WIDTH - right, 30.0 + HIGH)


def _look(index: int) -> tuple[str, tuple[float, ...]]:
    return CURVES[index % len(CURVES)], DASHES[index % len(DASHES)]


def _looks() -> Iterable[tuple[str, tuple[float, ...]]]:
    return map(_look, range(100))


def _padded(values: Sequence[float], shares: bool) -> tuple[float, float]:
    """The range of an axis: all of 0 to 100 % for shares that fill much of it, else a bit more."""
    low, high = min(values), max(values)
    if shares and high - low > 0.3:
        return 0.0, max(1.0, high)
    room = (high - low or abs(high) or 1.0) * 0.12
    return (max(0.0, low - room) if low >= 0 else low - room), high + room


def no_nearer(ys: Sequence[float], gap: float, top: float, bottom: float) -> list[float]:
    """Return places for labels as near as possible to `ys`, each `gap` px apart."""
    order = sorted(range(len(ys)), key=ys.__getitem__)
    moved = list(ys)
    last = top - gap
    for i in order:
        moved[i] = last = max(ys[i], last + gap)
    last = bottom + gap
    for i in reversed(order):
        moved[i] = last = min(moved[i], last - gap)
    return moved


def _same_length(name: str, x: Sequence, ys: Sequence) -> None:
    if len(x) != len(ys):
        raise DsvizError(f"{name} has {len(ys)} values for {len(x)} of x; give one for each")
