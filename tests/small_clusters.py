"""Small clusters for the tests of the searches: two-phase commit, Paxos, and a few broken ones."""

from dsviz.sim.node import Client, Node, Op
from dsviz.sim.scenario import Scenario


class Participant(Node):
    """A resource manager of TLA+'s TwoPhase: it may give up until it has promised."""

    role = "rm"

    def on_start(self):
        self.state = "working"
        self.set_timer("prepare", 1)
        self.set_timer("abort", 1)

    def go(self, state):
        self.state = state
        self.cancel_timer("prepare")
        self.cancel_timer("abort")

    def on_timer_prepare(self):
        self.go("prepared")
        self.send("tm", "prepared")

    def on_timer_abort(self):
        self.go("aborted")

    def on_commit(self, msg):
        self.go("committed")

    def on_abort(self, msg):
        self.go("aborted")


class Coordinator(Node):
    """The transaction manager: commits when all have promised, or aborts before."""

    role = "tm"
    participants = ()
    needed = None  # how many promises; default: all

    def on_start(self):
        self.state = "init"
        self.prepared = set()
        self.set_timer("commit", 1)
        self.set_timer("abort", 1)

    def on_prepared(self, msg):
        if self.state == "init":
            self.prepared.add(msg.src)

    def end(self, state, kind):
        self.state = state
        self.cancel_timer("commit")
        self.cancel_timer("abort")
        self.broadcast(self.participants, kind)

    def on_timer_commit(self):
        if len(self.prepared) == (self.needed or len(self.participants)):
            self.end("committed", "commit")
        else:
            self.set_timer("commit", 1)

    def on_timer_abort(self):
        self.end("aborted", "abort")


def two_phase(count, needed=None):
    names = tuple(f"rm{number}" for number in range(count))
    nodes = {"tm": Coordinator(participants=names, needed=needed)}
    return Scenario("two-phase commit", nodes | dict.fromkeys(names, Participant()), 100)


#: How the published models see the network: messages are never taken away.
TWO_PHASE = {"timers": None, "duplicates": None}


def consistent(view):
    """no participant commits while another aborts"""
    states = {node.state for node in view.of_role("rm").values()}
    return not {"committed", "aborted"} <= states


class Paxos(Node):
    """Single-decree Paxos as in the examples of stateright (Rust), which counts its states."""

    def on_start(self):
        self.ballot, self.proposal, self.accepted = (0, ""), None, None
        self.prepares, self.accepts, self.decided = {}, set(), False

    def on_write(self, msg):
        if self.decided or self.proposal is not None:
            return
        self.proposal = (msg.src, msg.id, msg.value)
        self.ballot = (self.ballot[0] + 1, self.name)
        self.prepares, self.accepts = {self.name: self.accepted}, set()
        self.broadcast(self.peers, "prepare", ballot=self.ballot)

    def on_read(self, msg):
        if self.decided:
            self.reply(msg, "ok", value=self.accepted[1][2])

    def on_prepare(self, msg):
        if not self.decided and self.ballot < msg.ballot:
            self.ballot = msg.ballot
            self.send(msg.src, "prepared", ballot=msg.ballot, last=self.accepted)

    def on_prepared(self, msg):
        if self.decided or msg.ballot != self.ballot:
            return
        self.prepares[msg.src] = msg.last
        if len(self.prepares) == 2:
            self.adopt()
            self.accepted = (self.ballot, self.proposal)
            self.accepts.add(self.name)
            self.broadcast(self.peers, "accept", ballot=self.ballot, proposal=self.proposal)

    def adopt(self):
        """Propose what may have been chosen already."""
        promised = [last for last in self.prepares.values() if last is not None]
        if promised:
            self.proposal = max(promised)[1]

    def on_accept(self, msg):
        if not self.decided and self.ballot <= msg.ballot:
            self.ballot, self.accepted = msg.ballot, (msg.ballot, msg.proposal)
            self.send(msg.src, "accepted", ballot=msg.ballot)

    def on_accepted(self, msg):
        if self.decided or msg.ballot != self.ballot:
            return
        self.accepts.add(msg.src)
        if len(self.accepts) == 2:
            self.decided = True
            self.broadcast(self.peers, "decided", ballot=self.ballot, proposal=self.proposal)
            client, number, _ = self.proposal
            self._post(client, "ok", {}, number)

    def on_decided(self, msg):
        if not self.decided:
            self.ballot, self.accepted = msg.ballot, (msg.ballot, msg.proposal)
            self.decided = True


class Stubborn(Paxos):
    """Proposes its own value whatever the others have accepted."""

    def adopt(self):
        pass


def paxos(clients, server=Paxos):
    nodes = {f"s{number}": server() for number in range(3)}
    for number in range(clients):
        write = Op("write", "x", "ABC"[number], to=f"s{number % 3}")
        read = Op("read", "x", to=f"s{(number + 1) % 3}")
        nodes[f"c{number}"] = Client(operations=(write, read))
    return Scenario("paxos", nodes, 100)


class Keeper(Node):
    """Stores a number. Options make it forget."""

    syncs = "before"  # the answer, or "after" it, or "never"
    role = "keeper"

    def on_start(self):
        self.value = self.disk.read("value")

    def on_write(self, msg):
        self.value = msg.value
        self.disk.write("value", msg.value)
        if self.syncs == "before":
            self.disk.sync()
        self.reply(msg, "ok")
        if self.syncs == "after":
            self.disk.sync()

    def on_read(self, msg):
        self.reply(msg, "ok", value=self.value)


def keeper(**options):
    operations = (Op("write", "x", 1, to="k"), Op("read", "x", to="k"))
    nodes = {"k": Keeper(**options), "c": Client(operations=operations)}
    return Scenario("keeper", nodes, 100)


class Repeater(Node):
    """Sends the same word twice."""

    def on_start(self):
        for _ in range(2):
            self.send("b", "word")


class Counter(Node):
    """Counts the words it hears; with `fails` it cannot count to two."""

    fails = False

    def on_start(self):
        self.heard = 0

    def on_word(self, msg):
        self.heard += 1
        if self.fails and self.heard == 2:
            raise ValueError("two is too many")


def twins(**options):
    return Scenario("twins", {"a": Repeater(), "b": Counter(**options)}, 100)
