"""Small clusters to break and watch: the package behind the course on distributed systems.

The names a notebook needs are here, and nothing is loaded before it is used: ``import dsviz``
imports no drawing code and works without matplotlib, networkx or ipywidgets.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Client": "dsviz.sim.node",
    "Network": "dsviz.sim.network",
    "Node": "dsviz.sim.node",
    "Op": "dsviz.sim.node",
    "Scenario": "dsviz.sim.scenario",
    "Trace": "dsviz.trace",
    "DsvizError": "dsviz.errors",
    "DiskError": "dsviz.sim.disk",
    "Message": "dsviz.trace",
    "faults": "dsviz.sim",
    "latency": "dsviz.sim",
    "laws": "dsviz",
    "linearizable": "dsviz.check.linearizability",
    "check": "dsviz.lesson",
    "source": "dsviz.lesson",
    "exhaust": "dsviz.check.exhaust",
    "hunt": "dsviz.check.explore",
    "sweep": "dsviz.check.explore",
    "predict": "dsviz.lesson",
    "reveal": "dsviz.lesson",
    "quiz": "dsviz.lesson",
    "Player": "dsviz.widgets.player",
    "film_strip": "dsviz.draw.cluster",
    "charts": "dsviz.draw",
    "spacetime": "dsviz.draw.spacetime",
}

__all__ = sorted([*_HOME, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(
            f"module 'dsviz' has no attribute {name!r}; it has {', '.join(__all__)}"
        )
    home = import_module(_HOME[name])
    if name in ("faults", "latency", "laws", "charts"):
        value = import_module(f"{_HOME[name]}.{name}")
    else:
        value = getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
