"""Where one moment of a cluster is drawn: places in px, and how much room they need."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from dsviz.draw.figure import Sheet
from dsviz.draw.measure import Box, Point

RADIUS = 24.0  # of a node, px


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

    def along(self, src: str, dst: str, share: float, aside: float = 0.0) -> Point:
        """The point at `share` of the way between two nodes' borders, `aside` px right of it."""
        (x0, y0), (x1, y1) = self.places[src], self.places[dst]
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        start = min(self.radius + 4, length * 0.3)
        way = start + share * max(length - 2 * start, 1.0)
        return x0 + ux * way - uy * aside, y0 + uy * way + ux * aside


def spread(places: Mapping[str, tuple[float, float]], box: Box, scale: float) -> dict[str, Point]:
    """Return places in px for places in 0..1, with room for nodes and the lines under them."""
    left, top, right, bottom = box
    over, under = _margins(scale)
    wide, high = right - left - 132 * scale, bottom - top - over - under
    if _is_circle(places):
        wide = min(wide, high * 1.7)
    x0, y0 = (left + right - wide) / 2, top + over
    xs, ys = [x for x, _ in places.values()], [y for _, y in places.values()]
    flat, thin = max(ys) - min(ys), max(xs) - min(xs)
    return {
        name: (
            x0 + wide * ((x - min(xs)) / thin if thin else 0.5),
            y0 + high * ((y - min(ys)) / flat if flat else 0.5),
        )
        for name, (x, y) in places.items()
    }


def height_for(places: Mapping[str, tuple[float, float]], width: float, scale: float) -> float:
    """Return the least height in px in which the lines under one node are free of the next."""
    wide, spots = width - 132 * scale, list(places.values())
    steps = [
        abs(a[1] - b[1])
        for i, a in enumerate(spots)
        for b in spots[:i]
        if abs(a[0] - b[0]) * wide < 110 * scale and abs(a[1] - b[1]) > 0.02
    ]
    least = 96.0 / min(steps) if steps else 0.0
    if _is_circle(places):
        least = max(least, 130.0 + 32.0 * len(places))
    return min(max(least, 190.0), 900.0) * scale + sum(_margins(scale))


def _margins(scale: float) -> tuple[float, float]:
    """Room for half a node and its badge above, and for two lines of text below."""
    return RADIUS * scale + 12, RADIUS * scale + 36 * max(scale, 0.85)


def _is_circle(places: Mapping[str, tuple[float, float]]) -> bool:
    """Whether the nodes stand in a circle, which must not become a flat ellipse."""
    return (
        len(places) > 2 and len({round(math.dist(p, (0.5, 0.5)), 2) for p in places.values()}) == 1
    )
