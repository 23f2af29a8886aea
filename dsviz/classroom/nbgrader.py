"""nbgrader with this judge: it keeps the exchange, the gradebook and the forms; we give the marks.

nbgrader's own autograding runs a student's notebook in a kernel and believes what it prints. Here
`JudgeExecute` stands in place of its `Execute`: nothing of the notebook is run, the judge marks
the graded cells of the file that was handed in, and the outputs that nbgrader reads the points
from are written by us. What nbgrader itself gets to see is made by `dsviz.classroom.handed_in`.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbformat.v4 import new_output
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearSolutions,
    IgnorePattern,
    LimitOutput,
    SaveAutoGrades,
)
from nbgrader.preprocessors.base import NbGraderPreprocessor
from traitlets import Unicode

from dsviz.classroom.handed_in import SubmissionExporter
from dsviz.errors import DsvizError
from dsviz.grading.grade import grade
from dsviz.grading.lab import Lab, Mark, table
from dsviz.grading.release import STUB, ClearLabSolutions
from dsviz.grading.submission import Submission, read_submission
from dsviz.grading.variant import read_secret, variant


class JudgeExecute(NbGraderPreprocessor):
    """Writes the judge's marks into the graded cells of a notebook, and runs none of it."""

    secret = Unicode("", help="file of the course secret: hidden seeds of each student's own").tag(
        config=True
    )

    def preprocess(self, nb: Any, resources: dict) -> tuple[Any, dict]:
        """Mark a notebook. Raises `InfrastructureError` when it cannot be judged: try again."""
        about = resources["nbgrader"]
        try:
            submission = self._handed_in(about)
        except DsvizError as error:
            return self._filled(nb, None, [], f"{error}."), resources
        if self.secret:
            lab = variant(submission.lab, read_secret(Path(self.secret)), about["student"])
            submission = dataclasses.replace(submission, lab=lab)
        result = grade(submission)
        notes = ". ".join(result.notes)
        return self._filled(nb, submission.lab, list(result.marks), notes), resources

    def _handed_in(self, about: dict[str, str]) -> Submission:
        """Read the file itself, as `dsviz grade` does, and not what nbgrader has made of it."""
        course = self.parent.parent.coursedir
        where = (course.submitted_directory, about["student"], about["assignment"])
        path = Path(course.format_path(*where)) / f"{about['notebook']}.ipynb"
        try:
            submission = read_submission(path)
        except DsvizError as error:
            raise DsvizError(str(error).replace(str(path), path.name)) from None
        if submission.lab.slug != about["assignment"]:
            raise DsvizError(
                f"this is the notebook of {submission.lab.slug}, not of {about['assignment']}"
            )
        return submission

    def _filled(self, nb: Any, lab: Lab | None, marks: list[Mark], said: str) -> Any:
        asked = {question.name: question.cell for question in lab.questions} if lab else {}
        for cell in nb.cells:
            about = cell.metadata.get("nbgrader", {})
            if cell.cell_type != "code":
                continue
            cell.outputs = []
            if not about.get("grade"):
                continue
            subject = str(about.get("grade_id", "")).removeprefix("check-")
            own = [m for m in marks if subject == asked.get(m.name, "all")]
            cell.outputs = _outputs(own, said)
        return nb


def _outputs(marks: list[Mark], said: str) -> list[Any]:
    """Return what nbgrader reads the points from, and people the reasons."""
    text = "\n\n".join(part for part in (table(marks) if marks else "", said) if part)
    shown = [new_output("stream", name="stdout", text=text + "\n")]
    points = sum(mark.points for mark in marks)
    if points:
        shown.append(new_output("execute_result", data={"text/plain": str(points)}))
    else:
        shown.append(new_output("error", ename="NoPoints", evalue="0 points", traceback=[]))
    return shown


def configure(c: Any, course: Path, name: str = "dsviz") -> None:
    """Set nbgrader up for a course in the folder `course`; see its ``nbgrader_config.py``."""
    c.CourseDirectory.root = str(course)
    c.CourseDirectory.course_id = name
    c.CourseDirectory.db_url = f"sqlite:///{course / 'gradebook.db'}"
    c.ClearSolutions.code_stub = {"python": STUB}
    c.ClearLabSolutions.code_stub = {"python": STUB}
    steps = GenerateAssignment.preprocessors.default_args[0]
    c.GenerateAssignment.preprocessors = [
        ClearLabSolutions if step is ClearSolutions else step for step in steps
    ]
    c.OverwriteCells.add_missing_cells = True
    c.Autograde.exporter_class = SubmissionExporter
    c.Autograde.autograde_preprocessors = [
        JudgeExecute,
        IgnorePattern,
        ClearMetadataPreprocessor,
        LimitOutput,
        SaveAutoGrades,
        AssignLatePenalties,
        CheckCellMetadata,
    ]
    c.LimitOutput.max_lines = 200
    c.JudgeExecute.secret = str(course / "course.secret")
