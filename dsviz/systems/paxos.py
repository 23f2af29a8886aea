"""Paxos for one decision (Lamport, "Paxos Made Simple", 2001).

A proposer asks a majority to promise a ballot, adopts the value accepted under the highest ballot
it hears of, and asks a majority to accept. `Proposer.adopts` off is the classic bug: it insists on
its own value, and two values are chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from dsviz.check.chaos import Schedule
from dsviz.check.verdict import Verdict
from dsviz.sim.faults import Cut, Fault
from dsviz.sim.network import Network
from dsviz.sim.node import Node
from dsviz.sim.scenario import Scenario
from dsviz.trace import Message, Trace

Ballot = tuple[int, str]  # (round, proposer): unique, and compared in this order
NONE: Ballot = (0, "")


class Acceptor(Node):
    """Keeps the highest ballot it promised and what it accepted last, on disk before it answers."""

    shows = ("promised", "accepted")

    def on_start(self) -> None:
        promised, accepted = self.disk.read("state", default=(NONE, None))
        self.promised: Ballot = tuple(promised)
        self.accepted = accepted and (tuple(accepted[0]), accepted[1])

    def on_prepare(self, msg: Message) -> None:
        if msg.ballot > self.promised:
            self.promised = msg.ballot
            self.save()
            self.reply(msg, "promise", ballot=msg.ballot, accepted=self.accepted)
        else:
            self.reply(msg, "refuse", ballot=msg.ballot, promised=self.promised)

    def on_accept(self, msg: Message) -> None:
        if msg.ballot >= self.promised:
            self.promised, self.accepted = msg.ballot, (msg.ballot, msg.value)
            self.save()
            self.reply(msg, "accepted", ballot=msg.ballot)
        else:
            self.reply(msg, "refuse", ballot=msg.ballot, promised=self.promised)

    def save(self) -> None:
        self.disk.write("state", (self.promised, self.accepted))
        self.disk.sync()


class Proposer(Node):
    """Wants its own value, and settles for the one that may have been chosen already."""

    acceptors: tuple[str, ...] = ("a1", "a2", "a3")
    value: Any = None
    start = 0.0  # ms
    patience = 100.0  # ms for a ballot; up to twice that, so that two do not interrupt for ever
    adopts = True

    shows = ("ballot", "chosen")

    def on_start(self) -> None:
        self.round = self.disk.read("round", default=0)
        self.ballot, self.chosen = NONE, None
        self.set_timer("try", self.start)

    def on_timer_try(self, seen: int = 0) -> None:
        self.round = max(self.round, seen) + 1
        self.disk.write("round", self.round)  # a ballot is never used twice
        self.disk.sync()
        self.ballot = (self.round, self.name)
        self.promises: dict[str, Any] = {}
        self.votes: set[str] = set()
        self.broadcast(self.acceptors, "prepare", ballot=self.ballot)
        self.set_timer("try", self.random.uniform(self.patience, 2 * self.patience))

    def on_promise(self, msg: Message) -> None:
        if msg.ballot != self.ballot or self.chosen is not None or self.majority(self.promises):
            return
        self.promises[msg.src] = msg.accepted
        if self.majority(self.promises):
            accepted = [a for a in self.promises.values() if a]
            adopted = max(accepted)[1] if accepted and self.adopts else self.value
            self.proposed = adopted
            self.broadcast(self.acceptors, "accept", ballot=self.ballot, value=adopted)

    def on_accepted(self, msg: Message) -> None:
        if msg.ballot != self.ballot or self.chosen is not None:
            return
        self.votes.add(msg.src)
        if self.majority(self.votes):
            self.chosen = self.proposed
            self.cancel_timer("try")

    def on_refuse(self, msg: Message) -> None:
        self.round = max(self.round, msg.promised[0])

    def majority(self, some: Any) -> bool:
        return 2 * len(some) > len(self.acceptors)


class Stubborn(Proposer):
    """Does not adopt the value that an acceptor tells it of."""

    adopts = False


VARIANTS: dict[str, type[Proposer]] = {"correct": Proposer, "does not adopt": Stubborn}


@dataclass(frozen=True)
class OneValue:
    """Judge: at most one value is ever chosen, however many nodes learn of it."""

    name: str = "one value is chosen"
    attribute: str = "chosen"

    def __call__(self, trace: Trace) -> Verdict:
        first: tuple[str, Any, int] | None = None
        for time, seq, what, node, _, data, _, _ in trace.rows:
            value = data.get(self.attribute) if what == "state" else None
            if value is None:
                continue
            first = first or (node, value, seq)
            if value != first[1]:
                sentence = f"{first[0]} learned that {first[1]} is chosen, and {node} {value}."
                return Verdict(self.name, "violated", sentence, time, (first[2], seq))
        said = "No value was chosen." if first is None else f"Only {first[1]} was chosen."
        return Verdict(self.name, "ok", said)


one_value = OneValue()


def duel(
    variant: str = "correct", faults: tuple[Fault, ...] | None = None, **options: Any
) -> Scenario:
    """Return two proposers, p2 20 ms after p1. p1's value reaches a1 and a2; p2 hears a2 and a3."""
    make = VARIANTS[variant]
    nodes: dict[str, Any] = {f"a{i}": Acceptor() for i in (1, 2, 3)}
    nodes |= {"p1": make(value="red", **options), "p2": make(value="blue", start=20.0, **options)}
    script = (Cut("p1", "a3", at=0, duration=300), Cut("p2", "a1", at=0, duration=300))
    return Scenario("paxos duel", nodes, 1000, Network("lan"), script if faults is None else faults,
                    (one_value,))  # fmt: skip


def without_script(seed: int, variant: str) -> Scenario:
    """Return `duel` for a hunt, which makes up the faults by itself."""
    return duel(variant, faults=())


#: What ``python -m dsviz hunt`` looks through.
HUNTS = {name: partial(without_script, variant=name) for name in VARIANTS}
SCHEDULE = Schedule(count=(1, 6))
