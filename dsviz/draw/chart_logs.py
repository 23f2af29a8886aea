"""Logs of several nodes side by side: their entries, coloured by term, and how far each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dsviz.draw.figure import Picture, Sheet
from dsviz.draw.measure import fit
from dsviz.draw.plot import room_for, side_labels
from dsviz.draw.text import counted
from dsviz.errors import DsvizError

WIDTH = 760.0
ROW, CELL = 40.0, 54.0
TERMS = ("blue", "purple", "green", "teal", "amber", "vermilion")

Entry = tuple[Any, str]  # its term (or epoch, or segment), what it says


def logs(
    entries: Mapping[str, Sequence[Entry]],
    committed: Mapping[str, int] | None = None,
    *,
    title: str = "Logs",
    group: str = "term",
    start: int = 1,
    theme: str = "light",
) -> Picture:
    """Return one lane of cells for each node: place, what stands there, and the colour of its term.

    `entries` maps a node to its entries (term, text); `committed` to how many of them are known to
    be committed: they have a bar below. Places at which two nodes differ are framed in red.
    Only the last entries are drawn when there are too many. `group` says what a term is, `start`
    is the number of the first place. Raises DsvizError when there is no node.
    """
    if not entries:
        raise DsvizError("entries is empty; give at least one node and its log")
    committed = dict(committed or {})
    terms = list(dict.fromkeys(term for log in entries.values() for term, _ in log))
    terms.sort(key=str)
    longest = max(map(len, entries.values()))
    left = room_for(entries)
    most = max(1, int((WIDTH - left - 12) // CELL))
    first = max(0, longest - most)
    differ = {i for i in range(longest) if len({tuple(log[i : i + 1]) for log in entries.values()
                                                if len(log) > i}) > 1}  # fmt: skip
    said = _caption(entries, committed, differ, group, start)
    sheet = Sheet(WIDTH, ROW * len(entries) + 30, theme=theme, title=title, caption=said,
                  subtitle=f"a colour for each {group}")  # fmt: skip
    side_labels(sheet, [(name, ROW * i + 34) for i, name in enumerate(entries)], left)
    for i in range(first, longest):
        x = left + 6 + CELL * (i - first)
        sheet.text(x + CELL / 2 - 2, 8, f"{start + i}", size=10.5, colour="soft")
    for row, (node, log) in enumerate(entries.items()):
        y = ROW * row + 20
        for i, (term, text) in enumerate(log[first:], first):
            x = left + 6 + CELL * (i - first)
            colour = TERMS[terms.index(term) % len(TERMS)]
            _cell(sheet, x, y, f"{term}", text, colour, i in differ)
        done = min(committed.get(node, 0), len(log)) - first
        if done > 0:
            sheet.line(
                [(left + 6, y + 31), (left + 2 + CELL * done, y + 31)], colour="ok", width=4, z=4
            )
    return sheet.finish(said, f"One lane of entries a node. {said}")


def _cell(
    sheet: Sheet, x: float, y: float, term: str, text: str, colour: str, differs: bool
) -> None:
    edge, width = ("violated", 2.4) if differs else (colour, 1.4)
    fill = sheet.mix("background", colour, 0.18)
    sheet.box((x, y, x + CELL - 4, y + 27), radius=4, fill=fill, edge=edge, width=width, z=2)
    sheet.text(x + 5, y + 8, term, size=9, bold=True, colour=colour, align="left")
    words = fit(text, CELL - 12, 10.5)
    sheet.text(x + CELL / 2 - 2, y + 18, words, size=10.5)


def _caption(
    entries: Mapping[str, Sequence[Entry]],
    committed: Mapping[str, int],
    differ: set[int],
    group: str,
    start: int,
) -> str:
    lengths = ", ".join(f"{node} {len(log)}" for node, log in entries.items())
    said = f"Entries: {lengths}"
    if committed:
        done = ", ".join(f"{node} {committed[node]}" for node in entries if node in committed)
        said += f"; committed: {done}"
    if not differ:
        return f"{said}. Each is a prefix of the longest."
    place = start + min(differ)
    return f"{said}. They differ at {counted(len(differ), 'place')}, first at {place}."
