"""A task for a player: what to bring about, and how to see that it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dsviz.check.verdict import Verdict
from dsviz.trace import Trace


@dataclass(frozen=True)
class Look:
    """What a mission may look at: the run shown now, and how it came about.

    `faults` are those of the run, `settings` the values of a playground's controls (empty for a
    player alone), `numbers` the rows (label, value) that the playground shows.
    """

    trace: Trace
    verdicts: tuple[Verdict, ...] = ()
    faults: tuple[Any, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)

    def status(self, check: str) -> str:
        """Return ``ok``, ``violated`` or ``undecided``; ``""`` when no such check was made."""
        return next((v.status for v in self.verdicts if v.check == check), "")


@dataclass(frozen=True)
class Mission:
    """`text` says what to bring about. `done` tells whether a look shows it; without one the
    learner ticks it off. `hint` is shown on request."""

    text: str
    done: Callable[[Look], bool] | None = None
    hint: str = ""
