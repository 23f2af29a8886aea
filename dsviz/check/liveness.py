"""Judges of progress: when the faults are over, everything that is asked gets done."""

from __future__ import annotations

from dataclasses import dataclass

from dsviz.check.measures import events_of
from dsviz.check.verdict import Verdict
from dsviz.check.words import client, described
from dsviz.trace import Trace


def last_fault(trace: Trace) -> float:
    """Return when the last fault began or ended, in ms (0 without any). A fault without an end
    counts from its beginning: what stays broken is part of the world from then on."""
    times = [row[0] for row in trace.rows if row[2] in ("fault", "heal", "resume")]
    return max(times, default=0.0)


@dataclass(frozen=True)
class Liveness:
    """Judge: an operation that begins after the last fault ended, and after `since` ms, ends
    within `within` ms.

    An operation that its client gave up, or that is still open when its time is over, violates
    this. When no operation was in a position to do so, the verdict is undecided.
    """

    within: float
    since: float = 0.0
    name: str = "everything ends after the faults"

    def __call__(self, trace: Trace) -> Verdict:
        since, judged = max(last_fault(trace), self.since), 0
        for op in trace.history():
            if op.call_ms is None or op.call_ms < since:
                continue
            due = op.call_ms + self.within
            answered = op.return_ms is not None and op.status != "info"
            if answered and op.return_ms <= due:
                judged += 1
            elif not answered and op.return_ms is None and due > trace.duration:
                continue  # the run ended before its time was over
            else:
                end = f"ended at {op.return_ms:,.0f} ms only" if answered else "was not answered"
                sentence = (
                    f"{described(op)} of {client(op)} began at {op.call_ms:,.0f} ms, after the "
                    f"last fault ({since:,.0f} ms), and {end}; {self.within:,.0f} ms are allowed."
                )
                return Verdict(
                    self.name, "violated", sentence, min(due, op.return_ms or due),
                    events_of(trace, op.id), (op.id,),
                )  # fmt: skip
        if not judged:
            return Verdict(
                self.name, "undecided",
                f"No operation that began after {since:,.0f} ms had {self.within:,.0f} ms to end.",
            )  # fmt: skip
        sentence = f"All {judged} operations begun after {since:,.0f} ms ended in time."
        return Verdict(self.name, "ok", sentence)
