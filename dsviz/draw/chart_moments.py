"""Moments with a name, on a picture whose time goes to the right: one rule for all charts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dsviz.draw.figure import Sheet
from dsviz.draw.measure import text_width

SIZE = 10.5
GAP = 10.0  # px between the words of two moments


def draw_moments(
    sheet: Sheet,
    marks: Mapping[float, str],
    x: Callable[[float], float],
    *,
    words_y: float,
    line: tuple[float, float],
    left: float = 0.0,
    z: float = 2,
) -> None:
    """Draw a dashed line for each moment (ms: its name), with the name above it.

    `x` places a moment, `line` is the line's (top, bottom), `words_y` the middle of the names'
    row, which is free from `left` to the sheet's right edge; all in px. A name that would touch
    the one before moves to the right; where no room is left, the line stands alone.
    """
    free = left
    for time, words in sorted(marks.items()):
        place = x(time)
        sheet.line([(place, line[0]), (place, line[1])], colour="violated", width=1.4,
                   dash=(4, 3), z=z)  # fmt: skip
        half = text_width(words, SIZE, True) / 2
        middle = min(max(place, free + half), sheet.width - half)
        if middle - half < free:
            continue
        sheet.text(middle, words_y, words, size=SIZE, bold=True, colour="violated")
        free = middle + half + GAP
