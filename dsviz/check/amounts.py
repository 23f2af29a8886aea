"""Judges of what nodes show together: sums that stay, sequences that never part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dsviz.check.verdict import Verdict
from dsviz.check.words import shown
from dsviz.trace import Trace


@dataclass(frozen=True)
class Conserved:
    """Judge: what all nodes show adds up to `total`, after every change or only at the end.

    ``amount(value)`` is what one node's shown attribute is worth (default: itself; a mapping: the
    sum of its values). A node that stopped counts with what it showed last: it has it on disk.
    """

    name: str
    attribute: str
    total: float
    always: bool = False  # in between, some of it may be under way
    amount: Callable[[Any], float] | None = None

    def __call__(self, trace: Trace) -> Verdict:
        held: dict[str, tuple[Any, int]] = {}
        needed = sum(1 for _ in {row[3] for row in self._rows(trace)})
        for row in self._rows(trace):
            held[row[3]] = (row[5][self.attribute], row[1])
            if self.always and len(held) == needed and self._sum(held) != self.total:
                return self._violated(held, row[0])
        if held and self._sum(held) != self.total:
            return self._violated(held, trace.duration)
        return Verdict(self.name, "ok", f"{self.attribute} of all nodes adds up to {self.total:g}.")

    def _rows(self, trace: Trace) -> list[tuple]:
        return [row for row in trace.rows if row[2] == "state" and self.attribute in row[5]]

    def _sum(self, held: dict[str, tuple[Any, int]]) -> float:
        def worth(value: Any) -> float:
            return sum(value.values()) if isinstance(value, dict) else value

        return sum((self.amount or worth)(value) for value, _ in held.values())

    def _violated(self, held: dict[str, tuple[Any, int]], at: float) -> Verdict:
        parts = ", ".join(f"{node} {shown(value)}" for node, (value, _) in held.items())
        sentence = (
            f"At {at:,.0f} ms {self.attribute} adds up to {self._sum(held):g} instead of "
            f"{self.total:g}: {parts}."
        )
        events = tuple(sorted(seq for _, seq in held.values()))
        return Verdict(self.name, "violated", sentence, at, events)


@dataclass(frozen=True)
class Prefix:
    """Judge: of the sequences that nodes show, one is always a prefix of the other.

    So they agree on a common order, and some may only be behind: state-machine replication, total
    order broadcast, a log and its copies. What a node showed before it stopped counts as well.
    """

    name: str
    attribute: str

    def __call__(self, trace: Trace) -> Verdict:
        longest: Sequence[Any] = ()
        by: tuple[str, int] = ("", -1)
        for time, seq, what, node, _, data, _, _ in trace.rows:
            if what != "state" or self.attribute not in data:
                continue
            mine = data[self.attribute]
            for place, (one, other) in enumerate(zip(mine, longest, strict=False)):
                if one != other:
                    sentence = (
                        f"At place {place + 1}, {node} has {shown(one)} and {by[0]} had "
                        f"{shown(other)}."
                    )
                    return Verdict(self.name, "violated", sentence, time, (by[1], seq))
            if len(mine) > len(longest):
                longest, by = mine, (node, seq)
        return Verdict(self.name, "ok", f"All agree on the {len(longest)} that any of them has.")
