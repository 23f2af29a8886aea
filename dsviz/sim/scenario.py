"""A scenario: everything a run needs but the seed and the faults."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dsviz.errors import DsvizError, listed
from dsviz.sim.faults import Fault
from dsviz.sim.kernel import Kernel
from dsviz.sim.network import Network
from dsviz.sim.node import Node
from dsviz.trace import Trace

# A check returns a `dsviz.check.Verdict`; judges stand beside the simulator, not below it.
Check = Callable[[Trace], Any]


@dataclass(frozen=True)
class Scenario:
    """A cluster, a network, clients with their work, and how long to watch.

    `nodes` maps names to nodes (``Replica()``, or the class when it needs no options); clients
    are nodes too. `duration` is in ms. `faults` is the script: what goes wrong unless `run` is
    told otherwise. `checks` are functions from a trace to a `Verdict`. `sync_ms` is how long a
    disk takes to make writes durable.

    A run is a pure function of (scenario, seed, faults): the same three give the same trace, byte
    for byte, in any process and on any machine.
    """

    name: str
    nodes: Mapping[str, Node | type[Node]]
    duration: float
    network: Network = field(default_factory=Network)
    faults: tuple[Fault, ...] = ()
    checks: tuple[Check, ...] = ()
    sync_ms: float = 1.0

    def __post_init__(self) -> None:
        if not self.nodes:
            raise DsvizError("nodes is empty; a scenario needs at least one node")
        if not self.duration > 0:
            raise DsvizError(f"duration={self.duration!r} must be more than 0 ms")
        nodes = {name: _as_node(name, node) for name, node in self.nodes.items()}
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "faults", self._checked(self.faults))

    def _checked(self, faults: Iterable[Fault]) -> tuple[Fault, ...]:
        faults = (faults,) if isinstance(faults, Fault) else tuple(faults)
        for fault in faults:
            if not isinstance(fault, Fault):
                raise DsvizError(
                    f"faults: {fault!r} is not a fault; use for example Crash('a', at=5)"
                )
            fault.check(self.nodes, self.duration)
        return faults

    def run(self, seed: int = 0, faults: Iterable[Fault] | None = None) -> Trace:
        """Run once and return what happened.

        `faults` replaces the scenario's own list. Raises DsvizError for a fault that names an
        unknown node or lies outside the run; a handler that raises crashes its node instead.
        """
        chosen = self.faults if faults is None else self._checked(faults)
        kernel = Kernel(dict(self.nodes), self.network, seed, chosen, self.sync_ms)
        kernel.run(self.duration)
        return Trace(self.name, seed, self.duration, kernel.roles, chosen, kernel.records)

    def branch(self, *faults: Fault) -> Scenario:
        """Return this scenario with more faults: the other future."""
        return dataclasses.replace(self, faults=(*self.faults, *faults))

    def with_nodes(self, **nodes: Node | type[Node]) -> Scenario:
        """Return this scenario with other code on some of its nodes: ``with_nodes(k1=Mine())``.

        Raises DsvizError for a node that the scenario does not have.
        """
        for name in nodes:
            if name not in self.nodes:
                raise DsvizError(f"there is no node {name!r}; the nodes are {listed(self.nodes)}")
        return dataclasses.replace(self, nodes={**self.nodes, **nodes})

    def judge(self, trace: Trace) -> list[Any]:
        """Return the verdict of each of the scenario's checks on a trace."""
        return [check(trace) for check in self.checks]

    def __repr__(self) -> str:
        return f"Scenario({self.name!r}, {len(self.nodes)} nodes, {self.duration:g} ms)"


def _as_node(name: str, node: Node | type[Node]) -> Node:
    if isinstance(node, type) and issubclass(node, Node):
        return node()
    if not isinstance(node, Node):
        raise DsvizError(f"nodes[{name!r}] is {node!r}; it must be a Node, for example Replica()")
    return node
