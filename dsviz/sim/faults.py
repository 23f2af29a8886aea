"""The fault vocabulary: every kind of fault by name, and how one is read from JSON."""

from __future__ import annotations

from typing import Any

from dsviz import trace
from dsviz.errors import DsvizError, listed
from dsviz.sim.fault import Fault
from dsviz.sim.link_faults import Corrupt, Cut, Delay, Duplicate, Loss, Partition, Reorder
from dsviz.sim.node_faults import (
    BitRot,
    ClockDrift,
    ClockSkew,
    Crash,
    DiskFailure,
    DiskStall,
    Pause,
    PowerLoss,
    Restart,
    Slow,
)

__all__ = [
    "FAULTS",
    "BitRot",
    "ClockDrift",
    "ClockSkew",
    "Corrupt",
    "Crash",
    "Cut",
    "Delay",
    "DiskFailure",
    "DiskStall",
    "Duplicate",
    "Fault",
    "Loss",
    "Partition",
    "Pause",
    "PowerLoss",
    "Reorder",
    "Restart",
    "Slow",
    "fault_from_dict",
]

#: Every fault class by name, in the order of the menus: the vocabulary of JSON and of the hunt.
FAULTS: dict[str, type[Fault]] = {
    kind.__name__: kind
    for kind in (
        Crash,
        Restart,
        PowerLoss,
        Pause,
        Partition,
        Cut,
        Loss,
        Duplicate,
        Delay,
        Reorder,
        Corrupt,
        Slow,
        DiskStall,
        DiskFailure,
        BitRot,
        ClockDrift,
        ClockSkew,
    )
}


def fault_from_dict(stored: dict[str, Any]) -> Fault:
    """Return the fault that `Fault.to_dict` wrote. Raises DsvizError when it is not one."""
    values = dict(stored)
    name = values.pop("fault", None)
    if name not in FAULTS:
        raise DsvizError(f"fault={name!r} is not known; the faults are {listed(FAULTS)}")
    try:
        return FAULTS[name](**values)
    except TypeError as error:
        raise DsvizError(f"{name}: {error}") from None


trace._fault_reader[0] = fault_from_dict
