"""What a notebook stores: run, clean, small, and the same on every machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MAX_BYTES = 300_000


def problems(notebook: Any, size: int) -> Iterator[str]:
    """Yield what is wrong with a notebook whose outputs are stored."""
    if size > MAX_BYTES:
        yield f"{size:,} bytes, at most {MAX_BYTES:,}"
    if "widgets" in notebook.metadata:
        yield "stores widget state, which blanks static pages"
    ids = [cell.get("id") for cell in notebook.cells]
    if len(set(ids)) < len(ids) or not all(ids):
        yield "cell ids are missing or repeated"
    for cell in notebook.cells:
        yield from (f"cell {cell.get('id')}: {text}" for text in _cell_problems(cell))


def _cell_problems(cell: Any) -> Iterator[str]:
    if cell.cell_type != "code":
        return
    if cell.source.strip() and cell.execution_count is None:
        yield "never run, so nothing is compared"
    if "execution" in cell.metadata:
        yield "stores when it was run"
    for output in cell.outputs:
        yield from _output_problems(output)


def _output_problems(output: Any) -> Iterator[str]:
    text = json.dumps({key: value for key, value in output.items() if key != "metadata"})
    if output.output_type == "error":
        yield "stores an error"
    if re.search(r"/(home|root|tmp|work|Users)/", text):
        yield "stores a path of the machine it was run on"
    if re.search(r"object at 0x", text):
        yield "stores an address"
    if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
        yield "refers to a widget of a kernel that is gone"
