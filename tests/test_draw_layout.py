"""Where nodes stand."""

from __future__ import annotations

import builtins
import math
import random

import pytest
from draw_support import FAULTS, everything

from dsviz.draw.layout import edges, layout

EQUALS = [{f"n{i}": "replica" for i in range(1, count + 1)} for count in range(1, 26)]
MIXED = [
    {"c1": "client", "c2": "client", "k1": "coordinator"}
    | {f"r{i}": "replica" for i in range(1, count + 1)}
    for count in range(1, 23)
]


@pytest.mark.parametrize("nodes", EQUALS + MIXED, ids=lambda nodes: f"{len(nodes)} nodes")
def test_all_within_the_picture_and_apart(nodes):
    places = layout(nodes)
    assert places.keys() == nodes.keys()
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in places.values())
    spots = list(places.values())
    width, height = 560, 320  # px, about the stage
    least = min(
        (
            math.hypot((a[0] - b[0]) * width, (a[1] - b[1]) * height)
            for i, a in enumerate(spots)
            for b in spots[:i]
        ),
        default=1e9,
    )
    assert least >= 40, "nodes would touch"


@pytest.mark.parametrize("nodes", [EQUALS[6], MIXED[9]])
def test_the_order_of_names_does_not_matter(nodes):
    names = list(nodes)
    random.Random(4).shuffle(names)
    assert layout({name: nodes[name] for name in names}) == layout(nodes)


@pytest.mark.parametrize("nodes", [EQUALS[0], EQUALS[6], EQUALS[24], MIXED[0], MIXED[9]])
def test_the_same_without_networkx(nodes, monkeypatch):
    expected = layout(nodes)
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.split(".")[0] in ("networkx", "numpy"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    for name, (x, y) in layout(nodes).items():
        assert (x, y) == pytest.approx(expected[name], abs=2e-4)


def test_roles_stand_from_left_to_right():
    places = layout(MIXED[2])
    assert places["c1"][0] < places["k1"][0] < places["r1"][0]


def test_r2_stands_before_r10():
    names = list(layout({f"r{i}": "replica" for i in (10, 9, 2, 1)}))
    assert names == ["r1", "r2", "r9", "r10"]


def test_faults_never_move_a_node():
    calm, hurt = everything(()).run(1), everything(FAULTS).run(1)
    assert layout(calm.nodes) == layout(hurt.nodes)


def test_edges_are_those_of_all_runs():
    calm = everything(()).run(1)
    assert edges([calm]) == [("A", "k"), ("k", "r1"), ("k", "r2")]
    assert edges([]) == []


def test_nothing_to_place():
    assert layout({}) == {}
