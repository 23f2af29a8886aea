"""Interview questions: answer aloud first, then compare; and a whiteboard with four levels."""

from __future__ import annotations

from html import escape
from typing import Any

from dsviz.answers import answer, keep
from dsviz.content import Card, Content, Whiteboard, content
from dsviz.errors import DsvizError
from dsviz.widgets.kit.base import Kit, script

#: What a good answer contains; one point each.
RUBRIC = (
    "its assumptions, said aloud",
    "the right mechanism",
    "a case in which it fails",
    "a number",
    "a trade-off and an alternative",
)


class Interview(Kit):
    """Cards, one open at a time, and below them the whiteboard."""

    _esm = script("interview")
    verbs = ("unfold", "score", "level")

    def __init__(self, about: Content) -> None:
        self.lesson, self.cards, self.boards = about.lesson, about.cards, about.whiteboards
        self.opened: set[str] = set()
        super().__init__()

    @classmethod
    def of(cls, lesson: str) -> Interview:
        """Return the interview corner of a lesson. Raises DsvizError when it has no file."""
        return cls(content(lesson))

    def unfold(self, id: str) -> None:
        """Unfold the strong answer of a card, or the levels of a whiteboard."""
        self._known(id, "IW")
        self.opened.add(id)
        self.refresh()

    def score(self, id: str, met: list[int]) -> None:
        """Keep which points of `RUBRIC` the learner's own answer met (their places)."""
        self._known(id, "I")
        if not set(met) <= set(range(len(RUBRIC))):
            raise DsvizError(f"there are {len(RUBRIC)} points to tick")
        keep(f"{self.lesson}/{id}", sorted(set(met)))
        self.refresh()

    def level(self, id: str, level: int) -> None:
        """Keep the level (1 to 4) that the learner gives the own drawing."""
        self._known(id, "W")
        if level not in (1, 2, 3, 4):
            raise DsvizError("a level is 1, 2, 3 or 4")
        keep(f"{self.lesson}/{id}", level)
        self.refresh()

    def _known(self, id: str, kinds: str) -> None:
        if id[:1] not in kinds or all(id != one.id for one in (*self.cards, *self.boards)):
            raise DsvizError(f"there is no {id!r} here")

    def state(self) -> dict[str, Any]:
        return {
            "rubric": RUBRIC,
            "cards": [self._card(card) for card in self.cards],
            "boards": [self._board(board) for board in self.boards],
        }

    def _card(self, card: Card) -> dict[str, Any]:
        seen = {"id": card.id, "level": card.level, "ask": card.ask}
        met = answer(f"{self.lesson}/{card.id}")
        if card.id in self.opened:
            seen |= {"strong": card.strong, "trap": card.trap, "follow": card.follow}
        return seen | {"met": met if isinstance(met, list) else None}

    def _board(self, board: Whiteboard) -> dict[str, Any]:
        seen: dict[str, Any] = {"id": board.id, "ask": board.ask}
        if board.id in self.opened:
            seen["levels"] = board.levels
        return seen | {"level": answer(f"{self.lesson}/{board.id}")}

    def __repr__(self) -> str:
        asked = [f"{card.id} ({card.level}) {card.ask}" for card in self.cards]
        drawn = [f"{board.id} (whiteboard) {board.ask}" for board in self.boards]
        return "\n".join(["Interview corner: answer aloud, then unfold.", *asked, *drawn])

    def static(self) -> str:
        cards = "".join(
            f"<details><summary><b>{escape(c.ask)}</b> ({c.level})</summary>"
            f"<p>{escape(c.strong)}</p><p><i>Trap:</i> {escape(c.trap)}</p>"
            f"<p><i>Follow-up:</i> {escape(c.follow)}</p></details>"
            for c in self.cards
        )
        boards = "".join(
            f"<details><summary><b>Whiteboard: {escape(b.ask)}</b></summary><ol>"
            + "".join(f"<li>{escape(level)}</li>" for level in b.levels)
            + "</ol></details>"
            for b in self.boards
        )
        return cards + boards
