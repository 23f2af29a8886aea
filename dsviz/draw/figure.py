"""The sheet every still is drawn on, and the `Picture` that a notebook shows.

A `Sheet` is a matplotlib `Figure` with coordinates in px: x to the right and y downwards from the
top left corner of its content. It is made of artists alone (no Axes, no pyplot, no rcParams), so
a picture depends on no backend and no style sheet, and is drawn in a fraction of the time. Round
it the sheet puts a card with the title above and the caption below: opaque, so that a light
picture is also right on a dark page. Only `Sheet.colour` knows the theme.
"""

from __future__ import annotations

import io
from collections.abc import Container, Iterable, Sequence
from functools import cache, lru_cache
from pathlib import Path as File
from typing import Any

import numpy
from matplotlib import get_data_path
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Affine2D
from PIL import Image

from dsviz.draw.theme import MEANINGS, TOKENS
from dsviz.errors import DsvizError, listed

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom in px

SCALE, SCALE_LARGE = 2.0, 1.5  # device pixels for a px: crisp, yet few bytes
LARGE = 450_000  # px², more of which make a picture large
PAD = 18.0  # px between the card's edge and what is on it
TITLE, CAPTION, LINE = 15.0, 12.0, 1.42  # font sizes in px, and line height as a multiple
COLOURS = 32  # of a stored PNG: a flat picture needs no more, and takes half the bytes


class Sheet:
    """Something to draw on: `width` × `height` px of content on a card with title and caption."""

    def __init__(
        self,
        width: float,
        height: float,
        *,
        theme: str = "light",
        title: str = "",
        subtitle: str = "",
        caption: str = "",
    ) -> None:
        if theme not in TOKENS:
            raise DsvizError(f"theme={theme!r} does not exist; the themes are {listed(TOKENS)}")
        self.tokens = TOKENS[theme]
        self.width, self.height = float(width), float(height)
        lines = wrap(caption, width, CAPTION) if caption else []
        head = TITLE * 1.9 if title else 0.0
        foot = len(lines) * CAPTION * LINE + 14 if lines else 0.0
        self.outer = (round(width + 2 * PAD), round(height + head + foot + 2 * PAD))
        self.figure = Figure(figsize=(self.outer[0] / 100, self.outer[1] / 100), dpi=100)
        self.figure.patch.set_alpha(0)  # only the round corners of the card let the page through
        FigureCanvasAgg(self.figure)
        inches = Affine2D().translate(PAD, PAD + head).scale(0.01, -0.01)
        self._px = inches.translate(0, self.outer[1] / 100) + self.figure.dpi_scale_trans
        self._card(head, title, subtitle)
        for number, line in enumerate(lines):
            y = height + 14 + (number + 0.5) * CAPTION * LINE
            self.text(0, y, line, size=CAPTION, colour="soft", align="left")

    def _card(self, head: float, title: str, subtitle: str) -> None:
        box = (-PAD + 1, -PAD - head + 1, self.outer[0] - PAD - 1, self.outer[1] - PAD - head - 1)
        self.box(box, radius=10, fill="background", edge="line", z=-10)
        if title:
            self.text(0, -head + TITLE / 2, title, size=TITLE, bold=True, align="left")
        if subtitle:
            x = text_width(title, TITLE, True) + 12 if title else 0
            fits = fit(subtitle, self.width - x, 12)
            self.text(x, -head + TITLE / 2 + 0.5, fits, size=12, colour="soft", align="left")

    def colour(self, name: str) -> str:
        """Return the colour of a token or a meaning; a ``#rrggbb`` (a mixture) stays as it is."""
        return name if name.startswith("#") else self.tokens[MEANINGS.get(name, name)]

    def mix(self, one: str, other: str, share: float) -> str:
        """Return `one` with `share` (0 to 1) of `other` in it."""
        pair = [self.colour(name) for name in (one, other)]
        low, high = map(_channels, pair)
        mixed = (round(a + (b - a) * share) for a, b in zip(low, high, strict=True))
        return "#" + "".join(f"{channel:02x}" for channel in mixed)

    def line(
        self,
        points: Sequence[Point],
        *,
        colour: str = "edge",
        width: float = 1.2,
        dash: Sequence[float] = (),
        z: float = 0,
    ) -> None:
        """Draw a line through points."""
        self.segments([points], colour=colour, width=width, dash=dash, z=z)

    def segments(
        self,
        lines: Iterable[Sequence[Point]],
        *,
        colour: str = "edge",
        width: float = 1.2,
        dash: Sequence[float] = (),
        z: float = 0,
    ) -> None:
        """Draw many lines of one style, at the cost of one."""
        style = (0, [mark / width for mark in dash]) if dash else "solid"
        self._add(
            LineCollection(
                list(lines),
                colors=self.colour(colour),
                linewidths=width * 0.72,
                linestyles=[style],
                capstyle="butt" if dash else "round",
                transform=self._px,
                zorder=z,
            )
        )

    def shape(
        self,
        path: Path | Sequence[Point],
        *,
        fill: str | None = None,
        edge: str | None = None,
        width: float = 1.2,
        dash: Sequence[float] = (),
        alpha: float | None = None,
        hatch: str | None = None,
        z: float = 0,
    ) -> None:
        """Draw a closed path (or the polygon through points)."""
        if not isinstance(path, Path):
            path = Path([*path, path[0]], closed=True)
        self._add(
            PathPatch(
                path,
                facecolor=self.colour(fill) if fill else "none",
                edgecolor=self.colour(edge) if edge else "none",
                linewidth=width * 0.72 if edge and not hatch else 0,
                linestyle=(0, [mark / width for mark in dash]) if dash else "solid",
                joinstyle="round",
                alpha=alpha,
                hatch=hatch,
                transform=self._px,
                zorder=z,
            )
        )

    def box(self, box: Box, *, radius: float = 0, **style: Any) -> None:
        """Draw a rectangle with round corners; `style` as for `shape`."""
        self.shape(round_box(box, radius), **style)

    def disc(self, x: float, y: float, radius: float, **style: Any) -> None:
        """Draw a circle; `style` as for `shape`."""
        self.shape(circle(x, y, radius), **style)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 12,
        colour: str = "ink",
        bold: bool = False,
        align: str = "center",
        angle: float = 0.0,
        z: float = 5,
    ) -> Box:
        """Write one line with its middle height at `y`; return the box it takes."""
        width = text_width(text, size, bold)
        left = x - width * {"left": 0.0, "center": 0.5, "right": 1.0}[align]
        artist = Text(
            x,
            y if angle else y + size * 0.36,
            text,
            fontproperties=font(bold),
            fontsize=size * 0.72,
            color=self.colour(colour),
            horizontalalignment=align,
            verticalalignment="center" if angle else "baseline",
            rotation=angle,
            rotation_mode="anchor",
            parse_math=False,
            usetex=False,
            transform=self._px,
            zorder=z,
        )
        self._add(artist)
        return (left, y - size * 0.62, left + width, y + size * 0.62)

    def pill(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 11,
        colour: str = "ink",
        fill: str = "background",
        bold: bool = True,
        dash: Sequence[float] = (),
        z: float = 6,
    ) -> Box:
        """Write one line in a rounded frame, centred; return the box it takes."""
        box = pill_box(x, y, text, size, bold)
        radius = (box[3] - box[1]) / 2
        self.box(box, radius=radius, fill=fill, edge=colour, width=1.4, dash=dash, z=z)
        self.text(x, y, text, size=size, colour=colour, bold=bold, z=z + 0.1)
        return box

    def _add(self, artist: Any) -> None:
        self.figure.add_artist(artist)

    def finish(self, caption: str, alt: str = "", scale: float | None = None) -> Picture:
        """Return the picture; `alt` says what there is to see, default: the caption. `scale` is
        how many device pixels its PNG has for a px (default: 2, for a large picture 1.5)."""
        return Picture(self, caption, alt or caption, scale)


