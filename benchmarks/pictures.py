"""Pictures: what an animated run weighs, as the player's data and as matplotlib's animation."""

from __future__ import annotations

from benchmarks.table import Row, against

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
    note = f"{len(trace):,} events; theirs: to_jshtml of nx.draw, {FRAMES} frames of 6 × 5 inches"
    return [
        against("animation payload", "bytes", ours, theirs, theirs / ours, 100.0, note),
        Row("animation payload, player's script and style", "bytes", _once(), note="once a page"),
    ]


def _once() -> int:
    from dsviz.widgets.player import Player

    return len(str(Player._esm)) + len(str(Player._css))


def _animated(trace: object, frames: int) -> str:
    """Draw the run the way a tutorial would: everything anew for each frame."""
    import networkx as nx
    from matplotlib import pyplot
    from matplotlib.animation import FuncAnimation

    from dsviz.draw.frames import frame
    from dsviz.trace import Trace

    assert isinstance(trace, Trace)
    graph = nx.complete_graph(list(trace.nodes))
    places = nx.circular_layout(graph)
    figure, axes = pyplot.subplots(figsize=(6, 5), dpi=100)

    def draw(number: int) -> None:
        axes.clear()
        nx.draw(graph, places, ax=axes, with_labels=True, node_color="#e3effa")
        for message in frame(trace, trace.duration * number / frames).messages:
            (x1, y1), (x2, y2) = places[message.src], places[message.dst]
            share = message.position
            axes.plot(x1 + share * (x2 - x1), y1 + share * (y2 - y1), "o", color="#0b5cad")

    try:
        with pyplot.rc_context({"animation.embed_limit": 200}):
            return FuncAnimation(figure, draw, frames=frames).to_jshtml()
    finally:
        pyplot.close(figure)
