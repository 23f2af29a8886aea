"""How much room texts and shapes take on a sheet, in px; and the paths of simple shapes."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path as File
from typing import Any

from matplotlib import get_data_path
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom in px

# Text -----------------------------------------------------------------------------------------


@cache
def font(bold: bool = False) -> FontProperties:
    """Return the font that matplotlib brings along: the same on every machine."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return FontProperties(fname=File(get_data_path()) / "fonts" / "ttf" / name)


@lru_cache(maxsize=8192)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return how wide a line of text is, in px."""
    # Measured large, so that hinting does not matter, and scaled down.
    properties = font(bold).copy()
    properties.set_size(72)
    width = _ruler().get_text_width_height_descent(text, properties, False)[0]
    return width * size / 100


@cache
def _ruler() -> Any:
    return FigureCanvasAgg(Figure(figsize=(1, 1), dpi=100)).get_renderer()


def fit(text: str, width: float, size: float, bold: bool = False) -> str:
    """Return `text`, cut with an ellipsis when it is wider than `width` px."""
    if text_width(text, size, bold) <= width:
        return text
    while text and text_width(text + "…", size, bold) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def wrap(text: str, width: float, size: float, bold: bool = False) -> list[str]:
    """Return `text` as lines no wider than `width` px; a longer word is cut."""
    lines, line = [], ""
    for word in _unbroken(text.split()):
        longer = f"{line} {word}".strip()
        if line and text_width(longer, size, bold) > width:
            lines.append(line)
            longer = word
        line = fit(longer, width, size, bold)
    return [*lines, line] if line else lines


def _unbroken(words: list[str]) -> list[str]:
    """Join what must stay on one line: ``N = 3``, ``100 ms``, ``k1 → r2``."""
    joined: list[str] = []
    for word in words:
        last = joined[-1].split()[-1] if joined else ""
        if joined and (word.rstrip(".,;:)") in _BEFORE or last in _AFTER):
            joined[-1] += f" {word}"
        else:
            joined.append(word)
    return joined


_AFTER = {"=", "+", ">", "→", "≥", "≤"}
_BEFORE = _AFTER | {"ms", "%"}


def pill_box(x: float, y: float, text: str, size: float = 11, bold: bool = True) -> Box:
    """Return the box of a pill centred on a point."""
    half, high = text_width(text, size, bold) / 2 + size * 0.7, size * 0.87
    return (x - half, y - high, x + half, y + high)


ARC = 0.5523  # where the control points of a quarter circle lie


# Paths ----------------------------------------------------------------------------------------


def circle(x: float, y: float, radius: float) -> Path:
    """Return a circle."""
    return Path.circle((x, y), radius)


def round_box(box: Box, radius: float) -> Path:
    """Return a rectangle with round corners."""
    left, top, right, bottom = box
    r = min(radius, (right - left) / 2, (bottom - top) / 2)
    if r <= 0:
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        return Path(corners, closed=True)
    points, codes = [(left + r, top)], [Path.MOVETO]
    turns = (
        ((right - r, top), (right, top), (right, top + r)),
        ((right, bottom - r), (right, bottom), (right - r, bottom)),
        ((left + r, bottom), (left, bottom), (left, bottom - r)),
        ((left, top + r), (left, top), (left + r, top)),
    )
    for start, corner, end in turns:
        first, second = (
            (p[0] + (corner[0] - p[0]) * ARC, p[1] + (corner[1] - p[1]) * ARC) for p in (start, end)
        )
        points += [start, first, second, end]
        codes += [Path.LINETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    return Path([*points, points[0]], [*codes, Path.CLOSEPOLY])


def overlap(one: Box, other: Box, gap: float = 0.0) -> bool:
    """Tell whether two boxes touch, or come nearer than `gap` px."""
    return (
        one[0] < other[2] + gap
        and other[0] < one[2] + gap
        and one[1] < other[3] + gap
        and other[1] < one[3] + gap
    )