class Picture:
    """A still: shows itself in a notebook, and is its caption where no picture can be shown.

    `caption` says in words and numbers what the data say; `alt` describes what is to be seen.
    """

    def __init__(self, sheet: Sheet, caption: str, alt: str, scale: float | None = None) -> None:
        self.figure = sheet.figure
        large = sheet.outer[0] * sheet.outer[1] > LARGE
        self.scale = scale or (SCALE_LARGE if large else SCALE)
        self._tokens = set(map(_channels, sheet.tokens.values()))
        self.caption = caption
        self.alt = alt
        self.size = sheet.outer  # px
        self._png: dict[float, bytes] = {}

    def png(self, scale: float | None = None) -> bytes:
        """Return the picture as PNG with `scale` device pixels a px (default: its own)."""
        scale = scale or self.scale
        if scale not in self._png:
            self._png[scale] = _encoded(self.figure, scale, self._tokens)
        return self._png[scale]

    def save(self, path: str | File) -> None:
        """Write the picture to ``.png``, ``.svg`` or ``.pdf``. Raises DsvizError for others."""
        file = File(path)
        if file.suffix == ".png":
            file.write_bytes(self.png())
        elif file.suffix in (".svg", ".pdf"):
            self.figure.savefig(file, transparent=True, metadata=_UNDATED[file.suffix])
        else:
            raise DsvizError(f"path={str(path)!r} must end in .png, .svg or .pdf")

    def __repr__(self) -> str:
        return self.caption

    def _repr_png_(self) -> bytes:
        return self.png()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        about = {"width": self.size[0], "alt": self.alt}
        return {"image/png": self.png(), "text/plain": self.caption}, {"image/png": about}


_UNDATED = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _encoded(figure: Figure, scale: float, tokens: Container[tuple]) -> bytes:
    """Render, and store with a small palette in which the colours of the theme stay exact."""
    figure.set_dpi(100 * scale)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = numpy.asarray(canvas.buffer_rgba())
    figure.set_dpi(100)
    colours, places = _palette(pixels[..., :3], tokens)
    outside = len(colours)  # the index of what is not on the card: transparent
    places[pixels[..., 3] < 128] = outside
    stored = Image.fromarray(places, "P")
    stored.putpalette(colours.astype("uint8").tobytes() + b"\0\0\0")
    stream = io.BytesIO()
    dots = (100 * scale, 100 * scale)
    stored.save(stream, "PNG", compress_level=8, dpi=dots, transparency=outside)
    return stream.getvalue()


def _palette(pixels: Any, tokens: Container[tuple]) -> tuple[Any, Any]:
    """Return a few colours, `tokens` before others and then the most frequent, and for each pixel
    the number of the nearest of them."""
    image = Image.fromarray(numpy.ascontiguousarray(pixels))
    found = image.getcolors(1 << 13) or image.getcolors(1 << 24)  # the first is the quick one
    found.sort(key=lambda pair: (pair[1] in tokens, *pair), reverse=True)
    every = numpy.array([colour for _, colour in found], dtype="int32")
    colours = every[:COLOURS]
    shift = numpy.array([65536, 256, 1])
    number = numpy.empty(1 << 24, "uint8")  # untouched pages of it cost nothing
    for few in numpy.array_split(every, len(every) // 256 + 1):
        number[few @ shift] = ((few[:, None] - colours) ** 2).sum(2).argmin(1)
    return colours, number[pixels @ shift]


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
