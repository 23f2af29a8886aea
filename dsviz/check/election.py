"""Judges of elections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dsviz.check.verdict import Verdict
from dsviz.trace import Trace


@dataclass(frozen=True)
class OneLeader:
    """Judge: in each term at most one node leads, over the whole run, stopped nodes included.

    Reads what nodes show: the attribute `state` has the value `leader` while a node leads, and
    `term` is the number of the term (the epoch, the generation).
    """

    name: str = "one leader a term"
    state: str = "state"
    leader: str = "leader"
    term: str = "term"

    def __call__(self, trace: Trace) -> Verdict:
        led: dict[Any, tuple[str, int, float]] = {}  # term -> its leader, since which event
        now: dict[str, tuple[Any, Any]] = {}  # node -> (state, term) as shown last
        for time, seq, what, node, _, data, _, _ in trace.rows:
            if what == "start":
                now.pop(node, None)
            if what != "state" or (self.state not in data and self.term not in data):
                continue
            state, term = now.get(node, (None, None))
            state, term = data.get(self.state, state), data.get(self.term, term)
            now[node] = state, term
            if state != self.leader:
                continue
            first, since, at = led.setdefault(term, (node, seq, time))
            if first != node:
                sentence = (
                    f"{self.term.capitalize()} {term} has two leaders: {first} since {at:,.0f} ms "
                    f"and {node} since {time:,.0f} ms."
                )
                return Verdict(self.name, "violated", sentence, time, (since, seq))
        return Verdict(
            self.name, "ok", f"Each {self.term} had one leader at most ({len(led)} had)."
        )


#: Election safety as Raft has it.
one_leader = OneLeader()
