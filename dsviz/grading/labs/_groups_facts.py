"""For the hints of lab 16: a counterexample, and what happened in it up to its violation."""

from __future__ import annotations

from collections.abc import Callable

from dsviz.check.verdict import Verdict
from dsviz.grading.lab import Hint
from dsviz.grading.labs._groups_story import Act, Book, acts
from dsviz.trace import Trace

Find = Callable[["Story", Verdict], str | None]


class Story:
    """A counterexample: what happened up to the moment of its violation."""

    def __init__(self, trace: Trace, verdict: Verdict) -> None:
        self.trace, self.at = trace, verdict.at if verdict.at is not None else trace.duration
        self.acts = acts(trace)
        numbers = set(verdict.events)
        self.act = next((act for act in self.acts if act.seq in numbers and act.msg), None)
        if self.act is not None and verdict.check in ("one owner", "own partitions", "hands over"):
            self.act = next(
                act for act in self.acts if act.seq == self.act.seq and act.what == "sent"
            )
        self.book = Book()  # before it happened
        for act in self.acts:
            if act is self.act or act.time > self.at:
                break
            self.book.see(act)

    def found(
        self,
        what: str,
        kind: str,
        since: float = 0.0,
        until: float | None = None,
        **who: str,
    ) -> list[Act]:
        """Return messages of a kind that were sent or handled in a span of time. `who` may name
        `src` and `dst`."""
        until = self.at if until is None else until
        return [
            act
            for act in self.acts
            if act.what == what
            and act.msg.kind == kind
            and since <= act.time <= until
            and all(getattr(act.msg, end) == name for end, name in who.items())
        ]

    def happened(self, what: str, node: str, since: float = 0.0, until: float | None = None):
        """Return when a node started, crashed or stood still in a span of time."""
        until = self.at if until is None else until
        return [
            act.time
            for act in self.acts
            if act.what == what and act.node == node and since <= act.time <= until
        ]

    def synced(self, since: float, until: float) -> bool:
        """Whether a sync of the coordinator's disk ended in a span of time."""
        return any(
            row[2] == "synced" and row[3] == "coord" and since < row[0] <= until
            for row in self.trace.rows
        )


def hint(name: str, advice: str, *properties: str) -> Callable[[Find], Hint]:
    """Return a decorator that makes a hint for violations of these properties."""

    def make(find: Find) -> Hint:
        def tell(trace: Trace, verdict: Verdict) -> str | None:
            return find(Story(trace, verdict), verdict) if verdict.check in properties else None

        return Hint(name, advice, tell)

    return make
