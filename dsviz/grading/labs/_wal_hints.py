"""What lab 18 says about a counterexample: facts of the execution, then a direction to look in.

A hint is found in the trace alone: what was written and synced when, what clients were told, what
the accounts held. It never quotes code and never sees any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from dsviz.check.verdict import Verdict
from dsviz.grading.lab import Hint
from dsviz.grading.labs._wal_cases import FSYNC, HOP
from dsviz.history import Operation
from dsviz.sim.faults import BitRot, PowerLoss
from dsviz.systems.write_ahead_log_audit import Audit, audits
from dsviz.trace import Trace

LOST = ("nothing is lost", "the books balance", "recovers a prefix")
Find = Callable[["Story", Verdict], str | None]


class Story:
    """What happened to the database's disk, and what the first wrong audit found."""

    def __init__(self, trace: Trace, verdict: Verdict) -> None:
        self.trace = trace
        rows = [row for row in trace.rows if row[3] == "db"]
        self.starts = [row[0] for row in rows if row[2] == "start"]
        self.crashes = [(row[0], row[5]) for row in rows if row[2] == "crash"]
        self.errors = [row[0] for row in rows if row[2] == "disk error"]
        self.syncs = [(row[0], row[6] or "") for row in rows if row[2] == "synced"]
        self.writes = [(row[0], row[5]) for row in rows if row[2] == "write"]
        self.timers = [row[0] for row in rows if row[2] == "timer" and row[5] == "checkpoint"]
        self.received = {row[0] for row in rows if row[2] == "deliver"}
        self.appends = [(at, name) for at, name in self.writes if self.logs(at, name)]
        self.audits = list(audits(trace))
        ids = set(verdict.operations)
        self.wrong = next((a for a in self.audits if a.op.id in ids), None)

    def logs(self, at: float, name: str) -> bool:
        """Whether a write adds to the log: then a message has just come."""
        return name.startswith("wal") and at in self.received

    @property
    def crash(self) -> float:
        """When the database stopped last before the wrong audit (0: never)."""
        until = self.wrong.op.call_ms if self.wrong else self.trace.duration
        return max((at for at, _ in self.crashes if at < until), default=0.0)

    @property
    def torn(self) -> bool:
        """Whether that was a power loss that left sectors."""
        return any(
            isinstance(fault, PowerLoss) and fault.torn and abs(fault.at - self.crash) < 1e-6
            for fault in self.trace.faults
        )

    def checkpoint(self) -> list[tuple[float, str, str]]:
        """Return what the checkpoint did that was under way at the crash, or had just ended:
        (ms, ``write`` or ``sync``, files)."""
        begun = [at for at in (*self.starts, *self.timers) if at <= self.crash]
        since = max(begun, default=0.0)
        acts = [(at, "write", name) for at, name in self.writes if since <= at <= self.crash]
        acts += [(at, "sync", names) for at, names in self.syncs if since < at <= self.crash]
        return sorted(acts, key=lambda act: (act[0], act[1] == "write"))  # what waited for it


def hint(name: str, advice: str, *properties: str) -> Callable[[Find], Hint]:
    """Return a decorator that makes a hint for violations of these properties."""

    def make(find: Find) -> Hint:
        def tell(trace: Trace, verdict: Verdict) -> str | None:
            return find(Story(trace, verdict), verdict) if verdict.check in properties else None

        return Hint(name, advice, tell)

    return make


@hint("error", "Open the counterexample there: what did it find on its disk?", "no errors")
def raised(_story: Story, _verdict: Verdict) -> str | None:
    """A handler raised."""
    return ""


@hint(
    "went on after a failed sync",
    "What does a second sync write, when the first one has marked the pages clean? What do you "
    "still know of the disk, and from where could you begin again?",
    *LOST,
    "answers",
)
def went_on(story: Story, _verdict: Verdict) -> str | None:
    """A sync failed, and the database did not stop."""
    for at in story.errors:
        if not any(at - 4 * FSYNC - 1 < down < at + 1 for down, _ in story.crashes):
            return f"a sync failed at {at:,.0f} ms, and db went on as if a second one could help"
    return None


@hint(
    "started from a rotten log",
    "A torn tail was never durable, so it may go. How can you tell that a damaged record was? What "
    "do the whole records behind it know?",
    *LOST,
)
def rotten(story: Story, verdict: Verdict) -> str | None:
    """A bit of a durable record flipped, and the database dropped what stood behind it."""
    rot = [fault for fault in story.trace.faults if isinstance(fault, BitRot)]
    if not rot or verdict.check != LOST[0]:
        return None
    again = story.starts[-1]
    return (
        f"a bit of record number {rot[0].record + 1} of the log flipped at {rot[0].at:,.0f} ms, "
        f"and db started all the same at {again:,.0f} ms"
    )


