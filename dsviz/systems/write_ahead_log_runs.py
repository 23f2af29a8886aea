"""Runs of the write-ahead log: the experiments of the lesson, its judges and its figures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dsviz.check.verdict import Verdict
from dsviz.check.words import shown
from dsviz.history import Operation
from dsviz.sim.faults import BitRot, Crash, DiskFailure, Fault, PowerLoss, Restart
from dsviz.sim.network import Network
from dsviz.sim.node import Client, Op
from dsviz.sim.open_loop import OpenLoop
from dsviz.sim.scenario import Scenario
from dsviz.systems.write_ahead_log import Database
from dsviz.trace import Trace

FSYNC = 5.0  # ms
HOP = 0.25  # ms from a client to the database
CLIENTS = 4
AMOUNT = 5

Holdings = dict[str, tuple[int, int]]  # by account: what it holds, how many transfers it has seen


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


# Experiment 3 ---------------------------------------------------------------------------------

TORN_SEED = 5  # record 41 is half there, 42 to 44 are whole


def torn_tail(recovery: str = "stop") -> Scenario:
    """Return the run in which power fails while records 41 to 44 are being synced.

    40 transfers from A to B, 10 ms apart. Then 41 brings 80 to C, which 42 to 44 spend.
    """
    ops = [Op("transfer", "A", ("B", 1), "db", 100.0 + 10 * i) for i in range(40)]
    spent = [("A", "C", 80), ("C", "D", 50), ("C", "E", 50), ("C", "F", 50)]
    ops += [Op("transfer", a, (b, n), "db", 600.0 + 0.1 * i) for i, (a, b, n) in enumerate(spent)]
    faults = (PowerLoss("db", at=604, torn=True), Restart("db", at=700))
    database = Database(recovery=recovery, each=60)
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

TORN_PAGE_SEED = 1


def torn_page(page_logging: str = "delta", log_first: bool = True) -> Scenario:
    """Return the run in which power fails while a checkpoint writes the pages.

    The pages are half old and half new then. Without `log_first` the checkpoint has written pages
    before the log that would explain them.
    """
    ops = transfers(40, 10.0, 100.0)
    late = FSYNC if log_first else 0.0
    faults = (PowerLoss("db", at=500 + late + 3, torn=True), Restart("db", at=600))
    database = Database(page_logging=page_logging, log_first=log_first, checkpoint_every=500.0)
    name = f"torn page, {page_logging}"
    return scenario(name, database, ops, (495.0, 700.0), 750.0, *faults)


# What an auditor finds ------------------------------------------------------------------------


class Audit:
    """One look at all accounts, and what they should hold.

    `before` is what they held when the database had last recovered (or at first), `since` are the
    transfers that reached it from then on, in this order. With `stopped` it has recovered again.
    """

    def __init__(self, op: Operation, before: Holdings, since: list[Operation], stopped: bool):
        self.op, self.before, self.since, self.stopped = op, before, since, stopped
        self.holds: Holdings = {n: tuple(v) for n, v in op.result["accounts"].items()}

    @property
    def total(self) -> int:
        """What all accounts hold together."""
        return sum(balance for balance, _ in self.holds.values())

    def prefix(self) -> int | None:
        """Return how many of the transfers explain the accounts; None: no number does."""
        state = dict(self.before)
        if state == self.holds:
            return 0
        for number, op in enumerate(self.since, 1):
            target, amount = op.value
            for name, change in ((op.key, -amount), (target, amount)):
                balance, seen = state[name]
                state[name] = (balance + change, seen + 1)
            if state == self.holds:
                return number
        return None

    def acknowledged(self) -> list[Operation]:
        """Return those transfers that a client was told of before the audit began."""
        return [op for op in self.since if op.status == "ok" and op.returned < self.op.invoked]

    def missing(self) -> int:
        """Return how many acknowledged transfers the accounts have not seen."""
        seen: dict[str, int] = {name: count for name, (_, count) in self.before.items()}
        for op in self.acknowledged():
            for name in (op.key, op.value[0]):
                seen[name] += 1
        lack = sum(max(0, count - self.holds[name][1]) for name, count in seen.items())
        return (lack + 1) // 2


def audits(trace: Trace) -> Iterator[Audit]:
    """Return every audit that was answered."""
    ops = {op.id: op for op in trace.history()}
    by_request = _operations_by_message(trace)
    before: Holdings | None = None
    since: list[Operation] = []
    stopped = False
    for _, _, what, node, _, data, _, _ in trace.rows:
        if node == "db" and what == "crash":
            stopped = True
        elif node == "db" and what == "deliver" and data.kind == "transfer":
            since.append(ops[by_request[data.id]])
        elif what == "ok" and ops[data["op"]].f == "audit":
            op = ops[data["op"]]
            start = before or {n: (op.result["each"], 0) for n in op.result["accounts"]}
            audit = Audit(op, start, since, stopped)
            yield audit
            if stopped:
                before, since, stopped = audit.holds, [], False


def _operations_by_message(trace: Trace) -> dict[int, int]:
    """Return message id → operation id: a client's request follows its invocation."""
    found: dict[int, int] = {}
    begun: dict[tuple[str, float], list[int]] = {}
    for time, _, what, node, peer, data, info, _ in trace.rows:
        if what == "invoke":
            begun.setdefault((node, time), []).append(data["op"])
    for time, _, what, node, peer, data, info, _ in trace.rows:
        sent = info[0] if what == "drop" else info
        if what in ("deliver", "drop", "flight") and (peer, sent) in begun and data.re is None:
            waiting = begun[peer, sent]
            if waiting:
                found[data.id] = waiting.pop(0)
    return found


