"""Quorum: N replicas, R of them asked for a read, W of them awaited for a write.

The store is Dynamo-like (DeCandia et al. 2007): any coordinator serves any request, versions are
pairs (counter, coordinator), the higher one wins. What makes it weaker or stronger is an option
of `Coordinator`: R and W, whom it contacts, what it repairs, and whether stand-ins may take the
place of replicas that do not answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dsviz import laws
from dsviz.check.explore import wilson
from dsviz.check.invariants import Agree, NeverDecreases, fresh_reads
from dsviz.check.linearizability import linearizable
from dsviz.errors import DsvizError, listed
from dsviz.history import History
from dsviz.sim.faults import Crash, Cut, Partition
from dsviz.sim.latency import WARS, Latency
from dsviz.sim.network import Network
from dsviz.sim.node import Client, Node, Op
from dsviz.sim.scenario import Scenario
from dsviz.trace import Message

Version = tuple[int, str]  # (counter, coordinator): unique, and compared in this order
NEVER: Version = (0, "")


class Replica(Node):
    """Keeps the newest version of each key it was sent, and has it on disk before it says so."""

    shows = ("holds",)

    def on_start(self) -> None:
        self.versions: dict[str, Version] = {}
        self.holds: dict[str, Any] = {}
        for key in self.disk.read("keys", default=[]):
            version, self.holds[key] = self.disk.read(key)
            self.versions[key] = tuple(version)

    def on_store(self, msg: Message) -> None:
        if msg.version > self.versions.get(msg.key, NEVER):
            self.keep(msg.key, msg.version, msg.value)
        self.reply(msg, "stored", op=msg.op, key=msg.key)

    def on_fetch(self, msg: Message) -> None:
        version = self.versions.get(msg.key, NEVER)
        value = self.holds.get(msg.key)
        self.reply(msg, "value", op=msg.op, key=msg.key, version=version, value=value)

    def keep(self, key: str, version: Version, value: Any) -> None:
        """Make a version durable."""
        if key not in self.versions:
            self.disk.append("keys", key)
        self.versions[key], self.holds[key] = version, value
        self.disk.write(key, (version, value))
        self.disk.sync()


class StandIn(Replica):
    """Takes writes for a replica that does not answer, and hands them over later (a hint)."""

    role = "stand-in"
    shows = ("hints",)
    handoff_every = 500.0  # ms

    def on_start(self) -> None:
        super().on_start()
        self.hints: dict[str, str] = {}  # "target/key" -> value, for the pictures
        self.waiting: dict[tuple[str, str], tuple[Version, Any]] = {}
        self.set_timer("handoff", self.handoff_every)

    def on_hint(self, msg: Message) -> None:
        known = self.waiting.get((msg.target, msg.key), (NEVER, None))
        if msg.version > known[0]:
            self.waiting[msg.target, msg.key] = (msg.version, msg.value)
            self.hints[f"{msg.target}/{msg.key}"] = msg.value
            self.disk.write(f"hint {msg.target}/{msg.key}", (msg.version, msg.value))
            self.disk.sync()
        self.reply(msg, "stored", op=msg.op, key=msg.key)

    def on_timer_handoff(self) -> None:
        for (target, key), (version, value) in self.waiting.items():
            self.send(target, "store", op=0, key=key, version=version, value=value)
        self.set_timer("handoff", self.handoff_every)

    def on_stored(self, msg: Message) -> None:
        self.waiting.pop((msg.src, msg.key), None)
        self.hints.pop(f"{msg.src}/{msg.key}", None)


class Coordinator(Node):
    """Serves `read` and `write` requests of clients by asking replicas."""

    replicas: tuple[str, ...] = ("r1", "r2", "r3")
    R = 2  # replies a read waits for
    W = 2  # acknowledgments a write waits for
    contact = "all"  # or "in turn" or "at random": ask exactly R or W replicas
    repair = "off"  # or "async", or "write-back": store the newest at W before answering a read
    stand_ins: tuple[str, ...] = ()  # not empty: a sloppy quorum with hinted hand-off
    patience = 60.0  # ms to wait for the own replicas before asking stand-ins

    shows = ("waiting",)

    def on_start(self) -> None:
        self.counter = self.disk.read("counter", default=0)
        self.turn = 0
        self.pending: dict[int, Request] = {}  # by the id of the client's request

    @property
    def waiting(self) -> str:
        """How far the requests are, for the pictures: ``C: 1 of 2``."""
        return ", ".join(f"{r.msg.src}: {r.progress}" for r in self.pending.values())

    def on_write(self, msg: Message) -> None:
        self.counter += 1
        self.disk.write("counter", self.counter)  # a version is never used twice
        self.disk.sync()
        self.store(Request(msg, self.W, (self.counter, self.name), msg.value))

    def on_read(self, msg: Message) -> None:
        self.pending[msg.id] = Request(msg, self.R)
        self.broadcast(self.choose(self.R), "fetch", op=msg.id, key=msg.key)

    def on_value(self, msg: Message) -> None:
        request = self.pending.get(msg.op)
        if request is None or request.storing:
            return  # late: this read has its R replies
        request.replies[msg.src] = msg.version
        if msg.version > request.version:
            request.version, request.value = msg.version, msg.value
        if len(request.replies) >= request.needs:
            self.finish_read(request)

    def on_stored(self, msg: Message) -> None:
        request = self.pending.get(msg.op)
        if request is None or not request.storing:
            return
        request.replies[msg.src] = request.version
        if len(request.replies) >= request.needs:
            self.answer(request)

    def on_timer_patience(self, op: int) -> None:
        request = self.pending.get(op)
        if request is None:
            return
        silent = [replica for replica in self.replicas if replica not in request.replies]
        for target, stand_in in zip(silent, self.stand_ins, strict=False):
            self.send(stand_in, "hint", target=target, **request.stored_fields())

    def store(self, request: Request) -> None:
        """Ask the replicas to store the request's version, and wait for W of them."""
        request.storing, request.needs, request.replies = True, self.W, {}
        self.pending[request.op] = request
        self.broadcast(self.choose(self.W), "store", **request.stored_fields())
        if self.stand_ins:
            self.set_timer("patience", self.patience, op=request.op)

    def finish_read(self, request: Request) -> None:
        """Answer a read that has its R replies, after or before repairing what was stale."""
        self.counter = max(self.counter, request.version[0])
        if self.repair == "write-back" and request.version != NEVER:
            self.store(request)
            return
        stale = [name for name, seen in request.replies.items() if seen < request.version]
        self.answer(request)
        if self.repair == "async":
            self.broadcast(stale, "store", **request.stored_fields())

    def answer(self, request: Request) -> None:
        """Tell the client; forget the request, so that late replies count for nothing."""
        del self.pending[request.op]
        self.cancel_timer("patience", op=request.op)
        if request.msg.kind == "read":
            self.reply(request.msg, "ok", value=request.value)
        else:
            self.reply(request.msg, "ok")

    def choose(self, count: int) -> Sequence[str]:
        """Return whom to contact: all replicas, or `count` of them, in turn or drawn by lot."""
        if self.contact == "all":
            return self.replicas
        if self.contact == "at random":
            return self.random.sample(self.replicas, count)
        first, self.turn = self.turn, self.turn + 1
        return [self.replicas[(first + i) % len(self.replicas)] for i in range(count)]


