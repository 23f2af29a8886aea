"""Measuring: CPU time, in pairs taken in turns, medians of them."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import process_time
from typing import Any

#: Does some work and returns how much (deliveries, customers, runs), or what counts it afterwards.
Work = Callable[[], int | Callable[[], int]]


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU seconds that a call took, and what it returned.

    Garbage of whatever ran before is collected first, and left alone meanwhile if it survives:
    else a peer would pay for the objects of its neighbour.
    """
    gc.collect()
    gc.freeze()
    try:
        begin = process_time()
        result = work()
        return process_time() - begin, result
    finally:
        gc.unfreeze()


def rate(work: Work) -> float:
    """Return how much is done a second."""
    spent, amount = seconds(work)
    return (amount() if callable(amount) else amount) / spent


@dataclass(frozen=True)
class Pairs:
    """Two rates, each the median of all pairs, and the median of the ratios in the pairs."""

    ours: float
    peer: float
    ratio: float
    low: float
    high: float


def interleaved(ours: Work, peer: Work, pairs: int) -> Pairs:
    """Measure both in turns, a different one first each time."""
    rates: list[tuple[float, float]] = []
    for number in range(pairs):
        if number % 2:
            theirs, mine = rate(peer), rate(ours)
        else:
            mine, theirs = rate(ours), rate(peer)
        rates.append((mine, theirs))
    ratios = [mine / theirs for mine, theirs in rates]
    mines, others = [mine for mine, _ in rates], [theirs for _, theirs in rates]
    return Pairs(median(mines), median(others), median(ratios), min(ratios), max(ratios))


def middle(work: Work, times: int) -> float:
    """Return the median rate of a few repetitions."""
    return median(rate(work) for _ in range(times))


def allocated(work: Callable[[], Any]) -> tuple[int, int, Any]:
    """Return (bytes that the result keeps, bytes at the peak, the result), by `tracemalloc`.

    It counts every object that Python allocates meanwhile, with what is inside it.
    """
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        result = work()
        gc.collect()
        after, peak = tracemalloc.get_traced_memory()
        return after - before, peak - before, result
    finally:
        tracemalloc.stop()
