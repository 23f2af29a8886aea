"""One moment of a cluster on a sheet: nodes, links, messages under way and faults.

The same signs as the player's: shape = role, ring and badge = state, colour and dash = message
kind, wall = network partition, arrow against bars = one-way cut.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dsviz.draw import glyphs
from dsviz.draw.figure import Box, Point, Sheet, fit, overlap, pill_box, text_width
from dsviz.draw.frames import Frame, MessageView, NodeView

RADIUS = 24.0  # of a node, px
LABELLED = 40  # more messages under way than this are drawn without their labels


@dataclass
class Stage:
    """Where one moment is drawn: `places` are px on the sheet, `styles` maps message kinds to
    (colour, dash), `scale` shrinks everything."""

    sheet: Sheet
    box: Box
    places: dict[str, Point]
    styles: Mapping[str, tuple[str, tuple[float, ...]]]
    scale: float = 1.0
    taken: list[Box] = field(default_factory=list)  # where no further label may go

    @property
    def radius(self) -> float:
        """The radius of a node in px."""
        return RADIUS * self.scale

    def size(self, px: float) -> float:
        """A font size for this scale, never below what can be read."""
        return max(px * self.scale, min(px, 9.5))

    def link(self, src: str, dst: str) -> tuple[Point, Point]:
        """The line between the edges of two nodes."""
        gap = self.radius + 2
        return glyphs.shortened(self.places[src], self.places[dst], gap, gap)


def spread(places: Mapping[str, tuple[float, float]], box: Box, scale: float) -> dict[str, Point]:
    """Return places in px for places in 0..1, with room for nodes and the lines under them."""
    left, top, right, bottom = box
    xs, ys = [x for x, _ in places.values()], [y for _, y in places.values()]
    side, over, under = 66 * scale, RADIUS * scale + 12, RADIUS * scale + 36 * max(scale, 0.85)
    wide, high = right - left - 2 * side, bottom - top - over - under
    spans = (max(xs) - min(xs), max(ys) - min(ys))
    if min(spans) > 0.9:  # a circle of equals: do not stretch it into a flat ellipse
        wide = min(wide, high * 1.7)
    x0, y0 = (left + right - wide) / 2, top + over
    return {
        name: (
            x0 + wide * ((x - min(xs)) / spans[0] if spans[0] else 0.5),
            y0 + high * ((y - min(ys)) / spans[1] if spans[1] else 0.5),
        )
        for name, (x, y) in places.items()
    }


def height_for(places: Mapping[str, tuple[float, float]], scale: float) -> float:
    """Return the least height in px in which these nodes stand without crowding."""
    columns: dict[float, int] = {}
    for x, _ in places.values():
        columns[round(x, 1)] = columns.get(round(x, 1), 0) + 1
    xs, ys = [x for x, _ in places.values()], [y for _, y in places.values()]
    rows = max(columns.values())
    if min(max(xs) - min(xs), max(ys) - min(ys)) > 0.9:
        rows = max(3, math.ceil(len(places) / 2))
    return max(250.0, rows * 100.0) * scale


def draw_moment(stage: Stage, moment: Frame) -> None:
    """Draw everything a frame holds."""
    nodes = {node.name: node for node in moment.nodes}
    for node in moment.nodes:
        x, y = stage.places[node.name]
        r = stage.radius + 3
        stage.taken.append((x - r, y - r, x + r, y + r))
    cut = _draw_walls(stage, moment)
    _draw_links(stage, moment, nodes, cut)
    for node in moment.nodes:
        _draw_node(stage, node)
    _draw_faulty_links(stage, moment)
    _draw_messages(stage, moment.messages)


# Nodes ----------------------------------------------------------------------------------------

_RING = {
    "normal": ("ink", 2.0, ()),
    "changed": ("changed", 3.2, ()),
    "busy": ("selected", 2.4, ()),
    "paused": ("pause", 2.4, (2, 3)),
    "down": ("down", 2.0, (4, 3)),
}
_FILL = {"changed": "fill_changed", "busy": "fill_active", "down": "panel"}


def _draw_node(stage: Stage, node: NodeView) -> None:
    sheet, r = stage.sheet, stage.radius
    x, y = stage.places[node.name]
    edge, width, dash = _RING[node.state]
    outline = glyphs.node_path(node.shape, x, y, r)
    fill = _FILL.get(node.state, "fill_node")
    sheet.shape(outline, fill=fill, edge=edge, width=width, dash=dash, z=2)
    size = stage.size(14)
    while size > 9 and text_width(node.name, size, True) > r * 1.75:
        size -= 0.5
    ink = "down" if node.state == "down" else "ink"
    sheet.text(x, y, fit(node.name, r * 1.9, size, True), size=size, bold=True, colour=ink, z=3)
    _draw_badges(stage, node, x, y)
    _draw_lines(stage, node, x, y)


def _draw_badges(stage: Stage, node: NodeView, x: float, y: float) -> None:
    away, r = stage.radius * 0.86, max(6.5, 8.5 * stage.scale)
    if node.state == "down":
        glyphs.crash_badge(stage.sheet, x + away, y - away, r)
    elif node.state == "paused":
        glyphs.pause_badge(stage.sheet, x + away, y - away, r)
    if node.skew:
        glyphs.clock_badge(stage.sheet, x - away, y - away, r)
        size = stage.size(10)
        at = (x - away - r - 3, y - away)
        box = stage.sheet.text(*at, f"{node.skew:+g}", size=size, colour="skew", align="right")
        stage.taken.append(box)
    if node.unsynced:
        glyphs.disk_badge(stage.sheet, x - away, y + away, r * 0.9)


def _draw_lines(stage: Stage, node: NodeView, x: float, y: float) -> None:
    """Write what the node shows under it."""
    size, changed = stage.size(11), node.state == "changed"
    colour = {"changed": "changed", "paused": "pause"}.get(node.state, "soft")
    lines = [line for line in node.label.split("\n") if line.strip("–")]
    if node.state == "paused":
        lines = [f"paused since {node.since:g}", *lines]
    room = _room(stage, node.name)
    for number, line in enumerate(lines[:2]):
        below = y + stage.radius * (1.12 if node.shape == "diamond" else 1) + 5
        at = below + size * (0.72 + 1.3 * number)
        text = fit(line, room, size, changed)
        box = stage.sheet.text(x, at, text, size=size, bold=changed, colour=colour, z=3)
        stage.sheet.box(box, radius=4, fill="background", alpha=0.85, z=1.8)
        stage.taken.append(box)


def _room(stage: Stage, name: str) -> float:
    """How wide the lines under a node may be: up to the sheet's edge and half way to neighbours."""
    x, y = stage.places[name]
    near = [
        abs(other[0] - x)
        for other in stage.places.values()
        if abs(other[1] - y) < 3.4 * stage.radius and abs(other[0] - x) > 1
    ]
    edge = 2 * min(x - stage.box[0], stage.box[2] - x)
    return max(40.0, min([edge, *(gap - 6 for gap in near)]))


