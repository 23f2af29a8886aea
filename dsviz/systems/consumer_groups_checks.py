"""What a consumer group promises, as judges of its trace.

They look at messages, at the offsets that the coordinator shows, and at what the sink applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from dsviz.check.verdict import Verdict
from dsviz.trace import Message, Trace

Check = Callable[[Trace], Verdict]

_ARRIVES = ("deliver", "drop", "flight")


def one_assignee(trace: Trace) -> Verdict:
    """Judge: in one generation the coordinator gives a partition to one member at most."""
    name = "one assignee"
    given: dict[tuple[int, str], tuple[str, int]] = {}
    for _, seq, what, _, src, data, _, _ in trace.rows:
        if what not in _ARRIVES or getattr(data, "kind", "") != "assign":
            continue
        member = data.dst
        for partition in data.offsets:
            owner, first = given.setdefault((data.generation, partition), (member, seq))
            if owner != member:
                sentence = (
                    f"{src} gives {partition} to {owner} and to {member} "
                    f"in generation {data.generation}."
                )
                return Verdict(name, "violated", sentence, trace.event(seq).time, (first, seq))
    return Verdict(name, "ok", "In no generation a partition was given to two members.")


def offsets_never_go_back(trace: Trace) -> Verdict:
    """Judge: the committed offset of a partition never decreases."""
    name = "offsets never go back"
    held: dict[str, int] = {}
    for commit in commits(trace):
        for partition, offset in commit.offsets.items():
            before = held.get(partition, 0)
            if offset < before:
                who = commit.message
                sentence = f"{partition} goes back from {before} to {offset}"
                if who is not None:
                    sentence = (
                        f"{who.src}, in generation {who.generation}, moves {partition} "
                        f"back from {before} to {offset}"
                    )
                return Verdict(name, "violated", sentence + ".", commit.time, (commit.seq,))
            held[partition] = offset
    return Verdict(name, "ok", "No committed offset ever went back.")


class Commit(NamedTuple):
    """A moment at which the coordinator shows new offsets, and the commit that it handled."""

    time: float
    seq: int
    offsets: dict[str, int]
    message: Message | None


def commits(trace: Trace) -> Iterator[Commit]:
    """Return each change of the committed offsets, in order of time."""
    last: Message | None = None
    for time, seq, what, node, _, data, _, _ in trace.rows:
        if what == "deliver" and data.kind == "commit":
            last = data
        elif what == "state" and "offsets" in data and trace.nodes.get(node) == "coordinator":
            yield Commit(time, seq, dict(data["offsets"]), last)


def nothing_is_skipped(trace: Trace) -> Verdict:
    """Judge: an offset is committed only when the sink has applied each record before it."""
    name = "nothing is skipped"
    reached: dict[str, int] = {}  # partition -> the sink has applied all before this offset
    ahead: dict[str, set[int]] = {}
    effects = applied(trace)
    effect = next(effects, None)
    for commit in commits(trace):
        while effect is not None and effect[1] < commit.seq:
            one = effect[2]
            seen = ahead.setdefault(one.partition, set())
            seen.add(one.offset)
            until = reached.get(one.partition, 0)
            while until in seen:
                seen.discard(until)
                until += 1
            reached[one.partition] = until
            effect = next(effects, None)
        for partition, offset in commit.offsets.items():
            until = reached.get(partition, 0)
            if offset > until:
                sentence = (
                    f"Offset {offset} of {partition} is committed, "
                    f"and the sink has never applied record {until}."
                )
                return Verdict(name, "violated", sentence, commit.time, (commit.seq,))
    return Verdict(name, "ok", "The sink had applied each record before a committed offset.")


def no_zombie_effects(trace: Trace) -> Verdict:
    """Judge: the sink applies nothing of a generation older than one it has applied before."""
    name = "no zombie's effects"
    newest: dict[str, int] = {}
    for time, seq, one in applied(trace):
        known = newest.get(one.partition, 0)
        if one.generation < known:
            sentence = (
                f"Record {one.offset} of {one.partition} is applied for {one.src}, which is in "
                f"generation {one.generation}; the partition is in generation {known}."
            )
            return Verdict(name, "violated", sentence, time, (seq,))
        newest[one.partition] = one.generation
    return Verdict(name, "ok", "Nothing was applied for a member whose generation was over.")


def applied(trace: Trace) -> Iterator[tuple[float, int, Message]]:
    """Return (ms, seq, effect) for each effect that the sink applied and did not refuse."""
    last: tuple[float, int, Message] | None = None
    for time, seq, what, _, _, data, _, _ in trace.rows:
        if what == "deliver" and data.kind == "effect":
            last = (time, seq, data)
        elif what == "state" and last is not None and data.get("applied"):
            yield last
            last = None


def progress(bound_ms: float, end: Callable[[float], int]) -> Check:
    """Return the judge of progress: no offset stands still for longer than `bound_ms`.

    It counts from the last fault, and only while records wait and the coordinator and a member
    are up. `end` tells how many records a partition has at a time in ms.
    """
    name = "the group gets on"

    def check(trace: Trace) -> Verdict:
        watch = _Watch(trace)
        for row in trace.rows:
            watch.see(row)
            stuck = watch.stuck(row[0], bound_ms, end) if row[2] == "state" else None
            if stuck is not None:
                return stuck_at(*stuck, row)
        stuck = watch.stuck(trace.duration, bound_ms, end)
        if stuck is not None:
            return stuck_at(*stuck, trace.rows[-1])
        return Verdict(name, "ok", f"No offset stood still for more than {bound_ms:,.0f} ms.")

    def stuck_at(partition: str, offset: int, since: float, row: tuple) -> Verdict:
        sentence = (
            f"{partition} stood at offset {offset} from {since:,.0f} ms on for more than "
            f"{bound_ms:,.0f} ms, while records waited."
        )
        return Verdict(name, "violated", sentence, since + bound_ms, (row[1],))

    return check


class _Watch:
    """How far each partition is, since when, and whether the group could work."""

    def __init__(self, trace: Trace) -> None:
        self.members = {n for n, role in trace.nodes.items() if role == "member"}
        self.others = {n for n, role in trace.nodes.items() if role in ("coordinator", "broker")}
        self.up: set[str] = set()
        self.disturbed = 0.0
        self.held: dict[str, tuple[int, float]] = {}  # partition -> offset, since when

    def see(self, row: tuple) -> None:
        time, _, what, node, _, data, _, _ = row
        if what in ("fault", "heal", "start", "resume", "crash"):
            self.disturbed = time
        if what in ("start", "resume"):
            self.up.add(node)
        elif what in ("crash", "pause"):
            self.up.discard(node)
        elif what == "state" and "offsets" in data and node in self.others:
            for partition, offset in data["offsets"].items():
                if partition not in self.held or self.held[partition][0] != offset:
                    self.held[partition] = offset, time

    def stuck(
        self, now: float, bound_ms: float, end: Callable[[float], int]
    ) -> tuple[str, int, float] | None:
        """Return (partition, its offset, since when) if one stands still for too long."""
        if now - self.disturbed <= bound_ms or not (self.up & self.members):
            return None
        if not self.others <= self.up:
            return None
        for partition, (offset, moved) in self.held.items():
            since = max(moved, self.disturbed)
            if now - since > bound_ms and end(since) > offset:
                return partition, offset, since
        return None


#: What holds for each run; `progress` is added by the run, which knows its time-outs.
CHECKS: tuple[Check, ...] = (
    one_assignee,
    offsets_never_go_back,
    nothing_is_skipped,
    no_zombie_effects,
)
