"""asimpy: processes as coroutines."""

from __future__ import annotations

from random import Random
from typing import Any

from asimpy import Environment, FirstOf, Process, Queue, Resource

from benchmarks.messages import NODES, length
from benchmarks.peers.common import EACH, latencies, routes
from benchmarks.queueing import ARRIVALS, PATIENCE, SERVICES


class _OnItsWay(Process):
    def init(self, inbox: Queue, hops: int, ms: float) -> None:
        self.inbox, self.hops, self.ms = inbox, hops, ms

    async def run(self) -> None:
        await self.timeout(self.ms)
        await self.inbox.put(self.hops)


class _Node(Process):
    def init(self, inbox: Queue, inboxes: list[Queue], route: Any, latency: Any) -> None:
        self.inbox, self.inboxes, self.route, self.latency = inbox, inboxes, route, latency
        self.count = 0

    async def run(self) -> None:
        for _ in range(EACH):
            self.forward(0)
        while True:
            hops = await self.inbox.get()
            self.count += 1
            self.forward(hops + 1)

    def forward(self, hops: int) -> None:
        _OnItsWay(self._env, self.inboxes[self.route()], hops, self.latency())


def queues(deliveries: int) -> int:
    """An inbox is a Queue; a message on its way is a process."""
    env = Environment()
    inboxes = [Queue(env) for _ in range(NODES)]
    latency = latencies()
    nodes = [
        _Node(env, inbox, inboxes, route, latency)
        for inbox, route in zip(inboxes, routes(), strict=True)
    ]
    env.run(until=length(deliveries))
    return sum(node.count for node in nodes)


class _Customer(Process):
    def init(self, desk: Resource, after: Any, counts: dict[str, int]) -> None:
        self.desk, self.after, self.counts = desk, after, counts

    async def run(self) -> None:
        patience = self.timeout(PATIENCE)
        first, _ = await FirstOf(self._env, turn=self.desk.acquire(), patience=patience)
        if first == "patience":
            self.counts["left"] += 1
            return
        await self.timeout(self.after(SERVICES))
        self.desk.release()
        self.counts["served"] += 1


class _Source(Process):
    def init(self, desk: Resource, after: Any, counts: dict[str, int]) -> None:
        self.desk, self.after, self.counts = desk, after, counts

    async def run(self) -> None:
        while True:
            await self.timeout(self.after(ARRIVALS))
            self.counts["arrived"] += 1
            _Customer(self._env, self.desk, self.after, self.counts)


def resource(customers: int) -> int:
    """A process for each customer, who waits for the desk or until patience is at an end."""
    env = Environment()
    counts = {"arrived": 0, "served": 0, "left": 0}
    _Source(env, Resource(env, 1), Random("desk").expovariate, counts)
    env.run(until=customers / ARRIVALS)
    return counts["arrived"]
