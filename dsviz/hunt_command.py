"""``python -m dsviz hunt SYSTEM``: look for a run of a reference cluster that breaks a promise.

A module of `dsviz.systems` (or its neighbours ``<name>_…``) offers what to hunt by a table::

    HUNTS = {"correct": scenario_of, "forgets its vote": partial(scenario_of, variant="forgets")}
    SCHEDULE = Schedule(kinds=("Crash", "Partition"))    # optional: faults beside its own

Each entry of `HUNTS` is a function from a seed to a `Scenario` with its checks (and its faults,
when the system makes up its own). It must be importable, or workers could not see it. A table
``VARIANTS`` beside a function ``chaos(seed, variant=…)`` that makes a scenario will do as well.
"""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import pkgutil
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from importlib import import_module
from typing import Any

from dsviz import systems
from dsviz.check.chaos import Schedule
from dsviz.check.explore import Found, NotFound, hunt
from dsviz.errors import DsvizError, listed
from dsviz.sim.node import Client, Op
from dsviz.sim.scenario import Scenario
from dsviz.systems import quorum

__all__ = ["Target", "hunt_system", "hunting_grounds", "targets"]


@dataclasses.dataclass(frozen=True)
class Target:
    """One variant of a system: how to make it, and what may go wrong around it."""

    system: str
    variant: str
    make: Callable[[int], Scenario]
    schedules: Callable[[Scenario, int], tuple] | None


def hunt_system(
    system: str,
    variant: str | None = None,
    seeds: int = 200,
    as_json: bool = False,
    jobs: int = 1,
    smallest_of: int = 1,
) -> int:
    """Hunt in one variant of a system, or in all, and print what was found.

    `seeds` runs a variant at most, spread over `jobs` processes; `smallest_of` failing ones are
    made small, and the smallest is shown. Returns the exit status: 0 when
    nothing was found, 1 when something was. Raises DsvizError for an unknown name.
    """
    if seeds < 1 or jobs < 1:
        raise DsvizError(f"--seeds {seeds} and --jobs {jobs} must be 1 or more")
    chosen = targets(system, variant)
    results = []
    with _pool(jobs) as executor:
        for target in chosen:
            result = hunt(
                target.make,
                range(seeds),
                target.schedules,
                executor=executor,
                progress=sys.stderr.isatty(),
                smallest_of=smallest_of,
            )
            results.append(_plain(target, result) | _run(target, result))
            if not as_json:
                print(f"{target.system}, {target.variant}: {result}", flush=True)
    if as_json:
        print(json.dumps(results, indent=2))
    return 1 if any(result["found"] for result in results) else 0


def targets(system: str, variant: str | None = None) -> list[Target]:
    """Return the variants of a system, or the one that is named. Raises DsvizError for others."""
    if system not in hunting_grounds():
        raise DsvizError(
            f"there is nothing to hunt in {system!r}; the systems are {listed(hunting_grounds())}"
        )
    hunts, schedule = _offered(system)
    if variant is not None and variant not in hunts:
        raise DsvizError(f"{system} has no variant {variant!r}; its variants are {listed(hunts)}")
    names = list(hunts) if variant is None else [variant]
    return [Target(system, name, hunts[name], schedule) for name in names]


def hunting_grounds() -> list[str]:
    """Return the systems that offer something to hunt."""
    names = [module.name for module in pkgutil.iter_modules(systems.__path__)]
    parts = [name for name in names if any(name.startswith(f"{other}_") for other in names)]
    return [name for name in sorted(set(names) - set(parts)) if _offered(name)[0]]


def _offered(system: str) -> tuple[Mapping[str, Callable[[int], Scenario]], Any]:
    """Return what to hunt in a system, and which faults to make up."""
    names = [module.name for module in pkgutil.iter_modules(systems.__path__)]
    found: dict[str, Any] = {}
    for name in names:
        if name == system or name.startswith(f"{system}_"):
            found = vars(import_module(f"dsviz.systems.{name}")) | found
    if "HUNTS" in found:
        return found["HUNTS"], found.get("SCHEDULE")
    if "VARIANTS" in found and "chaos" in found:
        variants = {name: partial(found["chaos"], variant=name) for name in found["VARIANTS"]}
        return variants, found.get("SCHEDULE")
    return _OWN.get(system, ({}, None))


def _pool(jobs: int) -> Any:
    if jobs == 1:
        return nullcontext()
    # Workers that start from nothing: a copy of a process with threads may hang.
    return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))


def _run(target: Target, result: Found | NotFound) -> dict[str, Any]:
    """Return the run itself as data, when one was found: see `dsviz.recall`."""
    from dsviz.recall import stored

    return {"run": stored(target, result)} if isinstance(result, Found) else {}


def _plain(target: Target, result: Found | NotFound) -> dict[str, Any]:
    """Return a result as JSON can write it."""
    about = {
        "system": target.system,
        "variant": target.variant,
        "found": bool(result),
        "runs": result.runs,
        "undecided": list(result.undecided),
        "raised": list(result.raised),
    }
    if not isinstance(result, Found):
        return about
    return about | {
        "seed": result.seed,
        "first_seed": result.first_seed,
        "check": result.verdict.check,
        "sentence": result.verdict.sentence,
        "at": result.verdict.at,
        "faults": [fault.to_dict() for fault in result.faults],
        "operations": {
            name: len(node.operations)
            for name, node in result.scenario.nodes.items()
            if isinstance(node, Client)
        },
        "minimal": result.minimal,
        "shrink_runs": result.shrink_runs,
    }


# Systems whose modules have no table of their own ---------------------------------------------


def quorum_store(seed: int, R: int, W: int, repair: str, checks: tuple) -> Scenario:
    """Return three replicas with one writer and two readers, each through one coordinator.

    One coordinator takes all writes: versions of two would need a first phase to be ordered.
    """
    writes = tuple(Op("write", "x", f"v{i}", "k1", 25.0 * i) for i in range(1, 9))
    reads = tuple(Op("read", "x", to="k2", at=10.0 * i) for i in range(1, 25))
    nodes: dict[str, Any] = {
        "C": Client(operations=writes, timeout=60.0),
        "A": Client(operations=reads, timeout=60.0),
        "B": Client(operations=reads, timeout=60.0),
        "k1": quorum.Coordinator(R=R, W=W, repair=repair),
        "k2": quorum.Coordinator(R=R, W=W, repair=repair),
    }
    nodes |= {name: quorum.Replica() for name in quorum.replicas_named(3)}
    return Scenario(f"quorum R={R} W={W}, repair {repair}", nodes, 300.0, checks=checks)


def _quorum(R: int, W: int, repair: str, checks: tuple) -> Callable[[int], Scenario]:
    return partial(quorum_store, R=R, W=W, repair=repair, checks=checks)


_OWN: dict[str, tuple[dict[str, Callable[[int], Scenario]], Any]] = {
    "quorum": (
        {
            "R+W<=N": _quorum(1, 1, "off", (quorum.fresh_reads,)),
            "R+W>N": _quorum(2, 2, "off", (quorum.fresh_reads,)),
            "inversion": _quorum(2, 2, "off", quorum.CHECKS),
            "write-back": _quorum(2, 2, "write-back", quorum.CHECKS),
        },
        Schedule(),
    ),
}
