"""Trace to columns: parallel lists, small as JSON and quick to draw from.

This is the one form from which the player, the stills and the export all draw. Pure: nothing here
imports more than the standard library, and nothing knows how a picture is made.

Times are ms, rounded to 1/1000. Nodes, message kinds and texts are numbers into the lists
``nodes``, ``kinds`` and ``texts``; -1 means none. A span without an end ends at the run's end.
Long columns of numbers are arrays, in which `packing` sends them; as JSON they are lists.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterable, Mapping
from typing import Any

from dsviz.draw.chips import LINK_FAULTS, chip, end_of, fault_columns, stored_form
from dsviz.draw.flights import FATES, Flights, tidy
from dsviz.draw.labels import attribute_text, lines_of, short
from dsviz.draw.theme import kind_styles, role_shapes
from dsviz.trace import Trace

__all__ = [
    "FATES", "STEPS", "as_json", "chip", "columns", "columns_of", "keep_beside", "pace",
    "places_of",
]  # fmt: skip

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
    made = _Columns(trace, kinds).finish(positions)
    return made | {"verdicts": places_of(trace, made, verdicts)}


def columns_of(trace: Trace) -> dict[str, Any]:
    """Return the columns of a trace, kept beside it: not to be changed."""
    kept = trace.__dict__.get("_drawn")
    if kept is None or kept["events"] != len(trace):
        kept = keep_beside(trace, columns(trace))
    return kept


def keep_beside(trace: Trace, made: dict[str, Any]) -> dict[str, Any]:
    """Keep the columns of a trace for `columns_of`, so that nobody makes them twice."""
    trace.__dict__["_drawn"] = made
    return made


def as_json(payload: Mapping[str, Any]) -> str:
    """Return columns as the shortest JSON, the same on every run."""
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False, default=array.tolist)


def _table(*names: str) -> dict[str, list]:
    return {name: [] for name in names}


class _Columns:
    """One pass over the rows of a trace."""

    def __init__(self, trace: Trace, kinds: dict[str, str] | None = None) -> None:
        self.trace = trace
        self.number = {name: i for i, name in enumerate(trace.nodes)}
        self.texts: dict[str, int] = {}
        self.kinds: dict[str, str] = {} if kinds is None else kinds
        self._messages = Flights(self.number, self.text, self.kinds)
        self.spans = _table("node", "what", "from", "to", "text")
        self.shown = _table("node", "t", "text")
        self.unsynced = _table("node", "t", "n")
        self.waiting = _table("node", "t", "n")
        self.skew = _table("node", "t", "ms")
        self.links = _table("src", "dst", "what", "from", "to", "value", "fault")
        self.walls: list[dict] = []
        self.ops = _table("id", "client", "text", "f", "call", "end", "status", "result", "to")
        self.op_row: dict[Any, int] = {}
        self.errors: list[dict] = []
        self.faults = [fault_columns(i, f) for i, f in enumerate(trace.faults)]
        self._lines: dict[str, dict[str, str]] = {name: {} for name in trace.nodes}
        self._open: dict[tuple[str, str], int] = {}  # (node, what) -> its open span
        self._dirty: dict[str, int] = {}
        self._waiting: set[tuple[str, int]] = set()  # (node, message that waits for it)
        self._times: dict[int, float] | None = None
        self._offset: dict[str, float] = {}
        others = self._read()
        self.flights = self._messages.columns()
        self.steps = _steps(self.flights, others)

    def text(self, value: str) -> int:
        return self.texts.setdefault(value, len(self.texts))

    def _read(self) -> list[tuple]:
        """Go through the events; return those that are no plain deliveries, for `_steps`."""
        codes = {what: code for code, what in enumerate(STEPS)}
        act = {
            "state": self._shows, "write": self._wrote, "synced": self._synced,
            "undone": self._undone, "crash": self._crashed, "start": self._started,
            "pause": self._paused, "resume": self._resumed, "fault": self._began,
            "invoke": self._invoked, "ok": self._ended, "fail": self._ended, "info": self._ended,
            "timer": self._noted, "log": self._noted, "queued": self._queued, "heal": self._healed,
        }  # fmt: skip
        number, messages, waiting = self.number, self._messages.messages, self._waiting
        add, others = messages.append, []
        for record in self.trace.records:
            if type(record) is not tuple:  # a message, delivered as it was meant to be
                if waiting:
                    self._dequeued(tidy(record[0]), record[2], record[1])
                add(record)
                continue
            time, _, what, node, _, data, info, cause = record
            t = tidy(time)
            before = len(messages)
            if what in ("deliver", "drop", "flight"):
                if waiting and what != "flight":
                    self._dequeued(t, node, data.id)
                ref = self._messages.note(what, data, time, info)
            else:
                ref = act[what](t, what, node, data, info, cause) if what in act else -1
            flies = len(messages) - before
            if what in codes or flies:
                code, ref = codes.get(what, -1), -1 if ref is None else ref
                others.append((before, flies, t, code, number.get(node, -1), ref))
        return others

    def _healed(self, t, what, node, data, info, cause) -> int:
        return info

    def _shows(self, t, what, node, data, info, cause) -> None:
        lines = self._lines[node]
        for name, value in data.items():
            lines[name] = attribute_text(name, value)
        self.shown["node"].append(self.number[node])
        self.shown["t"].append(t)
        self.shown["text"].append(self.text("\n".join(lines_of(lines.values()))))

    def _count(self, t: float, node: str, change: int) -> None:
        count = self._dirty[node] = max(0, self._dirty.get(node, 0) + change)
        self.unsynced["node"].append(self.number[node])
        self.unsynced["t"].append(t)
        self.unsynced["n"].append(count)

    def _wrote(self, t, what, node, data, info, cause) -> None:
        self._count(t, node, 1)

    def _synced(self, t, what, node, data, info, cause) -> int:
        self._count(t, node, -data)
        if self._times is None:
            self._times = {record[1]: record[0] for record in self.trace.records}
        began = min(tidy(self._times.get(cause, t)), t)
        if began < t:
            self._span(node, "syncing", began, t)
        return data

    def _undone(self, t, what, node, data, info, cause) -> int:
        self._count(t, node, -data)
        return data

    def _queued(self, t, what, node, data, info, cause) -> None:
        self._waiting.add((node, data))
        self._wait(t, node)

    def _dequeued(self, t: float, node: str, message: int) -> None:
        if (node, message) in self._waiting:
            self._waiting.discard((node, message))
            self._wait(t, node)

    def _wait(self, t: float, node: str) -> None:
        self.waiting["node"].append(self.number[node])
        self.waiting["t"].append(t)
        self.waiting["n"].append(sum(owner == node for owner, _ in self._waiting))

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
        if self._lines[node]:
            self._lines[node] = {}
            self.shown["node"].append(self.number[node])
            self.shown["t"].append(t)
            self.shown["text"].append(self.text(""))
        return data if isinstance(data, int) else 1

    def _paused(self, t, what, node, data, info, cause) -> None:
        if (node, "paused") not in self._open:
            self._open[node, "paused"] = self._span(node, "paused", t, None)

    def _resumed(self, t, what, node, data, info, cause) -> None:
        self._close(node, "paused", t)

    def _link(self, src: int, dst: int, what: str, t: float, end: float | None, *rest: Any) -> None:
        """Note a fault of links; -1 stands for every node; `rest` is (value, number of fault)."""
        for name, value in zip(self.links, (src, dst, what, t, end, *rest), strict=True):
            self.links[name].append(value)

    def _began(self, t, what, node, data, info, cause) -> int:
        """A fault began: note what it does to links and clocks; nodes tell of theirs themselves."""
        stored = stored_form(data)
        end = end_of(stored)
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
            self.skew["ms"].append(tidy(self._offset[node]))
        elif name in LINK_FAULTS:
            what, field = LINK_FAULTS[name]
            src, dst = (self.number.get(stored.get(side), -1) for side in ("src", "dst"))
            self._link(src, dst, what, t, end, stored.get(field, 0), info)
        elif stored.get("node") in self.number and (
            name in ("Slow", "ClockDrift") or (end is not None and name != "Pause")
        ):
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

    def finish(self, positions: Mapping | None) -> dict[str, Any]:
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
            "duration": tidy(trace.duration),
            "events": len(trace),
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
            "waiting": self.waiting,
            "skew": self.skew,
            "links": self.links,
            "walls": self.walls,
            "ops": self.ops,
            "steps": self.steps,
            "faults": self.faults,
            "errors": self.errors,
            "texts": list(self.texts),
        }

    def _busy_until(self) -> float:
        """When the last thing happens: a run may be much longer than its story."""
        ends = [fault["ends"] or fault["at"] for fault in self.faults]
        return min(max([*ends, *self.steps["t"][-1:], 0.0]) or math.inf, self.trace.duration)

    def _edges(self) -> list[list[int]]:
        pairs = set(zip(self.flights["src"], self.flights["dst"], strict=True))
        return [list(p) for p in sorted({(min(p), max(p)) for p in pairs if p[0] != p[1]})]


def _steps(flights: Mapping[str, Any], others: list[tuple]) -> dict[str, array]:
    """Return the events worth a stop: plain deliveries, and among them the others.

    Each of these is (how many flights came before, how many flights it is itself, time, code,
    node, what it refers to); one without a code is no step.
    """
    ended, dst = flights["ended"], flights["dst"]
    times, codes, nodes, refs = array("d"), array("b"), array("h"), array("i")
    done = 0
    for before, flies, t, code, node, ref in [*others, (len(ended), 0, 0.0, -1, -1, -1)]:
        if before > done:
            times.extend(ended[done:before])
            codes.frombytes(bytes(before - done))
            nodes.extend(dst[done:before])
            refs.extend(range(done, before))
        done = before + flies
        if code >= 0:
            times.append(t)
            codes.append(code)
            nodes.append(node)
            refs.append(ref)
    return {"t": times, "what": codes, "node": nodes, "ref": refs}


def places_of(trace: Trace, made: Mapping[str, Any], verdicts: Iterable[Any]) -> list[dict]:
    """Return verdicts as the player shows them: they point at steps and operations by row."""
    verdicts = list(verdicts)
    wanted = {seq for verdict in verdicts for seq in verdict.events}
    step_of: dict[int, int] = {}
    if wanted:
        stops = [r[1] for r in trace.records if type(r) is not tuple or r[2] in _STOPS]
        step_of = {seq: step for step, seq in enumerate(stops) if seq in wanted}
    operation = {op: row for row, op in enumerate(made["ops"]["id"])}
    return [_verdict(verdict, made["steps"]["t"], step_of, operation) for verdict in verdicts]


_STOPS = frozenset(STEPS)


def _verdict(verdict: Any, times: array, step_of: dict, operation: dict) -> dict[str, Any]:
    at = verdict.at
    steps = [step_of[seq] for seq in verdict.events if seq in step_of]
    if at is None and verdict.status == "violated":
        at = max((times[step] for step in steps), default=0.0)
    return {
        "check": verdict.check,
        "status": verdict.status,
        "sentence": verdict.sentence,
        "at": None if at is None else tidy(at),
        "steps": steps,
        "ops": [operation[op] for op in verdict.operations if op in operation],
    }


_ENOUGH = 2_000  # flights, to know how long a typical one takes


def pace(flights: Mapping[str, list], duration: float) -> float:
    """Return how many ms of the run a real second shows at 1×.

    Slow enough that a message is seen moving for about a second, quick enough that the `duration`
    ms in which something happens take at most ten minutes.
    """
    every = -(-len(flights["sent"]) // _ENOUGH) or 1
    ends = zip(flights["sent"][::every], flights["ended"][::every], strict=True)
    took = sorted(end - begin for begin, end in ends if end > begin)
    typical = took[len(took) // 2] if took else duration / 20
    wanted = max(typical / 1.1, duration / 600)
    steps = [m * 10.0**e for e in range(-3, 7) for m in (1, 2, 5)]
    return min(steps, key=lambda step: abs(step - wanted) / min(step, wanted))
