"""What the workloads have in common, whatever simulates them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from benchmarks.messages import NODES, TOKENS

EACH = TOKENS // NODES


def routes() -> list[Callable[[], int]]:
    """Return for each node the function that draws which other node gets a token next."""
    return [_route(node) for node in range(NODES)]


def _route(node: int) -> Callable[[], int]:
    others = [other for other in range(NODES) if other != node]
    draw, many = Random(f"node {node}").random, len(others)
    return lambda: others[int(draw() * many)]


def latencies() -> Callable[[], float]:
    """Return the function that draws how long a message takes."""
    draw = Random("latency").random
    return lambda: 0.5 + draw()
