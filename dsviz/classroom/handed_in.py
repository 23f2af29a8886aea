"""What was handed in, made into a notebook that nbgrader can take, whatever it is.

nbgrader stops at a file that is not JSON, at a grade id that is there twice and at a missing cell,
and the student then has 0 points in its export, as if nothing were wrong. So nbgrader never gets
the file itself: it gets the text of its cells, put into a notebook whose graded cells are those of
the master, each of them once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from dsviz.errors import DsvizError
from dsviz.grading.submission import content_of, grade_id, notebook_of, parsed, source_of

MAX_TEXT = 20_000  # characters of a cell that is no answer; who reads more?


def rebuilt(path: Path, master: Any) -> Any:
    """Return the notebook handed in at `path`, with the graded cells of `master`.

    What cannot be read becomes the master's cells without answers, after a sentence that says why.
    """
    wanted = {
        cell.metadata.nbgrader.grade_id: cell
        for cell in master.cells
        if "grade_id" in cell.metadata.get("nbgrader", {})
    }
    given: list[Any] = []
    chosen: dict[str, str] = {}
    cells: list[Any] = []
    try:
        content = content_of(path)
        given = notebook_of(content, path)["cells"]
        chosen = parsed(content, path).cells
    except DsvizError as error:
        cells.append(new_markdown_cell(str(error).replace(str(path), path.name)))
    last = {grade_id(cell, wanted): place for place, cell in enumerate(given)}
    for place, cell in enumerate(given):
        name = grade_id(cell, wanted)
        if name is not None and last[name] == place:
            cells.append(_graded(wanted[name], chosen.get(name, source_of(cell))))
        else:
            make = new_code_cell if cell.get("cell_type") == "code" else new_markdown_cell
            cells.append(make(source_of(cell)[:MAX_TEXT]))
    for name, cell in wanted.items():
        if name not in last:
            answer = cell.metadata.nbgrader.get("solution")
            cells.append(_graded(cell, f"# {name}: this cell was not handed in" if answer else ""))
    about = {key: master.metadata[key] for key in ("dsviz", "kernelspec") if key in master.metadata}
    return new_notebook(cells=cells, metadata=about)


def _graded(cell: Any, source: str) -> Any:
    """Return a cell of the master with another text; of locked ones nbgrader restores its own."""
    about = {"nbgrader": dict(cell.metadata.nbgrader)}
    return new_code_cell(source, metadata=about, id=cell.metadata.nbgrader.grade_id)


class SubmissionExporter(NotebookExporter):
    """Stands in place of nbgrader's reading of what was handed in; later steps read as ever."""

    def from_filename(
        self, filename: str, resources: ResourcesDict | None = None, **kw: Any
    ) -> tuple[str, ResourcesDict]:
        """Return what nbgrader writes as its first copy of a submission."""
        if not getattr(self.parent, "_sanitizing", False):
            return super().from_filename(filename, resources=resources, **kw)
        course, about = self.parent.coursedir, resources["nbgrader"]
        folder = course.format_path(course.source_directory, ".", about["assignment"])
        master = nbformat.read(Path(folder) / f"{about['notebook']}.ipynb", as_version=4)
        made = rebuilt(Path(filename), master)
        return self.from_notebook_node(made, resources=resources, **kw)
