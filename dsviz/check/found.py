"""What a hunt came back with: a run that fails, or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dsviz.check.reduce import operations_of
from dsviz.check.verdict import Verdict


@dataclass(frozen=True)
class Found:
    """A run that violates a check, made small. True in an ``if``.

    ``found.scenario.run(found.seed)`` is the run, ``Player(found.scenario, seed=found.seed)``
    plays it. `runs` counts the runs up to the one that failed, in the order of the seeds, and
    `shrink_runs` those it took to make it small. `minimal` says that no fault and no operation of
    a client can be left out; it is False when the budget for shrinking ran out before that was
    sure. `first_seed` is the seed that was found; shrinking may have moved to another one, `seed`,
    under which a smaller part fails. `failing` are the seeds that fail (the first only, unless
    all were counted or the smallest of several was wanted).
    """

    scenario: Any
    seed: int
    verdict: Verdict
    runs: int
    shrink_runs: int
    minimal: bool
    first_seed: int
    failing: tuple[int, ...] = ()
    undecided: tuple[int, ...] = ()
    raised: tuple[int, ...] = ()
    original: Any = None  # the scenario as it was found, with all its faults

    def __bool__(self) -> bool:
        return True

    @property
    def faults(self) -> tuple:
        """The faults that are left after shrinking."""
        return self.scenario.faults

    @property
    def size(self) -> int:
        """How many faults, and operations in the lists of clients, are left."""
        nodes = self.scenario.nodes.values()
        return len(self.faults) + sum(len(operations_of(node)) for node in nodes)

    @property
    def trace(self) -> Any:
        """The run itself, made again."""
        return self.scenario.run(self.seed)

    def __str__(self) -> str:
        lines = [f"Found at seed {self.first_seed} after {runs_of(self.runs)}: {self.verdict}"]
        lines += [f"  {fault}" for fault in self.faults]
        size = "no fault or operation can be left out" if self.minimal else "not fully shrunk"
        lines.append(f"  (seed {self.seed}, {count_of(len(self.faults), 'fault')}; {size})")
        return "\n".join(lines)

    __repr__ = __str__


@dataclass(frozen=True)
class NotFound:
    """No run violated a check, which proves nothing beyond these runs. False in an ``if``.

    `undecided` are the seeds of runs that a judge could not decide within its budget, `raised`
    those in which a node stopped because its own code raised an error, `error` the first of these
    errors.
    """

    scenario: Any
    runs: int
    undecided: tuple[int, ...]
    raised: tuple[int, ...]
    error: str | None = None

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        name = getattr(self.scenario, "name", None)
        text = f"Not found in {runs_of(self.runs)}" + (f" of {name!r}" if name else "")
        if self.undecided:
            text += f", {len(self.undecided):,} of them undecided"
        if self.raised:
            error = (self.error or "").splitlines()[-1:]
            text += f"; in {runs_of(len(self.raised))} a node stopped because its code raised "
            text += "".join(error)
        return text + "."

    __repr__ = __str__


def runs_of(count: int) -> str:
    """Return ``1 run`` or ``2,000 runs``."""
    return count_of(count, "run")


def count_of(count: int, what: str) -> str:
    """Return a number of things in words."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")