class Request:
    """What a coordinator knows of one request of a client."""

    def __init__(
        self, msg: Message, needs: int, version: Version = NEVER, value: Any = None
    ) -> None:
        self.msg = msg
        self.op = msg.id
        self.needs = needs
        self.version = version
        self.value = value
        self.storing = False
        self.replies: dict[str, Version] = {}

    @property
    def progress(self) -> str:
        """How many of the replies that it needs have come."""
        return f"{len(self.replies)} of {self.needs}"

    def stored_fields(self) -> dict[str, Any]:
        """The fields of the message that stores this version."""
        key, version, value = self.msg.key, self.version, self.value
        return {"op": self.op, "key": key, "version": version, "value": value}


versions_never_go_back = NeverDecreases("versions never go back", kind="value", field="version")
replicas_agree = Agree("replicas agree at the end", role="replica", shown="holds")

CHECKS = (linearizable, fresh_reads, versions_never_go_back)


def replicas_named(count: int) -> tuple[str, ...]:
    """Return ``("r1", …, "r<count>")``."""
    return tuple(f"r{number}" for number in range(1, count + 1))


# Experiment 1 ---------------------------------------------------------------------------------


class Prober(Client):
    """Writes, waits `read_delay` ms after the acknowledgment, reads, pauses, and starts again."""

    trials = 1000
    read_delay = 0.0
    pause = 0.0
    coordinator = "k1"

    def on_start(self) -> None:
        self.trial = 0
        super().on_start()

    def next_operation(self) -> Op | None:
        if self._current is not None and self._current.f == "write":
            return Op("read", "x", to=self.coordinator, at=self.now + self.read_delay)
        if self.trial == self.trials:
            return None
        self.trial += 1
        pause = self.pause if self.trial > 1 else 0.0
        return Op("write", "x", self.trial, to=self.coordinator, at=self.now + pause)


