"""What a judge says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check.

    `status` is ``ok``, ``violated`` or ``undecided`` (a budget ran out: never a guess).
    `sentence` says why, in words a learner can follow in the trace. `at` is the time in ms from
    which the check is violated (None otherwise). `events` are the seq numbers of the events that
    show it, in order of time, and `operations` the ids of the operations involved.
    """

    check: str
    status: str
    sentence: str
    at: float | None = None
    events: tuple[int, ...] = ()
    operations: tuple[int, ...] = ()

    @property
    def ok(self) -> bool:
        """True only for ``ok``: an undecided check has not passed."""
        return self.status == "ok"

    def __str__(self) -> str:
        return f"{self.check}: {self.status}. {self.sentence}"