@hint(
    "applied twice",
    "Redo may meet a change that the page already has. How can a page say up to where it is?",
    *LOST,
)
def twice(story: Story, _verdict: Verdict) -> str | None:
    """An account has seen more transfers than were sent."""
    audit = story.wrong
    if audit is None:
        return None
    for name, (_, seen) in audit.holds.items():
        sent = audit.before[name][1] + sum(name in (op.key, op.value[0]) for op in audit.since)
        if seen > sent:
            return (
                f"account {name} has seen {seen} transfers at {audit.op.call_ms:,.0f} ms, and only "
                f"{sent} were ever asked for"
            )
    return None


@hint(
    "writes behind a damaged record",
    "Recovery ends at the first damaged record, this time and the next time. What must happen to "
    "it before the log goes on?",
    *LOST,
    "answers",
)
def behind_garbage(story: Story, _verdict: Verdict) -> str | None:
    """After a restart the log goes on in the same file, behind what was not durable."""
    for again in story.starts[1:]:
        down = max((at for at, _ in story.crashes if at <= again), default=None)
        before = [name for at, name in story.appends if at < again]
        after = [name for at, name in story.appends if at >= again]
        if down is None or not before or not after or before[-1] != after[0]:
            continue
        return (
            f"after the restart at {again:,.0f} ms the log went on in '{after[0]}', behind what was "
            f"being written there when db stopped at {down:,.0f} ms"
        )
    return None


@hint(
    "numbers records anew",
    "A page keeps the number of the last record applied to it. What if numbers begin again?",
    *LOST,
)
def numbers_anew(story: Story, _verdict: Verdict) -> str | None:
    """What came after a restart has no effect."""
    audit = story.wrong
    if audit is None or len(story.starts) < 2 or story.torn:
        return None
    told = [op for op in audit.acknowledged() if op.call_ms > story.starts[1]]
    if not told or audit.missing() < len(told):
        return None
    return (
        f"{told[0].process} was told of a transfer of {told[0].call_ms:,.0f} ms, after the restart "
        f"at {story.starts[1]:,.0f} ms, and it changed no account"
    )


@hint(
    "refuses a torn tail",
    "Power fails in the middle of a write: that is no reason to give up. What was acknowledged of "
    "what is damaged?",
    "answers",
)
def refuses(story: Story, _verdict: Verdict) -> str | None:
    """The database stopped at its start although nothing durable was damaged."""
    for at, error in story.crashes:
        if error and error.splitlines()[-1].startswith("Corrupt"):
            return f"db refused to start at {at:,.0f} ms, although nothing acknowledged was damaged"
    return None


def _acknowledged_too_early(story: Story) -> Iterator[tuple[Operation, float, float, float | None]]:
    """Yield (transfer, written, acknowledged, end of the sync at that moment) for each that no
    sync covers which began after it was written."""
    for audit in story.audits:
        for op in audit.acknowledged():
            written, told = op.call_ms + HOP, op.return_ms - HOP
            ends = [at for at, names in story.syncs if at <= told + 1e-6 and _of_log(names)]
            if any(at - FSYNC >= written - 1e-6 for at in ends):
                continue
            now = next((at for at in ends if abs(at - told) < 1e-6), None)
            yield op, written, told, now


def _of_log(names: str) -> bool:
    return not names or names.startswith("wal")


@hint(
    "acknowledges what the sync did not cover",
    "A sync makes durable what was written before it began. Who came later has to wait for the "
    "next one.",
    *LOST,
)
def boarded_late(story: Story, _verdict: Verdict) -> str | None:
    """Acknowledged at the end of a sync that had begun before the record was written."""
    for op, written, _, now in _acknowledged_too_early(story):
        if now is not None:
            return (
                f"the record of {op.process}'s transfer was written at {written:,.2f} ms, and the "
                f"sync that ended at {now:,.2f} ms had begun at {now - FSYNC:,.2f} ms"
            )
    return None


@hint(
    "acknowledges before the log is durable",
    "Who knows of the transfer when the client is told: the process, the kernel, or the disk?",
    *LOST,
)
def told_too_early(story: Story, _verdict: Verdict) -> str | None:
    """Acknowledged before any sync."""
    for op, written, told, now in _acknowledged_too_early(story):
        if now is None:
            return (
                f"{op.process} was told at {told:,.2f} ms of a transfer that was written at "
                f"{written:,.2f} ms, and no sync of the log had ended since"
            )
    return None


@hint(
    "forgets the log too early",
    "The log may go when nothing needs it any more. When is that, if power fails at any moment?",
    *LOST,
)
def log_first(story: Story, _verdict: Verdict) -> str | None:
    """The log was emptied, durably, before the pages were durable."""
    emptied: str | None = None
    for at, act, name in story.checkpoint():
        if act == "sync" and "page" in name:
            return None
        if act == "write" and name.startswith("wal") and not story.logs(at, name):
            emptied = name  # no transfer came just then
        elif act == "sync" and emptied is not None and name in ("", emptied):
            return f"'{emptied}' was emptied on the disk at {at:,.0f} ms, before the pages were there"
    return None


