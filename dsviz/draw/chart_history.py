"""What clients saw: operations as bars over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dsviz.draw.figure import Picture, Sheet
from dsviz.draw.labels import short
from dsviz.draw.measure import Box, overlap, text_width
from dsviz.draw.plot import Scale, room_for, side_labels, ticks, x_axis
from dsviz.draw.text import counted, joined, titled
from dsviz.errors import DsvizError
from dsviz.history import History, Operation
from dsviz.trace import Trace

WIDTH = 760.0
ROW = 46.0  # height of one client's or node's row


def history(source: Trace | History, *, highlight: Any = (), theme: str = "light") -> Picture:
    """Return the operations of each client as bars from invocation to return.

    An unknown outcome has no end: the bar fades out with a question mark. `highlight` is a
    verdict, several, or ids of operations to set off. Raises DsvizError for an empty history.
    """
    operations = source.history() if isinstance(source, Trace) else source
    if not operations:
        raise DsvizError("the history is empty; let a client do at least one operation")
    timed = all(op.call_ms is not None for op in operations)
    end = source.duration if isinstance(source, Trace) else None
    rows = _by_client(operations, timed)
    marked = operation_ids(highlight)
    said = _history_caption(operations, marked)
    left = room_for(client for client, _ in rows)
    high = ROW * len(rows)
    title = titled(source) if isinstance(source, Trace) else "What clients saw"
    sheet = Sheet(WIDTH, high + 52, theme=theme, title=title, subtitle="operations", caption=said)
    spans = [_span(op, timed) for op in operations]
    first = min(call for call, _ in spans)
    last = max([call if stop is None else stop for call, stop in spans] + ([end] if end else []))
    scale = Scale(min(0.0, first), last + (last - first) * 0.04, left, WIDTH)
    marks = ticks(scale.low, last, 8)
    sheet.segments([[(scale(v), 0), (scale(v), high)] for v in marks], colour="line", width=1, z=-2)
    sheet.segments(
        [[(left, ROW * i), (WIDTH, ROW * i)] for i in range(len(rows) + 1)],
        colour="line",
        width=1,
        z=-2,
    )
    x_axis(sheet, scale, marks, high)
    unit = "time in ms" if timed else "order of events (this history has no times)"
    sheet.text((left + WIDTH) / 2, high + 34, unit, size=11.5, colour="soft")
    side_labels(sheet, [(name, ROW * (i + 0.5)) for i, (name, _) in enumerate(rows)], left)
    for number, (_, row) in enumerate(rows):
        _draw_row(sheet, row, scale, ROW * number, timed, marked)
    return sheet.finish(said, f"Operations of {len(rows)} clients over time. {said}")


def operation_ids(highlight: Any) -> set[int]:
    """Return the ids of operations that a verdict, several, or plain numbers name."""
    items = highlight if isinstance(highlight, Iterable) else [highlight]
    ids: set[int] = set()
    for item in items:
        ids |= set(item.operations) if hasattr(item, "operations") else {item}
    return ids


def told(op: Operation) -> str:
    """Return an operation in few words: ``write v1`` or ``read → v1``."""
    value = "" if op.value is None else f" {short(op.value)}"
    if op.status == "ok" and op.result is not None:
        return f"{op.f}{value} → {short(op.result)}"
    empty = (
        " → nothing" if op.status == "ok" and op.value is None and op.f in ("read", "get") else ""
    )
    return f"{op.f}{value}{empty}" + {"ok": "", "fail": " failed", "info": " ?"}[op.status]


def _by_client(operations: Iterable[Operation], timed: bool) -> list[tuple[str, list[Operation]]]:
    """One row a client; a client with two operations at once gets further rows."""
    rows: list[tuple[str, list[Operation]]] = []
    for op in operations:
        call, _ = _span(op, timed)
        for client, row in rows:
            stop = _span(row[-1], timed)[1]
            if client == op.process and (
                row[-1].status == "info" or (stop is not None and stop <= call)
            ):
                row.append(op)
                break
        else:
            rows.append((op.process, [op]))
    return sorted(rows, key=lambda pair: pair[0])


def _span(op: Operation, timed: bool) -> tuple[float, float | None]:
    """Where a bar begins and ends; the end of an unknown outcome is None."""
    call, stop = (op.call_ms, op.return_ms) if timed else (float(op.invoked), op.returned)
    assert call is not None
    return call, None if op.status == "info" or stop is None else float(stop)


_LOOK = {"ok": "ok", "fail": "down", "info": "unknown"}


def _draw_row(
    sheet: Sheet, row: list[Operation], scale: Scale, top: float, timed: bool, marked: set[int]
) -> None:
    taken: list[Box] = []
    y = top + ROW * 0.68
    starts = [scale(_span(op, timed)[0]) for op in row]
    for number, op in enumerate(row):
        call, stop = _span(op, timed)
        colour = "violated" if op.id in marked else _LOOK[op.status]
        left = scale(call)
        following = starts[number + 1] if number + 1 < len(row) else scale.end
        right = max(scale(stop), left + 3) if stop is not None else max(left + 8, following - 14)
        fill = "fill_alarm" if op.id in marked else "fill_node"
        dash = () if stop is not None else (4, 3)
        width = 2.6 if op.id in marked else 1.6
        box = (left, y - 6, right, y + 6)
        if stop is not None:
            sheet.box(box, radius=3, fill=fill, edge=colour, width=width, z=1)
        else:
            sheet.line(
                [(right, y - 6), (left, y - 6), (left, y + 6), (right, y + 6)],
                colour=colour,
                width=width,
                dash=dash,
                z=1,
            )
            sheet.text(right + 3, y, "?", bold=True, colour=colour, align="left")
        _label_bar(sheet, told(op), left, y - 17, colour, op.id in marked, taken)


def _label_bar(
    sheet: Sheet, text: str, x: float, y: float, colour: str, bold: bool, taken: list[Box]
) -> None:
    """Write above a bar what it is, unless another label is in the way."""
    width = text_width(text, 11, bold)
    x = min(x, sheet.width - width)
    box = (x, y - 7, x + width, y + 7)
    if any(overlap(box, other, 3) for other in taken):
        return
    taken.append(box)
    sheet.box(box, radius=3, fill="background", alpha=0.85, z=1.5)
    sheet.text(x, y, text, size=11, bold=bold, colour=colour if bold else "ink", align="left")


def _history_caption(operations: Sequence[Operation], marked: set[int]) -> str:
    clients = len({op.process for op in operations})
    status = [op.status for op in operations]
    parts = [f"{counted(len(status), 'operation')} of {counted(clients, 'client')}"]
    parts.append(f"{status.count('ok'):,} answered")
    if status.count("fail"):
        parts.append(f"{status.count('fail'):,} failed")
    if status.count("info"):
        parts.append(f"{status.count('info'):,} with unknown outcome (?)")
    said = f"{parts[0]}: {joined(parts[1:])}."
    seen = [op for op in operations if op.id in marked]
    if seen:
        said += f" Marked: {joined(f'{op.process} {told(op)}' for op in seen[:4])}"
        said += f" and {len(seen) - 4} more." if len(seen) > 4 else "."
    return said
