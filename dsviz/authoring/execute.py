"""Run the notebooks and store their outputs, ready to be compared and read.

``python -m dsviz.authoring`` runs every notebook of course/ and solutions/;
``python -m dsviz.authoring course/04-quorum.ipynb`` runs that one. What is stored is only what a
reader needs: no widget state (it blanks static pages), no time stamps, no kernel details.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

SECONDS_A_CELL = 180


def execute(path: Path) -> None:
    """Run a notebook in its folder and write it back with its outputs.

    Raises nbclient's CellExecutionError, and leaves the file alone, when a cell raises.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=SECONDS_A_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        store_widget_state=False,
    )
    with tempfile.TemporaryDirectory() as empty:
        # Stored outputs show what a learner sees who has not predicted anything yet.
        before = os.environ.get("DSVIZ_HOME")
        os.environ["DSVIZ_HOME"] = empty
        try:
            client.execute()
        finally:
            if before is None:
                del os.environ["DSVIZ_HOME"]
            else:
                os.environ["DSVIZ_HOME"] = before
    tidy(notebook)
    nbformat.write(notebook, path)


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Leave only what is the same on every machine and on every run."""
    own = notebook.metadata.get("dsviz")
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
        | ({"dsviz": own} if own else {})
    )
    for number, cell in enumerate(c for c in notebook.cells if c.cell_type == "code"):
        cell.execution_count = number + 1
        cell.metadata.pop("execution", None)
        cell.outputs = [out for out in map(_tidied, cell.outputs) if out is not None]


def _tidied(output: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    data = output.get("data", {})
    view = "application/vnd.jupyter.widget-view+json"
    if view in data:
        del data[view]  # refers to a widget of a kernel that is gone
    if output.output_type == "execute_result":
        output.execution_count = None
    return output if data or output.output_type in ("stream", "error") else None


def main(arguments: list[str]) -> int:
    """Run the notebooks named, or all of them; return 0."""
    paths = [Path(argument) for argument in arguments]
    if not paths:
        root = Path(__file__).parents[2]
        paths = sorted([*root.glob("course/*.ipynb"), *root.glob("solutions/*/*.ipynb")])
    for path in paths:
        execute(path)
        print(f"{path}: {path.stat().st_size // 1000} kB")
    return 0
