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
        came = int((self.now + self.every / 2) // self.every) if self.every else 0
        return self.backlog + came

    def on_fetch(self, msg: Message) -> None:
        """Give at most `most` records, fairly shared: (partition, first offset, count) each."""
        room, found = msg.most, []
        waiting = sorted(
            (self.end() - offset, partition, offset) for partition, offset in msg.positions
        )
        for place, (lag, partition, offset) in enumerate(waiting):
            count = min(max(0, lag), -(-room // (len(waiting) - place)))
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

    shows = ("generation", "offsets")

    def on_start(self) -> None:
        self.generation = self.disk.read("generation", default=0)
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


class Member(Node):
    """A consumer: polls, works record by record, commits behind what it has finished."""

    most = 50  # records of one poll (max.poll.records)
    work = 5.0  # ms a record
    heartbeat = 3000.0  # ms
    session = 10_000.0  # ms; who was silent for longer asks before it reads on
    poll_interval = 300_000.0  # ms in which it must poll again (max.poll.interval.ms)
    commit_every = 5000.0  # ms
    finish = 1000.0  # ms to put its state in order before it gives partitions back
    static = False
    starts = 0.0  # ms
    fetch_every = 100.0  # ms between two polls while there is nothing to read

    shows = ("generation", "owns")

    def on_start(self) -> None:
        self.generation = 0
        self.positions: dict[str, int] = {}  # behind the last poll that is finished
        self.buffer: list[tuple[str, int]] = []
        self.reached: dict[str, int] = {}  # where the poll under way ends
        self.waiting, self.leaving = False, True  # not in the group yet
        self.asked = self.now  # when it last asked to join
        self.ending = False  # finishes its buffer, and then gives everything back
        self.heard = self.now  # when it last sent a heartbeat
        self.turn = 0  # which poll is under way: what comes late of an earlier one is dropped
        self.set_timer("begin", max(0.0, self.starts - self.now))
        self.set_timer("heartbeat", self.heartbeat - self.now % self.heartbeat)
        self.set_timer("commit", self.commit_every - self.now % self.commit_every)

    @property
    def owns(self) -> str:
        """Its partitions, as numbers."""
        return " ".join(partition.split("-")[1] for partition in self.positions)

    def on_timer_begin(self) -> None:
        self.leaving = False
        self.join()

    def join(self) -> None:
        self.waiting, self.asked = True, self.now
        self.send("coord", "join", static=self.static)

    def on_assign(self, msg: Message) -> None:
        """Take over a share. Unless the protocol is eager, what stays goes on undisturbed."""
        if self.leaving:
            return
        self.generation, self.heard = msg.generation, self.now
        if self.waiting:
            self.waiting = False
            self.positions = dict(msg.offsets)
            self.poll()
            return
        lost = [partition for partition in self.positions if partition not in msg.offsets]
        if lost:
            self.give_back(lost)
        new = {p: offset for p, offset in msg.offsets.items() if p not in self.positions}
        if new:
            self.set_timer("taken", self.finish, offsets=tuple(new.items()))

    def give_back(self, lost: list[str]) -> None:
        """Commit what is finished of some partitions, and let them go."""
        done = tuple((partition, self.positions.pop(partition)) for partition in lost)
        self.buffer = [item for item in self.buffer if item[0] not in lost]
        if not self.buffer and self.reached:  # all that it had in hand
            self.cancel_timer("work")
            self.reached = {}
            self.poll_later()
        self.send("coord", "commit", generation=self.generation, positions=done)
        self.send("coord", "revoked", partitions=tuple(lost))

    def on_timer_taken(self, offsets: tuple[tuple[str, int], ...]) -> None:
        """The state of new partitions is in order: begin to read them."""
        idle = not self.positions
        self.positions |= dict(offsets)
        if idle:
            self.poll()

    def on_rebalance(self, msg: Message) -> None:
        """Finish what it has in hand, commit, put things in order, and join anew."""
        if self.ending or self.waiting:
            return
        self.ending = True
        self.set_timer("finished", self.finish if self.positions else 0.0)
        if not self.buffer:
            self.stop()

    def on_timer_finished(self) -> None:
        if self.ending:
            self.stop()  # it could not finish in time: others will do the rest again
        self.join()

    def on_unknown(self, msg: Message) -> None:
        """The group has gone on without this member: whatever it holds belongs to others now."""
        if not self.waiting and not self.leaving:
            self.stop(commit=False)
            self.join()

    def stop(self, commit: bool = True) -> None:
        if commit:
            self.commit()
        self.cancel_timer("work")
        self.cancel_timer("poll")
        self.cancel_timer("late")
        self.positions, self.buffer, self.reached = {}, [], {}
        self.waiting, self.ending = True, False
        self.asked = self.now
        self.turn += 1

    # Work

    def poll(self) -> None:
        """Ask for more."""
        if not self.positions:
            return
        if self.now - self.heard > self.session:
            self.poll_later()  # it may have been evicted: the next heartbeat will tell
            return
        self.turn += 1
        self.set_timer("late", self.poll_interval)
        positions = tuple(self.positions.items())
        self.send("b", "fetch", positions=positions, most=self.most, turn=self.turn)

    def poll_later(self) -> None:
        """Look again shortly before the next records come."""
        self.set_timer("poll", self.fetch_every - (self.now + 5.0) % self.fetch_every)

    def on_timer_poll(self) -> None:
        self.poll()

    def on_records(self, msg: Message) -> None:
        if msg.turn != self.turn or self.ending:
            return
        for partition, first, count in msg.found:
            if partition in self.positions:
                self.buffer += [(partition, first + n) for n in range(count)]
                self.reached[partition] = first + count
        if not self.buffer:
            self.poll_later()
            return
        self.log(f"polled {len(self.buffer)}")
        self.set_timer("work", self.work)

    def on_timer_work(self) -> None:
        partition, offset = self.buffer.pop(0)
        self.send("db", "effect", partition=partition, offset=offset, generation=self.generation)
        if self.buffer:
            self.set_timer("work", self.work)
            return
        self.positions |= {p: o for p, o in self.reached.items() if p in self.positions}
        self.reached = {}
        if self.ending:
            self.stop()
        elif self.leaving:
            self.on_timer_begin()  # it has found time to poll, and finds itself outside
        else:
            self.poll()

    def on_timer_late(self) -> None:
        """The application has not polled for too long: the client leaves the group for it."""
        self.log("does not poll: leaves")
        self.send("coord", "leave")
        self.leaving = True
        self.positions, self.reached = {}, {}

    def on_timer_heartbeat(self) -> None:
        late = self.now % self.heartbeat
        self.set_timer("heartbeat", self.heartbeat - late)
        if self.waiting and not self.leaving and self.now - self.asked > self.session:
            self.join()  # the answer was lost, or the coordinator has forgotten the question
        if late < 1.0 and not self.waiting and not self.leaving:
            self.heard = self.now
            self.send("coord", "heartbeat", generation=self.generation)

    def on_timer_commit(self) -> None:
        self.set_timer("commit", self.commit_every - self.now % self.commit_every)
        self.commit()

    def commit(self) -> None:
        if self.positions and not self.leaving:
            positions = tuple(self.positions.items())
            self.send("coord", "commit", generation=self.generation, positions=positions)

    def on_stale(self, msg: Message) -> None:
        self.log(f"commit refused: generation {msg.generation}")

    def on_committed(self, msg: Message) -> None:
        pass

    # A planned restart

    def on_restart(self, msg: Message) -> None:
        """Go down in good order for `down` ms."""
        self.stop()
        self.leaving = True
        if not self.static:
            self.send("coord", "leave")
        self.set_timer("begin", msg.down)


class Operator(Node):
    """Restarts members one after the other: (ms, member) each."""

    plan: Sequence[tuple[float, str]] = ()
    down = 5000.0

    def on_start(self) -> None:
        for at, member in self.plan:
            self.set_timer("go", at, member=member)

    def on_timer_go(self, member: str) -> None:
        self.send(member, "restart", down=self.down)
