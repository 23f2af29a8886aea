"""What the player's menus offer: each fault with the numbers it asks for.

The player draws menus from this list, so a new fault is one more entry here.
"""

from __future__ import annotations

from functools import cache
from typing import Any


def menus(duration: float, latency: float) -> dict[str, list[dict[str, Any]]]:
    """Return the menu entries for a node, a link and a group of nodes.

    Suggested numbers fit the run: `duration` and the typical message `latency` in ms.
    """
    lasts = _field("duration", round_to_nice(duration / 6), "ms", "for")
    stalls = _field("duration", round_to_nice(duration / 8), "ms", "for")
    return {
        "node": [
            _entry("Crash", "Crash", when="up"),
            _entry("Restart", "Restart", when="down"),
            _entry("PowerLoss", "Lose power"),
            _entry("Pause", "Pause", stalls),
            _entry(
                "ClockSkew",
                "Skew the clock",
                _field("ms", round_to_nice(duration / 20), "ms", "by", low=None),
            ),
            _entry("ClockDrift", "Let the clock drift", _field("ppm", 5000, "ppm", "by", None)),
            _entry("Slow", "Slow down", _field("factor", 10, "times", ""), lasts),
            _entry("DiskStall", "Stall the disk", stalls),
            _entry("DiskFailure", "Fail the next sync"),
        ],
        "link": [
            _entry("Cut", "Cut", lasts),
            _entry("Loss", "Lose", _field("p", 0.3, "of messages", "", high=1.0, step=0.05)),
            _entry("Duplicate", "Repeat", _field("p", 0.3, "of messages", "", high=1.0, step=0.05)),
            _entry("Reorder", "Shuffle", _field("ms", round_to_nice(latency * 4), "ms", "within")),
            _entry("Corrupt", "Garble", _field("p", 0.3, "of messages", "", high=1.0, step=0.05)),
            _entry("Delay", "Delay", _field("ms", round_to_nice(latency * 4), "ms", "by")),
        ],
        "group": [_entry("Partition", "Cut off from the rest", lasts)],
    }


def _entry(fault: str, label: str, *fields: dict[str, Any], when: str = "") -> dict[str, Any]:
    return {"fault": fault, "label": label, "fields": list(fields), "when": when}


def _field(
    name: str,
    default: float,
    unit: str,
    word: str,
    low: float | None = 0.0,
    high: float | None = None,
    step: float | str = "any",
) -> dict[str, Any]:
    return {
        "name": name, "default": default, "unit": unit, "word": word,
        "low": low, "high": high, "step": step,
    }  # fmt: skip


@cache
def round_to_nice(value: float) -> float:
    """Return 1, 2 or 5 times a power of ten, near `value`."""
    if not value > 0:
        return 1.0
    nice = [m * 10.0**e for e in range(-3, 9) for m in (1, 2, 5)]
    best = min(nice, key=lambda number: abs(number - value) / min(number, value))
    return int(best) if best >= 1 else best
