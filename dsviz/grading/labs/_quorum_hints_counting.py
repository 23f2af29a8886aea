"""Hints of lab 04 about whom a coordinator counts, and when it may answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dsviz.check.verdict import Verdict
from dsviz.grading.labs._quorum_words import SAFETY, answered, hint, holders, involved, names, what, writes
from dsviz.grading.register import Register, Served, holds, sent_at


@hint(
    "counted for another operation",
    "Late answers are no accident but the rule: how can a coordinator tell which operation an "
    "answer belongs to, and which of its two phases?",
    SAFETY,
)
def counted_for_another(register: Register, verdict: Verdict) -> str | None:
    """M2: an operation was answered thanks to a message that another operation had asked for."""
    for op in answered(register):
        own = {row[4] for row in register.store_acks(op, op.answered_at)}
        if op.seen is None or len(own) >= register.majority:
            continue
        for row in register.told(op.coordinator, register.phase_two(op), op.answered_at):
            root = register.root(row)
            other = next((o for o in register.ops.values() if o.request == root), op)
            if other.id != op.id and row[4] not in own:
                return (
                    f"an ack of operation {other.id} ({what(other)}) counted for operation "
                    f"{op.id} ({what(op)}): {op.coordinator} got it from {row[4]} at "
                    f"{row[0]:,.0f} ms, and only {names(own) or 'nobody'} had stored {op.seen}"
                )
    return None


@hint(
    "answer of an earlier phase",
    "An answer belongs to an operation and to one of its phases: count it for no other.",
    SAFETY,
)
def counted_for_another_phase(register: Register, verdict: Verdict) -> str | None:
    """The first phase's late answers were counted as acknowledgments of the second."""
    for op in answered(register):
        if op.answer is None or op.seen is None:
            continue
        sent = register.phase_two(op)
        after = [row for row in register.heard(op, op.answered_at) if row[0] > sent]
        acks = {row[4] for row in register.store_acks(op, op.answered_at)}
        extra = {row[4] for row in after} - acks
        if len(acks) < register.majority <= len(acks | extra):
            return (
                f"{op.coordinator} answered {what(op)} when {names(acks)} had stored it; "
                f"{names(extra)} had only answered the question of the first phase, late"
            )
    return None


@hint(
    "one replica counted twice",
    "The network may deliver a message twice. Does the coordinator count messages or replicas?",
    SAFETY,
)
def counted_twice(register: Register, verdict: Verdict) -> str | None:
    """A duplicated acknowledgment was counted as two replicas."""
    for op in answered(register):
        rows = register.store_acks(op, op.answered_at)
        who = [row[4] for row in rows]
        if len(set(who)) < register.majority <= len(who):
            twice = next(name for name in who if who.count(name) > 1)
            return (
                f"{op.coordinator} answered {what(op)} after {len(who)} acknowledgments from "
                f"{len(set(who))} of {len(register.replicas)} replicas: {twice} was counted "
                f"{who.count(twice)} times"
            )
    return None


@hint(
    "sets that do not meet",
    "Count how many replicas a read hears and how many a write waits for: must the two sets "
    "share one, for every N?",
    SAFETY,
)
def disjoint(register: Register, verdict: Verdict) -> str | None:
    """M5: the replicas that stored a write and those that a read heard have none in common."""
    ops = involved(register, verdict)
    for write in (op for op in ops if op.f == "write"):
        stored = {row[4] for row in register.store_acks(write, write.answered_at)}
        for read in (op for op in ops if op.f == "read" and op.result != write.value):
            heard = {row[4] for row in register.heard(read, register.decided(read))}
            if stored and heard and not stored & heard:
                return (
                    f"the sets {{{', '.join(sorted(stored))}}} and {{{', '.join(sorted(heard))}}} "
                    f"are disjoint: the first stored {write.value}, the second answered the read"
                )
    return None


@hint(
    "fewer than a majority",
    "How many replicas are a majority when there are five of them? And when there are three?",
    SAFETY,
)
def too_few(register: Register, verdict: Verdict) -> str | None:
    """A write was answered before a majority had stored it."""
    for op in involved(register, verdict):
        acks = {row[4] for row in register.acks_before_answer(op)}
        if op.f == "write" and len(acks) < register.majority:
            return (
                f"{op.coordinator} answered {what(op)} when {len(acks)} of "
                f"{len(register.replicas)} replicas had stored it"
            )
    return None


@hint(
    "write-back not awaited",
    "Sending a version is not storing it: what must a read know before it answers?",
    SAFETY,
)
def write_back_not_awaited(register: Register, verdict: Verdict) -> str | None:
    """A read sent the newest version back, but answered before a majority had it."""
    for read in involved(register, verdict):
        if read.f != "read" or read.result is None:
            continue
        sent = register.phase_two(read)
        had = holders(register, read, read.answered_at)
        if sent <= read.answered_at and len(had) < register.majority:
            return (
                f"{read.coordinator} answered {what(read)} when it had sent {read.result} back, "
                f"but only {names(had)} had stored it"
            )
    return None


@hint(
    "new, then old",
    "The next reader may hear other replicas: what must be true of a version before a read may "
    "tell anybody about it?",
    SAFETY,
)
def inversion(register: Register, verdict: Verdict) -> str | None:
    """M1: a read returned a version that fewer than a majority held."""
    for read in involved(register, verdict):
        if read.f != "read" or read.result is None:
            continue
        had = holders(register, read, read.answered_at)
        if len(had) < register.majority:
            return (
                f"{read.client} was told {read.result} when only {names(had)} had it: a new-old "
                f"inversion, the next reader met replicas that had not"
            )
    return None
