"""A class's submissions: folders, what is kept of a run, the pages, and what nbgrader gets."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future

import nbformat
import pytest
from labtools import ROOT, answers, notebook, written

from dsviz.classroom.command import grade_folders
from dsviz.classroom.course import make_course
from dsviz.classroom.feedback import page
from dsviz.classroom.handed_in import rebuilt
from dsviz.classroom.many import grade_folder, notebooks, write_csv, write_grades
from dsviz.errors import DsvizError
from dsviz.grading.grade import mark
from dsviz.grading.lab import Mark, Result, lab_named
from dsviz.grading.submission import parsed, read_submission
from dsviz.grading.syntax import tree
from dsviz.grading.variant import variant

SLUG = "04-quorum"
LAB = lab_named(SLUG)
MASTER = ROOT / "solutions" / SLUG / f"{SLUG}.ipynb"
WRONG = next(a for a in answers("wrong", SLUG) if a.name == "m1_no_write_back")
FIRST = next(check for check in LAB.checks if check.points)


class AtOnce:
    """An executor that does everything in this process."""

    def __init__(self):
        self.done = []

    def submit(self, work, task):
        self.done.append(task.student)
        future: Future = Future()
        future.set_result(work(task))
        return future


def hand_in(root, student, made):
    """Put a notebook, or any text, where nbgrader would."""
    folder = root / student / SLUG
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(made, str):
        (folder / f"{SLUG}.ipynb").write_text(made, encoding="utf-8")
    else:
        written(folder, made, f"{SLUG}.ipynb")


def without(made, *names):
    return {**made, "cells": [cell for cell in made["cells"] if cell["id"] not in names]}


def rows_by_student(rows):
    return {row["student"]: row for row in rows}


# Folders --------------------------------------------------------------------------------------


def test_students_are_named_by_folders_or_files_and_checkpoints_are_left_out(tmp_path):
    for name in ("ada/04-quorum/04-quorum.ipynb", "bob.ipynb", "ada/.ipynb_checkpoints/x.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert [student for student, _ in notebooks(tmp_path)] == ["bob", "ada"]


@pytest.fixture(scope="module")
def graded_class(tmp_path_factory):
    """A class of five, graded once: (its folder, where results are, the rows)."""
    root, out = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("graded")
    hand_in(root, "bob", without(notebook(SLUG, WRONG.cells), "coordinator"))
    hand_in(root, "cleo", notebook(SLUG, {}))
    hand_in(root, "dan", "{ this is not json")
    hand_in(root, "=eve()", notebook(SLUG, {"replica": "class Replica(Node:"}))
    (root / "stray").mkdir()
    (root / "stray" / "thesis.ipynb").write_text("{}")
    return root, out, grade_folder(notebooks(root), root, out, AtOnce())


def test_each_gets_a_sentence(graded_class):
    rows = rows_by_student(graded_class[2])
    assert rows["cleo"]["status"] == "marked"
    assert "still to be written" in rows["cleo"]["checks"][0]["sentence"]
    assert "no cell 'coordinator'" in rows["bob"]["checks"][0]["sentence"]
    assert rows["dan"]["points"] == 0
    assert rows["dan"]["max"] == 10
    assert "not JSON" in rows["dan"]["reason"]
    assert "SyntaxError" in rows["=eve()"]["checks"][0]["sentence"]
    assert rows["stray"]["status"] == "not graded"
    assert rows["stray"]["points"] is None


def test_each_marked_one_has_a_page_that_needs_nothing_else(graded_class):
    _, out, rows = graded_class
    for row in rows:
        if row["status"] == "marked":
            text = (out / row["feedback"]).read_text(encoding="utf-8")
            assert row["student"] in text
            assert "mount(" in text
            assert not re.search(r"""(src|href)=["'](https?:)?//""", text)
            assert not re.search(r"""@import|url\(["']?http""", text)


def test_a_second_run_grades_only_what_changed(graded_class):
    root, out, rows = graded_class
    again = AtOnce()
    assert grade_folder(notebooks(root), root, out, again) == rows
    assert again.done == []
    hand_in(root, "cleo", notebook(SLUG, {"replica": "pass"}))
    grade_folder(notebooks(root), root, out, again)
    assert again.done == ["cleo"]
    hand_in(root, "cleo", notebook(SLUG, {}))


