"""happysim: events straight to entities, its fastest way."""

from __future__ import annotations

from typing import Any

from happysimulator import Entity, Event, Instant, Simulation

from benchmarks.messages import NODES, length
from benchmarks.peers.common import EACH, latencies, routes


class _Node(Entity):
    def __init__(self, number: int, route: Any, latency: Any) -> None:
        super().__init__(f"n{number}")
        self.count, self.route, self.latency = 0, route, latency
        self.nodes: list[_Node] = []

    def handle_event(self, event: Event) -> list[Event]:
        self.count += 1
        return [self.token(self.now, event.context["hops"] + 1)]

    def token(self, now: Instant, hops: int) -> Event:
        to, at = self.nodes[self.route()], now + self.latency()
        return Event(time=at, event_type="token", target=to, context={"hops": hops})


def events(deliveries: int) -> int:
    """An event for each message."""
    latency = latencies()
    nodes = [_Node(number, route, latency) for number, route in enumerate(routes())]
    simulation = Simulation(entities=nodes, end_time=Instant.from_seconds(length(deliveries)))
    for node in nodes:
        node.nodes = nodes
        for _ in range(EACH):
            simulation.schedule(node.token(Instant.Epoch, 0))
    simulation.run()
    assert len(nodes) == NODES
    return sum(node.count for node in nodes)
