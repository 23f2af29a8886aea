"""The nodes of lab 16 that are not the learner's: they run in the judge.

`Partner` is a member that does what a member has to do, and works on nothing; `Script` is a
coordinator that says what it is told to say. So the learner's coordinator and the learner's member
are each judged beside somebody who makes no mistakes, or exactly one. Times are ms.
"""

from __future__ import annotations

from typing import Any

from dsviz.sim.node import Node
from dsviz.trace import Message

HEARTBEAT, SESSION = 1000.0, 4000.0  # as in _groups_given.py
COMMIT = 2500.0  # of partners
NEVER = 1e9


class Partner(Node):
    """A member that follows the protocol. Its positions advance by themselves."""

    role = "member"
    shows = ("generation", "holds")

    starts = 0.0  # when it joins; `NEVER`: when it is told to
    gives_back = 0.0  # how long it takes to give back what it is asked for
    greedy = False  # it also commits what it has given back long ago
    commits = True

    def on_start(self) -> None:
        self.generation = 0
        self.positions: dict[int, int] = {}
        self.former: dict[int, int] = {}  # what it has had, and where it was
        if self.starts < NEVER:
            self.set_timer("begin", max(0.0, self.starts - self.now))

    @property
    def holds(self) -> str:
        return " ".join(f"p{p}" for p in sorted(self.positions))

    def on_timer_begin(self) -> None:
        self.send("coord", "join")
        self.set_timer("heartbeat", HEARTBEAT)
        self.set_timer("commit", COMMIT)

    def on_timer_heartbeat(self) -> None:
        self.send("coord", "heartbeat", generation=self.generation)
        self.set_timer("heartbeat", HEARTBEAT)

    def on_timer_commit(self) -> None:
        self.positions = {p: offset + 10 for p, offset in self.positions.items()}
        self.commit(self.positions)
        if self.greedy:
            self.former = {p: offset + 10 for p, offset in self.former.items()}
            self.commit({p: o for p, o in self.former.items() if p not in self.positions})
        self.set_timer("commit", COMMIT)

    def commit(self, positions: dict[int, int]) -> None:
        for p, offset in positions.items() if self.commits else ():
            self.send("coord", "commit", generation=self.generation, partition=p, offset=offset)

    def on_assign(self, msg: Message) -> None:
        if msg.generation > self.generation:
            self.generation = msg.generation
            self.positions = {p: self.positions.get(p, o) for p, o in msg.offsets.items()}

    def on_revoke(self, msg: Message) -> None:
        if msg.generation == self.generation:
            asked = {"generation": msg.generation, "partitions": tuple(msg.partitions)}
            self.set_timer("give_back", self.gives_back, **asked)

    def on_timer_give_back(self, generation: int, partitions: tuple[int, ...]) -> None:
        if generation != self.generation:
            return
        given = {p: self.positions.pop(p) + 5 for p in partitions if p in self.positions}
        self.former |= given
        self.commit(given)
        self.send("coord", "revoked", generation=generation, partitions=partitions)

    def on_unknown(self, msg: Message) -> None:
        self.positions = {}
        self.send("coord", "join")

    def on_committed(self, msg: Message) -> None:
        pass

    # What an operator asks for

    def on_go(self, msg: Message) -> None:
        """Leave the group in good order."""
        self.commit(self.positions)
        self.send("coord", "leave")
        self.positions = {}
        self.cancel_timer("heartbeat")
        self.cancel_timer("commit")
        self.cancel_timer("give_back")
        self.reply(msg, "ok")

    def on_come(self, msg: Message) -> None:
        """Join the group."""
        self.on_timer_begin()
        self.reply(msg, "ok")


class Script(Node):
    """A coordinator that only says what is written in its `plan`: (ms, kind, fields) to c1."""

    role = "coordinator"
    plan: tuple[tuple[float, str, dict[str, Any]], ...] = ()
    shows = ("said",)

    def on_start(self) -> None:
        self.said = ""
        for number, (at, _, _) in enumerate(self.plan):
            self.set_timer("say", at, number=number)

    def on_timer_say(self, number: int) -> None:
        _, kind, fields = self.plan[number]
        self.said = kind
        self.send("c1", kind, **fields)

    def on_commit(self, msg: Message) -> None:
        self.reply(msg, "committed", status="ok")

    def on_join(self, msg: Message) -> None:
        pass

    def on_heartbeat(self, msg: Message) -> None:
        pass

    def on_revoked(self, msg: Message) -> None:
        pass

    def on_leave(self, msg: Message) -> None:
        pass


class Topic(Node):
    """A broker: each partition gets a record each `every` ms until `until`, and has `backlog`."""

    role = "broker"
    every = 500.0
    until = NEVER
    backlog = 0
    most = 6  # records of one partition in one answer

    def on_fetch(self, msg: Message) -> None:
        found = []
        for partition, offset in msg.positions.items():
            count = min(self.most, self.end(self.now) - offset)
            if count > 0:
                found.append((partition, offset, count))
        self.reply(msg, "records", found=tuple(found))

    def end(self, now: float) -> int:
        """Return the offset behind the last record at a moment."""
        return self.backlog + int(min(now, self.until) // self.every)


class Effects(Node):
    """Where effects go."""

    role = "sink"
    shows = ("applied",)

    def on_start(self) -> None:
        self.applied = 0

    def on_effect(self, msg: Message) -> None:
        self.applied += 1
