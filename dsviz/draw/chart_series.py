"""A number over time: lag, queue depth, staleness, as lines with the moments that explain them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dsviz.draw.chart_curves import CURVES, DASHES, no_nearer
from dsviz.draw.chart_moments import draw_moments
from dsviz.draw.figure import Picture, Sheet
from dsviz.draw.measure import Point, text_width
from dsviz.draw.plot import Plot, Scale, needed, number
from dsviz.draw.text import joined

WIDTH = 760.0
HIGH = 200.0


def series(
    lines: Mapping[str, Sequence[Point]],
    *,
    marks: Mapping[float, str] | None = None,
    duration: float | None = None,
    title: str = "Over time",
    y_label: str = "",
    theme: str = "light",
) -> Picture:
    """Return one line a label through points (ms, value), from 0 ms to `duration`.

    `marks` names moments, in ms. The name of a line stands at its end. Raises DsvizError for no
    lines and for a line without points.
    """
    needed("lines", lines)
    for label, points in lines.items():
        needed(f"lines[{label!r}]", points)
    end = duration or max(points[-1][0] for points in lines.values())
    top = max(value for points in lines.values() for _, value in points) or 1.0
    said = _caption(lines, marks or {}, y_label)
    room = max(text_width(label, 11.5, True) for label in lines) + 16
    sheet = Sheet(WIDTH, HIGH + 94, theme=theme, title=title, caption=said)
    box = (56.0, 48.0, WIDTH - room, 48.0 + HIGH)
    plot = Plot(sheet, box, Scale(0, end, box[0], box[2]), Scale(0, top * 1.06, box[3], box[1]))
    plot.axes("time in ms", y_label)
    beside = box[0] + text_width(y_label, 11.5) + 12
    upright = (box[1], box[3])
    draw_moments(sheet, marks or {}, plot.x, words_y=box[1] - 14, line=upright, left=beside)
    for i, points in enumerate(lines.values()):
        plot.curve(points, colour=CURVES[i % len(CURVES)], dash=DASHES[i % len(DASHES)])
    ends = [plot.y(points[-1][1]) for points in lines.values()]
    for i, y in enumerate(no_nearer(ends, 16, box[1], box[3] - 4)):
        colour = CURVES[i % len(CURVES)]
        label = list(lines)[i]
        sheet.text(box[2] + 8, y, label, size=11.5, bold=True, colour=colour, align="left")
    return sheet.finish(said, f"Line chart of {y_label or title}. {said}")


def _caption(lines: Mapping[str, Sequence[Point]], marks: Mapping[float, str], y_label: str) -> str:
    parts = []
    for label, points in lines.items():
        time, value = max(points, key=lambda point: point[1])
        parts.append(f"{label}: at most {number(value)} at {time:,.0f} ms")
    moments = joined(f"{words} at {time:,.0f} ms" for time, words in sorted(marks.items()))
    what = f"{y_label}: " if y_label else ""
    return what + "; ".join(parts) + (f"; {moments}." if moments else ".")
