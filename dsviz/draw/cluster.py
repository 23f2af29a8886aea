"""Stills of a cluster: one moment of a run, or a film strip of the moments that tell its story."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dsviz.draw import glyphs
from dsviz.draw.columns import columns_of
from dsviz.draw.figure import Picture, Sheet
from dsviz.draw.frames import Frame, frame, key_moments
from dsviz.draw.layout import layout
from dsviz.draw.measure import text_width, wrap
from dsviz.draw.moment import LABELLED, NOTE, draw_dot, draw_moment, note_of
from dsviz.draw.stage import Stage, height_for, spread
from dsviz.draw.text import caption, clauses, titled
from dsviz.errors import DsvizError
from dsviz.trace import Trace

WIDTH = 720.0  # px of content of a single picture
PANEL, GAP = 398.0, 14.0  # width of one picture of a strip, and what is between two
SMALL = 0.8  # scale of the pictures of a strip
LEGEND = 30.0  # height of the line that explains the signs


def cluster(trace: Trace, at: float = 0.0, *, theme: str = "light") -> Picture:
    """Return the cluster as it was `at` ms of the run.

    Raises DsvizError when the time is outside the run or the trace has no nodes.
    """
    places = _places(trace)
    _check_time(trace, "at", at)
    data, moment = columns_of(trace), frame(trace, at)
    said = clauses(moment.caption)
    over = NOTE if note_of(moment) else 0.0
    high = over + height_for(places, WIDTH, 1.0)
    sheet = Sheet(
        WIDTH,
        high + LEGEND,
        theme=theme,
        title=titled(trace),
        subtitle=f"seed {trace.seed} · at {at:,g} ms",
        caption=said,
    )
    box = (0.0, over, WIDTH, high)
    draw_moment(Stage(sheet, box, spread(places, box, 1.0), _styles(data)), moment)
    _legend(sheet, high + LEGEND / 2 + 4, data, [moment])
    return sheet.finish(said, f"Picture of the cluster {trace.name}. {said}")


def film_strip(
    trace: Trace,
    verdicts: Any = (),
    *,
    moments: Sequence[float] | None = None,
    n: int = 4,
    theme: str = "light",
) -> Picture:
    """Return up to `n` moments of a run side by side, as a static stand-in for the player.

    `verdicts` (one or several) are named below it, and their moments are among those shown;
    `moments` are times in ms to show instead. Raises DsvizError for a time outside the run.
    """
    verdicts = list(verdicts) if isinstance(verdicts, Iterable) else [verdicts]
    times = key_moments(trace, verdicts, n) if moments is None else list(moments)
    places = _places(trace)
    if not times:
        raise DsvizError("moments is empty; give at least one time in ms, or leave it out")
    for time in times:
        _check_time(trace, "moments", time)
    data, frames = columns_of(trace), [frame(trace, time) for time in times]
    across = min(2, len(times))
    width = across * PANEL + (across - 1) * GAP
    words = [wrap(_told(f), PANEL - 24, 11)[:3] for f in frames]
    over = NOTE if any(map(note_of, frames)) else 0.0
    stage_high = over + height_for(places, PANEL - 12, SMALL)
    rows = [range(i, min(i + across, len(times))) for i in range(0, len(times), across)]
    heads = [34 + 16 * max(len(words[i]) for i in row) for row in rows]
    high = sum(heads) + len(rows) * (stage_high + GAP)
    said = caption(trace, verdicts)
    sheet = Sheet(
        width,
        AXIS + high + LEGEND,
        theme=theme,
        title=titled(trace),
        subtitle=f"seed {trace.seed} · {_moments(len(times))} of {trace.duration:,g} ms",
        caption=said,
    )
    _axis(sheet, trace, data, times, verdicts)
    top = AXIS
    for row, head in zip(rows, heads, strict=True):
        for column, number in enumerate(row):
            left = column * (PANEL + GAP)
            box = (left, top, left + PANEL, top + head + stage_high)
            sheet.box(box, radius=8, edge="line", width=1.2, z=-5)
            _panel_head(sheet, left + 12, top, number, times[number], words[number])
            inner = (left + 6, top + head - 2 + over, left + PANEL - 6, box[3] - 2)
            at = spread(places, inner, SMALL)
            draw_moment(Stage(sheet, inner, at, _styles(data), SMALL), frames[number])
        top += head + stage_high + GAP
    _legend(sheet, top + LEGEND / 2 - 6, data, frames)
    told = " ".join(clauses(f.caption) for f in frames)
    return sheet.finish(said, f"Film strip of {_moments(len(times))} of {trace.name}. {told}")


def _moments(count: int) -> str:
    return f"{count} moment" + ("" if count == 1 else "s")


def film_strip_png(
    trace: Trace, verdicts: Any = (), theme: str = "light", n: int = 4, scale: float = 1.0
) -> bytes:
    """Return the film strip as PNG: what the player shows where no JavaScript runs."""
    return film_strip(trace, verdicts, n=n, theme=theme).png(scale)


# Parts ----------------------------------------------------------------------------------------

AXIS = 46.0  # height of the time axis above a strip


def _places(trace: Trace) -> dict[str, tuple[float, float]]:
    if not trace.nodes:
        raise DsvizError("this trace has no nodes; draw the trace of a run")
    return layout(trace.nodes)


def _check_time(trace: Trace, name: str, time: float) -> None:
    if (
        isinstance(time, bool)
        or not isinstance(time, (int, float))
        or not 0 <= time <= trace.duration
    ):
        raise DsvizError(
            f"{name}={time!r} is not a time of this run; choose 0 to {trace.duration:g} ms"
        )


def _styles(data: Mapping[str, Any]) -> dict[str, tuple[str, tuple[float, ...]]]:
    return {kind["name"]: (kind["colour"], tuple(kind["dash"])) for kind in data["kinds"]}


def _told(moment: Frame) -> str:
    """A moment's caption without its time, which stands beside it."""
    text = clauses(moment.caption).split(": ", 1)[1]
    return text[0].upper() + text[1:] if text.split()[0].rstrip(",") not in _names(moment) else text


