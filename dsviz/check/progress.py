"""What is in progress at one moment of a history: the bookkeeping of the frontier search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from dsviz.check.models import ANYWHERE, Model, State
from dsviz.history import Operation


@dataclass(frozen=True, slots=True)
class Part:
    """An operation's part in a search: when it may take effect, and whether it has to.

    `invoked` and `returned` are positions in the history. One that is not `required` may take
    effect or not; without `returned` it may do so at any later time.
    """

    op: Operation
    invoked: int
    returned: int | None
    required: bool = True


class Task:
    """A part as the search handles it.

    `owed` is the bit that is 1 until a required operation has taken effect, `used` the bit that
    is 1 when an operation that overwrites, or an optional one, has been used. See `layout`.
    """

    __slots__ = ("args", "grows", "keeps", "key", "op", "overwrites", "owed", "part", "pin", "used")

    def __init__(self, part: Part, model: Model) -> None:
        op = self.op = part.op
        self.part = part
        self.args = (op.f, op.value, op.result, op.status)
        self.keeps = model.keeps(op)
        self.overwrites = not self.keeps and model.overwrites(op)
        self.grows = op.f in model.growing and not self.keeps and not self.overwrites
        self.pin = ANYWHERE if self.overwrites or self.grows else model.pins(op)
        self.owed = self.used = 0
        # Equal optional operations that never return stand in for each other; others only for themselves.
        self.key: object = self.args if part.returned is None else self


class Progress:
    """The operations in progress, sorted by how a search uses them."""

    def __init__(self, model: Model) -> None:
        self._step = model.step
        self._init = model.init
        self._strict: dict[int, Task] = {}  # required, change the state, depend on it: by `owed`
        self._pinned: dict[State, int] = {}  # required, keep the state: the one they need -> bits
        self._roaming: dict[int, tuple] = {}  # the same, legal in several states: bit -> args
        self._wanted: dict[State, int] = {}  # needed by operations that change the state: count
        self._curious: dict[Task, None] = {}  # others that change it and depend on it
        self._makers: dict[State, dict[object, list[Task]]] = {}  # overwrite, by the new state
        self._growing: dict[object, list[Task]] = {}  # legal in every state and extend it
        self._options: dict[object, list[Task]] = {}  # optional, depend on the state otherwise
        self.hidden = 0  # the `owed` bits of those that overwrite or grow
        self.grown = 0  # the `owed` bits of those that grow

    def invoke(self, task: Task) -> None:
        """Add an operation."""
        if task.keeps:
            if task.pin is ANYWHERE:
                self._roaming[task.owed] = task.args
            else:
                self._pinned[task.pin] = self._pinned.get(task.pin, 0) | task.owed
        elif task.overwrites:
            made = self._makers.setdefault(self._made_by(task), {})
            made.setdefault(task.key, []).append(task)
            self.hidden |= task.owed
        elif task.grows:
            self._growing.setdefault(task.key, []).append(task)
            self.hidden |= task.owed
            self.grown |= task.owed
        else:
            if task.part.required:
                self._strict[task.owed] = task
            else:
                self._options.setdefault(task.key, []).append(task)
            if task.pin is ANYWHERE:
                self._curious[task] = None
            else:
                self._wanted[task.pin] = self._wanted.get(task.pin, 0) + 1

    def forget(self, task: Task) -> None:
        """Take out an operation that has returned."""
        if task.keeps:
            if task.pin is ANYWHERE:
                del self._roaming[task.owed]
            else:
                _lower(self._pinned, task.pin, self._pinned[task.pin] & ~task.owed)
        elif task.overwrites:
            state = self._made_by(task)
            del self._makers[state][task.key]
            if not self._makers[state]:
                del self._makers[state]
            self.hidden &= ~task.owed
        elif task.grows:
            del self._growing[task.key]
            self.hidden &= ~task.owed
            self.grown &= ~task.owed
        else:
            if task.part.required:
                del self._strict[task.owed]
            else:
                del self._options[task.key]
            if task.pin is ANYWHERE:
                del self._curious[task]
            else:
                _lower(self._wanted, task.pin, self._wanted[task.pin] - 1)

    def _made_by(self, task: Task) -> State:
        return self._step(self._init, *task.args)[1]

    def absorbed(self, state: State) -> int:
        """Return the `owed` bits of the operations that are legal in `state` and keep it."""
        bits = self._pinned.get(state, 0)
        for bit, args in self._roaming.items():
            if self._step(state, *args)[0]:
                bits |= bit
        return bits

    def moves(self, state: State, target: Task) -> Iterator[tuple[int, int, int, int, State]]:
        """Yield (test, value, clear, put, new state) for what may take effect next in `state`.

        An operation that overwrites, and an optional one, is worth using only right before one in
        progress that depends on the state it makes; others may as well come later. The target is
        always tried: it has to take effect now, or this is its last chance.
        """
        for bit, task in self._strict.items():
            legal, new = self._step(state, *task.args)
            if legal:
                yield bit, bit, bit, 0, new
        for tasks in self._growing.values():
            new = self._step(state, *tasks[0].args)[1]
            yield from _in_turn(tasks, tasks[0].owed, new)
        for tasks in self._options.values():
            legal, new = self._step(state, *tasks[0].args)
            if legal and (tasks[0] is target or (new != state and self._useful(new))):
                yield from _in_turn(tasks, 0, new)
        if target.overwrites:
            yield target.used, 0, self.hidden, target.used, self._made_by(target)
        for new, kinds in self._useful_makers():
            for tasks in kinds.values():
                if tasks[0] is not target:
                    yield from _in_turn(tasks, self.hidden, new)

    def _useful_makers(self) -> Iterable[tuple[State, dict[object, list[Task]]]]:
        """Yield the states that somebody needs, with the operations that make them."""
        needed = len(self._pinned) + len(self._wanted)
        if self._roaming or self._curious or self._growing or len(self._makers) <= needed:
            for state, kinds in self._makers.items():
                if self._useful(state):
                    yield state, kinds
            return
        for state in self._pinned:  # never a set: its order would differ from run to run
            if state in self._makers:
                yield state, self._makers[state]
        for state in self._wanted:
            if state in self._makers and state not in self._pinned:
                yield state, self._makers[state]

    def _useful(self, state: State) -> bool:
        if state in self._pinned or state in self._wanted or self._growing:
            return True
        step = self._step
        return any(step(state, *args)[0] for args in self._roaming.values()) or any(
            step(state, *task.args)[0] for task in self._curious
        )


def _in_turn(
    tasks: list[Task], hidden: int, new: State
) -> Iterator[tuple[int, int, int, int, State]]:
    """Yield one move for each of some equal operations: each only after the one before it."""
    before = 0
    for task in tasks:
        yield before | task.used, before, hidden, task.used, new
        before = task.used


def _lower(counts: dict[State, int], state: State, left: int) -> None:
    if left:
        counts[state] = left
    else:
        del counts[state]


def layout(tasks: Sequence[Task], events: Sequence[tuple[int, bool, int]]) -> tuple[int, int]:
    """Give every task its bits and return (the mask of strict bits, the mask to begin with).

    From the lowest: `owed` bits of required operations that change the state and depend on it
    (strict: two configurations are compared only when these are equal), `owed` bits of the other
    required ones, `used` bits. Of two masks with the same state and strict bits, the one whose
    bits are a subset of the other's is at least as good.
    """
    free = [t.keeps or t.overwrites or t.grows for t in tasks]
    required = [t.part.required for t in tasks]
    strict = _slots(events, [r and not f for r, f in zip(required, free, strict=True)])
    free = _slots(events, [r and f for r, f in zip(required, free, strict=True)])
    used = _slots(events, [t.overwrites or t.grows or not t.part.required for t in tasks])
    first = max(strict.values(), default=-1) + 1
    second = first + max(free.values(), default=-1) + 1
    for index, slot in strict.items():
        tasks[index].owed = 1 << slot
    for index, slot in free.items():
        tasks[index].owed = 1 << first + slot
    for index, slot in used.items():
        tasks[index].used = 1 << second + slot
    return (1 << first) - 1, (1 << second) - 1


def _slots(events: Sequence[tuple[int, bool, int]], chosen: list[bool]) -> dict[int, int]:
    """Return for each chosen index the smallest number that is free while it is in progress."""
    slot: dict[int, int] = {}
    free: list[int] = []
    made = 0
    for _, returns, index in events:
        if not chosen[index]:
            continue
        if returns:
            heappush(free, slot[index])
        elif free:
            slot[index] = heappop(free)
        else:
            slot[index] = made
            made += 1
    return slot
