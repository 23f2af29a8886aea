"""Breadth-first search over the states of a small cluster."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from dsviz.check.steps import Limits, Step, Steps
from dsviz.check.world import Action, World
from dsviz.errors import DsvizError
from dsviz.sim.node import Node
from dsviz.trace import Trace

__all__ = ["Limits", "Search", "Step", "Stopped", "View"]


class View:
    """The nodes of a cluster in one state: ``view["r1"]`` is the node, or None while it is down.

    ``view.trace`` holds what the clients saw, ``view.history`` the same as operations.
    """

    def __init__(self, search: Search, state: int) -> None:
        self._search, self._state = search, state

    def __getitem__(self, name: str) -> Node | None:
        search = self._search
        if name not in search.index:
            raise DsvizError(f"there is no node {name!r}; the nodes are {', '.join(search.index)}")
        return search.node(search.index[name], self._state)

    def __iter__(self) -> Iterator[str]:
        return iter(self._search.index)

    def of_role(self, role: str) -> dict[str, Node]:
        """Return the nodes of a role that are up, by name."""
        roles = self._search.world.roles
        found = {name: self[name] for name in self if roles[name] == role}
        return {name: node for name, node in found.items() if node is not None}

    @property
    def trace(self) -> Trace:
        """A trace with nothing but the events of the clients."""
        return self._search.pasts.trace(self._search.past_of(self._state))

    @property
    def history(self) -> Any:
        """What the clients saw."""
        return self.trace.history()


class Stopped(NamedTuple):
    """Where a search stopped, and why (None: there is nothing left to search)."""

    state: int | None
    why: Any
    complete: bool


class Search(Steps):
    """A search through the states of one cluster; `seen` maps each to the one it came from."""

    def __init__(self, world: World, limits: Limits) -> None:
        super().__init__(world, limits)
        self._views: dict[tuple[int, int], Node | None] = {}
        self.transitions = self.depth = 0
        self.seen: dict[int, int] = {}

    def node(self, node: int, state: int) -> Node | None:
        """The node as it is in a state, to be looked at only."""
        local = self.local_of(node, state)
        if (node, local) not in self._views:
            self._views[node, local] = self.world.node(node, local)
        return self._views[node, local]

    def run(
        self,
        start: int,
        judge: Callable[[int], Any],
        max_states: int,
        layer: Callable[[int], None] = lambda states: None,
    ) -> Stopped:
        """Search from a state until `judge` says something of a state other than None.

        `judge` is asked once for each combination of what nodes and clients know. `layer` is told
        the number of states after each depth. Collecting garbage is off meanwhile: there is none.
        """
        collecting = gc.isenabled()
        gc.disable()
        try:
            return self._run(start, judge, max_states, layer)
        finally:
            if collecting:
                gc.enable()

    def _run(self, start: int, judge: Callable, max_states: int, layer: Callable) -> Stopped:
        seen = self.seen = {start: -1}
        lower, judged = self.lower, {start & self.lower}
        why = judge(start)
        if why is not None:
            return Stopped(start, why, False)
        nodes = [(d, self._steps[d]) for d in range(len(self.world.names))]
        select, expand, after, persistent = self._select, self._expand, self.after, self._persistent
        past, flips = self._past_field, self._flips
        frontier, transitions, self.depth = [start], 0, 0
        stopped: Stopped | None = None
        while frontier and stopped is None:
            following: list[int] = []
            for state in frontier:
                for d, known in nodes:
                    key = state & select[d]
                    steps = known.get(key)
                    if steps is None:
                        steps = expand(d, key)
                    transitions += len(steps)
                    for flip, add, told, step in steps:
                        if told < 0 or (state & add and not persistent):
                            new = after(state, step)
                        elif told:
                            seen_flip = flips.get(state & past | told)
                            if seen_flip is None:
                                seen_flip = self._past_flip(state, step)
                                flips[state & past | told] = seen_flip
                            new = ((state ^ flip) | add) ^ seen_flip
                        else:
                            new = (state ^ flip) | add
                        if new in seen:
                            continue
                        seen[new] = state
                        following.append(new)
                        part = new & lower
                        if told < 0:
                            stopped = Stopped(new, (self.world.names[d], step.error), False)
                            break
                        if part not in judged:
                            judged.add(part)
                            why = judge(new)
                            if why is not None:
                                stopped = Stopped(new, why, False)
                                break
                    if stopped is not None:
                        break
                if stopped is None and len(seen) > max_states:
                    stopped = Stopped(None, None, False)
                if stopped is not None:
                    break
            frontier = following
            self.depth += bool(frontier)
            layer(len(seen))
        self.transitions += transitions
        return stopped or Stopped(None, None, True)

    def path(self, state: int) -> list[Action]:
        """Return the actions that led to a state of the last search."""
        actions: list[Action] = []
        while (before := self.seen[state]) != -1:
            actions.append(next(s.action for s, new in self.following(before) if new == state))
            state = before
        return actions[::-1]

    def following(self, state: int) -> Iterator[tuple[Step, int]]:
        """Yield each step that may be next, with the state it leads to."""
        for node in range(len(self.world.names)):
            key = state & self._select[node]
            steps = self._steps[node].get(key)
            for *_, step in self._expand(node, key) if steps is None else steps:
                yield step, self.after(state, step)
