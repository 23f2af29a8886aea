"""The clusters of lab 16, and how long their runs last. All times are ms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dsviz.grading.lab import Classes
from dsviz.grading.labs._groups_coordinator import BOUND
from dsviz.grading.labs._groups_nodes import Effects, Partner, Script, Topic
from dsviz.grading.labs._groups_story import SCRIPT
from dsviz.sim.faults import Fault
from dsviz.sim.network import Network
from dsviz.sim.node import Client, Node, Op
from dsviz.sim.scenario import Scenario

HOP = 5.0
SYNC = 2.0
SLOW_SYNC = 20.0
CHANGE = 5000.0  # when a directed case lets something happen
AFTER = BOUND + 500  # how long a run goes on after that


def partners(number: int, **options: Any) -> dict[str, Node]:
    """Return members of ours, c1 to c<number>, that join one after the other."""
    return {f"c{i + 1}": Partner(starts=40.0 * i, **options) for i in range(number)}


def coordinated(
    classes: Classes,
    name: str,
    members: dict[str, Node],
    end: float,
    *faults: Fault,
    ops: Sequence[Op] = (),
    sync_ms: float = SYNC,
    network: Network | None = None,
) -> Scenario:
    """Return the learner's coordinator with members of ours, and an operator who sends them."""
    nodes: dict[str, Node] = {**members, "coord": classes["GroupCoordinator"](partitions=12)}
    if ops:
        nodes["op"] = Client(operations=tuple(ops), timeout=100.0)
    return Scenario(name, nodes, end, network or Network(HOP), faults, (), sync_ms)


def grouped(
    classes: Classes,
    name: str,
    starts: Sequence[float],
    end: float,
    *faults: Fault,
    every: float = 500.0,
    backlog: int = 3,
    sync_ms: float = SYNC,
) -> Scenario:
    """Return a whole group: the learner's coordinator and members, six partitions."""
    nodes: dict[str, Node] = {
        f"c{i + 1}": classes["Member"](starts=at) for i, at in enumerate(starts)
    }
    nodes["coord"] = classes["GroupCoordinator"](partitions=6)
    nodes |= {"b": Topic(every=every, backlog=backlog), "db": Effects()}
    return Scenario(name, nodes, end, Network(HOP), faults, (), sync_ms)


def scripted(
    classes: Classes,
    name: str,
    end: float,
    plan: Iterable[tuple[float, str, dict[str, Any]]],
    *faults: Fault,
    every: float = 500.0,
    backlog: int = 3,
) -> Scenario:
    """Return the learner's member with a coordinator that follows a script."""
    nodes: dict[str, Node] = {"c1": classes["Member"]()}
    nodes |= {"coord": Script(plan=tuple(plan)), "b": Topic(every=every, backlog=backlog)}
    nodes["db"] = Effects()
    return Scenario(SCRIPT + name, nodes, end, Network(HOP), faults, (), SYNC)
