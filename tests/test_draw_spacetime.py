"""Space-time diagrams: faults where they act, quiet times cut short, nothing clipped."""

from itertools import pairwise

import pytest
from test_draw_cluster import peers

from dsviz.draw.spacetime import spacetime
from dsviz.draw.theme import TOKENS
from dsviz.draw.timescale import time_scale
from dsviz.errors import DsvizError
from dsviz.sim.faults import Crash, Loss, Partition, Pause, Restart
from dsviz.systems import quorum
from pictures import check, words


@pytest.fixture(scope="module")
def run():
    return quorum.inversion().run(seed=0)


@pytest.fixture(scope="module")
def sloppy():
    return quorum.sloppy_quorum().run(seed=0)


@pytest.mark.parametrize("theme", list(TOKENS))
def test_a_whole_run(run, theme):
    verdict = quorum.fresh_reads(run)
    picture = spacetime(run, highlight=verdict, theme=theme)
    check(picture)
    shown = words(picture)
    assert {"write v1", "write v2 ?", "read → v2", "read → v1", "crash 130"} <= set(shown)
    assert {"one-way cut k1 → r2", "one-way cut k1 → r3"} <= set(shown)
    assert {"C", "A", "B", "k1", "k2", "r1", "r2", "r3"} <= set(shown)


def test_the_caption(run):
    assert spacetime(run, since=190, until=350).caption == (
        "Inversion (seed 0): 3 clients, 2 coordinators and 3 replicas over 500 ms; nothing passes "
        "from k1 to r2 and r3 from 90 ms on and k1 crashes at 130 ms. Clients saw 3 of 4 "
        "operations answered and 1 with unknown outcome. Shown: 12 messages from 190 to 350 ms, "
        "quiet stretches cut short (⋮)."
    )


def test_a_stretch_of_a_long_run(sloppy):
    picture = spacetime(sloppy, since=900, until=1200)
    check(picture, 80_000)
    assert any(word.startswith("network partition: r1 and r2") for word in words(picture))


def test_faults_of_nodes():
    faults = (
        Pause("r2", at=215, duration=60), Crash("k1", at=30), Restart("k1", at=90),
        Partition(("r1",), ("k2", "r3"), at=180, duration=100), Loss(0.5, "C", "k1", at=0),
    )  # fmt: skip
    picture = spacetime(quorum.inversion().run(0, faults))
    check(picture)
    assert {"crash 30", "restart 90", "pause 215"} <= set(words(picture))


def test_chosen_lanes_and_kinds(run):
    picture = spacetime(run, nodes=["k2", "r2", "r1"], kinds="fetch")
    check(picture)
    assert "Shown: 3 messages" in picture.caption
    assert not {"k1", "A", "value"} & set(words(picture))


def test_highlighted_events(run):
    event = run.select("crash")[0]
    one, two = spacetime(run), spacetime(run, highlight=[event])
    assert len(two.figure.get_children()) == len(one.figure.get_children()) + 1
    assert len(spacetime(run, highlight=event.seq).figure.get_children()) == len(
        two.figure.get_children()
    )


def test_a_dense_run_has_no_labels_but_a_legend():
    picture = spacetime(peers(7), since=20, until=110)
    check(picture, 80_000)
    assert {"heartbeat", "append_response"} <= set(words(picture))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nodes": ["k1", "k9"]}, "nodes: there is no node k9; the nodes are A, B, C"),
        ({"nodes": []}, "nodes is empty"),
        ({"kinds": "gossip"}, "kinds: no message is a gossip; the kinds are fetch"),
        ({"since": 400, "until": 300}, "choose 0 to 500 ms"),
        ({"until": 501}, "choose 0 to 500 ms"),
        ({"highlight": [-5]}, "no event -5"),
    ],
)
def test_bad_input(run, options, message):
    with pytest.raises(DsvizError, match=message):
        spacetime(run, **options)


def test_too_many_messages(sloppy):
    with pytest.raises(DsvizError, match="are too many for one diagram"):
        spacetime(sloppy)


# Time scale -----------------------------------------------------------------------------------


def test_quiet_stretches_are_cut_short_and_order_is_kept():
    scale = time_scale(0, 1000, [(100, 110), (105, 130), (700, 720)], 10)
    assert [piece.quiet for piece in scale.stretches] == [True, False, True, False, True]
    places = [scale(time) for time in range(0, 1001, 5)]
    assert places == sorted(places)
    assert len(set(places)) == len(places)
    busy = (scale(110) - scale(100)) / 10
    assert busy > 10 * (scale(600) - scale(200)) / 400


def test_marks_are_apart_and_in_busy_stretches():
    scale = time_scale(0, 1000, [(100, 130), (700, 720)], 10)
    marks = scale.ticks()
    assert all(scale(b) - scale(a) >= 16 for a, b in pairwise(marks))
    assert all(90 <= time <= 140 or 690 <= time <= 730 for time in marks)


def test_a_run_in_which_nothing_happens():
    scale = time_scale(0, 100, [], 5)
    assert [piece.quiet for piece in scale.stretches] == [False]
    assert scale.height > 100
