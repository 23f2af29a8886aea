"""One asyncio program, under each of the deterministic event loops.

An inbox is an `asyncio.Queue`, a node a task, a message on its way a `call_later`. Only this
much is asked of a loop, so a loop with more to offer is not slowed down by it.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from benchmarks.messages import NODES, length
from benchmarks.peers.common import EACH, latencies, routes


async def _cluster(deliveries: int) -> int:
    loop = asyncio.get_running_loop()
    inboxes: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(NODES)]
    counts, latency = [0] * NODES, latencies()

    async def node(number: int, route: Any) -> None:
        for _ in range(EACH):
            loop.call_later(latency(), inboxes[route()].put_nowait, 0)
        while True:
            hops = await inboxes[number].get()
            counts[number] += 1
            loop.call_later(latency(), inboxes[route()].put_nowait, hops + 1)

    tasks = [asyncio.ensure_future(node(number, r)) for number, r in enumerate(routes())]
    await asyncio.sleep(length(deliveries))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return sum(counts)


def detangle(deliveries: int) -> int:
    """Under detangle, in asyncio's own order and without a step limit that would stop it."""
    import detangle as peer

    limits = {"max_steps": sys.maxsize, "max_time": float(sys.maxsize)}
    return peer.run(_cluster(deliveries), **limits)


def simloop(deliveries: int) -> int:
    """Under simloop."""
    import simloop as peer

    loop = peer.SimLoop(1)
    try:
        return loop.run_until_complete(_cluster(deliveries))
    finally:
        loop.close()


def seedloop(deliveries: int) -> int:
    """Under seedloop."""
    import seedloop as peer

    counted: list[int] = []

    async def scenario(world: Any) -> None:
        counted.append(await _cluster(deliveries))

    peer.replay(scenario, seed=1)
    return counted[0]


def simloom(deliveries: int) -> int:
    """Under simloom."""
    import simloom as peer

    counted: list[int] = []

    async def scenario() -> None:
        counted.append(await _cluster(deliveries))

    peer.run(scenario, seed=1)
    return counted[0]
