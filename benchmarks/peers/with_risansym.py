"""risansym: a Model for each node."""

from __future__ import annotations

from typing import Any

from risansym import Event, Model, Simulation, TopologyGenerator

from benchmarks.messages import NODES, length
from benchmarks.peers.common import EACH, latencies, routes


class _Node(Model):
    def __init__(self, route: Any, latency: Any) -> None:
        super().__init__()
        self.count, self.route, self.latency = 0, route, latency

    def init(self) -> None:
        for _ in range(EACH):
            self.forward(0)

    def receive(self, event: Event) -> None:
        self.count += 1
        self.forward(event.payload["hops"] + 1)

    def forward(self, hops: int) -> None:
        at, to = self.clock + self.latency(), self.route() + 1
        self.transmit(Event(at, "token", self.node_id, to, {"hops": hops}))


def models(deliveries: int) -> int:
    """Events between the models of a full mesh."""
    simulation = Simulation(TopologyGenerator.mesh(NODES), maxtime=length(deliveries))
    latency = latencies()
    nodes = [_Node(route, latency) for route in routes()]
    for number, node in enumerate(nodes, 1):
        simulation.set_model(node, number)
    simulation.initialize_all()
    simulation.run()
    return sum(node.count for node in nodes)
