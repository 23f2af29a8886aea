"""``python -m dsviz grade``: one notebook, or folders of submissions."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from dsviz.classroom.feedback import page
from dsviz.classroom.many import Row, executor_of, grade_folder, notebooks, write_csv, write_grades
from dsviz.errors import DsvizError
from dsviz.grading.grade import grade
from dsviz.grading.lab import Result, table
from dsviz.grading.submission import read_submission
from dsviz.grading.variant import read_secret, variant


def grade_file(
    path: Path | str,
    as_json: bool,
    html: Path | None = None,
    secret: Path | None = None,
    student: str = "",
) -> int:
    """Grade one notebook and print the result; return the exit status.

    0 when it could be graded, whatever the points; 2, with one sentence on stderr, when the file
    is not the notebook of a lab or the machine does not let it be judged. `html` is where to write
    the page of feedback. With a course `secret`, the hidden seeds are those of `student`.
    """
    try:
        submission = read_submission(Path(path))
        if secret is not None:
            lab = variant(submission.lab, read_secret(secret), student)
            submission = dataclasses.replace(submission, lab=lab)
        result = grade(submission, _progress if sys.stderr.isatty() else None)
    except DsvizError as error:
        print(f"dsviz grade: {error}", file=sys.stderr)
        return 2
    if html is not None:
        made = page(result, submission.lab.title, student or "feedback", Path(path).name)
        html.write_text(made, encoding="utf-8", errors="backslashreplace")
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
    lines = [head, "", table(result.marks), *([""] if notes else []), *notes]
    if not result.isolation.startswith("bubblewrap") or "," in result.isolation:
        lines += ["", f"A practice result, not for marks: {lacking(result.isolation)}."]
    return "\n".join(lines)


def lacking(isolation: str) -> str:
    """Say which protection is missing at this level of isolation; see `dsviz.grading.judge`."""
    if not isolation:
        return "nothing was run"
    reach = "read files"
    if "without a filter" in isolation:
        reach = "read files and reach the network"
    if "does not start" in isolation:
        return (
            "bubblewrap is installed but may not start here (Ubuntu 24.04 needs its AppArmor "
            "profile, a container the right to make user namespaces), so a submission can "
            f"{reach}"
        )
    if not isolation.startswith("bubblewrap"):
        return (
            f"without bubblewrap a submission can {reach}; "
            "on Linux install it (Debian, Ubuntu, Fedora: the package bubblewrap)"
        )
    if "filter" in isolation:
        return "system calls cannot be filtered here, so nodes can reach each other in secret"
    return "the number of processes is not limited when the grader runs as root here"


def grade_folders(
    folders: Sequence[Path],
    out: Path,
    where: str = "local",
    jobs: int | None = None,
    secret: Path | None = None,
    lab: str | None = None,
    as_json: bool = False,
) -> int:
    """Grade folders of submissions into `out`; return 0, or 1 when something got no mark.

    Prints a table, or the rows as JSON. Raises DsvizError when there is nothing to grade.
    """
    jobs = jobs or len(getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0))
    key = None if secret is None else read_secret(secret)
    found = {root: _of_lab(root, lab) for root in folders}
    total = sum(map(len, found.values()))
    rows: list[Row] = []
    bar = tqdm(total=total, unit="notebook", disable=None)  # None: only on a terminal
    done = 0

    def tell(_: Row) -> None:
        nonlocal done
        done += 1
        bar.update()

    try:
        with bar, executor_of(where, jobs) as executor:
            for root in folders:
                rows += grade_folder(found[root], root, out, executor, key, tell)
    except KeyboardInterrupt:
        print(
            f"stopped: {done} of {total} notebooks are done and kept in {out / 'results'}; "
            "the same command goes on from there",
            file=sys.stderr,
        )
        return 130
    out.mkdir(parents=True, exist_ok=True)
    write_csv(rows, out / "marks.csv")
    write_grades(rows, out / "grades.csv")
    plain = [{k: v for k, v in row.items() if k != "key"} for row in rows]
    text = json.dumps(plain, indent=1, ensure_ascii=False)
    (out / "marks.json").write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    print(text if as_json else summary(rows, out))
    return int(any(row["status"] != "marked" for row in rows))


def _of_lab(root: Path, lab: str | None) -> list[tuple[str, Path]]:
    """Return (student, notebook) for each notebook of a lab below a folder; without one, for all.

    Raises DsvizError when there is none.
    """
    found = [(s, p) for s, p in notebooks(root) if lab is None or lab in (p.stem, *p.parts)]
    if not found:
        raise DsvizError(f"there are no notebooks{' of ' + lab if lab else ''} in {root}")
    return found


def summary(rows: Sequence[Row], out: Path) -> str:
    """Return a table of students and points, then what deserves a look."""
    width = max((len(row["student"]) for row in rows), default=7)
    lines = []
    for row in rows:
        got = "-" if row["points"] is None else f"{row['points']}/{row['max']}"
        said = row["reason"] or "; ".join(row["notes"]) or _first_failed(row)
        said = said if len(said) <= 90 else said[:87] + "..."
        lines.append(f"{row['student']:<{width}}  {row['lab']:<24}  {got:>6}  {said}")
    counts = Counter(row["status"] for row in rows)
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    levels = {row["isolation"] for row in rows if row["isolation"]}
    lines += [
        "",
        f"{len(rows)} notebooks: {told}.",
        f"Points for a learning platform: {out / 'grades.csv'}; reasons: {out / 'marks.csv'}; "
        f"pages: {out / 'feedback'}",
    ]
    for level in sorted(levels):
        if level != "bubblewrap":
            lines.append(f"Practice results, not for marks ({level}): {lacking(level)}.")
    return "\n".join(lines)


def _first_failed(row: Row) -> str:
    failed = [check for check in row["checks"] if not check["ok"]]
    return failed[0]["sentence"] if failed else "every check passed"
