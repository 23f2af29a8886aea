"""A run that was found, as data: stored in a file, sent to somebody, made again and played.

``python -m dsviz hunt SYSTEM --json`` writes what `stored` returns; `recalled` makes the scenario
of it again, ``python -m dsviz replay FILE`` tells it.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

from dsviz.check.found import Found
from dsviz.errors import DsvizError
from dsviz.hunt_command import Target, targets
from dsviz.sim.faults import fault_from_dict
from dsviz.sim.node import Client, Op
from dsviz.sim.scenario import Scenario
from dsviz.trace import Trace

__all__ = ["recalled", "replay", "stored"]


def stored(target: Target, found: Found) -> dict[str, Any]:
    """Return what is needed to make the run again, as JSON can write it.

    The cluster is named, not copied: a system, a variant and the seed that its scenario was made
    for. Then come the seed of the run, its faults and the operations that are left.
    """
    return {
        "system": target.system,
        "variant": target.variant,
        "made_for": found.first_seed,
        "seed": found.seed,
        "duration": found.scenario.duration,
        "faults": [fault.to_dict() for fault in found.faults],
        "operations": {
            name: [dataclasses.asdict(op) for op in node.operations]
            for name, node in found.scenario.nodes.items()
            if isinstance(node, Client)
        },
    }


def recalled(data: dict[str, Any]) -> tuple[Scenario, int]:
    """Return (scenario, seed) of a run that `stored` wrote: ``Player(scenario, seed=seed)``.

    Raises DsvizError for what is no such run, and for a system or variant that does not exist.
    """
    try:
        (target,) = targets(data["system"], data["variant"])
        made = target.make(data["made_for"])
        nodes: dict[str, Any] = dict(made.nodes)
        for name, operations in data["operations"].items():
            nodes[name] = copy.copy(nodes[name])
            nodes[name].__dict__["operations"] = tuple(Op(**_frozen(op)) for op in operations)
        faults = tuple(map(fault_from_dict, data["faults"]))
        scenario = dataclasses.replace(made, nodes=nodes, faults=faults, duration=data["duration"])
        return scenario, int(data["seed"])
    except (KeyError, TypeError, ValueError) as error:
        raise DsvizError(
            f"this is no run that `hunt --json` wrote ({type(error).__name__}: {error})"
        ) from None


def replay(path: Path, save: Path | None = None) -> int:
    """Print a stored run: its transcript, then what its checks say. Returns 1 when one fails.

    With `save`, the first run is also written there, as `dsviz.draw.export.save` does it. Reads
    what ``hunt --json`` wrote, or the JSON lines of any trace. Raises DsvizError for a file that
    is neither, or that cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DsvizError(f"{path} cannot be read: {error}") from None
    if text.startswith('{"dsviz"'):
        trace = Trace.from_jsonl(text)
        print(trace.transcript(), end="")
        _save(trace, [], save)
        return 0
    failed = False
    for data in _runs(path, text):
        scenario, seed = recalled(data)
        trace = scenario.run(seed)
        print(trace.transcript())
        verdicts = scenario.judge(trace)
        _save(trace, verdicts, save)
        save = None
        for verdict in verdicts:
            failed = failed or verdict.status == "violated"
            print(f"{verdict.check}: {verdict.status}. {verdict}")
    return int(failed)


def _save(trace: Trace, verdicts: list[Any], path: Path | None) -> None:
    if path is not None:
        from dsviz.draw.export import save

        print(f"saved {save(trace, path, verdicts)}")


def _runs(path: Path, text: str) -> list[dict[str, Any]]:
    try:
        read = json.loads(text)
    except ValueError as error:
        raise DsvizError(
            f"{path} is no JSON ({error}); give a file that `hunt --json` wrote"
        ) from None
    items = read if isinstance(read, list) else [read]
    runs = [item.get("run", item) for item in items if isinstance(item, dict)]
    runs = [run for run in runs if run and "operations" in run]
    if not runs:
        raise DsvizError(f"{path} holds no run: nothing was found, or it is another file")
    return runs


def _frozen(op: dict[str, Any]) -> dict[str, Any]:
    """JSON has no tuples; the value of a cas is one."""
    value = op.get("value")
    return {**op, "value": tuple(value) if isinstance(value, list) else value}
