"""Charts of single numbers: heat maps and bars."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence

from dsviz.draw.figure import Picture, Sheet
from dsviz.draw.measure import text_width
from dsviz.draw.plot import Scale, needed, room_for, share, side_labels
from dsviz.draw.theme import contrast

WIDTH = 680.0


def heatmap(
    values: Mapping[tuple[Hashable, Hashable], float],
    *,
    rows: Sequence[Hashable] | None = None,
    cols: Sequence[Hashable] | None = None,
    labels: tuple[str, str] = ("R", "W"),
    fmt: str | Callable[[float], str] = share,
    title: str = "P(stale read)",
    diagonal: bool = True,
    theme: str = "light",
) -> Picture:
    """Return one cell for each (row, column), with its number in it; darker is more.

    `labels` name rows and columns. With `diagonal`, and rows and columns from 1 to N, the cells
    with row + column = N + 1 are framed: from there on read and write sets must intersect. `fmt`
    writes a number.
    """
    needed("values", values)
    rows = list(dict.fromkeys(r for r, _ in values)) if rows is None else list(rows)
    cols = list(dict.fromkeys(c for _, c in values)) if cols is None else list(cols)
    shown = {cell: values[cell] for r in rows for c in cols if (cell := (r, c)) in values}
    needed("values for these rows and cols", shown)
    text = fmt if callable(fmt) else fmt.format
    size = len(rows)
    edge = diagonal and rows == cols == list(range(1, size + 1)) and size > 1
    said = _heat_caption(shown, labels, text, title, size if edge else 0)
    cell_w, cell_h = (96.0, 56.0) if max(len(cols), size) <= 5 else (80.0, 44.0)
    left, top = room_for([f"{labels[0]} = {r}" for r in rows]) + 6, 30.0
    width = max(440.0, left + cell_w * len(cols) + 8)
    sheet = Sheet(
        width, top + cell_h * size + (34 if edge else 8), theme=theme, title=title, caption=said
    )
    low, high = min(0.0, *shown.values()), max(shown.values()) or 1.0
    for j, col in enumerate(cols):
        sheet.text(left + cell_w * (j + 0.5), top - 14, f"{labels[1]} = {col}", bold=True)
    for i, row in enumerate(rows):
        y = top + cell_h * i
        sheet.text(left - 12, y + cell_h / 2, f"{labels[0]} = {row}", bold=True, align="right")
        for j, col in enumerate(cols):
            x = left + cell_w * j
            box = (x + 2, y + 2, x + cell_w - 2, y + cell_h - 2)
            if (row, col) not in shown:
                sheet.box(box, radius=6, edge="line")
                continue
            depth = (shown[row, col] - low) / (high - low)
            fill = sheet.mix("fill_node", "blue", depth * 0.92)
            ink = max(("ink", "background"), key=lambda c: contrast(sheet.colour(c), fill))
            sheet.box(box, radius=6, fill=fill)
            sheet.text(
                x + cell_w / 2,
                y + cell_h / 2,
                text(shown[row, col]),
                size=13,
                bold=True,
                colour=ink,
            )
            if edge and row + col == size + 1:
                sheet.box(box, radius=6, edge="violated", width=2.4, dash=(5, 3), z=2)
    if edge:
        y = top + cell_h * size + 18
        sheet.box(
            (left + 4, y - 6, left + 20, y + 6), radius=3, edge="violated", width=2, dash=(4, 2)
        )
        note = (
            f"{labels[0]} + {labels[1]} = N + 1 = {size + 1}: from here on the sets must intersect"
        )
        sheet.text(left + 28, y, note, size=10.5, colour="soft", align="left")
    return sheet.finish(said, f"Heat map of {title}. {said}")


def _heat_caption(
    shown: Mapping[tuple, float],
    labels: tuple[str, str],
    text: Callable[[float], str],
    title: str,
    size: int,
) -> str:
    def place(cell: tuple) -> str:
        return f"{labels[0]} = {cell[0]}, {labels[1]} = {cell[1]}"

    worst = max(shown, key=shown.__getitem__)
    least = min(shown, key=shown.__getitem__)
    said = f"{title}: highest {text(shown[worst])} at {place(worst)}"
    meets = [v for (r, c), v in shown.items() if size and r + c > size]
    if meets and max(meets) - min(meets) < 1e-12:
        return f"{said}; {text(meets[0])} wherever {labels[0]} + {labels[1]} > N = {size}."
    return f"{said}, lowest {text(shown[least])} at {place(least)}."


def bars(
    values: Mapping[str, float],
    *,
    title: str = "",
    unit: str = "",
    fmt: str | Callable[[float], str] = "{:,.4g}",
    highlight: Collection[str] = (),
    base: float = 0.0,
    theme: str = "light",
) -> Picture:
    """Return one horizontal bar a label, with its number at its end.

    `highlight` names bars to set off. Bars begin at `base`; another base than 0 is said on the
    axis, because bars then do not show proportions.
    """
    needed("values", values)
    text = fmt if callable(fmt) else fmt.format
    unit_ = f" {unit}" if unit else ""
    said = "; ".join(f"{label}: {text(value)}{unit_}" for label, value in values.items()) + "."
    left, high = room_for(values, 220.0), 34.0 * len(values)
    room = max(text_width(text(v) + unit_, 12, True) for v in values.values()) + 14
    sheet = Sheet(WIDTH, high + (44 if base else 6), theme=theme, title=title, caption=said)
    scale = Scale(base, max(*values.values(), base), left, WIDTH - room)
    side_labels(sheet, [(label, 34 * i + 17) for i, label in enumerate(values)], left)
    for i, (label, value) in enumerate(values.items()):
        y, marked = 34.0 * i + 17, label in highlight
        colour = "violated" if marked else "blue"
        box = (left, y - 10, max(scale(value), left + 1.5), y + 10)
        sheet.box(box, radius=3, fill=colour)
        ink = colour if marked else "ink"
        sheet.text(box[2] + 8, y, text(value) + unit_, bold=True, colour=ink, align="left")
    sheet.line([(left, 2), (left, high)], colour="edge", width=1.4, z=1)
    if base:
        note = f"the axis begins at {text(base)}{unit_}, not at 0"
        sheet.text(left, high + 18, note, size=10.5, colour="soft", align="left")
    return sheet.finish(said, f"Bar chart. {said}")
