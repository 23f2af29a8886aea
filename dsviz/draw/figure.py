"""The sheet every still is drawn on, and the `Picture` that a notebook shows.

A `Sheet` is a matplotlib `Figure` with coordinates in px: x to the right and y downwards from the
top left corner of its content. It is made of artists alone (no Axes, no pyplot, no rcParams), so
a picture depends on no backend and no style sheet, and is drawn in a fraction of the time. Round
it the sheet puts a card with the title above and the caption below: opaque, so that a light
picture is also right on a dark page. Only `Sheet.colour` knows the theme.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path as File
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Affine2D

from dsviz.draw.measure import (
    Box,
    Point,
    circle,
    fit,
    font,
    pill_box,
    round_box,
    text_width,
    wrap,
)
from dsviz.draw.png import encoded
from dsviz.draw.theme import MEANINGS, TOKENS
from dsviz.errors import DsvizError, listed

SCALES = (2.0, 1.5, 1.25)  # device pixels for a px: crisp, or less so where that takes too much
BYTES, LARGE = 14_000, 300_000  # of a PNG, more of which are too many; and px² that surely are
PAD = 18.0  # px between the card's edge and what is on it
TITLE, CAPTION, LINE = 15.0, 12.0, 1.42  # font sizes in px, and line height as a multiple


class Sheet:
    """Something to draw on: `width` × `height` px of content on a card with title and caption.

    Without `card` it is transparent, and what is drawn can be laid over something else.
    """

    def __init__(
        self,
        width: float,
        height: float,
        *,
        theme: str = "light",
        title: str = "",
        subtitle: str = "",
        caption: str = "",
        card: bool = True,
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
        if card:
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

    def finish(self, caption: str, alt: str = "") -> Picture:
        """Return the picture; `alt` says what there is to see, default: the caption."""
        return Picture(self, caption, alt or caption)


class Picture:
    """A still: shows itself in a notebook, and is its caption where no picture can be shown.

    `caption` says in words and numbers what the data say; `alt` describes what is to be seen.
    """

    def __init__(self, sheet: Sheet, caption: str, alt: str) -> None:
        self.figure = sheet.figure
        self.caption = caption
        self.alt = alt
        self.size = sheet.outer  # px
        self._png: dict[float, bytes] = {}

    def png(self, scale: float | None = None) -> bytes:
        """Return the picture as PNG with `scale` device pixels a px.

        Default: 2, or 1.5 for a picture that would take more than 14 kB, or 1.25 for a large one.
        """
        if scale is None:
            if self.size[0] * self.size[1] > LARGE:
                return self.png(SCALES[2])
            crisp = self.png(SCALES[0])
            return crisp if len(crisp) <= BYTES else self.png(SCALES[1])
        if scale not in self._png:
            self._png[scale] = encoded(self.figure, scale)
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
