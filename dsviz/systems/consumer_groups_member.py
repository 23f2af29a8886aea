"""A member of a consumer group: polls, works, commits, and sends heartbeats beside that.

See `dsviz.systems.consumer_groups` for the group and for what its protocols are.
"""

from __future__ import annotations

from dsviz.sim.node import Node
from dsviz.trace import Message


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
