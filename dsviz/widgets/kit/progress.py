"""How far the learner is in a lesson, from what is kept."""

from __future__ import annotations

from dataclasses import dataclass

from dsviz.answers import kept
from dsviz.content import Content, content, lessons


@dataclass(frozen=True)
class Progress:
    """Counts (done, of) for what a lesson asks."""

    predictions: tuple[int, int]
    quiz: tuple[int, int]
    interview: tuple[int, int]

    @property
    def share(self) -> float:
        """0 to 1, every thing asked counting the same."""
        pairs = (self.predictions, self.quiz, self.interview)
        return sum(done for done, _ in pairs) / max(sum(of for _, of in pairs), 1)


def progress(lesson: str) -> Progress | None:
    """Return how far the learner is, None for a lesson that is not there yet."""
    if lesson not in lessons():
        return None
    return counted(content(lesson), kept(f"{lesson}/"))


def counted(about: Content, answers: dict[str, object]) -> Progress:
    """Return the counts for a lesson with these answers, by full name."""
    given = {name.partition("/")[2]: value for name, value in answers.items()}
    asked = [item.id for item in about.items if item.id[0] == "E" and item.id[1:].isdigit()]
    right = 0
    for item in about.questions:
        tried = given.get(item.id)
        right += isinstance(tried, list) and item.answers[item.right] in tried
    talked = [one.id for one in (*about.cards, *about.whiteboards)]
    return Progress(
        (sum(id in given for id in asked), len(asked)),
        (right, len(about.questions)),
        (sum(id in given for id in talked), len(talked)),
    )
