"""The executions that lab 18 is judged on: one database, and what goes wrong with it.

A run has two halves. In the first, transfers come, something goes wrong, and the database is
started again and looked at; in the second, transfers come once more, power fails, and it is looked
at again: what went unnoticed the first time shows now. Directed cases bring about one situation
each; where it depends on how long a submission's steps take, the moment is swept. All times are ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from random import Random

from dsviz.grading.lab import Case, Classes
from dsviz.sim.faults import BitRot, Crash, DiskFailure, Fault, PowerLoss, Restart
from dsviz.sim.network import Network
from dsviz.sim.node import Client, Op
from dsviz.sim.open_loop import OpenLoop
from dsviz.sim.scenario import Scenario

FSYNC = 5.0
HOP = 0.25
ACCOUNTS = "ABCDEFGH"
SEGMENTS = range(1, 6)
BEGIN = 60.0  # the first start is over
CHECKPOINT = 200.0  # when a checkpoint begins, in cases that look at it
SECOND = 320.0  # when the second half begins
END = 520.0


def pairs(seed: int) -> Iterator[tuple[str, str, int]]:
    """Yield transfers drawn by lot: from, to, amount. Amounts differ, so none stands for another."""
    draw = Random(f"{seed}/transfers")
    amount = 0
    while True:
        amount = amount % 7 + 1
        source, target = draw.sample(ACCOUNTS, 2)
        yield source, target, amount


def transfers(seed: int, *spans: tuple[float, float, float]) -> list[Op]:
    """Return transfers, one each `every` ms in each span (begin, end, every)."""
    drawn = pairs(seed)
    made = []
    for begin, end, every in spans:
        at = begin
        while at < end:
            source, target, amount = next(drawn)
            made.append(Op("transfer", source, (target, amount), "db", at))
            at += every
    return made


def bank(
    classes: Classes,
    name: str,
    ops: Sequence[Op],
    audits: Iterable[float],
    faults: Iterable[Fault],
    *,
    checkpoint_every: float = 10_000.0,
    end: float = END + 140,
) -> Scenario:
    """Return a scenario with two clients, an auditor, and the learner's database."""
    asked = tuple(Op("audit", "", to="db", at=at) for at in audits)
    nodes = {
        "c1": OpenLoop(operations=tuple(ops[::2]), timeout=150.0),
        "c2": OpenLoop(operations=tuple(ops[1::2]), timeout=150.0),
        "auditor": Client(operations=asked, timeout=60.0),
        "db": classes["BankDb"](checkpoint_every=checkpoint_every),
    }
    return Scenario(name, nodes, end, Network(HOP), tuple(faults), (), FSYNC)


def two_halves(
    classes: Classes, name: str, seed: int, *mishap: Fault, checkpoint: bool = False
) -> Case:
    """Return a case in which `mishap` strikes in the first half, between 100 and 240 ms."""
    ops = transfers(seed, (BEGIN, 250.0, 4.0), (SECOND, 400.0, 5.0))
    faults = (*mishap, Restart("db", at=262), PowerLoss("db", at=430), Restart("db", at=END))
    every = CHECKPOINT if checkpoint else 10_000.0
    audits = (310.0, END + 60)
    scenario = bank(classes, name, ops, audits, faults, checkpoint_every=every)
    return Case(name, scenario, seed)


# One mishap -----------------------------------------------------------------------------------


def calm(classes: Classes, seed: int) -> Case:
    return two_halves(classes, "nothing goes wrong before the end", seed)


def killed(classes: Classes, seed: int) -> Case:
    return two_halves(classes, "its process is killed", seed, Crash("db", at=150.0 + seed % 40))


def power(classes: Classes, seed: int) -> Case:
    at = 140.0 + seed * 1.7 % 60
    return two_halves(classes, "power fails", seed, PowerLoss("db", at=at))


def torn_tail(classes: Classes, seed: int) -> Case:
    """Power fails while some records are being synced, and sectors of them reach the disk."""
    at = 140.0 + seed * 1.3 % 60
    return two_halves(classes, "power fails, torn", seed, PowerLoss("db", at=at, torn=True))


def torn_images(classes: Classes, seed: int) -> Case:
    """The same right after a checkpoint, when records hold whole pages and so many sectors."""
    fault = PowerLoss("db", at=CHECKPOINT + 22.0 + seed % 9, torn=True)
    name = "power fails right after a checkpoint, torn"
    return two_halves(classes, name, seed, fault, checkpoint=True)


def in_checkpoint(classes: Classes, seed: int, step: int, torn: bool) -> Case:
    """Power fails in one of nine steps of a checkpoint, each 2.5 ms after the one before."""
    at = CHECKPOINT + 1.3 + 2.5 * step
    name = f"power fails {at - CHECKPOINT:g} ms into a checkpoint{', torn' if torn else ''}"
    return two_halves(classes, name, seed, PowerLoss("db", at=at, torn=torn), checkpoint=True)


