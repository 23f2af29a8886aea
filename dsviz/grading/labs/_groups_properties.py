"""What lab 16 asks of a member, and of the group as a whole, as functions from a trace to a
`Verdict`."""

from __future__ import annotations

from typing import Any

from dsviz.check.verdict import Verdict
from dsviz.grading.labs._groups_coordinator import (
    BOUND,
    asks_for_little,
    commits,
    one_owner,
    served,
)
from dsviz.grading.labs._groups_dealing import balanced
from dsviz.grading.labs._groups_nodes import HEARTBEAT
from dsviz.grading.labs._groups_story import SCRIPT, Act, acts, broken, count
from dsviz.grading.properties import no_errors
from dsviz.trace import Trace

#: What a message must have, by its kind.
FIELDS: dict[str, dict[str, Any]] = {
    "heartbeat": {"generation": int},
    "assign": {"generation": int, "offsets": dict},
    "revoke": {"generation": int, "partitions": (tuple, frozenset)},
    "revoked": {"generation": int, "partitions": (tuple, frozenset)},
    "commit": {"generation": int, "partition": int, "offset": int},
    "committed": {"status": str},
    "effect": {"generation": int, "partition": int, "offset": int},
}
STILL = 2000.0  # ms that a partition may stand still while there are records


def well_formed(trace: Trace) -> Verdict:
    """Judge: each message has the fields of its kind."""
    name = "well formed"
    for act in acts(trace):
        if act.what != "sent" or act.node == "op":
            continue
        for field, kind in FIELDS.get(act.msg.kind, {}).items():
            found = getattr(act.msg, field, None)
            if type(found) is kind is int:
                continue
            fits = isinstance(found, kind) and not isinstance(found, (bool, int))
            if fits and kind is not str:
                fits = all(type(number) is int for number in _numbers(found))
            if not fits:
                what = "no" if found is None else f"{str(found)[:40]!r} as its"
                sentence = (
                    f"a message {act.msg.kind!r} that {act.node} sent to {act.msg.dst} at "
                    f"{act.time:,.0f} ms has {what} {field!r}"
                )
                return broken(name, sentence, act.time, act.seq)
    return Verdict(name, "ok", "Each message has its fields.")


def _numbers(found: Any) -> list[Any]:
    return [*found, *found.values()] if isinstance(found, dict) else list(found)


def own_partitions(trace: Trace) -> Verdict:
    """Judge: a member works on what it holds in the newest generation it has heard of, begins where
    it is told to, goes on from there, and commits what it has worked on."""
    name = "own partitions"
    holds: dict[str, dict[int, int]] = {}  # member -> partition -> the next offset
    newest: dict[str, int] = {}
    given: dict[tuple[str, int], int] = {}  # the generation in which it was given back last
    ended: dict[tuple[str, int], tuple[str, float]] = {}  # why a member holds it no more, and when
    for act in acts(trace):
        member, msg = act.node, act.msg
        mine = holds.setdefault(member, {})
        if act.what in ("start", "crash"):
            holds[member], newest[member] = {}, 0
            given = {key: g for key, g in given.items() if key[0] != member}
        elif act.what == "got" and msg.kind == "unknown":
            ended |= {(member, p): ("was told that the group had gone on", act.time) for p in mine}
            holds[member] = {}
        elif act.what == "got" and msg.kind == "assign":
            if msg.generation <= newest.get(member, 0):
                continue
            newest[member] = msg.generation
            ended |= {
                (member, p): ("had been given other ones", act.time)
                for p in mine
                if p not in msg.offsets
            }
            # What it has given back in this generation is not its own, whatever comes late.
            holds[member] = {
                p: mine.get(p, begin)
                for p, begin in msg.offsets.items()
                if given.get((member, p), 0) < msg.generation
            }
        elif act.what == "sent" and msg.kind == "revoked":
            for p in msg.partitions:
                given[member, p] = msg.generation
                if mine.pop(p, None) is not None:
                    ended[member, p] = ("had given it back", act.time)
        elif act.what == "sent" and msg.kind == "leave":
            holds[member] = {}
        elif act.what == "sent" and msg.kind == "effect":
            p, offset = msg.partition, msg.offset
            where = f"{member} worked on record {offset} of p{p} at {act.time:,.0f} ms"
            if p not in mine:
                why, when = ended.get((member, p), ("was never given it", act.time))
                sentence = f"{where}, although it {why} at {when:,.0f} ms"
                return broken(name, sentence, act.time, act.seq)
            if offset != mine[p]:
                return broken(name, f"{where}, and record {mine[p]} was next", act.time, act.seq)
            if msg.generation != newest[member]:
                sentence = f"{where} in generation {msg.generation} instead of {newest[member]}"
                return broken(name, sentence, act.time, act.seq)
            mine[p] += 1
        elif act.what == "sent" and msg.kind == "commit":
            p, offset = msg.partition, msg.offset
            if p in mine and offset > mine[p] and "b" in trace.nodes:
                sentence = (
                    f"{member} committed offset {offset} of p{p} at {act.time:,.0f} ms, and had "
                    f"not worked on record {mine[p]}"
                )
                return broken(name, sentence, act.time, act.seq)
    return Verdict(name, "ok", "Members worked on what they held.")


