"""The smallest clusters of Raft in which each classic bug shows, for `dsviz.check.exhaust`.

Three servers, one or two clients with an operation each, timers that fire a few times. Of all
orders of events in such a cluster, `exhaust` finds the shortest one that breaks a promise; figure 8
of the paper lies too deep for that, so its search goes from one of the paper's pictures to the
next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dsviz.sim.node import Op
from dsviz.sim.scenario import Scenario
from dsviz.systems.consensus import RaftNode
from dsviz.systems.consensus_client import RaftClient
from dsviz.systems.consensus_runs import server, servers_named

NAMES = servers_named(3)


def one_leader_a_term(view: Any) -> str | None:
    """No two servers lead in the same term."""
    led: dict[int, str] = {}
    for name, node in view.of_role("server").items():
        if node.state == "leader" and led.setdefault(node.term, name) != name:
            return f"{led[node.term]} and {name} both lead in term {node.term}."
    return None


def committed_stays(view: Any) -> str | None:
    """The newest leader has all that any server has committed, and servers agree on it."""
    servers: dict[str, RaftNode] = view.of_role("server")
    newest = max((node.term for node in servers.values()), default=0)
    known: dict[int, tuple[Any, str]] = {}
    for name, node in servers.items():
        for entry in node.entries[: node.commit]:
            other, where = known.setdefault(entry.index, (entry, name))
            if other != entry:
                return f"{where} has committed {other} and {name} {entry}."
    for name, node in servers.items():
        if node.state != "leader" or node.term < newest:
            continue
        for index, (entry, where) in known.items():
            held = node.entries[index - 1] if index <= node.last else "nothing"
            if held != entry:
                return (
                    f"{where} has committed {entry}, and {name}, the leader of term {node.term}, "
                    f"has {held} there."
                )
    return None


@dataclass(frozen=True)
class Case:
    """What `exhaust` is asked for one bug: the cluster, and the bounds of the search."""

    clients: Mapping[str, RaftClient] = field(default_factory=dict)
    invariant: Callable[[Any], str | None] = committed_stays
    timers: Mapping[str, int] = field(default_factory=dict)
    crashes: int = 0
    power_losses: int = 0
    stages: tuple[Callable[[Any], Any], ...] = ()

    def scenario(self, variant: str) -> Scenario:
        """Return the cluster with the servers of a variant."""
        nodes: dict[str, Any] = {
            **self.clients,
            **dict.fromkeys(NAMES, server(variant, noop=False)),
        }
        return Scenario(f"raft · {variant}", nodes, 1000.0)

    @property
    def search(self) -> dict[str, Any]:
        """The arguments of `exhaust` beside the scenario."""
        timers = {"silence": 1, "election": 1, "beat": 0, "again": 0, **self.timers}
        return {
            "invariants": self.invariant,
            "timers": timers,
            "crashes": self.crashes,
            "power_losses": self.power_losses,
            "stages": self.stages,
        }


def _asks(name: str, *operations: Op) -> RaftClient:
    return RaftClient(servers=(name,), operations=operations)


def _stage(text: str, reached: Callable[[RaftNode, RaftNode, RaftNode], bool]) -> Callable:
    """Return a goal of a search, with the words in which the search speaks of it."""

    def goal(view: Any) -> bool:
        servers = [view[name] for name in NAMES]
        return all(servers) and reached(*servers)

    goal.__doc__ = text
    return goal


S1_LEADS = _stage("s1 leads", lambda s1, s2, s3: s1.state == "leader")
S1_COMMITTED = _stage(
    "s1 has committed what s3 does not have",
    lambda s1, s2, s3: s1.state == "leader" and s1.commit == 1 and s3.last == 0,
)

#: By variant: what is asked to find its bug.
CASES: dict[str, Case] = {
    # The paper's pictures (a) to (c), with three servers; what follows is (d).
    "counts old terms": Case(
        clients={
            "cx": _asks("s1", Op("write", "x", "x")),
            "cy": _asks("s3", Op("write", "y", "y")),
        },
        timers={"silence": 2, "election": 2},
        stages=(
            S1_LEADS,
            _stage(
                "s1 holds x, alone", lambda s1, s2, s3: s1.last == 1 and s2.last == s3.last == 0
            ),
            _stage(
                "s3 leads a later term",
                lambda s1, s2, s3: (
                    s3.state == "leader" and s1.last == 1 and s2.last == s3.last == 0
                ),
            ),
            _stage("s3 holds y, alone", lambda s1, s2, s3: s3.last == 1 and s2.last == 0),
            _stage(
                "s1 leads again, in a term after that",
                lambda s1, s2, s3: s1.state == "leader" and s1.term > s3.term,
            ),
            _stage(
                "s1 has x on a majority",
                lambda s1, s2, s3: (
                    s1.state == "leader" and s1.match["s2"] == 1 and s3.term < s1.term
                ),
            ),
        ),
    ),
    "forgets vote": Case(invariant=one_leader_a_term, crashes=1),
    "forgets term": Case(invariant=one_leader_a_term, crashes=1),
    "votes blindly": Case(
        clients={"c1": _asks("s1", Op("write", "x", 1))}, stages=(S1_LEADS, S1_COMMITTED)
    ),
    "reads locally": Case(
        clients={
            "c1": _asks("s1", Op("read", "x"), Op("read", "x")),
            "c2": _asks("s2", Op("write", "x", 1)),
        },
        stages=(
            S1_LEADS,
            _stage(
                "s2 leads a later term, and s1 has not heard of it",
                lambda s1, s2, s3: s1.state == s2.state == "leader" and s2.term > s1.term,
            ),
            _stage(
                "s2 has committed x, and s1 has not heard of it",
                lambda s1, s2, s3: s1.state == "leader" and s1.last == 0 and s2.commit == 1,
            ),
        ),
    ),
    "answers before durable": Case(
        clients={"c1": _asks("s1", Op("write", "x", 1))},
        power_losses=1,
        stages=(S1_LEADS, S1_COMMITTED),
    ),
    "forgets log": Case(
        clients={"c1": _asks("s1", Op("write", "x", 1))},
        crashes=1,
        stages=(S1_LEADS, S1_COMMITTED),
    ),
}
