"""Consumer groups: a coordinator that gives each topic partition to one member per generation.

As in Kafka's classic protocol (KIP-62): members send heartbeats from a thread of their own, and
must ask for more records often enough. Who is silent for a session is evicted; then everybody joins
anew, and a new *generation* begins with a new assignment. In the eager protocol all members first
give back everything they have; in the cooperative one (KIP-429) only what moves. In the next one
(KIP-848) nobody joins anew: each member learns what it has to give and to take from the answer to
its own next heartbeat.

What makes it weaker or stronger is an option: of `Coordinator` (who may commit, how partitions are
given out), of `Member` (how much it takes at once, how often it commits), of `Sink`.
"""

from __future__ import annotations

from collections.abc import Sequence

from dsviz.sim.node import Node
from dsviz.systems.consumer_groups_assignors import assign
from dsviz.trace import Message

TOPIC = "orders"


class Broker(Node):
    """A topic whose partitions get a record each `every` ms; `backlog` of them are there at first.

    Records are not kept one by one: how many there are follows from the time.
    """

    partitions = 12
    every = 100.0  # ms between two records of a partition; 0: none come
    backlog = 0

    def on_start(self) -> None:
        self.began = 0.0

    def end(self) -> int:
        """Return the offset behind the last record of a partition."""
        return self.end_at(self.now)

    def end_at(self, now: float) -> int:
        """Return the same for another time in ms: judges and charts ask for it after the run."""
        came = int((now + self.every / 2) // self.every) if self.every else 0
        return self.backlog + came

    def on_fetch(self, msg: Message) -> None:
        """Give at most `most` records, fairly shared: (partition, first offset, count) each."""
        room, found = msg.most, []
        waiting = sorted(
            (self.end() - offset, partition, offset) for partition, offset in msg.positions
        )
        for place, (lag, partition, offset) in enumerate(waiting):
            count = min(max(0, lag), room // (len(waiting) - place))
            if count:
                found.append((partition, offset, count))
                room -= count
        self.reply(msg, "records", found=tuple(found), turn=msg.turn)


class Sink(Node):
    """Where effects go. With `fenced`, it refuses those of a generation older than it has seen."""

    fenced = False
    shows = ("applied", "refused")

    def on_start(self) -> None:
        self.applied = self.refused = 0
        self.newest: dict[str, int] = {}  # partition -> generation

    def on_effect(self, msg: Message) -> None:
        if msg.generation < self.newest.get(msg.partition, 0) and self.fenced:
            self.refused += 1
            return
        self.newest[msg.partition] = max(self.newest.get(msg.partition, 0), msg.generation)
        self.applied += 1


class Coordinator(Node):
    """Knows the members of one group, their generation and their offsets, both durable."""

    partitions = 12
    assignor = "range"  # or "roundrobin", "sticky"
    protocol = "eager"  # or "cooperative", "next"
    session = 10_000.0  # ms of silence after which a member is evicted
    initial_delay = 1000.0  # ms that an empty group waits for more members
    check_generation = True  # an offset commit of an older generation is refused
    remembers = True  # the generation survives a restart

    shows = ("generation", "offsets")

    def on_start(self) -> None:
        self.generation = self.disk.read("generation", default=0) if self.remembers else 0
        self.offsets: dict[str, int] = self.disk.read("offsets", default={})
        self.members: list[str] = []
        self.static: dict[str, bool] = {}
        self.owned: dict[str, list[str]] = {}  # who has what, by the assignment
        self.joined: set[str] = set()
        self.target: dict[str, list[str]] = {}  # what is aimed at, unless the protocol is eager
        self.told: dict[str, int] = {}  # the generation that each member was told last
        self.news: set[str] = set()  # who must be told at its next heartbeat
        self.preparing = self.gathering = False

    # Members come, stay and go

    def on_join(self, msg: Message) -> None:
        if msg.src in self.members and self.static.get(msg.src) and not self.preparing:
            self.alive(msg.src)
            self.tell(msg.src)  # known under its instance id: no rebalance
            return
        first = not self.members
        if msg.src not in self.members:
            self.members.append(msg.src)
        self.static[msg.src] = msg.static
        self.alive(msg.src)
        self.joined.add(msg.src)
        if first:
            self.preparing = self.gathering = True
            self.set_timer("initial", self.initial_delay)
        elif self.preparing:
            self.complete_if_all_joined()
        else:
            self.rebalance()
            if self.protocol == "next":
                self.tell(msg.src)  # its first heartbeat, so to speak

    def on_timer_initial(self) -> None:
        self.gathering = False
        self.complete_if_all_joined()

    def on_heartbeat(self, msg: Message) -> None:
        if not self.knows(msg):
            self.reply(msg, "unknown", generation=self.generation)
            return
        self.alive(msg.src)
        if self.preparing and msg.src not in self.joined:
            self.reply(msg, "rebalance", generation=self.generation)  # in case the first was lost
        elif msg.src in self.news:
            self.tell(msg.src)

    def knows(self, msg: Message) -> bool:
        """Is the sender a member, and of the generation that it was told last?"""
        return msg.src in self.members and msg.generation == self.told.get(msg.src)

    def on_leave(self, msg: Message) -> None:
        self.remove(msg.src)

    def on_timer_session(self, member: str) -> None:
        self.log(f"evicts {member}")
        self.remove(member)

    def alive(self, member: str) -> None:
        self.set_timer("session", self.session, member=member)

    def remove(self, member: str) -> None:
        if member not in self.members:
            return
        self.members.remove(member)
        self.joined.discard(member)
        self.cancel_timer("session", member=member)
        if self.preparing:
            self.complete_if_all_joined()
        elif self.members:
            self.owned.pop(member, None)
            self.rebalance()
        else:
            self.owned = {}

    # Rebalances

    def rebalance(self) -> None:
        """Begin a new generation. Eager: first everybody gives back everything and joins anew."""
        if self.protocol != "eager":
            self.cooperate()
            return
        self.preparing = True
        others = [member for member in self.members if member not in self.joined]
        self.broadcast(others, "rebalance", generation=self.generation)
        self.complete_if_all_joined()

    def complete_if_all_joined(self) -> None:
        all_there = self.joined >= set(self.members)
        if self.preparing and not self.gathering and self.members and all_there:
            self.complete()

    def complete(self) -> None:
        """The barrier is over: everybody who joined gets its share."""
        self.preparing, self.joined = False, set()
        self.begin_generation()
        before = self.owned if self.assignor == "sticky" else None
        self.owned = assign(self.assignor, self.members, {TOPIC: self.partitions}, before)
        for member in self.members:
            self.tell(member)

    def cooperate(self) -> None:
        """Give what is free at once; what another member has, when that one has given it back."""
        self.joined = set()
        self.begin_generation()
        before = {member: self.owned.get(member, []) for member in self.members}
        self.target = assign("sticky", self.members, {TOPIC: self.partitions}, before)
        held = {p: member for member, mine in before.items() for p in mine}
        self.owned = {
            m: [p for p in mine if held.get(p, m) == m] for m, mine in self.target.items()
        }
        for member in self.members:
            self.announce(member)  # those who miss something in it give it back

    def on_revoked(self, msg: Message) -> None:
        """An old owner has given back: now the new one may begin."""
        for member, mine in self.target.items():
            freed = [p for p in mine if p in msg.partitions and p not in self.owned[member]]
            if freed:
                self.owned[member] += freed
                self.announce(member)

    def announce(self, member: str) -> None:
        if self.protocol == "next":
            self.news.add(member)
        else:
            self.tell(member)

    def begin_generation(self) -> None:
        self.generation += 1
        self.disk.write("generation", self.generation)
        self.disk.sync()

    def tell(self, member: str) -> None:
        self.told[member] = self.generation
        self.news.discard(member)
        mine = {p: self.offsets.get(p, 0) for p in self.owned.get(member, [])}
        self.send(member, "assign", generation=self.generation, offsets=mine)

    # Offsets

    def on_commit(self, msg: Message) -> None:
        """Keep positions, unless they come from a generation that is over."""
        if self.check_generation and not self.knows(msg):
            self.reply(msg, "stale", generation=self.generation)
            return
        for partition, offset in msg.positions:
            before = self.offsets.get(partition, 0)
            if offset < before:
                self.log(f"{msg.src} moves {partition} back from {before} to {offset}")
            self.offsets[partition] = offset
        self.disk.write("offsets", self.offsets)
        self.disk.sync()
        self.reply(msg, "committed", generation=msg.generation)


class Operator(Node):
    """Restarts members one after the other: (ms, member) each."""

    plan: Sequence[tuple[float, str]] = ()
    down = 5000.0

    def on_start(self) -> None:
        for at, member in self.plan:
            self.set_timer("go", at, member=member)

    def on_timer_go(self, member: str) -> None:
        self.send(member, "restart", down=self.down)
