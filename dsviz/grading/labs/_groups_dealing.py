"""What lab 16 asks of an assignment: complete, balanced, and moved no more than it must.

By itself (`dealt_well`), and as generations show it (`balanced`).
"""

from __future__ import annotations

from typing import Any

from dsviz.check.verdict import Verdict
from dsviz.grading.labs._groups_story import Book, acts, broken, count, ours
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


# In a group ------------------------------------------------------------------------------


def balanced(trace: Trace) -> Verdict:
    """Judge: in each generation every partition is given out, loads differ by one at most, and no
    more partitions move than have to."""
    name = "balanced"
    if not ours(trace):
        return Verdict(name, "ok", "Another coordinator.")
    book = whole(trace)
    generations = sorted(book.shares)
    for place, g in enumerate(generations):
        shares, at = book.shares[g], book.begun[g]
        if not shares:
            continue
        given = sorted(p for mine in shares.values() for p in mine)
        missing = [p for p in range(count(trace)) if p not in given]
        if missing:
            sentence = f"in generation {g}, from {at:,.0f} ms on, nobody was given p{missing[0]}"
            return broken(name, sentence, at)
        loads = {member: len(mine) for member, mine in shares.items()}
        most, least = max(loads, key=lambda m: loads[m]), min(loads, key=lambda m: loads[m])
        if loads[most] - loads[least] > 1:
            sentence = (
                f"in generation {g}, from {at:,.0f} ms on, {most} has {loads[most]} partitions and "
                f"{least} has {loads[least]}"
            )
            return broken(name, sentence, at)
        moved = _moved(book, generations[place - 1], g) if place else None
        if moved is not None and moved[0] > moved[1]:
            sentence = (
                f"{_change(book, generations[place - 1], g)} moved {moved[0]} partitions at "
                f"{at:,.0f} ms, and {moved[1]} suffice"
            )
            return broken(name, sentence, at)
    return Verdict(name, "ok", "Loads were balanced, and few partitions moved.")


def whole(trace: Trace) -> Book:
    """Return the book at the end of a run. A generation's members are those that had joined."""
    book = Book()
    late: list[tuple[int, str]] = []
    # As places in the order of what happened: two things may happen at the same time.
    joined: dict[str, int] = {}
    begun: dict[int, int] = {}
    for place, act in enumerate(acts(trace)):
        if act.node == "coord" and act.what == "got" and act.msg.kind == "join":
            joined[act.msg.src] = place
        elif act.what == "sent" and act.node == "coord" and act.msg.kind == "assign":
            g, member = act.msg.generation, act.msg.dst
            known = member in book.shares.get(g, {})
            if not known and joined.get(member, -1) > begun.setdefault(g, place):
                late.append((g, member))
        book.see(act)
    for g, member in late:
        book.shares[g].pop(member, None)
    return book


def one_change(book: Book, old: int, new: int) -> tuple[str, str] | None:
    """Return the only (change, member) between two generations, or None if there were several."""
    changes = [(what, m) for during, what, m in book.changes if old <= during < new]
    left = {m for what, m in changes if what == "leave"}
    joined = {m for what, m in changes if what == "join"}
    silent = set(book.shares[old]) - set(book.shares[new]) - left - joined
    changes += [("silence", m) for m in silent]
    return changes[0] if len(changes) == 1 else None


def _moved(book: Book, old: int, new: int) -> tuple[int, int] | None:
    """Return how many partitions moved between members that stayed, and how many had to."""
    change = one_change(book, old, new)
    if change is None or book.life[old] != book.life[new]:
        return None
    before = {
        member: set(mine)
        for member, mine in book.shares[old].items()
        if member in book.shares[new] and member != change[1]
    }
    total = sum(len(mine) for mine in book.shares[new].values())
    least, more = divmod(total, len(book.shares[new]))
    loads = sorted((len(mine) for mine in before.values()), reverse=True)
    needed = sum(max(0, load - least - (place < more)) for place, load in enumerate(loads))
    moved = sum(len(mine - set(book.shares[new][member])) for member, mine in before.items())
    return moved, needed


def _change(book: Book, old: int, new: int) -> str:
    change = one_change(book, old, new)
    assert change is not None
    what = {"join": "joining", "leave": "leaving", "silence": "silent"}[change[0]]
    return f"{change[1]} {what}" if what == "silent" else f"{what} {change[1]}"