def test_another_secret_means_grading_again(graded_class):
    root, out, _ = graded_class
    again = AtOnce()
    grade_folder([("cleo", root / "cleo" / SLUG / f"{SLUG}.ipynb")], root, out, again, "s" * 20)
    assert again.done == ["cleo"]


def test_practice_results_are_made_again_where_bubblewrap_is_now(graded_class, monkeypatch):
    root, out, _ = graded_class
    [kept] = (out / "results").glob("cleo*.json")
    text = kept.read_text(encoding="utf-8")
    row = json.loads(text) | {"isolation": "limits"}
    kept.write_text(json.dumps(row), encoding="utf-8")
    again = AtOnce()
    monkeypatch.setattr("dsviz.classroom.many.shutil.which", lambda name: "/usr/bin/bwrap")
    grade_folder(notebooks(root), root, out, again)
    assert "cleo" in again.done
    kept.write_text(text, encoding="utf-8")


def test_spreadsheets_take_names_for_text(graded_class, tmp_path):
    write_csv(graded_class[2], tmp_path / "marks.csv")
    with open(tmp_path / "marks.csv", encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["student"] for line in lines if "eve" in line["student"]] == ["'=eve()"]
    assert [line["points"] for line in lines if line["student"] == "stray"] == [""]


def test_a_learning_platform_gets_a_line_a_student_and_a_column_a_lab(tmp_path):
    def row(student, lab, points, status="marked"):
        return {"student": student, "lab": lab, "points": points, "status": status}

    rows = [
        row("ada", "04-quorum", 10), row("ada", "18-write-ahead-log", 7),
        row("bob", "04-quorum", 3), row("bob", "04-quorum", 6), row("bob", "04-quorum", 5),
        row("cleo", "18-write-ahead-log", None, "not graded"),
    ]  # fmt: skip
    write_grades(rows, tmp_path / "grades.csv")
    assert (tmp_path / "grades.csv").read_text().splitlines() == [
        "student,04-quorum,18-write-ahead-log",
        "ada,10,7",
        "bob,6,",
        "cleo,,",
    ]


def test_a_folder_without_notebooks_is_said_so(tmp_path):
    with pytest.raises(DsvizError, match="no notebooks of 04-quorum in"):
        grade_folders([tmp_path], tmp_path / "out", lab="04-quorum")


# Killed and stopped ---------------------------------------------------------------------------


@pytest.fixture
def stubs(tmp_path):
    for number in range(5):
        hand_in(tmp_path / "in", f"s{number}", notebook(SLUG, {"replica": f"x = {number}"}))
    return tmp_path


