"""Pictures as small PNG: rendered at a scale, stored with few colours."""

from __future__ import annotations

import io
from typing import Any

import numpy
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

COLOURS = 31  # of a stored PNG: flat pictures need no more, and take half the bytes


def encoded(figure: Figure, scale: float) -> bytes:
    """Render, and store with a small palette."""
    figure.set_dpi(100 * scale)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    size, pixels = canvas.get_width_height(), canvas.buffer_rgba()
    figure.set_dpi(100)
    image = Image.frombuffer("RGBA", size, pixels, "raw", "RGBA", 0, 1).convert("RGB")
    packed = numpy.asarray(pixels).view("<u4")[
        ..., 0
    ]  # red is the lowest byte, opacity the highest
    colours, places = _palette(image, packed & 0xFFFFFF)
    outside = len(colours)  # the index of what is not on the card: transparent
    places[packed < 0x80000000] = outside
    stored = Image.fromarray(places, "P")
    stored.putpalette(colours.astype("uint8").tobytes() + b"\0\0\0")
    stream = io.BytesIO()
    dots = (100 * scale, 100 * scale)
    stored.save(stream, "PNG", compress_level=7, dpi=dots, transparency=outside)
    return stream.getvalue()


def _palette(image: Image.Image, packed: Any) -> tuple[Any, Any]:
    """Return a few colours, and for each pixel (`packed` in an integer) the number of the nearest.

    Beginning with the most frequent colour, the one that is worst represented is added: so flat
    colours, even of a small sign, are exact, and the blends at edges share what is left.
    """
    found = image.getcolors(1 << 13) or image.getcolors(1 << 24)  # the first is the quick one
    found.sort(reverse=True)
    counts = numpy.array([count for count, _ in found])
    every = numpy.array([colour for _, colour in found], dtype="int32")
    chosen, nearest = [0], numpy.zeros(len(every), "uint8")
    distance = ((every - every[0]) ** 2).sum(1)
    while len(chosen) < COLOURS and (worst := int((counts * distance).argmax())) not in chosen:
        other = ((every - every[worst]) ** 2).sum(1)
        nearest[other < distance] = len(chosen)
        distance = numpy.minimum(distance, other)
        chosen.append(worst)
    colours = every[chosen]
    order = numpy.argsort(-colours.sum(1), kind="stable")  # neighbours alike: packs better
    rank = numpy.argsort(order).astype("uint8")
    number = numpy.empty(1 << 24, "uint8")  # untouched pages of it cost nothing
    number[every @ numpy.array([1, 256, 65536])] = rank[nearest]
    return colours[order], number[packed]
