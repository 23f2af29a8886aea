"""The anatomy of a lesson as rules: each a function that yields one sentence for each problem."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from dsviz.authoring import stored
from dsviz.authoring.lesson_files import OPTIONAL, PARTS, Lesson, images, part_of, words

Rule = Callable[[Lesson], Iterator[str]]

CELLS = (25, 45)
LINES, LINES_AT_MOST, LONG_SHARE = 8, 15, 1 / 3
SETUP_LINES = 4
WORDS = 80
CAPTION = 20  # characters
EXPERIMENT = ("predict", "reveal", "explain", "fix")


def parts_are_named(lesson: Lesson) -> Iterator[str]:
    """Every cell's id begins with the name of a part."""
    for cell in lesson.cells:
        if part_of(cell.get("id", "")) not in PARTS:
            yield f"cell {cell.get('id')}: its id begins with no part ({', '.join(PARTS)})"


def parts_are_in_order(lesson: Lesson) -> Iterator[str]:
    """The parts stand in the order of the anatomy."""
    known = [cell.id for cell in lesson.cells if part_of(cell.get("id", "")) in PARTS]
    for before, after in pairwise(known):
        if PARTS.index(part_of(before)) > PARTS.index(part_of(after)):
            yield f"cell {after} stands after {before}, its part belongs before"


def no_part_is_missing(lesson: Lesson) -> Iterator[str]:
    """Every part is there."""
    for name in PARTS:
        if name not in OPTIONAL and not lesson.part(name):
            yield f"the part {name!r} is missing"


def the_length_is_right(lesson: Lesson) -> Iterator[str]:
    """A lesson has 25 to 45 cells."""
    if not CELLS[0] <= len(lesson.cells) <= CELLS[1]:
        yield f"{len(lesson.cells)} cells, {CELLS[0]} to {CELLS[1]} are right"


def code_is_short(lesson: Lesson) -> Iterator[str]:
    """A code cell has 15 lines at most, and 8 as a rule: two in three have no more."""
    code = [cell for cell in lesson.cells if cell.cell_type == "code"]
    lines = {cell.get("id"): len(cell.source.splitlines()) for cell in code}
    for id, count in lines.items():
        if count > LINES_AT_MOST:
            yield f"cell {id}: {count} lines of code, at most {LINES_AT_MOST}"
    long = [id for id, count in lines.items() if count > LINES]
    if len(long) > LONG_SHARE * len(code):
        names = ", ".join(long)
        yield f"{len(long)} of {len(code)} code cells have more than {LINES} lines: {names}"


def prose_is_short(lesson: Lesson) -> Iterator[str]:
    """A cell of prose has 80 words at most."""
    for cell in lesson.cells:
        if cell.cell_type == "markdown" and part_of(cell.get("id", "")) != "sources":
            count = len(words(cell.source))
            if count > WORDS:
                yield f"cell {cell.get('id')}: {count} words, at most {WORDS}"


def the_hook_says_what_to_expect(lesson: Lesson) -> Iterator[str]:
    """The first cell has the title, the time, what the lesson needs and what it leads to."""
    text = lesson.cells[0].source if lesson.cells else ""
    title = f"# {lesson.slug[:2]} · {lesson.about.title}"
    if not text.startswith(title + "\n"):
        yield f"the first line is not {title!r}"
    for what, pattern in {
        "how many minutes it takes": r"\b\d\d minutes",
        "what it needs": r"\bneeds\b",
        "what it leads to": r"\bleads to\b",
    }.items():
        if not re.search(pattern, text):
            yield f"the hook does not say {what}"


def the_set_up_is_small(lesson: Lesson) -> Iterator[str]:
    """The set-up has at most 4 lines, all of them imports."""
    lines = lesson.code("setup").splitlines()
    if len(lines) > SETUP_LINES:
        yield f"the set-up has {len(lines)} lines, at most {SETUP_LINES}"
    for line in lines:
        if not line.startswith(("from ", "import ")):
            yield f"the set-up does more than import: {line!r}"


def pictures_stand_where_they_help(lesson: Lesson) -> Iterator[str]:
    """The model, the worked run and the law each show a picture."""
    for name in ("model", "worked", "law"):
        if lesson.part(name) and not images(lesson.part(name)):
            yield f"the part {name!r} shows no picture"


def experiments_are_whole(lesson: Lesson) -> Iterator[str]:
    """An experiment is told, predicted, revealed, explained and mended."""
    for name in ("e1", "e2", "e3", "e4"):
        if not lesson.part(name) and name in OPTIONAL:
            continue
        for piece in ("", *EXPERIMENT):
            id = f"{name}-{piece}" if piece else name
            if id not in lesson.by_id:
                yield f"experiment {name[1:]} has no cell {id!r}"


