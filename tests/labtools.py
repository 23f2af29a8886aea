"""For the tests of labs: answers kept as plain files, and notebooks made of them.

An answer is a Python file: a comment with its header (``# key: value``), then the graded cells,
each after a line ``# %% grade-id``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from dsviz.grading.lab import Lab, all_labs, lab_named
from dsviz.grading.submission import code_of

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Answer:
    """A submission as a file: what it gets wrong, and its cells."""

    path: Path
    about: dict[str, str]
    cells: dict[str, str]

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def lab(self) -> Lab:
        return lab_named(self.path.parent.name)

    def code(self) -> dict[str, str]:
        """What runs: what the lab gives, and the cells with classes."""
        return code_of(self.lab, self.cells)


def read_answer(path: Path) -> Answer:
    about: dict[str, str] = {}
    cells: dict[str, list[str]] = {}
    lines = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# %% "):
            lines = cells.setdefault(line[5:].strip(), [])
        elif lines is not None:
            lines.append(line)
        elif line.startswith("# ") and ": " in line:
            key, value = line[2:].split(": ", 1)
            about[key] = value
    return Answer(path, about, {name: "\n".join(text).strip() for name, text in cells.items()})


def answers(kind: str, lab: str | None = None) -> list[Answer]:
    """Return the answers below ``tests/<kind>/<lab>/``; without a lab, those of all labs."""
    if lab is None:
        return [answer for slug in all_labs() for answer in answers(kind, slug)]
    return [read_answer(path) for path in sorted((ROOT / "tests" / kind / lab).glob("*.py"))]


def notebook(lab: str, cells: dict[str, str]) -> dict:
    """Return the unsolved lab with these cells filled in."""
    made = json.loads((ROOT / "labs" / lab / f"{lab}.ipynb").read_text(encoding="utf-8"))
    for cell in made["cells"]:
        if cell["id"] in cells:
            cell["source"] = cells[cell["id"]]
    return made


def written(folder: Path, made: dict, name: str = "") -> Path:
    """Store a notebook, by default under the name of its lab, and return its path."""
    lab = made["metadata"].get("dsviz", {}).get("lab", "04-quorum")
    path = folder / (name or f"{lab}.ipynb")
    path.write_text(json.dumps(made), encoding="utf-8")
    return path
