"""Marking a class: synthetic submissions, here and on a Dask cluster, beside nbgrader's autograde.

Every lab of the course is taken. Its submissions are made of what the tests have: the solution and
other right answers, wrong ones, stronger ones, the unfinished lab, hostile cells, and notebooks
that are broken in some way. No two have the same text.

``make bench ARGS=grading`` takes 40 of each lab, ``python -m benchmarks.grading 300`` a whole class
of each, ``python -m benchmarks.grading 300 04-quorum`` of one.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from benchmarks.table import Row, against, printed, reaching, store
from dsviz.classroom.many import Row as Marked
from dsviz.classroom.many import executor_of, grade_folder, local, notebooks
from dsviz.grading.lab import Lab, all_labs, lab_named

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from labtools import answers, notebook  # noqa: E402

COUNT = 300  # submissions a lab
NBGRADER = 10  # notebooks that nbgrader's own autograde gets as well
#: What is bounded and needs no sandbox to be harmless, by tests/hostile.
HOSTILE = (
    "exits", "endless_cell", "forges_a_mark", "patches_builtins", "prints_a_mark",
    "memory_at_once", "segfault", "closes_files", "equals_everything", "recursion",
)  # fmt: skip

Notebook = dict[str, Any]


def submissions(lab: Lab, count: int = COUNT, seed: int = 1) -> Iterator[tuple[str, str]]:
    """Yield (kind, text of the file), all of them different, in a mixed order."""
    draw = random.Random(f"{seed}/{lab.slug}")
    makers = list(_makers(lab))
    kinds = [makers[number % len(makers)] for number in range(count)]
    draw.shuffle(kinds)
    for number, (kind, make) in enumerate(kinds):
        made = make()
        if isinstance(made, str):
            yield kind, f"{made} {number}"
            continue
        note = {"cell_type": "markdown", "id": "whose", "metadata": {}, "source": f"no. {number}"}
        made["cells"].insert(0, note)
        yield kind, json.dumps(made)


def _makers(lab: Lab) -> Iterator[tuple[str, Callable[[], Notebook | str]]]:
    slug = lab.slug
    master = ROOT / "solutions" / slug / f"{slug}.ipynb"

    def solved() -> Notebook:
        return json.loads(master.read_text(encoding="utf-8"))

    yield "solution", solved
    for kind in ("right", "wrong", "stronger"):
        for answer in answers(kind, slug):
            yield kind, lambda cells=answer.cells: notebook(slug, cells)
    yield "unfinished", lambda: notebook(slug, {})
    first = next(iter(lab.classes.values()))
    for name in HOSTILE:
        text = (ROOT / "tests" / "hostile" / f"{name}.py").read_text(encoding="utf-8")
        yield "hostile", lambda text=text: notebook(slug, {first: text})
    for change in (_missing, _doubled, _split, _no_python, _huge_outputs, _other_kernel):
        yield change.__name__[1:], lambda change=change: change(solved(), first)
    yield "no notebook", lambda: "{ this is not JSON"
    yield "no cells", lambda: '["cells"]'


def _place(made: Notebook, name: str) -> int:
    return next(i for i, cell in enumerate(made["cells"]) if cell["id"] == name)


def _missing(made: Notebook, name: str) -> Notebook:
    del made["cells"][_place(made, name)]
    return made


def _doubled(made: Notebook, name: str) -> Notebook:
    cell = made["cells"][_place(made, name)]
    made["cells"].append({**cell, "id": "copy"})
    return made


def _split(made: Notebook, name: str) -> Notebook:
    """Cut the cell between two methods, as Jupyter's own command does: no half is Python."""
    place = _place(made, name)
    cell = made["cells"][place]
    lines = "".join(cell["source"]).splitlines(keepends=True)
    cut = [i for i, line in enumerate(lines) if line.startswith("    def ")][-1]
    halves = ["".join(lines[:cut]), "".join(lines[cut:])]
    made["cells"][place : place + 1] = [{**cell, "source": half} for half in halves]
    return made


def _no_python(made: Notebook, name: str) -> Notebook:
    made["cells"][_place(made, name)]["source"] = "class Replica(Node:\n    pass"
    return made


def _huge_outputs(made: Notebook, name: str) -> Notebook:
    text = "x" * 2_000_000
    output = {"output_type": "stream", "name": "stdout", "text": text}
    made["cells"][_place(made, name)]["outputs"] = [output]
    return made


