"""What is in progress at one moment of a history: the bookkeeping of the frontier search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dsviz.check.model import ANYWHERE, Model, State
from dsviz.history import Operation


class Part(NamedTuple):
    """An operation's part in a search: when it may take effect, and whether it has to.

    `invoked` and `returned` are positions in the history. One that is not `required` may take
    effect or not; without `returned` it may do so at any later time.
    """

    op: Operation
    invoked: int
    returned: int | None
    required: bool = True


#: What a model says of an operation (see `Model`): whether it keeps, overwrites, grows the state;
#: the state that it needs and, if it overwrites, the one that it makes; `free`: it never depends on
#: the state in a way that its order matters for; `hides`: it may have taken effect unseen.
Look = tuple[bool, bool, bool, State, State, bool, bool]


class Looks:
    """What a model says of operations, kept: histories hold many that are alike."""

    __slots__ = ("known", "model")

    def __init__(self, model: Model) -> None:
        self.model = model
        self.known: dict[tuple, Look] = {}

    def at(self, op: Operation) -> Look:
        """Ask the model about an operation, and keep its answer."""
        model = self.model
        keeps = model.keeps(op)
        overwrites = not keeps and model.overwrites(op)
        grows = op.f in model.growing and not keeps and not overwrites
        pin = ANYWHERE if overwrites or grows else model.pins(op)
        hides = overwrites or grows
        args = (op.f, op.value, op.result, op.status)
        made = model.step(model.init, *args)[1] if overwrites else None
        look = self.known[args] = (keeps, overwrites, grows, pin, made, keeps or hides, hides)
        return look


class Task:
    """A part as the search handles it.

    `owed` is the bit that is 1 until a required operation has taken effect, `used` the bit that
    is 1 when an operation that overwrites, or an optional one, has been used. See `layout`.
    """

    __slots__ = (
        "args", "free", "grows", "keeps", "key", "made", "marks", "op", "overwrites", "owed",
        "part", "pin", "required", "used",
    )  # fmt: skip

    def __init__(self, part: Part, looks: Looks) -> None:
        op, _, returned, required = part
        self.op = op
        self.part = part
        args = self.args = (op.f, op.value, op.result, op.status)
        look = looks.known.get(args) or looks.at(op)
        self.keeps, self.overwrites, self.grows, self.pin, self.made, self.free, hides = look
        self.required = required
        self.marks = hides or not required
        self.owed = self.used = 0
        # Equal optional operations that never return stand in for each other; any other one is
        # alone. (Its id, not itself: else it would be garbage that only a collector finds.)
        self.key: object = args if returned is None else id(self)


#: (test, value, clear, put, new state): usable where ``mask & test == value``; then the bits of
#: `clear` become 0 and those of `put` 1.
Move = tuple[int, int, int, int, State]


class Progress:
    """The operations in progress, sorted by how a search uses them."""

    def __init__(self, model: Model) -> None:
        self._step = model.step
        self._strict: dict[int, Task] = {}  # required, change the state, depend on it: by `owed`
        self._pinned: dict[State, int] = {}  # required, keep the state: the one they need -> bits
        self._roaming: dict[int, tuple] = {}  # the same, legal in several states: bit -> args
        self._wanted: dict[State, int] = {}  # needed by operations that change the state: count
        self._curious: dict[Task, None] = {}  # others that change it and depend on it
        self._makers: dict[State, dict[object, list[Task]]] = {}  # overwrite, by the new state
        self._growing: dict[object, list[Task]] = {}  # legal in every state and extend it
        self._options: dict[object, list[Task]] = {}  # optional, depend on the state otherwise
        self.hidden = 0  # the `owed` bits of those that overwrite or grow

    def invoke(self, task: Task) -> None:
        """Add an operation."""
        if task.keeps:
            if task.pin is ANYWHERE:
                self._roaming[task.owed] = task.args
            else:
                self._pinned[task.pin] = self._pinned.get(task.pin, 0) | task.owed
        elif task.overwrites:
            self._makers.setdefault(task.made, {}).setdefault(task.key, []).append(task)
            self.hidden |= task.owed
        elif task.grows:
            self._growing.setdefault(task.key, []).append(task)
            self.hidden |= task.owed
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
            makers = self._makers[task.made]
            del makers[task.key]
            if not makers:
                del self._makers[task.made]
            self.hidden &= ~task.owed
        elif task.grows:
            del self._growing[task.key]
            self.hidden &= ~task.owed
        else:
            if task.part.required:
                del self._strict[task.owed]
            else:
                del self._options[task.key]
            if task.pin is ANYWHERE:
                del self._curious[task]
            else:
                _lower(self._wanted, task.pin, self._wanted[task.pin] - 1)

    def look(self, state: State) -> tuple[State, int, int]:
        """Return what `Search` asks of a state when nothing looks ahead."""
        if self._roaming:
            return state, self.absorbed(state), 0
        return state, self._pinned.get(state, 0), 0

    def absorbed(self, state: State) -> int:
        """Return the `owed` bits of the operations that are legal in `state` and keep it."""
        bits = self._pinned.get(state, 0)
        if not self._roaming:
            return bits
        for bit, args in self._roaming.items():
            if self._step(state, *args)[0]:
                bits |= bit
        return bits

    def depending(self, state: State, target: Task) -> list[Move]:
        """Return what may take effect next in `state` and depends on it.

        An optional operation is worth using only right before one in progress that depends on the
        state it makes; others may as well come later. The target is always tried: it has to take
        effect now, or this is its last chance.
        """
        moves: list[Move] = []
        for bit, task in self._strict.items():
            legal, new = self._step(state, *task.args)
            if legal:
                moves.append((bit, bit, bit, 0, new))
        for tasks in self._growing.values():
            new = self._step(state, *tasks[0].args)[1]
            _in_turn(moves, tasks, tasks[0].owed, new)
        for tasks in self._options.values():
            legal, new = self._step(state, *tasks[0].args)
            if legal and (tasks[0] is target or (new != state and self._useful(new))):
                _in_turn(moves, tasks, 0, new)
        return moves

    def overwriting(self, target: Task) -> list[Move]:
        """Return what may take effect next whatever the state is: the target, and what is useful.

        Of several that overwrite, only one right before something that needs its state counts.
        """
        moves: list[Move] = []
        if target.overwrites:
            moves.append((target.used, 0, self.hidden, target.used, target.made))
        if self._roaming or self._curious or self._growing:
            useful = [state for state in self._makers if self._useful(state)]
        else:  # never a set of both: its order would differ from run to run
            useful = [state for state in self._pinned if state in self._makers]
            for state in self._wanted:
                if state in self._makers and state not in self._pinned:
                    useful.append(state)
        for state in useful:
            for tasks in self._makers[state].values():
                if tasks[0] is not target:
                    _in_turn(moves, tasks, self.hidden, state)
        return moves

    def _useful(self, state: State) -> bool:
        if state in self._pinned or state in self._wanted or self._growing:
            return True
        step = self._step
        return any(step(state, *args)[0] for args in self._roaming.values()) or any(
            step(state, *task.args)[0] for task in self._curious
        )


def _in_turn(moves: list[Move], tasks: list[Task], clear: int, new: State) -> None:
    """Add one move for each of some equal operations: each only after the one before it."""
    before = 0
    for task in tasks:
        moves.append((before | task.used, before, clear, task.used, new))
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
    bits are a subset of the other's is at least as good. A bit is given again when its operation
    has returned, so there are as many as are ever in use at once.
    """
    spare_strict: list[int] = []
    spare_free: list[int] = []
    spare_used: list[int] = []
    strict = free = used = 0  # how many there are
    for _, returns, index in events:
        task = tasks[index]
        if returns:
            if task.required:
                (spare_free if task.free else spare_strict).append(task.owed)
            if task.marks:
                spare_used.append(task.used)
            continue
        if not task.required:
            pass
        elif task.free:
            if spare_free:
                task.owed = spare_free.pop()
            else:
                task.owed, free = free, free + 1
        elif spare_strict:
            task.owed = spare_strict.pop()
        else:
            task.owed, strict = strict, strict + 1
        if task.marks:
            if spare_used:
                task.used = spare_used.pop()
            else:
                task.used, used = used, used + 1
    both = strict + free
    for task in tasks:
        if task.required:
            task.owed = 1 << (strict + task.owed if task.free else task.owed)
        if task.marks:
            task.used = 1 << both + task.used
    return (1 << strict) - 1, (1 << both) - 1