def _names(moment: Frame) -> set[str]:
    return {node.name for node in moment.nodes}


def _panel_head(
    sheet: Sheet, x: float, top: float, number: int, time: float, lines: list[str]
) -> None:
    sheet.disc(x + 8, top + 18, 9, fill="ink")
    sheet.text(x + 8, top + 18, str(number + 1), size=11, bold=True, colour="background")
    sheet.text(x + 24, top + 18, f"{time:,g} ms", size=12.5, bold=True, align="left")
    for row, line in enumerate(lines):
        sheet.text(x, top + 40 + 16 * row, line, size=11, colour="soft", align="left")


def _axis(
    sheet: Sheet,
    trace: Trace,
    data: Mapping[str, Any],
    times: Sequence[float],
    verdicts: Iterable[Any],
) -> None:
    """The run from left to right: when the moments are, the faults, and the violations."""
    left, right, y = 10.0, sheet.width - text_width(f"{trace.duration:,g} ms", 11) - 14, 21.0

    def at(time: float) -> float:
        return left + (right - left) * time / trace.duration

    sheet.line([(left, y), (right, y)], colour="edge", width=2, z=0)
    sheet.text(right + 10, y, f"{trace.duration:,g} ms", size=11, colour="soft", align="left")
    for fault in data["faults"]:
        x, ends = at(fault["at"]), fault["ends"]
        if ends is not None:
            sheet.line([(x, y), (at(ends), y)], colour="fault", width=4, z=0.5)
        sheet.line([(x, y - 2), (x, y + 9)], colour="fault", width=2.2, z=3)
        if fault["what"] in ("Crash", "PowerLoss"):
            glyphs.crash_badge(sheet, x, y + 10, 6, z=3.5)
    for verdict in verdicts:
        if verdict.at is not None:
            x = at(verdict.at)
            sheet.shape([(x, y + 3), (x - 7, y + 15), (x + 7, y + 15)], fill="violated", z=4)
    for number, (time, x) in enumerate(zip(times, _apart([at(t) for t in times], 20), strict=True)):
        sheet.line([(at(time), y), (x, y - 10)], colour="ink", width=2, z=5)
        sheet.disc(x, y - 12, 9, fill="ink", edge="background", width=1.4, z=6)
        sheet.text(x, y - 12, str(number + 1), size=11, bold=True, colour="background", z=7)


def _apart(xs: Sequence[float], gap: float) -> list[float]:
    """Return the same places, pushed to the right where two are nearer than `gap`."""
    order, moved, last = sorted(range(len(xs)), key=xs.__getitem__), list(xs), -math.inf
    for number in order:
        moved[number] = last = max(xs[number], last + gap)
    return moved


def _legend(sheet: Sheet, y: float, data: Mapping[str, Any], frames: Sequence[Frame]) -> None:
    """Explain the signs that are used, in one line."""
    x = 0.0
    for draw, text in _signs(sheet, data, frames):
        wide = text_width(text, 10.5)
        if x + 24 + wide > sheet.width:
            return
        draw(x + 9, y)
        sheet.text(x + 24, y, text, size=10.5, colour="soft", align="left")
        x += 24 + wide + 16


def _signs(sheet: Sheet, data: Mapping[str, Any], frames: Sequence[Frame]) -> Iterable[tuple]:
    roles = {node["role"]: node["shape"] for node in data["nodes"]}
    for role, shape in roles.items():
        path = _node_sign(sheet, shape)
        yield path, role
    shown = [message for f in frames for message in f.messages]
    if any(len(f.messages) > LABELLED for f in frames):  # dots without labels: name the kinds
        present = {message.kind for message in shown}
        for kind in data["kinds"]:
            if kind["name"] in present:
                yield _dot_sign(sheet, kind["reply"], kind["colour"]), kind["name"]
    else:
        for reply, text in ((False, "request"), (True, "reply")):
            if any(message.reply is reply for message in shown):
                yield _line_sign(sheet, (5, 2.5) if reply else ()), text
    states = {node.state for f in frames for node in f.nodes}
    if "changed" in states:
        yield (
            lambda x, y: sheet.disc(x, y, 6, fill="fill_changed", edge="changed", width=2.6),
            "just changed",
        )
    if "down" in states:
        yield lambda x, y: glyphs.crash_badge(sheet, x, y, 7), "down"
    if "paused" in states:
        yield lambda x, y: glyphs.pause_badge(sheet, x, y, 7), "paused"
    if any(node.unsynced for f in frames for node in f.nodes):
        yield lambda x, y: glyphs.disk_badge(sheet, x, y, 6.5), "not yet on disk"
    if any(node.skew for f in frames for node in f.nodes):
        yield lambda x, y: glyphs.clock_badge(sheet, x, y, 7), "clock off by … ms"


def _node_sign(sheet: Sheet, shape: str) -> Any:
    return lambda x, y: sheet.shape(
        glyphs.node_path(shape, x, y, 6), fill="fill_node", edge="ink", width=1.4
    )


def _line_sign(sheet: Sheet, dash: Sequence[float]) -> Any:
    return lambda x, y: sheet.line([(x - 9, y), (x + 9, y)], colour="soft", width=2, dash=dash)


def _dot_sign(sheet: Sheet, reply: bool, colour: str) -> Any:
    return lambda x, y: draw_dot(sheet, reply, (x + 2, y), colour)
