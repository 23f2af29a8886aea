"""The parts of a space-time diagram: lanes, time axis, faults, operations and messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dsviz.draw import glyphs
from dsviz.draw.chart_history import told
from dsviz.draw.columns import FATES
from dsviz.draw.figure import Sheet
from dsviz.draw.measure import Box, Point, fit, overlap, pill_box, text_width
from dsviz.draw.plot import number
from dsviz.draw.text import joined
from dsviz.draw.timescale import TimeScale
from dsviz.history import Operation
from dsviz.trace import Event, Trace

LABELLED = 60  # more messages than this are drawn without labels
LEFT, HEAD, TRACK = 58.0, 44.0, 19.0  # px: time axis, names of the lanes, one fault beside them


@dataclass
class Diagram:
    """What is drawn, and where."""

    sheet: Sheet
    trace: Trace
    data: Mapping[str, Any]
    x: dict[str, float]
    y: TimeScale
    window: tuple[float, float]
    right: float  # px where the lanes end
    taken: list[Box] = field(default_factory=list)

    def free(self, box: Box) -> bool:
        return box[0] >= 0 and not any(overlap(box, other, 1.5) for other in self.taken)


# Lanes and time -------------------------------------------------------------------------------


def draw_lanes(d: Diagram) -> None:
    shapes = {node["name"]: node["shape"] for node in d.data["nodes"]}
    for name, x in d.x.items():
        d.sheet.shape(
            glyphs.node_path(shapes[name], x, 11, 9), fill="fill_node", edge="ink", width=1.6, z=3
        )
        room = (d.right - LEFT) / len(d.x) - 4
        text = fit(name, room, 12.5, True)
        d.taken.append(d.sheet.text(x, 31, text, size=12.5, bold=True))
    for piece in d.y.stretches:
        lines = [[(x, piece.top), (x, piece.bottom)] for x in d.x.values()]
        dash = (1.5, 4) if piece.quiet else ()
        d.sheet.segments(lines, colour="edge", width=1.2, dash=dash, z=0)


def draw_axis(d: Diagram) -> None:
    for time in d.y.ticks():
        y = d.y(time)
        d.sheet.line([(LEFT - 12, y), (d.right, y)], colour="line", width=1, z=-3)
        d.sheet.text(LEFT - 16, y, number(time), size=10, colour="soft", align="right")
    d.sheet.text(LEFT - 16, 31, "ms", size=10, colour="soft", align="right")
    for piece in d.y.stretches:
        if piece.quiet:
            middle = (piece.top + piece.bottom) / 2
            box = (LEFT - 12, piece.top + 3, d.right, piece.bottom - 3)
            d.sheet.box(box, radius=3, fill="panel", z=-4)
            d.sheet.text(LEFT - 16, middle, "⋮", size=12, colour="soft", align="right")


# Faults ---------------------------------------------------------------------------------------


def draw_link_faults(d: Diagram, tracks: Sequence[Sequence[tuple]]) -> None:
    for column, track in enumerate(tracks):
        x = d.right + TRACK * (column + 0.5)
        for fault, start, stop in track:
            top, bottom = d.y(start), d.y(stop)
            if bottom - top < 6:
                bottom = top + 6
            box = (x - 7, top, x + 7, bottom)
            d.sheet.box(box, radius=4, fill="fill_alarm", edge="fault", width=1.2, z=1)
            if fault["at"] == start:
                d.sheet.line(
                    [(LEFT, top), (x - 7, top)], colour="fault", width=1.1, dash=(2, 4), z=-1
                )
            text = _longest(_fault_names(fault), bottom - top - 10)
            if text:
                y = (top + bottom) / 2
                d.sheet.text(x, y, text, size=10, colour="fault", angle=-90, z=2)


def _fault_names(fault: Mapping[str, Any]) -> list[str]:
    stored, label = fault["stored"], fault["label"]
    if fault["what"] == "Partition":
        rest = joined(stored["b"]) if stored.get("b") else "all others"
        return [f"network partition: {joined(stored['a'])} | {rest}", "network partition"]
    ends = f"{stored.get('src') or 'all'} → {stored.get('dst') or 'all'}"
    if fault["what"] == "Cut":
        return [f"one-way cut {ends}", f"cut {ends}"]
    names = f"{label} {' '.join(fault['nodes'])}".strip()
    return [fault["text"], f"{label} {ends}" if "p" in stored else names, label]


def _longest(texts: Iterable[str], room: float) -> str:
    return next((text for text in texts if text_width(text, 10) <= room), "")


def draw_node_faults(d: Diagram) -> list[tuple[float, float, str, str]]:
    """Draw when nodes were down or paused; return what is to be written beside it."""
    spans, (since, until) = d.data["spans"], d.window
    said: list[tuple[float, float, str, str]] = []
    for row, what in enumerate(spans["what"]):
        name = d.data["nodes"][spans["node"][row]]["name"]
        start = spans["from"][row]
        stop = until if spans["to"][row] is None else min(spans["to"][row], until)
        if what not in ("down", "paused") or name not in d.x or start > until or stop < since:
            continue
        x, top, bottom = d.x[name], d.y(max(start, since)), d.y(stop)
        colour = "fault" if what == "down" else "pause"
        d.sheet.box((x - 15, top, x + 15, bottom), radius=3, fill="fill_alarm", z=-2)
        sides = [[(x + s, top), (x + s, bottom)] for s in (-15, 15)]
        d.sheet.segments(sides, colour=colour, width=1, dash=(2, 3), z=-1.9)
        if start < since:
            continue
        badge = glyphs.crash_badge if what == "down" else glyphs.pause_badge
        badge(d.sheet, x, top, 8, z=7)
        d.taken.append((x - 9, top - 9, x + 9, top + 9))
        words = f"{'crash' if what == 'down' else 'pause'} {number(start)}"
        said.append((x, top, words, colour))
        if what == "down" and spans["to"][row] is not None and stop < until:
            glyphs.restart_badge(d.sheet, x, bottom, 8, z=7)
            d.taken.append((x - 9, bottom - 9, x + 9, bottom + 9))
            said.append((x, bottom, f"restart {number(stop)}", "ok"))
    return said


def beside(d: Diagram, x: float, y: float, text: str, colour: str, gap: float = 13) -> None:
    """Write a few words beside a sign on a lane, where there is room."""
    width = text_width(text, 10.5, True)
    for left, top in ((x + gap, y), (x - gap - width, y), (x + gap, y + 14), (x + gap, y - 14)):
        box = (left, top - 7, left + width, top + 7)
        if box[0] > LEFT - 8 and box[2] < d.right and d.free(box):
            d.sheet.box(box, radius=3, fill="background", alpha=0.85, z=5.9)
            d.sheet.text(left, top, text, size=10.5, bold=True, colour=colour, align="left", z=6)
            d.taken.append(box)
            return


# Operations and marks -------------------------------------------------------------------------

_LOOK = {"ok": "ok", "fail": "down", "info": "unknown"}


def draw_operations(d: Diagram, operations: Iterable[Operation], marked: set[int]) -> None:
    since, until = d.window
    for op in operations:
        x, colour = d.x[op.process], "violated" if op.id in marked else _LOOK[op.status]
        known = op.status != "info" and op.return_ms is not None
        stop = op.return_ms if op.return_ms is not None else until
        top, bottom = d.y(max(op.call_ms or 0.0, since)), d.y(min(stop, until))
        box = (x - 4, top, x + 4, max(bottom, top + 3))
        fill, dash = ("fill_alarm", ()) if op.id in marked else ("background", ())
        dash = dash if known else (3, 3)
        d.sheet.box(box, radius=3, fill=fill, edge=colour, width=1.8, dash=dash, z=2)
        if known and since <= stop <= until:
            _operation_pill(
                d, x, bottom + (20 if op.id in marked else 13), told(op), colour, op.id in marked
            )
        elif not known:
            _operation_pill(d, x, top - 12, told(op), colour, op.id in marked)


def _operation_pill(d: Diagram, x: float, y: float, text: str, colour: str, marked: bool) -> None:
    size = 10.5
    half = pill_box(0, 0, text, size)[2] + 1
    x = min(max(x, LEFT - 12 + half), d.right - half)
    for at in (y, y + 8, y - 8, y + 20):
        box = pill_box(x, at, text, size)
        if d.free(box):
            fill = "fill_alarm" if marked else "background"
            d.taken.append(d.sheet.pill(x, at, text, size=size, colour=colour, fill=fill, z=8))
            return


def draw_marks(d: Diagram, marks: Iterable[Event]) -> None:
    since, until = d.window
    for event in marks:
        if event.node in d.x and since <= event.time <= until:
            x, y = d.x[event.node], d.y(event.time)
            d.sheet.disc(x, y, 8.5, edge="violated", width=2.2, z=6.5)


# Messages -------------------------------------------------------------------------------------


def draw_flights(d: Diagram, flights: Sequence[int]) -> list[list[tuple[Point, Point, str, int]]]:
    """Draw the arrows; return groups of arrows that share a label."""
    table, names = d.data["flights"], [node["name"] for node in d.data["nodes"]]
    lines: dict[int, list[list[Point]]] = {}
    labels: dict[tuple, list[tuple[Point, Point, str, int]]] = {}
    for row in flights:
        kind, fate = table["kind"][row], FATES[table["fate"][row]]
        src, dst = d.x[names[table["src"][row]]], d.x[names[table["dst"][row]]]
        ends = _clipped(d, table["sent"][row], table["ended"][row], src, dst)
        if ends is None:
            continue
        start, end, arrives = ends
        look = d.data["kinds"][kind]
        if fate in ("lost", "cut"):
            end = glyphs.along(start, end, 0.6)
            _lost(d, end)
        elif fate == "node down" and arrives:
            end = glyphs.shortened(start, end, 0, 18)[1]
            _lost(d, end)
        elif fate == "delivered" and arrives:
            end = glyphs.shortened(start, end, 0, 2)[1]
            d.sheet.shape(glyphs.arrow_head(end, start, 8), fill=look["colour"], z=4)
        lines.setdefault(kind, []).append([start, end])
        text = d.data["texts"][table["label"][row]]
        labels.setdefault((text, start), []).append((start, end, text, kind))
    for kind, segments in lines.items():
        look = d.data["kinds"][kind]
        d.sheet.segments(segments, colour=look["colour"], width=1.7, dash=look["dash"], z=3)
    return list(labels.values()) if len(flights) <= LABELLED else []


def _lost(d: Diagram, at: Point) -> None:
    glyphs.cross_mark(d.sheet, *at, 4.5)
    d.taken.append((at[0] - 6, at[1] - 6, at[0] + 6, at[1] + 6))


def _clipped(
    d: Diagram, sent: float, ended: float, src: float, dst: float
) -> tuple[Point, Point, bool] | None:
    """The visible part of an arrow, and whether its end is in it."""
    since, until = d.window
    length = (ended - sent) or 1.0
    first, last = max(sent, since), min(ended, until)
    if first > last:
        return None

    def at(time: float) -> Point:
        return (src + (dst - src) * (time - sent) / length, d.y(time))

    return at(first), (dst, d.y(ended)) if ended <= until else at(last), ended <= until


def label_flight(d: Diagram, group: Sequence[tuple[Point, Point, str, int]]) -> None:
    """Write once what some messages sent together say, on the first arrow that has room."""
    for share in (0.45, 0.3, 0.6, 0.75):
        for start, end, text, kind in group:
            x, y = glyphs.along(start, end, share)
            half = text_width(text, 9.5) / 2
            box = (x - half - 2, y - 7, x + half + 2, y + 7)
            lane = any(box[0] < at < box[2] for at in d.x.values())
            if abs(end[0] - start[0]) < 2 * half or lane or not d.free(box):
                continue
            colour = d.data["kinds"][kind]["colour"]
            d.sheet.box(box, radius=4, fill="background", alpha=0.9, z=3.5)
            d.sheet.text(x, y, text, size=9.5, colour=colour, z=5)
            d.taken.append(box)
            return


def legend_rows(names: Sequence[str], width: float) -> list[list[str]]:
    rows: list[list[str]] = []
    x = width
    for name in names:
        wide = 34 + text_width(name, 11) + 16
        if x + wide > width:
            rows.append([])
            x = LEFT - 12
        rows[-1].append(name)
        x += wide
    return rows


def draw_legend(d: Diagram, rows: Sequence[Sequence[str]], y: float) -> None:
    looks = {kind["name"]: kind for kind in d.data["kinds"]}
    for row in rows:
        x = LEFT - 12
        for name in row:
            look = looks[name]
            line = [(x, y), (x + 24, y)]
            d.sheet.line(line, colour=look["colour"], width=2, dash=look["dash"])
            d.sheet.shape(glyphs.arrow_head((x + 28, y), (x, y), 8), fill=look["colour"])
            d.sheet.text(x + 34, y, name, size=11, align="left", colour="soft")
            x += 34 + text_width(name, 11) + 16
        y += 22
