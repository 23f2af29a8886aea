"""A quiz with an answer for every mistake."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from html import escape
from pathlib import Path
from random import Random

import ipywidgets as widgets

from dsviz.answers import keep
from dsviz.errors import DsvizError, listed
from dsviz.widgets.fallback import TextFallback

_FOLDER = Path(__file__).parent.parent / "quizzes"


def lessons_with_quiz() -> list[str]:
    """Return the slugs of the lessons that have a quiz."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def quiz_source(lesson: str) -> str:
    """Return the text of a lesson's quiz file. Raises DsvizError when there is none."""
    path = _FOLDER / f"{lesson}.toml"
    if not path.is_file():
        raise DsvizError(f"there is no quiz {lesson!r}; there are {listed(lessons_with_quiz())}")
    return path.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Question:
    """A question, its answers in the order shown, and which of them is right."""

    ask: str
    answers: tuple[str, ...]
    why: tuple[str, ...]
    right: int


def questions(lesson: str) -> list[Question]:
    """Return the questions of a lesson; the order of answers is fixed but not that of the file."""
    found = []
    for number, item in enumerate(tomllib.loads(quiz_source(lesson))["question"]):
        order = list(range(len(item["answer"])))
        Random(f"{lesson}/{number}").shuffle(order)
        answers = [item["answer"][i] for i in order]
        found.append(
            Question(
                item["ask"],
                tuple(answer["text"] for answer in answers),
                tuple(answer["why"] for answer in answers),
                order.index(0),
            )
        )
    return found


class Quiz(TextFallback, widgets.VBox):
    """Questions one below the other; each answer gets its own feedback at once."""

    def __init__(self, lesson: str, items: list[Question]) -> None:
        self.lesson, self.items = lesson, items
        self.fields = [_field(item) for item in items]
        self.feedback = [widgets.HTML() for _ in items]
        self.score = widgets.HTML()
        for number, field in enumerate(self.fields):
            field.observe(lambda _, number=number: self.answered(number), "value")
        rows: list[widgets.Widget] = []
        for number, item in enumerate(items):
            head = widgets.HTML(f"<b>{number + 1}.</b> {escape(item.ask)}")
            rows += [head, self.fields[number], self.feedback[number]]
        super().__init__([*rows, self.score])
        self.add_class("dsviz-quiz")

    @classmethod
    def of(cls, lesson: str) -> Quiz:
        """Return the quiz of a lesson. Raises DsvizError when it has none."""
        return cls(lesson, questions(lesson))

    def answered(self, number: int) -> None:
        """Show the feedback for the answer chosen to question `number` (from 0)."""
        item, field = self.items[number], self.fields[number]
        chosen = field.options.index(field.value)
        word = "Right." if chosen == item.right else "Not quite."
        self.feedback[number].value = f"<b>{word}</b> {escape(item.why[chosen])}"
        right = sum(
            f.value == i.answers[i.right] for f, i in zip(self.fields, self.items, strict=True)
        )
        self.score.value = f"{right} of {len(self.items)} right"
        keep(f"{self.lesson}/quiz", right)

    def __repr__(self) -> str:
        lines = [f"Quiz: {len(self.items)} questions"]
        for number, item in enumerate(self.items, 1):
            options = "  ".join(f"{'abcdefgh'[i]}) {text}" for i, text in enumerate(item.answers))
            lines.append(f"{number}. {item.ask}  {options}")
        return "\n".join(lines)


def _field(item: Question) -> widgets.RadioButtons:
    layout = widgets.Layout(width="auto", margin="0 0 0 1em")
    return widgets.RadioButtons(options=list(item.answers), value=None, layout=layout)
