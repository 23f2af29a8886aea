"""What the tests hunt: importable, so that workers see it too."""

from dsviz.check.chaos import Schedule
from dsviz.check.invariants import fresh_reads as fresh
from dsviz.sim.node import Client, Node, Op
from dsviz.sim.scenario import Scenario
from dsviz.systems import quorum


class Idle(Node):
    """Does nothing."""


class Special(Client):
    """A client of another class."""


def store(R=1, W=1):
    """Return one writer and two readers of three replicas; R + W <= N lets reads be stale."""
    writes = tuple(Op("write", "x", f"v{i}", "k1", 30.0 * i) for i in range(1, 7))
    reads = tuple(Op("read", "x", to="k2", at=20.0 * i) for i in range(1, 11))
    nodes = {
        "C": Client(operations=writes, timeout=60.0),
        "A": Client(operations=reads, timeout=60.0),
        "B": Client(operations=reads, timeout=60.0),
        "k1": quorum.Coordinator(R=R, W=W),
        "k2": quorum.Coordinator(R=R, W=W),
    }
    nodes |= dict.fromkeys(quorum.replicas_named(3), quorum.Replica())
    return Scenario("store", nodes, 300.0, checks=(fresh,))


def store_of_seed(seed):
    """Return a store with a script of faults of its own."""
    scenario = store()
    named = Scenario(f"store {seed}", scenario.nodes, 300.0, checks=scenario.checks)
    return named.branch(*Schedule()(named, seed))
