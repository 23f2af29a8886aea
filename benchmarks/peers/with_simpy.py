"""SimPy: "Event Latency" and "Bank Renege" of its documentation, and its event loop bare."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import simpy

from benchmarks.messages import NODES, length
from benchmarks.peers.common import EACH, latencies, routes
from benchmarks.queueing import ARRIVALS, PATIENCE, SERVICES


def stores(deliveries: int) -> int:
    """An inbox is a Store; a message on its way is a process."""
    env = simpy.Environment()
    inboxes = [simpy.Store(env) for _ in range(NODES)]
    counts, latency = [0] * NODES, latencies()

    def on_its_way(inbox: simpy.Store, hops: int) -> Iterator[Any]:
        yield env.timeout(latency())
        inbox.put(hops)

    def node(number: int, route: Any) -> Iterator[Any]:
        for _ in range(EACH):
            env.process(on_its_way(inboxes[route()], 0))
        while True:
            hops = yield inboxes[number].get()
            counts[number] += 1
            env.process(on_its_way(inboxes[route()], hops + 1))

    for number, route in enumerate(routes()):
        env.process(node(number, route))
    env.run(until=length(deliveries))
    return sum(counts)


def callbacks(deliveries: int) -> int:
    """The fastest that SimPy can be: no process, no inbox, a callback for each timeout."""
    env = simpy.Environment()
    counts, latency, route_of = [0] * NODES, latencies(), routes()

    def send(src: int, hops: int) -> None:
        timeout = env.timeout(latency(), (route_of[src](), hops))
        timeout.callbacks.append(deliver)

    def deliver(event: Any) -> None:
        node, hops = event.value
        counts[node] += 1
        send(node, hops + 1)

    for number in range(NODES):
        for _ in range(EACH):
            send(number, 0)
    env.run(until=length(deliveries))
    return sum(counts)


def resource(customers: int) -> int:
    """A process for each customer, who waits for the desk or until patience is at an end."""
    env = simpy.Environment()
    desk = simpy.Resource(env, 1)
    after = Random("desk").expovariate
    counts = {"arrived": 0, "served": 0, "left": 0}

    def customer() -> Iterator[Any]:
        with desk.request() as turn:
            first = yield turn | env.timeout(PATIENCE)
            if turn not in first:
                counts["left"] += 1
                return
            yield env.timeout(after(SERVICES))
            counts["served"] += 1

    def source() -> Iterator[Any]:
        while True:
            yield env.timeout(after(ARRIVALS))
            counts["arrived"] += 1
            env.process(customer())

    env.process(source())
    env.run(until=customers / ARRIVALS)
    return counts["arrived"]
