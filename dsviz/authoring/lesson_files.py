"""All the files of one lesson, read once for the lint."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat

from dsviz.content import Content, content, lessons
from dsviz.errors import DsvizError

ROOT = Path(__file__).parents[2]

#: The parts of a lesson, in their order; a cell's id begins with one of them.
PARTS = (
    "hook", "objectives", "setup", "model", "worked", "e1", "e2", "e3", "e4", "missions", "break",
    "fix", "law", "engine", "production", "interview", "quiz", "summary", "sources",
)  # fmt: skip
OPTIONAL = ("e4",)
UNWRITTEN = "not yet written"


@dataclass
class Lesson:
    """A lesson's notebook, what stands beside it as data, and the rest of the repository.

    `lab` is the lab of the same slug (`dsviz.grading.lab.Lab`), None without one.
    """

    slug: str
    notebook: nbformat.NotebookNode
    size: int
    about: Content
    lab: Any = None
    root: Path = ROOT
    texts: dict[str, str] = field(default_factory=dict)  # other files of the lesson, by name

    @property
    def cells(self) -> list[Any]:
        """The notebook's cells."""
        return self.notebook.cells

    @cached_property
    def by_id(self) -> dict[str, Any]:
        """The cells by their id."""
        return {cell.get("id", ""): cell for cell in self.cells}

    def part(self, name: str) -> list[Any]:
        """Return the cells of a part."""
        return [cell for cell in self.cells if part_of(cell.get("id", "")) == name]

    def code(self, name: str) -> str:
        """Return the source of all code cells of a part."""
        return "\n".join(cell.source for cell in self.part(name) if cell.cell_type == "code")

    def prose(self) -> Iterator[tuple[str, str]]:
        """Yield (where, text) for every text that a learner reads as a sentence."""
        for cell in self.cells:
            if cell.cell_type == "markdown" and part_of(cell.get("id", "")) != "sources":
                yield f"cell {cell.get('id')}", cell.source
        for item in self.about.questions:
            yield item.id, " ".join([item.ask, *item.answers, *item.why, item.hint])
        for card in self.about.cards:
            yield card.id, f"{card.ask} {card.strong} {card.trap} {card.follow}"
        for board in self.about.whiteboards:
            yield board.id, " ".join([board.ask, *board.levels])


def part_of(id: str) -> str:
    """Return the part that a cell's id names: the word before the first dash."""
    return id.partition("-")[0]


def images(cells: list[Any]) -> list[Any]:
    """Return the outputs of cells that hold a picture."""
    outputs = [out for cell in cells for out in cell.get("outputs", ())]
    return [out for out in outputs if "image/png" in out.get("data", {})]


def read(slug: str, root: Path = ROOT) -> Lesson:
    """Read a lesson. Raises DsvizError when its notebook or its data is missing."""
    path = root / "course" / f"{slug}.ipynb"
    if not path.is_file():
        raise DsvizError(f"dsviz/lessons/{slug}.toml has no notebook course/{slug}.ipynb")
    name = slug[3:].replace("-", "_")
    others = [
        f"dsviz/lessons/{slug}.toml",
        f"dsviz/systems/{name}.py",
        f"dsviz/grading/labs/{name}.py",
        f"tests/test_systems_{name}.py",
        f"tests/test_lab_{slug.replace('-', '_')}.py",
        f"solutions/{slug}/{slug}.ipynb",
        *(f"tests/wrong/{slug}/{p.name}" for p in (root / "tests/wrong" / slug).glob("*.py")),
    ]
    texts = {n: (root / n).read_text(encoding="utf-8") for n in others if (root / n).is_file()}
    notebook = nbformat.read(path, as_version=4)
    return Lesson(slug, notebook, path.stat().st_size, content(slug), _lab(slug), root, texts)


def _lab(slug: str) -> Any:
    from dsviz.grading.lab import all_labs

    return all_labs().get(slug)


def all_slugs(root: Path = ROOT) -> list[str]:
    """Return the slugs of all lessons, those with a notebook alone included."""
    found = {p.stem for p in (root / "course").glob("[0-9][0-9]-*.ipynb")} | set(lessons())
    return sorted(found - {"00-start-here"})


def test_names(path: Path) -> set[str]:
    """Return the names of the test functions in a file, the empty set without one."""
    if not path.is_file():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def words(markdown: str) -> list[str]:
    """Return the words of prose; tables, tags, links' targets and formulas are not prose."""
    prose = re.sub(r"<[^>]+>|\]\([^)]*\)|^\|.*$|(?s:\$\$.*?\$\$)", " ", markdown, flags=re.M)
    return [word for word in prose.split() if any(map(str.isalnum, word))]
