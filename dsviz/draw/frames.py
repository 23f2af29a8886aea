"""Trace to drawing data: `columns` for the player, `frame` for a still, `outcome` for the table.

A frame is read out of the same columns that the player draws, so the two cannot disagree.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dsviz.draw.columns import (
    FATES,
    STEPS,
    as_json,
    chip,
    columns,
    columns_of,
    keep_beside,
    places_of,
)
from dsviz.draw.flights import tidy
from dsviz.draw.outcome import (
    Divergence,
    Measure,
    compare,
    event_words,
    first_divergence,
    measures,
    outcome,
)
from dsviz.trace import Trace

__all__ = [
    "FATES", "STEPS", "Divergence", "Frame", "LinkView", "Measure", "MessageView", "NodeView",
    "OperationView", "as_json", "chip", "columns", "columns_of", "compare", "event_words",
    "first_divergence", "frame", "in_flight", "keep_beside", "key_moments", "measures", "outcome",
    "places_of", "tidy",
]  # fmt: skip


@dataclass(frozen=True)
class NodeView:
    """A node at a moment. `state` is normal, changed, busy, paused or down, `since` some time."""

    name: str
    role: str
    shape: str
    state: str
    since: float | None
    lines: tuple[str, ...]
    unsynced: int
    skew: float
    error: str | None

    @property
    def label(self) -> str:
        """What to write under the node, at most two lines."""
        if self.state == "down":
            return f"down since {self.since:g}"
        return "\n".join(self.lines)


@dataclass(frozen=True)
class MessageView:
    """A message under way. `position` is 0 at the sender and 1 at the receiver."""

    src: str
    dst: str
    kind: str
    label: str
    reply: bool
    sent: float
    ended: float
    position: float
    fate: str


@dataclass(frozen=True)
class LinkView:
    """A fault on a directed link (`src` or `dst` None: every node). `what` is cut, loss,
    duplicate or delay, `value` its probability or ms."""

    src: str | None
    dst: str | None
    what: str
    value: float


@dataclass(frozen=True)
class OperationView:
    """An operation that a client waits for."""

    client: str
    text: str
    call: float


@dataclass(frozen=True)
class Frame:
    """Everything that is drawn at one moment. `walls` are pairs of groups that cannot talk."""

    time: float
    nodes: tuple[NodeView, ...]
    messages: tuple[MessageView, ...]
    links: tuple[LinkView, ...]
    walls: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    operations: tuple[OperationView, ...]
    edges: tuple[tuple[str, str], ...]

    @property
    def caption(self) -> str:
        """The moment in one sentence, for captions and alternative texts."""
        return _caption(self)


def frame(source: Trace | Mapping[str, Any], t: float) -> Frame:
    """Return the moment `t` ms of a trace, or of the columns made of one."""
    data = columns_of(source) if isinstance(source, Trace) else source
    names = [node["name"] for node in data["nodes"]]
    return Frame(
        t,
        tuple(_node_view(data, i, t) for i in range(len(names))),
        tuple(_message_view(data, names, i, t) for i in in_flight(data, t)),
        tuple(_link_views(data, names, t)),
        tuple(_walls(data, names, t)),
        tuple(_open_operations(data, names, t)),
        tuple((names[a], names[b]) for a, b in data["edges"]),
    )


def _last(table: Mapping[str, list], node: int, t: float) -> int | None:
    """The last row of a table of changes that concerns `node` at `t`."""
    for row in range(bisect_right(table["t"], t) - 1, -1, -1):
        if table["node"][row] == node:
            return row
    return None


def _lasts(start: float, end: float | None, t: float) -> bool:
    return start <= t and (end is None or t < end)


def _node_view(data: Mapping[str, Any], node: int, t: float) -> NodeView:
    spans, texts = data["spans"], data["texts"]
    state, since, error = "normal", None, None
    shown = _last(data["shown"], node, t)
    if shown is not None and t - data["shown"]["t"][shown] <= data["pace"] * 0.3:
        state, since = "changed", data["shown"]["t"][shown]
    rank = {"normal": 0, "changed": 1, "busy": 2, "paused": 3, "down": 4}
    for row, owner in enumerate(spans["node"]):
        what = "busy" if spans["what"][row] in ("syncing", "affected") else spans["what"][row]
        if (
            owner == node
            and _lasts(spans["from"][row], spans["to"][row], t)
            and rank[what] >= rank[state]
        ):
            state, since = what, spans["from"][row]
            said = spans["text"][row] if what == "down" else -1
            error = texts[said] if said >= 0 else None
    dirty, skew = _last(data["unsynced"], node, t), _last(data["skew"], node, t)
    text = "" if shown is None else texts[data["shown"]["text"][shown]]
    about = data["nodes"][node]
    return NodeView(
        about["name"],
        about["role"],
        about["shape"],
        state,
        since,
        tuple(text.split("\n")) if text else (),
        0 if dirty is None else data["unsynced"]["n"][dirty],
        0.0 if skew is None else data["skew"]["ms"][skew],
        error,
    )


def in_flight(data: Mapping[str, Any], t: float) -> list[int]:
    """Return the rows of the flights under way at `t`, in order of sending."""
    flights = data["flights"]
    pairs = enumerate(zip(flights["sent"], flights["ended"], strict=True))
    rows = [i for i, (sent, ended) in pairs if sent <= t < ended]
    return sorted(rows, key=lambda i: (flights["sent"][i], i))


def _message_view(data: Mapping[str, Any], names: list[str], row: int, t: float) -> MessageView:
    flights = data["flights"]
    kind = data["kinds"][flights["kind"][row]]
    sent, ended = flights["sent"][row], flights["ended"][row]
    return MessageView(
        names[flights["src"][row]],
        names[flights["dst"][row]],
        kind["name"],
        data["texts"][flights["label"][row]],
        kind["reply"],
        sent,
        ended,
        (t - sent) / (ended - sent),
        FATES[flights["fate"][row]],
    )


def _link_views(data: Mapping[str, Any], names: list[str], t: float) -> Iterable[LinkView]:
    links = data["links"]
    for row, what in enumerate(links["what"]):
        if _lasts(links["from"][row], links["to"][row], t):
            src, dst = links["src"][row], links["dst"][row]
            yield LinkView(
                names[src] if src >= 0 else None,
                names[dst] if dst >= 0 else None,
                what,
                links["value"][row],
            )


def _walls(data: Mapping[str, Any], names: list[str], t: float) -> Iterable[tuple]:
    for wall in data["walls"]:
        if _lasts(wall["from"], wall["to"], t):
            rest = wall["b"] or [i for i in range(len(names)) if i not in wall["a"]]
            yield tuple(names[i] for i in wall["a"]), tuple(names[i] for i in rest)


def _open_operations(data: Mapping[str, Any], names: list[str], t: float) -> Iterable:
    ops = data["ops"]
    for row, call in enumerate(ops["call"]):
        if _lasts(call, ops["end"][row], t):
            yield OperationView(names[ops["client"][row]], data["texts"][ops["text"][row]], call)


def _caption(moment: Frame) -> str:
    parts = []
    for state, phrase in (("down", "down"), ("paused", "paused"), ("busy", "busy with its disk")):
        names = [node.name for node in moment.nodes if node.state == state]
        if names:
            parts.append(f"{_and(names)} {'is' if len(names) == 1 else 'are'} {phrase}")
    parts += [f"a partition separates {_and(a)} from {_and(b)}" for a, b in moment.walls]
    for link in moment.links:
        where = f"from {link.src or 'every node'} to {link.dst or 'every node'}"
        detail = {
            "cut": "nothing passes",
            "loss": f"messages are lost with probability {link.value:g}",
            "duplicate": f"messages arrive twice with probability {link.value:g}",
            "delay": f"messages take {link.value:g} ms longer",
        }.get(link.what, f"{link.what} {link.value:g}")
        parts.append(f"{detail} {where}")
    parts += [f"{op.client} waits for {op.text}" for op in moment.operations]
    if moment.messages:
        some = [f"{m.label} ({m.src} → {m.dst})" for m in moment.messages[:3]]
        more = len(moment.messages) - len(some)
        parts.append("under way: " + ", ".join(some) + (f" and {more} more" if more else ""))
    return f"At {moment.time:g} ms: " + ("; ".join(parts) if parts else "all is quiet") + "."


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def key_moments(trace: Trace, verdicts: Iterable[Any] = (), n: int = 4) -> list[float]:
    """Return at most `n` times in ms that tell the story, in order: for film strips.

    Violations come first, then errors, faults and ends of operations; what is left of `n` is
    spread over the run, each at the middle of a message's flight.
    """
    data = columns_of(trace)
    flights, pace_ms = data["flights"], data["pace"]
    wanted: list[float] = [v.at for v in verdicts if v.at is not None]
    wanted += [error["t"] for error in data["errors"]]
    wanted += [fault["at"] + pace_ms * 0.2 for fault in data["faults"]]
    middles = sorted(
        round((s + e) / 2, 3)
        for s, e in zip(flights["sent"], flights["ended"], strict=True)
        if e <= trace.duration
    )
    middles = middles or [0.0]
    wanted += [middles[len(middles) * (2 * i + 1) // (2 * n)] for i in range(n)]
    wanted += [end for end in data["ops"]["end"] if end is not None]
    apart, chosen = trace.duration / (n * 4), []
    for t in wanted:
        t = min(max(round(t, 3), 0.0), trace.duration)
        if len(chosen) < n and all(abs(t - other) >= apart for other in chosen):
            chosen.append(t)
    return sorted(chosen)
