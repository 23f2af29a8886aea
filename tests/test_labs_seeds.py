"""Every lab over many seeds, in one process: wrong answers are always refused, right ones never."""

import dataclasses

import pytest
from labtools import ROOT, Answer, answers

from dsviz.grading.lab import Lab, all_labs
from dsviz.grading.run import run_check
from dsviz.grading.source import compiled, executed
from dsviz.grading.submission import read_submission

LABS = all_labs()
SEEDS = (1, 17, 118, 139, 2026)


def by_name(answer: Answer) -> str:
    return f"{answer.lab.slug}-{answer.name}"


@pytest.mark.parametrize("answer", answers("wrong"), ids=by_name)
def test_a_wrong_answer_is_refused_at_every_seed(answer):
    """Directed situations, not luck: each seed alone is enough, the visible ones too."""
    classes = executed(compiled(answer.code()))
    checks = [check for check in answer.lab.checks if check.points]
    kills = sum(
        any(_refused(answer.lab, check, classes, seed) for check in checks) for seed in SEEDS
    )
    assert kills / len(SEEDS) >= float(answer.about["min_kill"])


def _refused(lab: Lab, check, classes, seed) -> bool:
    lab = dataclasses.replace(lab, hidden_seeds=(seed,), visible_seeds=(seed,), hints=())
    return not run_check(lab, check, classes, hidden=True).ok


@pytest.mark.parametrize("answer", answers("right"), ids=by_name)
def test_right_answers_hold_in_many_more_runs(answer):
    hold_in_many_runs(answer.lab, executed(compiled(answer.code())))


@pytest.mark.parametrize("lab", LABS.values(), ids=list(LABS))
def test_the_solution_holds_in_many_more_runs(lab):
    path = ROOT / "solutions" / lab.slug / f"{lab.slug}.ipynb"
    hold_in_many_runs(lab, executed(compiled(read_submission(path).code())))


def hold_in_many_runs(lab, classes, seeds=range(1000, 1250)):
    """Together with the marks, more than 2,000 (seed, scenario) pairs for all right answers."""
    lab = dataclasses.replace(lab, hidden_seeds=tuple(seeds))
    for check in lab.checks:
        if not check.visible:
            given = run_check(lab, check, classes, hidden=True, clock=lambda: 0.0)
            assert given.ok, given.sentence
