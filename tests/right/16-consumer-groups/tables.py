# A table of partitions instead of sets of members; one timer that looks after sessions; a log on
# disk, and commits that share its syncs; a member that finishes what it has in hand before it
# gives back.

# %% assign
def sticky_assign(previous, members, partitions):
    """Return {member: set of partitions}; previous, in the same form, is what they had."""
    hands = {member: [p for p in partitions if p in previous.get(member, ())] for member in members}

    def poorest():
        return min(hands, key=lambda member: (len(hands[member]), member))

    def richest():
        return max(hands, key=lambda member: (len(hands[member]), member))

    if hands:
        held = {p for hand in hands.values() for p in hand}
        for p in partitions:
            if p not in held:
                hands[poorest()].append(p)
        while len(hands[richest()]) - len(hands[poorest()]) > 1:
            hands[poorest()].append(hands[richest()].pop())
    return {member: set(hand) for member, hand in hands.items()}


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

    partitions = 12
    shows = ("generation",)

    def on_start(self):
        self.generation, self.offsets = 0, {}
        for what, value in self.disk.read("log", default=[]):
            if what == "generation":
                self.generation = value
            else:
                self.offsets[what] = max(value, self.offsets.get(what, 0))
        self.owner = dict.fromkeys(range(self.partitions))  # partition -> member
        self.plan = {}
        self.owed = {}  # partition -> who has to give it back first
        self.seen = {}  # member -> when it was heard of
        self.unanswered, self.boarded = [], 0
        self.set_timer("look", 100)

    def on_timer_look(self):
        for member, at in list(self.seen.items()):
            if self.now - at >= SESSION:
                self.on_gone(member)
        self.set_timer("look", 100)

    def on_join(self, msg):
        self.seen[msg.src] = self.now
        self.release(msg.src)
        self.deal()

    def on_leave(self, msg):
        if msg.src in self.seen:
            self.on_gone(msg.src)

    def on_gone(self, member):
        del self.seen[member]
        self.release(member)
        self.deal()

    def release(self, member):
        for p, owner in self.owner.items():
            if owner == member:
                self.owner[p] = None

    def mine(self, member):
        return [p for p, owner in self.owner.items() if owner == member]

    def deal(self):
        members = sorted(self.seen)
        before = {member: set(self.mine(member)) for member in members}
        plan = sticky_assign(before, members, list(self.owner))
        self.plan = {p: member for member, share in plan.items() for p in share}
        self.owed = {
            p: owner
            for p, owner in self.owner.items()
            if owner is not None and owner != self.plan.get(p)
        }
        for member in members:
            self.urge(member)
        self.begin()

    def urge(self, member):
        owes = tuple(p for p, owner in self.owed.items() if owner == member)
        if owes:
            self.send(member, "revoke", generation=self.generation, partitions=owes)

    def on_heartbeat(self, msg):
        if msg.src not in self.seen:
            self.reply(msg, "unknown")
            return
        self.seen[msg.src] = self.now
        if msg.generation < self.generation:
            self.announce(msg.src)
        self.urge(msg.src)

    def on_revoked(self, msg):
        if msg.generation != self.generation:
            return
        freed = [p for p in msg.partitions if self.owed.get(p) == msg.src]
        for p in freed:
            del self.owed[p]
            self.owner[p] = None
        if freed:
            self.begin()

    def begin(self):
        if self.owed or not self.seen:
            return
        self.owner = {p: self.plan[p] for p in self.owner}
        self.generation += 1
        self.disk.append("log", ("generation", self.generation))
        self.disk.sync("log")
        for member in self.seen:
            self.announce(member)

    def announce(self, member):
        begin = {p: self.offsets.get(p, 0) for p in self.mine(member)}
        self.send(member, "assign", generation=self.generation, offsets=begin)

    def on_commit(self, msg):
        if msg.generation != self.generation or msg.src not in self.seen:
            self.reply(msg, "committed", status="stale_generation")
        elif self.owner.get(msg.partition) != msg.src:
            self.reply(msg, "committed", status="not_owner")
        else:
            if msg.offset > self.offsets.get(msg.partition, 0):
                self.offsets[msg.partition] = msg.offset
                self.disk.append("log", (msg.partition, msg.offset))
            self.unanswered.append(msg)
            self.flush()

    def flush(self):
        if self.unanswered and not self.boarded:
            self.boarded = len(self.unanswered)
            self.disk.sync("log", then="kept")

    def on_disk_kept(self, result):
        for msg in self.unanswered[: self.boarded]:
            self.reply(msg, "committed", status="ok")
        self.unanswered, self.boarded = self.unanswered[self.boarded :], 0
        self.flush()


# %% member
class Member(Consumer):
    """Works on the partitions that it is given, and gives back what it is asked for."""

    def on_start(self):
        super().on_start()
        self.leaving = ()

    def on_assign(self, msg):
        if msg.generation <= self.generation:
            return
        self.generation, self.leaving = msg.generation, ()
        for p in list(self.positions):
            if p not in msg.offsets:
                del self.positions[p]
        for p, begin in msg.offsets.items():
            self.positions.setdefault(p, begin)
        self.buffer = [item for item in self.buffer if item[0] in self.positions]

    def on_revoke(self, msg):
        if msg.generation == self.generation:
            self.leaving = msg.partitions
            self.buffer.sort(key=lambda item: item[0] not in self.leaving)  # those first
            self.give_back_when_done()

    def give_back_when_done(self):
        if not self.leaving or any(p in self.leaving for p, _ in self.buffer):
            return
        self.commit({p: self.positions.pop(p) for p in self.leaving if p in self.positions})
        self.send("coord", "revoked", generation=self.generation, partitions=self.leaving)
        self.leaving = ()

    def on_unknown(self, msg):
        self.positions, self.buffer, self.leaving = {}, [], ()
        self.send("coord", "join")

    def on_records(self, msg):
        idle = not self.buffer
        for p, first, count in msg.found:
            held = p in self.positions and p not in self.leaving
            if idle and held and first == self.positions[p]:
                self.buffer += [(p, first + n) for n in range(count)]
        if idle and self.buffer:
            self.set_timer("work", WORK)

    def on_timer_work(self):
        if self.buffer:
            p, offset = self.buffer.pop(0)
            self.send("db", "effect", partition=p, offset=offset, generation=self.generation)
            self.positions[p] = offset + 1
            self.give_back_when_done()
            self.set_timer("work", WORK)

    def commit(self, positions):
        for p, offset in positions.items():
            self.send("coord", "commit", generation=self.generation, partition=p, offset=offset)


# %% numbers
NUMBERS = {"cooperative, partition-seconds": 24, "static ids break even, s": 1.0}
