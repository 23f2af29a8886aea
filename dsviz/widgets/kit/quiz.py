"""A quiz with an answer for every mistake, and a hint after two."""

from __future__ import annotations

from html import escape
from typing import Any

from dsviz.answers import answer, keep
from dsviz.content import Question, content
from dsviz.errors import DsvizError
from dsviz.widgets.kit.base import Kit, script

LETTERS = "abcdefgh"
HINT_AFTER = 2  # wrong answers


class Quiz(Kit):
    """Questions one below the other; each answer gets its own feedback at once."""

    _esm = script("quiz")
    verbs = ("choose", "again")

    def __init__(self, lesson: str, items: tuple[Question, ...]) -> None:
        self.lesson, self.items = lesson, items
        #: For each question the answers tried, as places in the order shown.
        self.tried: list[list[int]] = [self._kept(item) for item in items]
        super().__init__()

    @classmethod
    def of(cls, lesson: str) -> Quiz:
        """Return the quiz of a lesson. Raises DsvizError when it has none."""
        return cls(lesson, content(lesson).questions)

    def _kept(self, item: Question) -> list[int]:
        kept = answer(f"{self.lesson}/{item.id}")
        known = [item.answers.index(t) for t in kept or () if t in item.answers]
        return known if isinstance(kept, list) else []

    def choose(self, number: int, place: int) -> None:
        """Answer question `number` (from 0) with the answer at `place` (from 0)."""
        if not 0 <= number < len(self.items) or not 0 <= place < len(self.items[number].answers):
            raise DsvizError(f"there is no answer {place} to question {number}")
        if place not in self.tried[number]:
            self.tried[number].append(place)
            self._keep(number)
        self.refresh()

    def again(self) -> None:
        """Forget all answers to this quiz."""
        self.tried = [[] for _ in self.items]
        for number in range(len(self.items)):
            self._keep(number)
        self.refresh()

    def _keep(self, number: int) -> None:
        item = self.items[number]
        keep(f"{self.lesson}/{item.id}", [item.answers[place] for place in self.tried[number]])

    @property
    def right(self) -> int:
        """How many questions have been answered right, whatever was tried before."""
        return sum(i.right in tried for i, tried in zip(self.items, self.tried, strict=True))

    def feedback(self, number: int) -> list[dict[str, Any]]:
        """Return what to say about each answer tried to question `number`, the last one first."""
        item = self.items[number]
        return [
            {"place": p, "right": p == item.right, "why": item.why[p]}
            for p in reversed(self.tried[number])
        ]

    def hint(self, number: int) -> str:
        """Return the hint of question `number` once it was missed twice."""
        item, tried = self.items[number], self.tried[number]
        missed = item.right not in tried and len(tried) >= HINT_AFTER
        return item.hint if missed else ""

    def state(self) -> dict[str, Any]:
        return {
            "lesson": self.lesson,
            "items": [
                {
                    "id": item.id,
                    "ask": item.ask,
                    "answers": item.answers,
                    "said": self.feedback(number),
                    "hint": self.hint(number),
                    "done": item.right in self.tried[number],
                }
                for number, item in enumerate(self.items)
            ],
            "right": self.right,
        }

    def __repr__(self) -> str:
        lines = [f"Quiz: {len(self.items)} questions"]
        for number, item in enumerate(self.items, 1):
            options = "  ".join(f"{LETTERS[i]}) {text}" for i, text in enumerate(item.answers))
            lines.append(f"{number}. {item.ask}  {options}")
        return "\n".join(lines)

    def static(self) -> str:
        return "".join(_static(item) for item in self.items)


def _static(item: Question) -> str:
    answers = "".join(f"<li>{escape(text)}</li>" for text in item.answers)
    whys = "".join(
        f"<li>{'<b>Right.</b>' if place == item.right else 'No.'} {escape(why)}</li>"
        for place, why in enumerate(item.why)
    )
    return (
        f"<p><b>{item.id[1:]}.</b> {escape(item.ask)}</p><ol type='a'>{answers}</ol>"
        f"<details><summary>Answer</summary><ol type='a'>{whys}</ol></details>"
    )
