"""Grading one submission somewhere else: what goes to a worker is small, plain and has no secret.

A worker runs the judge, never a learner's code: that has processes of its own below the judge.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from dsviz.classroom.feedback import page
from dsviz.errors import DsvizError
from dsviz.grading.grade import grade
from dsviz.grading.lab import Result, lab_named
from dsviz.grading.nursery import InfrastructureError
from dsviz.grading.submission import Submission


@dataclass(frozen=True)
class Task:
    """One notebook to grade: whose it is, its graded cells, and the seeds of this student."""

    student: str
    file: str
    lab: str
    cells: dict[str, str]
    notes: tuple[str, ...]
    seeds: tuple[int, ...] | None = None

    def submission(self) -> Submission:
        """Return what the judge gets."""
        lab = lab_named(self.lab)
        if self.seeds is not None:
            lab = dataclasses.replace(lab, hidden_seeds=self.seeds)
        return Submission(lab, dict(self.cells), self.notes)


def graded(task: Task) -> dict[str, Any]:
    """Return a row of the table, and with it the page of feedback as ``html``.

    Never raises for anything that a submission does.
    """
    submission = task.submission()
    about = {"student": task.student, "file": task.file, "lab": task.lab}
    try:
        result = grade(submission, at_once=1)
    except InfrastructureError as error:
        return about | not_graded(f"{error}; grade it again")
    except DsvizError as error:
        return about | not_graded(str(error))
    html = page(result, submission.lab.title, task.student, task.file)
    return about | marked(result) | {"html": html}


def marked(result: Result) -> dict[str, Any]:
    """Return a result as the part of a row that says what it is worth."""
    return {"status": "marked", "reason": "", **result.to_dict()}


def not_graded(reason: str) -> dict[str, Any]:
    """Return the same where there is no mark."""
    return {
        "status": "not graded",
        "reason": reason,
        "points": None,
        "max": None,
        "checks": [],
        "notes": [],
        "isolation": "",
    }