def hands_over(trace: Trace) -> Verdict:
    """Judge: who gives a partition back has committed all that it did, and confirms when asked."""
    name = "hands over"
    done: dict[tuple[str, int], int] = {}
    saved: dict[tuple[str, int], int] = {}
    newest: dict[str, int] = {}
    asked: list[tuple[float, str, int]] = []
    confirmed: list[tuple[float, str, int]] = []
    for act in acts(trace):
        member, msg = act.node, act.msg
        if act.what in ("start", "crash") or (act.what == "got" and msg.kind == "unknown"):
            done = {key: reached for key, reached in done.items() if key[0] != member}
        elif act.what == "got" and msg.kind == "assign":
            newest[member] = max(newest.get(member, 0), msg.generation)
        elif act.what == "got" and msg.kind == "revoke":
            if msg.generation == newest.get(member):
                asked += [(act.time, member, p) for p in msg.partitions]
        elif act.what == "sent" and msg.kind == "effect":
            done[member, msg.partition] = msg.offset + 1
        elif act.what == "sent" and msg.kind == "commit":
            saved[member, msg.partition] = msg.offset
        elif act.what == "sent" and msg.kind == "revoked":
            confirmed += [(act.time, member, p) for p in msg.partitions]
            for p in msg.partitions:
                reached = done.pop((member, p), 0)
                if saved.get((member, p), 0) < reached:
                    sentence = (
                        f"{member} gave p{p} back at {act.time:,.0f} ms; it had worked up to "
                        f"offset {reached} and committed {saved.get((member, p), 0)}"
                    )
                    return broken(name, sentence, act.time, act.seq)
    for at, member, p in asked if "b" in trace.nodes else ():
        late = at + HEARTBEAT
        gone = any(a.node == member and at <= a.time <= late and _excuses(a) for a in acts(trace))
        back = any(m == member and q == p and at <= t <= late for t, m, q in confirmed)
        if not back and not gone and late < trace.duration:
            sentence = (
                f"{member} was asked to give back p{p} at {at:,.0f} ms, and did not confirm it"
            )
            return broken(name, sentence, late)
    return Verdict(name, "ok", "What was given back was committed before.")


def _excuses(act: Act) -> bool:
    """Whether nobody waits any more for what a member was to give back."""
    if act.what == "got":
        return act.msg.kind in ("assign", "unknown")
    return act.what in ("crash", "pause")


