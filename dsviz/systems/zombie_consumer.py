"""A zombie consumer: thrown out of its group while it works, and not knowing it (lesson 16).

The group coordinator takes a consumer for dead after its session time-out and gives its records to
another, under a new generation. The zombie then finishes what it began. Refusing its offset commit
(fencing by generation) keeps the offsets right, but the effect has happened twice; only a sink
that knows what it has had stays right.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from dsviz.check.chaos import Schedule
from dsviz.check.verdict import Verdict
from dsviz.sim.faults import Fault, Pause
from dsviz.sim.network import Network
from dsviz.sim.node import Node
from dsviz.sim.scenario import Scenario
from dsviz.trace import Message, Trace


class GroupCoordinator(Node):
    """Gives the next record to one live member at a time; keeps the committed offset."""

    session_timeout = 100.0  # ms
    records = 5
    fencing = True  # refuse offset commits of an older generation

    shows = ("owner", "generation", "committed")

    def on_start(self) -> None:
        self.owner: str | None = None
        self.members: list[str] = []
        self.generation = self.disk.read("generation", default=0)
        self.committed = self.disk.read("committed", default=0)

    def on_heartbeat(self, msg: Message) -> None:
        if msg.src not in self.members:
            self.members.append(msg.src)
        self.set_timer("session", self.session_timeout, member=msg.src)
        if self.owner is None:
            self.assign(msg.src)

    def on_timer_session(self, member: str) -> None:
        self.members.remove(member)
        if member == self.owner:
            self.owner = None
            if self.members:
                self.assign(self.members[0])

    def assign(self, member: str) -> None:
        self.owner, self.generation = member, self.generation + 1
        self.disk.write("generation", self.generation)
        self.disk.sync()
        self.hand_out()

    def hand_out(self) -> None:
        if self.owner and self.committed < self.records:
            self.send(self.owner, "record", offset=self.committed, generation=self.generation)

    def on_commit(self, msg: Message) -> None:
        if self.fencing and msg.generation != self.generation:
            self.reply(msg, "illegal_generation")
            return
        self.committed = msg.offset + 1
        self.disk.write("committed", self.committed)
        self.disk.sync()
        self.hand_out()


class Consumer(Node):
    """Processes a record for a while, has its effect, and commits the offset."""

    work = 30.0  # ms a record
    start = 0.0
    shows = ("doing",)

    def on_start(self) -> None:
        self.doing = ""
        self.set_timer("heartbeat", self.start)

    def on_timer_heartbeat(self) -> None:
        self.send("group", "heartbeat")
        self.set_timer("heartbeat", 30.0)

    def on_record(self, msg: Message) -> None:
        self.doing = f"record {msg.offset}"
        self.set_timer("done", self.work, offset=msg.offset, generation=msg.generation)

    def on_timer_done(self, offset: int, generation: int) -> None:
        self.send("sink", "effect", record=offset)
        self.send("group", "commit", offset=offset, generation=generation)
        self.doing = ""

    def on_illegal_generation(self, msg: Message) -> None:
        self.doing = "was thrown out"


class Sink(Node):
    """Counts effects; if `idempotent`, only the first of each record."""

    idempotent = True
    shows = ("effects",)

    def on_start(self) -> None:
        self.effects: dict[str, int] = self.disk.read("effects", default={})

    def on_effect(self, msg: Message) -> None:
        key = str(msg.record)
        if self.idempotent and key in self.effects:
            return
        self.effects[key] = self.effects.get(key, 0) + 1
        self.disk.write("effects", self.effects)
        self.disk.sync()


def one_effect_a_record(trace: Trace) -> Verdict:
    """Judge: no record has its effect twice."""
    name, first = "one effect a record", {}
    for time, seq, what, _, _, data, _, _ in trace.rows:
        for record, count in data.get("effects", {}).items() if what == "state" else ():
            if count > 1:
                events = (first[record], seq)
                return Verdict(name, "violated", f"Record {record} took effect {count} times.",
                               time, events)  # fmt: skip
            first.setdefault(record, seq)
    return Verdict(name, "ok", f"Each of {len(first)} records took effect once.")


#: What fences: (offset commits, the sink).
VARIANTS = {
    "correct": (True, True),
    "no fencing": (False, False),
    "fences commits only": (True, False),
}


def zombie(variant: str = "correct", faults: tuple[Fault, ...] | None = None) -> Scenario:
    """Return two consumers; c1 stands still for 300 ms in the middle of a record."""
    commits, sink = VARIANTS[variant]
    nodes: dict[str, Any] = {
        "group": GroupCoordinator(fencing=commits),
        "sink": Sink(idempotent=sink),
        "c1": Consumer(),
        "c2": Consumer(start=10.0),
    }
    script = (Pause("c1", at=20, duration=300),) if faults is None else faults
    checks = (one_effect_a_record,)
    return Scenario("a zombie consumer", nodes, 1500, Network("lan"), script, checks)


def without_script(seed: int, variant: str) -> Scenario:
    """Return `zombie` for a hunt, which makes up the faults by itself."""
    return zombie(variant, faults=())


#: What ``python -m dsviz hunt`` looks through.
HUNTS = {name: partial(without_script, variant=name) for name in VARIANTS}
SCHEDULE = Schedule()