# Links ----------------------------------------------------------------------------------------


def _draw_links(stage: Stage, moment: Frame, nodes: Mapping[str, NodeView], cut: set) -> None:
    plain, dotted, severed = [], [], []
    for pair in moment.edges:
        line = (stage.places[pair[0]], stage.places[pair[1]])  # the nodes lie on top
        if frozenset(pair) in cut:
            severed.append(line)
        elif any(nodes[name].state == "down" for name in pair):
            dotted.append(line)
        else:
            plain.append(line)
    stage.sheet.segments(plain, colour="line", width=1.4, z=0)
    stage.sheet.segments(dotted, colour="line", width=1.4, dash=(2, 5), z=0)
    stage.sheet.segments(severed, colour="fault", width=1.1, dash=(1.5, 5), z=0)


def _draw_walls(stage: Stage, moment: Frame) -> set[frozenset]:
    """Draw each partition; return the pairs of nodes it separates."""
    cut: set[frozenset] = set()
    for one, other in moment.walls:
        crossing = [
            pair
            for pair in moment.edges
            if (pair[0] in one and pair[1] in other) or (pair[0] in other and pair[1] in one)
        ]
        cut |= {frozenset(pair) for pair in crossing}
        wall = _wall_between(stage, one, other)
        if wall:
            _draw_wall(stage, *wall)
        else:
            for pair in crossing:
                _draw_bars(stage, *stage.link(*pair), 0.5)
    return cut


