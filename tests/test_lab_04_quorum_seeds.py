"""Lab 04 over many seeds, in one process: wrong answers are always refused, right ones never."""

import dataclasses

import pytest
from labtools import ROOT, Answer, answers

from dsviz.grading.lab import lab_named
from dsviz.grading.run import run_check
from dsviz.grading.source import compiled, executed
from dsviz.grading.submission import read_submission

SLUG = "04-quorum"
LAB = lab_named(SLUG)
WRONG = answers("wrong", SLUG)
RIGHT = answers("right", SLUG)
MASTER = ROOT / "solutions" / SLUG / f"{SLUG}.ipynb"


def by_name(answer: Answer) -> str:
    return answer.name


@pytest.mark.parametrize("answer", WRONG, ids=by_name)
def test_a_wrong_answer_is_refused_at_every_seed(answer):
    """Directed situations, not luck: each seed alone is enough, the visible ones too."""
    classes = executed(compiled(answer.code()))
    checks = [check for check in LAB.checks if check.name.startswith("linearizable")]
    kills = 0
    seeds = (1, 17, 118, 139, 2026)
    for seed in seeds:
        kills += any(_refused(check, classes, seed) for check in checks)
    assert kills / len(seeds) >= float(answer.about["min_kill"])


def _refused(check, classes, seed) -> bool:
    lab = dataclasses.replace(LAB, hidden_seeds=(seed,), visible_seeds=(seed,), hints=())
    return not run_check(lab, check, classes, hidden=True).ok


@pytest.mark.parametrize("answer", RIGHT, ids=by_name)
def test_right_answers_hold_in_many_more_runs(answer):
    classes = executed(compiled(answer.code()))
    hold_in_many_runs(classes)


def test_the_solution_holds_in_many_more_runs():
    hold_in_many_runs(executed(compiled(read_submission(MASTER).code())))


def hold_in_many_runs(classes, seeds=range(1000, 1250)):
    """Together with the marks, more than 2,000 (seed, scenario) pairs for all right answers."""
    lab = dataclasses.replace(LAB, hidden_seeds=tuple(seeds))
    for check in lab.checks:
        if not check.visible:
            given = run_check(lab, check, classes, hidden=True, clock=lambda: 0.0)
            assert given.ok, given.sentence
