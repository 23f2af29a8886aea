"""Every order in which things can happen in a small cluster, until one breaks a promise.

The node classes are those that the simulator runs, unchanged. Messages arrive in any order, late
or never; timers fire whenever they like, each a bounded number of times; nodes crash and restart
if asked to. What was found in *all* states of that world is a proof for it, and what was found
in some of them is not: a result says which, and `Explored.verdict` is ``ok`` only for the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dsviz.check.counterexample import Counterexample, played, retraced
from dsviz.check.linearizability import linearizable
from dsviz.check.search import Limits, Search, Stopped, View
from dsviz.check.shrink import shrink
from dsviz.check.verdict import Verdict
from dsviz.check.world import Action, Bound, World
from dsviz.errors import DsvizError

__all__ = ["Counterexample", "Explored", "View", "exhaust"]

Invariant = Callable[[View], Any]
Check = Callable[[Any], Verdict]
_SHRINK_TRIES = 500


@dataclass(frozen=True)
class Explored:
    """What a search came to.

    `complete` is True when every state within the bounds was looked at. `states` counts different
    states of the whole cluster, `transitions` the steps between them, `depth` the longest shortest
    way, `handlers` the different local transitions (each is run twice, to see whether it does the
    same). `counterexample` is None when nothing is violated. `undecided` counts pasts of clients
    that a judge could not decide.
    """

    name: str
    complete: bool
    states: int
    transitions: int
    depth: int
    handlers: int
    undecided: int
    bounds: str
    begins: str
    counterexample: Counterexample | None

    @property
    def verdict(self) -> Verdict:
        """``ok`` only after all states were seen and decided."""
        if self.counterexample is not None:
            text = self.counterexample.sentence
            return Verdict(self.name, "violated", text, self.counterexample.trace.duration)
        status = "ok" if self.complete and not self.undecided else "undecided"
        return Verdict(self.name, status, str(self))

    def __str__(self) -> str:
        where = f"{self.begins} (bounds: {self.bounds})"
        if self.counterexample is not None:
            return f"violated after {self.states:,} states {where}. {self.counterexample}"
        if not self.complete:
            return (
                f"sampled {self.states:,} states {where}: no violation among them, and nothing is "
                "known of the states that were not reached before the limit"
            )
        text = f"all {self.states:,} states {where}: no violation"
        if self.undecided:
            text += f" was found, but {self.undecided:,} histories could not be decided"
        return text

    __repr__ = __str__


def exhaust(
    scenario: Any,
    invariants: Invariant | Iterable[Invariant] = (),
    checks: Check | Iterable[Check] | None = None,
    *,
    timers: Bound | Mapping[str, Bound] = 1,
    crashes: int = 0,
    power_losses: int = 0,
    duplicates: int | None = 0,
    stages: Sequence[Callable[[View], Any]] = (),
    max_states: int = 2_000_000,
    progress: bool = False,
) -> Explored:
    """Search all states of a scenario's cluster, breadth first, and stop at the first violation.

    - `invariants` look at a `View` of each state: ``lambda view: view["r1"].x <= view["r2"].x``.
      They hold when they return True or None; False or a sentence says that they do not.
    - `checks` judge what the clients saw (default: `linearizable`, when there are clients).
    - `timers`: how often each timer may fire at each node; one number for all, or a mapping from
      names (1 for those not named). None: any number of times. A client's ``timeout`` does not
      fire unless it is named.
    - `crashes`, `power_losses`: how many in the whole cluster, of nodes that are not clients.
      A node that is down may restart at any time. With one of them, nodes also die in the middle
      of a handler, while a disk syncs.
    - `duplicates`: how many messages may arrive once more. None: any number, of every message.
      No bound is needed for losses: a message that is never delivered is a lost one.
    - `stages`: search breadth first for a state where the first one is true, from there for the
      second, and only then for a violation: it reaches deep states, and says where it began.
    - `max_states`: the limit of each stage; a search that meets it has *sampled* the states.

    An error raised by a node's own code is a violation. Raises DsvizError for a scenario with
    faults, and for nodes whose code does not do the same thing twice.
    """
    if scenario.faults:
        raise DsvizError(
            "scenario: a search has no times, so it takes no fault script; give it "
            "dataclasses.replace(scenario, faults=()) and crashes=1"
        )
    search = Search(World(scenario, timers), Limits(crashes, power_losses, duplicates))
    judge = _Judge(search, _each(invariants), _history_checks(scenario, checks))
    show = _Progress(scenario.name) if progress else None
    state, taken = search.start()[0], []
    for number, goal in enumerate(stages, 1):
        stopped = search.run(state, _goal(search, goal), max_states, show or _quiet)
        if stopped.state is None:
            how = "no state of all" if stopped.complete else "none of the first"
            raise DsvizError(
                f"stages: {how} {len(search.seen):,} states reaches stage {number} ({_named(goal)})"
            )
        taken += search.path(stopped.state)
        state = stopped.state
    found = search.run(state, judge, max_states, show or _quiet)
    if show:
        show.close()
    begins = " and then ".join(f"from the first state where {_named(goal)}" for goal in stages)
    return Explored(
        scenario.name, found.complete, len(search.seen), search.transitions, search.depth,
        search.world.calls, judge.undecided, _bounds(timers, search.limits), begins or
        f"of {scenario.name}", _counterexample(search, judge, taken, found),
    )  # fmt: skip


class _Judge:
    """Says what is wrong with a state, or None."""

    def __init__(
        self, search: Search, invariants: tuple[Invariant, ...], checks: tuple[Check, ...]
    ) -> None:
        self._search, self._invariants, self._checks = search, invariants, checks
        self._pasts: dict[int, str | None] = {}
        self.undecided = 0

    def __call__(self, state: int) -> str | None:
        view = View(self._search, state)
        for invariant in self._invariants:
            said = invariant(view)
            if isinstance(said, str):
                return said
            if said is not None and not said:
                return f"{_named(invariant)} does not hold."
        past = self._search.past_of(state)
        if past not in self._pasts:
            self._pasts[past] = self._of_past(past)
        return self._pasts[past]

    def _of_past(self, past: int) -> str | None:
        trace = self._search.pasts.trace(past)
        for check in self._checks:
            verdict = check(trace)
            if verdict.status == "violated":
                return verdict.sentence
            self.undecided += verdict.status == "undecided"
        return None


def _counterexample(
    search: Search, judge: _Judge, before: list[Action], found: Stopped
) -> Counterexample | None:
    if found.state is None:
        return None
    actions = before + search.path(found.state)
    if before:  # a way in stages has detours
        actions = _without_detours(search, judge, actions, found.why)
    trace, steps = played(search, actions)
    return Counterexample(_sentence(found.why), steps, trace)


def _without_detours(search: Search, judge: _Judge, actions: list[Action], why: Any) -> list:
    """Return a part of the actions that still ends in the same violation."""

    def until_violated(some: tuple[Action, ...]) -> list[Action] | None:
        taken, states = retraced(search, list(some))
        for number, state in enumerate(states):
            if isinstance(why, str) and judge(state) == why:
                return taken[:number]
        return None

    if until_violated(tuple(actions)) is None:
        return actions
    kept = shrink(actions, lambda some: until_violated(some) is not None, _SHRINK_TRIES)
    return until_violated(kept) or actions


def _sentence(why: Any) -> str:
    if isinstance(why, str):
        return why
    node, error = why
    return f"{node} stops because its code raised {error.splitlines()[-1]}."


def _each(value: Any) -> tuple:
    return (value,) if callable(value) else tuple(value)


def _history_checks(scenario: Any, checks: Check | Iterable[Check] | None) -> tuple[Check, ...]:
    if checks is not None:
        return _each(checks)
    clients = any(hasattr(node, "next_operation") for node in scenario.nodes.values())
    return (linearizable,) if clients else ()


def _goal(search: Search, goal: Callable[[View], Any]) -> Callable[[int], Any]:
    return lambda state: True if goal(View(search, state)) else None


def _named(function: Callable) -> str:
    text = (function.__doc__ or "").strip().splitlines()[:1]
    name = getattr(function, "__name__", type(function).__name__)
    return text[0].rstrip(".") if text else name.replace("_", " ").replace("<lambda>", "it is true")


def _bounds(timers: Any, limits: Limits) -> str:
    if isinstance(timers, Mapping):
        times = ", ".join(f"{name} {_often(bound)}" for name, bound in timers.items())
        text = (
            f"timers fire {times}, others once a node" if times else "each timer fires once a node"
        )
    else:
        text = f"each timer fires {_often(timers)} a node"
    text += f", {limits.crashes} crashes, {limits.power_losses} power losses, "
    if limits.duplicates is None:
        return text + "any message may arrive again"
    return text + f"{limits.duplicates} duplicates"


def _often(bound: Bound) -> str:
    return "any number of times" if bound is None else "once" if bound == 1 else f"{bound} times"


def _quiet(states: int) -> None:
    pass


class _Progress:
    """A counter of states on stderr."""

    def __init__(self, name: str) -> None:
        from tqdm import tqdm

        self._bar = tqdm(desc=f"searching {name}", unit=" states", leave=False)

    def __call__(self, states: int) -> None:
        self._bar.update(max(0, states - self._bar.n))

    def close(self) -> None:
        self._bar.close()
