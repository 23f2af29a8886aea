"""The futures that a player's viewer has opened, and the way back: undo and redo.

Nothing here runs anything: `Branches` says which faults each future has, and each change returns
the `State` that the player then makes pictures of.
"""

from __future__ import annotations

from typing import Any

from dsviz.errors import DsvizError
from dsviz.widgets.futures import Faults, State


class Branches:
    """The script (future 0), the futures beside it, and which two of them are looked at."""

    def __init__(
        self, script: Faults, seed: int, futures: list[Faults] | None = None, shown: int = 0
    ) -> None:
        self.script = script
        self.now = State(futures or [], shown, 0, seed)
        self.past: list[State] = []
        self.undone: list[State] = []

    @property
    def all(self) -> list[Faults]:
        """The faults of every future, those of the script first."""
        return [self.script, *self.now.futures]

    @property
    def faults(self) -> Faults:
        """The faults of the future on show."""
        return self.all[self.now.shown]

    @property
    def base(self) -> Faults:
        """The faults of the future that the one on show is compared with."""
        return self.all[self.now.beside]

    def fault(self, index: Any) -> Any:
        """Return a fault of the future on show. Raises DsvizError when there is none."""
        if isinstance(index, bool) or not isinstance(index, int):
            raise DsvizError(f"index={index!r} must be the number of a fault")
        if not 0 <= index < len(self.faults):
            raise DsvizError(f"there is no fault {index}; this run has {len(self.faults)}")
        return self.faults[index]

    # Each returns what would be, and changes nothing ----------------------------------------

    def with_faults(self, faults: Faults, seed: int | None = None) -> State:
        """Give the future on show other faults; the script's own change opens a future."""
        futures, shown = list(self.now.futures), self.now.shown
        if faults == self.faults:
            pass
        elif not shown:
            futures.append(faults)
            shown = len(futures)
        else:
            futures[shown - 1] = faults
        beside = 0 if self.now.beside == shown else self.now.beside
        if shown and faults == self.script and len(futures) == 1:
            futures, shown, beside = [], 0, 0  # nothing differs any more
        return State(futures, shown, beside, self.now.seed if seed is None else seed)

    def one_more(self) -> State:
        """Open a future, for now the same as the one on show."""
        futures = [*self.now.futures, self.faults]
        return State(futures, len(futures), self.now.shown, self.now.seed)

    def showing(self, future: Any, beside: Any = None) -> State:
        """Show a future beside another. Raises DsvizError for a number that no future has."""
        for number in (future, *([] if beside is None else [beside])):
            _check_number(number)
            if not 0 <= number <= len(self.now.futures):
                count = len(self.now.futures) + 1
                raise DsvizError(f"there is no future {number}; there are {count}")
        compared = self.now.beside if beside is None else beside
        compared = (self.now.beside if compared == future else compared) if future else compared
        compared = 0 if compared == future else compared
        return State(self.now.futures, future, compared, self.now.seed)

    def without(self, future: Any) -> State:
        """Forget a future. Raises DsvizError for no such future, and for the script."""
        _check_number(future)
        if not 1 <= future <= len(self.now.futures):
            raise DsvizError(f"there is no future {future} to close; the script stays")
        futures = self.now.futures[: future - 1] + self.now.futures[future:]
        shown = self.now.shown - (self.now.shown >= future)
        return State(futures, min(max(shown, 0), len(futures)), 0, self.now.seed)

    def as_scripted(self) -> State:
        """Forget all futures but the script."""
        return State([], 0, 0, self.now.seed)


def _check_number(future: Any) -> None:
    if isinstance(future, bool) or not isinstance(future, int):
        raise DsvizError(f"future={future!r} must be the number of a future")
