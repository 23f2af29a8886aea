"""Search all keys of a history in turns, under one budget."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from dsviz.check.frontier import Search
from dsviz.check.model import Model
from dsviz.check.parts import prefix, whole
from dsviz.check.progress import Looks
from dsviz.errors import DsvizError
from dsviz.history import Operation

_TURN = 250  # steps of one key before the next has its turn
_MORE = 100_000  # steps that the other keys may take in any case


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a search may cost before it says ``undecided``.

    `steps` bounds the time: a step takes about a microsecond, rarely ten. `configurations` bounds
    the memory: one takes about 300 bytes. Both are counted alike on every machine, so a verdict
    never depends on how fast the machine is. Raises DsvizError for anything but whole numbers
    of at least 1.
    """

    steps: int = 5_000_000
    configurations: int = 400_000

    def __post_init__(self) -> None:
        for name in ("steps", "configurations"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise DsvizError(f"Budget({name}={value!r}): give a whole number of at least 1")

    def __str__(self) -> str:
        return f"budget: {self.steps:,} steps, {self.configurations:,} configurations"


@dataclass
class Race:
    """One search a key. Run it with `first_refuted` or `all_refuted`; then read the rest.

    `refuted` holds a pair (key, position) for each key that is not linearizable, with the return
    at which that became certain; `undecided` the keys that the budget did not suffice for.
    """

    objects: dict[object, list[Operation]]
    model: Model
    budget: Budget
    refuted: list[tuple[object, int]] = field(default_factory=list)
    undecided: list[object] = field(default_factory=list)
    steps: int = 0

    def __post_init__(self) -> None:
        looks = Looks(self.model)
        self._running = {
            key: Search(self.model, whole(ops, self.model), [self.model.init], looks=looks)
            for key, ops in self.objects.items()
        }

    def first_refuted(self) -> tuple[object, int] | None:
        """Return the key that is refuted, and the position at which that became certain.

        The search ends with the first refutation found, but for this: the other keys may go on
        to its position, with as many steps as were used till then, since one that is refuted
        earlier in the history is the better answer.
        """
        while self._running and not self.refuted and self.steps < self.budget.steps:
            self._turn()
        if self.refuted:
            most = min(self.budget.steps, 2 * self.steps + _TURN)
            while self._behind() and self.steps < most:
                self._turn()
        return self._end()

    def all_refuted(self) -> tuple[object, int] | None:
        """The same, but the other keys may go on to the end, for four times as long."""
        most = self.budget.steps
        while self._running and self.steps < most:
            found = bool(self.refuted)
            self._turn()
            if self.refuted and not found:
                most = min(most, 4 * self.steps + _MORE)
        return self._end()

    def _turn(self) -> None:
        """Give every key that is still running some steps."""
        for key, search in list(self._running.items()):
            others = sum(s.size for s in self._running.values()) - search.size
            before = search.steps
            turn = min(_TURN, max(1, self.budget.steps - self.steps))
            search.advance(turn, self.budget.configurations - others)
            self.steps += search.steps - before
            if search.outcome is None:
                if self.refuted and self.steps >= self.budget.steps:
                    return
                continue
            del self._running[key]
            if search.outcome == "violated":
                self.refuted.append((key, self._certain_at(key, search)))
            elif search.outcome == "undecided":
                self.undecided.append(key)

    def _behind(self) -> bool:
        """Drop the searches that are past the earliest refutation; tell whether any are left."""
        earliest = min(position for _, position in self.refuted)
        for key, search in list(self._running.items()):
            if search.position >= earliest:
                del self._running[key]
        return bool(self._running)

    def _end(self) -> tuple[object, int] | None:
        self.undecided += self._running
        self._running.clear()
        self.refuted.sort(key=lambda pair: pair[1])
        return self.refuted[0] if self.refuted else None

    def _certain_at(self, key: object, search: Search) -> int:
        """Return the return at which nothing could explain this key's history any more.

        A search that looks ahead may know it earlier than that: it is between this return and
        the last, and once it is certain it stays so.
        """
        if not search.foresaw:
            return search.position
        ops = self.objects[key]
        ends = sorted(op.returned for op in ops if op.returned is not None)
        low = bisect_left(ends, search.position) - 1  # not certain yet
        high, stride = low + 1, 1
        while high < len(ends) - 1 and not self._refuted_by(ops, ends[high]):
            low, stride = high, 2 * stride
            high = min(high + stride, len(ends) - 1)
        while high - low > 1:
            middle = (low + high) // 2
            if self._refuted_by(ops, ends[middle]):
                high = middle
            else:
                low = middle
        return ends[high]

    def _refuted_by(self, ops: Sequence[Operation], end: int) -> bool:
        search = Search(self.model, prefix(ops, self.model, end), [self.model.init])
        search.advance(self.budget.steps, self.budget.configurations)
        return search.outcome == "violated"
