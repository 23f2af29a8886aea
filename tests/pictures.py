"""What the tests of pictures share: where the texts of a picture are, and whether that is right."""

from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from dsviz.draw.figure import Picture

PNG = b"\x89PNG\r\n\x1a\n"
EDGE = 6  # px that must be free between a text and the edge of the card


def texts(picture: Picture) -> list[Text]:
    """Return all texts that are drawn."""
    return [
        a for a in picture.figure.get_children() if isinstance(a, Text) and a.get_text().strip()
    ]


def words(picture: Picture) -> list[str]:
    """Return what is written in a picture."""
    return [text.get_text() for text in texts(picture)]


def boxes(picture: Picture) -> list[tuple[str, float, float, float, float]]:
    """Return (text, left, top, right, bottom) in px for each text, measured by the renderer."""
    renderer = FigureCanvasAgg(picture.figure).get_renderer()
    high = picture.size[1]
    found = []
    for text in texts(picture):
        box = text.get_window_extent(renderer)
        # The line box has room for accents and descenders that is mostly empty.
        spare = 0.14 * box.height if not text.get_rotation() else 0
        found.append(
            (text.get_text(), box.x0, high - box.y1 + spare, box.x1, high - box.y0 - spare)
        )
    return found


def clipped(picture: Picture) -> list[str]:
    """Return the texts that come too near the edge of the card, or beyond it."""
    wide, high = picture.size
    return [
        name
        for name, left, top, right, bottom in boxes(picture)
        if left < EDGE or top < EDGE or right > wide - EDGE or bottom > high - EDGE
    ]


def overlapping(picture: Picture) -> list[tuple[str, str]]:
    """Return the pairs of texts that are written over each other."""
    return [
        (one[0], other[0])
        for one, other in combinations(boxes(picture), 2)
        if one[1] < other[3] - 1
        and other[1] < one[3] - 1
        and one[2] < other[4] - 1
        and other[2] < one[4] - 1
    ]


def check(picture: Picture, limit: int = 60_000) -> None:
    """Assert what holds for every picture: legible, small, and the same text every time."""
    assert not clipped(picture)
    assert not overlapping(picture)
    data, about = picture._repr_mimebundle_()
    assert data["image/png"].startswith(PNG)
    assert len(data["image/png"]) <= limit, f"{len(data['image/png']):,} bytes"
    assert data["text/plain"] == picture.caption == repr(picture)
    assert data["text/plain"].endswith((".", ".)"))
    assert about["image/png"]["alt"] == picture.alt
    assert about["image/png"]["width"] == picture.size[0]
