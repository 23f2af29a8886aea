"""Trace to columns: parallel lists, small as JSON and quick to draw from.

This is the one form from which the player, the stills and the export all draw. Pure: nothing here
imports more than the standard library, and nothing knows how a picture is made.

Times are ms, rounded to 1/1000. Nodes, message kinds and texts are numbers into the lists
``nodes``, ``kinds`` and ``texts``; -1 means none. A span without an end ends at the run's end.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from dsviz.draw.labels import label_lines, message_label, short
from dsviz.draw.theme import kind_styles, role_shapes
from dsviz.trace import Message, Trace

#: How a flight can end; columns hold the position in this list.
FATES = ("delivered", "lost", "cut", "node down", "under way")

#: Events worth a stop of "next event", in the order of their codes in ``steps.what``.
STEPS = (
    "deliver", "drop", "timer", "invoke", "ok", "fail", "info", "fault", "heal",
    "crash", "start", "pause", "resume", "synced", "undone", "log",
)  # fmt: skip


def columns(
    trace: Trace,
    verdicts: Iterable[Any] = (),
    positions: Mapping[str, tuple[float, float]] | None = None,
    kinds: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return the whole run as JSON-ready columns; `positions` are node places in 0..1.

    10,000 events take less than 1 MB as JSON. `verdicts` are `dsviz.check.Verdict`s (read by
    attribute only). `kinds` are message kinds met before (kind: what it answers, or empty);
    new ones are added to it, so that a kind keeps its colour from one run to the next.
    """
    return _Columns(trace, kinds).finish(list(verdicts), positions)


def columns_of(trace: Trace) -> dict[str, Any]:
    """Return the columns of a trace, kept beside it: not to be changed."""
    kept = trace.__dict__.get("_drawn")
    if kept is None or kept["events"] != len(trace.rows):
        kept = trace.__dict__["_drawn"] = columns(trace)
    return kept


def as_json(payload: Mapping[str, Any]) -> str:
    """Return columns as the shortest JSON, the same on every run."""
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False)


def _table(*names: str) -> dict[str, list]:
    return {name: [] for name in names}


