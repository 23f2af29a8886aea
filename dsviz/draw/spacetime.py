"""Space-time diagram: a lane for each node, time downwards, an arrow for each message.

Faults are drawn where they act: a crash with the time the node is down, a pause, and in a column
of their own on the right what happens to links. Long quiet stretches are cut short and marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dsviz.draw.chart_history import operation_ids
from dsviz.draw.columns import columns_of
from dsviz.draw.diagram import (
    HEAD,
    LEFT,
    TRACK,
    Diagram,
    beside,
    draw_axis,
    draw_flights,
    draw_lanes,
    draw_legend,
    draw_link_faults,
    draw_marks,
    draw_node_faults,
    draw_operations,
    label_flight,
    legend_rows,
)
from dsviz.draw.figure import Picture, Sheet
from dsviz.draw.plot import number
from dsviz.draw.text import caption, counted, joined, titled
from dsviz.draw.timescale import TimeScale, time_scale
from dsviz.errors import DsvizError, listed
from dsviz.history import Operation
from dsviz.trace import Event, Trace

MOST = 400  # messages; more cannot be told apart


def spacetime(
    trace: Trace,
    *,
    since: float = 0.0,
    until: float | None = None,
    nodes: Sequence[str] | None = None,
    kinds: Iterable[str] | str | None = None,
    highlight: Any = (),
    theme: str = "light",
) -> Picture:
    """Return the messages, operations and faults from `since` to `until` ms.

    `nodes` are the lanes from left to right (default: all, in the order of the scenario); `kinds`
    are the message kinds to show (default: all). `highlight` is a verdict, several, or events (or
    their seq numbers) to set off. Raises DsvizError for unknown nodes, kinds, events and times,
    and when there are more than 400 messages to show.
    """
    end = trace.duration if until is None else until
    if not 0 <= since < end <= trace.duration:
        raise DsvizError(
            f"since={since:g}, until={end:g} is no stretch of this run; "
            f"choose 0 to {trace.duration:g} ms"
        )
    lanes = _lanes(trace, nodes)
    data = columns_of(trace)
    flights = _flights(data, lanes, kinds, since, end)
    if len(flights) > MOST:
        raise DsvizError(
            f"{len(flights):,} messages from {since:g} to {end:g} ms are too many for one diagram "
            f"(at most {MOST}); choose a shorter since= and until=, or fewer nodes= or kinds="
        )
    marks, operations = _marks(trace, highlight)
    shown = [op for op in trace.history() if op.process in lanes and _within(op, since, end)]
    tracks = _link_faults(data, lanes, since, end)
    y = _scale(data, flights, shown, lanes, since, end)
    said = _caption(trace, flights, y, since, end, highlight)
    # A pill over the first operation needs room below the names.
    early = any(op.status == "info" and y(op.call_ms or 0.0) < 24 for op in shown)
    head = HEAD + (22 if early else 0)
    step = min(104.0, max(74.0, 700.0 / len(lanes)))
    right = LEFT + step * len(lanes)
    width = max(right + TRACK * len(tracks) + 8, 460.0)
    used = list(dict.fromkeys(data["flights"]["kind"][row] for row in flights))
    rows = legend_rows([data["kinds"][k]["name"] for k in used], width)
    sheet = Sheet(
        width,
        head + y.height + 16 + 22 * len(rows),
        theme=theme,
        title=titled(trace),
        subtitle=f"seed {trace.seed} · {number(since)} to {number(end)} ms, time downwards",
        caption=said,
    )
    x = {name: LEFT + step * (i + 0.5) for i, name in enumerate(lanes)}
    shifted = TimeScale([_moved(piece, head) for piece in y.stretches])
    diagram = Diagram(sheet, trace, data, x, shifted, (since, end), right)
    draw_lanes(diagram)
    draw_axis(diagram)
    draw_link_faults(diagram, tracks)
    words = draw_node_faults(diagram)
    draw_operations(diagram, shown, operations)
    draw_marks(diagram, marks)
    labels = draw_flights(diagram, flights)
    for place in words:
        beside(diagram, *place)
    for group in labels:
        label_flight(diagram, group)
    draw_legend(diagram, rows, head + y.height + 22)
    return sheet.finish(said, f"Space-time diagram with a lane each for {joined(lanes)}. {said}")


# What to draw ---------------------------------------------------------------------------------


def _lanes(trace: Trace, nodes: Sequence[str] | None) -> list[str]:
    lanes = list(trace.nodes if nodes is None else nodes)
    unknown = [name for name in lanes if name not in trace.nodes]
    if unknown:
        raise DsvizError(
            f"nodes: there is no node {listed(unknown)}; the nodes are {listed(trace.nodes)}"
        )
    if not lanes:
        raise DsvizError("nodes is empty; name at least one node, or leave it out for all")
    return list(dict.fromkeys(lanes))


def _flights(
    data: Mapping[str, Any],
    lanes: Sequence[str],
    kinds: Iterable[str] | str | None,
    since: float,
    until: float,
) -> list[int]:
    """Rows of the flights to draw."""
    known = [kind["name"] for kind in data["kinds"]]
    wanted = set(known) if kinds is None else {kinds} if isinstance(kinds, str) else set(kinds)
    if wanted - set(known):
        raise DsvizError(
            f"kinds: no message is a {listed(wanted - set(known))}; the kinds are {listed(known)}"
        )
    names = [node["name"] for node in data["nodes"]]
    chosen = {i for i, name in enumerate(names) if name in lanes}
    table = data["flights"]
    return [
        row
        for row, kind in enumerate(table["kind"])
        if known[kind] in wanted
        and table["src"][row] in chosen
        and table["dst"][row] in chosen
        and table["src"][row] != table["dst"][row]
        and table["sent"][row] <= until
        and table["ended"][row] >= since
    ]


def _marks(trace: Trace, highlight: Any) -> tuple[list[Event], set[int]]:
    """The events and the ids of operations to set off."""
    items = list(highlight) if isinstance(highlight, (list, tuple, set)) else [highlight]
    items = [highlight] if isinstance(highlight, Event) else items
    events, verdicts = [], []
    for item in items:
        if hasattr(item, "operations"):
            verdicts.append(item)
            events += [trace.event(seq) for seq in item.events]
        else:
            events.append(item if isinstance(item, Event) else trace.event(item))
    return events, operation_ids(verdicts)


def _within(op: Operation, since: float, until: float) -> bool:
    stop = until if op.return_ms is None else op.return_ms
    return op.call_ms is not None and op.call_ms <= until and stop >= since


def _link_faults(
    data: Mapping[str, Any], lanes: Sequence[str], since: float, until: float
) -> list[list[tuple[Mapping, float, float]]]:
    """Faults that hit links or clocks, in columns without overlap: they have no lane."""
    tracks: list[list[tuple[Mapping, float, float]]] = []
    for fault in data["faults"]:
        if fault["what"] in ("Crash", "Restart", "PowerLoss", "Pause"):
            continue
        start, stop = fault["at"], until if fault["ends"] is None else fault["ends"]
        if fault["nodes"] and not set(fault["nodes"]) & set(lanes):
            continue
        if start > until or stop < since:
            continue
        span = (fault, max(start, since), min(stop, until))
        for track in tracks:
            if all(span[1] >= other[2] or span[2] <= other[1] for other in track):
                track.append(span)
                break
        else:
            tracks.append([span])
    return tracks


def _scale(
    data: Mapping[str, Any],
    flights: Sequence[int],
    operations: Iterable[Operation],
    lanes: Sequence[str],
    since: float,
    until: float,
) -> TimeScale:
    table = data["flights"]
    spans = [(table["sent"][row], table["ended"][row]) for row in flights]
    took = sorted(b - a for a, b in spans)
    typical = took[len(took) // 2] if took else (until - since) / 20
    spans += [(op.call_ms or 0.0, op.call_ms or 0.0) for op in operations]
    spans += [(f["at"], f["at"]) for f in data["faults"]]
    spans += [(f["ends"], f["ends"]) for f in data["faults"] if f["ends"] is not None]
    inside = [(max(a, since), min(b, until)) for a, b in spans if a <= until and b >= since]
    return time_scale(since, until, inside, max(typical, (until - since) / 400))


def _moved(piece: Any, by: float) -> Any:
    return type(piece)(piece.start, piece.end, piece.top + by, piece.bottom + by, piece.quiet)


def _caption(
    trace: Trace, flights: Sequence[int], y: TimeScale, since: float, until: float, highlight: Any
) -> str:
    items = list(highlight) if isinstance(highlight, (list, tuple, set)) else [highlight]
    verdicts = [item for item in items if hasattr(item, "sentence")]
    what = f"{counted(len(flights), 'message')} from {number(since)} to {number(until)} ms"
    cut = ", quiet stretches cut short (⋮)" if any(p.quiet for p in y.stretches) else ""
    return f"{caption(trace, verdicts)} Shown: {what}{cut}."
