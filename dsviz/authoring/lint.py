"""``python -m dsviz.authoring.lint [NN-slug …]``: check lessons against the anatomy.

A lesson that still says "not yet written" is refused with the list of what is left; the rules about
content are looked at when it is written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from dsviz.authoring import anatomy, items, sources
from dsviz.authoring.lesson_files import UNWRITTEN, Lesson, all_slugs, read
from dsviz.errors import DsvizError

RULES: tuple[anatomy.Rule, ...] = (*anatomy.RULES, *items.RULES, *sources.RULES)

#: What holds from the first day of a lesson.
SKELETON = (anatomy.parts_are_named, anatomy.parts_are_in_order, anatomy.outputs_are_stored)


def everything_is_written(lesson: Lesson) -> Iterator[str]:
    """Nothing says "not yet written" any more."""
    for cell in lesson.cells:
        if UNWRITTEN in cell.source.lower():
            yield f"to do: course/{lesson.slug}.ipynb, cell {cell.get('id')}"
    for name, text in lesson.texts.items():
        count = text.lower().count(UNWRITTEN)
        if count:
            yield f"to do: {name}" + (f" ({count} places)" if count > 1 else "")


def problems(lesson: Lesson) -> list[str]:
    """Return what is wrong with a lesson, a sentence each."""
    left = list(everything_is_written(lesson))
    rules = SKELETON if left else RULES
    return [*left, *(text for rule in rules for text in rule(lesson))]


def main(slugs: list[str]) -> int:
    """Check the lessons named, or all of them; print what is wrong; return 1 if anything is."""
    bad = 0
    for slug in slugs or all_slugs():
        try:
            found = problems(read(slug))
        except DsvizError as error:
            found = [str(error)]
        bad += len(found)
        for text in found:
            print(f"{slug}: {text}")
    count = len(slugs or all_slugs())
    print(f"{count} lesson{'s' * (count != 1)}, {len(RULES) + 1} rules, {bad or 'no'} problems")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
