"""The table: its rows, what makes one good, how it is printed and stored."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Row:
    """One line: a number of ours, a peer's if there is one, and what was to be reached.

    `ratio` is how many times better ours is, or None. `ok` is None when there is nothing to judge
    (no goal, or the peer is not here); `note` then says why.
    """

    name: str
    unit: str
    ours: float | None
    peer: float | None = None
    ratio: float | None = None
    goal: str | None = None
    ok: bool | None = None
    note: str = ""


def against(
    name: str, unit: str, ours: float | None, peer: float | None, ratio: float | None,
    least: float | None, note: str = "",
) -> Row:  # fmt: skip
    """Return a row whose goal is a ratio of at least `least`."""
    goal = None if least is None else f"≥ {least:g}×"
    ok = None if least is None or ratio is None else ratio >= least
    return Row(name, unit, ours, peer, ratio, goal, ok, note)


def reaching(
    name: str, unit: str, ours: float | None, way: Literal["≤", "≥", "="], bound: float,
    note: str = "",
) -> Row:  # fmt: skip
    """Return a row whose goal is a bound on our own number."""
    ok = None
    if ours is not None:
        ok = {"≤": ours <= bound, "≥": ours >= bound, "=": ours == bound}[way]
    return Row(name, unit, ours, goal=f"{way} {_number(bound)}", ok=ok, note=note)


def printed(rows: Iterable[Row]) -> str:
    """Return the rows as text in columns."""
    head = ("name", "ours", "peer", "ratio", "goal", "ok", "unit", "note")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    right = {1, 2, 3, 4}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def store(rows: Iterable[Row], path: Path) -> None:
    """Write the rows as a JSON list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _cells(row: Row) -> tuple[str, ...]:
    ok = {True: "yes", False: "NO", None: "-"}[row.ok]
    ratio = "-" if row.ratio is None else f"{row.ratio:.3g}×"
    numbers = (_number(row.ours), _number(row.peer), ratio)
    return (row.name, *numbers, row.goal or "-", ok, row.unit, row.note)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
