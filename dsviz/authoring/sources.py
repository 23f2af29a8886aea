"""A number that somebody else measured carries a source, and every source can be found."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dsviz.authoring.lesson_files import Lesson, part_of

#: ``[PBS]``, not followed by a link's target.
NAME = re.compile(r"(?<![\]\\!\w])\[([A-Za-z][\w.-]{2,}(?: [\w.-]+)?)\](?!\()")
LINE = re.compile(r"^- \*\*\[([^\]]+)\]\*\* (.+)$", re.MULTILINE)
SAYS_WHERE_FROM = re.compile(
    r"\b(published|measured|reported|documented|documentation|default|survey)\b", re.IGNORECASE
)
NUMBER = re.compile(r"(?<![\w#])\d[\d.,]*(?!\w)")
DATED = re.compile(r"\b(19|20)\d\d\b|^[A-Z]\w+ \d\d? |\b[vV]?\d+\.(\d+|x\b)|\bKIP-\d+|\bRFC \d+")
ENDING = re.compile(r"\n+[-*] |\n+\d+\. |\n\n|(?<=[.!?:])\s+(?=[A-Z*“\[])")
PLACE = re.compile(r"\b(sections?|chapters?|tables?|figures?|pages?) .*")


def listed(lesson: Lesson) -> dict[str, str]:
    """Return the lesson's sources by their short names."""
    return dict(LINE.findall("\n".join(cell.source for cell in lesson.part("sources"))))


def sources_are_listed(lesson: Lesson) -> Iterator[str]:
    """The last cell lists the sources, one a line: ``- **[Name]** who, title, year, where``."""
    if not listed(lesson):
        yield "the last cell lists no sources: - **[Name]** who, title, year or version, where"


def sources_are_dated(lesson: Lesson) -> Iterator[str]:
    """Every source has a year or a version."""
    for name, line in listed(lesson).items():
        if not DATED.search(name + " " + PLACE.sub("", line)):
            yield f"source [{name}] has neither year nor version"


def names_and_lines_agree(lesson: Lesson) -> Iterator[str]:
    """Every source named in the lesson is listed, and every source listed is named."""
    used: dict[str, str] = {}
    for where, text in lesson.prose():
        for name in NAME.findall(re.sub(r"`[^`]*`|\$\$.*?\$\$", " ", text, flags=re.DOTALL)):
            used.setdefault(name, where)
    for name, where in used.items():
        if name not in listed(lesson):
            yield f"{where}: source [{name}] is not listed"
    for name in listed(lesson):
        if name not in used:
            yield f"source [{name}] is listed and never named"


def published_numbers_have_a_source(lesson: Lesson) -> Iterator[str]:
    """A sentence that tells a number and where it is from names the source."""
    for where, text in lesson.prose():
        for sentence in sentences(text):
            if (
                SAYS_WHERE_FROM.search(sentence)
                and _numbers(sentence)
                and not NAME.search(sentence)
            ):
                yield f"{where}: a number without its source: {_short(sentence)}"


def incidents_have_a_source(lesson: Lesson) -> Iterator[str]:
    """What production and the hook tell with a year or a share of 100 names the source."""
    for cell in lesson.cells:
        if part_of(cell.get("id", "")) in ("hook", "production") and cell.cell_type == "markdown":
            for paragraph in re.split(r"\n\n|\n(?=[-*] )", cell.source):
                told = re.search(r"\b(19|20)\d\d\b|\d ?%", paragraph)
                if told and not NAME.search(paragraph):
                    yield f"cell {cell.get('id')}: told without its source: {_short(paragraph)}"


def sentences(text: str) -> list[str]:
    """Split prose into sentences and the lines of lists; code and formulas are left out."""
    plain = re.sub(r"```.*?```|\$\$.*?\$\$|`[^`]*`", " ", text, flags=re.DOTALL)
    return [part for part in ENDING.split(plain) if part and part.strip()]


def _numbers(sentence: str) -> list[str]:
    return NUMBER.findall(NAME.sub(" ", sentence))


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 90 else flat[:89] + "…"


RULES = (
    sources_are_listed,
    sources_are_dated,
    names_and_lines_agree,
    published_numbers_have_a_source,
    incidents_have_a_source,
)
