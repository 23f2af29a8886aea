"""What lab 04 says about a counterexample: facts of the execution, then a direction to look in.

A hint is found in the trace alone: who had which value when, upon which message an operation was
answered, which numbers travelled with a value. It never quotes code and never sees any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from dsviz.check.verdict import Verdict
from dsviz.grading.lab import Hint
from dsviz.grading.register import Register, Served, holds, sent_at
from dsviz.trace import Trace

Find = Callable[[Register, Verdict], str | None]


def _hint(name: str, advice: str, *properties: str) -> Callable[[Find], Hint]:
    """Return a decorator that makes a hint for violations of these properties."""

    def make(find: Find) -> Hint:
        def tell(trace: Trace, verdict: Verdict) -> str | None:
            return find(Register(trace), verdict) if verdict.check in properties else None

        return Hint(name, advice, tell)

    return make


SAFETY = "linearizable"


# What happened to single operations -----------------------------------------------------------


def _answered_ops(register: Register) -> Iterator[Served]:
    """Yield the operations that were answered ok, in the order in which they began."""
    return (op for op in register.ops.values() if op.status == "ok")


def _involved(register: Register, verdict: Verdict) -> list[Served]:
    """Return the answered operations that the verdict names; if it names none, all of them."""
    named = [register.ops[i] for i in verdict.operations if i in register.ops]
    return [op for op in named or register.ops.values() if op.status == "ok"]


def _holders(register: Register, op: Served, until: float) -> list[str]:
    """Return the replicas that had got the operation's value by then."""
    rows = register.carried(op.seen)
    return sorted({row[3] for row in rows if row[0] <= until})


def _what(op: Served) -> str:
    return f"the write of {op.value}" if op.f == "write" else f"{op.client}'s read of {op.result}"


def _names(names: Iterable[str]) -> str:
    words = sorted(names)
    return " and ".join(words) if len(words) < 3 else ", ".join(words[:-1]) + " and " + words[-1]


# Durability -----------------------------------------------------------------------------------


@_hint(
    "acknowledged before it was durable",
    "An acknowledgment promises that the version survives a power loss: when is that true?",
    SAFETY,
)
def lost_power(register: Register, verdict: Verdict) -> str | None:
    """M6: a replica acknowledged a version, and a power loss erased it."""
    for op in _involved(register, verdict):
        acked = {}
        for row in register.store_acks(op):
            acked.setdefault(row[4], sent_at(row))
        for row in register.trace.rows:
            if row[2] == "undone" and row[3] in acked and acked[row[3]] <= row[0]:
                by = _names(acked)
                return (
                    f"power loss erased {op.seen}, acknowledged by {len(acked)} replicas ({by}): "
                    f"{row[3]} acknowledged it at {acked[row[3]]:,.0f} ms and lost it at "
                    f"{row[0]:,.0f} ms"
                )
    return None


@_hint(
    "forgotten at a restart",
    "After a crash a node starts with nothing but what its disk holds: who reads it?",
    SAFETY,
)
def forgot(register: Register, verdict: Verdict) -> str | None:
    """A replica restarted and answered as if it had never stored anything."""
    for op in _involved(register, verdict):
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


# Versions -------------------------------------------------------------------------------------


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        yield float(value)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _numbers(item)


