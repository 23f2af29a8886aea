"""Cuts the labs that learners get out of the masters: ``python -m dsviz.grading.release``.

nbgrader does the cutting, with its own converter and format: ``solutions/NN-slug/NN-slug.ipynb``
becomes ``labs/NN-slug/NN-slug.ipynb``. Only the cells with short answers are treated by us: where
nbgrader would leave a statement that raises, a learner gets the dictionary with empty places, so
that the unsolved notebook still runs to its end.
"""

from __future__ import annotations

import ast
import logging
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import ClearSolutions, SaveCells
from traitlets.config import Config

from dsviz.errors import DsvizError

ROOT = Path(__file__).resolve().parent.parent.parent
STUB = "# YOUR CODE HERE\nraise NotImplementedError('write this part')"
REGION = re.compile(r"^### BEGIN SOLUTION\n(.*?)^### END SOLUTION\n?", re.DOTALL | re.MULTILINE)


class ClearLabSolutions(ClearSolutions):
    """nbgrader's own, but a dictionary of short answers loses its answers only."""

    def _replace_solution_region(self, cell: Any, language: str) -> bool:
        blank = blanked(cell.source) if cell.cell_type == "code" else None
        if blank is None:
            return super()._replace_solution_region(cell, language)
        cell.source = blank
        return True


def blanked(source: str) -> str | None:
    """Return a cell with the values of its dictionary replaced by None.

    None when the cell's solution is anything but one dictionary of literals with a name.
    """
    region = REGION.search(source)
    if region is None:
        return None
    statements = ast.parse(region[1]).body
    if len(statements) != 1 or not isinstance(statements[0], ast.Assign):
        return None
    (target,), value = statements[0].targets, statements[0].value
    if not isinstance(value, ast.Dict) or not isinstance(target, ast.Name):
        return None
    keys = [ast.literal_eval(key) for key in value.keys if key is not None]
    lines = "".join(f'    "{key}": None,\n' for key in keys)
    before, after = source[: region.start()], source[region.end() :]
    return f"{before}{target.id} = {{\n{lines}}}\n{after}".rstrip()


def configuration(source: Path, release: Path) -> Config:
    """Return nbgrader's configuration for cutting labs. It needs no gradebook."""
    config = Config()
    config.CourseDirectory.course_id = "dsviz"
    config.CourseDirectory.source_directory = str(source)
    config.CourseDirectory.release_directory = str(release)
    config.ClearLabSolutions.code_stub = {"python": STUB}
    config.ClearSolutions.code_stub = {"python": STUB}
    config.GenerateAssignment.no_database = True
    steps = GenerateAssignment.preprocessors.default_args[0]
    config.GenerateAssignment.preprocessors = [
        ClearLabSolutions if step is ClearSolutions else step
        for step in steps
        if step is not SaveCells
    ]
    return config


def release(source: Path, target: Path) -> list[Path]:
    """Cut every lab below `source` into `target`, and return the files written.

    A lab of `target` that has no master any more is removed. Raises DsvizError when nbgrader
    refuses a master, with what it said.
    """
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "release"
        config = configuration(source, made)
        labs = sorted(path.parent.name for path in source.glob("*/*.ipynb"))
        for lab in dict.fromkeys(labs):
            _cut(lab, config, source)
        for stale in set(_folders(target)) - set(labs):
            shutil.rmtree(target / stale)
        return [_moved(path, made, target) for path in sorted(made.rglob("*")) if path.is_file()]


def _cut(lab: str, config: Config, source: Path) -> None:
    course = CourseDirectory(config=config, root=str(source.parent))
    course.assignment_id = lab
    converter = GenerateAssignment(coursedir=course, config=config)
    said: list[str] = []
    converter.log = _listener(said)
    try:
        converter.start()
    except NbGraderException:
        raise DsvizError(f"nbgrader refuses solutions/{lab}: {' '.join(said)}") from None


def _listener(said: list[str]) -> logging.Logger:
    """Return a logger that keeps errors for our own message, and shows nothing."""
    log = logging.Logger("release", logging.ERROR)
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(handler)
    return log


def _folders(folder: Path) -> list[str]:
    """Return the labs in a folder; what starts with a dot was left by an editor."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return [path.name for path in paths if path.is_dir() and path.name[0] != "."]


def _moved(path: Path, made: Path, target: Path) -> Path:
    """Copy a file to where it belongs, as everybody may read it."""
    goal = target / path.relative_to(made)
    goal.parent.mkdir(parents=True, exist_ok=True)
    goal.write_bytes(path.read_bytes())
    return goal


def main() -> int:
    """Regenerate ``labs/`` and name the files."""
    for path in release(ROOT / "solutions", ROOT / "labs"):
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
