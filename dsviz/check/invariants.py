"""Named invariants: each judges a trace and explains a violation in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dsviz.check.measures import events_of, stale_reads
from dsviz.check.verdict import Verdict
from dsviz.errors import listed
from dsviz.trace import Message, Trace
from dsviz.transcript import milliseconds


def fresh_reads(trace: Trace) -> Verdict:
    """Judge: every read returns at least the newest write that was complete when it began.

    This is what R + W > N promises. It is weaker than linearizability: two reads during one
    write may still see the newer value first and the older one after it.
    """
    name = "reads are fresh"
    pairs = sorted(stale_reads(trace.history()), key=lambda pair: pair[0].returned or 0)
    if not pairs:
        return Verdict(
            name, "ok", "Every read returned the newest completed write, or a newer one."
        )
    read, write = pairs[0]
    more = f" ({len(pairs)} reads are stale in all.)" if len(pairs) > 1 else ""
    got = "nothing" if read.result is None else f"{read.result}"
    sentence = (
        f"{read.process} read {got} at {milliseconds(read.return_ms)}, although the write of "
        f"{write.value} was acknowledged at {milliseconds(write.return_ms)}, "
        f"before the read began.{more}"
    )
    events = events_of(trace, write.id, read.id)
    return Verdict(name, "violated", sentence, read.return_ms, events, (write.id, read.id))


@dataclass(frozen=True)
class NeverDecreases:
    """Judge: a field of the messages of one kind never goes down, for each sender and key."""

    name: str
    kind: str
    field: str

    def __call__(self, trace: Trace) -> Verdict:
        last: dict[tuple[str, Any], tuple[Any, Message]] = {}
        for time, seq, what, _, src, msg, _, _ in self._in_sending_order(trace):
            if what not in ("deliver", "drop", "flight"):
                continue
            value, place = getattr(msg, self.field), (src, getattr(msg, "key", None))
            before, earlier = last.get(place, (value, msg))
            if value < before:
                sentence = (
                    f"{src} sent {self.field} {before} for {place[1]} and later {value}: "
                    "it forgot what it had."
                )
                return Verdict(self.name, "violated", sentence, time, (earlier.id, seq))
            last[place] = (value, msg)
        return Verdict(self.name, "ok", f"No node sent an older {self.field} after a newer one.")

    def _in_sending_order(self, trace: Trace) -> list[tuple]:
        rows = [r for r in trace.rows if isinstance(r[5], Message) and r[5].kind == self.kind]
        return sorted(rows, key=lambda row: row[5].id)


@dataclass(frozen=True)
class Agree:
    """Judge: at the end of the run, all running nodes of a role show the same value."""

    name: str
    role: str
    shown: str

    def __call__(self, trace: Trace) -> Verdict:
        shown: dict[str, tuple[Any, int]] = {}
        down: set[str] = set()
        for _, seq, what, node, _, data, _, _ in trace.rows:
            if trace.nodes.get(node) != self.role:
                continue
            if what == "state" and self.shown in data:
                shown[node] = (data[self.shown], seq)
            elif what == "crash":
                down.add(node)
            elif what == "start":
                down.discard(node)
        live = {node: value for node, (value, _) in shown.items() if node not in down}
        if all(value == next(iter(live.values())) for value in live.values()):
            return Verdict(self.name, "ok", f"{listed(live)} hold the same in the end.")
        holds = "; ".join(f"{node} {_short(value)}" for node, value in live.items())
        events = tuple(seq for node, (_, seq) in shown.items() if node in live)
        sentence = f"At the end of the run they differ: {holds}."
        return Verdict(self.name, "violated", sentence, trace.duration, events)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} = {v}" for k, v in value.items()) or "nothing"
    return str(value)
