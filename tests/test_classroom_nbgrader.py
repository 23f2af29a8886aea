"""An instructor's walk with nbgrader, by its own commands: from an empty folder to marks."""

import csv
import json
import os
import subprocess
import sys

import pytest
from labtools import ROOT, notebook, written

from dsviz.classroom.many import grade_folder, local, notebooks

SLUG = "04-quorum"
pytestmark = pytest.mark.slow


def command(folder, *words):
    """Run a command as a person would, and return what it said."""
    run = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout + run.stderr


def handed_in(course):
    """What five students hand in: the answers to the questions are right, the rest is as it is."""
    master = json.loads((ROOT / "solutions" / SLUG / f"{SLUG}.ipynb").read_text(encoding="utf-8"))
    answered = next(c for c in master["cells"] if c["id"] == "choices")
    made = notebook(SLUG, {"choices": "".join(answered["source"])})
    doubled = json.loads(json.dumps(made))
    doubled["cells"] += [c for c in doubled["cells"] if c["id"] in ("choices", "check-all")]
    bare = json.loads(json.dumps(made))
    bare["cells"] = [c for c in bare["cells"] if c["id"] in ("choices", "replica")]
    for cell in bare["cells"]:
        cell["metadata"] = {}
    other = json.loads(json.dumps(made))
    other["metadata"]["dsviz"]["lab"] = "18-write-ahead-log"
    for student, work in (("ada", made), ("bob", doubled), ("cleo", bare), ("dan", other)):
        folder = course / "submitted" / student / SLUG
        folder.mkdir(parents=True)
        written(folder, work, f"{SLUG}.ipynb")
    (course / "submitted" / "eve" / SLUG).mkdir(parents=True)
    (course / "submitted" / "eve" / SLUG / f"{SLUG}.ipynb").write_text("{ no JSON")
    return {"ada": 2.0, "bob": 2.0, "cleo": 2.0, "dan": 0.0, "eve": 0.0}


def test_from_an_empty_folder_to_exported_marks(tmp_path):
    told = command(tmp_path, "dsviz", "classroom", "fall")
    assert "nbgrader generate_assignment" in told
    course = tmp_path / "fall"
    command(course, "nbgrader", "generate_assignment", SLUG)
    release = json.loads((course / "release" / SLUG / f"{SLUG}.ipynb").read_text(encoding="utf-8"))
    own = json.loads((ROOT / "labs" / SLUG / f"{SLUG}.ipynb").read_text(encoding="utf-8"))
    assert [c["source"] for c in release["cells"]] == [c["source"] for c in own["cells"]]

    deserved = handed_in(course)
    said = command(course, "nbgrader", "autograde", SLUG)
    assert "There was an error" not in said
    command(course, "nbgrader", "export")
    with open(course / "grades.csv", encoding="utf-8") as file:
        exported = {line["student_id"]: float(line["raw_score"]) for line in csv.DictReader(file)}
    assert exported == deserved

    auto = course / "autograded" / "dan" / SLUG / f"{SLUG}.ipynb"
    assert "this is the notebook of 18-write-ahead-log" in auto.read_text(encoding="utf-8")
    auto = course / "autograded" / "eve" / SLUG / f"{SLUG}.ipynb"
    assert "it is not JSON" in auto.read_text(encoding="utf-8")
    secret = (course / "course.secret").read_text().strip()
    for path in (course / "autograded").rglob("*.ipynb"):
        assert secret not in path.read_text(encoding="utf-8")

    # The other way gives the same marks; only there dan's counts for the lab that it says it is.
    with local(1) as executor:
        root = course / "submitted"
        rows = grade_folder(notebooks(root), root, course / "graded", executor, secret)
    assert {r["student"]: r["points"] for r in rows if r["lab"] == SLUG} == {
        student: points for student, points in deserved.items() if student != "dan"
    }