@_hint(
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


@_hint(
    "counter reused",
    "A coordinator knows only its own writes. Whom must it ask, and how many of them, "
    "before it can choose the next version?",
    SAFETY,
)
def skipped_phase_one(register: Register, verdict: Verdict) -> str | None:
    """M4: a write was sent to replicas before its coordinator had heard from any."""
    for op in _writes(register):
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


def _writes(register: Register) -> list[Served]:
    return [op for op in register.ops.values() if op.f == "write"]


def _same_counter(register: Register, op: Served) -> tuple[Served, int] | None:
    """Return another write that travels with a version whose first number is the same."""
    mine = _counters(register, op)
    for other in _writes(register):
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


@_hint(
    "one version, two values",
    "Two clients may write through one coordinator at the same time, and a coordinator may "
    "restart: what makes a version different from every other one, always?",
    SAFETY,
)
def version_twice(register: Register, verdict: Verdict) -> str | None:
    """The same version travels with two values of one key."""
    first: dict[Any, Served] = {}
    for op in _writes(register):
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


# Who was counted ------------------------------------------------------------------------------


@_hint(
    "counted for another operation",
    "Late answers are no accident but the rule: how can a coordinator tell which operation an "
    "answer belongs to, and which of its two phases?",
    SAFETY,
)
def counted_for_another(register: Register, verdict: Verdict) -> str | None:
    """M2: an operation was answered thanks to a message that another operation had asked for."""
    for op in _answered_ops(register):
        own = {row[4] for row in register.store_acks(op, op.answered_at)}
        if op.seen is None or len(own) >= register.majority:
            continue
        for row in register.told(op.coordinator, register.phase_two(op), op.answered_at):
            root = register.root(row)
            other = next((o for o in register.ops.values() if o.request == root), op)
            if other.id != op.id and row[4] not in own:
                return (
                    f"an ack of operation {other.id} ({_what(other)}) counted for operation "
                    f"{op.id} ({_what(op)}): {op.coordinator} got it from {row[4]} at "
                    f"{row[0]:,.0f} ms, and only {_names(own) or 'nobody'} had stored {op.seen}"
                )
    return None


@_hint(
    "answer of an earlier phase",
    "An answer belongs to an operation and to one of its phases: count it for no other.",
    SAFETY,
)
def counted_for_another_phase(register: Register, verdict: Verdict) -> str | None:
    """The first phase's late answers were counted as acknowledgments of the second."""
    for op in _answered_ops(register):
        if op.answer is None or op.seen is None:
            continue
        sent = register.phase_two(op)
        after = [row for row in register.heard(op, op.answered_at) if row[0] > sent]
        acks = {row[4] for row in register.store_acks(op, op.answered_at)}
        extra = {row[4] for row in after} - acks
        if len(acks) < register.majority <= len(acks | extra):
            return (
                f"{op.coordinator} answered {_what(op)} when {_names(acks)} had stored it; "
                f"{_names(extra)} had only answered the question of the first phase, late"
            )
    return None


@_hint(
    "one replica counted twice",
    "The network may deliver a message twice. Does the coordinator count messages or replicas?",
    SAFETY,
)
def counted_twice(register: Register, verdict: Verdict) -> str | None:
    """A duplicated acknowledgment was counted as two replicas."""
    for op in _answered_ops(register):
        rows = register.store_acks(op, op.answered_at)
        who = [row[4] for row in rows]
        if len(set(who)) < register.majority <= len(who):
            twice = next(name for name in who if who.count(name) > 1)
            return (
                f"{op.coordinator} answered {_what(op)} after {len(who)} acknowledgments from "
                f"{len(set(who))} of {len(register.replicas)} replicas: {twice} was counted "
                f"{who.count(twice)} times"
            )
    return None


@_hint(
    "sets that do not meet",
    "Count how many replicas a read hears and how many a write waits for: must the two sets "
    "share one, for every N?",
    SAFETY,
)
def disjoint(register: Register, verdict: Verdict) -> str | None:
    """M5: the replicas that stored a write and those that a read heard have none in common."""
    ops = _involved(register, verdict)
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


@_hint(
    "fewer than a majority",
    "How many replicas are a majority when there are five of them? And when there are three?",
    SAFETY,
)
def too_few(register: Register, verdict: Verdict) -> str | None:
    """A write was answered before a majority had stored it."""
    for op in _involved(register, verdict):
        acks = {row[4] for row in register.acks_before_answer(op)}
        if op.f == "write" and len(acks) < register.majority:
            return (
                f"{op.coordinator} answered {_what(op)} when {len(acks)} of "
                f"{len(register.replicas)} replicas had stored it"
            )
    return None


# Replicas -------------------------------------------------------------------------------------


@_hint(
    "older overwrote newer",
    "Messages overtake each other: what must a replica compare before it stores?",
    SAFETY,
)
def overwritten(register: Register, verdict: Verdict) -> str | None:
    """A replica replaced a version by an older one that came later."""
    writes = {op.value: op for op in _writes(register)}
    for replica in register.replicas:
        newest: Served | None = None
        for row in register.stores:
            if row[3] != replica or row[4] not in register.coordinators:
                continue
            op = next((w for v, w in writes.items() if holds(row[5].body, v)), None)
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


@_hint(
    "answered with something older",
    "A replica that has a version must never go back to an older one, whatever arrives.",
    SAFETY,
)
def went_back(register: Register, verdict: Verdict) -> str | None:
    """A replica had got a version and answered a read without it."""
    ops = _involved(register, verdict)
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


@_hint(
    "keys mixed up",
    "Each key is a register of its own, with its own versions.",
    SAFETY,
)
def keys_mixed(register: Register, verdict: Verdict) -> str | None:
    """A read returned a value that was written to another key."""
    keys = {op.value: op.key for op in _writes(register)}
    for op in _answered_ops(register):
        if op.f == "read" and op.result in keys and keys[op.result] != op.key:
            return f"{op.result} was written to {keys[op.result]}, not to {op.key}"
    return None


@_hint(
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


# Reads ----------------------------------------------------------------------------------------


@_hint(
    "write-back not awaited",
    "Sending a version is not storing it: what must a read know before it answers?",
    SAFETY,
)
def write_back_not_awaited(register: Register, verdict: Verdict) -> str | None:
    """A read sent the newest version back, but answered before a majority had it."""
    for read in _involved(register, verdict):
        if read.f != "read" or read.result is None:
            continue
        sent = register.phase_two(read)
        had = _holders(register, read, read.answered_at)
        if sent <= read.answered_at and len(had) < register.majority:
            return (
                f"{read.coordinator} answered {_what(read)} when it had sent {read.result} back, "
                f"but only {_names(had)} had stored it"
            )
    return None


@_hint(
    "new, then old",
    "The next reader may hear other replicas: what must be true of a version before a read may "
    "tell anybody about it?",
    SAFETY,
)
def inversion(register: Register, verdict: Verdict) -> str | None:
    """M1: a read returned a version that fewer than a majority held."""
    for read in _involved(register, verdict):
        if read.f != "read" or read.result is None:
            continue
        had = _holders(register, read, read.answered_at)
        if len(had) < register.majority:
            return (
                f"{read.client} was told {read.result} when only {_names(had)} had it: a new-old "
                f"inversion, the next reader met replicas that had not"
            )
    return None


# Answers --------------------------------------------------------------------------------------


@_hint(
    "waits for every replica",
    "Which replicas may an operation do without, if up to half of them may be down?",
    "answers",
)
def waits_for_all(register: Register, verdict: Verdict) -> str | None:
    """A majority had answered, and the coordinator still waited."""
    for op in (register.ops[i] for i in verdict.operations):
        heard = {row[4] for row in register.heard(op)}
        if len(heard) >= register.majority and len(heard) < len(register.replicas):
            silent = set(register.replicas) - heard
            return (
                f"{_names(heard)} had answered, a majority, and {op.coordinator} still waited for "
                f"{_names(silent)}"
            )
    return None


@_hint(
    "gives up",
    "How long can a network be down? When is it safe to stop asking?",
    "answers",
)
def gives_up(register: Register, verdict: Verdict) -> str | None:
    """The coordinator asked again for a while and then no more."""
    for op, times in _askings(register, verdict):
        if len(times) > 1:
            return (
                f"{op.coordinator} asked {len(times)} times, the last time at {times[-1]:,.0f} ms, "
                "and then gave up"
            )
    return None


@_hint(
    "asks once",
    "A message may be lost, and so may its answer. Who notices, and what can it do?",
    "answers",
)
def asks_once(register: Register, verdict: Verdict) -> str | None:
    """The coordinator asked each replica once and then waited for ever."""
    for op, times in _askings(register, verdict):
        if len(times) == 1:
            return f"{op.coordinator} asked the replicas at {times[0]:,.0f} ms and never again"
    return None


def _askings(register: Register, verdict: Verdict) -> Iterator[tuple[Served, list[float]]]:
    """Yield each operation named with the moments at which its coordinator asked replicas."""
    for op in (register.ops[i] for i in verdict.operations):
        times = {
            round(sent_at(row), 3)
            for row in op.rows
            if row[2] in ("deliver", "drop", "flight")
            and row[4] == op.coordinator
            and row[3] in register.replicas
        }
        yield op, sorted(times)


@_hint("error", "Open the counterexample at that moment: which message had the node just got?", "no errors")
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
    gives_up,
    asks_once,
)
