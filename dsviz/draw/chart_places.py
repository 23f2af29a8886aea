"""Where data lives: a ring of tokens, and the levels of a log-structured store."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from dsviz.draw.figure import Picture, Sheet
from dsviz.draw.plot import room_for, side_labels
from dsviz.draw.text import counted
from dsviz.errors import DsvizError

WIDTH = 760.0
OWNERS = ("blue", "purple", "green", "teal", "amber", "vermilion")


def ring(
    tokens: Mapping[float, str],
    *,
    moved: Sequence[tuple[float, float]] = (),
    title: str = "The ring",
    theme: str = "light",
) -> Picture:
    """Return a hash ring: who owns which arc.

    `tokens` maps a place on the ring (0 to 1, clockwise from the top) to its node, which owns the
    arc that ends there. `moved` are arcs (from, to) that have changed hands: they stand out. The
    caption says what share each node owns. Raises DsvizError for no token and for places outside
    0 to 1.
    """
    if not tokens:
        raise DsvizError("tokens is empty; give at least one place and its node")
    outside = [place for place in tokens if not 0 <= place < 1]
    if outside:
        raise DsvizError(f"tokens: {outside[0]!r} is not a place from 0 to 1")
    shares = owned(tokens)
    said = _ring_caption(shares, len(tokens), moved)
    sheet = Sheet(WIDTH, 300, theme=theme, title=title, caption=said,
                  subtitle=f"{counted(len(tokens), 'token')}")  # fmt: skip
    centre, radius = (190.0, 150.0), 112.0
    colour = {node: OWNERS[i % len(OWNERS)] for i, node in enumerate(shares)}
    places = sorted(tokens)
    for before, place in zip([places[-1] - 1, *places[:-1]], places, strict=True):
        arc = _arc(centre, radius, before, place)
        sheet.segments([arc], colour=colour[tokens[place]], width=20, z=2)
    for begin, end in moved:
        arc = _arc(centre, radius + 19, begin, end if end > begin else end + 1)
        sheet.segments([arc], colour="violated", width=5, z=3)
    for place in places:
        x, y = _on(centre, radius, place)
        sheet.disc(x, y, 5, fill="background", edge="ink", width=1.6, z=4)
    for i, (node, share) in enumerate(shares.items()):
        y = 40 + 26.0 * i
        sheet.disc(400, y, 7, fill=colour[node], z=3)
        sheet.text(416, y, f"{node}", bold=True, align="left")
        sheet.text(520, y, f"{share:.1%}", align="right", colour="soft")
        sheet.box((532, y - 6, 532 + 200 * share, y + 6), radius=2, fill=colour[node], z=2)
    return sheet.finish(said, f"A ring of arcs. {said}")


def owned(tokens: Mapping[float, str]) -> dict[str, float]:
    """Return which share of the ring each node owns, in order of its name."""
    places = sorted(tokens)
    shares = dict.fromkeys(sorted(tokens.values()), 0.0)
    for before, place in zip([places[-1] - 1, *places[:-1]], places, strict=True):
        shares[tokens[place]] += place - before
    return shares


def _on(centre: tuple[float, float], radius: float, place: float) -> tuple[float, float]:
    turn = 2 * math.pi * place
    return centre[0] + radius * math.sin(turn), centre[1] - radius * math.cos(turn)


def _arc(
    centre: tuple[float, float], radius: float, begin: float, end: float
) -> list[tuple[float, float]]:
    steps = max(2, math.ceil((end - begin) * 180))
    return [_on(centre, radius, begin + (end - begin) * i / steps) for i in range(steps + 1)]


def _ring_caption(
    shares: Mapping[str, float], tokens: int, moved: Sequence[tuple[float, float]]
) -> str:
    most, least = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    said = (
        f"{counted(len(shares), 'node')} and {counted(tokens, 'token')}: {most} owns most, "
        f"{shares[most]:.1%}, {least} least, {shares[least]:.1%}"
    )
    if not moved:
        return said + "."
    changed = sum((end - begin) % 1 for begin, end in moved)
    return f"{said}; {changed:.1%} of the ring has changed hands."


def levels(
    runs: Sequence[Sequence[tuple[float, float]]],
    *,
    names: Sequence[str] = (),
    unit: str = "MB",
    title: str = "Levels",
    theme: str = "light",
) -> Picture:
    """Return the levels of a log-structured store: a bar for each run, live bytes and dead ones.

    `runs` holds for each level its runs as (live, dead) amounts in `unit`, the newest level first.
    Dead is what a newer run has overwritten. Raises DsvizError when there is no level and for
    negative amounts.
    """
    if not runs:
        raise DsvizError("runs is empty; give at least one level")
    if any(part < 0 for level in runs for run in level for part in run):
        raise DsvizError("runs: an amount is negative")
    labels = list(names) or [f"L{i}" for i in range(len(runs))]
    live = sum(run[0] for level in runs for run in level)
    dead = sum(run[1] for level in runs for run in level)
    count = sum(map(len, runs))
    space = (live + dead) / live if live else float("inf")
    said = (
        f"{counted(len(runs), 'level')} with {counted(count, 'run')}: {live:,.0f} {unit} live and "
        f"{dead:,.0f} {unit} dead, {space:.2f} times the live data."
    )
    sheet = Sheet(WIDTH, 46.0 * len(runs), theme=theme, title=title, caption=said,
                  subtitle=f"{unit}, newest first; grey is dead")  # fmt: skip
    left = room_for(labels)
    side_labels(sheet, [(name, 46.0 * i + 21) for i, name in enumerate(labels)], left)
    most = max(sum(map(sum, level)) + 0.0 for level in runs) or 1.0
    gap = 5.0
    for i, level in enumerate(runs):
        x, y = left + 6, 46.0 * i + 4
        room = WIDTH - 8 - x - gap * max(0, len(level) - 1)
        for alive, gone in level:
            wide, cut = room * (alive + gone) / most, room * alive / most
            colour = OWNERS[i % len(OWNERS)]
            fill = sheet.mix("background", colour, 0.35)
            sheet.box((x, y, x + cut, y + 34), radius=3, fill=fill, edge=colour, width=1.4, z=2)
            if gone:
                box = (x + cut, y, x + wide, y + 34)
                sheet.box(box, radius=3, fill="panel", edge="down", width=1, hatch="////", z=1)
            if wide > 34:
                sheet.text(x + wide / 2, y + 17, f"{alive + gone:,.0f}", size=11, bold=True)
            x += wide + gap
    return sheet.finish(said, f"One row of runs a level. {said}")
