"""Small runs for the tests of pictures, with all that a picture can show."""

from __future__ import annotations

from dsviz.check.verdict import Verdict
from dsviz.sim.faults import (
    ClockSkew,
    Crash,
    Cut,
    Delay,
    Duplicate,
    Loss,
    Partition,
    Pause,
    PowerLoss,
    Restart,
)
from dsviz.sim.network import Network
from dsviz.sim.node import Client, Node, Op
from dsviz.sim.scenario import Scenario
from dsviz.trace import Trace


class Replica(Node):
    shows = ("versions",)

    def on_start(self):
        self.versions = self.disk.read("versions", default={})

    def on_store(self, msg):
        self.versions[msg.key] = msg.version
        self.disk.write("versions", self.versions)
        self.disk.sync()
        self.reply(msg, "stored", version=msg.version)

    def on_poison(self, msg):
        raise KeyError("poison")


class Coordinator(Node):
    def on_start(self):
        self.requests = {}

    def on_write(self, msg):
        self.requests[msg.value] = msg
        self.broadcast(("r1", "r2"), "store", key=msg.key, version=msg.value)

    def on_stored(self, msg):
        request = self.requests.pop(msg.version, None)
        if request is not None:
            self.reply(request, "ok")

    def on_hurt(self, msg):
        self.send("r2", "poison")


FAULTS = (
    PowerLoss("r1", at=120.5),
    Restart("r1", at=200),
    Pause("r2", at=215, duration=50),
    Partition(("r1",), at=300, duration=60),
    Cut("k", "r2", at=310, duration=40),
    Loss(0.5, "k", "r1", at=400),
    Duplicate(1.0, "r2", "k", at=400),
    Delay(7, at=400),
    ClockSkew("r2", 25, at=410),
    Crash("r1", at=460),
)


def everything(faults=FAULTS, checks=(), hurt=True) -> Scenario:
    """A scenario with every fault, an error in a handler, and answered and lost operations."""
    writes = [Op("write", "x", i, "k", at=100.0 * i) for i in range(5)]
    if hurt:
        writes.append(Op("hurt", "x", None, "k", at=480))
    client = Client(operations=tuple(writes), timeout=80)
    nodes = {"A": client, "k": Coordinator(), "r1": Replica, "r2": Replica}
    return Scenario("everything", nodes, 560, Network("exact"), faults, checks)


def all_answered(trace: Trace) -> Verdict:
    """A check that is violated when an operation has no answer."""
    for event in trace.select("info"):
        sentence = f"{event.node} has no answer to operation {event.data['op']}"
        operations = (event.data["op"],)
        return Verdict("all answered", "violated", sentence, event.time, (event.seq,), operations)
    return Verdict("all answered", "ok", "every operation was answered")


class Peer(Node):
    role = "replica"
    shows = ("count",)

    def on_start(self):
        self.count = 0
        self.set_timer("gossip", 5)

    def on_timer_gossip(self):
        self.broadcast(self.peers, "gossip", version=self.count, value="text of some length")
        self.set_timer("gossip", 5)

    def on_gossip(self, msg):
        self.count += 1


def gossip(nodes: int, duration: float) -> Scenario:
    """Equal peers that send to all others every 5 ms."""
    return Scenario("gossip", {f"n{i}": Peer for i in range(nodes)}, duration, Network("lan"))
