"""The same workloads in other simulators, written the way their own documentation does it.

A peer is a function from an amount of work to the amount that was done. Its module is imported
only when it is its turn, so one that is not installed is a row that says so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module, metadata

WHEN = "the course's extra `bench` installs it"


@dataclass(frozen=True)
class Peer:
    """A workload in another simulator.

    `least` is the ratio to be reached (None: shown only), `amount` how much work gives a time
    worth measuring, `since` the oldest Python it installs on.
    """

    name: str
    package: str
    function: str  # module:function below this package
    least: float | None
    amount: int
    since: tuple[int, int] = (3, 11)

    def load(self) -> Callable[[int], int]:
        """Return the workload. Raises ImportError when the package is not here."""
        module, function = self.function.split(":")
        return getattr(import_module(f"{__name__}.{module}"), function)

    def missing(self) -> str | None:
        """Return a sentence on why this peer cannot be measured, or None."""
        if sys.version_info < self.since:
            needed = ".".join(map(str, self.since))
            return f"{self.package} needs Python {needed} and this is {_python()}."
        try:
            metadata.version(self.package)
        except metadata.PackageNotFoundError:
            return f"{self.package} is not installed; {WHEN}."
        return None

    def version(self) -> str:
        """Return the package with its version."""
        return f"{self.package} {metadata.version(self.package)}"


def _python() -> str:
    return ".".join(map(str, sys.version_info[:2]))


MESSAGES = (
    Peer("SimPy, Store + process", "simpy", "with_simpy:stores", 8.0, 40_000),
    Peer("SimPy, bare timeout callbacks", "simpy", "with_simpy:callbacks", 1.0, 200_000),
    Peer("salabim, Store inboxes", "salabim", "with_salabim:stores", None, 2_000),
    Peer("salabim, components that hold", "salabim", "with_salabim:holds", None, 100_000),
    Peer("ns.py, a Wire per link", "ns.py", "with_ns:wires", 4.0, 40_000),
    Peer("asimpy, Queue + process", "asimpy", "with_asimpy:queues", 4.0, 40_000),
    Peer("risansym, models", "risansym", "with_risansym:models", None, 30_000),
    Peer("detangle, asyncio queues", "detangle", "with_asyncio:detangle", 4.0, 30_000),
    Peer("simloop, asyncio queues", "simloop", "with_asyncio:simloop", 4.0, 20_000, (3, 12)),
    Peer("seedloop, asyncio queues", "seedloop", "with_asyncio:seedloop", 4.0, 40_000, (3, 12)),
    Peer("simloom, asyncio queues", "simloom", "with_asyncio:simloom", 4.0, 8_000, (3, 12)),
    Peer("happysim, events to entities", "happysim", "with_happysim:events", 4.0, 40_000, (3, 13)),
)

QUEUES = (
    Peer("SimPy, Resource", "simpy", "with_simpy:resource", 4.0, 20_000),
    Peer("asimpy, Resource", "asimpy", "with_asimpy:resource", None, 20_000),
    Peer("salabim, Resource", "salabim", "with_salabim:resource", None, 2_000),
)
