# misconception: A later message says what is newer.
# expect: safety
# message: One commit may overtake another
# min_kill: 1.0

# %% assign
def sticky_assign(previous, members, partitions):
    """Return {member: set of partitions}; previous, in the same form, is what they had."""
    known = set(partitions)
    holds = {member: known & previous.get(member, set()) for member in members}
    richest = sorted(members, key=lambda member: (-len(holds[member]), member))
    least, more = divmod(len(partitions), len(members)) if members else (0, 0)
    found = {}
    for place, member in enumerate(richest):
        share = least + (place < more)  # who has most may keep one more
        found[member] = set(sorted(holds[member])[:share])
    free = sorted(known.difference(*found.values()))
    for place, member in enumerate(richest):
        lacks = least + (place < more) - len(found[member])
        found[member].update(free[:lacks])
        free = free[lacks:]
    return found


class Assignor(Node):
    """Puts the questions of the check below to your function."""

    def on_assign(self, msg):
        previous, members, partitions = msg.value
        previous = {member: set(mine) for member, mine in previous.items()}
        found = sticky_assign(previous, list(members), list(partitions))
        self.reply(msg, "ok", value={member: sorted(mine) for member, mine in found.items()})


# %% coordinator
class GroupCoordinator(Node):
    """Gives each partition to one member in each generation, and keeps the offsets."""

    partitions = 12  # their number: 0, 1, 2, …; set for you
    role = "coordinator"
    shows = ("generation",)  # what the picture writes beside the node

    def on_start(self):
        self.generation, self.offsets = self.disk.read("group", default=(0, {}))
        self.owned = {}  # member -> partitions that it may be working on
        self.target = {}  # member -> partitions that it will have in the next generation

    def on_join(self, msg):
        """A member has just started, or starts anew: it holds nothing."""
        self.owned[msg.src] = set()
        self.set_timer("session", SESSION, member=msg.src)
        self.rebalance()

    def on_heartbeat(self, msg):
        """A member lives; msg.generation is the newest that it has heard of."""
        if msg.src not in self.owned:
            self.reply(msg, "unknown")
            return
        self.set_timer("session", SESSION, member=msg.src)
        if msg.generation != self.generation:
            self.tell(msg.src)  # it has missed something
        self.ask(msg.src)

    def on_leave(self, msg):
        self.remove(msg.src)

    def on_timer_session(self, member):
        self.remove(member)

    def remove(self, member):
        if member in self.owned:
            del self.owned[member]
            self.cancel_timer("session", member=member)
            self.rebalance()

    def rebalance(self):
        """Ask for the partitions that move; the others go on."""
        self.target = sticky_assign(self.owned, sorted(self.owned), list(range(self.partitions)))
        for member in self.owned:
            self.ask(member)
        self.complete_if_given_back()

    def moving(self, member):
        return sorted(self.owned[member] - self.target[member])

    def ask(self, member):
        moving = self.moving(member)
        if moving:
            self.send(member, "revoke", generation=self.generation, partitions=moving)

    def on_revoked(self, msg):
        """A member has given msg.partitions back, as asked in msg.generation."""
        if msg.generation == self.generation and msg.src in self.owned:
            self.owned[msg.src] -= set(msg.partitions)
            self.complete_if_given_back()

    def complete_if_given_back(self):
        """The barrier: when nobody holds what is to move, a new generation begins."""
        if any(self.moving(member) for member in self.owned):
            return
        self.generation += 1
        self.owned = self.target
        self.save()
        for member in self.owned:
            self.tell(member)

    def tell(self, member):
        offsets = {p: self.offsets.get(p, 0) for p in sorted(self.owned[member])}
        self.send(member, "assign", generation=self.generation, offsets=offsets)

    def save(self):
        self.disk.write("group", (self.generation, self.offsets))
        self.disk.sync()

    def on_commit(self, msg):
        """Keep msg.offset as where to go on with msg.partition, and answer when it is durable."""
        if msg.src not in self.owned or msg.generation != self.generation:
            status = "stale_generation"
        elif msg.partition not in self.owned[msg.src]:
            status = "not_owner"
        else:
            status = "ok"
            self.offsets[msg.partition] = msg.offset
            self.save()
        self.reply(msg, "committed", status=status)


# %% member
class Member(Consumer):
    """Works on the partitions that it is given, and gives back what it is asked for."""

    def on_assign(self, msg):
        """Its share in msg.generation. msg.offsets: {partition: where to begin}."""
        if msg.generation > self.generation:
            self.generation = msg.generation
            self.positions = {p: self.positions.get(p, o) for p, o in msg.offsets.items()}
            self.drop()

    def drop(self):
        """Forget the records of partitions that it does not hold."""
        self.buffer = [record for record in self.buffer if record[0] in self.positions]

    def on_revoke(self, msg):
        """Asked in msg.generation to give back msg.partitions."""
        if msg.generation == self.generation:
            mine = [p for p in msg.partitions if p in self.positions]
            self.commit({p: self.positions.pop(p) for p in mine})
            self.drop()
            self.send("coord", "revoked", generation=msg.generation, partitions=msg.partitions)

    def on_unknown(self, msg):
        """The group has gone on without it: it holds nothing, and joins anew."""
        self.positions, self.buffer = {}, []
        self.send("coord", "join")

    def on_records(self, msg):
        """The broker's answer. msg.found: (partition, first offset, count) for each partition."""
        if self.buffer:
            return  # an answer that came twice
        for partition, first, count in msg.found:
            if self.positions.get(partition) == first:
                self.buffer += [(partition, first + n) for n in range(count)]
        if self.buffer:
            self.set_timer("work", WORK)

    def on_timer_work(self):
        """Work on one record: send its effect to db."""
        if not self.buffer:
            return
        partition, offset = self.buffer.pop(0)
        self.send("db", "effect", partition=partition, offset=offset, generation=self.generation)
        self.positions[partition] = offset + 1
        self.set_timer("work", WORK)

    def commit(self, positions):
        """Commit {partition: offset of the next record to work on}."""
        for p, o in positions.items():
            self.send("coord", "commit", generation=self.generation, partition=p, offset=o)


# %% numbers
NUMBERS = {
    "cooperative, partition-seconds": 24,
    "static ids break even, s": 1,
}
