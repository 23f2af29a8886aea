"""salabim, with generators (its default needs the package greenlet, and is slower)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import salabim as sim

from benchmarks.messages import NODES, TOKENS, length
from benchmarks.peers.common import EACH, latencies, routes
from benchmarks.queueing import ARRIVALS, PATIENCE, SERVICES

sim.yieldless(False)


def stores(deliveries: int) -> int:
    """An inbox is a Store; a message on its way is a component."""
    env = sim.Environment(trace=False, random_seed=None)
    inboxes = [sim.Store(f"inbox{i}", env=env) for i in range(NODES)]
    counts, latency = [0] * NODES, latencies()

    class OnItsWay(sim.Component):
        def setup(self, inbox: Any, hops: int) -> None:
            self.inbox, self.hops = inbox, hops

        def process(self) -> Iterator[Any]:
            yield self.hold(latency())
            yield self.to_store(self.inbox, self)

    class Node(sim.Component):
        def setup(self, number: int, route: Any) -> None:
            self.number, self.route = number, route

        def process(self) -> Iterator[Any]:
            for _ in range(EACH):
                OnItsWay(inbox=inboxes[self.route()], hops=0)
            while True:
                message = yield self.from_store(inboxes[self.number])
                message = self.from_store_item() if message is None else message
                counts[self.number] += 1
                OnItsWay(inbox=inboxes[self.route()], hops=message.hops + 1)

    for number, route in enumerate(routes()):
        Node(number=number, route=route)
    env.run(till=length(deliveries))
    return sum(counts)


def holds(deliveries: int) -> int:
    """A token is a component that does nothing but hold: no inbox, no node."""
    env = sim.Environment(trace=False, random_seed=None)
    counts, latency = [0], latencies()

    class Token(sim.Component):
        def process(self) -> Iterator[Any]:
            while True:
                yield self.hold(latency())
                counts[0] += 1

    for _ in range(TOKENS):
        Token()
    env.run(till=length(deliveries))
    return counts[0]


def resource(customers: int) -> int:
    """A component for each customer, who requests the desk with a fail_delay."""
    env = sim.Environment(trace=False, random_seed=None)
    desk = sim.Resource("desk", env=env)
    after = Random("desk").expovariate
    counts = {"arrived": 0, "served": 0, "left": 0}

    class Customer(sim.Component):
        def process(self) -> Iterator[Any]:
            yield self.request(desk, fail_delay=PATIENCE)
            if self.failed():
                counts["left"] += 1
                return
            yield self.hold(after(SERVICES))
            self.release(desk)
            counts["served"] += 1

    class Source(sim.Component):
        def process(self) -> Iterator[Any]:
            while True:
                yield self.hold(after(ARRIVALS))
                counts["arrived"] += 1
                Customer()

    Source()
    env.run(till=customers / ARRIVALS)
    return counts["arrived"]
