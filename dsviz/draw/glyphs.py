"""Shapes and signs as paths: what a node looks like, and what has happened to it.

Fonts lack many of these signs, so all are drawn. Coordinates are px on a `Sheet`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.path import Path

from dsviz.draw.figure import Sheet
from dsviz.draw.measure import Point, circle, round_box

CORNERS = {
    "hexagon": (6, 0.0),
    "octagon": (8, 22.5),
    "triangle": (3, -90.0),
    "pentagon": (5, -90.0),
}


def node_path(shape: str, x: float, y: float, radius: float) -> Path:
    """Return the outline of a node: shapes differ in form and look equally large."""
    if shape == "circle":
        return circle(x, y, radius)
    if shape == "square":
        half = radius * 0.94
        return round_box((x - half, y - half, x + half, y + half), radius * 0.42)
    if shape == "diamond":
        reach = radius * 1.12
        return _closed([(x, y - reach), (x + reach, y), (x, y + reach), (x - reach, y)])
    count, turn = CORNERS[shape]
    reach = radius * (1.25 if count == 3 else 1.08)
    angles = [math.radians(turn + 360 / count * i) for i in range(count)]
    return _closed([(x + reach * math.cos(a), y + reach * math.sin(a)) for a in angles])


def _closed(points: Sequence[Point]) -> Path:
    return Path([*points, points[0]], closed=True)


def crash_badge(sheet: Sheet, x: float, y: float, r: float = 8, z: float = 8) -> None:
    """A cross on a disc: the process is gone."""
    sheet.disc(x, y, r, fill="fault", edge="background", width=1.2, z=z)
    arm = r * 0.4
    cross = [[(x - arm, y - arm), (x + arm, y + arm)], [(x + arm, y - arm), (x - arm, y + arm)]]
    sheet.segments(cross, colour="background", width=r * 0.26, z=z + 0.1)


def pause_badge(sheet: Sheet, x: float, y: float, r: float = 8, z: float = 8) -> None:
    """Two bars on a disc: the node stands still."""
    sheet.disc(x, y, r, fill="pause", edge="background", width=1.2, z=z)
    arm = r * 0.42
    bars = [[(x + side, y - arm), (x + side, y + arm)] for side in (-r * 0.25, r * 0.25)]
    sheet.segments(bars, colour="background", width=r * 0.28, z=z + 0.1)


def restart_badge(sheet: Sheet, x: float, y: float, r: float = 8, z: float = 8) -> None:
    """A triangle on a disc: the node starts again."""
    sheet.disc(x, y, r, fill="ok", edge="background", width=1.2, z=z)
    a = r * 0.5
    sheet.shape(
        [(x - a * 0.7, y - a), (x + a, y), (x - a * 0.7, y + a)], fill="background", z=z + 0.1
    )


def clock_badge(sheet: Sheet, x: float, y: float, r: float = 8, z: float = 8) -> None:
    """A clock face: the node's clock is not the true time."""
    sheet.disc(x, y, r, fill="background", edge="skew", width=1.6, z=z)
    hands = [[(x, y - r * 0.6), (x, y), (x + r * 0.45, y + r * 0.25)]]
    sheet.segments(hands, colour="skew", width=1.5, z=z + 0.1)


def disk_badge(sheet: Sheet, x: float, y: float, r: float = 8, z: float = 8) -> None:
    """A cylinder, half full: writes that a power loss would undo."""
    w, h, lid = r * 0.85, r * 0.75, r * 0.32
    body = Path(
        [
            (x - w, y - h), (x - w, y + h), (x - w, y + h + lid * 1.4), (x + w, y + h + lid * 1.4),
            (x + w, y + h), (x + w, y - h), (x - w, y - h),
        ],
        [1, 2, 4, 4, 4, 2, 79],
    )  # fmt: skip
    sheet.shape(body, fill="background", edge="unsynced", width=1.5, z=z)
    top = Path.circle((0, 0), 1).vertices * [w, lid] + [x, y - h]
    sheet.shape(
        Path(top, Path.circle((0, 0), 1).codes),
        fill="unsynced",
        edge="unsynced",
        width=1.2,
        z=z + 0.1,
    )


def cross_mark(
    sheet: Sheet, x: float, y: float, r: float = 5, colour: str = "fault", z: float = 4
) -> None:
    """A bare cross: a message that does not arrive."""
    arms = [[(x - r, y - r), (x + r, y + r)], [(x + r, y - r), (x - r, y + r)]]
    sheet.segments(arms, colour="background", width=5, z=z)
    sheet.segments(arms, colour=colour, width=2.2, z=z + 0.05)


def arrow_head(tip: Point, back: Point, size: float = 8) -> list[Point]:
    """Return the triangle that ends an arrow from `back` at `tip`."""
    angle = math.atan2(tip[1] - back[1], tip[0] - back[0])
    wings = [angle + math.pi - 0.36, angle + math.pi + 0.36]
    return [tip, *((tip[0] + size * math.cos(a), tip[1] + size * math.sin(a)) for a in wings)]


def along(start: Point, end: Point, share: float) -> Point:
    """Return the point at `share` (0 to 1) of the way."""
    return (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)


def shortened(start: Point, end: Point, at_start: float, at_end: float) -> tuple[Point, Point]:
    """Return a line without its first and last px, so that it ends at a node's edge."""
    length = math.hypot(end[0] - start[0], end[1] - start[1])
    if length <= at_start + at_end:
        middle = along(start, end, 0.5)
        return middle, middle
    return along(start, end, at_start / length), along(start, end, 1 - at_end / length)
