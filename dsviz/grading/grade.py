"""Marks a submission: every check in the judge's process, every node in one of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
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
    submission: Submission, progress: Progress | None = None, at_once: int = AT_ONCE
) -> Result:
    """Return what a submission is worth, with `at_once` checks running at the same time.

    Raises `nursery.InfrastructureError` when the machine does not let it judge; that is no mark.
    """
    lab = submission.lab
    checks = [check for check in lab.checks if check.points]
    left = iter(enumerate(checks))  # shared: each thread takes the next one
    marks: dict[int, Mark] = {}

    def work() -> None:
        with Bench(submission) as bench:
            for place, check in left:
                marks[place] = bench.mark(check)
                if progress is not None:
                    progress(len(marks), len(checks))

    with ThreadPoolExecutor(at_once) as pool:
        for future in [pool.submit(work) for _ in range(min(at_once, len(checks)))]:
            future.result()
    answered = [mark_questions(lab, questions, submission) for questions in lab.questions]
    found = [marks[place] for place in sorted(marks)] + answered
    return Result(lab.slug, tuple(found), submission.notes, isolation())


def mark(submission: Submission, check: Check) -> Mark:
    """Return what one check gives; its counterexample stays behind, as it holds stand-ins."""
    with Bench(submission) as bench:
        return bench.mark(check)


class Bench:
    """Where one thread marks a submission, check by check, on one processor.

    The first process, which forks all others and runs nothing of the submission, serves all of
    them: starting one takes as long as some ten runs.
    """

    def __init__(self, submission: Submission) -> None:
        self._submission = submission
        self._host: Host | None = None
        self._processor = one_cpu()

    def mark(self, check: Check) -> Mark:
        """Return what one check gives. Raises InfrastructureError."""
        missing = self._submission.missing(check.needs)
        if missing is not None:
            return Mark(check.name, 0, check.points, f"{missing}.")
        try:
            return self._marked(check)
        except InfrastructureError:
            self._end()
            return self._marked(check)  # once more: a machine has its moments

    def _marked(self, check: Check) -> Mark:
        lab = self._submission.lab
        try:
            if self._host is None:
                self._host = Host(self._submission.code())
            host = self._host
            classes, clock = host.classes(check.needs), host.stopwatch()
            return run_check(lab, check, classes, hidden=True, clock=clock, runner=host.ahead)
        except Stopped as stopped:
            return Mark(check.name, 0, check.points, f"the submission {stopped}.")
        except InfrastructureError:
            raise
        except DsvizError as error:  # not loaded, without an option that it should have, …
            return Mark(check.name, 0, check.points, f"{error}.")
        finally:
            if self._host is not None:
                self._host.end_check()

    def _end(self) -> None:
        host, self._host = self._host, None
        if host is not None:
            host.close()

    def __enter__(self) -> Bench:
        self._processor.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._end()
        finally:
            self._processor.__exit__(None, None, None)


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
