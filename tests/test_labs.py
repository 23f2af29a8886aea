"""Every lab: the solution and other right answers get every point, each wrong answer its hint.

A lab is found by its module in `dsviz.grading.labs`, its answers by their folders: a new one is
tested here without a line. The judge marks: whole notebooks, each node in a process of its own.
"""

import dataclasses
import json

import pytest
from labtools import ROOT, Answer, answers, notebook, written

from dsviz.grading.grade import grade, mark
from dsviz.grading.lab import Lab, Result, all_labs, lab_named
from dsviz.grading.submission import read_submission

LABS = all_labs()
CATEGORIES = {"safety", "liveness", "quiescence", "efficiency", "crash"}
FEW = 8  # hidden seeds: directed situations refuse a wrong answer at each of them
every_lab = pytest.mark.parametrize("lab", LABS.values(), ids=list(LABS))


def every(kind: str):
    """Parametrize over the answers of this kind."""
    return pytest.mark.parametrize("answer", answers(kind), ids=lambda a: f"{a.lab.slug}-{a.name}")


def master(lab: Lab):
    return ROOT / "solutions" / lab.slug / f"{lab.slug}.ipynb"


def unsolved(lab: Lab):
    return ROOT / "labs" / lab.slug / f"{lab.slug}.ipynb"


def submitted(answer: Answer, folder, hidden_seeds: int | None = None):
    """Return the answer as a submitted notebook, to be marked with this many hidden seeds."""
    submission = read_submission(written(folder, notebook(answer.lab.slug, answer.cells)))
    lab = submission.lab
    lab = dataclasses.replace(lab, hidden_seeds=lab.hidden_seeds[:hidden_seeds])
    return dataclasses.replace(submission, lab=lab)


def told(result: Result) -> str:
    return "\n".join(f"{m.name}: {m.points}/{m.max} {m.sentence}" for m in result.marks)


@every_lab
def test_the_solution_gets_every_point(lab):
    result = grade(read_submission(master(lab)))
    assert (result.points, result.max) == (10, 10), told(result)


@every("right")
def test_another_right_answer_gets_every_point(answer, tmp_path):
    result = grade(submitted(answer, tmp_path))
    assert (result.points, result.max) == (10, 10), told(result)


@every_lab
def test_the_unsolved_lab_gets_nothing_and_is_told_what_is_missing(lab):
    result = grade(read_submission(unsolved(lab)))
    assert result.points == 0, told(result)
    asked = {questions.name for questions in lab.questions}
    for given in result.marks:
        what = "not yet answered" if given.name in asked else "not yet: "
        assert what in given.sentence, given.sentence


@every("wrong")
def test_a_wrong_answer_fails_and_is_told_why(answer, tmp_path):
    result = grade(submitted(answer, tmp_path, FEW))
    assert result.points <= 6, told(result)  # 7 of 10 pass
    failed = [given for given in result.marks if not given.ok]
    message = answer.about["message"]
    assert any(message in given.sentence for given in failed), told(result)
    assert message in failed[0].sentence, told(result)
    for given in failed:
        assert given.sentence.startswith("seed "), given.sentence
        assert " ms" in given.sentence


@every("stronger")
def test_an_answer_that_is_stronger_than_asked_loses_what_it_says_only(answer, tmp_path):
    submission = submitted(answer, tmp_path)
    visible = [check for check in answer.lab.checks if check.visible and check.points]
    failed = [given for given in (mark(submission, check) for check in visible) if not given.ok]
    assert [given.name for given in failed] == [answer.about["loses"]]
    assert answer.about["message"] in failed[0].sentence


@every_lab
def test_there_are_the_six_mutants_of_the_curriculum_and_six_more(lab):
    wrong = answers("wrong", lab.slug)
    names = [answer.name for answer in wrong]
    mutants = [name.split("_")[0] for name in names if name[0] == "m" and name[1].isdigit()]
    assert mutants == ["m1", "m2", "m3", "m4", "m5", "m6"]
    assert len(names) >= 12
    assert answers("right", lab.slug), "no right answer that is built in another way"
    cells = {*lab.classes.values(), *(questions.cell for questions in lab.questions)}
    for answer in [*wrong, *answers("stronger", lab.slug)]:
        assert set(answer.about) >= {"misconception", "expect", "message", "min_kill"}, answer.name
        assert answer.about["expect"] in CATEGORIES, answer.name
        assert set(answer.cells) == cells, answer.name


@every_lab
def test_every_wrong_answer_has_a_hint_of_its_own(lab):
    messages = [answer.about["message"] for answer in answers("wrong", lab.slug)]
    assert len(set(messages)) == len(messages)


@every_lab
def test_hints_contain_no_code(lab):
    for hint in lab.hints:
        for word in ("self.", "def ", "on_", "()", "msg", "`"):
            assert word not in hint.advice, hint.advice


@every_lab
def test_the_points_add_up(lab):
    assert lab.points == 10
    assert 4 <= sum(check.points for check in lab.checks if check.visible) <= 8
    slug = lab.slug
    assert slug[:2].isdigit()
    assert slug[2] == "-"
    assert lab_named(slug) is lab


@every_lab
def test_the_notebook_has_the_cells_and_what_the_lab_gives(lab):
    made = json.loads(unsolved(lab).read_text(encoding="utf-8"))
    cells = {cell["id"]: "".join(cell["source"]) for cell in made["cells"]}
    wanted = {*lab.classes.values(), *(questions.cell for questions in lab.questions)}
    assert wanted <= set(cells)
    if lab.given:
        assert lab.given.strip() in "\n".join(cells.values())
    assert made["metadata"]["dsviz"]["lab"] == lab.slug