def failed_sync(classes: Classes, seed: int, file: str) -> Case:
    """A sync of these files fails once, and soon after that power fails."""
    at = 150.0 + seed % 20 if file == "wal" else CHECKPOINT - 1
    faults = (DiskFailure("db", at=at, file=file), Restart("db", at=236), PowerLoss("db", at=258))
    what = {"wal": "the log", "page": "the pages", "root": "the root"}[file]
    name = f"a sync of {what} fails"
    return two_halves(classes, name, seed, *faults, checkpoint=file != "wal")


def cut_recovery(classes: Classes, seed: int, step: int, torn: bool) -> Case:
    """Power fails again while the database recovers."""
    first = PowerLoss("db", at=150.0 + seed % 30)
    again = PowerLoss("db", at=215.0 + 2.6 * step, torn=torn)
    name = "power fails, and again during recovery"
    return two_halves(classes, name, seed, first, Restart("db", at=214.5), again)


def rotten(classes: Classes, seed: int, record: int) -> Case:
    """A bit of a record in the middle of the durable log flips: better not to start."""
    byte = 6 + seed % 20
    rot = tuple(BitRot("db", f"wal {n}", at=245, record=record, byte=byte) for n in SEGMENTS)
    faults = (*rot, Crash("db", at=255), Restart("db", at=262))
    ops = transfers(seed, (BEGIN, 230.0, 4.0))
    name = "a bit of the durable log flips"
    return Case(name, bank(classes, name, ops, (240.0, 310.0), faults, end=380.0), seed)


def rotten_image(classes: Classes, seed: int) -> Case:
    """A bit of the first page image in the durable log flips: in its row, where it matters."""
    rot = tuple(BitRot("db", f"wal {n}", at=245, byte=8204) for n in SEGMENTS)
    faults = (*rot, Crash("db", at=255), Restart("db", at=262))
    ops = transfers(seed, (BEGIN, 230.0, 4.0))
    name = "a bit of a page image in the log flips"
    return Case(name, bank(classes, name, ops, (240.0, 310.0), faults, end=380.0), seed)


def late_first_touch(classes: Classes, seed: int) -> Case:
    """An account is touched for the first time just before a checkpoint writes its page."""
    ops = transfers(seed, (BEGIN, 100.0, 8.0))
    used = {name for op in ops for name in (op.key, op.value[0])}
    idle = [name for name in ACCOUNTS if name not in used] or ["H", "A"]
    ops += [Op("transfer", idle[0], (idle[-1] if len(idle) > 1 else "A", 3), "db", 199.6)]
    ops += transfers(seed + 1, (SECOND, 400.0, 5.0))
    faults = [Restart("db", at=262), PowerLoss("db", at=430), Restart("db", at=END)]
    cut = PowerLoss("db", at=CHECKPOINT + 6.0 + seed % 4, torn=True)
    name = "a page is touched just before the checkpoint, and power fails"
    scenario = bank(
        classes, name, ops, (310.0, END + 60), [cut, *faults], checkpoint_every=CHECKPOINT
    )
    return Case(name, scenario, seed)


# Loads ----------------------------------------------------------------------------------------


def rush(classes: Classes, seed: int) -> Case:
    """A transfer each ms: five share a sync."""
    ops = transfers(seed, (BEGIN, 160.0, 1.0))
    name = "a transfer each ms"
    return Case(name, bank(classes, name, ops, (250.0,), (), end=300.0), seed)


def trickle(classes: Classes, seed: int) -> Case:
    """A transfer each 20 ms: each has a sync of its own and waits for nobody."""
    ops = transfers(seed, (BEGIN, 260.0, 20.0))
    name = "a transfer each 20 ms"
    return Case(name, bank(classes, name, ops, (330.0,), (), end=380.0), seed)


# All of them ----------------------------------------------------------------------------------


def one_of_each(classes: Classes, seed: int) -> Iterator[Case]:
    """Yield every kind of mishap once."""
    yield calm(classes, seed)
    yield killed(classes, seed)
    yield power(classes, seed)
    for file in ("wal", "page", "root"):
        yield failed_sync(classes, seed, file)
    yield torn_tail(classes, seed)
    for more in range(4):
        yield torn_images(classes, 10 * seed + more)
    for step in range(9):
        yield in_checkpoint(classes, seed, step, torn=False)
    yield late_first_touch(classes, seed)
    yield in_checkpoint(classes, seed, 3, torn=True)
    for step in (1, 4, 7):
        yield cut_recovery(classes, seed, step, torn=bool(seed % 2))
    yield rotten_image(classes, seed)
    yield rotten(classes, seed, 11 + seed % 7)


def drawn(classes: Classes, seed: int) -> Iterator[Case]:
    """Yield four mishaps, drawn by lot."""
    draw = Random(f"{seed}/mishaps")
    yield in_checkpoint(classes, seed, draw.randrange(9), torn=draw.random() < 0.5)
    yield draw.choice((power, torn_tail, torn_images, killed))(classes, seed)
    if draw.random() < 0.5:
        yield failed_sync(classes, seed, draw.choice(("wal", "page", "root")))
    else:
        yield cut_recovery(classes, seed, draw.randrange(9), torn=draw.random() < 0.5)
    yield rotten(classes, seed, draw.randrange(4, 24))
