"""The futures of a player: runs that are kept beside each other, and what they are called."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple

from dsviz.draw import frames
from dsviz.draw.layout import layout
from dsviz.draw.packing import packed
from dsviz.sim.faults import Fault
from dsviz.sim.scenario import Scenario
from dsviz.trace import Trace

Faults = tuple[Fault, ...]


class Future:
    """One run with its columns; it is judged when somebody asks for its verdicts.

    `checks` are functions from a trace to a verdict, `kinds` the message kinds met before.
    """

    def __init__(
        self, trace: Trace, checks: Sequence[Callable[[Trace], Any]], kinds: dict[str, str]
    ) -> None:
        self.trace = trace
        self._checks = checks
        made = frames.columns(trace, (), layout(trace.nodes), kinds)
        self.columns = frames.keep_beside(trace, made)
        self.packed = packed(self.columns)

    @cached_property
    def verdicts(self) -> list[Any]:
        """What the checks say. Raises what a check raises, and then has not been judged."""
        return [check(self.trace) for check in self._checks]

    @property
    def judged(self) -> bool:
        """Whether the verdicts are known."""
        return "verdicts" in self.__dict__

    @cached_property
    def lamps(self) -> list[dict[str, Any]]:
        """The verdicts as the page shows them."""
        return frames.places_of(self.trace, self.columns, self.verdicts)

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
                ends = (frames.tidy(event.sent_at), frames.tidy(event.time))
                place = (nodes.index(event.peer), nodes.index(event.node), *ends)
                if place in number:
                    found["flights"].append(number[place])
        return found


class Runs:
    """Makes the runs of a scenario, and keeps the last few to be shown again at once.

    `checks` are those of the scenario unless others are given.
    """

    KEPT = 8

    def __init__(
        self, scenario: Scenario, checks: Sequence[Callable[[Trace], Any]] | None = None
    ) -> None:
        self._scenario = scenario
        self._checks = scenario.checks if checks is None else checks
        self._kinds: dict[str, str] = {}  # every message kind seen, so that its colour stays
        self._known: dict[tuple[Faults, int], Future] = {}

    def of(self, faults: Faults, seed: int) -> Future:
        """Return the run with these faults. Raises DsvizError when one does not fit."""
        future = self._known.pop((faults, seed), None)
        if future is None:
            with _garbage_later():
                future = Future(self._scenario.run(seed, faults), self._checks, self._kinds)
        self._known[faults, seed] = future
        while len(self._known) > self.KEPT:
            del self._known[next(iter(self._known))]
        return future


@contextmanager
def _garbage_later() -> Iterator[None]:
    """Put off the search for garbage: a run makes many objects that stay, and all were searched.

    That was a seventh of the time from a click on a run of 50,000 events to its picture.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def pending(lamps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lamps of a run that is still being judged, after those of the run before it.

    `tall` keeps the room of a verdict with a sentence, so that nothing jumps when it comes.
    """
    asked = "is still being judged"
    return [
        {
            "check": lamp["check"], "status": "pending", "sentence": asked, "at": None,
            "steps": [], "ops": [], "tall": lamp.get("tall", lamp["status"] != "ok"),
        }
        for lamp in lamps
    ]  # fmt: skip


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