def nothing_lost(trace: Trace) -> Verdict:
    """Judge: every transfer that was acknowledged is in the accounts, whatever happened."""
    name = "nothing acknowledged is lost"
    for audit in audits(trace):
        missing = audit.missing()
        if missing:
            at = audit.op.return_ms
            last = audit.acknowledged()[-1]
            sentence = (
                f"At {at:,.0f} ms {missing:,} acknowledged transfer{'s are' * (missing > 1)}"
                f"{' is' * (missing == 1)} missing from the accounts; {last.process} was told of "
                f"the last one at {last.return_ms:,.0f} ms."
            )
            return Verdict(name, "violated", sentence, at, (), (last.id, audit.op.id))
    return Verdict(name, "ok", "Each acknowledged transfer was in the accounts at each audit.")


def books_balance(trace: Trace) -> Verdict:
    """Judge: the accounts hold together what they held at first, and none is below zero."""
    name = "the books balance"
    for audit in audits(trace):
        at, ids = audit.op.return_ms, (audit.op.id,)
        total = sum(balance for balance, _ in audit.before.values())
        below = [n for n, (balance, _) in audit.holds.items() if balance < 0]
        if audit.total != total:
            sentence = f"At {at:,.0f} ms the accounts hold {audit.total:,} instead of {total:,}."
            return Verdict(name, "violated", sentence, at, (), ids)
        if below:
            sentence = (
                f"At {at:,.0f} ms account {below[0]} holds {audit.holds[below[0]][0]}: it spent "
                "what it never received."
            )
            return Verdict(name, "violated", sentence, at, (), ids)
    return Verdict(name, "ok", "At each audit the accounts held what they held at first.")


def recovers_a_prefix(trace: Trace) -> Verdict:
    """Judge: what is recovered is what the first k transfers made of the accounts, for some k."""
    name = "recovers a prefix"
    for audit in audits(trace):
        if audit.prefix() is None:
            at = audit.op.return_ms
            odd = [n for n, held in audit.holds.items() if held != audit.before[n]]
            sentence = (
                f"At {at:,.0f} ms no first k of the {len(audit.since):,} transfers explain what "
                f"the accounts hold: {', '.join(f'{n} {audit.holds[n][0]}' for n in odd[:4])}."
            )
            return Verdict(name, "violated", sentence, at, (), (audit.op.id,))
    return Verdict(name, "ok", "At each audit some first k transfers explain all accounts.")


def acknowledged_is_durable(trace: Trace) -> Verdict:
    """Judge: a transfer is acknowledged only when the log is durable up to its record."""
    name = "log durable before the ack"
    flushed = {"db": -1}
    sent: list[tuple[float, int, Any]] = []
    for time, seq, what, node, peer, data, info, _ in trace.rows:
        if what == "state" and "flushed" in data:
            sent.append((time, 0, data["flushed"]))
        elif what in ("deliver", "drop", "flight") and peer == "db" and data.kind == "ok":
            if isinstance(getattr(data, "value", None), int):
                when = info[0] if what == "drop" else info
                sent.append((when, 1, (data, seq)))
    for time, kind, what in sorted(sent, key=lambda item: item[:2]):
        if kind == 0:
            flushed["db"] = what
        elif what[0].value > flushed["db"]:
            message, seq = what
            sentence = (
                f"At {time:,.1f} ms {message.dst} is told that record {message.value:,} is safe, "
                f"but the log is durable up to {flushed['db']:,} only."
            )
            return Verdict(name, "violated", sentence, time, (seq,))
    return Verdict(name, "ok", "Each record was durable when its client was told.")


CHECKS = (nothing_lost, books_balance, recovers_a_prefix, acknowledged_is_durable)


# What the lesson measures ---------------------------------------------------------------------


def lost(trace: Trace) -> int:
    """Return how many acknowledged transfers the last audit does not find."""
    return [audit.missing() for audit in audits(trace)][-1]


def outcome(trace: Trace) -> str:
    """Return what the last audit found, in a line."""
    audit = list(audits(trace))[-1]
    told = sum(op.f == "transfer" and op.status == "ok" for op in trace.history())
    return (
        f"{trace.name:18} acknowledged {told:6,}   "
        f"lost {audit.missing():4,}   total {audit.total:,}"
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


def group_commit_measured(trace: Trace) -> tuple[float, float, float]:
    """Return (transfers a sync, mean latency in ms, 99th percentile in ms) of such a run.

    The first ten syncs belong to the start of the database and to its filling up.
    """
    took = sorted(op.return_ms - op.call_ms for op in trace.history() if op.status == "ok")
    syncs = sum(1 for row in trace.rows if row[2] == "synced" and row[5] and row[0] > 6 * FSYNC)
    return len(took) / syncs, sum(took) / len(took), took[int(0.99 * len(took))]


def shown_log(trace: Trace) -> str:
    """Return what the database showed last."""
    last = [row[5] for row in trace.rows if row[2] == "state" and row[3] == "db"]
    return shown(last[-1]) if last else "nothing"
