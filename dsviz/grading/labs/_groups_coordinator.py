"""What lab 16 asks of a coordinator, as functions from a trace to a `Verdict`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from dsviz.check.verdict import Verdict
from dsviz.grading.labs._groups_dealing import one_change, whole
from dsviz.grading.labs._groups_nodes import HEARTBEAT, SESSION
from dsviz.grading.labs._groups_story import Act, Book, acts, broken, count, ours
from dsviz.sim.faults import Loss
from dsviz.trace import Message, Trace

CALM = 2 * HEARTBEAT + 500  # within which a change is over when nobody fails
BOUND = SESSION + CALM  # and when somebody does
STATUS = ("ok", "stale_generation", "not_owner")


# One owner ------------------------------------------------------------------------------------


def one_owner(trace: Trace) -> Verdict:
    """Judge: in one generation a partition has one owner, and a new one begins when the old one
    has given it back, has left, or has been silent for a session."""
    name = "one owner"
    book = Book()
    for act in acts(trace) if ours(trace) else ():
        if act.what == "sent" and act.node == "coord" and act.msg.kind == "assign":
            wrong = _wrong_generation(book, act) or _given_twice(book, act)
            if wrong is not None:
                return broken(name, wrong, act.time, act.seq)
        book.see(act)
    return _one_worker(trace)


def _wrong_generation(book: Book, act: Act) -> str | None:
    g, member = act.msg.generation, act.msg.dst
    if g not in book.begun:
        if g < book.newest:
            began = book.begun[book.newest]
            return (
                f"generation {g} was announced at {act.time:,.0f} ms, although generation "
                f"{book.newest} had begun at {began:,.0f} ms"
            )
        return None
    again = book.shares[g].get(member)
    mine = tuple(sorted(act.msg.offsets))
    another_life = book.life[g] != book.lives
    if g < book.newest or (another_life and not set(mine) <= set(again or ())):
        return (
            f"generation {g} was issued twice: it began at {book.begun[g]:,.0f} ms, and again at "
            f"{act.time:,.0f} ms"
        )
    if again is not None and not set(mine) <= set(again):
        return (
            f"at {act.time:,.0f} ms {member} was given {_named(mine)} in generation {g}, and "
            f"before that {_named(again)} in the same generation"
        )
    return None


def _given_twice(book: Book, act: Act) -> str | None:
    g, member = act.msg.generation, act.msg.dst
    for p in sorted(act.msg.offsets):
        for other, theirs in book.shares.get(g, {}).items():
            if other != member and p in theirs:
                return (
                    f"p{p} was given to {other} and at {act.time:,.0f} ms to {member}, in the same "
                    f"generation {g}"
                )
        share = book.holder.get(p)
        if share and share.member != member and not book.gone(share.member, act.time):
            return (
                f"p{p} was given to {member} at {act.time:,.0f} ms in generation {g}, while "
                f"{share.member} still held it"
            )
    return None


def _one_worker(trace: Trace) -> Verdict:
    worker: dict[tuple[int, int], str] = {}
    for act in acts(trace):
        if act.what != "sent" or act.msg.kind != "effect":
            continue
        p, g = act.msg.partition, act.msg.generation
        first = worker.setdefault((p, g), act.node)
        if first != act.node:
            sentence = (
                f"{first} and at {act.time:,.0f} ms {act.node} worked on p{p} in generation {g}"
            )
            return broken("one owner", sentence, act.time, act.seq)
    return Verdict("one owner", "ok", "Each partition had one owner in each generation.")


def _named(partitions: tuple[int, ...]) -> str:
    return " ".join(f"p{p}" for p in partitions) or "nothing"


# Commits --------------------------------------------------------------------------------------


class Offsets:
    """What is committed, as far as it can be known from outside."""

    def __init__(self, trace: Trace) -> None:
        handled = {act.seq: act.msg.id for act in acts(trace) if act.what == "got"}
        self.at_once: dict[int, Act] = {}  # answers, by the event in whose handling they were sent
        self.later: dict[int | None, list[Act]] = {}  # the others, by the message that they answer
        for act in acts(trace):
            if act.what == "sent" and act.node == "coord" and act.msg.kind == "committed":
                if handled.get(act.cause, -1) == act.msg.re:
                    self.at_once[act.cause] = act
                else:
                    self.later.setdefault(act.msg.re, []).append(act)
        self.kept: dict[int, tuple[int, float]] = {}  # partition -> (offset, when acknowledged)
        self.maybe: dict[int, set[int]] = {}  # what may be durable without an acknowledgment

    def got(self, act: Act) -> str | None:
        """Note a commit; return the status it was answered with, if any."""
        msg = act.msg
        answer = self.at_once.get(act.seq)
        if answer is None and self.later.get(msg.id):
            answer = self.later[msg.id].pop(0)
        status = answer.msg.status if answer else None
        if status == "ok" and msg.offset > self.kept.get(msg.partition, (0, 0.0))[0]:
            self.kept[msg.partition] = (msg.offset, answer.time)
        if status is None:
            self.maybe.setdefault(msg.partition, set()).add(msg.offset)
        return status


def commits(trace: Trace) -> Verdict:
    """Judge: the owner's commits of the current generation are kept, and no others; the next owner
    begins where they end."""
    name = "commits"
    if not ours(trace):
        return Verdict(name, "ok", "Another coordinator.")
    book, offsets = Book(), Offsets(trace)
    stops = [act.time for act in acts(trace) if act.node == "coord" and act.what == "crash"]
    for act in acts(trace):
        wrong = None
        if act.node == "coord" and act.what == "got" and act.msg.kind == "commit":
            before = offsets.kept.get(act.msg.partition, (0, 0.0))[0]
            status = offsets.got(act)
            excused = any(act.time <= stop <= act.time + 500 for stop in stops)
            if status is not None or not (excused or act.time > trace.duration - 500):
                wrong = _wrong_answer(book, act, status, before)
        elif act.node == "coord" and act.what == "sent" and act.msg.kind == "assign":
            wrong = _wrong_offset(book, offsets, act.time, act.msg)
        if wrong is not None:
            return broken(name, wrong, act.time, act.seq)
        book.see(act)
    return Verdict(name, "ok", "Offsets were kept, and stale ones refused.")


def _wrong_answer(book: Book, act: Act, status: str | None, before: int) -> str | None:
    msg, p = act.msg, act.msg.partition
    mine = book.shares.get(book.newest, {})
    owner = next((member for member, share in mine.items() if p in share), None)
    stale = msg.generation < book.newest
    if status == "ok" and (stale or (owner not in (None, msg.src))):
        moved = f"moved the offset of p{p} from {before} to {msg.offset}"
        if stale:
            return (
                f"{msg.src}, of generation {msg.generation}, {moved} at {act.time:,.0f} ms, in "
                f"generation {book.newest}"
            )
        return (
            f"{msg.src} {moved} at {act.time:,.0f} ms, although {owner} owns p{p} in generation "
            f"{book.newest}"
        )
    share = book.holder.get(p)
    due = (
        share is not None
        and share.member == msg.src
        and share.generation == msg.generation == book.newest
        and not book.gone(msg.src, act.time)
    )
    if due and status != "ok":
        what = "was never answered" if status is None else f"was answered {status!r}"
        return (
            f"{msg.src}'s commit of p{p} at {act.time:,.0f} ms {what}, although it owns p{p} in "
            f"generation {book.newest}"
        )
    return None


def _wrong_offset(book: Book, offsets: Offsets, time: float, msg: Message) -> str | None:
    for p, begin in sorted(msg.offsets.items()):
        share = book.holder.get(p)
        if share and share.member == msg.dst:
            continue  # it goes on where it is
        kept, since = offsets.kept.get(p, (0, 0.0))
        if begin < kept:
            return (
                f"{msg.dst} was given p{p} at {time:,.0f} ms from offset {begin}, although {kept} "
                f"was committed and acknowledged at {since:,.0f} ms"
            )
        if begin > kept and begin not in offsets.maybe.get(p, ()):
            return (
                f"{msg.dst} was given p{p} at {time:,.0f} ms from {begin}, which nobody committed"
            )
    return None


# Somebody is at work --------------------------------------------------------------------------


def disturbances(trace: Trace) -> list[float]:
    """Return the moments at which something happens to the group, in order."""
    moments = {fault.at for fault in trace.faults}
    moments |= {fault.ends for fault in trace.faults if fault.ends is not None}
    for act in acts(trace):
        heard = act.what == "got" and act.node == "coord"
        if act.what in ("start", "crash", "resume") or (
            heard and act.msg.kind in ("join", "leave")
        ):
            moments.add(act.time)
    return sorted(moments)


def served(trace: Trace) -> Verdict:
    """Judge: soon after a change somebody who is well holds each partition."""
    name = "served"
    if not ours(trace):
        return Verdict(name, "ok", "Another coordinator.")
    moments = disturbances(trace)
    bound = BOUND if trace.faults else CALM
    lossy = [(fault.at, fault.ends) for fault in trace.faults if isinstance(fault, Loss)]
    for begin, end, p, who in sorted(_gaps(trace)):
        stops = [begin, *(moment for moment in moments if begin < moment < end), end]
        for since, until in pairwise(stops):
            if until - since <= bound or any(at < until and since < ends for at, ends in lossy):
                continue
            had = f"{who} had it last" if who else "nobody ever had it"
            sentence = (
                f"p{p} was held by nobody from {begin:,.0f} to {end:,.0f} ms ({had}), although "
                f"nothing happened to the group from {since:,.0f} to {until:,.0f} ms"
            )
            return broken(name, sentence, since + bound)
    return Verdict(name, "ok", "Somebody worked on every partition soon after each change.")


def _gaps(trace: Trace) -> Iterator[tuple[float, float, int, str]]:
    """Yield (from, to, partition, who had it last) for each time in which nobody held it."""
    holds: dict[str, set[int]] = {}
    newest: dict[str, int] = {}
    still: set[str] = set()  # who stands still
    free = dict.fromkeys(range(count(trace)), 0.0)
    last: dict[int, str] = {}

    def held() -> set[int]:
        return set().union(*(mine for member, mine in holds.items() if member not in still))

    before: set[int] = set()
    for act in acts(trace):
        member = act.node
        if act.what == "got" and act.msg.kind == "assign":
            if act.msg.generation <= newest.get(member, 0):
                continue
            newest[member] = act.msg.generation
            holds[member] = set(act.msg.offsets)
        elif act.what == "sent" and act.msg.kind == "revoked":
            holds[member] = holds.get(member, set()) - set(act.msg.partitions)
        elif act.what == "sent" and act.msg.kind in ("leave", "join"):
            holds[member] = set()
        elif act.what == "start":
            holds[member], newest[member] = set(), 0
        elif act.what in ("pause", "resume"):
            (still.add if act.what == "pause" else still.discard)(member)
        elif act.what == "crash":
            holds[member] = set()
            still.discard(member)
        else:
            continue
        after = held()
        for p in before - after:
            free[p], last[p] = act.time, member
        for p in after - before:
            if p in free:
                yield free.pop(p), act.time, p, last.get(p, "")
        before = after
    for p, since in free.items():
        yield since, trace.duration, p, last.get(p, "")


# Nobody is disturbed --------------------------------------------------------------------------


def asks_for_little(trace: Trace) -> Verdict:
    """Judge: nobody is asked to give back what it gets again, and no generation begins without a
    reason."""
    name = "asks for little"
    if not ours(trace):
        return Verdict(name, "ok", "Another coordinator.")
    book = whole(trace)
    generations = sorted(book.shares)
    for act in acts(trace):
        if act.what != "sent" or act.node != "coord" or act.msg.kind != "revoke":
            continue
        old = act.msg.generation
        new = next((g for g in generations if g > old), None)
        if new is None or old not in book.shares or one_change(book, old, new) is None:
            continue
        again = sorted(set(act.msg.partitions) & set(book.shares[new].get(act.msg.dst, ())))
        if again:
            sentence = (
                f"{act.msg.dst} was asked to give back p{again[0]} at {act.time:,.0f} ms, and got "
                f"it again in generation {new}"
            )
            return broken(name, sentence, act.time, act.seq)
    return _no_idle_generation(trace, book)


def _no_idle_generation(trace: Trace, book: Book) -> Verdict:
    moments = disturbances(trace)
    for g, at in sorted(book.begun.items()):
        since = max((moment for moment in moments if moment <= at), default=0.0)
        if at - since > BOUND:
            sentence = (
                f"generation {g} began at {at:,.0f} ms, although nothing had happened to the group "
                f"since {since:,.0f} ms"
            )
            return broken("asks for little", sentence, at)
    return Verdict("asks for little", "ok", "Only what had to move was asked for.")
