"""``make new LESSON=NN-slug``: all files of a lesson from templates; nothing is overwritten.

What it makes runs, is tested and is green from the first day, except for `dsviz.authoring.lint`,
which lists what is not yet written.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from string import Template

import nbformat

from dsviz.authoring.execute import execute
from dsviz.authoring.lesson_files import ROOT
from dsviz.content import concepts
from dsviz.errors import DsvizError

TEMPLATES = Path(__file__).with_name("templates")
SLUG = re.compile(r"\d\d-[a-z][a-z0-9]*(-[a-z0-9]+)*")


def places(slug: str) -> dict[str, str]:
    """Return for each template the file that is made of it, relative to the repository."""
    name = slug[3:].replace("-", "_")
    return {
        "lesson.ipynb.txt": f"course/{slug}.ipynb",
        "content.toml.txt": f"dsviz/lessons/{slug}.toml",
        "system.py.txt": f"dsviz/systems/{name}.py",
        "test_systems.py.txt": f"tests/test_systems_{name}.py",
        "lab.ipynb.txt": f"solutions/{slug}/{slug}.ipynb",
        "lab.py.txt": f"dsviz/grading/labs/{name}.py",
        "test_lab.py.txt": f"tests/test_lab_{slug.replace('-', '_')}.py",
        "wrong.py.txt": f"tests/wrong/{slug}/m1_answers_before_sync.py",
    }


def new(slug: str, root: Path = ROOT) -> list[Path]:
    """Write the files of a lesson and return them; notebooks are not run yet.

    Raises DsvizError for a slug that is none, and when one of the files exists already: then
    nothing is written at all.
    """
    if not SLUG.fullmatch(slug):
        raise DsvizError(f"LESSON={slug!r} must look like 19-log-based-storage")
    files = {template: root / place for template, place in places(slug).items()}
    there = [str(path.relative_to(root)) for path in files.values() if path.exists()]
    if there:
        raise DsvizError(f"nothing was written, because these exist: {', '.join(there)}")
    words = _words(slug)
    for template, path in files.items():
        text = Template((TEMPLATES / template).read_text(encoding="utf-8")).substitute(words)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".ipynb":
            own = {"lesson": slug} if template == "lesson.ipynb.txt" else {"lab": slug}
            nbformat.write(_notebook(text, own), path)
        else:
            path.write_text(text, encoding="utf-8")
    return list(files.values())


def _words(slug: str) -> dict[str, str]:
    known = next((one for one in concepts() if one.slug == slug), None)
    title = known.title if known else slug[3:].replace("-", " ").capitalize()
    leads = [one.number for one in concepts() if slug[:2] in one.after]
    return {
        "slug": slug,
        "number": slug[:2],
        "name": slug[3:].replace("-", "_"),
        "title": title,
        "needs": _listed(known.after if known else ()) or "nothing",
        "leads": _listed(leads) or "what you build next",
    }


def _listed(numbers: Sequence[str]) -> str:
    *most, last = numbers or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _notebook(text: str, own: dict[str, str]) -> nbformat.NotebookNode:
    """Make a notebook of text in which ``%% kind id option`` begins a cell."""
    made = nbformat.v4.new_notebook()
    made.metadata["dsviz"] = own
    for part in text.split("%% ")[1:]:
        head, _, source = part.partition("\n")
        kind, id, *options = head.split()
        cell = getattr(nbformat.v4, f"new_{kind}_cell")(source.strip("\n"))
        cell["id"] = id
        if options:
            cell.metadata["nbgrader"] = _nbgrader(id, *options)
        made.cells.append(cell)
    return made


def _nbgrader(id: str, kind: str, points: str = "") -> dict[str, object]:
    about: dict[str, object] = {
        "grade": kind == "grade",
        "grade_id": id,
        "locked": kind != "solution",
        "schema_version": 3,
        "solution": kind == "solution",
        "task": False,
    }
    return about | ({"points": int(points)} if points else {})


def main(arguments: list[str]) -> int:
    """Make a lesson, run its notebooks, cut its lab, and say what comes next."""
    if len(arguments) != 1:
        print("say which lesson: make new LESSON=19-log-based-storage", file=sys.stderr)
        return 2
    slug = arguments[0]
    try:
        made = new(slug)
    except DsvizError as error:
        print(error, file=sys.stderr)
        return 1
    for path in made:
        print(path.relative_to(ROOT))
        if path.suffix == ".ipynb":
            execute(path)
    from dsviz.grading.release import release

    release(ROOT / "solutions", ROOT / "labs")
    print(f"labs/{slug}/{slug}.ipynb\n\nNow write it: `make lint` lists what is left.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
