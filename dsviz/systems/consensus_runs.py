"""The runs of the consensus lesson, and the classic bugs of Raft.

Each bug is a subclass of `RaftNode` that does one thing wrong. Each scenario takes a variant's
name: those of `VARIANTS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dsviz.check.election import one_leader
from dsviz.check.linearizability import linearizable
from dsviz.check.liveness import Liveness
from dsviz.check.replicated_log import (
    commit_never_decreases,
    leader_completeness,
    log_matching,
    state_machine_safety,
)
from dsviz.errors import DsvizError, listed
from dsviz.sim.faults import (
    Crash,
    Cut,
    Fault,
    Partition,
    PowerLoss,
    Restart,
)
from dsviz.sim.network import Network
from dsviz.sim.node import Op
from dsviz.sim.scenario import Scenario
from dsviz.systems.consensus import RaftNode
from dsviz.systems.consensus_client import RaftClient

# Bugs -----------------------------------------------------------------------------------------


class CountsOldTerms(RaftNode):
    """Commits an entry of an older term as soon as a majority holds it (the paper's figure 8)."""

    commit_rule = "any majority"
    noop = False  # an entry of the own term, sent along with the old ones, would hide the bug


class ForgetsVote(RaftNode):
    """Keeps its vote in memory: after a restart it may vote again in the same term."""

    vote_persistence = "memory"


class ForgetsTerm(RaftNode):
    """Keeps its term and its vote in memory."""

    def on_start(self) -> None:
        self.disk.write("vote", (0, None))
        super().on_start()


class ForgetsLog(RaftNode):
    """Keeps its log in memory."""

    def on_start(self) -> None:
        image = self.disk.read("log", default=[])[:1]
        if image:
            self.disk.write("log", image)
        super().on_start()


class AnswersBeforeDurable(RaftNode):
    """Never waits for its disk (etcd has a flag for it: ``--unsafe-no-fsync``)."""

    def flush(self) -> None:
        pass


class ReadsLocally(RaftNode):
    """Answers reads at once, as long as it believes that it leads."""

    reads = "local"


class VotesBlindly(RaftNode):
    """Votes for the first who asks, however old its log is."""

    log_check = False


class NoRandomness(RaftNode):
    """All servers wait equally long: all stand at once, and each votes for itself."""

    randomness = 0.0


#: The servers to choose from by name.
VARIANTS: dict[str, type[RaftNode]] = {
    "correct": RaftNode,
    "counts old terms": CountsOldTerms,
    "forgets vote": ForgetsVote,
    "forgets term": ForgetsTerm,
    "forgets log": ForgetsLog,
    "answers before durable": AnswersBeforeDurable,
    "reads locally": ReadsLocally,
    "votes blindly": VotesBlindly,
    "no randomness": NoRandomness,
}

#: What every run of Raft promises, whatever goes wrong.
SAFETY = (
    linearizable,
    one_leader,
    log_matching,
    leader_completeness,
    state_machine_safety,
    commit_never_decreases,
)


def servers_named(n: int) -> tuple[str, ...]:
    """Return ``("s1", …, "s<n>")``."""
    return tuple(f"s{number}" for number in range(1, n + 1))


def server(variant: str, **options: Any) -> RaftNode:
    """Return a server of a variant. Raises DsvizError for one that does not exist."""
    if variant not in VARIANTS:
        raise DsvizError(f"variant={variant!r} does not exist; there are {listed(VARIANTS)}")
    return VARIANTS[variant](**options)


def cluster(
    n: int = 5,
    variant: str = "correct",
    duration: float = 2000.0,
    clients: int = 1,
    every: float = 100.0,
    latency: float | str = "lan",
    sync_ms: float = 0.0,
    **options: Any,
) -> Scenario:
    """Return a calm cluster whose clients write and read x in turn, one operation `every` ms.

    `options` are those of `RaftNode`. Raises DsvizError for a variant or an option that does not
    exist.
    """
    names = servers_named(n)
    nodes: dict[str, Any] = {}
    for c in range(1, clients + 1):
        times = range(int((duration - 500) / every))
        work = [_write_or_read(i, f"c{c}.{i}", 400 + i * every) for i in times]
        nodes[f"c{c}"] = RaftClient(servers=names, operations=tuple(work))
    nodes |= dict.fromkeys(names, server(variant, **options))
    checks = (*SAFETY, Liveness(1000.0))
    return Scenario(f"raft · {variant}", nodes, duration, Network(latency), (), checks, sync_ms)


def _write_or_read(number: int, value: str, at: float) -> Op:
    return Op("read", "x", at=at) if number % 2 else Op("write", "x", value, at=at)


# Directed runs --------------------------------------------------------------------------------


def deposed_leader_reads(
    variant: str = "reads locally", at: float = 10_000.0, **options: Any
) -> Scenario:
    """Return experiment 1: the leader s1 and client c1 are cut off from everybody for 5 s.

    c1 reads 20 times a second at s1, c2 writes the same key as often through the others. s1 leads
    first because it stands at once.
    """
    names, end = servers_named(5), at + 5000.0
    reads = tuple(Op("read", "x", at=t) for t in _times(at - 1000, end + 1000, 50))
    writes = tuple(Op("write", "x", i, at=t) for i, t in _times_numbered(at - 1000, end + 1000, 50))
    nodes: dict[str, Any] = {
        "c1": RaftClient(servers=names[:1], operations=reads, timeout=45.0, patience=20.0),
        "c2": RaftClient(servers=names, operations=writes, timeout=600.0),
    }
    nodes |= dict.fromkeys(names, server(variant, **options))
    nodes["s1"] = server(variant, eager=True, **options)
    faults = (Partition(("s1", "c1"), (*names[1:], "c2"), at=at, duration=5000.0),)
    return Scenario(
        "the deposed leader answers", nodes, end + 2000, Network("lan"), faults, SAFETY, 0.0
    )


def figure8(variant: str = "counts old terms", **options: Any) -> Scenario:
    """Return experiment 2, the paper's figure 8: on a majority and still erased.

    s1 leads and has x on s2 only when it stops (a); s5 leads, writes y into its own log only and
    stops (b); s1 leads again and copies x to s3 (c); it stops, s5 leads and y erases x (d). The
    election time-outs decide who leads: s1 is the quickest, then s5.
    """
    names = servers_named(5)
    waits = {"s1": 100.0, "s5": 150.0}
    later = (Op("write", "z", "z", at=1700), Op("read", "x", at=1900))
    nodes: dict[str, Any] = {
        "cx": RaftClient(
            servers=("s1",), operations=(Op("write", "x", "x", at=300),), timeout=1000
        ),
        "cy": RaftClient(servers=("s5",), operations=(Op("write", "y", "y", at=700),), timeout=100),
        "cr": RaftClient(servers=names, operations=later, timeout=900),
    }
    for name in names:
        wait = waits.get(name, 600.0)
        own = {"election_timeout": wait, "randomness": 0.0, "heartbeat": 40.0}
        nodes[name] = server(variant, **{**own, **options})
    faults = (
        *(Cut("s1", to, at=290, duration=60) for to in ("s3", "s4", "s5")),  # (a)
        Crash("s1", at=340),
        *(Cut("s5", to, at=690, duration=60) for to in ("s1", "s2", "s3", "s4")),  # (b)
        Crash("s5", at=740),
        Restart("s1", at=745),
        *(Cut("s1", to, at=745, duration=700) for to in ("s4",)),  # (c)
        Crash("s1", at=1200),
        Restart("s5", at=1210),  # (d)
    )
    return Scenario("figure 8", nodes, 3000, Network("lan"), faults, SAFETY, 0.5)


def double_vote(variant: str = "forgets vote", **options: Any) -> Scenario:
    """Return the run in which s3 is asked by s1, votes, restarts, and is asked by s2.

    s1 and s2 stand in the same term and cannot reach each other; what s2 asks at first is lost,
    and so is what s1 sends as a leader (else the log of s3 would be the newer one).
    """
    names = servers_named(3)
    nodes: dict[str, Any] = {name: server(variant, **_waits(100.0), **options) for name in names}
    nodes["s3"] = server(variant, **_waits(1000.0), **options)
    faults = (
        Partition(("s1",), ("s2",), at=0, duration=400),
        Cut("s2", "s3", at=0, duration=130),
        Cut("s1", "s3", at=104, duration=200),
        Crash("s3", at=120),
        Restart("s3", at=122),
    )
    return Scenario("two votes in one term", nodes, 600, Network("lan"), faults, SAFETY)


def power_cut(variant: str = "answers before durable", **options: Any) -> Scenario:
    """Return the run in which all three servers lose power after a write was acknowledged."""
    names = servers_named(3)
    work = (Op("write", "x", 1, at=300), Op("read", "x", at=900))
    nodes: dict[str, Any] = {"c1": RaftClient(servers=names, operations=work)}
    nodes |= {
        name: server(variant, **_waits(100.0 * i), **options) for i, name in enumerate(names, 1)
    }
    faults = (PowerLoss(names, at=400), *(Restart(name, at=450) for name in names))
    return Scenario("power cut", nodes, 1500, Network("lan"), faults, SAFETY)


def old_log_wins(variant: str = "votes blindly", **options: Any) -> Scenario:
    """Return the run in which s3, cut off while x is written, is the first to stand for election.

    s1 leads and stops when s3 is back; s2 has x and has the vote that s3 needs.
    """
    names = servers_named(3)
    work = (Op("write", "x", 1, at=300), Op("read", "x", at=700))
    nodes: dict[str, Any] = {"c1": RaftClient(servers=names, operations=work, timeout=1500.0)}
    waits = {"s1": 100.0, "s2": 400.0, "s3": 150.0}
    nodes |= {name: server(variant, **_waits(waits[name]), **options) for name in names}
    faults = (Partition(("s3",), at=200, duration=300), Crash("s1", at=499))
    return Scenario("an old log wins", nodes, 2500, Network("lan"), faults, SAFETY)


def all_at_once(variant: str = "no randomness", **options: Any) -> Scenario:
    """Return a calm run of 3 s in which a client asks for ten writes."""
    return cluster(3, variant, 3000.0, latency="exact", every=100.0, **options)


def _waits(ms: float) -> dict[str, float]:
    return {"election_timeout": ms, "randomness": 0.0}


#: The script in which each bug shows.
DIRECTED: dict[str, Callable[..., Scenario]] = {
    "counts old terms": figure8,
    "forgets vote": double_vote,
    "forgets term": double_vote,
    "forgets log": power_cut,
    "answers before durable": power_cut,
    "reads locally": deposed_leader_reads,
    "votes blindly": old_log_wins,
    "no randomness": all_at_once,
}


def cannot_hear(
    leads: bool = False, rejoin: bool = False, at: float = 10_000.0, length: float = 60_000.0,
    **options: Any,
) -> Scenario:  # fmt: skip
    """Return experiment 3: from `at` on and for `length` ms, s5 can send but hears nobody.

    With `leads`, s5 is the leader, else a follower. With `rejoin`, s5 is cut off in both
    directions instead, and comes back. `options` are those of `RaftNode`: `prevote`, `sticky`,
    `check_quorum`. A client writes every 100 ms.
    """
    names = servers_named(5)
    times = _times_numbered(1000, at + length + 1000, 100)
    writes = tuple(Op("write", "x", i, at=t) for i, t in times)
    nodes: dict[str, Any] = {"c1": RaftClient(servers=names, operations=writes, timeout=1000.0)}
    nodes |= dict.fromkeys(names, server("correct", **options))
    nodes["s5" if leads else "s1"] = server("correct", eager=True, **options)
    if rejoin:
        faults: tuple[Fault, ...] = (Partition(("s5",), names[:4], at=at, duration=length),)
    else:
        faults = tuple(Cut(name, "s5", at=at, duration=length) for name in (*names[:4], "c1"))
    name = "the node that cannot hear"
    return Scenario(name, nodes, at + length + 2000, Network("lan"), faults, SAFETY, 0.0)


def _times(since: float, until: float, every: float) -> list[float]:
    return [since + i * every for i in range(int((until - since) / every))]


def _times_numbered(since: float, until: float, every: float) -> list[tuple[int, float]]:
    return list(enumerate(_times(since, until, every), 1))