def _wall_between(stage: Stage, one: Iterable[str], other: Iterable[str]) -> Any:
    """Return the ends of a straight wall between two groups that touches no node, or None."""
    groups = [[stage.places[name] for name in group] for group in (one, other)]
    rest = [p for p in stage.places.values() if p not in groups[0] and p not in groups[1]]
    best, found = stage.radius + 10, None
    for degrees in range(0, 180, 5):
        across = (math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))
        a, b = ([p[0] * across[0] + p[1] * across[1] for p in group] for group in groups)
        low, high = (max(a), min(b)) if max(a) < min(b) else (max(b), min(a))
        for share in (0.5, 0.35, 0.65, 0.2, 0.8):
            at = low + (high - low) * share
            gaps = [at - low, high - at]
            gaps += [abs(p[0] * across[0] + p[1] * across[1] - at) for p in rest]
            if low < high and min(gaps) > best:
                best, found = min(gaps), _clipped(stage.box, across, at)
    return found


def _clipped(box: Box, across: Point, at: float) -> tuple[Point, Point] | None:
    """The part of the line ``across · p = at`` inside a box."""
    left, top, right, bottom = box
    nx, ny = across
    ends = []
    if abs(ny) > 1e-9:
        ends += [(x, (at - nx * x) / ny) for x in (left, right)]
    if abs(nx) > 1e-9:
        ends += [((at - ny * y) / nx, y) for y in (top, bottom)]
    e = 0.01
    inside = [p for p in ends if left - e <= p[0] <= right + e and top - e <= p[1] <= bottom + e]
    return (min(inside), max(inside)) if len(inside) >= 2 else None


def _draw_wall(stage: Stage, start: Point, end: Point) -> None:
    """Bricks between two lines."""
    length = math.dist(start, end)
    ux, uy = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    half = 4.5 * stage.scale

    def at(along: float, across: float) -> Point:
        return (start[0] + ux * along - uy * across, start[1] + uy * along + ux * across)

    band = [at(0, -half), at(length, -half), at(length, half), at(0, half)]
    stage.sheet.shape(band, fill="fill_alarm", edge="fault", width=1.3, z=1)
    lines = [[at(0, 0), at(length, 0)]]
    step = half * 3
    for number in range(1, int(length / step)):
        side = half if number % 2 else -half
        lines.append([at(number * step, 0), at(number * step, side)])
    stage.sheet.segments(lines, colour="fault", width=1.0, z=1.1)


def _draw_bars(stage: Stage, start: Point, end: Point, share: float) -> None:
    """Two bars across a link."""
    length = math.dist(start, end) or 1.0
    ux, uy = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    reach, bars = 8 * stage.scale, []
    for step in (-2.5 * stage.scale, 2.5 * stage.scale):
        x, y = glyphs.along(start, end, share + step / length)
        bars.append([(x - uy * reach, y + ux * reach), (x + uy * reach, y - ux * reach)])
    stage.sheet.segments(bars, colour="background", width=5, z=3.9)
    stage.sheet.segments(bars, colour="fault", width=2.4, z=4)