def started(folder):
    words = [sys.executable, "-m", "dsviz", "grade", "in", "--out", "out", "--jobs", "1"]
    # In a session of its own: what is left of it can be told.
    run = subprocess.Popen(
        words,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    end = time.monotonic() + 120
    while not list((folder / "out" / "results").glob("*.json")):
        assert time.monotonic() < end
        assert run.poll() is None, run.communicate()
        time.sleep(0.02)
    return run


def session(pid) -> list[str]:
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "-s", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.splitlines()


def gone(pid) -> bool:
    end = time.monotonic() + 20
    while session(pid) and time.monotonic() < end:
        time.sleep(0.1)
    return not session(pid)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_ended_leaves_nothing_running_and_goes_on(stubs, how):
    run = started(stubs)
    run.send_signal(how)
    out, err = run.communicate(timeout=60)
    assert gone(run.pid), session(run.pid)
    kept = {path: path.stat().st_mtime_ns for path in (stubs / "out" / "results").glob("*.json")}
    assert 1 <= len(kept) < 5
    if how == signal.SIGINT:
        assert re.fullmatch(r"stopped: \d of 5 notebooks are done .* goes on from there\n", err)
        assert run.returncode == 130
    assert out == ""
    assert grade_folders([stubs / "in"], stubs / "out", jobs=1) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    with open(stubs / "out" / "marks.csv", encoding="utf-8") as file:
        assert [line["points"] for line in csv.DictReader(file)] == ["0"] * 5


# Pages ----------------------------------------------------------------------------------------


def test_a_page_plays_the_counterexample_and_runs_nothing_of_the_submission():
    evil = "</script><script>alert(1)</script>"
    submission = parsed(json.dumps(notebook(SLUG, WRONG.cells)).encode(), MASTER)
    check = next(c for c in LAB.checks if not mark(submission, c).ok)
    failed = mark(submission, check)
    assert failed.trace is not None
    lying = Mark("a check", 0, 1, f"it says {evil}", failed.counterexample, failed.trace)
    text = page(Result(SLUG, (failed, lying)), "A title", evil, "x.ipynb")
    assert "<script>alert" not in text
    data = re.search(r'id="runs">(.*?)</script>', text, re.DOTALL)
    runs = json.loads(data[1])
    assert len(runs) == 2
    assert runs[0]["view"]["live"] is False
    assert 'href="#run-0"' in text
    assert f"seed {failed.counterexample.seed}" in text


# nbgrader -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def master():
    return nbformat.read(MASTER, as_version=4)


def graded_ids(made):
    about = [cell.metadata.get("nbgrader", {}) for cell in made.cells]
    return [item["grade_id"] for item in about if "grade_id" in item]


def broken(kind):
    """Return what a student might hand in, as the text of a file."""
    made = notebook(SLUG, WRONG.cells)
    cells = {cell["id"]: cell for cell in made["cells"]}
    if kind == "doubled":
        made["cells"].append(dict(cells["replica"]))
    elif kind == "missing":
        made = without(made, "replica", "check-all", "choices")
    elif kind == "no metadata":
        for cell in made["cells"]:
            cell["metadata"] = {}
    elif kind == "nonsense":
        made["cells"] = [
            5,
            {"cell_type": "raw"},
            {"cell_type": "code", "metadata": 7},
            *made["cells"],
        ]
        cells["choices"]["metadata"] = {"nbgrader": {"grade_id": ["a"]}}
        cells["check-all"]["metadata"]["nbgrader"] = {"grade": True}
    elif kind == "empty":
        made["cells"] = []
    return {"no json": "{ oops", "a list": "[]"}.get(kind) or json.dumps(made)


KINDS = ("whole", "doubled", "missing", "no metadata", "nonsense", "empty", "no json", "a list")


@pytest.mark.parametrize("kind", KINDS)
def test_nbgrader_gets_every_graded_cell_once_whatever_was_handed_in(kind, master, tmp_path):
    path = tmp_path / f"{SLUG}.ipynb"
    path.write_text(broken(kind), encoding="utf-8")
    made = rebuilt(path, master)
    nbformat.validate(made)
    assert sorted(graded_ids(made)) == sorted(graded_ids(master))
    by_id = {cell.id: cell for cell in made.cells}
    if kind in ("whole", "doubled", "no metadata", "nonsense"):
        assert by_id["replica"].source == WRONG.cells["replica"]
        assert by_id["replica"].metadata.nbgrader.solution
    if kind in ("no json", "a list"):
        assert "is not a notebook" in made.cells[0].source
        assert str(tmp_path) not in made.cells[0].source
    if kind in ("missing", "empty", "no json"):
        assert "not handed in" in by_id["replica"].source


def test_a_course_is_made_once_and_its_secret_is_private(tmp_path):
    told = make_course(tmp_path / "fall")
    assert "nbgrader autograde 04-quorum" in told
    secret = tmp_path / "fall" / "course.secret"
    assert secret.stat().st_mode & 0o077 == 0
    assert len(secret.read_text()) > 30
    with pytest.raises(DsvizError, match="not empty"):
        make_course(tmp_path / "fall")


def test_students_have_seeds_of_their_own_and_the_same_ones_again():
    secret = "0123456789abcdef"
    ada, bob = variant(LAB, secret, "ada"), variant(LAB, secret, "bob")
    assert ada.hidden_seeds == variant(LAB, secret, "ada").hidden_seeds
    assert not set(ada.hidden_seeds) & set(bob.hidden_seeds)
    assert not set(ada.hidden_seeds) & set(variant(LAB, secret + "x", "ada").hidden_seeds)
    assert len(set(ada.hidden_seeds)) == len(LAB.hidden_seeds)


def test_threads_do_not_disturb_each_others_syntax_trees():
    """Each makes the collector of garbage hand the processor to another thread."""
    import gc

    source = "\n".join(read_submission(MASTER).cells.values())
    failed = []

    def work():
        try:
            for _ in range(20):
                tree(source)
        except SystemError as error:
            failed.append(error)

    def yielding(phase, info):
        time.sleep(0)

    before = gc.get_threshold()
    gc.set_threshold(20)
    gc.callbacks.append(yielding)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        gc.callbacks.remove(yielding)
        gc.set_threshold(*before)
    assert failed == []
