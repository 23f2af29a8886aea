"""Draws one moment of a cluster on a stage: nodes, links, messages under way and faults.

The same signs as the player's: shape = role, ring and badge = state, colour and dash = message
kind, bricks = network partition, arrow against bars = one-way cut.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy
from contourpy import contour_generator

from dsviz.draw import glyphs
from dsviz.draw.figure import Sheet
from dsviz.draw.frames import Frame, LinkView, MessageView, NodeView
from dsviz.draw.measure import Point, fit, overlap, pill_box, text_width
from dsviz.draw.stage import Stage

LABELLED = 16  # more messages under way than this are drawn as dots: labels would hide the picture
ASIDE = 5.0  # px that a message keeps right of its link, so that two directions do not meet
STOPS = {"lost": 0.6, "cut": 0.3}  # how far a message comes that does not arrive


def draw_moment(stage: Stage, moment: Frame) -> None:
    """Draw everything a frame holds."""
    keep_nodes_free(stage)
    draw_ground(stage, moment)
    for node in moment.nodes:
        draw_node(stage, node)
    draw_link_faults(stage, moment)
    _draw_messages(stage, [m for m in moment.messages if m.src != m.dst])


def keep_nodes_free(stage: Stage) -> None:
    """Let no label be written over a node."""
    for x, y in stage.places.values():
        r = stage.radius + 3
        stage.taken.append((x - r, y - r, x + r, y + r))


def draw_ground(stage: Stage, moment: Frame) -> None:
    """Draw what lies under the nodes: links, walls, and a note on faults of every link."""
    note = note_of(moment)
    if note:
        x, y, size = stage.box[0], stage.box[1] - NOTE / 2, stage.size(10.5)
        text = fit(note, stage.box[2] - x, size, True)
        stage.sheet.text(x, y, text, size=size, bold=True, colour="fault", align="left")
    _draw_links(stage, moment)
    for wall in moment.walls:
        _draw_wall(stage, *wall)


NOTE = 20.0  # px above a stage for faults that hit links of every node


def note_of(moment: Frame) -> str:
    """Return faults that hit too many links to be drawn on each of them."""
    notes = []
    for link in moment.links:
        if link.what != "cut" and (link.src is None or link.dst is None):
            ends = f"{link.src or 'all'} → {link.dst or 'all'}"
            where = ends if link.src or link.dst else "every link"
            notes.append(f"{where}: {_fault_words(link)}")
    return " · ".join(notes)


def _fault_words(link: LinkView) -> str:
    if link.what == "delay":
        return f"+{link.value:g} ms"
    words = {"loss": "lost", "duplicate": "twice", "reorder": "reordered", "corrupt": "corrupted"}
    return f"{link.value * 100:g} % {words.get(link.what, link.what)}"


# Nodes ----------------------------------------------------------------------------------------

_RING = {
    "normal": ("ink", 2.0, ()),
    "changed": ("changed", 3.4, ()),
    "busy": ("ink", 2.0, ()),
    "paused": ("pause", 2.4, (7, 3)),
    "down": ("down", 2.0, (4, 3)),
}
_FILL = {"changed": "fill_changed", "paused": "panel", "down": "panel"}


def draw_node(stage: Stage, node: NodeView) -> None:
    """Draw a node with its badges and what it shows."""
    sheet, r = stage.sheet, stage.radius
    x, y = stage.places[node.name]
    edge, width, dash = _RING[node.state]
    fill = _FILL.get(node.state, "fill_node")
    if node.shape == "square" and node.state in ("normal", "busy"):
        edge, fill = "selected", "fill_active"
    outline = glyphs.node_path(node.shape, x, y, r)
    sheet.shape(outline, fill=fill, edge=edge, width=width, dash=dash, z=2)
    size = stage.size(14)
    inside = text_width(node.name, size, True) <= 2 * r - 7
    name = node.name if inside else brief(node.name)
    ink = "down" if node.state == "down" else "ink"
    sheet.text(x, y, name, size=size, bold=True, colour=ink, z=3)
    _draw_badges(stage, node, x, y)
    _draw_lines(stage, node, x, y, "" if inside else node.name)


def brief(name: str) -> str:
    """Return the short form of a long name: ``ce1`` for ``coordinator-eu-1``."""
    words = re.findall(r"[^\W\d_]+", name) or [name]
    number = re.search(r"\d+$", name)
    return "".join(word[0] for word in words[:2]) + (number.group()[-2:] if number else "")


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
        glyphs.disk_badge(stage.sheet, x - away * 1.15, y + away * 0.62, r * 0.85)


def _draw_lines(stage: Stage, node: NodeView, x: float, y: float, name: str) -> None:
    """Write under a node its name, when there is no room inside, and what it shows."""
    size, changed = stage.size(11), node.state == "changed"
    colour = {"changed": "changed", "paused": "pause"}.get(node.state, "soft")
    lines = [line for line in node.label.split("\n") if line.strip("–")]
    if node.state == "paused":
        lines = [f"paused since {node.since:g}", *lines]
    lines = [name, *lines] if name else lines
    room = _room(stage, node.name)
    for number, line in enumerate(lines[:2]):
        below = y + stage.radius * (1.12 if node.shape == "diamond" else 1) + 5
        at = below + size * (0.72 + 1.3 * number)
        bold = changed or line == name
        text = fit(line, room, size, bold)
        ink = "ink" if line == name else colour
        box = stage.sheet.text(x, at, text, size=size, bold=bold, colour=ink, z=3)
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


def _draw_links(stage: Stage, moment: Frame) -> None:
    down = {node.name for node in moment.nodes if node.state == "down"}
    plain, dotted = [], []
    for pair in moment.edges:
        line = (stage.places[pair[0]], stage.places[pair[1]])  # the nodes lie on top
        dead = bool(down & set(pair)) or any(_parted(wall, *pair) for wall in moment.walls)
        dead = dead or any(
            _hits(link, *ends) for link in moment.links for ends in (pair, pair[::-1])
        )
        (dotted if dead else plain).append(line)
    share = 0.35 if len(moment.edges) > 40 else 0.6
    colour = stage.sheet.mix("background", "edge", share)
    stage.sheet.segments(plain, colour=colour, width=1.2, z=0)
    stage.sheet.segments(dotted, colour=colour, width=1.1, dash=(2, 5), z=0)


def _parted(wall: tuple, one: str, other: str) -> bool:
    a, b = wall
    return (one in a and other in b) or (one in b and other in a)


def _hits(link: LinkView, src: str, dst: str) -> bool:
    return link.what == "cut" and link.src in (None, src) and link.dst in (None, dst)


def _draw_wall(stage: Stage, one: Sequence[str], other: Sequence[str]) -> None:
    """Bricks along the line whose points are equally far from both groups."""
    left, top, right, bottom = stage.box
    xs = numpy.linspace(left, right, 120)
    ys = numpy.linspace(top, bottom, 80)
    grid = numpy.meshgrid(xs, ys)

    def reach(group: Sequence[str]) -> Any:
        spots = (stage.places[name] for name in group)
        return numpy.min([numpy.hypot(grid[0] - x, grid[1] - y) for x, y in spots], axis=0)

    lines = contour_generator(xs, ys, reach(one) - reach(other)).lines(0.0)
    sheet, scale = stage.sheet, stage.scale
    for colour, width, dash in (
        ("background", 13, ()),
        ("fault", 8, ()),
        ("fill_alarm", 5, (10, 2)),
    ):
        style = {"colour": colour, "width": width * scale, "dash": [d * scale for d in dash]}
        sheet.segments(lines, **style, z=1)


def draw_link_faults(stage: Stage, moment: Frame) -> None:
    """Draw the faults of single links: one-way cuts, loss, delay."""
    for link in moment.links:
        if link.what == "cut":
            for pair in moment.edges:
                for src, dst in (pair, pair[::-1]):
                    if _hits(link, src, dst):
                        _draw_cut(stage, src, dst)
        elif link.src and link.dst:
            spot = stage.along(link.src, link.dst, 0.5)
            _place_pill(stage, spot, _fault_words(link), "fault", fill="fill_alarm")


def _draw_cut(stage: Stage, src: str, dst: str) -> None:
    """An arrow that ends at two bars: nothing passes in this direction."""
    x, y = stage.along(src, dst, 0.5)
    (x0, y0), (x1, y1) = stage.places[src], stage.places[dst]
    angle, size = math.atan2(y1 - y0, x1 - x0), stage.scale
    cos, sin = math.cos(angle), math.sin(angle)

    def at(ahead: float, across: float) -> Point:
        return x + (cos * ahead - sin * across) * size, y + (sin * ahead + cos * across) * size

    sheet = stage.sheet
    sheet.disc(x, y, 11 * size, fill="background", z=1.6)
    sheet.line([at(-9, 0), at(0, 0)], colour="fault", width=2, z=4)
    sheet.shape(glyphs.arrow_head(at(2, 0), at(-9, 0), 7 * size), fill="fault", z=4)
    bars = [[at(ahead, -7), at(ahead, 7)] for ahead in (4.5, 8.5)]
    sheet.segments(bars, colour="fault", width=2.2, z=4)
    stage.taken.append((x - 10 * size, y - 9 * size, x + 10 * size, y + 9 * size))


# Messages -------------------------------------------------------------------------------------


def _draw_messages(stage: Stage, messages: Sequence[MessageView]) -> None:
    dots = len(messages) > LABELLED
    spots = []
    for message in messages:
        stop = STOPS.get(message.fate, 1.0)
        share, aside = min(message.position, stop), ASIDE * stage.scale
        here = stage.along(message.src, message.dst, share, aside)
        begin = max(0.0, share - 0.16) if dots else 0.0
        start = stage.along(message.src, message.dst, begin, aside)
        colour, dash = stage.styles[message.kind]
        style = {"colour": colour, "width": 1.8, "dash": () if dots else dash}
        stage.sheet.line([start, here], **style, z=1.5)
        spots.append((message, here, colour, dash, message.position >= stop and stop < 1))
    for message, here, colour, dash, failed in spots:
        if dots:
            draw_dot(stage.sheet, message.reply, here, colour)
            continue
        back = stage.along(message.src, message.dst, -0.2, ASIDE * stage.scale)
        stage.sheet.shape(glyphs.arrow_head(here, back, 8), fill=colour, z=1.6)
        _place_pill(stage, here, message.label, colour, way=message, dash=dash, failed=failed)


def draw_dot(sheet: Sheet, reply: bool, at: Point, colour: str) -> None:
    """Draw one of many messages: a disc for a request, a hollow diamond for a reply."""
    shape, fill = ("diamond", "background") if reply else ("circle", colour)
    sheet.shape(glyphs.node_path(shape, *at, 4), fill=fill, edge=colour, width=1.8, z=4.5)


def _place_pill(
    stage: Stage,
    at: Point,
    text: str,
    colour: str,
    *,
    fill: str = "background",
    way: MessageView | None = None,
    dash: tuple[float, ...] = (),
    failed: bool = False,
) -> None:
    """Write a pill at a point, or beside it where that is taken; leave it out where all is."""
    spot = free_spot(stage, at, text, way)
    if spot is None:
        return
    if math.dist(spot, at) > 12:
        stage.sheet.line([at, spot], colour=colour, width=1, z=1.5)
    draw_pill(stage, spot, text, colour, fill=fill, dash=dash, failed=failed)


def draw_pill(
    stage: Stage,
    spot: Point,
    text: str,
    colour: str,
    *,
    fill: str = "background",
    dash: tuple[float, ...] = (),
    failed: bool = False,
) -> None:
    """Write a pill at a point, with a cross when the message does not arrive."""
    box = stage.sheet.pill(*spot, text, size=stage.size(11), colour=colour, fill=fill, dash=dash)
    if failed:
        glyphs.crash_badge(stage.sheet, box[2] - 3, box[1] + 1, 6.5)


def free_spot(stage: Stage, at: Point, text: str, way: MessageView | None) -> Point | None:
    """Return where a pill finds room, at the point or near it, and take that room."""
    size = stage.size(11)
    for spot in _spots(stage, at, way):
        box = pill_box(*spot, text, size)
        inside = (
            box[0] >= stage.box[0] - 2 and box[2] <= stage.box[2] + 2
            and box[1] >= stage.box[1] - 2 and box[3] <= stage.box[3] + 2
        )  # fmt: skip
        if inside and not any(overlap(box, other, 1.5) for other in stage.taken):
            stage.taken.append(box)
            return spot
    return None


def _spots(stage: Stage, at: Point, way: MessageView | None) -> Iterable[Point]:
    """Candidate places for a pill: first along its way, then round it, the nearest first."""
    yield at
    for share in (0.06, -0.06, 0.12, -0.12, 0.2, -0.2) if way else ():
        reached = min(way.position, STOPS.get(way.fate, 1.0))
        yield stage.along(
            way.src, way.dst, min(max(reached + share, 0.0), 1.0), ASIDE * stage.scale
        )
    for distance in (14, 22, 30, 40, 52, 66):
        for angle in range(0, 360, 30):
            turn = math.radians(angle + 90)
            yield (
                at[0] + distance * stage.scale * math.cos(turn) * 1.6,
                at[1] + distance * stage.scale * math.sin(turn),
            )
