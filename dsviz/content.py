"""What stands beside the lessons as data: quiz, interview cards, items; the map; the glossary.

One file a lesson, ``dsviz/lessons/NN-slug.toml``: nothing of it is written a second time in the
notebook, which only says ``quiz("NN-slug")`` and ``interview("NN-slug")``. `questions` gives each
quiz item an order of its own, so that the file may name the right answer first.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from dsviz.errors import DsvizError, listed

FOLDER = Path(__file__).parent / "lessons"
LEVELS = ("junior", "mid", "senior", "staff")


@dataclass(frozen=True)
class Question:
    """A quiz item: its answers in the order shown, what to say about each, which one is right."""

    id: str
    ask: str
    answers: tuple[str, ...]
    why: tuple[str, ...]
    right: int
    hint: str = ""


@dataclass(frozen=True)
class Card:
    """An interview question with a strong answer, the trap and the question that follows."""

    id: str
    level: str  # one of LEVELS
    ask: str
    strong: str
    trap: str
    follow: str


@dataclass(frozen=True)
class Whiteboard:
    """A design prompt; `levels` says what an answer of level 1, 2, 3 and 4 contains."""

    id: str
    ask: str
    levels: tuple[str, str, str, str]


@dataclass(frozen=True)
class Item:
    """Something the lesson promises to contain, and where it is: for the anatomy lint.

    `cells` are ids of cells in the notebook, `tests` are ``test_file.py::test_name``, `lab` the
    names of checks of the lab, and `wrong` the file of a wrong answer, without ``.py``.
    """

    id: str
    what: str
    cells: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    lab: tuple[str, ...] = ()
    wrong: str = ""


@dataclass(frozen=True)
class Content:
    """All that stands beside one lesson."""

    lesson: str
    title: str
    questions: tuple[Question, ...]
    cards: tuple[Card, ...]
    whiteboards: tuple[Whiteboard, ...]
    items: tuple[Item, ...]


def lessons() -> list[str]:
    """Return the slugs of the lessons that have a file."""
    return sorted(path.stem for path in FOLDER.glob("[0-9][0-9]-*.toml"))


def content(lesson: str) -> Content:
    """Return what stands beside a lesson. Raises DsvizError when it has no file, or a bad one."""
    path = FOLDER / f"{lesson}.toml"
    if not path.is_file():
        raise DsvizError(f"there is no lesson {lesson!r}; there are {listed(lessons())}")
    return parse(lesson, path.read_text(encoding="utf-8"))


def parse(lesson: str, text: str) -> Content:
    """Return the content that a lesson's file describes.

    Raises DsvizError, naming the lesson and the entry, for what is missing or misspelt.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DsvizError(f"dsviz/lessons/{lesson}.toml: {error}") from None
    try:
        return Content(
            lesson,
            data["title"],
            tuple(_question(lesson, n, q) for n, q in enumerate(data.get("question", ()), 1)),
            tuple(Card(id=f"I{n}", **card) for n, card in enumerate(data.get("card", ()), 1)),
            tuple(_whiteboard(n, w) for n, w in enumerate(data.get("whiteboard", ()), 1)),
            tuple(_item(id, item) for id, item in data.get("items", {}).items()),
        )
    except (KeyError, TypeError) as error:
        raise DsvizError(f"dsviz/lessons/{lesson}.toml: {error}") from None


def _question(lesson: str, number: int, item: dict[str, Any]) -> Question:
    order = list(range(len(item["answer"])))
    Random(f"{lesson}/{number - 1}").shuffle(order)
    answers = [item["answer"][i] for i in order]
    return Question(
        f"Q{number}",
        item["ask"],
        tuple(answer["text"] for answer in answers),
        tuple(answer["why"] for answer in answers),
        order.index(0),
        item.get("hint", ""),
    )


def _whiteboard(number: int, item: dict[str, Any]) -> Whiteboard:
    levels = tuple(item["levels"])
    if len(levels) != 4:
        raise TypeError(f"whiteboard {number} has {len(levels)} levels, not 4")
    return Whiteboard(f"W{number}", item["ask"], levels)


def _item(id: str, item: dict[str, Any]) -> Item:
    lists = {name: tuple(value) for name, value in item.items() if isinstance(value, list)}
    return Item(id, **(item | lists))


# The map of all concepts, and the glossary ------------------------------------------------------


@dataclass(frozen=True)
class Concept:
    """One of the twenty: `after` are the numbers it builds on, `helped_by` those nice to know."""

    number: str
    slug: str
    title: str
    line: str
    after: tuple[str, ...]
    helped_by: tuple[str, ...]
    threads: tuple[str, ...]


@cache
def concepts() -> tuple[Concept, ...]:
    """Return the twenty concepts, in the order of their numbers."""
    data = tomllib.loads((FOLDER / "map.toml").read_text(encoding="utf-8"))
    return tuple(
        Concept(
            slug[:2],
            slug,
            one["title"],
            one["line"],
            tuple(one.get("after", ())),
            tuple(one.get("helped_by", ())),
            tuple(name for name, among in data["threads"].items() if slug[:2] in among),
        )
        for slug, one in sorted(data["concept"].items())
    )


@dataclass(frozen=True)
class Term:
    """An entry of the glossary."""

    name: str
    meaning: str
    source: str


@cache
def terms() -> tuple[Term, ...]:
    """Return the glossary in alphabetical order."""
    data = tomllib.loads((FOLDER / "glossary.toml").read_text(encoding="utf-8"))
    found = [Term(name, *entry) for name, entry in data["terms"].items()]
    return tuple(sorted(found, key=lambda term: term.name.lower()))
