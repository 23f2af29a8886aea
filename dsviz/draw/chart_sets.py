"""Sets of replicas: who took a write, who answered a read, and who is in both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dsviz.draw import glyphs
from dsviz.draw.figure import Picture, Sheet
from dsviz.draw.measure import fit, text_width
from dsviz.draw.text import joined
from dsviz.errors import DsvizError, listed

STEP, R = 86.0, 24.0  # px between two nodes, and a node's radius


def venn(
    write_set: Iterable[str],
    read_set: Iterable[str],
    all_nodes: Sequence[str],
    *,
    names: tuple[str, str] = ("last write", "read"),
    theme: str = "light",
) -> Picture:
    """Return two sets of nodes as overlapping fields, with the nodes in both of them glowing.

    `names` are what the sets are called. Raises DsvizError for an unknown or for no node.
    """
    nodes = list(all_nodes)
    one, other = set(write_set), set(read_set)
    if not nodes:
        raise DsvizError("all_nodes is empty; there is nothing to draw")
    for name, members in (("write_set", one), ("read_set", other)):
        unknown = members - set(nodes)
        if unknown:
            raise DsvizError(
                f"{name}: there is no node {listed(unknown)}; the nodes are {listed(nodes)}"
            )
    both = [n for n in nodes if n in one and n in other]
    groups = (
        [n for n in nodes if n in one and n not in other],
        both,
        [n for n in nodes if n in other and n not in one],
        [n for n in nodes if n not in one and n not in other],
    )
    said = _said(groups, names)
    sizes = ((names[0], one), (names[1], other), ("both", both))
    width = max(520.0, STEP * len(nodes) + 80)
    apart = bool(one and other and not both)
    sheet = Sheet(
        width,
        182 if apart else 160,
        theme=theme,
        title=f"{len(nodes)} nodes",
        subtitle=" · ".join(f"{name}: {len(members)}" for name, members in sizes),
        caption=said,
    )
    x, y, at = (width - STEP * len(nodes)) / 2 + STEP / 2, 88.0, {}
    for group in groups:
        for node in group:
            at[node] = x
            x += STEP
    _field(sheet, [at[n] for n in (*groups[0], *both)], y, names[0], "blue", True)
    _field(sheet, [at[n] for n in (*both, *groups[2])], y, names[1], "purple", False)
    for node in nodes:
        _node(sheet, at[node], y, node, node in both, node in groups[3])
    if apart:
        gap = max(at[n] for n in one) + STEP / 2
        sheet.line([(gap, 44), (gap, 150)], colour="violated", width=2, dash=(5, 4), z=4)
        sheet.pill(gap, 168, "no node in common", colour="violated", fill="fill_alarm")
    return sheet.finish(said, f"Two sets of nodes. {said}")


def _field(sheet: Sheet, xs: list[float], y: float, name: str, colour: str, above: bool) -> None:
    """A rounded field round the nodes at `xs`, with its name above or below it."""
    if not xs:
        return
    reach, high = (STEP / 2 - 4, 46.0) if above else (STEP / 2 - 10, 40.0)
    box = (min(xs) - reach, y - high, max(xs) + reach, y + high)
    fill = sheet.mix("background", colour, 0.1)
    dash = () if above else (6, 3)
    sheet.box(box, radius=high, fill=fill, alpha=0.75, z=1)
    sheet.box(box, radius=high, edge=colour, width=2, dash=dash, z=1.5)
    x = box[0] + 18 if above else box[2] - 18
    side = "left" if above else "right"
    sheet.text(
        x, y - high - 11 if above else y + high + 17, name, bold=True, colour=colour, align=side
    )


def _node(sheet: Sheet, x: float, y: float, name: str, shared: bool, idle: bool) -> None:
    if shared:
        for grow in (18, 14, 10, 6):
            sheet.disc(x, y, R + grow, fill="ok", alpha=0.13, z=2)
    edge, width = ("down", 1.6) if idle else ("ok", 3.4) if shared else ("ink", 2.0)
    dash = (4, 3) if idle else ()
    fill = "background" if idle else "fill_node"
    sheet.shape(
        glyphs.node_path("circle", x, y, R), fill=fill, edge=edge, width=width, dash=dash, z=3
    )
    size = 14.0
    while size > 9 and text_width(name, size, True) > R * 1.75:
        size -= 0.5
    ink = "down" if idle else "ink"
    sheet.text(x, y, fit(name, R * 1.9, size, True), size=size, bold=True, colour=ink)


def _said(groups: Sequence[list[str]], names: tuple[str, str]) -> str:
    one, both, other, _ = groups
    sets = (
        f"{names[0][:1].upper()}{names[0][1:]} {_set(one + both)}, {names[1]} {_set(both + other)}"
    )
    if both:
        verb = "is" if len(both) == 1 else "are"
        return f"{sets}: {joined(both)} {verb} in both, so the two meet."
    return f"{sets}: no node is in both, so the two miss each other."


def _set(nodes: Sequence[str]) -> str:
    return "{" + ", ".join(nodes) + "}"