class _Columns:
    """One pass over the rows of a trace."""

    def __init__(self, trace: Trace, kinds: dict[str, str] | None = None) -> None:
        self.trace = trace
        self.number = {name: i for i, name in enumerate(trace.nodes)}
        self.texts: dict[str, int] = {}
        self.kinds: dict[str, str] = {} if kinds is None else kinds
        self.kind_of: dict[int, str] = {}  # message id -> kind
        self.kind_number = {kind: i for i, kind in enumerate(self.kinds)}
        self.flights = _table("src", "dst", "kind", "label", "sent", "ended", "fate")
        self.spans = _table("node", "what", "from", "to", "text")
        self.shown = _table("node", "t", "text")
        self.unsynced = _table("node", "t", "n")
        self.skew = _table("node", "t", "ms")
        self.links = _table("src", "dst", "what", "from", "to", "value", "fault")
        self.walls: list[dict] = []
        self.ops = _table("id", "client", "text", "f", "call", "end", "status", "result", "to")
        self.op_row: dict[Any, int] = {}
        self.steps = _table("t", "what", "node", "ref")
        self.errors: list[dict] = []
        self.faults = [_fault(i, f, trace.duration) for i, f in enumerate(trace.faults)]
        self.step_of_seq: dict[int, int] = {}
        self.time_of_seq: dict[int, float] = {}
        self._state: dict[str, dict] = {name: {} for name in trace.nodes}
        self._open: dict[tuple[str, str], int] = {}  # (node, what) -> its open span
        self._dirty: dict[str, int] = {}
        self._offset: dict[str, float] = {}
        self._read()

    def text(self, value: str) -> int:
        return self.texts.setdefault(value, len(self.texts))

    def _read(self) -> None:
        codes = {what: code for code, what in enumerate(STEPS)}
        act = {
            "state": self._shows, "write": self._wrote, "synced": self._synced,
            "undone": self._undone, "crash": self._crashed, "start": self._started,
            "pause": self._paused, "resume": self._resumed, "fault": self._began,
            "invoke": self._invoked, "ok": self._ended, "fail": self._ended, "info": self._ended,
            "timer": self._noted, "log": self._noted,
        }  # fmt: skip
        fate_of = {"lost": 1, "cut": 2, "node down": 3}
        times, whats = self.steps["t"], self.steps["what"]
        nodes, refs = self.steps["node"], self.steps["ref"]
        number, steps = self.number, self.step_of_seq
        for time, seq, what, node, peer, data, info, cause in self.trace.rows:
            t = round(time, 3)
            self.time_of_seq[seq] = t
            if what == "deliver":
                ref = self._flight(data, peer, node, info, t, 0)
            elif what == "drop":
                ref = self._flight(data, peer, node, info[0], t, fate_of.get(info[1], 1))
            elif what == "flight":
                ref = self._flight(data, peer, node, info, t, 4)
            elif what == "heal":
                ref = info
            else:
                ref = act[what](t, what, node, data, info, cause) if what in act else -1
            code = codes.get(what)
            if code is not None:
                steps[seq] = len(times)
                times.append(t)
                whats.append(code)
                nodes.append(number.get(node, -1))
                refs.append(-1 if ref is None else ref)

    def _flight(
        self, message: Message, src: str, dst: str, sent: float, ended: float, fate: int
    ) -> int:
        kind = message.kind
        if kind not in self.kind_number:
            self.kind_number[kind] = len(self.kind_number)
            answers = "" if message.re is None else self.kind_of.get(message.re, "a request")
            self.kinds[kind] = answers
        self.kind_of[message.id] = kind
        flights = self.flights
        flights["src"].append(self.number[src])
        flights["dst"].append(self.number[dst])
        flights["kind"].append(self.kind_number[kind])
        flights["label"].append(self.text(message_label(message)))
        flights["sent"].append(round(sent, 3))
        flights["ended"].append(ended)
        flights["fate"].append(fate)
        return len(flights["src"]) - 1

    def _shows(self, t, what, node, data, info, cause) -> None:
        state = self._state[node]
        state.update(data)
        self.shown["node"].append(self.number[node])
        self.shown["t"].append(t)
        self.shown["text"].append(self.text("\n".join(label_lines(state))))

    def _count(self, t: float, node: str, change: int) -> None:
        count = self._dirty[node] = max(0, self._dirty.get(node, 0) + change)
        self.unsynced["node"].append(self.number[node])
        self.unsynced["t"].append(t)
        self.unsynced["n"].append(count)

    def _wrote(self, t, what, node, data, info, cause) -> None:
        self._count(t, node, 1)

    def _synced(self, t, what, node, data, info, cause) -> int:
        self._count(t, node, -data)
        began = self.time_of_seq.get(cause, t)
        if began < t:
            self._span(node, "syncing", began, t)
        return data

    def _undone(self, t, what, node, data, info, cause) -> int:
        self._count(t, node, -data)
        return data

    def _span(self, node: str, what: str, start: float, end: float | None, text: int = -1) -> int:
        spans = self.spans
        spans["node"].append(self.number[node])
        spans["what"].append(what)
        spans["from"].append(start)
        spans["to"].append(end)
        spans["text"].append(text)
        return len(spans["node"]) - 1

    def _close(self, node: str, what: str, t: float) -> None:
        row = self._open.pop((node, what), None)
        if row is not None:
            self.spans["to"][row] = t

    def _crashed(self, t, what, node, data, info, cause) -> int:
        self._close(node, "paused", t)
        text = -1
        if data:
            text = self.text(str(data))
            lines = str(data).splitlines()
            error = {"node": self.number[node], "t": t, "lines": lines[:-1], "error": lines[-1]}
            self.errors.append(error)
        self._open[node, "down"] = self._span(node, "down", t, None, text)
        return text

    def _started(self, t, what, node, data, info, cause) -> int:
        self._close(node, "down", t)
        if self._state[node]:
            self._state[node] = {}
            self.shown["node"].append(self.number[node])
            self.shown["t"].append(t)
            self.shown["text"].append(self.text(""))
        return data if isinstance(data, int) else 1

    def _paused(self, t, what, node, data, info, cause) -> float:
        if (node, "paused") not in self._open:
            self._open[node, "paused"] = self._span(node, "paused", t, None)
        return round(data, 3) if isinstance(data, (int, float)) else -1

    def _resumed(self, t, what, node, data, info, cause) -> None:
        self._close(node, "paused", t)

    def _link(self, src: int, dst: int, what: str, t: float, end: float | None, *rest: Any) -> None:
        """Note a fault of links; -1 stands for every node; `rest` is (value, number of fault)."""
        for name, value in zip(self.links, (src, dst, what, t, end, *rest), strict=True):
            self.links[name].append(value)

    def _began(self, t, what, node, data, info, cause) -> int:
        """A fault began: note what it does to links and clocks; nodes tell of theirs themselves."""
        stored = _stored(data)
        end = _end(stored)
        name = stored.get("fault")
        if name == "Partition":
            a, b = ([self.number[n] for n in stored.get(side, [])] for side in ("a", "b"))
            if len(a) == len(b) == 1:  # one link: a wall across the picture would say too much
                for src, dst in ((a[0], b[0]), (b[0], a[0])):
                    self._link(src, dst, "cut", t, end, 0, info)
            else:
                self.walls.append({"a": a, "b": b, "from": t, "to": end, "fault": info})
        elif name == "ClockSkew":
            node = stored["node"]
            self._offset[node] = self._offset.get(node, 0.0) + stored["ms"]
            self.skew["node"].append(self.number[node])
            self.skew["t"].append(t)
            self.skew["ms"].append(round(self._offset[node], 3))
        elif name in _LINK_FAULTS:
            what, field = _LINK_FAULTS[name]
            src, dst = (self.number.get(stored.get(side), -1) for side in ("src", "dst"))
            self._link(src, dst, what, t, end, stored.get(field, 0), info)
        elif end is not None and stored.get("node") in self.number and name != "Pause":
            label = self.text(str(getattr(data, "label", name)))
            self._span(stored["node"], "affected", t, end, label)
        return info

    def _invoked(self, t, what, node, data, info, cause) -> int:
        ops = self.ops
        row = self.op_row[data["op"]] = len(ops["id"])
        value = "" if data["value"] is None else f" = {short(data['value'])}"
        key = "" if data["key"] is None else f" {short(data['key'])}"
        ops["id"].append(data["op"])
        ops["client"].append(self.number[node])
        ops["text"].append(self.text(f"{data['f']}{key}{value}"))
        ops["f"].append(self.text(data["f"]))
        ops["call"].append(t)
        ops["end"].append(None)
        ops["status"].append("open")
        ops["result"].append(-1)
        ops["to"].append(self.number.get(data.get("to"), -1))
        return row

    def _ended(self, t, what, node, data, info, cause) -> int:
        row = self.op_row.get(data["op"], -1)
        if row >= 0:
            self.ops["end"][row] = t
            self.ops["status"][row] = what
            if data["result"] is not None:
                self.ops["result"][row] = self.text(short(data["result"]))
        return row

    def _noted(self, t, what, node, data, info, cause) -> int:
        return self.text(str(data))

    def finish(self, verdicts: list[Any], positions: Mapping | None) -> dict[str, Any]:
        trace = self.trace
        shapes = role_shapes(trace.nodes.values())
        styles = kind_styles(self.kinds.items())
        nodes = [
            {"name": name, "role": role, "shape": shapes[role]}
            for name, role in trace.nodes.items()
        ]
        for node in nodes if positions else ():
            x, y = positions[node["name"]]
            node["x"], node["y"] = round(x, 4), round(y, 4)
        return {
            "name": trace.name,
            "seed": trace.seed,
            "duration": round(trace.duration, 3),
            "events": len(trace.rows),
            "pace": pace(self.flights, self._busy_until()),
            "nodes": nodes,
            "edges": self._edges(),
            "kinds": [
                {
                    "name": kind,
                    "reply": bool(answers),
                    "colour": styles[kind].colour,
                    "dash": styles[kind].dash,
                }
                for kind, answers in self.kinds.items()
            ],
            "flights": self.flights,
            "spans": self.spans,
            "shown": self.shown,
            "unsynced": self.unsynced,
            "skew": self.skew,
            "links": self.links,
            "walls": self.walls,
            "ops": self.ops,
            "steps": self.steps,
            "faults": self.faults,
            "errors": self.errors,
            "verdicts": [self._verdict(v) for v in verdicts],
            "texts": list(self.texts),
        }

    def _busy_until(self) -> float:
        """When the last thing happens: a run may be much longer than its story."""
        ends = [fault["ends"] or fault["at"] for fault in self.faults]
        return min(max([*ends, *self.steps["t"][-1:], 0.0]) or math.inf, self.trace.duration)

    def _edges(self) -> list[list[int]]:
        pairs = zip(self.flights["src"], self.flights["dst"], strict=True)
        return [list(p) for p in sorted({(min(p), max(p)) for p in pairs if p[0] != p[1]})]

    def _verdict(self, verdict: Any) -> dict[str, Any]:
        at = verdict.at
        steps = [self.step_of_seq[seq] for seq in verdict.events if seq in self.step_of_seq]
        operations = [self.op_row[op] for op in verdict.operations if op in self.op_row]
        if at is None and verdict.status == "violated":
            at = max((self.steps["t"][step] for step in steps), default=0.0)
        return {
            "check": verdict.check,
            "status": verdict.status,
            "sentence": verdict.sentence,
            "at": None if at is None else round(at, 3),
            "steps": steps,
            "ops": operations,
        }


