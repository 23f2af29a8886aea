"""Charts of one run: what clients saw, what each node held and when, how available it was."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from dsviz.draw import glyphs
from dsviz.draw.columns import columns_of
from dsviz.draw.figure import Box, Picture, Sheet, fit, overlap, text_width
from dsviz.draw.labels import short
from dsviz.draw.plot import Scale, percent, room_for, side_labels, ticks, x_axis
from dsviz.draw.text import counted, joined, titled
from dsviz.errors import DsvizError, listed
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


# Lanes ----------------------------------------------------------------------------------------

VALUES = ("blue", "amber", "purple", "green", "teal", "vermilion")


def lanes(
    trace: Trace,
    *,
    node_role: str = "replica",
    shown: str = "holds",
    key: Hashable = None,
    theme: str = "light",
) -> Picture:
    """Return what each node of a role showed, from change to change, as one lane a node.

    `shown` is the attribute; when it is a mapping, `key` picks an entry (default: the only or
    first key). Crashed nodes are hatched. Raises DsvizError for an unknown role or attribute.
    """
    nodes = [name for name, role in trace.nodes.items() if role == node_role]
    if not nodes:
        raise DsvizError(
            f"node_role={node_role!r} does not exist; "
            f"the roles are {listed(set(trace.nodes.values()))}"
        )
    states = [e for e in trace.select("state") if e.node in nodes and shown in e.data]
    if not states:
        known = {name for e in trace.select("state") if e.node in nodes for name in e.data}
        raise DsvizError(f"shown={shown!r} is shown by no {node_role}; they show {listed(known)}")
    keys = list(
        dict.fromkeys(
            k for e in states if isinstance(e.data[shown], Mapping) for k in e.data[shown]
        )
    )
    chosen = keys[0] if key is None and keys else key
    spans = _value_spans(trace, nodes, states, shown, chosen)
    values = list(dict.fromkeys(v for _, _, _, v in sorted(spans, key=lambda s: s[1]) if v != "–"))
    what = shown if chosen is None else f"{shown}[{chosen}]"
    said = _lanes_caption(trace, nodes, spans, values, what)
    left, high = room_for(nodes), 36.0 * len(nodes)
    sheet = Sheet(
        WIDTH,
        high + 52,
        theme=theme,
        title=titled(trace),
        subtitle=f"{what} of each {node_role}",
        caption=said,
    )
    scale = Scale(0, trace.duration, left, WIDTH - 8)
    side_labels(sheet, [(name, 36.0 * i + 18) for i, name in enumerate(nodes)], left)
    for node, start, end, value in spans:
        y = 36.0 * nodes.index(node)
        box = (scale(start), y + 5, max(scale(end), scale(start) + 2), y + 31)
        _draw_value(sheet, box, value, values)
    for node, start, end in _down(trace, nodes):
        y = 36.0 * nodes.index(node)
        box = (scale(start), y + 5, scale(end), y + 31)
        _draw_down(sheet, box)
    x_axis(sheet, scale, ticks(0, trace.duration, 8), high + 4)
    sheet.line([(left, high + 4), (WIDTH - 8, high + 4)], colour="edge", width=1.4)
    sheet.text((left + WIDTH) / 2, high + 38, "time in ms", size=11.5, colour="soft")
    return sheet.finish(said, f"One lane a node. {said}")


def _value_spans(
    trace: Trace, nodes: list[str], states: Sequence, shown: str, key: Hashable
) -> list[tuple[str, float, float, str]]:
    """Return (node, from, to, text) for every stretch in which a node showed one value."""
    spans: list[tuple[str, float, float, str]] = []
    for node in nodes:
        changes = [(0.0, "–")]
        for event in states:
            if event.node == node:
                value = event.data[shown]
                value = value.get(key) if isinstance(value, Mapping) else value
                changes.append((event.time, "–" if value is None else short(value)))
        changes.append((trace.duration, "–"))
        begin, text = changes[0]
        for time, value in changes[1:]:
            if value == text and time < trace.duration:
                continue
            if time > begin:
                spans.append((node, begin, time, text))
            begin, text = time, value
    return spans


def _down(trace: Trace, nodes: Sequence[str]) -> Iterable[tuple[str, float, float]]:
    data = columns_of(trace)
    table = data["spans"]
    for row, what in enumerate(table["what"]):
        node = data["nodes"][table["node"][row]]["name"]
        if what == "down" and node in nodes:
            end = table["to"][row]
            yield node, table["from"][row], trace.duration if end is None else end


def _draw_value(sheet: Sheet, box: Box, value: str, values: list[str]) -> None:
    """A field with a value in it; each value has a colour, and many go from pale to strong."""
    radius = min(4.0, (box[2] - box[0]) / 4)
    if value == "–":
        sheet.box(box, radius=radius, fill="panel", edge="line", width=1)
        return
    place = values.index(value)
    if len(values) <= len(VALUES):
        colour, share = VALUES[place], 0.16
    else:
        colour, share = "blue", 0.08 + 0.5 * place / (len(values) - 1)
    fill = sheet.mix("background", colour, share)
    sheet.box(box, radius=radius, fill=fill, edge=colour, width=1.6 if radius == 4 else 0.8)
    text = fit(value, box[2] - box[0] - 8, 11.5, True)
    if text == value:
        left = min(box[0] + 8, (box[0] + box[2] - text_width(text, 11.5, True)) / 2)
        middle = (box[1] + box[3]) / 2
        sheet.text(left, middle, text, size=11.5, bold=True, align="left")


def _draw_down(sheet: Sheet, box: Box) -> None:
    sheet.box(box, radius=4, fill="background", alpha=0.75, z=6)
    lines, step = [], 7.0
    x = box[0] - (box[3] - box[1])
    while x < box[2]:
        x += step
        a, b = max(x, box[0]), min(x + box[3] - box[1], box[2])
        if a < b:
            lines.append([(a, box[3] - (a - x)), (b, box[3] - (b - x))])
    sheet.segments(lines, colour="down", width=0.9, z=6.1)
    glyphs.crash_badge(sheet, box[0], (box[1] + box[3]) / 2, 8, z=7)


def _lanes_caption(
    trace: Trace, nodes: list[str], spans: Sequence, values: list[str], what: str
) -> str:
    last = {node: value for node, _, end, value in spans if end >= trace.duration}
    groups: dict[str, list[str]] = {}
    for node in nodes:
        groups.setdefault(last.get(node, "–"), []).append(node)
    shows = [
        f"{joined(names)} {'shows' if len(names) == 1 else 'show'} {'nothing' if v == '–' else v}"
        for v, names in groups.items()
    ]
    took = f"{what} took {counted(len(values), 'value')}"
    down = [node for node, _, end in _down(trace, nodes) if end >= trace.duration]
    ended = f" {joined(down)} {'is' if len(down) == 1 else 'are'} down." if down else ""
    return f"{took}; at {trace.duration:,g} ms {', '.join(shows)}.{ended}"


# Availability ---------------------------------------------------------------------------------


def availability(trace: Trace, *, target: float = 0.999, theme: str = "light") -> Picture:
    """Return how many operations were answered, failed or ended unknown, by when they began.

    `target` is the share that should be answered: the caption says how much of the error budget
    the run used. Faults are drawn below. Raises DsvizError for a run without operations.
    """
    operations = trace.history()
    if not operations:
        raise DsvizError("this run has no operations; let a client do at least one")
    if not 0 < target < 1:
        raise DsvizError(f"target={target!r} must be between 0 and 1, for example 0.999")
    every = [*ticks(0, trace.duration, 48), trace.duration][1]  # ms of one bar: a round number
    counts = [[0, 0, 0] for _ in range(math.ceil(trace.duration / every - 1e-9))]
    for op in operations:
        slot = min(len(counts) - 1, int((op.call_ms or 0.0) / every))
        counts[slot][("ok", "fail", "info").index(op.status)] += 1
    said = _budget(operations, target)
    tracks = _tracks(columns_of(trace)["faults"], trace.duration)
    high, left = 130.0, 44.0
    sheet = Sheet(
        WIDTH,
        high + 44 + 22 * len(tracks),
        theme=theme,
        title=titled(trace),
        subtitle="operations by outcome",
        caption=said,
    )
    most = max(sum(c) for c in counts)
    x, y = Scale(0, trace.duration, left, WIDTH - 8), Scale(0, most * 1.05, high, 22)
    marks = [v for v in ticks(0, most, 3) if v == int(v)]
    lines = [[(left, y(v)), (WIDTH - 8, y(v))] for v in marks]
    sheet.segments(lines, colour="line", width=1, z=-1)
    for value in marks:
        sheet.text(left - 8, y(value), f"{value:g}", size=10.5, colour="soft", align="right")
    _stacks(sheet, counts, every, x, y)
    _outcome_key(sheet, operations, every)
    sheet.line([(left, high), (WIDTH - 8, high)], colour="edge", width=1.4, z=2)
    x_axis(sheet, x, ticks(0, trace.duration, 8), high)
    sheet.text((left + WIDTH) / 2, high + 34, "time in ms", size=11.5, colour="soft")
    for number, track in enumerate(tracks):
        for names, start, end in track:
            _fault_bar(sheet, names, x(start), x(end), high + 56 + 22 * number)
    return sheet.finish(said, f"Operations over time by outcome. {said}")


_OUTCOMES = (("ok", "answered"), ("violated", "failed"), ("unknown", "unknown"))


def _stacks(sheet: Sheet, counts: list[list[int]], width_ms: float, x: Scale, y: Scale) -> None:
    for number, slot in enumerate(counts):
        below, left, right = 0, x(number * width_ms) + 0.8, x((number + 1) * width_ms) - 0.8
        for count, (colour, _) in zip(slot, _OUTCOMES, strict=True):
            if count:
                box = (left, y(below + count) + 0.5, right, y(below) - 0.5)
                _outcome_box(sheet, box, colour)
                below += count


def _outcome_box(sheet: Sheet, box: Box, colour: str) -> None:
    """Answered is solid, failed has a cross line, unknown is hollow: not by colour alone."""
    if colour == "unknown":
        sheet.box(box, fill="fill_alarm", edge=colour, width=1.4)
        return
    sheet.box(box, fill=colour)
    if colour == "violated":
        sheet.line([(box[0], box[3]), (box[2], box[1])], colour="background", width=1.4, z=1)


def _outcome_key(sheet: Sheet, operations: Sequence[Operation], width_ms: float) -> None:
    x = 44.0
    for (colour, word), status in zip(_OUTCOMES, ("ok", "fail", "info"), strict=True):
        number = sum(op.status == status for op in operations)
        if number or status == "ok":
            _outcome_box(sheet, (x, 2, x + 11, 13), colour)
            box = sheet.text(x + 17, 7.5, f"{word} {number:,}", size=11, align="left")
            x = box[2] + 18
    per = f"operations per {width_ms:,g} ms"
    sheet.text(sheet.width - 8, 7.5, per, size=11, colour="soft", align="right")


def _tracks(faults: Sequence[Mapping], duration: float) -> list[list[tuple]]:
    """Share faults out on rows so that no two on a row overlap."""
    tracks: list[list[tuple]] = []
    for fault in faults:
        start = fault["at"]
        end = duration if fault["ends"] is None else min(fault["ends"], duration)
        label = {"partition": "network partition"}.get(fault["label"], fault["label"])
        span = ((fault["text"], f"{label} {' '.join(fault['nodes'])}", label), start, end)
        for track in tracks:
            if all(start >= other[2] or end <= other[1] for other in track):
                track.append(span)
                break
        else:
            tracks.append([span])
    return tracks


def _fault_bar(sheet: Sheet, names: Sequence[str], left: float, right: float, y: float) -> None:
    """A fault as a bar with the longest of its names that it has room for."""
    box = (left, y - 8, max(right, left + 3), y + 8)
    sheet.box(box, radius=4, fill="fill_alarm", edge="fault", width=1.2)
    room = right - left - 12
    text = next((t for t in names if text_width(t, 10) <= room), fit(names[-1], max(room, 0), 10))
    if len(text) > 2:
        sheet.text(left + 6, y, text, size=10, colour="fault", align="left")


def _budget(operations: Sequence[Operation], target: float) -> str:
    total = len(operations)
    ok = sum(op.status == "ok" for op in operations)
    allowed, bad = total * (1 - target), total - ok
    said = f"{ok:,} of {counted(total, 'operation')} answered ({percent(round(ok / total, 4))})."
    budget = f"A target of {percent(target)} allows {allowed:,.2g} of them to fail"
    if not bad:
        return f"{said} {budget}: none of that budget was used."
    return f"{said} {budget}; {bad:,} did, {_times(bad / allowed)} that budget."


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:,.1f} times"
