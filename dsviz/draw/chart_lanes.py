"""What each node showed, and when: one lane a node."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

from dsviz.draw import glyphs
from dsviz.draw.columns import columns_of
from dsviz.draw.figure import Picture, Sheet
from dsviz.draw.labels import short
from dsviz.draw.measure import Box, fit, text_width
from dsviz.draw.plot import Scale, room_for, side_labels, ticks, x_axis
from dsviz.draw.text import counted, joined, titled
from dsviz.errors import DsvizError, listed
from dsviz.trace import Trace

WIDTH = 760.0
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
