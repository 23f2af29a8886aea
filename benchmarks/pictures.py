"""Pictures: what an animated run weighs, as the player's data and as matplotlib's animation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.measure import seconds
from benchmarks.table import Row, against
from dsviz.trace import Trace

FRAMES = 200


def pictures(quick: bool) -> list[Row]:
    """Return the rows about pictures; without matplotlib one row that says so."""
    try:
        import matplotlib
    except ImportError:
        return [Row("animation payload", "bytes", None, goal="≥ 100×", note="no matplotlib here.")]
    matplotlib.use("Agg")
    from benchmarks.messages import cluster
    from dsviz.draw.columns import as_json, columns
    from dsviz.draw.layout import layout

    trace = cluster(800).run(1)
    ours = len(as_json(columns(trace, (), layout(trace.nodes))).encode())
    frames = 20 if quick else FRAMES
    theirs = len(_animated(trace, frames).encode()) * FRAMES // frames
    still = _stills(trace, 10 if quick else 60, FRAMES)
    note = f"{len(trace):,} events; theirs: to_jshtml of nx.draw, {FRAMES} frames of 6 × 5 inches"
    return [
        against("animation payload", "bytes", ours, theirs, theirs / ours, 100.0, note),
        still,
        Row("animation payload, player's script and style", "bytes", _once(), note="once a page"),
    ]


def _stills(trace: Trace, theirs: int, ours: int) -> Row:
    """Return the row that compares a frame of `Film` with one of nx.draw, in CPU time."""
    from matplotlib import pyplot

    from dsviz.draw.film import Film

    def film() -> int:
        made = Film(trace)  # what is drawn once is part of the price
        for t in made.evenly(ours):
            made.pixels(t)
        return ours

    def naive() -> int:
        figure, draw = _tutorial(trace)
        for number in range(theirs):
            draw(trace.duration * number / theirs)
            figure.canvas.draw()
        pyplot.close(figure)
        return theirs

    naive_s, film_s = (seconds(one) for one in (naive, film))
    each, mine = naive_s[0] / naive_s[1], film_s[0] / film_s[1]
    note = f"{ours} frames against {theirs} of nx.draw, both as pixels of about 640 × 380"
    return against("still frame", "ms", mine * 1e3, each * 1e3, each / mine, 10.0, note)


def _once() -> int:
    from dsviz.widgets.player import Player

    return len(str(Player._esm)) + len(str(Player._css))


def _animated(trace: Trace, frames: int) -> str:
    """Animate the run the way a tutorial would."""
    from matplotlib import pyplot
    from matplotlib.animation import FuncAnimation

    figure, draw = _tutorial(trace)
    try:
        with pyplot.rc_context({"animation.embed_limit": 200}):
            moments = [trace.duration * number / frames for number in range(frames)]
            return FuncAnimation(figure, draw, frames=moments).to_jshtml()
    finally:
        pyplot.close(figure)


def _tutorial(trace: Trace) -> tuple[Any, Callable[[float], None]]:
    """Return a figure and what draws a moment on it: everything anew for each frame."""
    import networkx as nx
    from matplotlib import pyplot

    from dsviz.draw.frames import frame

    graph = nx.complete_graph(list(trace.nodes))
    places = nx.circular_layout(graph)
    figure, axes = pyplot.subplots(figsize=(6, 5), dpi=100)

    def draw(t: float) -> None:
        axes.clear()
        nx.draw(graph, places, ax=axes, with_labels=True, node_color="#e3effa")
        for message in frame(trace, t).messages:
            (x1, y1), (x2, y2) = places[message.src], places[message.dst]
            share = message.position
            axes.plot(x1 + share * (x2 - x1), y1 + share * (y2 - y1), "o", color="#0b5cad")

    return figure, draw