def goes_on(trace: Trace) -> Verdict:
    """Judge: while nobody fails, a member that keeps a partition works on without a pause, and no
    record is worked on twice (unless somebody was thrown out)."""
    name = "goes on"
    if "b" not in trace.nodes or trace.faults:
        return Verdict(name, "ok", "There were faults.")
    evicted = any(act.what == "got" and act.msg.kind == "unknown" for act in acts(trace))
    twice = None if evicted else _twice(trace)
    if twice is not None:
        return twice
    began: dict[tuple[str, int], float] = {}
    for act in acts(trace):
        member, msg = act.node, act.msg
        if act.what == "got" and msg.kind == "assign":
            for key in [key for key in began if key[0] == member and key[1] not in msg.offsets]:
                del began[key]
            for p in msg.offsets:
                began.setdefault((member, p), act.time)
        elif act.what == "got" and msg.kind in ("revoke", "unknown"):
            gone = msg.body.get("partitions", range(count(trace)))
            for p in gone:
                began.pop((member, p), None)
        elif act.what == "sent" and msg.kind == "effect":
            since = began.get((member, msg.partition))
            if since is not None and act.time - since > STILL:
                return broken(name, _stood(member, msg.partition, since, act.time), act.time)
            began[member, msg.partition] = act.time
    for (member, p), since in began.items():
        if trace.duration - since > STILL:
            return broken(name, _stood(member, p, since, trace.duration), since + STILL)
    return Verdict(name, "ok", "What stayed went on.")


def _stood(member: str, p: int, since: float, until: float) -> str:
    return (
        f"{member} kept p{p} and did nothing with it from {since:,.0f} to {until:,.0f} ms, "
        "although records were there"
    )


def _twice(trace: Trace) -> Verdict | None:
    seen: dict[tuple[int, int], tuple[str, float]] = {}
    for act in acts(trace):
        if act.what == "sent" and act.msg.kind == "effect":
            key = act.msg.partition, act.msg.offset
            if key in seen:
                who, when = seen[key]
                sentence = (
                    f"record {key[1]} of p{key[0]} was worked on by {who} at {when:,.0f} ms and "
                    f"again by {act.node} at {act.time:,.0f} ms, although nobody had failed"
                )
                return broken("goes on", sentence, act.time, act.seq)
            seen[key] = (act.node, act.time)
    return None


def nothing_lost(trace: Trace) -> Verdict:
    """Judge: each record is worked on, soon after the last fault."""
    name = "nothing lost"
    if "b" not in trace.nodes or trace.name.startswith(SCRIPT):
        return Verdict(name, "ok", "No records were judged.")
    done: dict[int, set[int]] = {p: set() for p in range(count(trace))}
    for act in acts(trace):
        if act.what == "sent" and act.msg.kind == "effect" and act.msg.partition in done:
            done[act.msg.partition].add(act.msg.offset)
    moments = [fault.ends or fault.at for fault in trace.faults]
    if trace.duration - max(moments, default=0.0) < BOUND:
        return Verdict(name, "ok", "The run ended too soon to tell.")
    for p, offsets in done.items():
        missing = next(n for n in range(len(offsets) + 1) if n not in offsets)
        if offsets and missing < max(offsets):
            sentence = (
                f"record {missing} of p{p} was not worked on up to {trace.duration:,.0f} ms, and "
                "later ones were"
            )
            return broken(name, sentence, trace.duration)
    return Verdict(name, "ok", "No record was left out.")


FORM = (well_formed, no_errors)
MEMBER = (own_partitions, hands_over)
COORDINATOR_ALONE = (*FORM, one_owner, commits, balanced, served, asks_for_little)
MEMBER_ALONE = (*FORM, *MEMBER, goes_on)
OWNERS = (*FORM, one_owner, own_partitions, served)
COMMITS = (*FORM, commits, own_partitions, hands_over, served, nothing_lost)
WORKED_ON = (*FORM, served, goes_on, asks_for_little, nothing_lost)
RESTARTED = (*FORM, one_owner, commits, *MEMBER, served, nothing_lost)
DEALT = (*FORM, balanced, served)
ALL = (
    *FORM, one_owner, commits, own_partitions, hands_over, balanced, served, goes_on,
    asks_for_little, nothing_lost,
)  # fmt: skip