def staleness(
    preset: str = "lnkd-disk",
    N: int = 3,
    R: int = 1,
    W: int = 1,
    read_delay: float = 0.0,
    trials: int = 1000,
    repair: str = "off",
    sloppy: bool = False,
    pause: float = 0.0,
    duration: float = 1e7,
) -> Scenario:
    """Return a scenario in which client A writes and then reads, `trials` times.

    `preset` names the production latencies of PBS (Bailis et al. 2012): ``lnkd-ssd``,
    ``lnkd-disk`` or ``ymmr`` (any other raises DsvizError). `read_delay` is the time in ms between
    the acknowledgment and the read, `pause` the time before the next trial. The client sits beside
    its coordinator, as in the paper: that hop takes no time, nor do disks beyond what the write
    latency already holds.
    """
    replicas, stand_ins = replicas_named(N), ("h1", "h2") if sloppy else ()
    coordinator = Coordinator(replicas=replicas, R=R, W=W, repair=repair, stand_ins=stand_ins)
    client = Prober(trials=trials, read_delay=read_delay, pause=pause, timeout=1e6)
    nodes = {"A": client, "k1": coordinator} | dict.fromkeys(replicas, Replica())
    nodes |= dict.fromkeys(stand_ins, StandIn())
    network = Network(0.0, by_kind=wars(preset))
    name = f"N={N} R={R} W={W} · {preset}"
    return Scenario(name, nodes, duration, network, checks=(fresh_reads,), sync_ms=0.0)


def random_quorums(N: int = 3, R: int = 1, W: int = 1, trials: int = 1000) -> Scenario:
    """Return a scenario for k-staleness: W replicas drawn by lot get each write, and no other ever
    hears of it; each read asks R replicas drawn by lot."""
    replicas = replicas_named(N)
    coordinator = Coordinator(replicas=replicas, R=R, W=W, contact="at random")
    nodes = {"A": Prober(trials=trials), "k1": coordinator} | dict.fromkeys(replicas, Replica())
    name = f"N={N} R={R} W={W} · random quorums"
    return Scenario(name, nodes, 1e7, Network(1.0), checks=(fresh_reads,), sync_ms=0.0)


def wars(preset: str) -> dict[str, Latency]:
    """Return the latency of each message kind for a PBS preset (W, A, R, S of the paper)."""
    if preset not in WARS:
        raise DsvizError(f"preset={preset!r} is not known; the presets are {listed(WARS)}")
    write, ack, read, response = WARS[preset]
    return {"store": write, "stored": ack, "fetch": read, "value": response}


# Experiments 2 and 3 --------------------------------------------------------------------------


def inversion(repair: str = "off", network: str = "exact") -> Scenario:
    """Return the run in which R + W > N and yet a later read returns the older value.

    k1 dies while its second write has reached r1 alone. A then reads from {r1, r2}, and after it
    B reads from {r2, r3}. On any network but ``exact`` (``lan``, ``az``, or ``lnkd-disk`` with the
    latencies of PBS) k2 asks all three, the seed decides which two answer first, and B reads as
    soon as A has its answer.
    """
    scripted = network == "exact"
    k1 = Coordinator(repair=repair)
    k2 = Coordinator(repair=repair, contact="in turn" if scripted else "all")
    writes = (Op("write", "x", "v1", "k1", 0), Op("write", "x", "v2", "k1", 100))
    nodes = {
        "C": Client(operations=writes),
        "A": Client(operations=(Op("read", "x", to="k2", at=200),)),
        "B": Client(operations=(Op("read", "x", to="k2", at=300 if scripted else 203),)),
        "k1": k1,
        "k2": k2,
    } | dict.fromkeys(replicas_named(3), Replica())
    faults = (Cut("k1", "r2", at=90), Cut("k1", "r3", at=90), Crash("k1", at=130))
    links = Network("lan", by_kind=wars(network)) if network in WARS else Network(network)
    return Scenario("inversion", nodes, 500, links, faults, CHECKS)


def sloppy_quorum(sloppy: bool = True) -> Scenario:
    """Return the run in which stand-ins take the writes of two replicas that were cut off.

    Client C writes every 100 ms through k1. From 1,000 ms r1 and r2 are cut off from everybody;
    at 2,000 ms k2 (and with it the reader D) can reach them again, k1 cannot; at 7,000 ms all is
    well, and the hints drain.
    """
    replicas, stand_ins = ("r1", "r2", "r3"), ("h1", "h2")
    writes = tuple(Op("write", "x", f"v{i}", "k1", 100.0 * i) for i in range(1, 90))
    reads = tuple(Op("read", "x", to="k2", at=100.0 * i + 50) for i in range(1, 90))
    nodes = {
        "C": Client(operations=writes, timeout=90.0),
        "D": Client(operations=reads, timeout=90.0),
        "k1": Coordinator(stand_ins=stand_ins if sloppy else (), patience=25.0),
        "k2": Coordinator(),
    }
    nodes |= dict.fromkeys(replicas, Replica())
    nodes |= dict.fromkeys(stand_ins, StandIn())
    others = ("k1", "r3", "h1", "h2")
    faults = (
        Partition(("r1", "r2"), (*others, "k2"), at=1000, duration=1000),
        Partition(("r1", "r2", "k2"), others, at=2000, duration=5000),
    )
    checks = (*CHECKS, replicas_agree)
    network = Network(5.0)
    name = "sloppy quorum" if sloppy else "strict quorum"
    return Scenario(name, nodes, 9000, network, faults, checks, sync_ms=0.5)


