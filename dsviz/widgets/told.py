"""What the player tells about its runs: tabs, the outcome table, where two futures part, why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dsviz.check.why import Why
from dsviz.draw import frames
from dsviz.widgets.differences import differences
from dsviz.widgets.futures import Faults, Future, State, changed, letter


def tabs(script: Faults, state: State) -> list[dict[str, Any]]:
    """Return the futures by name: a letter, and what was changed of the script."""
    if not state.futures:
        return []
    names = ["as scripted", *(changed(script, faults) for faults in state.futures)]
    return [
        {
            "name": f"{letter(number)} · {name}", "number": number,
            "shown": number == state.shown, "beside": number == state.beside,
        }
        for number, name in enumerate(names)
    ]  # fmt: skip


def compared(first: Future, second: Future | None, letters: Sequence[str]) -> dict[str, Any]:
    """Return the outcome of a run, or of two with what differs and where they part."""
    before = frames.measures(first.trace, first.verdicts)
    if second is None:
        rows = [row | {"b": ""} for row in frames.compare(before, before)]
        return {"outcome": rows, "parting": None, "differences": []}
    parted = frames.first_divergence(first.trace, second.trace)
    after = frames.measures(second.trace, second.verdicts)
    return {
        "outcome": frames.compare(before, after),
        "parting": parted and {"t": parted.time, "a": parted.before, "b": parted.after},
        "differences": differences(first.trace, second.trace, (letters[0], letters[1])),
    }


NOT_COMPARED: dict[str, Any] = {"outcome": [], "parting": None, "differences": []}


def explained(found: Why, future: Future) -> dict[str, Any]:
    """Return an explanation as the page shows it; events by their places in the columns."""
    steps = [
        {"t": frames.tidy(event.time), "text": frames.event_words(event)} for event in found.steps
    ]
    return {
        "summary": found.summary,
        "steps": steps,
        "missing": [frames.event_words(event) for event in found.missing],
        "rows": future.rows_of(found.steps),
        "missing_rows": future.rows_of(found.missing),
        "operation": found.operation.id,
    }
