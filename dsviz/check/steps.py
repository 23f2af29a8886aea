"""The states of a small cluster as integers, and the steps between them.

A state has fields for the local state of each node, for what the clients saw and for how often
something bounded has happened; above them one bit for each thing that may be under way. A step of
a node depends on its own field and its own bits only, so it is found out once for each of these
and is two operations on integers ever after.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from dsviz.check.past import Pasts
from dsviz.check.world import Action, Outcome, World
from dsviz.errors import DsvizError
from dsviz.sim.node import Client

__all__ = ["Limits", "Step", "Steps"]

_LOCAL_BITS = 22
_PAST_BITS = 24
_BUDGET_BITS = 4
_MOST = (1 << _BUDGET_BITS) - 1


@dataclass(frozen=True)
class Limits:
    """How often something may happen, in the whole cluster."""

    crashes: int = 0
    power_losses: int = 0
    duplicates: int | None = 0  # None: every message stays under way for ever

    def __post_init__(self) -> None:
        for name in ("crashes", "power_losses", "duplicates"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= _MOST:
                raise DsvizError(f"{name}={value!r} must be between 0 and {_MOST}")


class Step(NamedTuple):
    """What one action changes in a state: ``(state ^ flip) | add``."""

    flip: int
    add: int
    sends: tuple[int, ...]  # what `add` stands for, should it be under way already
    events: tuple
    error: str | None
    action: Action


#: (flip, add, number of what is told, the step): what the inner loop needs of a step.
Light = tuple[int, int, int, Step]


class Steps:
    """The steps of one cluster, from states to states, as integers."""

    def __init__(self, world: World, limits: Limits) -> None:
        self.world, self.limits = world, limits
        self.index = {name: number for number, name in enumerate(world.names)}
        count = len(world.names)
        self.pasts = Pasts(world.scenario.name, world.roles)
        self._past = _LOCAL_BITS * count
        self._budget = self._past + _PAST_BITS
        self._first_bit = self._budget + 3 * _BUDGET_BITS
        budgets = ((1 << 3 * _BUDGET_BITS) - 1) << self._budget
        self.lower = (1 << self._budget) - 1  # the fields that invariants look at
        self._field = [((1 << _LOCAL_BITS) - 1) << _LOCAL_BITS * d for d in range(count)]
        self._select = [field | budgets for field in self._field]
        self._inbox = [0] * count
        self._past_field = ((1 << _PAST_BITS) - 1) << self._past
        self._steps: list[dict[int, tuple[Light, ...]]] = [{} for _ in range(count)]
        self._pieces: dict[tuple[int, int, int], tuple[Light, ...]] = {}
        self._told: dict[tuple, int] = {}  # (node, events) -> a number from 1
        self._flips: dict[int, int] = {}  # past | number of events -> what changes in the past
        self._twins: dict[int, list[int]] = {}  # content -> its bits
        self._content: dict[int, int] = {}  # bit number -> content
        self._persistent = limits.duplicates is None
        self._deadly = bool(limits.crashes or limits.power_losses)

    # Reading a state --------------------------------------------------------------------------

    def past_of(self, state: int) -> int:
        """The number of what the clients saw."""
        return (state >> self._past) & ((1 << _PAST_BITS) - 1)

    def local_of(self, node: int, state: int) -> int:
        """The number of a node's local state."""
        return (state & self._field[node]) >> _LOCAL_BITS * node

    # The first state --------------------------------------------------------------------------

    def start(self) -> tuple[int, list[tuple[Action, Outcome]]]:
        """Return the state after every node has booted, in the order of the scenario."""
        state, boots = 0, []
        for node in range(len(self.world.names)):
            outcome = self.world.boot(node)
            if outcome.error:
                raise DsvizError(f"{self.world.names[node]} does not start: {outcome.error}")
            action = Action(node, "restart")
            boots.append((action, outcome))
            key = state & self._select[node] & ~self._field[node]
            made = self._step(node, key, 0, outcome, action, key & self._inbox[node])
            state = self.after(state, made)
        return state, boots

    def after(self, state: int, step: Step) -> int:
        """Return the state that a step leads to."""
        new = state ^ step.flip
        if self._persistent or not new & step.add:
            new |= step.add
        else:
            for content in step.sends:
                new |= self._free(new, content)
        return new ^ self._past_flip(state, step) if step.events else new

    def _past_flip(self, state: int, step: Step) -> int:
        """What a step's events change in the field for what the clients saw."""
        name, past = self.world.names[step.action.node], self.past_of(state)
        number = self.pasts.after(past, tuple((what, name, data) for what, data in step.events))
        if number >> _PAST_BITS:
            raise DsvizError("the clients see too much for a search: give them fewer operations")
        return (past ^ number) << self._past

    # Steps of one node ------------------------------------------------------------------------

    def _expand(self, node: int, key: int) -> tuple[Light, ...]:
        """Find out what may happen next at a node, given its field, its inbox and the budgets."""
        local = (key & self._field[node]) >> _LOCAL_BITS * node
        own = key & self._inbox[node]
        found = self._running if self.world.locals[node][local].up else self._restart
        steps = self._steps[node][key] = tuple(found(node, key, local, own))
        return steps

    def _light(self, step: Step) -> Light:
        return step.flip, step.add, self._number_told(step.action.node, step), step

    def _number_told(self, node: int, step: Step) -> int:
        """A number for what a step tells: 0 for nothing, -1 for an error of the node's code."""
        if step.error:
            return -1
        return self._told.setdefault((node, step.events), len(self._told) + 1) if step.events else 0

    def _restart(self, node: int, key: int, local: int, own: int) -> Iterator[Light]:
        action = Action(node, "restart")
        outcome = self.world.outcome(local, action)
        yield self._light(self._step(node, key, local, outcome, action, own))

    def _running(self, node: int, key: int, local: int, own: int) -> Iterator[Light]:
        for content in self._held(own):
            known = self._pieces.get((node, local, content))
            if known is None or len(self._twins[content]) > 1:
                left = own ^ self._last(content, own)
                action = Action(node, "deliver", content)
                known = tuple(map(self._light, self._deliver(key, local, action, own, left)))
                if self._plain(node, local, action):
                    self._pieces[node, local, content] = known
            yield from known
        if self.world.locals[node][local].pending:
            action = Action(node, "flushed")
            yield from map(self._light, self._deliver(key, local, action, own, own))
        if not self._deadly or isinstance(self.world.templates[node], Client):
            return
        for which, verb in enumerate(("crash", "power loss")):
            if self._may(key, which):
                action = Action(node, verb)
                yield self._light(self._death(node, key, local, action, own, which))

    def _plain(self, node: int, local: int, action: Action) -> bool:
        """Whether a delivery changes the same bits whatever else is in the inbox."""
        if self._deadly or self.limits.duplicates:
            return False
        outcome, name = self.world.outcome(local, action), self.world.names[node]
        to_itself = any(self.world.envelopes[c].dst == name for c in outcome.sends)
        return not outcome.timers and not to_itself

    def _deliver(self, key: int, local: int, action: Action, own: int, left: int) -> Iterator[Step]:
        """Something arrives; `left` is the inbox without it. Or the node dies in the middle."""
        node, outcome = action.node, self.world.outcome(local, action)
        message = action.verb == "deliver" and self._is_message(action.envelope)
        kept = own if message and self._persistent else left
        step = self._step(node, key, local, outcome, action, kept)
        if not self._changes_nothing(node, local, outcome, step, own, left):
            yield step
            if message and self.limits.duplicates and self._may(key, 2):
                again = self._step(node, key, local, outcome, action, own)
                yield again._replace(flip=again.flip ^ self._spend(key, 2))
        for which, power in ((0, False), (1, True)) if self._deadly else ():
            for during in range(1, outcome.syncs + 1) if self._may(key, which) else ():
                dying = action._replace(during=during, power=power)
                yield self._death(node, key, local, dying, kept, which)

    def _death(self, node: int, key: int, local: int, action: Action, own: int, which: int) -> Step:
        """A crash: the node's timers are gone, what others sent stays under way."""
        outcome = self.world.outcome(local, action)
        for content in self._held(own):
            if not self._is_message(content):
                own ^= self._bit(content, 0)
        step = self._step(node, key, local, outcome, action, own, dead=True)
        return step._replace(flip=step.flip ^ self._spend(key, which))

    def _step(
        self, node: int, key: int, local: int, outcome: Outcome, action: Action, own: int,
        dead: bool = False,
    ) -> Step:  # fmt: skip
        """Put an outcome into bits. `own` is what is left of the node's inbox."""
        for verb, what in () if dead else outcome.timers:
            own = self._set(what, own) if verb == "set" else self._cancel(node, what, own)
        add, others = 0, []
        for content in outcome.sends:
            to = self.index[self.world.envelopes[content].dst]
            if to == node:
                own |= (
                    0
                    if self._persistent and own & self._bit(content, 0)
                    else self._free(own, content)
                )
            else:
                add |= self._bit(content, 0) if self._persistent else self._free(add, content)
                others.append(content)
        before = key & self._inbox[node]
        if outcome.local >> _LOCAL_BITS:
            raise DsvizError("a node has too many states for a search; bound what it counts")
        flip = (before ^ own) | ((local ^ outcome.local) << _LOCAL_BITS * node)
        return Step(flip, add, tuple(others), outcome.events, outcome.error, action)

    def _changes_nothing(
        self, node: int, local: int, outcome: Outcome, step: Step, own: int, left: int
    ) -> bool:
        """Whether a delivery had no effect: then it may as well not happen, and is left out."""
        if outcome.local != local or outcome.sends or outcome.events or outcome.error:
            return False
        after = own ^ (step.flip & self._inbox[node])
        return after in (own, left)

    # Bits -------------------------------------------------------------------------------------

    def _bit(self, content: int, twin: int) -> int:
        """The bit of the n-th identical copy of something under way."""
        twins = self._twins.setdefault(content, [])
        while len(twins) <= twin:
            number = len(self._content)
            self._content[number] = content
            bit = 1 << (self._first_bit + number)
            twins.append(bit)
            node = self.index[self.world.envelopes[content].dst]
            self._inbox[node] |= bit
            self._select[node] |= bit
        return twins[twin]

    def _free(self, state: int, content: int) -> int:
        """The bit of the first copy that is not under way."""
        twin = 0
        while state & self._bit(content, twin):
            twin += 1
        return self._bit(content, twin)

    def _last(self, content: int, own: int) -> int:
        """The bit of the last copy that is under way."""
        return [bit for bit in self._twins[content] if bit & own][-1]

    def _held(self, own: int) -> list[int]:
        """The contents in an inbox, each one once."""
        return list(dict.fromkeys(self._content[b] for b in _bits(own >> self._first_bit)))

    def _is_message(self, content: int) -> bool:
        return self.world.envelopes[content].what == "message"

    def _set(self, content: int, own: int) -> int:
        return own | self._bit(content, 0)

    def _cancel(self, node: int, what: int | str, own: int) -> int:
        for content in self._held(own):
            named = not self._is_message(content) and self.world.envelopes[content].kind == what
            if named or content == what:
                own ^= self._bit(content, 0)
        return own

    def _used(self, key: int, which: int) -> int:
        return (key >> self._budget + which * _BUDGET_BITS) & _MOST

    def _may(self, key: int, which: int) -> bool:
        limits = self.limits
        most = (limits.crashes, limits.power_losses, limits.duplicates or 0)[which]
        return self._used(key, which) < most

    def _spend(self, key: int, which: int) -> int:
        used = self._used(key, which)
        return (used ^ (used + 1)) << self._budget + which * _BUDGET_BITS


def _bits(mask: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set, from the lowest."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
