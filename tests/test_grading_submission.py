"""Submissions are data: whatever the file is, it is a sentence and the points it deserves."""

import json
import os

import pytest
from labtools import ROOT, notebook, written

from dsviz.classroom.command import grade_file
from dsviz.errors import DsvizError
from dsviz.grading.grade import mark, mark_questions
from dsviz.grading.lab import lab_named
from dsviz.grading.submission import literal, read_submission

LAB = lab_named("04-quorum")
SLUG = "04-quorum"
LIVE = next(check for check in LAB.checks if check.name.startswith("answers"))
SOLVED = read_submission(ROOT / "solutions" / SLUG / f"{SLUG}.ipynb").cells


def solved() -> dict:
    return notebook(SLUG, SOLVED)


def cell(made: dict, name: str) -> dict:
    return next(cell for cell in made["cells"] if cell["id"] == name)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"[1, 2]", "it has no cells"),
        (b'{"cells": 5}', "it has no cells"),
        (b'{"cells": [], "nbformat": 3}', "format 3"),
        (b'{"cells": [], "nbformat": 4}', "neither its metadata nor its name"),
        (b'{"cells": [], "nbformat": 4, "metadata": {"dsviz": {"lab": "99-x"}}}', "does not exist"),
        (b" " * 50_000_001, "more than 50,000,000 bytes"),
    ],
)
def test_what_is_no_lab_is_refused_in_one_sentence(content, said, tmp_path, capsys):
    path = tmp_path / "some.ipynb"
    path.write_bytes(content)
    assert grade_file(path, as_json=True) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert len(err.splitlines()) == 1


def test_missing_files_folders_and_links_are_refused(tmp_path, capsys):
    real = written(tmp_path, solved(), "real.ipynb")
    link = tmp_path / "04-quorum.ipynb"
    link.symlink_to(real)
    pipe = tmp_path / "pipe.ipynb"
    os.mkfifo(pipe)
    for path in (tmp_path / "none.ipynb", tmp_path, link, pipe):
        assert grade_file(path, as_json=False) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_lab_is_known_by_metadata_or_by_name(tmp_path):
    made = solved()
    assert read_submission(written(tmp_path, made, "renamed.ipynb")).lab is not None
    del made["metadata"]["dsviz"]
    assert read_submission(written(tmp_path, made)).lab.slug == SLUG
    folder = tmp_path / SLUG
    folder.mkdir()
    assert read_submission(written(folder, made, "mine.ipynb")).lab.slug == SLUG
    with pytest.raises(DsvizError, match="not a lab"):
        read_submission(written(tmp_path, made, "mine.ipynb"))


def test_of_duplicated_cells_the_last_counts_and_is_mentioned(tmp_path):
    made = solved()
    twin = dict(cell(made, "replica"), source="class Replica(Node): pass", id="another")
    made["cells"].append(twin)
    submission = read_submission(written(tmp_path, made))
    assert submission.cells["replica"] == "class Replica(Node): pass"
    assert submission.notes == ("cell 'replica' is there more than once; the last one counts",)


def test_a_cell_without_grade_id_is_known_by_its_id(tmp_path):
    made = solved()
    del cell(made, "replica")["metadata"]["nbgrader"]
    assert "replica" in read_submission(written(tmp_path, made)).cells


def test_a_missing_cell_costs_what_depends_on_it_only(tmp_path):
    made = solved()
    made["cells"] = [one for one in made["cells"] if one["id"] != "coordinator"]
    submission = read_submission(written(tmp_path, made))
    given = mark(submission, LIVE)
    assert (given.points, given.ok) == (0, False)
    assert "no cell 'coordinator'" in given.sentence
    assert mark_questions(LAB, LAB.questions[0], submission).points == 2


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("class Coordinator(Node", "SyntaxError"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("helper()", "NameError: name 'helper' is not defined"),
        ("Coordinator = 5", "is not a subclass of Node"),
        ("class Coordinator(Node):\n    pass", "has no option 'replicas'"),
        ("", "is not defined"),
        ("class Coordinator(Node):\n    replicas = ()\n    def __init__(self, **o): 1 / 0", "0/2"),
    ],
)
def test_a_broken_cell_is_a_sentence_and_no_points(source, said, tmp_path):
    made = solved()
    cell(made, "coordinator")["source"] = source
    given = mark(read_submission(written(tmp_path, made)), LIVE)
    assert given.points == 0
    assert said in given.sentence + f" {given.points}/{given.max}"


def test_other_cells_are_never_run_and_odd_ones_do_no_harm(tmp_path):
    made = solved()
    made["cells"] += [
        {"cell_type": "code", "id": "mine", "metadata": {}, "source": "import os; os._exit(1)"},
        {"cell_type": "code", "metadata": None, "source": None},
        {"cell_type": "code", "id": ["x"], "metadata": {"nbgrader": {"grade_id": {}}}},
        5,
        None,
    ]
    assert mark(read_submission(written(tmp_path, made)), LIVE).ok


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1", "does not assign CHOICES"),
        ("CHOICES = [", "not valid Python"),
        ("CHOICES = open('x')", "nothing in it is computed"),
        ("CHOICES = {'a': 1 + len('x')}", "nothing in it is computed"),
        ("CHOICES = 5", "must be a dictionary"),
        ("CHOICES = " + "(" * 5000, "not valid Python"),
        ("CHOICES = {}", "not yet answered"),
        ("CHOICES = {'quickest reads': float('inf')}", "nothing in it is computed"),
    ],
)
def test_answers_are_read_and_not_executed(source, said, tmp_path):
    made = solved()
    cell(made, "choices")["source"] = source
    given = mark_questions(LAB, LAB.questions[0], read_submission(written(tmp_path, made)))
    assert given.points == 0
    assert said in given.sentence


def test_the_last_assignment_counts():
    assert literal("A = {'x': 1}\nA = {'x': (1, 5)}\nraise", "A") == {"x": (1, 5)}


def test_the_table_and_the_json_say_the_same(tmp_path, capsys, monkeypatch):
    made = solved()
    for one in made["cells"]:
        if one["id"] in LAB.classes.values():
            one["source"] = "broken("
    path = written(tmp_path, made)
    assert grade_file(path, as_json=True) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result) == {"lab", "points", "max", "isolation", "notes", "checks"}
    assert (result["lab"], result["points"], result["max"]) == (SLUG, 2, 10)
    for check in result["checks"]:
        assert set(check) == {"name", "points", "max", "ok", "sentence"}
    assert grade_file(path, as_json=False) == 0
    out, err = capsys.readouterr()
    assert out.startswith("04-quorum: 2 of 10 points\n")
    assert err == ""
    assert max(map(len, out.splitlines())) <= 100
    for check in result["checks"]:
        assert check["name"] in out