def predictions_stand_before_reveals(lesson: Lesson) -> Iterator[str]:
    """Whatever is revealed was asked for first, and whatever was asked for is revealed."""
    asked, told = _calls(lesson, "predict"), _calls(lesson, "reveal")
    if len(asked) < 3:
        yield f"{len(asked)} predictions, at least 3"
    for name in asked.keys() - told.keys():
        yield f"predict({name!r}) is never revealed"
    for name in told.keys() - asked.keys():
        yield f"reveal({name!r}) was never predicted"
    for name in asked.keys() & told.keys():
        if asked[name] >= told[name]:
            yield f"predict({name!r}) stands after its reveal"
    known = {f"{lesson.slug}/{item.id}" for item in lesson.about.items}
    for name in sorted(asked.keys() - known):
        yield f"predict({name!r}) names no item of dsviz/lessons/{lesson.slug}.toml"


def _calls(lesson: Lesson, function: str) -> dict[str, int]:
    """Return the first cell in which a function is called with each name."""
    found: dict[str, int] = {}
    for number, cell in enumerate(lesson.cells):
        if cell.cell_type == "code":
            for name in re.findall(rf'(?<![\w.]){function}\(\s*"([^"]+)"', cell.source):
                found.setdefault(name, number)
    return found


def the_widgets_are_there(lesson: Lesson) -> Iterator[str]:
    """Missions, interview corner and quiz are shown from the lesson's own file."""
    for name in ("missions", "interview", "quiz"):
        if not re.search(rf'(?<!\w){name}\(\s*"{lesson.slug}"', lesson.code(name)):
            yield f'the part {name!r} does not call {name}("{lesson.slug}", …)'


def pictures_have_captions(lesson: Lesson) -> Iterator[str]:
    """Every picture has a caption that says in words what it shows."""
    for cell in lesson.cells:
        for output in images([cell]):
            caption = "".join(output.data.get("text/plain", ""))
            if len(caption) < CAPTION or caption.startswith("<") or caption[-1] not in ".)":
                yield f"cell {cell.get('id')}: a picture's caption is {caption!r}"


def the_summary_leads_on(lesson: Lesson) -> Iterator[str]:
    """The summary leads to the lab and says what comes next."""
    text = "\n".join(cell.source for cell in lesson.part("summary"))
    lab = f"../labs/{lesson.slug}/{lesson.slug}.ipynb"
    if f"]({lab})" not in text:
        yield f"the summary has no link to {lab}"
    if "Next" not in text:
        yield "the summary does not say what comes next"


def outputs_are_stored(lesson: Lesson) -> Iterator[str]:
    """The notebook was run, stores what it shows, and nothing that differs from run to run."""
    yield from stored.problems(lesson.notebook, lesson.size)
    shown = [c for c in lesson.cells if c.cell_type == "code" and c.get("outputs")]
    if not shown:
        yield "no cell shows anything"


def links_lead_somewhere(lesson: Lesson) -> Iterator[str]:
    """Links to files of the course lead to files that exist."""
    for cell in lesson.cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", cell.source):
                if not (lesson.root / "course" / target).exists():
                    yield f"cell {cell.get('id')}: {target} does not exist"


#: Words that mean too many things alone: see the table in CONTRIBUTING.md.
HOUSE = {
    r"\bmasters?\b|\bslaves?\b": "say leader and follower",
    r"exactly-once delivery": "say exactly-once effects or processing",
    r"(?<!topic )(?<!network )(?<!table )\bpartitions?\b(?! of (topic|table))": (
        "say network partition, topic partition or table partition"
    ),
    r"(?<!eventually )\bconsistent\b": "say linearizable, serializable, convergent or snapshot",
}


def words_mean_one_thing(lesson: Lesson) -> Iterator[str]:
    """Words that mean too many things alone are told apart."""
    for where, text in lesson.prose():
        plain = re.sub(r"`[^`]*`|\]\([^)]*\)|“[^”]*”|\*[^*\n]+\*", " ", text)
        for pattern, advice in HOUSE.items():
            found = re.search(pattern, plain, re.IGNORECASE)
            if found:
                yield f"{where}: {found[0]!r}: {advice}"


def formulas_are_typeset(lesson: Lesson) -> Iterator[str]:
    """A command of a formula begins with one backslash: after two MathJax shows its letters."""
    for cell in lesson.cells:
        for formula in re.findall(r"\$\$.+?\$\$", cell.source, re.DOTALL):
            found = re.search(r"\\\\[A-Za-z,]\w*", formula)
            if found and cell.cell_type == "markdown":
                yield f"cell {cell.get('id')}: {found[0]} has a backslash too many"


RULES: tuple[Rule, ...] = (
    parts_are_named,
    parts_are_in_order,
    no_part_is_missing,
    the_length_is_right,
    code_is_short,
    prose_is_short,
    the_hook_says_what_to_expect,
    the_set_up_is_small,
    pictures_stand_where_they_help,
    experiments_are_whole,
    predictions_stand_before_reveals,
    the_widgets_are_there,
    pictures_have_captions,
    the_summary_leads_on,
    outputs_are_stored,
    links_lead_somewhere,
    words_mean_one_thing,
    formulas_are_typeset,
)
