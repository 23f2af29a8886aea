"""Where nodes stand: computed once from their names and roles, never moved by a fault or a message.

Clients stand left, coordinators next, replicas right, each role in a column of its own; a cluster
of equals stands in a circle. The places come from networkx where it is installed and from the
same arithmetic where it is not (JupyterLite), so a picture looks the same in both.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping

from dsviz.trace import Trace

Position = tuple[float, float]

#: Columns from left to right; roles not named here stand between coordinators and replicas.
ROLE_ORDER = {
    "client": 0, "producer": 0, "coordinator": 1, "router": 1, "balancer": 1, "replica": 3,
    "stand-in": 4,
}  # fmt: skip
OTHER_ROLES = 2

MAX_ROWS = 5  # more of one role stand in further columns
BULGE = 0.35  # of a column's distance: the middle of a column stands out, so links pass beside it


def layout(nodes: Mapping[str, str]) -> dict[str, Position]:
    """Return a place in 0..1 × 0..1 for each node (y grows downwards) of {name: role}.

    The same nodes always get the same places, in whatever order they come.
    """
    if not nodes:
        return {}
    names = sorted(nodes, key=_natural)
    if len(set(nodes.values())) == 1:
        return dict(zip(names, _circle(names), strict=True))
    return _columns(_layers(names, nodes))


def edges(traces: Iterable[Trace]) -> list[tuple[str, str]]:
    """Return the pairs of nodes that exchange messages in any of the runs, sorted."""
    pairs = {
        (min(row[3], row[4]), max(row[3], row[4]))
        for trace in traces
        for row in trace.rows
        if row[2] in ("deliver", "drop", "flight") and row[3] != row[4]
    }
    return sorted(pairs)


def _natural(name: str) -> list:
    """Sort key that puts r2 before r10."""
    return [(part.isdigit(), int(part) if part.isdigit() else part) for part in _parts(name)]


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"(\d+)", name) if part]


def _layers(names: list[str], roles: Mapping[str, str]) -> list[list[str]]:
    """Split into columns of at most MAX_ROWS nodes, each of one role."""
    groups: dict[tuple, list[str]] = {}
    for name in names:
        role = roles[name]
        groups.setdefault((ROLE_ORDER.get(role, OTHER_ROLES), role), []).append(name)
    layers = []
    for key in sorted(groups):
        group = groups[key]
        count = math.ceil(len(group) / MAX_ROWS)
        layers += [group[i::count] for i in range(count)]
    return layers


def _columns(layers: list[list[str]]) -> dict[str, Position]:
    raw = _multipartite(layers)
    xs = sorted({x for x, _ in raw.values()})
    places = {}
    for column, layer in enumerate(layers):
        for row, name in enumerate(layer):
            x = xs.index(raw[name][0]) / max(1, len(xs) - 1)
            y = (row + 0.5) / len(layer)
            places[name] = (x + _bulge(layers, column, row), y)
    return _fitted(places, layers)


def _bulge(layers: list[list[str]], column: int, row: int) -> float:
    """How far a node stands out of its column: none at the ends, most in the middle."""
    size = len(layers[column])
    if size < 3 or len(layers) < 2:
        return 0.0
    along = (row + 0.5) / size * 2 - 1
    outwards = 1 if column == len(layers) - 1 else -1 if column == 0 else 0
    return outwards * BULGE * (1 - along * along) / (len(layers) - 1) * min(1.0, size / 4)


def _fitted(places: dict[str, Position], layers: list[list[str]]) -> dict[str, Position]:
    """Stagger crowded columns, so that links do not lie on each other, and scale to 0..1."""
    for column, layer in enumerate(layers):
        shift = 0.25 / len(layer) if len(layer) >= MAX_ROWS and column % 2 else 0.0
        for name in layer:
            x, y = places[name]
            places[name] = (x, y + shift)
    across = _scale([x for x, _ in places.values()])
    down = _scale([y for _, y in places.values()])
    return {name: (across(x), down(y)) for name, (x, y) in places.items()}


def _scale(values: list[float]) -> Callable[[float], float]:
    """Return the function that maps the range of `values` to 0..1, and a single value to 0.5."""
    low, high = min(values), max(values)
    if high - low < 1e-9:
        return lambda value: 0.5
    return lambda value: round((value - low) / (high - low), 4)


def _circle(names: list[str]) -> list[Position]:
    """Places on a circle, the first at the top, clockwise."""
    if len(names) == 1:
        return [(0.5, 0.5)]
    raw = _circular(names)
    turned = [(0.5 + y / 2, 0.5 - x / 2) for x, y in raw]
    return [(round(x, 4), round(y, 4)) for x, y in turned]


def _multipartite(layers: list[list[str]]) -> dict[str, Position]:
    """Place each layer in a column of its own."""
    try:
        import networkx
    except ImportError:
        return {name: (float(i), 0.0) for i, layer in enumerate(layers) for name in layer}
    graph = networkx.Graph()
    for number, layer in enumerate(layers):
        graph.add_nodes_from(layer, layer=number)
    try:
        places = networkx.multipartite_layout(graph, subset_key="layer")
    except ImportError:  # networkx is there but numpy is not
        return {name: (float(i), 0.0) for i, layer in enumerate(layers) for name in layer}
    return {name: (round(float(x), 6), float(y)) for name, (x, y) in places.items()}


def _circular(names: list[str]) -> list[Position]:
    try:
        import networkx

        places = networkx.circular_layout(names)
    except ImportError:
        turns = [2 * math.pi * i / len(names) for i in range(len(names))]
        return [(math.cos(turn), math.sin(turn)) for turn in turns]
    return [(float(places[name][0]), float(places[name][1])) for name in names]
