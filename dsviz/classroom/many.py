"""Grades a folder of submissions, on this machine or on a Dask cluster, and can be interrupted.

Two ways to lay out the folder are understood, and may be mixed:

* ``STUDENT/…/notebook.ipynb``, nbgrader's own among them: the first folder names the student;
* ``STUDENT.ipynb``: the file names the student.

Every result is stored as soon as it is there, under a key made of what it depends on: a second run
grades only what is new or has changed. Links are not followed.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

from dsviz import __version__
from dsviz.classroom.feedback import page
from dsviz.classroom.work import Task, graded, not_graded
from dsviz.errors import DsvizError
from dsviz.grading.lab import Mark, Result, all_labs
from dsviz.grading.submission import content_of, parsed
from dsviz.grading.variant import variant

Row = dict[str, Any]
Told = Callable[[Row], None]  # is told each row as soon as it is there

SKIP = (".ipynb_checkpoints", "__pycache__")


def notebooks(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield (student, notebook) for every notebook below a folder, in order."""
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in SKIP)
        for name in sorted(files):
            if name.endswith(".ipynb"):
                path = Path(where) / name
                parts = path.relative_to(folder).parts
                yield (parts[0] if len(parts) > 1 else path.stem), path


def task_of(student: str, path: Path, root: Path, secret: str | None) -> tuple[Task | Row, str]:
    """Return what to grade, or a row for a file that cannot be, and the key of its result."""
    file = str(path.relative_to(root))
    content = b""
    try:
        content = content_of(path)
        submission = parsed(content, path)
    except DsvizError as error:
        said = str(error).replace(str(path), file)
        return _refused(student, file, _lab_by_name(path), said), _key(content, student, said)
    seeds = variant(submission.lab, secret, student).hidden_seeds if secret else None
    slug = submission.lab.slug
    task = Task(student, file, slug, submission.cells, submission.notes, seeds)
    return task, _key(content, slug, student, __version__, secret or "")


def _refused(student: str, file: str, lab: str, reason: str) -> Row:
    """A file that is no notebook is worth nothing where its name says which lab it should be."""
    about = {"student": student, "file": file, "lab": lab}
    if not lab:
        return about | not_graded(reason)
    of = all_labs()[lab]
    said = reason.replace(file, "the file") + "."
    result = Result(lab, (Mark("the notebook can be read", 0, of.points, said),))
    html = page(result, of.title, student, file)
    return about | {"status": "marked", "reason": reason, **result.to_dict(), "html": html}


def _lab_by_name(path: Path) -> str:
    names = (path.stem, path.parent.name)
    return next((slug for slug in all_labs() if slug in names), "")


def _key(content: bytes, *words: str) -> str:
    """Return a name for a result that tells nothing of the secret among `words`."""
    return hmac.new("\0".join(words).encode(), content, hashlib.sha256).hexdigest()[:32]


def grade_folder(
    found: Iterable[tuple[str, Path]],
    root: Path,
    out: Path,
    executor: Executor,
    secret: str | None = None,
    told: Told = lambda row: None,
) -> list[Row]:
    """Grade what was `found` below `root`; return the rows in order, and store all of it in `out`.

    `out` gets ``results/`` (one JSON a notebook, by which a second run goes on) and ``feedback/``
    (one page a notebook).
    """
    rows: dict[int, Row] = {}
    waiting: dict[int, tuple[Task, str]] = {}
    for place, (student, path) in enumerate(found):
        task, key = task_of(student, path, root, secret)
        done = stored(out, str(path.relative_to(root)), key)
        if done is None and isinstance(task, Task):
            waiting[place] = (task, key)
            continue
        rows[place] = store(out, key, task) if done is None else done
        told(rows[place])
    for place, row in _run(waiting, executor):
        rows[place] = store(out, waiting[place][1], row)
        told(rows[place])
    return [rows[place] for place in sorted(rows)]


def _run(waiting: dict[int, tuple[Task, str]], executor: Executor) -> Iterator[tuple[int, Row]]:
    """Yield rows as they come. A worker that dies loses its task only, and that is tried again."""
    left: dict[int, Task] = {place: task for place, (task, _) in waiting.items()}
    try:
        futures = {executor.submit(graded, task): place for place, task in left.items()}
        for future in as_completed(futures):
            try:
                yield futures[future], future.result()
                del left[futures[future]]
            except (BrokenExecutor, OSError):
                raise
            except Exception as error:  # the executor's own way to say that a worker died
                reason = f"the worker failed ({type(error).__name__}: {error}); grade it again"
                task = left.pop(futures[future])
                about = {"student": task.student, "file": task.file, "lab": task.lab}
                yield futures[future], about | not_graded(reason)
    except BrokenExecutor:
        for place, task in left.items():
            yield place, _alone(task)


