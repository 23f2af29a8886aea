"""Marks a submission: every check in the judge's process, every node in one of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

from dsviz.errors import DsvizError
from dsviz.grading.cpu import one_cpu
from dsviz.grading.judge import Host
from dsviz.grading.lab import Check, Lab, Mark, Questions, Result
from dsviz.grading.nursery import InfrastructureError, isolation
from dsviz.grading.run import Stopped, run_check
from dsviz.grading.submission import Submission, answers

AT_ONCE = 2  # checks that are run at the same time

#: Is told after each check how many are done, and of how many.
Progress = Callable[[int, int], None]


def grade(
    submission: Submission,
    progress: Progress | None = None,
    executor: Executor | None = None,
    at_once: int = AT_ONCE,
) -> Result:
    """Return what a submission is worth.

    Checks are independent of each other and each has processes of its own, so they may run on
    any `concurrent.futures.Executor`. Raises `nursery.InfrastructureError` when the machine does
    not let it judge; that is no mark.
    """
    lab = submission.lab
    checks = [check for check in lab.checks if check.points]
    with ThreadPoolExecutor(at_once) as own:
        pool = executor or own
        futures = [pool.submit(mark, submission, check) for check in checks]
        marks = []
        for done, future in enumerate(futures, 1):
            marks.append(future.result())
            if progress is not None:
                progress(done, len(checks))
    marks += [mark_questions(lab, questions, submission) for questions in lab.questions]
    return Result(lab.slug, tuple(marks), submission.notes, isolation())


def mark(submission: Submission, check: Check) -> Mark:
    """Return what one check gives; its counterexample stays behind, as it holds stand-ins."""
    missing = submission.missing(check.needs)
    if missing is not None:
        return Mark(check.name, 0, check.points, f"{missing}.")
    try:
        return _marked(submission, check)
    except InfrastructureError:
        return _marked(submission, check)  # once more: a machine has its moments


def _marked(submission: Submission, check: Check) -> Mark:
    try:
        with one_cpu(), Host(submission.code()) as host:
            classes = host.classes(check.needs)
            return run_check(submission.lab, check, classes, hidden=True, clock=host.spent)
    except Stopped as stopped:
        return Mark(check.name, 0, check.points, f"the submission {stopped}.")
    except InfrastructureError:
        raise
    except DsvizError as error:  # not loaded, without an option that it should have, and the like
        return Mark(check.name, 0, check.points, f"{error}.")


def mark_questions(lab: Lab, questions: Questions, submission: Submission) -> Mark:
    """Return the points for short answers."""
    try:
        given = answers(submission, questions)
    except DsvizError as error:
        return Mark(questions.name, 0, questions.points, f"{error}.")
    return mark_answers(questions, given)


def mark_answers(questions: Questions, given: Mapping[Any, Any]) -> Mark:
    """Return the points for these answers, with what is wrong about the wrong ones."""
    points, remarks = 0, []
    for item in questions.items:
        wrong = item.wrong(given.get(item.name))
        if wrong is None:
            points += item.points
        else:
            remarks.append(f"{item.name}: {wrong}")
    sentence = "; ".join(remarks) + "." if remarks else "all answers are right."
    return Mark(questions.name, points, questions.points, sentence)
