"""What happened in a run of lab 16, in order: who said what to whom, and who may hold what.

Only messages count, never what the learner's nodes show of themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from dsviz.check.verdict import Verdict
from dsviz.grading.labs._groups_nodes import SESSION
from dsviz.trace import Message, Trace

SCRIPT = "script: "  # what the names of scenarios begin with in which the coordinator is ours


class Act(NamedTuple):
    """One thing that happened: `what` is ``sent``, ``got``, ``start``, ``crash``, ``pause`` or
    ``resume``; `node` the one that did it, or that the message came to; `cause` the number of the
    event in whose handling a message was sent."""

    time: float
    what: str
    node: str
    msg: Message | None
    seq: int
    cause: int = -1


def acts(trace: Trace) -> list[Act]:
    """Return what happened, in the order in which it happened. Messages count when they were sent
    and when they were handled."""
    kept = trace.__dict__.get("_acts")
    if kept is not None:
        return kept
    found: list[tuple[tuple[float, int, int], Act]] = []
    place = {}  # of each event in the trace
    for index, row in enumerate(trace.rows):
        time, seq, what, node, _, data, *_ = row
        place.setdefault(seq, index)
        if what in ("start", "crash", "pause", "resume"):
            found.append(((time, index, 0), Act(time, what, node, None, seq)))
        elif what == "deliver":
            found.append(((time, index, 0), Act(time, "got", node, data, seq)))
    for row in trace.rows:
        if row[2] in ("deliver", "drop", "flight"):
            message, cause = row[5], row[7]
            sent_at = row[6][0] if row[2] == "drop" else row[6]
            key = (sent_at, place.get(cause, -1), message.id)
            found.append((key, Act(sent_at, "sent", message.src, message, message.id, cause)))
    found.sort(key=lambda pair: pair[0])
    told, seen = [], set()
    for _, act in found:  # a message that arrives twice was sent once
        if act.what == "sent":
            if act.seq in seen:
                continue
            seen.add(act.seq)
        told.append(act)
    trace.__dict__["_acts"] = told
    return told


class Share(NamedTuple):
    """Who may hold a partition, since when, and the newest generation that says so."""

    member: str
    generation: int
    since: float


class Book:
    """What everybody could know of the group at a moment: feed it the acts one by one."""

    def __init__(self) -> None:
        self.newest = 0  # generation
        self.begun: dict[int, float] = {}  # generation -> when it was announced
        self.life: dict[int, int] = {}  # generation -> in which life of the coordinator
        self.shares: dict[int, dict[str, tuple[int, ...]]] = {}  # generation -> member -> its share
        self.holder: dict[int, Share] = {}  # who was given a partition and has not given it back
        self.freed: dict[int, tuple[Share, float]] = {}  # who gave it back last, and when
        self.heard: dict[str, float] = {}  # member -> when the coordinator last heard of it
        self.joined: dict[str, float] = {}
        self.members: set[str] = set()  # who has joined and neither left nor been silent for long
        # (the generation that was newest, join or leave, member)
        self.changes: list[tuple[int, str, str]] = []
        self.lives = 0

    def see(self, act: Act) -> None:
        """Learn what an act changes."""
        if act.node != "coord":
            return
        if act.what == "start":
            self.lives += 1
            self.holder, self.members = {}, set()
        elif act.what == "got":
            self._got(act, act.msg)
        elif act.what == "sent" and act.msg.kind == "assign":
            self._assigned(act, act.msg)

    def _got(self, act: Act, msg: Message) -> None:
        if msg.kind in ("join", "heartbeat"):
            self.heard[msg.src] = act.time
        if msg.kind in ("join", "leave"):
            self.changes.append((self.newest, msg.kind, msg.src))
            self._free(act.time, msg.src)
            if msg.kind == "join":
                self.joined[msg.src] = act.time
                self.members.add(msg.src)
            else:
                self.members.discard(msg.src)
        elif msg.kind == "revoked":
            for p in partitions_of(msg):
                share = self.holder.get(p)
                if share and share.member == msg.src and msg.generation >= share.generation:
                    self.freed[p] = (self.holder.pop(p), act.time)

    def _free(self, time: float, member: str) -> None:
        for p in [p for p, share in self.holder.items() if share.member == member]:
            self.freed[p] = (self.holder.pop(p), time)

    def _assigned(self, act: Act, msg: Message) -> None:
        g, member = msg.generation, msg.dst
        self.newest = max(self.newest, g)
        self.begun.setdefault(g, act.time)
        self.life.setdefault(g, self.lives)
        self.shares.setdefault(g, {}).setdefault(member, tuple(sorted(msg.offsets)))
        for p in msg.offsets:
            share = self.holder.get(p)
            since = share.since if share and share.member == member else act.time
            self.holder[p] = Share(member, g, since)

    def silent(self, member: str, at: float) -> bool:
        """Whether the coordinator has not heard of a member for a session."""
        return at - self.heard.get(member, -SESSION) >= SESSION - 1

    def gone(self, member: str, at: float) -> bool:
        """Whether a member may have been taken out of the group."""
        return member not in self.members or self.silent(member, at)


def partitions_of(msg: Message) -> tuple[int, ...]:
    """Return the partitions that a message is about; none when it has no such field."""
    found: Any = msg.body.get("partitions", ())
    return tuple(found) if isinstance(found, (tuple, list, frozenset)) else ()


def ours(trace: Trace) -> bool:
    """Whether the coordinator of this run is the learner's."""
    return "coord" in trace.nodes and not trace.name.startswith(SCRIPT)


def count(trace: Trace) -> int:
    """Return how many partitions there are: 6 where records are worked on, else 12."""
    return 6 if "b" in trace.nodes else 12


def told(trace: Trace, kind: str, node: str | None = None) -> Iterator[Act]:
    """Yield what was sent of a kind, by a node."""
    for act in acts(trace):
        if act.what == "sent" and act.msg.kind == kind and node in (None, act.node):
            yield act


def broken(name: str, sentence: str, at: float, *seqs: int) -> Verdict:
    """Return the verdict that a property is violated at `at` ms, shown by these events."""
    return Verdict(name, "violated", sentence, at, seqs)
