"""Time from top to bottom, with long quiet stretches cut short to leave room for the busy ones."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dsviz.draw.plot import ticks

GAP = 26.0  # px that a cut-out quiet stretch takes
LEAST, MOST = 260.0, 760.0  # px of a whole diagram


@dataclass(frozen=True)
class Stretch:
    """A piece of time from `start` to `end` (ms) at `top` to `bottom` (px). `quiet`: cut short."""

    start: float
    end: float
    top: float
    bottom: float
    quiet: bool


class TimeScale:
    """Maps ms to px, piece by piece; strictly increasing."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        self.stretches = list(stretches)
        self._starts = [piece.start for piece in self.stretches]

    def __call__(self, time: float) -> float:
        """Return the px of a time, those outside at the edge."""
        at = max(0, bisect_right(self._starts, time) - 1)
        piece = self.stretches[at]
        share = (time - piece.start) / ((piece.end - piece.start) or 1.0)
        return piece.top + (piece.bottom - piece.top) * min(max(share, 0.0), 1.0)

    @property
    def height(self) -> float:
        """All px from top to bottom."""
        return self.stretches[-1].bottom - self.stretches[0].top

    def ticks(self) -> list[float]:
        """Return round times to mark, at least 26 px apart, in the stretches that are not quiet."""
        busy = [piece for piece in self.stretches if not piece.quiet]
        length = sum(piece.end - piece.start for piece in busy)
        pixels = sum(piece.bottom - piece.top for piece in busy)
        step = [*ticks(0, length, max(1, int(pixels / 40))), length][1]
        marks: list[float] = []
        for piece in busy:
            first = -int(-piece.start // step)
            inside = [i * step for i in range(first, int(piece.end // step) + 1)]
            for time in inside or [(piece.start + piece.end) / 2]:
                if not marks or self(time) - self(marks[-1]) >= 16:
                    marks.append(round(time, 6))
        return marks


def time_scale(
    since: float, until: float, spans: Iterable[tuple[float, float]], typical: float
) -> TimeScale:
    """Return the scale for a window in which something happens during `spans` (ms).

    `typical` is how long a message takes: it should be seen to slope.
    """
    length = until - since
    pad = min(typical * 0.5, length * 0.01)
    busy = _merged(since, until, spans, pad, max(typical * 2.5, length * 0.05))
    total = sum(end - start for start, end in busy)
    quiet = len(busy) - 1 + (busy[0][0] > since) + (busy[-1][1] < until)
    wanted = min(max(total / typical * 26 if typical else LEAST, LEAST), MOST)
    per_ms = (wanted - GAP * quiet if wanted - GAP * quiet > 200 else wanted) / total
    stretches: list[Stretch] = []
    time, y = since, 0.0
    for start, end in busy:
        if start > time:
            stretches.append(Stretch(time, start, y, y + GAP, True))
            y += GAP
        stretches.append(Stretch(start, end, y, y + (end - start) * per_ms, False))
        time, y = end, y + (end - start) * per_ms
    if time < until:
        stretches.append(Stretch(time, until, y, y + GAP, True))
    return TimeScale(stretches)


def _merged(
    since: float, until: float, spans: Iterable[tuple[float, float]], pad: float, gap: float
) -> list[tuple[float, float]]:
    """Join spans that are nearer than `gap`; the window's ends belong to the nearest."""
    grown = sorted((max(since, a - pad), min(until, b + pad)) for a, b in spans)
    merged: list[tuple[float, float]] = []
    for start, end in grown:
        if merged and start - merged[-1][1] < gap:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    if not merged:
        return [(since, until)]
    if merged[0][0] - since < gap:
        merged[0] = (since, merged[0][1])
    if until - merged[-1][1] < gap:
        merged[-1] = (merged[-1][0], until)
    return merged
