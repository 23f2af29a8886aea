"""``python -m dsviz grade NOTEBOOK``: a table for people, or JSON for programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dsviz.errors import DsvizError
from dsviz.grading.grade import grade
from dsviz.grading.lab import Result, table
from dsviz.grading.submission import read_submission


def grade_file(path: Path | str, as_json: bool) -> int:
    """Grade one notebook and print the result; return the exit status.

    0 when it could be graded, whatever the points; 2, with one sentence on stderr, when the file
    is not the notebook of a lab or the machine does not let it be judged.
    """
    try:
        result = grade(read_submission(Path(path)), _progress if sys.stderr.isatty() else None)
    except DsvizError as error:
        print(f"dsviz grade: {error}", file=sys.stderr)
        return 2
    if as_json:
        print(json.dumps(result.to_dict(), indent=2, ensure_ascii=False))
    else:
        print(as_text(result))
    return 0


def _progress(done: int, total: int) -> None:
    end = "\n" if done == total else ""
    print(f"\r{done} of {total} checks", end=end, file=sys.stderr, flush=True)


def as_text(result: Result) -> str:
    """Return a result for people."""
    head = f"{result.lab}: {result.points} of {result.max} points"
    notes = [f"note: {note}" for note in result.notes]
    return "\n".join([head, "", table(result.marks), *([""] if notes else []), *notes])
