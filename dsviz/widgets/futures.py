"""The futures of a player: runs that are kept beside each other, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from dsviz.draw import frames
from dsviz.draw.layout import layout
from dsviz.sim.faults import Fault
from dsviz.trace import Trace

Faults = tuple[Fault, ...]


class Future:
    """One run with its verdicts and columns."""

    def __init__(self, trace: Trace, verdicts: list[Any], kinds: dict[str, str]) -> None:
        self.trace = trace
        self.verdicts = verdicts
        made = frames.columns(trace, verdicts, layout(trace.nodes), kinds)
        self.columns = frames.keep_beside(trace, made)
        self.json = frames.as_json(self.columns).encode()

    def rows_of(self, events: Iterable[Any]) -> dict[str, list[int]]:
        """Return which flights and which nodes of the columns these events are about."""
        flights, nodes = self.columns["flights"], list(self.trace.nodes)
        key = zip(flights["src"], flights["dst"], flights["sent"], flights["ended"], strict=True)
        number = {place: row for row, place in enumerate(key)}
        found: dict[str, list[int]] = {"flights": [], "nodes": []}
        for event in events:
            if event.node in nodes:
                found["nodes"].append(nodes.index(event.node))
            if event.what in ("deliver", "drop", "flight"):
                ends = (round(event.sent_at, 3), round(event.time, 3))
                place = (nodes.index(event.peer), nodes.index(event.node), *ends)
                if place in number:
                    found["flights"].append(number[place])
        return found


class State(NamedTuple):
    """What can be undone: the futures, which is on show and beside which, and the seed."""

    futures: list[Faults]
    shown: int
    beside: int
    seed: int


def letter(number: int) -> str:
    """Return what a future is called: A is the run as scripted, then B, C and so on."""
    return chr(ord("A") + number) if number < 26 else f"F{number}"


def changed(script: Faults, faults: Faults) -> str:
    """Return what a future has that the script has not, as a few words."""
    new = [fault for fault in faults if fault not in script]
    gone = [fault for fault in script if fault not in faults]
    if not new and not gone:
        return "the same so far"
    last = (
        f"{frames.chip(new[-1])} at {new[-1].at:g}" if new else f"without {frames.chip(gone[-1])}"
    )
    more = len(new) + len(gone) - 1
    return last + (f", {more} more" if more else "")
