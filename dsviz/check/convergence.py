"""Do replicas agree once everything is quiet?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dsviz.check.invariants import Agree
from dsviz.check.verdict import Verdict
from dsviz.trace import Trace

__all__ = ["Converged", "converged_at"]


@dataclass(frozen=True)
class Converged:
    """Judge: all running nodes of a role show the same when nothing has happened for a while.

    `shown` is the attribute they show. The run is quiet when, for `calm` ms before its end, that
    attribute changed nowhere in the role and no fault began or ended. A run that is not quiet is
    undecided: replicas that differ may be about to agree, and the other way round.
    """

    role: str
    shown: str
    calm: float = 0.0
    name: str = "replicas converge"

    def __call__(self, trace: Trace) -> Verdict:
        busy = self._last_change(trace)
        if busy is not None and busy[0] > trace.duration - self.calm:
            text = (
                f"{busy[1]} at {busy[0]:,.0f} ms, less than {self.calm:g} ms before the end of the "
                "run: watch longer."
            )
            return Verdict(self.name, "undecided", text)
        verdict = Agree(self.name, self.role, self.shown)(trace)
        if verdict.status == "violated" and self.calm:
            text = f"{verdict.sentence[:-1]}, and nothing changed in the last {self.calm:g} ms."
            return Verdict(self.name, "violated", text, verdict.at, verdict.events)
        return verdict

    def _last_change(self, trace: Trace) -> tuple[float, str] | None:
        for time, _, what, node, _, data, _, _ in reversed(trace.rows):
            if what in ("fault", "heal"):
                return time, f"a fault {'began' if what == 'fault' else 'ended'}"
            if what == "state" and trace.nodes.get(node) == self.role and self.shown in data:
                return time, f"{node} changed"
        return None


def converged_at(trace: Trace, role: str, shown: str) -> float | None:
    """Return from when on, in ms, all running nodes of a role showed the same; None if they don't.

    0 when they never differed.
    """
    holds: dict[str, Any] = {}
    down: set[str] = set()
    since: float | None = 0.0
    for time, _, what, node, _, data, _, _ in trace.rows:
        if trace.nodes.get(node) != role:
            continue
        if what == "state" and shown in data:
            holds[node] = data[shown]
        elif what == "crash":
            down.add(node)
        elif what == "start":
            down.discard(node)
        else:
            continue
        live = [value for name, value in holds.items() if name not in down]
        agree = all(value == live[0] for value in live)
        since = (time if since is None else since) if agree else None
    return since
