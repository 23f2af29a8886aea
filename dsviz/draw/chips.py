"""Faults as the time axis shows them: chips of few words, with what the player needs of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsviz.draw.flights import tidy

#: What a fault of links is called in the columns, and which of its fields tells how strong it is.
LINK_FAULTS = {
    "Cut": ("cut", ""), "Loss": ("loss", "p"), "Duplicate": ("duplicate", "p"),
    "Delay": ("delay", "ms"), "Reorder": ("reorder", "ms"), "Corrupt": ("corrupt", "p"),
}  # fmt: skip


def stored_form(fault: Any) -> dict[str, Any]:
    """Return the JSON form of a fault; a trace read from a file may hold nothing else."""
    return fault if isinstance(fault, dict) else fault.to_dict()


def end_of(stored: Mapping[str, Any]) -> float | None:
    """Return when a fault in its JSON form ends, in ms, or None when it does not end by itself."""
    duration = stored.get("duration")
    return None if duration is None else tidy(stored.get("at", 0.0) + duration)


def fault_columns(number: int, fault: Any) -> dict[str, Any]:
    """Return all that is shown of the fault with this number in the list of a run's faults."""
    stored = stored_form(fault)
    known = not isinstance(fault, dict)
    nodes = [stored[k] for k in ("node", "src", "dst") if stored.get(k)]
    nodes += [n for k in ("targets", "a", "b") for n in stored.get(k, [])]
    return {
        "index": number,
        "at": tidy(stored.get("at", 0.0)),
        "ends": end_of(stored),
        "what": stored.get("fault"),
        "label": getattr(fault, "label", stored.get("fault")),
        "chip": chip(fault),
        "text": str(fault) if known else stored.get("fault"),
        "python": repr(fault) if known else "",
        "nodes": nodes,
        "stored": stored,
    }


def chip(fault: Any) -> str:
    """Return a fault in few words: ``pause r3 · 80 ms``."""
    stored = stored_form(fault)
    return _chip(stored, getattr(fault, "label", stored.get("fault")))


def _chip(stored: Mapping[str, Any], label: str) -> str:
    if "a" in stored:
        where = f"{_group(stored['a'])} | {_group(stored.get('b', [])) or 'rest'}"
    elif "src" in stored or "dst" in stored:
        where = f"{stored.get('src', 'all')} → {stored.get('dst', 'all')}"
    else:
        where = stored.get("node") or _group(stored.get("targets", []))
        where = where or ("on every link" if stored.get("fault") in LINK_FAULTS else "")
    label = {"one-way cut": "cut", "extra delay": "delay"}.get(label, label)
    numbers = [f"{stored['p'] * 100:g} %"] if "p" in stored else []
    numbers += [f"{stored['ms']:+g} ms"] if "ms" in stored else []
    numbers += [f"{stored['duration']:g} ms"] if stored.get("duration") is not None else []
    return " · ".join([f"{label} {where}".strip(), *numbers])


def _group(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:2])} + {len(names) - 2}"
