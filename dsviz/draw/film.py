"""Many moments of one run as pictures: a GIF, or frames for whatever makes films.

What does not change is drawn once: the ground with its links, a node in each of its states, the
label of a message. A frame is then the ground with these pieces laid over it, in about a
millisecond; drawn anew by matplotlib it takes a hundred times as long. The pieces are drawn by the
same functions as the stills, so a film looks like them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy
from PIL import Image, ImageDraw, ImageFont

from dsviz.draw.columns import columns_of
from dsviz.draw.figure import Sheet
from dsviz.draw.frames import Frame, MessageView, NodeView, frame
from dsviz.draw.glyphs import arrow_head
from dsviz.draw.layout import layout
from dsviz.draw.measure import Point
from dsviz.draw.moment import (
    ASIDE,
    LABELLED,
    STOPS,
    draw_dot,
    draw_ground,
    draw_link_faults,
    draw_node,
    draw_pill,
    free_spot,
    keep_nodes_free,
)
from dsviz.draw.stage import Stage, height_for, spread
from dsviz.draw.text import clauses
from dsviz.errors import DsvizError
from dsviz.trace import Trace

WIDTH = 640.0  # px of content
FOOT = 46.0  # px below the cluster for the time and the caption
MARGIN = 8  # px round it
MOST_FRAMES = 1_000  # of a GIF


class Piece:
    """A cut-out with opacity, and where its top left corner lies relative to its own origin."""

    __slots__ = ("alpha", "colour", "left", "top")

    def __init__(self, pixels: Any, origin: Point) -> None:
        rows = numpy.flatnonzero(pixels[..., 3].any(axis=1))
        columns = numpy.flatnonzero(pixels[..., 3].any(axis=0))
        if not len(rows):
            rows = columns = numpy.array([0])
        cut = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        self.alpha = cut[..., 3:4].astype("uint16")
        self.colour = cut[..., :3].astype("uint16") * self.alpha
        self.left, self.top = columns[0] - origin[0], rows[0] - origin[1]

    def lay(self, picture: Any, x: float, y: float, within: Any = None) -> None:
        """Lay it over a picture with its origin at (x, y); only `within` (a box in px) of it."""
        left, top = round(x + self.left), round(y + self.top)
        box = [left, top, left + self.alpha.shape[1], top + self.alpha.shape[0]]
        limits = (0, 0, picture.shape[1], picture.shape[0]) if within is None else within
        x0, y0 = max(box[0], int(limits[0]), 0), max(box[1], int(limits[1]), 0)
        x1 = min(box[2], int(limits[2]), picture.shape[1])
        y1 = min(box[3], int(limits[3]), picture.shape[0])
        if x0 >= x1 or y0 >= y1:
            return
        mine = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        under = picture[y0:y1, x0:x1]
        under[:] = (under * (255 - self.alpha[mine]) + self.colour[mine]) // 255


class Film:
    """The frames of one run: `pixels(t)`, `image(t)`, `gif(path)`.

    Raises DsvizError for a trace without nodes, for an unknown theme and for times outside it.
    """

    def __init__(self, trace: Trace, *, theme: str = "light", width: float = WIDTH) -> None:
        if not trace.nodes:
            raise DsvizError("this trace has no nodes; film the trace of a run")
        self.trace, self.theme = trace, theme
        self._data = columns_of(trace)
        kinds = self._data["kinds"]
        self._styles = {kind["name"]: (kind["colour"], tuple(kind["dash"])) for kind in kinds}
        places = layout(trace.nodes)
        high = height_for(places, width, 1.0)
        self._box = (MARGIN, MARGIN, width - MARGIN, high)
        self._places = spread(places, self._box, 1.0)
        self.size = (round(width), round(high + FOOT))
        self._pieces: dict[Hashable, Piece] = {}
        self._grounds: dict[Hashable, Any] = {}
        self._last: tuple[int, tuple, Any] | None = None  # the ground with nodes, and of which
        sheet = self._sheet = Sheet(*self.size, theme=theme, card=False)
        self._back, self._ink, self._soft = (
            _rgb(sheet.colour(name)) for name in ("background", "ink", "soft")
        )
        self._bold, self._plain = _font(15, True), _font(12.5, False)

    def pixels(self, t: float) -> Any:
        """Return the moment `t` ms as an array of height × width × (red, green, blue)."""
        if not 0 <= t <= self.trace.duration:
            raise DsvizError(f"t={t!r} is not a time of this run: 0 to {self.trace.duration:g} ms")
        moment = frame(self._data, t)
        picture = self._at_rest(moment).copy()
        stage = Stage(None, self._box, self._places, self._styles)  # type: ignore[arg-type]
        keep_nodes_free(stage)
        messages = [m for m in moment.messages if m.src != m.dst]
        dots = len(messages) > LABELLED
        heads = [self._way(picture, stage, message, dots) for message in messages]
        for message, here in zip(messages, heads, strict=True):
            self._head(picture, stage, message, here, dots)
        return self._written(picture, moment)

    def image(self, t: float) -> Image.Image:
        """Return the moment as a Pillow image."""
        return Image.fromarray(self.pixels(t))

    def gif(
        self, path: str | Path, moments: Sequence[float] | None = None, seconds: float = 8.0
    ) -> Path:
        """Write an animated GIF that takes `seconds` and repeats; return its path.

        By default 12 frames a second, evenly over the run. Raises DsvizError for another ending
        than ``.gif``, for more than 1,000 frames, and when the folder does not exist.
        """
        path = Path(path)
        if path.suffix != ".gif":
            raise DsvizError(f"path={str(path)!r} must end in .gif")
        if not path.parent.is_dir():
            raise DsvizError(f"path={str(path)!r}: there is no folder {str(path.parent)!r}")
        times = self.evenly(round(12 * seconds)) if moments is None else list(moments)
        if not 0 < len(times) <= MOST_FRAMES:
            raise DsvizError(f"{len(times):,} frames: a GIF has 1 to {MOST_FRAMES:,} here")
        first = self.image(times[0]).quantize(colors=128, dither=Image.Dither.NONE)
        rest = (self.image(t).quantize(palette=first, dither=Image.Dither.NONE) for t in times[1:])
        pause = max(20, round(1000 * seconds / len(times)))
        first.save(path, append_images=rest, save_all=True, duration=pause, loop=0, optimize=False)
        return path

    def evenly(self, count: int) -> list[float]:
        """Return `count` moments, as far apart from each other as can be."""
        return [self.trace.duration * i / max(1, count - 1) for i in range(count)]

    # Pieces

    def _drawn(self, draw: Callable[[Stage], None]) -> Any:
        """Return what is drawn on a transparent stage, as pixels with opacity."""
        sheet, figure = self._sheet, self._sheet.figure
        draw(Stage(sheet, self._box, self._places, self._styles))
        renderer = figure.canvas.get_renderer()
        renderer.clear()
        artists = [artist for artist in figure.get_children() if artist is not figure.patch]
        for artist in sorted(artists, key=lambda one: one.zorder):
            artist.draw(renderer)
            artist.remove()
        pixels = numpy.asarray(renderer.buffer_rgba())
        pad = (pixels.shape[0] - self.size[1]) // 2, (pixels.shape[1] - self.size[0]) // 2
        return pixels[pad[0] : pad[0] + self.size[1], pad[1] : pad[1] + self.size[0]].copy()

    def _piece(
        self, key: Hashable, draw: Callable[[Stage], None], origin: Point = (0.0, 0.0)
    ) -> Piece:
        found = self._pieces.get(key)
        if found is None:
            found = self._pieces[key] = Piece(self._drawn(draw), origin)
        return found

    def _at_rest(self, moment: Frame) -> Any:
        """Return the ground with the nodes on it: often the same as in the frame before."""
        ground = self._ground(moment)
        keys = tuple(map(_look, moment.nodes))
        if self._last is None or self._last[:2] != (id(ground), keys):
            picture = ground.copy()
            for node, key in zip(moment.nodes, keys, strict=True):
                self._piece(key, lambda s, n=node: draw_node(s, n)).lay(picture, 0, 0)
            self._last = (id(ground), keys, picture)
        return self._last[2]

    def _ground(self, moment: Frame) -> Any:
        down = tuple(node.name for node in moment.nodes if node.state == "down")
        key = (down, moment.walls, moment.links)
        found = self._grounds.get(key)
        if found is None:

            def draw(stage: Stage) -> None:
                keep_nodes_free(stage)
                draw_ground(stage, moment)
                draw_link_faults(stage, moment)

            found = numpy.empty((self.size[1], self.size[0], 3), "uint8")
            found[:] = self._back
            Piece(self._drawn(draw), (0.0, 0.0)).lay(found, 0, 0)
            self._grounds[key] = found
        return found

    def _way(self, picture: Any, stage: Stage, message: MessageView, dots: bool) -> Point:
        """Draw the way that a message has come; return where it is."""
        share = min(message.position, STOPS.get(message.fate, 1.0))
        src, dst = message.src, message.dst
        here = stage.along(src, dst, share, ASIDE)
        start = stage.along(src, dst, max(0.0, share - 0.16) if dots else 0.0, ASIDE)
        colour, dash = stage.styles[message.kind]

        def whole(on: Stage) -> None:
            ends = [on.along(src, dst, 0.0, ASIDE), on.along(src, dst, 1.0, ASIDE)]
            on.sheet.line(ends, colour=colour, width=1.8, dash=() if dots else dash)

        x, y = sorted((start[0], here[0])), sorted((start[1], here[1]))
        within = (x[0] - 2, y[0] - 2, x[1] + 3, y[1] + 3)
        self._piece(("way", src, dst, message.kind, dots), whole).lay(picture, 0, 0, within)
        return here

    def _head(
        self, picture: Any, stage: Stage, message: MessageView, here: Point, dots: bool
    ) -> None:
        """Draw where a message is: a dot, or an arrow head and its label."""
        colour, dash = stage.styles[message.kind]
        centre = (self.size[0] / 2, self.size[1] / 2)
        if dots:
            key = ("dot", message.reply, colour)
            dot = self._piece(
                key, lambda s: draw_dot(s.sheet, message.reply, centre, colour), centre
            )
            dot.lay(picture, *here)
            return
        back = stage.along(message.src, message.dst, -0.2, ASIDE)
        turned = (centre[0] + back[0] - here[0], centre[1] + back[1] - here[1])
        self._piece(
            ("arrow", message.src, message.dst, colour),
            lambda s: s.sheet.shape(arrow_head(centre, turned, 8), fill=colour),
            centre,
        ).lay(picture, *here)
        spot = free_spot(stage, here, message.label, message)
        if spot is None:
            return
        stop = STOPS.get(message.fate, 1.0)
        failed = message.position >= stop and stop < 1
        self._piece(
            ("pill", message.label, colour, dash, failed),
            lambda s: draw_pill(s, centre, message.label, colour, dash=dash, failed=failed),
            centre,
        ).lay(picture, *spot)

    def _written(self, picture: Any, moment: Frame) -> Any:
        """Write the time and the caption below."""
        y = self.size[1] - FOOT + 12
        time, _, said = clauses(moment.caption).partition(": ")
        x = MARGIN * 2.0
        for letter in f"{moment.time:,.0f} ms":  # each frame has another time, of the same letters
            self._letters(letter, self._bold, self._ink).lay(picture, x, y)
            x += self._bold.getlength(letter)
        left = MARGIN * 2 + 92
        words = (said or time, self.size[0] - left - MARGIN * 2)
        self._letters(words[0], self._plain, self._soft, words[1]).lay(picture, left, y + 2)
        return picture

    def _letters(
        self, text: str, font: ImageFont.FreeTypeFont, colour: tuple, room: float | None = None
    ) -> Piece:
        key = ("text", text, font.size)
        found = self._pieces.get(key)
        if found is None:
            shown = text if room is None else _cut(text, font, room)
            image = Image.new("RGBA", (int(font.getlength(shown)) + 4, 28), (*colour, 0))
            ImageDraw.Draw(image).text((0, 0), shown, fill=(*colour, 255), font=font)
            found = self._pieces[key] = Piece(numpy.asarray(image), (0.0, 0.0))
        return found


def _look(node: NodeView) -> tuple:
    """Return all that a node's picture depends on."""
    since = node.since if node.state in ("down", "paused") else None
    return node.name, node.state, node.label, bool(node.unsynced), node.skew, since


def _font(size: float, bold: bool) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)), size)


def _cut(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    if font.getlength(text) <= width:
        return text
    low, high = 0, len(text)  # of the letters that fit beside the dots
    while low < high:
        middle = (low + high + 1) // 2
        fits = font.getlength(text[:middle] + "…") <= width
        low, high = (middle, high) if fits else (low, middle - 1)
    return text[:low].rstrip() + "…"


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def strip(film: Film, moments: Iterable[float]) -> Image.Image:
    """Return moments one below the other as one image."""
    images = [film.image(t) for t in moments]
    if not images:
        raise DsvizError("moments is empty; give at least one time in ms")
    made = Image.new("RGB", (film.size[0], film.size[1] * len(images)))
    for number, image in enumerate(images):
        made.paste(image, (0, film.size[1] * number))
    return made
