"""The lab matrix: right answers get every point, wrong ones at most 6 and a hint of their own.

All marks come from the real judge, with every node in a process of its own.
"""

import pytest
from labtools import ROOT, Answer, answers, notebook, written

from dsviz.grading.grade import grade, mark
from dsviz.grading.lab import Result, lab_named
from dsviz.grading.submission import read_submission

SLUG = "04-quorum"
LAB = lab_named(SLUG)
WRONG = answers("wrong", SLUG)
RIGHT = answers("right", SLUG)
STRONGER = answers("stronger", SLUG)
MASTER = ROOT / "solutions" / SLUG / f"{SLUG}.ipynb"
UNSOLVED = ROOT / "labs" / SLUG / f"{SLUG}.ipynb"


def by_name(answer: Answer) -> str:
    return answer.name


def marked(answer: Answer, folder) -> Result:
    return grade(read_submission(written(folder, notebook(SLUG, answer.cells))))


def told(result: Result) -> str:
    return "\n".join(f"{m.name}: {m.points}/{m.max} {m.sentence}" for m in result.marks)


def test_the_solution_gets_every_point():
    result = grade(read_submission(MASTER))
    assert (result.points, result.max) == (10, 10), told(result)


@pytest.mark.parametrize("answer", RIGHT, ids=by_name)
def test_another_right_answer_gets_every_point(answer, tmp_path):
    result = marked(answer, tmp_path)
    assert (result.points, result.max) == (10, 10), told(result)


def test_the_unsolved_lab_gets_nothing_and_is_told_what_is_missing():
    result = grade(read_submission(UNSOLVED))
    assert result.points == 0, told(result)
    code = [given for given in result.marks if given.name != "choose (R, W)"]
    assert all(given.sentence.startswith("not yet: on_start of ") for given in code)
    assert "not yet answered" in result.marks[-1].sentence


@pytest.mark.parametrize("answer", WRONG, ids=by_name)
def test_a_wrong_answer_fails_and_is_told_why(answer, tmp_path):
    result = marked(answer, tmp_path)
    assert result.points <= 6, told(result)
    failed = [given for given in result.marks if not given.ok]
    message = answer.about["message"]
    assert any(message in given.sentence for given in failed), told(result)
    assert message in failed[0].sentence, told(result)
    for given in failed:
        assert given.sentence.startswith("seed "), given.sentence
        assert " ms" in given.sentence


@pytest.mark.parametrize("answer", STRONGER, ids=by_name)
def test_an_answer_that_is_stronger_than_asked_loses_availability_only(answer, tmp_path):
    submission = read_submission(written(tmp_path, notebook(SLUG, answer.cells)))
    marks = [mark(submission, check) for check in LAB.checks if check.visible and check.points]
    failed = [given for given in marks if not given.ok]
    assert [given.name for given in failed] == ["answers although a minority is down"]
    assert answer.about["message"] in failed[0].sentence


def test_there_are_the_mutants_of_the_curriculum_and_more():
    names = [answer.name for answer in WRONG]
    assert [name[:2] for name in names if name[0] == "m" and name[1].isdigit()] == [
        "m1",
        "m2",
        "m3",
        "m4",
        "m5",
        "m6",
    ]
    assert len(names) >= 12
    for answer in [*WRONG, *STRONGER]:
        assert set(answer.about) >= {"misconception", "expect", "message", "min_kill"}, answer.name
        assert set(answer.cells) == {"replica", "coordinator", "choices"}, answer.name


def test_every_wrong_answer_has_a_hint_of_its_own():
    messages = [answer.about["message"] for answer in WRONG]
    assert len(set(messages)) == len(messages)


def test_hints_contain_no_code():
    for hint in LAB.hints:
        for word in ("self.", "def ", "on_", "()", "msg", "`"):
            assert word not in hint.advice, hint.advice


# The questions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "remark"),
    [
        ((1, 5), None),
        ([1, 5], None),
        ((1, 1), "1 + 1 is not more than 5"),
        ((1, 4), "1 + 4 is not more than 5"),
        ((3, 3), "with fewer than 3 answers"),
        ((0, 5), "not a pair"),
        ((True, 5), "not a pair"),
        ("1, 5", "not a pair"),
        (None, "not yet answered"),
        ({1, 5}, "not a pair"),
    ],
)
def test_feedback_on_the_quickest_reads(answer, remark):
    said = LAB.questions[0].items[0].wrong(answer)
    assert said is None if remark is None else remark in said


@pytest.mark.parametrize(
    ("answer", "remark"),
    [
        ((3, 3), None),
        ((2, 4), "writes that need 4"),
        ((4, 2), "reads that need 4"),
        ((1, 5), "writes that need 5"),
        ((2, 3), "2 + 3 is not more than 5"),
    ],
)
def test_feedback_on_two_replicas_down(answer, remark):
    said = LAB.questions[0].items[1].wrong(answer)
    assert said is None if remark is None else remark in said


def test_the_points_add_up():
    assert LAB.points == 10
    assert sum(check.points for check in LAB.checks if check.visible) == 6