_LINK_FAULTS = {
    "Cut": ("cut", ""), "Loss": ("loss", "p"), "Duplicate": ("duplicate", "p"),
    "Delay": ("delay", "ms"), "Reorder": ("reorder", "ms"), "Corrupt": ("corrupt", "p"),
}  # fmt: skip


def _stored(fault: Any) -> dict[str, Any]:
    """The JSON form of a fault; a trace read from a file may hold nothing else."""
    return fault if isinstance(fault, dict) else fault.to_dict()


def _end(stored: Mapping[str, Any]) -> float | None:
    duration = stored.get("duration")
    return None if duration is None else round(stored.get("at", 0.0) + duration, 3)


def _fault(number: int, fault: Any, duration: float) -> dict[str, Any]:
    stored = _stored(fault)
    known = not isinstance(fault, dict)
    nodes = [stored[k] for k in ("node", "src", "dst") if stored.get(k)]
    nodes += [n for k in ("targets", "a", "b") for n in stored.get(k, [])]
    return {
        "index": number,
        "at": round(stored.get("at", 0.0), 3),
        "ends": _end(stored),
        "what": stored.get("fault"),
        "label": getattr(fault, "label", stored.get("fault")),
        "chip": chip(fault),
        "text": str(fault) if known else stored.get("fault"),
        "python": repr(fault) if known else "",
        "nodes": nodes,
        "stored": stored,
    }


