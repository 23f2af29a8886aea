"""The cluster that lab 04 is judged on, and words to say what goes wrong in it. Times in ms."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from dsviz.grading.lab import Classes
from dsviz.sim.faults import Duplicate, Fault, Loss, Partition
from dsviz.sim.network import Network
from dsviz.sim.node import Client, Op
from dsviz.sim.scenario import Scenario

HOP = 5.0  # ms a message takes in the directed cases, without jitter
TIMEOUT = 900.0  # ms after which a client gives up; a lab asks for answers well within it
BOTH = ("k1", "k2")  # the coordinators
Work = dict[str, list[Op]]


def replicas(n: int) -> tuple[str, ...]:
    """Return ``("r1", …, "rn")``."""
    return tuple(f"r{i}" for i in range(1, n + 1))


def first(n: int) -> tuple[str, ...]:
    """Return the first majority of n replicas."""
    return replicas(n)[: n // 2 + 1]


def last(n: int) -> tuple[str, ...]:
    """Return the last majority: it shares one replica with the first."""
    return replicas(n)[n // 2 :]


def cluster(
    classes: Classes,
    name: str,
    n: int,
    work: Work,
    faults: Iterable[Fault] = (),
    *,
    network: Network | None = None,
    sync_ms: float = 1.0,
    duration: float | None = None,
) -> Scenario:
    """Return a cluster of n replicas, with each coordinator that the work or a fault names."""
    faults = tuple(faults)
    named = {op.to for ops in work.values() for op in ops}
    named |= {name for fault in faults for name in fault.nodes if name.startswith("k")}
    coordinator = classes["Coordinator"](replicas=replicas(n))
    nodes = {c: Client(operations=tuple(ops), timeout=TIMEOUT) for c, ops in work.items()}
    nodes |= dict.fromkeys(sorted(named), coordinator)
    nodes |= dict.fromkeys(replicas(n), classes["Replica"]())
    ends = [fault.at if fault.ends is None else fault.ends for fault in faults]
    begins = [op.at or 0.0 for ops in work.values() for op in ops]
    length = duration or max([*ends, *begins]) + TIMEOUT + 100
    return Scenario(name, nodes, length, network or Network(HOP), faults, (), sync_ms)


class Values:
    """Words to write: all different, in no order."""

    def __init__(self, seed: int) -> None:
        self._left = Random(f"{seed}/values").sample(range(10, 100), 60)

    def write(self, to: str, at: float | None = None, key: str = "x") -> Op:
        """Return a write of a new value."""
        return Op("write", key, f"w{self._left.pop()}", to, at)


def read(to: str, at: float | None = None, key: str = "x") -> Op:
    """Return a read."""
    return Op("read", key, to=to, at=at)


def reads(to: str, begin: float, count: int, every: float = 0.0) -> list[Op]:
    """Return reads one after the other, not before `begin`."""
    return [read(to, begin + i * every) for i in range(count)]


def only(coordinator: str, reachable: Iterable[str], n: int) -> list[Fault]:
    """Cut a coordinator off from all replicas but the `reachable` ones, for good."""
    apart = [r for r in replicas(n) if r not in reachable]
    return [Partition((coordinator,), tuple(apart))] if apart else []


def between(
    kind: type[Loss] | type[Duplicate], p: float, coordinators: Iterable[str], n: int
) -> list[Fault]:
    """Return a fault of all links between coordinators and replicas; clients are spared."""
    pairs = [(k, r) for k in coordinators for r in replicas(n)]
    return [kind(p, *link) for k, r in pairs for link in ((k, r), (r, k))]


def moments(seed: int, begin: int, end: int, step: int = 5) -> range:
    """Return the moments of a sweep, in ms. Messages take 5 ms, so a phase is never stepped over."""
    return range(begin + seed % step, end, step)
