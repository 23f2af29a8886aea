"""A submission, read as data: a notebook file of which only declared cells matter.

Nothing is executed and nothing else of the notebook is looked at: not its other cells, not its
outputs, not its test cells.
"""

from __future__ import annotations

import ast
import json
import os
import stat
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsviz.errors import DsvizError
from dsviz.grading.lab import Lab, Questions, all_labs, lab_named
from dsviz.grading.syntax import tree

MAX_BYTES = 50_000_000  # most of a large notebook are its outputs, which nobody reads here


@dataclass(frozen=True)
class Submission:
    """The cells of a notebook that a lab asks for, by grade id, and remarks about them."""

    lab: Lab
    cells: dict[str, str]
    notes: tuple[str, ...] = ()

    def missing(self, classes: Iterable[str]) -> str | None:
        """Say which cell is missing that should define one of `classes`, or None."""
        for name in classes:
            if self.lab.classes[name] not in self.cells:
                return f"the notebook has no cell {self.lab.classes[name]!r} with the class {name}"
        return None

    def code(self) -> dict[str, str]:
        """Return what is given and the cells with classes, in the order in which they run."""
        return code_of(self.lab, self.cells)


def code_of(lab: Lab, cells: Mapping[str, str]) -> dict[str, str]:
    """Return what runs in a node's process: what the lab gives, then its cells with classes."""
    ids = dict.fromkeys(lab.classes.values())
    given = {"given": lab.given} if lab.given else {}
    return given | {name: cells[name] for name in ids if name in cells}


def read_submission(path: Path) -> Submission:
    """Read a lab's notebook.

    Raises DsvizError, in one sentence, when the file is not a notebook or of no known lab.
    """
    return parsed(content_of(path), path)


def parsed(content: bytes, path: Path) -> Submission:
    """Read the content of a lab's notebook; `path` names it. Raises like `read_submission`."""
    notebook = notebook_of(content, path)
    lab = _lab_of(notebook, path)
    wanted = {*lab.classes.values(), *(question.cell for question in lab.questions)}
    found: dict[str, list[str]] = {}
    for cell in notebook["cells"]:
        name = grade_id(cell, wanted)
        if name is not None:
            found.setdefault(name, []).append(source_of(cell))
    notes = _foreign_kernel(notebook)
    cells = {}
    for name, sources in found.items():
        defines = {c for c, cell in lab.classes.items() if cell == name}
        cells[name], note = _chosen(name, sources, defines)
        notes += note
    return Submission(lab, cells, tuple(notes))


def _chosen(name: str, sources: list[str], defines: set[str]) -> tuple[str, list[str]]:
    """Return the source of a cell that may be there several times, with a note about it.

    Of copies the last one counts that defines what it should. When none of them does, but all of
    them together do, the cell was split, and its parts are joined.
    """
    if len(sources) == 1:
        return sources[0], []
    whole = [source for source in sources if _defined(source) >= defines]
    joined = "\n".join(sources)
    if defines and not whole and _defined(joined) >= defines:
        return joined, [f"cell {name!r} was split; its {len(sources)} parts were joined"]
    return (whole or sources)[-1], [f"cell {name!r} is there more than once; the last one counts"]


def _defined(source: str) -> set[str]:
    """Return the classes that a source defines, which is not executed; none if it is not Python."""
    try:
        body = tree(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {node.name for node in body if isinstance(node, ast.ClassDef)}


def _foreign_kernel(notebook: dict[str, Any]) -> list[str]:
    """Return a note when the notebook was written for another language."""
    about = _dict(notebook.get("metadata"))
    for part, key in (("language_info", "name"), ("kernelspec", "language")):
        language = _dict(about.get(part)).get(key)
        if isinstance(language, str) and language.lower() not in ("python", ""):
            return [f"the notebook is for a kernel of {language[:40]}; it was judged as Python"]
    return []


def content_of(path: Path) -> bytes:
    """Return the bytes of a regular file that is not too large. Raises DsvizError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | _NONBLOCK)
    except FileNotFoundError:
        raise DsvizError(f"{path} does not exist") from None
    except OSError as error:
        reason = f"{error.strerror}; links are not followed"
        raise DsvizError(f"{path} could not be opened ({reason})") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DsvizError(f"{path} is not a file")
    with open(descriptor, "rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise DsvizError(f"{path} has more than {MAX_BYTES:,} bytes; clear its outputs")
    return content


def notebook_of(content: bytes, path: Path) -> dict[str, Any]:
    """Return the notebook as data; its cells are a list of dictionaries."""
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise DsvizError(f"{path} is not a notebook: it is not UTF-8 text") from None
    except (ValueError, RecursionError):
        raise DsvizError(f"{path} is not a notebook: it is not JSON") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise DsvizError(f"{path} is not a notebook: it has no cells")
    if notebook.get("nbformat") != 4:
        raise DsvizError(f"{path} is a notebook of format {notebook.get('nbformat')!r}, not 4")
    notebook["cells"] = [cell for cell in notebook["cells"] if isinstance(cell, dict)]
    return notebook


_NONBLOCK = getattr(os, "O_NONBLOCK", 0)  # opening a pipe must not wait for a writer


def _lab_of(notebook: dict[str, Any], path: Path) -> Lab:
    """Return the lab that a notebook says it is, or that its file or folder is named after."""
    about = _dict(_dict(notebook.get("metadata")).get("dsviz")).get("lab")
    if isinstance(about, str):
        return lab_named(about)
    names = (path.stem, path.resolve().parent.name)
    for slug, lab in all_labs().items():
        if slug in names:
            return lab
    raise DsvizError(
        f"{path} is not a lab of this course: neither its metadata nor its name says which one"
    )


def grade_id(cell: dict[str, Any], wanted: Container[str]) -> str | None:
    """Return the grade id of a code cell among the wanted ones; its cell id serves as well."""
    if cell.get("cell_type") != "code":
        return None
    metadata = _dict(cell.get("metadata"))
    for name in (_dict(metadata.get("nbgrader")).get("grade_id"), cell.get("id")):
        if isinstance(name, str) and name in wanted:
            return name
    return None


def _dict(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}


def source_of(cell: dict[str, Any]) -> str:
    """Return the text of a cell, "" when it has none."""
    source = cell.get("source", "")
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))


def literal(source: str, variable: str) -> Any:
    """Return the literal that a cell assigns to a variable, without executing anything.

    Raises DsvizError when there is none.
    """
    try:
        body = tree(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise DsvizError("the cell with the answers is not valid Python") from None
    value = None
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == variable for target in targets):
            value = node.value
    if value is None:
        raise DsvizError(f"the cell with the answers does not assign {variable}")
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise DsvizError(f"{variable} must hold plain answers: nothing in it is computed") from None


def answers(submission: Submission, questions: Questions) -> dict[str, Any]:
    """Return the learner's answers to some questions. Raises DsvizError when there are none."""
    source = submission.cells.get(questions.cell)
    if source is None:
        raise DsvizError(f"the notebook has no cell {questions.cell!r} with the answers")
    found = literal(source, questions.variable)
    if not isinstance(found, dict):
        raise DsvizError(f"{questions.variable} must be a dictionary")
    return found
