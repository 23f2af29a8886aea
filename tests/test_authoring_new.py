"""`make new`: a lesson's files from templates, complete, in the anatomy, never over something."""

import ast
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from labtools import ROOT, read_answer

from dsviz import content
from dsviz.authoring.lesson_files import OPTIONAL, PARTS, part_of
from dsviz.authoring.new import main, new, places
from dsviz.content import concepts
from dsviz.errors import DsvizError

SLUG = "19-log-based-storage"


def test_every_file_of_a_lesson_is_made(tmp_path):
    made = new(SLUG, tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in made] == list(places(SLUG).values())
    for path in made:
        text = path.read_text(encoding="utf-8")
        assert "not yet written" in text.lower(), path
        assert "$" not in text.replace("$$", ""), path
        if path.suffix == ".py" and "wrong" not in path.parts:
            ast.parse(text)
    about = content.parse(SLUG, (tmp_path / places(SLUG)["content.toml.txt"]).read_text("utf-8"))
    assert about.title == "Log-based storage"
    assert (len(about.questions), len(about.cards), len(about.whiteboards)) == (5, 6, 1)


def test_the_lesson_has_the_anatomy_and_the_lab_its_marks(tmp_path):
    new(SLUG, tmp_path)
    lesson = nbformat.read(tmp_path / "course" / f"{SLUG}.ipynb", as_version=4)
    nbformat.validate(lesson)
    parts = [part_of(cell.id) for cell in lesson.cells]
    assert list(dict.fromkeys(parts)) == [part for part in PARTS if part not in OPTIONAL]
    assert lesson.cells[0].source.startswith("# 19 · Log-based storage\n")
    assert "needs 01 and 18 · leads to 14 and 20" in lesson.cells[0].source
    lab = nbformat.read(tmp_path / "solutions" / SLUG / f"{SLUG}.ipynb", as_version=4)
    nbformat.validate(lab)
    marks = [cell.metadata.nbgrader for cell in lab.cells if "nbgrader" in cell.metadata]
    assert sum(mark.get("points", 0) for mark in marks) == 10
    wrong = read_answer(tmp_path / places(SLUG)["wrong.py.txt"])
    assert set(wrong.cells) <= {cell.id for cell in lab.cells}
    assert wrong.about["message"] == "the power was lost"


@pytest.mark.parametrize("template", places(SLUG))
def test_nothing_is_overwritten_and_nothing_half_done(template, tmp_path):
    mine = tmp_path / places(SLUG)[template]
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(DsvizError, match="nothing was written, because these exist"):
        new(SLUG, tmp_path)
    assert mine.read_text() == "mine"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]


@pytest.mark.parametrize(
    "slug", ["", "quorum", "4-quorum", "04-", "04-Quorum", "../04-x", "04-a b"]
)
def test_a_slug_that_is_none_is_refused(slug, tmp_path):
    with pytest.raises(DsvizError, match="must look like"):
        new(slug, tmp_path)


def test_the_command_says_what_it_needs(capsys):
    assert main([]) == 2
    assert "make new LESSON=" in capsys.readouterr().err
    assert main(["04-quorum"]) == 1
    assert "these exist: course/04-quorum.ipynb" in capsys.readouterr().err


def test_every_concept_of_the_map_could_be_begun(tmp_path):
    for one in concepts():
        new(one.slug, tmp_path)


@pytest.mark.slow
def test_a_lesson_just_begun_is_green_but_for_what_is_not_yet_written(tmp_path):
    """In a copy of the repository: style, its own tests, the release, its notebooks."""
    keep = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__")
    copy = shutil.copytree(ROOT, tmp_path / "copy", ignore=keep)
    env = os.environ | {"PYTHONPATH": str(copy), "PYTHONHASHSEED": "0"}

    def run(*words):
        command = [sys.executable, "-m", *words]
        return subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True)

    begun = run("dsviz.authoring.new", SLUG)
    assert begun.returncode == 0, begun.stderr
    for words in (("ruff", "check", "."), ("ruff", "format", "--check", ".")):
        style = run(*words)
        assert style.returncode == 0, style.stdout
    lint = run("dsviz.authoring.lint", SLUG)
    assert lint.returncode == 1
    problems = lint.stdout.splitlines()[:-1]
    assert all(line.startswith(f"{SLUG}: to do: ") for line in problems), lint.stdout
    tests = [
        places(SLUG)["test_systems.py.txt"],
        places(SLUG)["test_lab.py.txt"],
        *(f"tests/test_{n}.py" for n in ("lesson", "notebooks", "grading_release", "imports")),
        "tests/test_authoring_lint.py",
    ]
    result = run("pytest", "-q", "-n0", *tests)
    assert result.returncode == 0, result.stdout[-3000:]
    nbval = run("pytest", "-q", "-n0", "--nbval", "--nbval-current-env", f"course/{SLUG}.ipynb")
    assert nbval.returncode == 0, nbval.stdout[-3000:]
