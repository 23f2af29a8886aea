"""What a delivery costs as the cluster grows and as the run grows, and the picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import log2
from pathlib import Path
from statistics import median

from benchmarks import messages
from benchmarks.measure import seconds
from benchmarks.table import Row, reaching
from dsviz.trace import Trace

SIZES = (3, 5, 9, 17, 33, 65, 99)
LENGTHS = (1_000, 10_000, 100_000, 1_000_000)


def growth(quick: bool, times: int) -> list[Row]:
    """Return a row for each size and each length, and what they come to."""
    lengths = LENGTHS[:2] if quick else LENGTHS
    sizes = SIZES[:2] if quick else SIZES
    deliveries = 2_000 if quick else 50_000
    rows = [
        _row(f"cost with {nodes} nodes", deliveries, nodes, 4 * nodes, times) for nodes in sizes
    ]
    by_length = [
        _row(f"cost in {events:,} events", events, messages.NODES, messages.TOKENS,
             times if events <= 100_000 else 1)
        for events in lengths
    ]  # fmt: skip
    return [*rows, *by_length, _no_worse(lengths, by_length)]


def _row(name: str, deliveries: int, nodes: int, tokens: int, times: int) -> Row:
    cost = median(_cost(deliveries, nodes, tokens) for _ in range(times))
    return Row(name, "µs/event", cost * 1e6, note=f"{tokens} messages under way")


def _cost(deliveries: int, nodes: int, tokens: int) -> float:
    """Return the seconds that an event takes."""
    scenario = messages.cluster(deliveries, nodes, tokens)
    spent, trace = seconds(partial(_run, scenario))
    return spent / len(trace)


def _run(scenario: messages.Scenario) -> Trace:
    return scenario.run(1)


def _no_worse(lengths: Sequence[int], rows: Sequence[Row]) -> Row:
    """Compare how the whole cost grew, from a run of middle length on, with n log n.

    The shortest run is mostly start-up, so it would hide any growth.
    """
    costs = [row.ours or 0.0 for row in rows]
    first, last = (1 if len(lengths) > 2 else 0), len(lengths) - 1
    grew = costs[last] / costs[first]
    allowed = log2(lengths[last]) / log2(lengths[first])
    note = f"an event costs {grew:.2f} times what it does in a run of {lengths[first]:,}"
    return reaching("growth with events, share of n log n", "ratio", grew / allowed, "≤", 1.0, note)


def plot(rows: Sequence[Row], path: Path) -> str:
    """Draw both curves; return a sentence on where, or why not."""
    try:
        import matplotlib
    except ImportError:
        return "matplotlib is not installed, so nothing was plotted."
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.5), sharey=True, layout="constrained")
    for axis, word, label in zip(axes, (" nodes", " events"), ("nodes", "events"), strict=True):
        chosen = [row for row in rows if row.name.startswith("cost ") and row.name.endswith(word)]
        numbers = [int(row.name.split()[2].replace(",", "")) for row in chosen]
        axis.plot(numbers, [row.ours for row in chosen], marker="o")
        axis.set(xscale="log", xlabel=label, ylim=(0, None))
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("µs of CPU an event")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return f"The curves are in {path}."
