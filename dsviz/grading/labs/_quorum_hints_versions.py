"""Hints of lab 04 about what replicas keep, and about versions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dsviz.check.verdict import Verdict
from dsviz.grading.labs._quorum_words import SAFETY, answered, hint, holders, involved, names, what, writes
from dsviz.grading.register import Register, Served, holds, sent_at


@hint(
    "acknowledged before it was durable",
    "An acknowledgment promises that the version survives a power loss: when is that true?",
    SAFETY,
)
def lost_power(register: Register, verdict: Verdict) -> str | None:
    """M6: a replica acknowledged a version, and a power loss erased it."""
    for op in involved(register, verdict):
        acked = {}
        for row in register.store_acks(op):
            acked.setdefault(row[4], sent_at(row))
        for row in register.trace.rows:
            if row[2] == "undone" and row[3] in acked and acked[row[3]] <= row[0]:
                by = names(acked)
                return (
                    f"power loss erased {op.seen}, acknowledged by {len(acked)} replicas ({by}): "
                    f"{row[3]} acknowledged it at {acked[row[3]]:,.0f} ms and lost it at "
                    f"{row[0]:,.0f} ms"
                )
    return None


@hint(
    "forgotten at a restart",
    "After a crash a node starts with nothing but what its disk holds: who reads it?",
    SAFETY,
)
def forgot(register: Register, verdict: Verdict) -> str | None:
    """A replica restarted and answered as if it had never stored anything."""
    for op in involved(register, verdict):
        for row in register.trace.rows:
            if row[2] != "start" or row[5] == 1 or row[3] not in register.replicas:
                continue
            had = [r for r in register.carried(op.seen) if r[3] == row[3] and r[0] < row[0]]
            if had and _answers_without(register, row[3], row[0], op):
                return (
                    f"{row[3]} had got {op.seen} at {had[0][0]:,.0f} ms, and after its restart at "
                    f"{row[0]:,.0f} ms it no longer knew it"
                )
    return None


def _answers_without(register: Register, replica: str, since: float, op: Served) -> bool:
    """Whether the first answer of a replica after a moment lacks the operation's value."""
    for row in register.trace.rows:
        if row[2] == "deliver" and row[4] == replica and sent_at(row) >= since:
            return not holds(row[5].body, op.seen)
    return False


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        yield float(value)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _numbers(item)


@hint(
    "version from a clock",
    "Clocks of different nodes may disagree by any amount. What else grows with every write?",
    SAFETY,
)
def version_is_a_clock(register: Register, verdict: Verdict) -> str | None:
    """M3: a number that travels with a value is the coordinator's local time."""
    for op in register.ops.values():
        if op.f != "write":
            continue
        offset = register.clock_offset(op.coordinator, op.began)
        if not offset:
            continue
        moments = [row[0] + offset for row in op.rows if row[3] == op.coordinator]
        for row in register.sent(op.value, op.coordinator):
            for number in _numbers(row[5].body):
                if any(abs(number - moment) <= 1.0 for moment in moments):
                    word = "behind" if offset < 0 else "ahead"
                    return (
                        f"skew made the version of a later write smaller: {op.value} travels with "
                        f"{number:,.0f}, the clock of {op.coordinator}, which is "
                        f"{abs(offset):,.0f} ms {word}"
                    )
    return None


@hint(
    "counter reused",
    "A coordinator knows only its own writes. Whom must it ask, and how many of them, "
    "before it can choose the next version?",
    SAFETY,
)
def skipped_phase_one(register: Register, verdict: Verdict) -> str | None:
    """M4: a write was sent to replicas before its coordinator had heard from any."""
    for op in writes(register):
        sent = register.phase_two(op)
        if sent == float("inf") or register.heard(op, sent):
            continue
        other = _same_counter(register, op)
        if other is not None:
            return (
                f"a counter was reused: two values with version {other[1]}. {op.coordinator} sent "
                f"{op.value} at {sent:,.0f} ms without having asked any replica, and "
                f"{other[0].value} of {other[0].coordinator} carries the same number"
            )
        return (
            f"a counter was reused or went back: {op.coordinator} sent {op.value} at "
            f"{sent:,.0f} ms without having asked any replica for the newest version"
        )
    return None


def _same_counter(register: Register, op: Served) -> tuple[Served, int] | None:
    """Return another write that travels with a version whose first number is the same."""
    mine = _counters(register, op)
    for other in writes(register):
        if other.coordinator != op.coordinator and other.key == op.key:
            shared = mine & _counters(register, other)
            if shared:
                return other, min(shared)
    return None


def _counters(register: Register, op: Served) -> set[int]:
    return {int(next(_numbers(version))) for version in _versions(register, op.value).values()}