def _other_kernel(made: Notebook, name: str) -> Notebook:
    made["metadata"]["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}
    return made


def hand_in(folder: Path, lab: Lab, count: int) -> Counter[str]:
    """Write a lab's submissions as nbgrader would collect them; return how many of each kind."""
    kinds: Counter[str] = Counter()
    for number, (kind, text) in enumerate(submissions(lab, count)):
        place = folder / f"student{number:03}" / lab.slug
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{lab.slug}.ipynb").write_text(text, encoding="utf-8")
        kinds[kind] += 1
    return kinds


def marked(folder: Path, executor: Executor) -> tuple[float, list[Marked]]:
    """Return the seconds that a class took, and what each got."""
    with tempfile.TemporaryDirectory() as out:
        begin = time.monotonic()
        rows = grade_folder(notebooks(folder), folder, Path(out), executor)
        return time.monotonic() - begin, rows


def told(rows: list[Marked]) -> list[tuple[Any, ...]]:
    """Return of each row what must not depend on where it was marked: the points of each check."""
    return [
        (r["file"], r["status"], r["points"], [(c["name"], c["points"]) for c in r["checks"]])
        for r in rows
    ]


def classes(count: int = COUNT, peers: bool = True, slugs: Sequence[str] = ()) -> list[Row]:
    """Return the rows about labs (default: all): notebooks a minute here, on Dask, beside nbgrader.

    Raises DsvizError for a lab that does not exist.
    """
    rows: list[Row] = []
    for lab in [lab_named(slug) for slug in slugs] or all_labs().values():
        with tempfile.TemporaryDirectory() as folder:
            kinds = hand_in(Path(folder), lab, count)
            rows += _class(Path(folder), lab, kinds)
        if peers:
            rows.append(beside_nbgrader(lab))
    return rows


def _class(folder: Path, lab: Lab, kinds: Counter[str]) -> list[Row]:
    from distributed import LocalCluster

    with local(2) as executor:
        here, first = marked(folder, executor)
    # Processes, one task at a time: the judge's own threads are one for each check.
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    )
    with cluster, executor_of(cluster.scheduler_address.replace("tcp", "dask"), 2) as executor:
        there, second = marked(folder, executor)
    count = len(first)
    mixed = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
    same = sum(one == other for one, other in zip(told(first), told(second), strict=True))
    with_mark = sum(row["status"] == "marked" for row in first)
    name = f"{lab.slug}: {count} notebooks"
    return [
        Row(f"{name}, 2 processes", "1/min", 60 * count / here, note=mixed),
        Row(f"{name}, Dask, 2 workers", "1/min", 60 * count / there),
        reaching(f"{name}, same marks there", "notebooks", same, "=", count),
        reaching(f"{name}, with a mark", "notebooks", with_mark, "=", count),
    ]


# nbgrader's own autograde ---------------------------------------------------------------------


def beside_nbgrader(lab: Lab, count: int = NBGRADER) -> Row:
    """Return how many times as many notebooks a minute the judge marks, one after the other.

    nbgrader runs each notebook in a kernel, where the checks are those that the learner sees: fewer
    runs than the judge makes. Only harmless notebooks that it can take: right and wrong answers.
    """
    harmless = [
        text for kind, text in submissions(lab, 4 * count) if kind in ("solution", "right", "wrong")
    ][:count]
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder)
        for number, text in enumerate(harmless):
            place = course / "submitted" / f"s{number:02}" / lab.slug
            place.mkdir(parents=True)
            (place / f"{lab.slug}.ipynb").write_text(text, encoding="utf-8")
        with local(1) as executor:
            ours, _ = marked(course / "submitted", executor)
        theirs = autograde(course, lab)
    number = len(harmless)
    name = f"{lab.slug}: {number} notebooks, one after the other"
    note = "nbgrader runs the visible checks only, without a sandbox"
    return against(
        name, "1/min", 60 * number / ours, 60 * number / theirs, theirs / ours, None, note
    )


def autograde(course: Path, lab: Lab) -> float:
    """Return the seconds that nbgrader, as it comes, takes for what was submitted to a course."""
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    source = course / "source" / lab.slug
    source.mkdir(parents=True)
    text = (ROOT / "solutions" / lab.slug / f"{lab.slug}.ipynb").read_text(encoding="utf-8")
    (source / f"{lab.slug}.ipynb").write_text(text, encoding="utf-8")
    config = Config()
    config.CourseDirectory.root = str(course)
    config.CourseDirectory.course_id = "bench"
    config.CourseDirectory.db_url = f"sqlite:///{course / 'gradebook.db'}"
    config.Execute.timeout = 300
    api = NbGraderAPI(config=config)
    made = api.generate_assignment(lab.slug)
    if not made["success"]:
        raise RuntimeError(made["log"])
    begin = time.monotonic()
    for student in sorted(path.name for path in (course / "submitted").iterdir()):
        done = api.autograde(lab.slug, student, create=True)
        if not done["success"]:
            raise RuntimeError(done["log"])
    return time.monotonic() - begin


if __name__ == "__main__":
    found = classes(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT, slugs=sys.argv[2:])
    print(printed(found))
    store(found, ROOT / "build" / "bench-grading.json")