def _alone(task: Task) -> Row:
    """Grade in a pool of its own: what broke the common one breaks nothing else."""
    about = {"student": task.student, "file": task.file, "lab": task.lab}
    try:
        with local(1) as pool:
            return pool.submit(graded, task).result()
    except BrokenExecutor:
        return about | not_graded("the judge's process died over it; grade it by hand")


def results_name(file: str) -> str:
    """Return a flat name for what belongs to a notebook, unique and readable."""
    plain = "".join(c if c.isalnum() or c in "-_." else "_" for c in file.removesuffix(".ipynb"))
    return f"{plain[:80]}-{hashlib.sha256(file.encode()).hexdigest()[:8]}"


def stored(out: Path, file: str, key: str) -> Row | None:
    """Return the row that an earlier run stored for the same content, or None.

    One from before bubblewrap was there is made again.
    """
    try:
        row = json.loads((out / "results" / f"{results_name(file)}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    same = row.get("key") == key and row.get("status") == "marked"
    fit = row.get("isolation") in ("", "bubblewrap") or not shutil.which("bwrap")
    return row if same and fit and (out / row["feedback"]).exists() else None


def store(out: Path, key: str, row: Row) -> Row:
    """Store a row and its page of feedback; return the row with where that is."""
    name = results_name(row["file"])
    row = {**row, "key": key, "feedback": ""}
    html = row.pop("html", None)
    if html is not None:
        row["feedback"] = f"feedback/{name}.html"
        _write(out / row["feedback"], html)
    _write(out / "results" / f"{name}.json", json.dumps(row, indent=1, ensure_ascii=False))
    return row


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole: an interrupted run leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(text, encoding="utf-8", errors="backslashreplace")
    os.replace(scratch, path)


def write_csv(rows: Iterable[Row], path: Path) -> None:
    """Write what happened to each notebook: one line each."""
    names = ("student", "lab", "points", "max", "status", "reason", "file", "feedback")
    _write_lines(path, names, ([row.get(name) for name in names] for row in rows))


def write_grades(rows: Iterable[Row], path: Path) -> None:
    """Write the points: one line a student, one column a lab, as learning platforms import them.

    No mark leaves the place empty. Of several notebooks for one lab the best one counts.
    """
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        own = found.setdefault(row["student"], {})
        if row["status"] == "marked":
            own[row["lab"]] = max(row["points"], own.get(row["lab"], 0))
    labs = sorted({lab for own in found.values() for lab in own})
    lines = ([student, *(own.get(lab) for lab in labs)] for student, own in found.items())
    _write_lines(path, ["student", *labs], lines)


def _write_lines(path: Path, head: Sequence[str], lines: Iterable[Sequence[Any]]) -> None:
    with open(path, "w", encoding="utf-8", newline="", errors="backslashreplace") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows([_cell(value) for value in line] for line in lines)


def _cell(value: Any) -> Any:
    """Return a value that a spreadsheet takes for text, whatever a student calls a file."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return "" if value is None else value


@contextmanager
def local(jobs: int) -> Iterator[Executor]:
    """An executor of `jobs` processes on this machine. When it is left by an error, as by Ctrl-C,
    nothing more is begun and what runs is ended."""
    before = set(active_children())
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_as_worker)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(active_children()) - before:
            process.terminate()
        raise
    pool.shutdown()


def _as_worker() -> None:
    """Leave Ctrl-C to the process that started this one, and end with it, even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()

    def follow() -> None:
        parent.join()
        os._exit(1)

    Thread(target=follow, daemon=True).start()


@contextmanager
def executor_of(where: str, jobs: int) -> Iterator[Executor]:
    """The executor named ``local`` or ``dask://host:port``. Raises DsvizError for another one."""
    if where == "local":
        with local(jobs) as pool:
            yield pool
        return
    scheme, _, address = where.partition("://")
    if scheme != "dask" or not address:
        raise DsvizError(f"--executor {where} is neither local nor dask://HOST:PORT")
    try:
        from distributed import Client
    except ImportError:
        raise DsvizError("a Dask cluster needs: python -m pip install distributed") from None
    try:
        client = Client(f"tcp://{address}", timeout="10s")
    except OSError as error:
        raise DsvizError(f"no Dask scheduler answers at {address} ({error})") from None
    with client:
        yield client.get_executor(pure=False, retries=1)
