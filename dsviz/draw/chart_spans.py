"""Who had what, and when: a Gantt of owners, with nobody hatched and two at once in two colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dsviz.draw.chart_moments import draw_moments
from dsviz.draw.figure import Picture, Sheet
from dsviz.draw.measure import fit, text_width
from dsviz.draw.plot import Scale, room_for, side_labels, ticks, x_axis
from dsviz.draw.text import counted, joined
from dsviz.errors import DsvizError

WIDTH = 760.0
ROW = 26.0
OWNERS = ("blue", "purple", "green", "teal", "amber", "vermilion")

Span = tuple[float, float, str]  # from, to (ms), who


def gantt(
    rows: Mapping[str, Sequence[Span]],
    duration: float,
    *,
    ribbon: tuple[str, Sequence[Span]] | None = None,
    marks: Mapping[float, str] | None = None,
    title: str = "Who owns what",
    subtitle: str = "",
    theme: str = "light",
) -> Picture:
    """Return one row for each thing that is owned, with a bar for each time that somebody owns it.

    `rows` maps a thing (a topic partition, a lease, a shard) to spans (from, to, owner) in ms of a
    run that takes `duration`. Owners have a colour and their name; what nobody owns is hatched; a
    time in which two own the same thing shows both, one above the other, and is framed in red.
    `ribbon` is a row above them for what holds for all, (its name, spans), such as the epoch.
    `marks` names moments, in ms. Raises DsvizError for no rows and for spans that end before they
    begin.
    """
    if not rows:
        raise DsvizError("rows is empty; give at least one thing and its owners")
    for name, spans in rows.items():
        for begin, end, owner in spans:
            if end < begin:
                raise DsvizError(f"rows[{name!r}]: {owner} ends at {end:g}, before {begin:g}")
    owners = sorted({owner for spans in rows.values() for _, _, owner in spans}, key=_natural)
    colour = {owner: OWNERS[i % len(OWNERS)] for i, owner in enumerate(owners)}
    free = {name: gaps(spans, duration) for name, spans in rows.items()}
    double = {name: overlaps(spans) for name, spans in rows.items()}
    said = _caption(rows, owners, free, double)
    names = [ribbon[0], *rows] if ribbon else list(rows)
    left, head = room_for(names), 20.0 if marks else 0.0
    top = head + (ROW + 4 if ribbon else 0.0)
    high = top + ROW * len(rows)
    sheet = Sheet(WIDTH, high + 52, theme=theme, title=title, subtitle=subtitle, caption=said)
    scale = Scale(0, duration, left, WIDTH - 8)
    side_labels(sheet, [(name, top + ROW * i + ROW / 2) for i, name in enumerate(rows)], left)
    if ribbon:
        _ribbon(sheet, scale, ribbon, head, left)
    draw_moments(sheet, marks or {}, scale, words_y=6, line=(14, high + 4), z=4)
    for i, (name, spans) in enumerate(rows.items()):
        y = top + ROW * i
        for begin, end in free[name]:
            _nobody(sheet, scale(begin), scale(end), y)
        for begin, end, owner in spans:
            shared = [pair for pair in double[name] if begin < pair[1] and pair[0] < end]
            _owned(sheet, scale, (begin, end, owner), y, colour[owner], shared, spans)
        for begin, end in double[name]:
            box = (scale(begin), y + 1, max(scale(end), scale(begin) + 2), y + ROW - 1)
            sheet.box(box, radius=3, edge="violated", width=2.2, z=5)
    x_axis(sheet, scale, ticks(0, duration, 8), high + 4)
    sheet.line([(left, high + 4), (WIDTH - 8, high + 4)], colour="edge", width=1.4)
    sheet.text((left + WIDTH) / 2, high + 38, "time in ms", size=11.5, colour="soft")
    return sheet.finish(said, f"One row for each of {joined(list(rows)[:8])}. {said}")


def _ribbon(
    sheet: Sheet, scale: Scale, ribbon: tuple[str, Sequence[Span]], y: float, left: float
) -> None:
    """One strip without colours, as what it says is about all rows."""
    name, spans = ribbon
    side_labels(sheet, [(name, y + ROW / 2)], left, bold=False)
    for begin, end, value in spans:
        box = (scale(begin), y + 5, scale(end), y + ROW - 5)
        sheet.box(box, radius=4, fill="fill_node", edge="edge", width=1.0, z=1)
        if box[2] - box[0] > text_width(value, 10.5, True) + 4:
            sheet.text((box[0] + box[2]) / 2, y + ROW / 2, value, size=10.5, bold=True)


def gaps(spans: Sequence[Span], duration: float) -> list[tuple[float, float]]:
    """Return when nobody owns it: (from, to) in ms."""
    found, since = [], 0.0
    for begin, end, _ in sorted(spans):
        if begin > since:
            found.append((since, begin))
        since = max(since, end)
    return [*found, (since, duration)] if since < duration else found


def overlaps(spans: Sequence[Span]) -> list[tuple[float, float]]:
    """Return when two or more own it at once: (from, to) in ms."""
    found: list[tuple[float, float]] = []
    ordered = sorted(spans)
    for i, (begin, end, owner) in enumerate(ordered):
        for other_begin, other_end, other in ordered[i + 1 :]:
            if other != owner and other_begin < end and begin < other_end:
                found.append((max(begin, other_begin), min(end, other_end)))
    return found


def _natural(name: str) -> tuple:
    digits = "".join(c for c in name if c.isdigit())
    return name.rstrip("0123456789"), int(digits) if digits else 0


def _nobody(sheet: Sheet, left: float, right: float, y: float) -> None:
    box = (left, y + 4, max(right, left + 1), y + ROW - 4)
    sheet.box(box, fill="panel", edge="down", width=0.8, hatch="////", z=1)


def _owned(
    sheet: Sheet,
    scale: Scale,
    span: Span,
    y: float,
    colour: str,
    shared: Sequence[tuple[float, float]],
    spans: Sequence[Span],
) -> None:
    begin, end, owner = span
    left, right = scale(begin), max(scale(end), scale(begin) + 1.5)
    fill = sheet.mix("background", colour, 0.25)
    sheet.box((left, y + 4, right, y + ROW - 4), radius=2, fill=fill, edge=colour, width=1.2, z=2)
    for low, high in shared:  # the one that began first keeps the upper half
        first = min(s for s in spans if s[0] < high and low < s[1])
        half = (y + 4, y + ROW / 2) if first[2] == owner else (y + ROW / 2, y + ROW - 4)
        box = (scale(low), half[0], scale(high), half[1])
        sheet.box(box, fill=sheet.mix("background", colour, 0.55), z=3)
    if right - left > 16:
        words = fit(owner, right - left - 6, 10.5, True)
        if text_width(words, 10.5, True) <= right - left - 4:
            sheet.text(left + 4, y + ROW / 2, words, size=10.5, bold=True, colour=colour,
                       align="left", z=6)  # fmt: skip


def _caption(
    rows: Mapping[str, Sequence[Span]],
    owners: Sequence[str],
    free: Mapping[str, Sequence[tuple[float, float]]],
    double: Mapping[str, Sequence[tuple[float, float]]],
) -> str:
    silent = sum(end - begin for spans in free.values() for begin, end in spans)
    twice = sum(end - begin for spans in double.values() for begin, end in spans)
    said = f"{counted(len(rows), 'row')}, owned by {joined(owners)}"
    said += f": nobody for {silent:,.0f} ms in all" if silent else ": always by somebody"
    return said + (f", two at once for {twice:,.0f} ms." if twice else ", never two at once.")
