"""What is stored in the notebooks can be read anywhere and compared on every run."""

import copy
import json
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted([*ROOT.glob("course/*.ipynb"), *ROOT.glob("solutions/*/*.ipynb")])
LESSONS = [path for path in NOTEBOOKS if re.match(r"\d\d-(?!start)", path.name)]
MAX_BYTES = 300_000
MAX_CODE_LINES = 15
MAX_WORDS = 85  # of prose in one cell, 80 as a rule; tables, links and tags are not prose


def problems(notebook: nbformat.NotebookNode, size: int) -> list[str]:
    """Return what is wrong with a notebook whose outputs are stored."""
    found = []
    if size > MAX_BYTES:
        found.append(f"{size} bytes, at most {MAX_BYTES}")
    if "widgets" in notebook.metadata:
        found.append("stores widget state, which blanks static pages")
    ids = [cell.get("id") for cell in notebook.cells]
    if len(set(ids)) < len(ids) or not all(ids):
        found.append("cell ids are missing or repeated")
    for cell in notebook.cells:
        found += [f"cell {cell.get('id')}: {text}" for text in _cell_problems(cell)]
    return found


def _cell_problems(cell: nbformat.NotebookNode) -> list[str]:
    if cell.cell_type != "code":
        return []
    found = []
    if cell.source.strip() and cell.execution_count is None:
        found.append("never run, so nothing is compared")
    if "execution" in cell.metadata:
        found.append("stores when it was run")
    for output in cell.outputs:
        text = json.dumps(output)
        if output.output_type == "error":
            found.append("stores an error")
        if re.search(r"/(home|root|tmp|work|Users)/", text):
            found.append("stores a path of the machine it was run on")
        if "0x" in text and re.search(r"object at 0x", text):
            found.append("stores an address")
        if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
            found.append("refers to a widget of a kernel that is gone")
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_stored_notebooks_are_clean(path):
    assert problems(nbformat.read(path, as_version=4), path.stat().st_size) == []


def _tampered(change):
    notebook = copy.deepcopy(nbformat.read(NOTEBOOKS[0], as_version=4))
    size = change(notebook)
    return problems(notebook, size or 1000)


def _first_code(notebook):
    return next(cell for cell in notebook.cells if cell.cell_type == "code")


def _add_output(notebook, text):
    _first_code(notebook).outputs.append(nbformat.v4.new_output("stream", text=text))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda nb: MAX_BYTES + 1, "at most"),
        (lambda nb: nb.metadata.update(widgets={}), "widget state"),
        (lambda nb: nb.cells[1].update(id=nb.cells[0].id), "ids"),
        (lambda nb: _first_code(nb).update(execution_count=None), "never run"),
        (lambda nb: _first_code(nb).metadata.update(execution={}), "when it was run"),
        (lambda nb: _add_output(nb, "/" + "home/me/x"), "path"),
        (lambda nb: _add_output(nb, "<Thing object at 0x7f1234>"), "address"),
        (
            lambda nb: _first_code(nb).outputs.append(
                nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])
            ),
            "error",
        ),
    ],
)
def test_each_problem_would_be_found(change, expected):
    assert any(expected in problem for problem in _tampered(change))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.name)
def test_cells_are_short(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and not cell.metadata.get("nbgrader", {}).get("solution"):
            assert len(cell.source.splitlines()) <= MAX_CODE_LINES, cell.id
        elif cell.cell_type == "markdown":
            prose = re.sub(r"<[^>]+>|\[[^\]]*\]|^\|.*$|\$\$.*?\$\$", " ", cell.source, flags=re.M)
            words = [word for word in prose.split() if any(map(str.isalnum, word))]
            assert len(words) <= MAX_WORDS, f"{cell.id}: {len(words)} words"


@pytest.mark.parametrize("path", [p for p in LESSONS if p.parent.name == "course"], ids=str)
def test_every_prediction_stands_before_its_reveal(path):
    sources = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    asked, told = {}, {}
    for number, source in enumerate(sources):
        for name in re.findall(r'(?<!\w)predict\(\s*"([^"]+)"', source):
            asked.setdefault(name, number)
        for name in re.findall(r'(?<!\w)reveal\(\s*"([^"]+)"', source):
            told.setdefault(name, number)
    assert len(asked) >= 3
    assert asked.keys() == told.keys()
    assert all(asked[name] < told[name] for name in asked)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.name)
def test_links_between_notebooks_lead_somewhere(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", cell.source):
                assert (path.parent / target).exists(), f"{cell.id}: {target}"
