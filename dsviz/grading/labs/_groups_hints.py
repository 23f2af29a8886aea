"""What lab 16 says about a counterexample: facts of the execution, then a direction to look in.

A hint is found in the trace alone: who told whom what and when, what was lost, what was durable.
It never quotes code and never sees any.
"""

from __future__ import annotations

from dsviz.check.verdict import Verdict
from dsviz.grading.lab import Hint
from dsviz.grading.labs import _groups_hints_coordinator as coordinator
from dsviz.grading.labs import _groups_hints_member as member
from dsviz.grading.labs._groups_facts import Story, hint


@hint("error", "Open the counterexample there: what did it have, and what did it get?", "no errors")
def raised(_story: Story, _verdict: Verdict) -> str | None:
    return ""


@hint("form", "Compare it with the table of messages.", "well formed")
def malformed(_story: Story, _verdict: Verdict) -> str | None:
    return ""


@hint(
    "moves too much",
    "What did each of them have before? Only what somebody has beyond its share has to move.",
    "balanced",
    "dealt well",
)
def moves(_story: Story, verdict: Verdict) -> str | None:
    return "" if "suffice" in verdict.sentence else None


@hint(
    "deals badly",
    "Every partition has one owner, and no share is larger than another by more than one.",
    "balanced",
    "dealt well",
)
def deals(_story: Story, _verdict: Verdict) -> str | None:
    return ""


@hint(
    "asks for everything",
    "Which of the partitions had to move? The others could have gone on.",
    "asks for little",
)
def everything(_story: Story, verdict: Verdict) -> str | None:
    return "" if "got it again" in verdict.sentence or "got it" in verdict.sentence else None


@hint(
    "begins without a reason",
    "Who had come, left or been silent for too long?",
    "asks for little",
)
def without_reason(_story: Story, _verdict: Verdict) -> str | None:
    return ""


# In this order: the first that fits is told.
HINTS: tuple[Hint, ...] = (
    raised,
    malformed,
    coordinator.announced_early,
    coordinator.counts_anew,
    coordinator.old_confirmation,
    coordinator.evicted_alive,
    coordinator.given_away,
    coordinator.two_at_work,
    coordinator.stale,
    coordinator.not_owned,
    coordinator.refused,
    coordinator.told_early,
    coordinator.forgot,
    coordinator.went_back,
    coordinator.wrong_offset,
    coordinator.wrong_generation,
    coordinator.waits_for_dead,
    coordinator.deaf_to_goodbyes,
    coordinator.said_once,
    coordinator.nobody,
    member.fetched,
    member.old_records,
    member.goes_on_outside,
    member.works_on,
    member.starts_over,
    member.old_request,
    member.old_assignment,
    member.wrong_generation,
    member.begins_elsewhere,
    member.commits_later,
    member.silent,
    member.stopped,
    member.twice,
    member.stands,
    member.left_out,
    moves,
    deals,
    everything,
    without_reason,
)
