"""The frontier search: walk a history once and keep every state the object may be in.

After Lowe, "Testing for linearizability" (Concurrency and Computation 2017), and Knossos'
`linear`: a *configuration* is a state together with a mask of what has taken effect of the
operations in progress. When an operation returns, each configuration is carried on just until
that operation has taken effect; those that cannot get there are dropped. When none is left, no
order explains the history up to this return.

What keeps it small:

- The bits of an operation are free again when it has returned, so masks stay as small as the
  number of operations in progress.
- Operations that never change the state take effect as soon as they are legal: waiting gains
  nothing. (Not so for a write of the value that is there: it must not be absorbed.)
- When an operation that overwrites takes effect, each other one in progress *may* have done so
  just before, unseen. Instead of trying both, the configuration notes that nothing is owed for
  it any more and that it can still be used: as good as either.
- Operations that overwrite, and optional ones (their outcome is unknown, or they lie across the
  edge of a window), are used only right before something that needs the state they make.
- Of two configurations with the same state, one that owes no more and has used no more is kept.
- With appends, a state that is no prefix of what a later read returns is dropped, unless an
  operation that is no append may come between.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from dsviz.check.ahead import Ahead
from dsviz.check.model import ANYWHERE, SOMETHING_ELSE, Model, State
from dsviz.check.progress import Looks, Move, Part, Progress, Task, layout
from dsviz.history import Operation

NEVER = float("inf")
_BYTES_A_CONFIGURATION = 200

# (state, strict bits) -> masks, none of them a subset of another.
Table = dict[tuple[State, int], list[int]]

# (test, value, keep, put, new state, owes): to be gone where ``mask & test == value``; then the
# mask becomes ``mask & keep | put``, and a dead end when it has a bit of `owes`.
Way = tuple[int, int, int, int, State, int]


class Search:
    """One frontier search over one object; `advance` does some of it.

    `outcome` is None while it runs, then ``ok``, ``violated`` (`died` is the operation at whose
    return no configuration was left) or ``undecided`` (there was no room for more). `position` is
    how far in the history it is, `steps` the work done, `size` the configurations it holds.
    `foresaw` tells that it dropped something because of what comes later: then a violation may be
    seen before it is certain. Searches with the same model may share their `looks`.
    """

    def __init__(
        self,
        model: Model,
        parts: Sequence[Part],
        starts: Iterable[State],
        look_ahead: bool = True,
        looks: Looks | None = None,
    ) -> None:
        self.outcome: str | None = None
        self.died: Operation | None = None
        self.position: float = -NEVER
        self.steps = 0
        looks = looks or Looks(model)
        tasks = [Task(part, looks) for part in parts]
        events = _in_order(parts)
        self._strict, full = layout(tasks, events)
        self._events = [(position, returns, tasks[index]) for position, returns, index in events]
        self._table: Table = {(state, full & self._strict): [full] for state in starts}
        self.size = len(self._table)
        self._progress = Progress(model)
        self._needs = _Needs(tasks)
        self._ahead = Ahead(model, tasks) if model.reaches and look_ahead else None
        #: state -> (what to take it for, the bits it absorbs, the bits it must not owe)
        self._look = self._look_ahead if self._ahead else self._progress.look
        self._room = self._pause_at = NEVER
        self._work = self._run()

    @property
    def foresaw(self) -> bool:
        return self._ahead is not None and self._ahead.used

    def advance(self, steps: float = NEVER, room: float = NEVER) -> None:
        """Go on for about `steps` steps, holding at most `room` configurations, or to the end."""
        self._pause_at, self._room = self.steps + steps, room
        next(self._work, None)

    def give_up(self) -> None:
        """End undecided and free the memory."""
        self.outcome = "undecided"
        self._table, self.size = {}, 0
        self._work.close()

    def _run(self) -> Iterator[None]:
        progress, ahead = self._progress, self._ahead
        for position, returns, task in self._events:
            if returns:
                self.position = position
                if ahead:
                    ahead.at(position)
                done: Table = {}
                lacking = self._return(task, done)
                if lacking:
                    yield from self._expand(task, lacking, done)
                    if self.outcome:
                        return
                self._table = done
                self.size = sum(map(len, done.values()))
                if not done:
                    self.outcome, self.died = "violated", task.op
                    return
                progress.forget(task)
            else:
                progress.invoke(task)
            if ahead:
                ahead.passed(task, returns)
        self.outcome = "ok"

    def _return(self, task: Task, done: Table) -> Table:
        """Put the configurations where `task` has taken effect into `done`; return the others."""
        lacking: Table = {}
        owed, used = task.owed, task.used
        look, admit = self._look, self._admit
        last_chance = used and self._needs.later(task, self.position)
        for (state, _), masks in self._table.items():
            state, absorbed, owes = look(state)
            if owes is None:
                continue
            for mask in masks:
                mask &= ~absorbed
                if mask & owes:
                    continue
                if mask & owed:
                    admit(lacking, state, mask)
                    continue
                if last_chance and not mask & used:
                    admit(lacking, state, mask)
                admit(done, state, (mask | owed) & ~used)
        self.steps += self.size
        return lacking

    def _expand(self, task: Task, seen: Table, done: Table) -> Iterator[None]:
        """Let operations in progress take effect, in every order, until `task` has.

        `seen` holds the configurations to begin with; what has taken fewer steps goes first, so
        that it is there to beat the others. Those where the task has taken effect go to `done`.
        """
        queue = [(key, mask) for key, masks in seen.items() for mask in masks]
        overwriting = self._ways(self._progress.overwriting(task), task)
        ways_from: dict[State, list[Way]] = {}
        goal, reached = (task.used, task.used) if task.used else (task.owed, 0)
        for key, mask in queue:
            state = key[0]
            if len(seen[key]) > 1 and mask not in seen[key]:
                continue  # beaten meanwhile
            ways = ways_from.get(state)
            if ways is None:
                ways = self._ways(self._progress.depending(state, task), task) + overwriting
                ways_from[state] = ways
                self.size += sys.getsizeof(state) // _BYTES_A_CONFIGURATION
            self.steps += 1 + len(ways)
            for test, value, keep, put, new, owes in ways:
                if mask & test != value:
                    continue
                then = mask & keep | put
                if then & owes:
                    continue
                if then & goal == reached:
                    self._admit(done, new, (then | task.owed) & ~task.used)
                elif self._admit(seen, new, then):
                    queue.append(((new, then & self._strict), then))
            if self.size > self._room:
                self.outcome = "undecided"
                return
            if self.steps >= self._pause_at:
                yield

    def _ways(self, moves: Iterable[Move], task: Task) -> list[Way]:
        """Return the moves that are no dead ends, each with what the new state absorbs."""
        ways = []
        for test, value, clear, put, new in moves:
            new, absorbed, owes = self._look(new)
            if owes is None or (new is SOMETHING_ELSE and put not in (0, task.used)):
                continue
            ways.append((test, value, ~(clear | absorbed), put, new, owes))
        return ways

    def _look_ahead(self, state: State) -> tuple[State, int, int | None]:
        state, owes = self._ahead.look(state)
        return state, self._progress.absorbed(state), owes

    def _admit(self, table: Table, state: State, mask: int) -> bool:
        """Add a configuration unless it is beaten; drop what it beats."""
        key = (state, mask & self._strict)
        masks = table.get(key)
        if masks is None:
            table[key] = [mask]
            self.size += 1
            return True
        for other in masks:
            if other & mask == other:
                return False
        kept = [other for other in masks if mask & other != mask]
        self.steps += len(masks) // 8
        self.size += 1 + len(kept) - len(masks)
        kept.append(mask)
        table[key] = kept
        return True


class _Needs:
    """Up to which position of the history something may depend on a state."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._until: dict[State, float] = {}
        for task in tasks:
            if not task.overwrites:
                returned = task.part.returned
                until = NEVER if returned is None else returned
                self._until[task.pin] = max(until, self._until.get(task.pin, -NEVER))

    def later(self, task: Task, position: int) -> bool:
        """Tell whether the state that `task` makes may matter after `position`."""
        if self._until.get(ANYWHERE, -NEVER) > position or not task.overwrites:
            return True
        return self._until.get(task.made, -NEVER) > position


def _in_order(parts: Sequence[Part]) -> list[tuple[int, bool, int]]:
    """Return (position, is a return, index) in order; at one position, invocations come first."""
    begins = [(part.invoked, False, index) for index, part in enumerate(parts)]
    ends = [
        (part.returned, True, index)
        for index, part in enumerate(parts)
        if part.returned is not None
    ]
    return sorted(begins + ends)
