"""What lab 04 says about a counterexample: facts of the execution, then a direction to look in.

A hint is found in the trace alone: who had which value when, upon which message an operation was
answered, which numbers travelled with a value. It never quotes code and never sees any.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from dsviz.check.verdict import Verdict
from dsviz.grading.lab import Hint
from dsviz.grading.labs._quorum_hints_counting import counted_for_another, counted_for_another_phase, counted_twice, disjoint, inversion, too_few, write_back_not_awaited
from dsviz.grading.labs._quorum_hints_versions import false_fail, forgot, keys_mixed, lost_power, overwritten, skipped_phase_one, version_is_a_clock, version_twice, went_back
from dsviz.grading.labs._quorum_words import SAFETY, answered, hint, holders, involved, names, what, writes
from dsviz.grading.register import Register, Served, holds, sent_at


@hint(
    "waits for every replica",
    "Which replicas may an operation do without, if up to half of them may be down?",
    "answers",
)
def waits_for_all(register: Register, verdict: Verdict) -> str | None:
    """A majority had answered, and the coordinator still waited."""
    for op in (register.ops[i] for i in verdict.operations):
        since, asked = _last_phase(register, op)
        heard = {row[4] for row in register.heard(op) if row[0] > since}
        if asked and register.majority <= len(heard) < len(register.replicas):
            silent = set(register.replicas) - heard
            return (
                f"{names(heard)} had answered, a majority, and {op.coordinator} still waited for "
                f"{names(silent)}"
            )
    return None


@hint(
    "asks once",
    "A message may be lost, and so may its answer. Who notices, and what can it do?",
    "answers",
)
def asks_once(register: Register, verdict: Verdict) -> str | None:
    """The coordinator asked each replica once and then waited for ever."""
    for op in (register.ops[i] for i in verdict.operations):
        _, asked = _last_phase(register, op)
        if len(asked) == 1:
            return f"{op.coordinator} asked the replicas at {asked[0]:,.0f} ms and never again"
    return None


@hint(
    "gives up",
    "How long can a network be down? When is it safe to stop asking?",
    "answers",
)
def gives_up(register: Register, verdict: Verdict) -> str | None:
    """The coordinator asked again for a while and then no more."""
    for op in (register.ops[i] for i in verdict.operations):
        _, asked = _last_phase(register, op)
        end = register.trace.duration if op.ended is None else op.ended
        longest = max((later - one for one, later in pairwise(asked)), default=0.0)
        silent = longest and end - asked[-1] > 2 * longest
        if silent or (asked and op.status == "fail"):
            return (
                f"{op.coordinator} asked {len(asked)} times, the last time at {asked[-1]:,.0f} ms, "
                "and then gave up"
            )
    return None


def _last_phase(register: Register, op: Served) -> tuple[float, list[float]]:
    """Return when an operation's last phase began, and when its coordinator asked replicas in it."""
    asked = sorted({round(sent_at(row), 3) for row in op.rows if register.asks(row, op)})
    begun = register.phase_two(op) if op.f == "write" else register.decided(op)
    since = begun if begun != float("inf") and begun < op.answered_at else 0.0
    return since, [time for time in asked if time >= round(since, 3)]


@hint("error", "Open the counterexample at that moment: which message had the node just got?", "no errors")
def raised(register: Register, verdict: Verdict) -> str | None:
    """A handler raised."""
    return ""


HINTS: tuple[Hint, ...] = (
    raised,
    keys_mixed,
    lost_power,
    forgot,
    version_is_a_clock,
    skipped_phase_one,
    version_twice,
    counted_for_another,
    counted_twice,
    counted_for_another_phase,
    overwritten,
    went_back,
    false_fail,
    too_few,
    disjoint,
    write_back_not_awaited,
    inversion,
    waits_for_all,
    asks_once,
    gives_up,
)
