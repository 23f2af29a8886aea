"""What lab 16 asks of an assignment: balanced, complete, and moved no more than it must."""

from __future__ import annotations

from typing import Any

from dsviz.check.verdict import Verdict
from dsviz.history import Operation
from dsviz.trace import Trace


def dealt_well(trace: Trace) -> Verdict:
    """Judge: each answer of the learner's function is a balanced assignment with few moves."""
    name = "dealt well"
    for op in trace.history():
        if op.f != "assign":
            continue
        wrong = "was not answered" if op.status != "ok" else _wrong(op)
        if wrong is not None:
            previous, members, partitions = op.value
            had = ", ".join(f"{m} {_listed(ps)}" for m, ps in previous.items()) or "nobody had any"
            sentence = (
                f"{len(partitions)} partitions for {' '.join(members)}; before: {had}. "
                f"The assignment that was asked for at {op.call_ms:,.0f} ms {wrong}"
            )
            at = op.return_ms if op.return_ms is not None else trace.duration
            return Verdict(name, "violated", sentence, at, (), (op.id,))
    return Verdict(name, "ok", "Every assignment was balanced, and moved little.")


def _wrong(op: Operation) -> str | None:
    previous, members, partitions = op.value
    found: Any = op.result
    if not isinstance(found, dict) or set(found) != set(members):
        return f"names {_listed(found)} as members"
    given = sorted(p for mine in found.values() for p in mine)
    if given != sorted(partitions):
        twice = sorted({p for p in given if given.count(p) > 1})
        missing = sorted(set(partitions) - set(given))
        if twice:
            return f"gives p{twice[0]} to two members"
        return f"gives p{missing[0]} to nobody" if missing else "invents a partition"
    loads = {member: len(mine) for member, mine in found.items()}
    if max(loads.values()) - min(loads.values()) > 1:
        return f"gives {max(loads.values())} to one member and {min(loads.values())} to another"
    before = {m: set(previous.get(m, ())) & set(partitions) for m in members}
    moved = sum(len(before[m] - set(found[m])) for m in members)
    least, more = divmod(len(partitions), len(members))
    sizes = sorted((len(mine) for mine in before.values()), reverse=True)
    needed = sum(max(0, size - least - (place < more)) for place, size in enumerate(sizes))
    return f"moves {moved} partitions, and {needed} suffice" if moved > needed else None


def _listed(words: Any) -> str:
    try:
        return " ".join(f"p{w}" if isinstance(w, int) else str(w) for w in words) or "nothing"
    except TypeError:
        return repr(words)[:60]