# What the lesson measures ---------------------------------------------------------------------


def versions_behind(history: History) -> list[int]:
    """Return for each read of a `Prober` how many versions it was behind (0: the newest)."""
    newest, behind = 0, []
    for operation in history:
        if operation.f == "write":
            newest = operation.value
        elif operation.status == "ok":
            behind.append(newest - (operation.result or 0))
    return behind


def measured_within(
    N: int, R: int, W: int, ks: Sequence[int], trials: int = 1000, seed: int = 0
) -> tuple[list[int], list[float], list[float], list[float]]:
    """Return (ks, shares, lows, highs): how many reads of `random_quorums` are within k versions.

    `lows` and `highs` bound the 95 % interval of each share.
    """
    behind = versions_behind(random_quorums(N, R, W, trials).run(seed).history())
    behind = behind[max(ks) :]  # before that there were fewer than k versions to be behind
    hits = [sum(lag < k for lag in behind) for k in ks]
    bounds = [wilson(hit, len(behind)) for hit in hits]
    shares = [hit / len(behind) for hit in hits]
    return list(ks), shares, [low for low, _ in bounds], [high for _, high in bounds]


def how_fresh(trials: int = 100_000) -> str:
    """Return for each production latency how many reads are fresh at once, and all but 0.1 % when.

    N = 3, R = W = 1, by the WARS model; with the published value for YMMR.
    """
    lines = []
    for preset in WARS:
        trial = laws.wars(WARS[preset], N=3, R=1, W=1, trials=trials)
        share, after = f"{trial.consistent():6.1%}", f"{trial.visible():7,.1f} ms"
        lines.append(f"{preset:10} fresh at once {share}   99.9 % fresh after {after}")
    return "\n".join([*lines, f"published for ymmr: {laws.PBS_YMMR_VISIBLE}"])


def stale_grid(preset: str, N: int) -> dict[tuple[int, int], float]:
    """Return P(a read right after the commit is stale) for each (R, W), by the WARS model."""
    sizes = range(1, N + 1)
    latencies = tuple(wars(preset).values())
    return {(R, W): 1 - laws.wars(latencies, N, R, W).consistent() for R in sizes for W in sizes}


def playground(
    N: int,
    R: int,
    W: int,
    latencies: str,
    read_delay: float,
    repair: str,
    sloppy: bool,
    p_up: float,
) -> Scenario:
    """Return a short run to look at for the settings of the lesson's controls."""
    length = {"lnkd-ssd": 60.0, "lnkd-disk": 160.0, "ymmr": 400.0}.get(latencies, 200.0)
    return staleness(
        latencies, N, R, W, read_delay, trials=8, repair=repair, sloppy=sloppy,
        pause=length / 16, duration=length,
    )  # fmt: skip


def numbers(
    N: int,
    R: int,
    W: int,
    latencies: str,
    read_delay: float,
    repair: str,
    sloppy: bool,
    p_up: float,
) -> list[tuple[str, str]]:
    """Return what the settings mean, as rows (label, value): 10,000 trials of the WARS model."""
    trial = laws.wars(tuple(wars(latencies).values()), N, R, W)
    meet = "yes" if laws.must_intersect(N, R, W) else "no"
    return [
        ("R + W > N: every read meets every write", meet if not sloppy else f"{meet}, but sloppy"),
        (f"reads fresh {read_delay:g} ms after the ack", f"{trial.consistent(read_delay):.2%}"),
        ("99.9 % of reads are fresh after", f"{trial.visible():,.1f} ms"),
        ("99.9th percentile of reads", f"{laws.percentile(trial.reads, 0.999):,.2f} ms"),
        ("99.9th percentile of writes", f"{laws.percentile(trial.writes, 0.999):,.2f} ms"),
        ("a read finds R replicas up", f"{laws.availability(N, R, p_up):.4%}"),
        ("a write finds W replicas up", f"{laws.availability(N, W, p_up):.4%}"),
    ]