@hint(
    "moves the redo point before the pages are durable",
    "The redo point promises that everything before it is in the pages, on the disk. In which "
    "order do the two have to become durable?",
    *LOST,
)
def root_first(story: Story, _verdict: Verdict) -> str | None:
    """The root was switched before the pages were synced."""
    acts = story.checkpoint()
    synced = [i for i, (_, act, names) in enumerate(acts) if act == "sync" and "page" in names]
    written = [i for i, (_, act, name) in enumerate(acts) if act == "write" and "page" in name]
    roots = [i for i, (_, act, names) in enumerate(acts) if act == "sync" and names == "root"]
    if not roots or (synced and synced[0] < roots[0]):
        return None
    if not written or roots[0] < written[0]:
        return f"the redo point moved at {acts[roots[0]][0]:,.0f} ms, before the pages were written"
    return None


@hint(
    "never syncs the pages",
    "The redo point promises that the pages are on the disk. Who has written them there?",
    *LOST,
)
def pages_in_cache(story: Story, _verdict: Verdict) -> str | None:
    """The root was switched, the pages were written and never synced."""
    acts = story.checkpoint()
    pages = any(act == "sync" and ("page" in names or not names) for _, act, names in acts)
    roots = [at for at, act, names in acts if act == "sync" and names == "root"]
    written = any(act == "write" and "page" in name for _, act, name in acts)
    if roots and written and not pages:
        return f"the redo point moved at {roots[0]:,.0f} ms, with the pages in the page cache only"
    return None


@hint(
    "leaves a hole",
    "Recovery has found damage. What may still be believed behind it, when a transfer may build on "
    "one that is missing?",
    *LOST,
)
def hole(story: Story, _verdict: Verdict) -> str | None:
    """A transfer is missing, and later ones are there."""
    audit = story.wrong
    missing = _hole(audit) if audit is not None else None
    if missing is None:
        return None
    op, later = missing
    return (
        f"{op.process}'s transfer of {op.call_ms:,.0f} ms is missing, and one of "
        f"{later.call_ms:,.0f} ms is there"
    )


def _hole(audit: Audit) -> tuple[Operation, Operation] | None:
    """Return a transfer that is missing and a later one that is not, if that explains all."""
    older, newest = audit.since[:-7], audit.since[-7:]
    for count in range(1, len(newest)):
        for left_out in combinations(newest, count):
            kept = [op for op in newest if op not in left_out]
            later = next((op for op in kept if op.id > left_out[0].id), None)
            if later and Audit(audit.op, audit.before, [[*older, *kept]]).prefix() == len(
                older
            ) + len(kept):
                return left_out[0], later
    return None


@hint(
    "believes half a record",
    "A record is longer than what a disk writes at once. How much of it does the checksum cover?",
    *LOST,
)
def half_record(story: Story, _verdict: Verdict) -> str | None:
    """Power failed while the log was being written, and what is left explains nothing."""
    rot = [fault for fault in story.trace.faults if isinstance(fault, BitRot)]
    if rot:
        return f"a bit of an image in the log flipped at {rot[0].at:,.0f} ms, and nobody noticed"
    pages = any(act == "write" and "page" in name for _, act, name in story.checkpoint()[-12:])
    log = [at for at, name in story.writes if name.startswith("wal") and at <= story.crash]
    if not story.torn or not log or (pages and story.crash - log[-1] > FSYNC + 1):
        return None
    return (
        f"power failed at {story.crash:,.0f} ms, when a record written at {log[-1]:,.0f} ms had "
        "reached the disk in part"
    )


@hint(
    "believes half a page",
    "Half of a page is new and half is old: which change could be applied to that? What would you "
    "have to have in the log?",
    *LOST,
)
def half_page(story: Story, _verdict: Verdict) -> str | None:
    """Power failed while the pages were being written."""
    written = [at for at, act, name in story.checkpoint() if act == "write" and "page" in name]
    if not story.torn or not written:
        return None
    return (
        f"power failed at {story.crash:,.0f} ms, when pages written at {written[0]:,.0f} ms had "
        "reached the disk in part"
    )


@hint(
    "one sync for each",
    "One bus under way, and everybody who waits boards the next: how many seats has a sync?",
    "shares syncs",
)
def own_sync(story: Story, verdict: Verdict) -> str | None:
    """Transfers wait for each other's syncs."""
    return "" if verdict.status == "violated" else None


HINTS: tuple[Hint, ...] = (
    raised,
    went_on,
    rotten,
    twice,
    boarded_late,
    told_too_early,
    log_first,
    root_first,
    pages_in_cache,
    behind_garbage,
    refuses,
    numbers_anew,
    hole,
    half_record,
    half_page,
    own_sync,
)
