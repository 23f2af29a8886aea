"""What comes later in a history says about the state now: the look-ahead of the frontier search."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from dsviz.check.model import ANYWHERE, SOMETHING_ELSE, Model, State
from dsviz.check.progress import Task

NEVER = float("inf")
_FAR = 200  # how many operations ahead it looks


class Ahead:
    """Looks ahead in a history of a model whose operations can grow the state.

    An operation that needs one state (a read) finds it only if the state now can grow into it, or
    if an operation that changes the state otherwise comes between and leads there. So a state
    can be a dead end; or nobody will ever see what is in it: such states are all one.
    """

    def __init__(self, model: Model, tasks: Sequence[Task]) -> None:
        self.used = False
        self.now: float = -NEVER
        self._model = model
        self._memo: dict[State, tuple[State, int | None]] = {}
        pinned = sorted(
            (t for t in tasks if t.pin is not ANYWHERE), key=lambda task: task.part.invoked
        )
        self._coming = pinned[::-1]  # not yet invoked, the next one last
        self._open: dict[Task, None] = {}
        self._since = _since([t for t in pinned if t.keeps], tasks, model)
        # Up to this position something may tell any two states apart.
        self._told_until = max((_end(t) for t in tasks if _unpredictable(t)), default=-NEVER)
        overwriting = [t for t in tasks if t.overwrites and t.part.required]
        overwriting.sort(key=lambda task: task.part.invoked)
        self._invoked = [t.part.invoked for t in overwriting]
        self._first_return = [NEVER]
        for task in reversed(overwriting):
            self._first_return.append(min(self._first_return[-1], _end(task)))
        self._first_return.reverse()

    def at(self, position: float) -> None:
        """Say that the search is about to carry on at the return at `position`."""
        self.now = position
        self._memo.clear()

    def passed(self, task: Task, returns: bool) -> None:
        """Note that the search has passed an event."""
        if task.pin is ANYWHERE:
            return
        if returns:
            del self._open[task]
        else:
            self._coming.pop()
            self._open[task] = None

    def look(self, state: State) -> tuple[State, int | None]:
        """Return what to take `state` for, and the `owed` bits with which it is a dead end.

        None instead of the bits: it is a dead end anyway. A state is taken for SOMETHING_ELSE
        when nobody can see it before it is overwritten.
        """
        seen = self._memo.get(state)
        if seen is None:
            seen = self._memo[state] = self._look(state)
        return seen

    def _look(self, state: State) -> tuple[State, int | None]:
        reaches, since, now = self._model.reaches, self._since, self.now
        visible, owes = self._told_until >= now, 0
        for task in self._open:
            if reaches(state, task.pin):
                visible = True
            elif since.get(task, NEVER) < now:
                owes |= task.owed
        # Whatever is invoked after a whole later overwriting operation cannot see this state.
        horizon = self._first_return[bisect_right(self._invoked, now)]
        for back in range(1, len(self._coming) + 1):
            task = self._coming[-back]
            if task.part.invoked > horizon:
                break
            if back > _FAR or reaches(state, task.pin):
                visible = True
                break
            if since.get(task, NEVER) < now:
                self.used = True
                return state, None
        self.used |= owes != 0
        return (state if visible else SOMETHING_ELSE), owes


def _end(task: Task) -> float:
    return NEVER if task.part.returned is None else task.part.returned


def _unpredictable(task: Task) -> bool:
    return task.pin is ANYWHERE and not task.overwrites and not task.grows


def _since(aims: Sequence[Task], tasks: Sequence[Task], model: Model) -> dict[Task, float]:
    """Return for each of `aims` the position from which only growth leads to the state it needs.

    Before that position another operation may still make a state that grows into the needed one.
    """
    changing = [t for t in tasks if not t.keeps and not t.grows]
    changing.sort(key=lambda task: task.part.invoked)
    unknown = [t for t in changing if t.part.returned is None]
    returning = [t for t in changing if t.part.returned is not None]
    invoked = [t.part.invoked for t in returning]
    latest = [-NEVER]  # the last return among the first n
    for task in returning:
        latest.append(max(latest[-1], _end(task)))
    since: dict[Task, float] = {}
    for number, aim in enumerate(aims):
        if any(t.part.invoked < _end(aim) and _leads(t, aim.pin, model) for t in unknown):
            since[aim] = NEVER
            continue
        relevant = aims[number - _FAR].part.invoked if number >= _FAR else -NEVER
        since[aim], index = -NEVER, bisect_right(invoked, _end(aim))
        while index and latest[index] > max(relevant, since[aim]):
            index -= 1
            if _leads(returning[index], aim.pin, model):
                since[aim] = max(since[aim], _end(returning[index]))
    return since


def _leads(task: Task, state: State, model: Model) -> bool:
    """Tell whether an operation may make a state that grows into `state`."""
    if task.overwrites:
        before = model.init
    elif task.pin is ANYWHERE:
        return True
    else:
        before = task.pin
    return model.reaches(model.step(before, *task.args)[1], state)