def _versions(register: Register, value: Any) -> dict[str, Any]:
    """Return what may be the version of a value: it is in every message that brings the value.

    An operation's number also travels with a value, but changes from one operation to the next.
    """
    common: dict[str, Any] | None = None
    for row in register.bringing(value):
        found = {repr(version): version for version in _candidates(row)}
        common = found if common is None else {k: v for k, v in common.items() if k in found}
    return common or {}


def _candidates(row: tuple) -> list[Any]:
    """Return what may be a version in a message: tuples with a number, numbers named like one."""
    found = []
    for name, value in row[5].body.items():
        several = isinstance(value, tuple) and any(True for _ in _numbers(value))
        named = name.lower() in ("version", "ver", "v", "counter", "ctr", "stamp", "ts", "tag")
        if several or (named and any(True for _ in _numbers(value))):
            found.append(value)
    return found


@hint(
    "one version, two values",
    "Two clients may write through one coordinator at the same time, and a coordinator may "
    "restart: what makes a version different from every other one, always?",
    SAFETY,
)
def version_twice(register: Register, verdict: Verdict) -> str | None:
    """The same version travels with two values of one key."""
    first: dict[Any, Served] = {}
    for op in writes(register):
        for text, version in _versions(register, op.value).items():
            other = first.setdefault((op.key, text), op)
            if other is not op:
                return (
                    f"{op.coordinator} gave the version {_shown(version)} to {other.value} and to "
                    f"{op.value}, and each replica kept the one that came first"
                )
    return None


def _shown(version: Any) -> str:
    return repr(version).replace("'", "")


@hint(
    "older overwrote newer",
    "Messages overtake each other: what must a replica compare before it stores?",
    SAFETY,
)
def overwritten(register: Register, verdict: Verdict) -> str | None:
    """A replica replaced a version by an older one that came later."""
    by_value = {op.value: op for op in writes(register)}
    for replica in register.replicas:
        newest: Served | None = None
        for row in register.stores:
            if row[3] != replica or row[4] not in register.coordinators:
                continue
            op = next((w for v, w in by_value.items() if holds(row[5].body, v)), None)
            if op is None:
                continue
            if newest and op.key == newest.key and op.answered_at < newest.began:
                if _answers_with(register, replica, row[0], op):
                    return (
                        f"{replica} had {newest.value}, then a late message brought the older "
                        f"{op.value} at {row[0]:,.0f} ms, and {replica} kept that"
                    )
            else:
                newest = op
    return None


def _answers_with(register: Register, replica: str, since: float, op: Served) -> bool:
    """Whether a replica tells a coordinator the operation's value after a moment."""
    return any(
        row[2] == "deliver" and row[4] == replica and sent_at(row) > since
        for row in register.trace.rows
        if row[2] == "deliver" and row[4] == replica and holds(row[5].body, op.value)
    )


@hint(
    "answered with something older",
    "A replica that has a version must never go back to an older one, whatever arrives.",
    SAFETY,
)
def went_back(register: Register, verdict: Verdict) -> str | None:
    """A replica had got a version and answered a read without it."""
    ops = involved(register, verdict)
    for op in ops:
        for read in (o for o in ops if o.f == "read" and o.key == op.key and o.seen != op.seen):
            for row in register.heard(read, register.decided(read)):
                had = [r for r in register.carried(op.seen) if r[3] == row[4]]
                since = min((r[0] for r in had), default=float("inf"))
                if since < sent_at(row) and not holds(row[5].body, op.seen):
                    return (
                        f"{row[4]} had got {op.seen} at {since:,.0f} ms, and at "
                        f"{sent_at(row):,.0f} ms it answered {read.client}'s read without it"
                    )
    return None


@hint(
    "keys mixed up",
    "Each key is a register of its own, with its own versions.",
    SAFETY,
)
def keys_mixed(register: Register, verdict: Verdict) -> str | None:
    """A read returned a value that was written to another key."""
    keys = {op.value: op.key for op in writes(register)}
    for op in answered(register):
        if op.f == "read" and op.result in keys and keys[op.result] != op.key:
            return f"{op.result} was written to {keys[op.result]}, not to {op.key}"
    return None


@hint(
    "fail that was no failure",
    "A write that reached one replica may still take effect. What may a coordinator say when it "
    "does not know?",
    SAFETY,
    "answers",
)
def false_fail(register: Register, verdict: Verdict) -> str | None:
    """A write was reported as failed although it had been sent to replicas."""
    for op in register.ops.values():
        if op.status == "fail" and op.f == "write" and register.sent(op.value, op.coordinator):
            return (
                f"{op.coordinator} had already sent {op.value} to replicas when it said at "
                f"{op.answered_at:,.0f} ms that the write failed"
            )
    return None