def _draw_faulty_links(stage: Stage, moment: Frame) -> None:
    everywhere = []
    words = {"loss": "lost", "duplicate": "twice", "reorder": "reordered", "corrupt": "corrupted"}
    for link in moment.links:
        pairs = [
            (src, dst)
            for pair in moment.edges
            for src, dst in (pair, pair[::-1])
            if link.src in (None, src) and link.dst in (None, dst)
        ]
        if link.what == "cut":
            for src, dst in pairs:
                start, end = stage.link(src, dst)
                stop = glyphs.along(start, end, 0.62)
                stage.sheet.line([start, stop], colour="fault", width=1.4, dash=(2, 3), z=3)
                stage.sheet.shape(glyphs.arrow_head(stop, start, 8), fill="fault", z=4)
                _draw_bars(stage, start, end, 0.62 + 5 / (math.dist(start, end) or 1))
            continue
        text = (
            f"+{link.value:g} ms"
            if link.what == "delay"
            else f"{words[link.what]} {link.value:.0%}"
        )
        if link.src is None or link.dst is None:
            ends = f"{link.src or 'all'} → {link.dst or 'all'}"
            everywhere.append(f"{ends}: {text}" if link.src or link.dst else f"every link: {text}")
        for src, dst in pairs if link.src and link.dst else ():
            spot = glyphs.along(*stage.link(src, dst), 0.5)
            _place_pill(stage, spot, text, "pause", fill="fill_alarm")
    if everywhere:
        note = fit(" · ".join(everywhere), stage.box[2] - stage.box[0], stage.size(10.5))
        at = (stage.box[0], stage.box[1] + 6)
        stage.sheet.text(*at, note, size=stage.size(10.5), colour="pause", align="left", bold=True)


# Messages -------------------------------------------------------------------------------------


def _draw_messages(stage: Stage, messages: Iterable[MessageView]) -> None:
    messages = [m for m in messages if m.src != m.dst]
    for message in messages:
        colour, dash = stage.styles[message.kind]
        start, end = stage.link(message.src, message.dst)
        here = glyphs.along(start, end, message.position)
        origin = stage.places[message.src]
        stage.sheet.line([origin, here], colour=colour, width=2, dash=dash, z=1.5)
        stage.sheet.shape(glyphs.arrow_head(here, start, 9), fill=colour, z=1.6)
    if len(messages) > LABELLED:
        return
    for message in messages:
        start, end = stage.link(message.src, message.dst)
        here = glyphs.along(start, end, message.position)
        colour, dash = stage.styles[message.kind]
        _place_pill(stage, here, message.label, colour, line=(start, end), dash=dash)


def _place_pill(
    stage: Stage,
    at: Point,
    text: str,
    colour: str,
    *,
    fill: str = "background",
    line: tuple[Point, Point] | None = None,
    dash: tuple[float, ...] = (),
) -> None:
    """Write a pill at a point, or beside it where that is taken; leave it out where all is."""
    size = stage.size(11)
    for spot in _spots(at, line, stage.scale):
        box = pill_box(*spot, text, size)
        inside = (
            box[0] >= stage.box[0] - 2 and box[2] <= stage.box[2] + 2
            and box[1] >= stage.box[1] - 2 and box[3] <= stage.box[3] + 2
        )  # fmt: skip
        if inside and not any(overlap(box, other, 1.5) for other in stage.taken):
            if math.dist(spot, at) > 12:
                stage.sheet.line([at, spot], colour=colour, width=1, z=5.5)
            stage.sheet.pill(*spot, text, size=size, colour=colour, fill=fill, dash=dash)
            stage.taken.append(box)
            return


def _spots(at: Point, line: tuple[Point, Point] | None, scale: float) -> Iterable[Point]:
    """Candidate places for a pill, the nearest first."""
    yield at
    if line:
        for share in (0.06, -0.06, 0.12, -0.12, 0.2, -0.2):
            yield (
                at[0] + (line[1][0] - line[0][0]) * share,
                at[1] + (line[1][1] - line[0][1]) * share,
            )
    for distance in (14, 22, 30, 40, 52, 66):
        for angle in range(0, 360, 30):
            turn = math.radians(angle + 90)
            yield (
                at[0] + distance * scale * math.cos(turn) * 1.6,
                at[1] + distance * scale * math.sin(turn),
            )
