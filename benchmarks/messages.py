"""The message workload, on our side: tokens that wander about a cluster.

Five nodes, four tokens each at first. A node counts a token that arrives and sends it on to
another node, which is drawn at random; it takes 0.5 to 1.5 ms. A delivery is the unit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from dsviz.sim.faults import Crash, Delay, Restart
from dsviz.sim.latency import Uniform
from dsviz.sim.network import Network
from dsviz.sim.node import Node
from dsviz.sim.scenario import Scenario
from dsviz.trace import Message, Trace

NODES = 5
TOKENS = 20  # always under way
LATENCY = Uniform(0.5, 1.5)


class Wanderer(Node):
    """Counts each token and sends it on to another node."""

    tokens = 4

    def on_start(self) -> None:
        self.count = 0
        self.others = self.peers
        self.many = len(self.others)
        self.draw = self.random.random
        for _ in range(self.tokens):
            self.send(self.others[int(self.draw() * self.many)], "token", hops=0)

    def on_token(self, msg: Message) -> None:
        self.count += 1
        self.send(self.others[int(self.draw() * self.many)], "token", hops=msg.hops + 1)


def length(deliveries: int, tokens: int = TOKENS) -> float:
    """Return the ms in which about so many messages are delivered."""
    return deliveries / tokens


def cluster(deliveries: int, nodes: int = NODES, tokens: int = TOKENS) -> Scenario:
    """Return the workload as a scenario; in the middle a node crashes and starts again."""
    names = [f"n{i}" for i in range(nodes)]
    ms = length(deliveries, tokens)
    faults = (Crash("n1", at=ms / 2), Restart("n1", at=ms / 2 + 1.0))
    made = {name: Wanderer(tokens=tokens // nodes) for name in names}
    for name in names[: tokens % nodes]:
        made[name] = Wanderer(tokens=tokens // nodes + 1)
    return Scenario("tokens", made, ms, Network(LATENCY), faults)


def delivered(trace: Trace) -> int:
    """Count the messages that were delivered."""
    return sum(row[2] == "deliver" for row in trace.rows)


def run(deliveries: int) -> Callable[[], int]:
    """Run the workload once with everything recorded; return what counts the deliveries."""
    return partial(delivered, cluster(deliveries).run(1))


def run_on_faulty_links(deliveries: int) -> Callable[[], int]:
    """The same with faults on every link: each message then goes the long way, with more draws.

    The probabilities are too small to lose anything, so the work stays the same.
    """
    plain = cluster(deliveries)
    network = Network(LATENCY, loss=1e-12, duplicate=1e-12)
    faults = (Delay(1e-9, duration=plain.duration), *plain.faults)
    return partial(delivered, replace(plain, network=network, faults=faults).run(1))
