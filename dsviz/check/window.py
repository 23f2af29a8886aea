"""Why a history is not linearizable: the few operations that nothing can explain.

**What refutes.** Take some operations of one object that returned (the *certain* ones), and the
span from the first invocation to the last return among them. They refute the history when, in
this span, no order explains their results

- whatever the state was at the beginning of the span (or from the initial state, if the span is
  taken to begin with the history), and
- whatever other operation of the object that overlaps the span took effect in it, or did not.

**Why that is sound.** If the whole history had a legal order, then the operations that take
effect in the span would stand in it one after the other, from some state on. Reads among them
that are not certain can be left out, for they change nothing; the others are allowed for. Leaving
a write out altogether would not be sound: its value may be what a read returned.

**What minimal means.** No operation of a window can be spared: without any one of them, the
others do not refute (in the same sense: from any state, or from the initial one). For the return
at which a window ends,

1. a window of this one operation, from the beginning of the history, is preferred;
2. then one of two operations, of which the other was among the 32 invoked last;
3. else the operations are taken from the latest position such that everything between it and the
   return refutes from any state (if none does, from the beginning of the history), and those that
   can be spared are left out one after the other.

For a whole history, the returns behind the first refutation are tried as well: those where one
operation needs a state that no operation makes, and where few operations lie between the latest
position of step 3 and the return. The window with the fewest operations wins, the earliest of
equals. So it need not be the smallest of all sets of operations that refute, but none is found in
a simpler place. When the search runs out of steps, the smallest window found so far is returned;
what is returned always refutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dsviz.check.frontier import NEVER, Search
from dsviz.check.model import ANYWHERE, Model, State
from dsviz.check.parts import helpful, makes
from dsviz.check.progress import Looks, Part
from dsviz.check.shrink import shrink
from dsviz.history import Operation

_NEAR = 32  # how many operations back a partner for a pair is looked for
_EARLY = 16  # so near the beginning of the history, a window from there on is tried as well
_WIDE = 64  # the longest window that is looked for behind the first refutation
_BEST = 8  # how many short windows are made minimal
_STEPS_A_TRY = 50_000
_ROOM = 20_000
_TRIES = 600


@dataclass(frozen=True)
class Window:
    """Operations that refute a history.

    `operations` are the certain ones, in order of invocation; `possible` others that overlap the
    span and could help, but do not. `from_start` says that the span begins with the history.
    """

    operations: tuple[Operation, ...]
    possible: tuple[Operation, ...]
    from_start: bool

    @property
    def end(self) -> int:
        """The position of the return that completes the refutation."""
        return max(op.returned for op in self.operations)


class Refuter:
    """Looks for windows in what happened to one object, with `steps` steps of search in all.

    `ops` are prepared operations in order of invocation.
    """

    def __init__(self, ops: Sequence[Operation], model: Model, steps: int = 1_000_000) -> None:
        self._ops, self._model, self._left = ops, model, steps
        self._certain = [op for op in ops if op.returned is not None]
        self._changing = [op for op in ops if not model.keeps(op)]
        self._looks = Looks(model)

    def ending(self, end: int) -> Window:
        """Return the window for the return at `end`, where the history is known to be refuted."""
        inside = [op for op in self._certain if op.returned <= end]
        last = next(op for op in reversed(inside) if op.returned == end)
        at_first, explained = self._explained(last)
        if not at_first and explained == -NEVER and self._refutes((last,), from_start=True):
            return self._window((last,), from_start=True)
        near = [op for op in inside[-_NEAR:] if op is not last and op.invoked > explained]
        # The likeliest first: what ended before the last one began, and late.
        near.sort(key=lambda op: (op.returned < last.invoked, op.returned), reverse=True)
        for partner in near:
            if self._refutes((partner, last)):
                return self._window((partner, last))
        count = self._latest_start(inside)
        # From the beginning of the history on, everything together is known to refute.
        tail = tuple(inside[-count:])
        needed = self._needed(tail, last, from_start=not count)
        if count and len(inside) - count <= _EARLY:
            # What refutes from any state refutes from the initial one, perhaps with fewer.
            fewer = self._needed(needed, last, from_start=True)
            if len(fewer) < len(needed):
                return self._window(fewer, from_start=True)
        return self._window(needed, from_start=not count)

    def _needed(
        self, ops: tuple[Operation, ...], last: Operation, from_start: bool
    ) -> tuple[Operation, ...]:
        """Return some of `ops`, `last` among them, that refute and of which none can be spared."""

        def enough(few: Sequence[Operation]) -> bool:
            return any(op is last for op in few) and self._refutes(few, from_start)

        return shrink(ops, enough, _TRIES)

    def shortest(self, end: int) -> Window:
        """Return the smallest window anywhere; `end` is the first return at which it is refuted."""
        best = self.ending(end)
        if len(best.operations) == 1:
            return best
        alone = next(self._alone(), None)
        if alone is not None or len(best.operations) == 2:
            return alone or best
        ends = sorted(self._later_ends(end, best))[:_BEST]
        for _, later in sorted(ends, key=lambda pair: pair[1]):
            other = self.ending(later)
            if len(other.operations) < len(best.operations):
                best = other
        return best

    def _refutes(self, certain: Sequence[Operation], from_start: bool = False) -> bool:
        """Tell whether these operations refute the history; False also when steps run out."""
        if not certain or self._left <= 0:
            return False
        begin = -NEVER if from_start else min(op.invoked for op in certain)
        end = max(op.returned for op in certain)
        others = helpful(self._overlapping(certain, begin, end), certain, self._model)
        starts = [self._model.init] if from_start else self._model.starts([*certain, *others])
        if starts is None:
            return False
        parts = [Part(op, op.invoked, op.returned) for op in certain]
        parts += [Part(op, op.invoked, _within(op, end), False) for op in others]
        search = Search(self._model, parts, starts, looks=self._looks)
        search.advance(min(_STEPS_A_TRY, self._left), _ROOM)
        self._left -= search.steps + len(parts)
        return search.outcome == "violated"

    def _overlapping(self, certain: Sequence[Operation], begin: float, end: int) -> list[Operation]:
        self._left -= len(self._changing) // 8  # looking at them all costs time as well
        chosen = {id(op) for op in certain}
        return [
            op
            for op in self._changing
            if op.invoked <= end
            and (op.returned is None or op.returned >= begin)
            and id(op) not in chosen
        ]

    def _explained(self, last: Operation) -> tuple[bool, float]:
        """Tell what explains `last`: (the initial state, anything in a span from that position).

        A span that reaches back to an operation that makes the state which `last` needs cannot
        refute it alone, nor with one partner: that operation may take effect between the two.
        """
        pin = ANYWHERE if self._model.overwrites(last) else self._model.pins(last)
        until = -NEVER
        for op in self._changing if pin is not ANYWHERE else ():
            if op.invoked > last.returned:
                break
            if self._model.overwrites(op) and makes(op, self._model) == pin:
                until = max(until, NEVER if op.returned is None else op.returned)
        return pin == self._model.init, until

    def _latest_start(self, inside: Sequence[Operation]) -> int:
        """Return how many of the last operations, at least, refute from any state; 0: not even all.

        Starting earlier refutes what starting later does: so double the number, then bisect.
        """
        low, high = 0, 1
        while not self._refutes(inside[-high:]):
            if high >= len(inside):
                return 0
            low, high = high, min(2 * high, len(inside))
        while high - low > 1:
            middle = (low + high) // 2
            if self._refutes(inside[-middle:]):
                high = middle
            else:
                low = middle
        return high

    def _alone(self) -> Iterator[Window]:
        """Yield windows of one operation that needs a state which no operation makes."""
        if self._model.growing and any(op.f in self._model.growing for op in self._ops):
            return
        made: set[State] = {self._model.init}
        made.update(makes(op, self._model) for op in self._changing)
        for op in sorted(self._certain, key=lambda op: op.returned):
            pin = ANYWHERE if self._model.overwrites(op) else self._model.pins(op)
            if pin is not ANYWHERE and pin not in made and self._refutes((op,), from_start=True):
                yield self._window((op,), from_start=True)

    def _later_ends(self, end: int, best: Window) -> Iterator[tuple[int, int]]:
        """Yield (operations inside, end) of windows that end after `end` and are not much wider
        than the best one.

        From each start, the search runs on from any state until nothing is left.
        """
        certain = self._certain
        begin = -NEVER if best.from_start else best.operations[0].invoked
        inside = sum(op.invoked >= begin and op.returned <= best.end for op in certain)
        width = min(_WIDE, 2 * inside)
        for index in range(len(certain)):
            ahead = certain[index : index + width]
            if ahead[-1].returned <= end:
                continue
            begin, stop = ahead[0].invoked, max(op.returned for op in ahead)
            others = helpful(self._overlapping(ahead, begin, stop), ahead, self._model)
            starts = self._model.starts([*ahead, *others])
            if starts is None or self._left <= 0:
                return
            parts = [Part(op, op.invoked, op.returned) for op in ahead]
            parts += [Part(op, op.invoked, _within(op, stop), False) for op in others]
            search = Search(self._model, parts, starts, look_ahead=False, looks=self._looks)
            search.advance(min(_STEPS_A_TRY, self._left), _ROOM)
            self._left -= search.steps + len(parts)
            if search.died is not None and search.position > end:
                yield sum(op.returned <= search.position for op in ahead), search.position

    def _window(self, certain: Sequence[Operation], from_start: bool = False) -> Window:
        begin = -NEVER if from_start else min(op.invoked for op in certain)
        end = max(op.returned for op in certain)
        possible = helpful(self._overlapping(certain, begin, end), certain, self._model)
        ordered = tuple(sorted(certain, key=lambda op: op.invoked))
        return Window(ordered, tuple(possible), from_start)


def _within(op: Operation, end: int) -> int | None:
    return op.returned if op.returned is not None and op.returned <= end else None
