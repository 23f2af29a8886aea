"""Every item a lesson promises is declared, numbered without a gap, and where it says it is."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from dsviz.authoring.lesson_files import Lesson, test_names
from dsviz.content import Item

#: How many items of each kind a lesson has at least.
AT_LEAST = {
    "O": 3, "E": 3, "F": 2, "N": 2, "L": 1, "R": 1, "P": 3, "V": 1, "H": 1, "X": 1, "m": 6,
    "Q": 5, "I": 6, "W": 1,
}  # fmt: skip
#: What an item of each kind must say about its place.
NEEDS = {
    "O": ("cells",),
    "E": ("cells", "tests"),
    "F": ("cells",),
    "L": ("cells", "tests"),
    "R": ("cells", "tests"),
    "P": ("cells",),
    "V": ("lab",),
    "H": ("lab",),
    "X": ("lab",),
    "m": ("wrong",),
}


def _ids(lesson: Lesson) -> list[str]:
    about = lesson.about
    shown = [one.id for one in (*about.questions, *about.cards, *about.whiteboards)]
    return [*(item.id for item in about.items), *shown]


def items_are_numbered(lesson: Lesson) -> Iterator[str]:
    """Items have a known letter and are numbered from 1 without a gap."""
    by_letter: dict[str, list[int]] = defaultdict(list)
    for id in _ids(lesson):
        if not re.fullmatch(r"[A-Za-z]\d+", id) or id[0] not in {*AT_LEAST}:
            yield f"item {id}: its id is none of {', '.join(AT_LEAST)} with a number"
        else:
            by_letter[id[0]].append(int(id[1:]))
    for letter, numbers in by_letter.items():
        missing = set(range(1, max(numbers) + 1)) - set(numbers)
        for number in sorted(missing):
            yield f"item {letter}{number} is missing"


def no_item_is_missing(lesson: Lesson) -> Iterator[str]:
    """A lesson has at least so many items of each kind."""
    ids = _ids(lesson)
    for letter, least in AT_LEAST.items():
        for number in range(1, least + 1):
            if f"{letter}{number}" not in ids:
                yield f"item {letter}{number} is missing"


def items_have_a_place(lesson: Lesson) -> Iterator[str]:
    """Every item says where it is."""
    for item in lesson.about.items:
        for name in NEEDS.get(item.id[0], ()):
            if not getattr(item, name):
                yield f"item {item.id} ({item.what}): {name} is missing"
        if item.id[0] == "N" and not (item.cells or item.tests):
            yield f"item {item.id} ({item.what}): cells or tests are missing"


def places_exist(lesson: Lesson) -> Iterator[str]:
    """The cells, tests, checks and files that items name exist."""
    for item in lesson.about.items:
        for problem in _missing(lesson, item):
            yield f"item {item.id} ({item.what}): {problem}"


def _missing(lesson: Lesson, item: Item) -> Iterator[str]:
    yield from (f"there is no cell {id!r}" for id in item.cells if id not in lesson.by_id)
    for test in item.tests:
        file, _, name = test.partition("::")
        if name not in test_names(lesson.root / "tests" / file):
            yield f"there is no test {test}"
    for name in item.lab:
        if name not in _lab_parts(lesson, item.id[0]):
            yield f"the lab has no {_KINDS[item.id[0]]} {name!r}"
    if item.wrong:
        path = f"tests/wrong/{lesson.slug}/{item.wrong}.py"
        if not (lesson.root / path).is_file():
            yield f"there is no {path}"
        elif not item.wrong.startswith(f"{item.id}_"):
            yield f"{path} is not named {item.id}_…"


_KINDS = {"V": "visible check", "H": "hidden check", "X": "question"}


def _lab_parts(lesson: Lesson, letter: str) -> set[str]:
    if lesson.lab is None:
        return set()
    if letter == "X":
        questions = lesson.lab.questions
        return {one.name for one in questions} | {i.name for one in questions for i in one.items}
    return {one.name for one in lesson.lab.checks if one.points and one.visible == (letter == "V")}


RULES = (items_are_numbered, no_item_is_missing, items_have_a_place, places_exist)