def chip(fault: Any) -> str:
    """Return a fault in few words: ``pause r3 · 80 ms``."""
    stored = _stored(fault)
    return _chip(stored, getattr(fault, "label", stored.get("fault")))


def _chip(stored: Mapping[str, Any], label: str) -> str:
    if "a" in stored:
        where = f"{_group(stored['a'])} | {_group(stored.get('b', [])) or 'rest'}"
    elif "src" in stored or "dst" in stored:
        where = f"{stored.get('src', 'all')} → {stored.get('dst', 'all')}"
    else:
        where = stored.get("node") or _group(stored.get("targets", []))
        where = where or ("on every link" if stored.get("fault") in _LINK_FAULTS else "")
    label = {"one-way cut": "cut", "extra delay": "delay"}.get(label, label)
    numbers = [f"{stored['p'] * 100:g} %"] if "p" in stored else []
    numbers += [f"{stored['ms']:+g} ms"] if "ms" in stored else []
    numbers += [f"{stored['duration']:g} ms"] if stored.get("duration") is not None else []
    return " · ".join([f"{label} {where}".strip(), *numbers])


def _group(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:2])} + {len(names) - 2}"


def pace(flights: Mapping[str, list], duration: float) -> float:
    """Return how many ms of the run a real second shows at 1×.

    Slow enough that a message is seen moving for about a second, quick enough that the `duration`
    ms in which something happens take at most ten minutes.
    """
    took = sorted(e - s for s, e in zip(flights["sent"], flights["ended"], strict=True) if e > s)
    typical = took[len(took) // 2] if took else duration / 20
    wanted = max(typical / 1.1, duration / 600)
    steps = [m * 10.0**e for e in range(-3, 7) for m in (1, 2, 5)]
    return min(steps, key=lambda step: abs(step - wanted) / min(step, wanted))
