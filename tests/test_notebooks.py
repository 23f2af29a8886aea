"""What is stored in the notebooks can be read anywhere and compared on every run."""

import copy
import re
from pathlib import Path

import nbformat
import pytest

from dsviz.authoring.lesson_files import words
from dsviz.authoring.stored import MAX_BYTES, problems

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted([*ROOT.glob("course/*.ipynb"), *ROOT.glob("solutions/*/*.ipynb")])
LABS = sorted(ROOT.glob("solutions/*/*.ipynb"))  # the lessons have a lint of their own
MAX_CODE_LINES = 15
MAX_WORDS = 85  # of prose in one cell, 80 as a rule


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_stored_notebooks_are_clean(path):
    assert list(problems(nbformat.read(path, as_version=4), path.stat().st_size)) == []


def _tampered(change):
    notebook = copy.deepcopy(nbformat.read(NOTEBOOKS[0], as_version=4))
    size = change(notebook)
    return list(problems(notebook, size or 1000))


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


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.name)
def test_cells_are_short(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.id == "given":  # what a lab gives stands together, to be run and not to be read
            continue
        if cell.cell_type == "code" and not cell.metadata.get("nbgrader", {}).get("solution"):
            assert len(cell.source.splitlines()) <= MAX_CODE_LINES, cell.id
        elif cell.cell_type == "markdown":
            assert len(words(cell.source)) <= MAX_WORDS, cell.id


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_links_between_notebooks_lead_somewhere(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", cell.source):
                assert (path.parent / target).exists(), f"{cell.id}: {target}"


# Where lessons are listed -------------------------------------------------------------------------

LESSONS = sorted(path.stem for path in ROOT.glob("course/[0-9][0-9]-*.ipynb"))
LESSONS.remove("00-start-here")


def _listed_nowhere(readme, start):
    """Return the lessons that the README or the start page does not lead to, with their labs."""
    wanted = {slug: (f"](course/{slug}.ipynb)", f"]({slug}.ipynb)") for slug in LESSONS}
    lab = {slug: f"labs/{slug}/{slug}.ipynb)" for slug in LESSONS}
    return [
        slug
        for slug, (in_readme, in_start) in wanted.items()
        if in_readme not in readme or in_start not in start
        or lab[slug] not in readme or lab[slug] not in start
    ]  # fmt: skip


def _start_page():
    cells = nbformat.read(ROOT / "course" / "00-start-here.ipynb", as_version=4).cells
    return "\n".join(cell.source for cell in cells)


def test_the_readme_and_the_start_page_lead_to_every_lesson_and_its_lab():
    assert _listed_nowhere((ROOT / "README.md").read_text(), _start_page()) == []


def test_a_lesson_that_is_listed_nowhere_is_found():
    readme = (ROOT / "README.md").read_text().replace(f"](course/{LESSONS[0]}.ipynb)", "")
    assert _listed_nowhere(readme, _start_page()) == [LESSONS[0]]
    assert _listed_nowhere((ROOT / "README.md").read_text(), "") == LESSONS
