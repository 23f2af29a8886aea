"""Runs of the write-ahead log: the experiments of the lesson, its judges and its figures."""

from __future__ import annotations

from typing import Any

from dsviz.check.verdict import Verdict
from dsviz.sim.faults import BitRot, Crash, DiskFailure, Fault, PowerLoss, Restart
from dsviz.sim.kernel import Kernel
from dsviz.sim.network import Network
from dsviz.sim.node import Client, Op
from dsviz.sim.open_loop import OpenLoop
from dsviz.sim.scenario import Scenario
from dsviz.systems.write_ahead_log import Database
from dsviz.systems.write_ahead_log_audit import CHECKS, audits, books_balance
from dsviz.trace import Trace

FSYNC = 5.0  # ms
HOP = 0.25  # ms from a client to the database
CLIENTS = 4
AMOUNT = 5


# Clients --------------------------------------------------------------------------------------


def transfers(count: int, every: float, begin: float = 0.0, accounts: str = "ABCDEFGH") -> list[Op]:
    """Return `count` transfers, one each `every` ms: each account gives to each other in turn."""
    n = len(accounts)
    made = []
    for i in range(count):
        source, step = i % n, 1 + (i // n) % (n - 1)
        value = (accounts[(source + step) % n], AMOUNT)
        made.append(Op("transfer", accounts[source], value, "db", begin + i * every))
    return made


def cluster(database: Database, ops: list[Op], audits: tuple[float, ...]) -> dict[str, Any]:
    """Return the nodes: clients c1 to c4 that do `ops` in turn, an auditor, and the database."""
    nodes: dict[str, Any] = {}
    for i in range(CLIENTS):
        nodes[f"c{i + 1}"] = OpenLoop(operations=tuple(ops[i::CLIENTS]))
    asked = tuple(Op("audit", "", to="db", at=at) for at in audits)
    nodes["auditor"] = Client(operations=asked, timeout=50.0)
    return nodes | {"db": database}


def scenario(
    name: str,
    database: Database,
    ops: list[Op],
    audits: tuple[float, ...],
    duration: float,
    *faults: Fault,
) -> Scenario:
    """Return a scenario on a fast, even network with a disk that takes `FSYNC` ms to sync."""
    nodes = cluster(database, ops, audits)
    return Scenario(name, nodes, duration, Network(HOP), faults, CHECKS, FSYNC)


class Payers(OpenLoop):
    """Makes transfers at random times, `rate` a second on average, `count` of them."""

    rate = 1000.0
    count = 1000
    accounts = "ABCDEFGH"

    def on_start(self) -> None:
        self.next_at, self.made = 0.0, 0
        super().on_start()

    def next_operation(self) -> Op | None:
        if self.made == self.count:
            return None
        self.made += 1
        self.next_at += self.random.expovariate(self.rate / 1000)
        source, target = self.random.sample(self.accounts, 2)
        return Op("transfer", source, (target, AMOUNT), "db", self.next_at)


def calm(rate: float, until: float) -> Scenario:
    """Return a run without faults: group commit, `rate` transfers a second until `until` ms."""
    every = 1000.0 / rate
    ops = transfers(int(until / every) + 1, every)
    return scenario("group commit", Database(), ops, (until + 200,), until + 250)


# Experiment 1 ---------------------------------------------------------------------------------


def stopped(
    commit: str = "interval",
    how: str = "power",
    rate: float = 1000.0,
    at: float = 10_500.0,
    fsync_every: float = 1000.0,
) -> Scenario:
    """Return the run in which the database stops in mid-load and starts again 100 ms later.

    `how` is ``kill`` (its process dies) or ``power``. Without a log (`commit` = ``no log``) a
    transfer takes two syncs, so `rate` transfers a second must be fewer than 100.
    """
    every = 1000.0 / rate
    begin = 12.0 if commit == "no log" else 0.0
    ops = transfers(int((at - begin) / every) + 1, every, begin)
    fault = Crash("db", at) if how == "kill" else PowerLoss("db", at)
    database = Database(commit=commit, interval=fsync_every)
    again = Restart("db", at + 100)
    return scenario(f"{commit}, {how}", database, ops, (at + 200,), at + 250, fault, again)


# Experiment 2 ---------------------------------------------------------------------------------


def failed_sync(on_error: str = "retry") -> Scenario:
    """Return the run in which a checkpoint's sync of the pages fails, once.

    20 transfers a second. All accounts take part until the checkpoint at 10,000 ms, later only E
    to H. The database that panics is started again 100 ms later; power fails at 12,000 ms.
    """
    before = transfers(199, 50.0, 20.0)
    after = transfers(36, 50.0, 10_120.0, "EFGH")
    error = DiskFailure("db", at=9_900, file="page")
    restarts = (Restart("db", at=10_100), Restart("db", at=12_100))
    faults = (error, PowerLoss("db", at=12_000), *restarts)
    database = Database(on_error=on_error)
    audits = (9_980.0, 12_200.0)
    return scenario(f"EIO, {on_error}", database, before + after, audits, 12_300.0, *faults)


def second_sync(trace: Trace) -> str:
    """Return what the sync after the failed one reported: ``success`` or ``an error again``."""
    syncs = [row[2] for row in trace.rows if row[2] in ("synced", "disk error")]
    return "success" if syncs[syncs.index("disk error") + 1] == "synced" else "an error again"


# Experiment 3 ---------------------------------------------------------------------------------

TORN_SEED = 38  # record 41 is half there, 42 to 44 are whole


def torn_tail(recovery: str = "stop") -> Scenario:
    """Return the run in which power fails while records 41 to 44 are being synced.

    40 transfers from A to B, 10 ms apart. Then 41 brings 80 to C, which 42 to 44 spend.
    """
    ops = [Op("transfer", "A", ("B", 1), "db", 100.0 + 10 * i) for i in range(40)]
    spent = [("A", "C", 80), ("C", "D", 60), ("C", "E", 60), ("C", "F", 60)]
    ops += [Op("transfer", a, (b, n), "db", 600.0 + 0.1 * i) for i, (a, b, n) in enumerate(spent)]
    faults = (PowerLoss("db", at=604, torn=True), Restart("db", at=700))
    database = Database(recovery=recovery)
    name = f"torn tail, {recovery}"
    return scenario(name, database, ops, (580.0, 800.0), 850.0, *faults)


def rotten_record(recovery: str = "stop") -> Scenario:
    """Return the run in which a bit of record 20 flips, in a log of 40 that is durable."""
    ops = [Op("transfer", "A", ("B", 1), "db", 100.0 + 10 * i) for i in range(40)]
    rot = BitRot("db", "wal 2", at=600, record=19, byte=27)
    faults = (rot, Crash("db", at=610), Restart("db", at=700))
    database = Database(recovery=recovery)
    return scenario(f"bit rot, {recovery}", database, ops, (580.0, 800.0), 850.0, *faults)


# Bonus ----------------------------------------------------------------------------------------

TORN_PAGE_SEED = 29


def torn_page(page_logging: str = "delta") -> Scenario:
    """Return the run in which power fails while a checkpoint writes the pages: each is half old
    and half new then."""
    ops = transfers(35, 10.0, 100.0)
    faults = (PowerLoss("db", at=508, torn=True), Restart("db", at=600))
    database = Database(page_logging=page_logging, checkpoint_every=500.0)
    name = f"torn page, {page_logging}"
    return scenario(name, database, ops, (495.0, 700.0), 750.0, *faults)


def torn_sectors(seed: int = TORN_PAGE_SEED, account: str = "A") -> tuple[bytes, bytes, bytes]:
    """Return (old, new, left) of one account's page: before the checkpoint of `torn_page`, as it
    was to be written, and as the power loss left it."""
    made = torn_page()
    kernel = Kernel(dict(made.nodes), made.network, seed, made.faults, made.sync_ms)
    disk, name = kernel.slots["db"].disk, f"page {account}"
    held = []
    for moment in (504.0, 507.0, 509.0):
        while kernel.peek() <= moment:
            kernel.step()
        held.append((disk._durable[name], disk._files[name]))
    return held[0][0], held[1][1], held[2][0]


def pages_first(log_first: bool = False) -> Scenario:
    """Return the run in which a checkpoint writes pages before the log that explains them.

    The log is synced once in 10 s only, and power fails while the pages are being written.
    """
    ops = transfers(35, 10.0, 100.0)
    faults = (PowerLoss("db", at=508 if log_first else 503, torn=True), Restart("db", at=600))
    database = Database(
        commit="interval", interval=10_000.0, log_first=log_first, checkpoint_every=500.0
    )
    name = "log before pages" if log_first else "pages before log"
    return scenario(name, database, ops, (495.0, 700.0), 750.0, *faults)


# What the lesson measures ---------------------------------------------------------------------


def lost(trace: Trace) -> int:
    """Return how many acknowledged transfers the last audit does not find."""
    return [audit.missing() for audit in audits(trace)][-1]


def books(made: Scenario, seed: int) -> Verdict:
    """Return whether the books balance in the run of this seed."""
    return books_balance(made.run(seed))


def outcome(trace: Trace) -> str:
    """Return what the last audit found, in a line."""
    audit = list(audits(trace))[-1]
    told = sum(op.f == "transfer" and op.status == "ok" for op in trace.history())
    return (
        f"{trace.name:18} acknowledged {told:6,}   "
        f"lost {audit.missing():4,}   money {audit.total:,}"
    )


def group_commit_run(
    rate: float, fsync_ms: float = FSYNC, count: int = 2000, **options: Any
) -> Scenario:
    """Return a run without faults in which `count` transfers come at random times."""
    database = Database(checkpoint_every=1e9, **options)
    nodes = {"c": Payers(rate=rate, count=count, timeout=1e6), "db": database}
    duration = count / rate * 1000 * 1.5 + 10_000
    name = f"{rate:g} transfers/s, {database.commit}"
    return Scenario(name, nodes, duration, Network(0.0), (), (), fsync_ms)


_SETTLED = 100.0


def group_commit_measured(trace: Trace) -> tuple[float, float, float]:
    """Return (transfers a sync, mean latency in ms, 99th percentile in ms) of such a run.

    The first 100 ms do not count: there the database starts, and what came meanwhile waits.
    """
    done = [op for op in trace.history() if op.status == "ok" and op.call_ms > _SETTLED]
    took = sorted(op.return_ms - op.call_ms for op in done)
    last = max(op.return_ms for op in done)
    syncs = sum(row[2] == "synced" and _SETTLED < row[0] <= last for row in trace.rows)
    return len(took) / syncs, sum(took) / len(took), took[int(0.99 * len(took))]


def lost_at_any_moment(commit: str = "group", how: str = "power", moments: int = 200) -> str:
    """Return in how many runs, each stopped at another moment, something acknowledged was lost."""
    worst, bad = 0, 0
    for number in range(moments):
        trace = stopped(commit, how, rate=50, at=1000.0 + 5.1 * number).run(number)
        missing = lost(trace)
        worst, bad = max(worst, missing), bad + (missing > 0)
    return f"{commit}, {how}: lost something in {bad} of {moments} runs, at worst {worst} transfers"


Curve = tuple[list[float], list[float], list[float], list[float]]


def mean_latencies(rates: list[float], seeds: range = range(5), **options: Any) -> Curve:
    """Return (rates, means, lows, highs) in ms: the mean over seeds of the mean latency, and the
    least and the greatest of them."""
    means = [
        [group_commit_measured(group_commit_run(rate, **options).run(s))[1] for s in seeds]
        for rate in rates
    ]
    return (
        rates,
        [sum(found) / len(found) for found in means],
        [min(found) for found in means],
        [max(found) for found in means],
    )
