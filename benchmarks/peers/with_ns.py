"""ns.py: a Wire for each link, which keeps the order of its packets."""

from __future__ import annotations

from typing import Any

import simpy
from ns.packet.packet import Packet
from ns.port.wire import Wire

from benchmarks.messages import NODES, length
from benchmarks.peers.common import EACH, latencies, routes


class _Node:
    """Counts each packet and puts it on another wire."""

    def __init__(self, route: Any) -> None:
        self.count, self.route = 0, route
        self.wires: dict[int, Wire] = {}

    def put(self, packet: Packet) -> None:
        self.count += 1
        self.wires[self.route()].put(packet)


def wires(deliveries: int) -> int:
    """Packets between nodes that are joined by wires."""
    env = simpy.Environment()
    latency = latencies()
    nodes = [_Node(route) for route in routes()]
    for number, node in enumerate(nodes):
        for other in range(NODES):
            if other != number:
                wire = Wire(env, latency)
                wire.out = nodes[other]
                node.wires[other] = wire
        for token in range(EACH):
            node.wires[node.route()].put(Packet(0.0, 1.0, token))
    env.run(until=length(deliveries))
    return sum(node.count for node in nodes)
