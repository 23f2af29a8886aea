"""Stills of a cluster: legible at every size, and the same signs for the same state."""

import pytest

from dsviz.draw.cluster import cluster, film_strip, film_strip_png
from dsviz.draw.figure import Picture, Sheet
from dsviz.draw.measure import fit, text_width, wrap
from dsviz.draw.moment import brief
from dsviz.draw.theme import TOKENS
from dsviz.errors import DsvizError
from dsviz.sim.faults import ClockSkew, Crash, Delay, Loss, Partition, Pause
from dsviz.sim.network import Network
from dsviz.sim.node import Client, Node, Op
from dsviz.sim.scenario import Scenario
from dsviz.systems import quorum
from dsviz.trace import Trace
from pictures import PNG, boxes, check, clipped, overlapping, words


class Peer(Node):
    """Sends to all others now and then, and shows two attributes."""

    shows = ("term", "leader")

    def on_start(self):
        self.term, self.leader = 0, None
        self.set_timer("tick", 20 + 30 * self.random.random())

    def on_timer_tick(self):
        self.term += 1
        self.disk.write("term", self.term)
        self.broadcast(self.peers, "heartbeat", term=self.term, leader=self.name)

    def on_heartbeat(self, msg):
        self.term, self.leader = max(self.term, msg.term), msg.leader
        self.reply(msg, "append_response", term=self.term)

    def on_append_response(self, msg):
        pass


def peers(count, *faults):
    nodes = {f"n{i}": Peer() for i in range(1, count + 1)}
    return Scenario(f"peers {count}", nodes, 120, Network(12.0), faults).run(1)


@pytest.fixture(scope="module")
def run():
    return quorum.inversion().run(seed=0)


@pytest.mark.parametrize("theme", list(TOKENS))
@pytest.mark.parametrize("at", [0, 113, 205, 340])
def test_every_moment_is_legible(run, at, theme):
    check(cluster(run, at, theme=theme), 40_000)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 9])
def test_circles_of_equals_are_legible(count):
    check(cluster(peers(count), 45))


def test_faults_are_legible_and_named():
    faults = (
        Pause("r2", at=100, duration=300), ClockSkew("r1", 250, at=50), Crash("k1", at=130),
        Delay(30, "k2", "r3", at=0), Loss(0.2, at=0), Partition(("C",), ("k1", "k2"), at=150),
    )  # fmt: skip
    picture = cluster(quorum.inversion().run(0, faults), 205)
    check(picture)
    assert {"+250", "down since 130", "paused since 100", "+30 ms"} <= set(words(picture))
    assert "every link: 20 % lost" in words(picture)
    assert {"down", "paused", "clock off by … ms"} <= set(words(picture))


def test_long_names_stand_under_their_node():
    replicas = ("replica-a", "replica-b", "replica-c")
    operation = Op("write", "account-balance", "a-very-long-value-indeed", "coordinator-eu-1", 0)
    nodes = {
        "client-number-1": Client(operations=(operation,)),
        "coordinator-eu-1": quorum.Coordinator(replicas=replicas),
        **dict.fromkeys(replicas, quorum.Replica()),
    }
    picture = cluster(Scenario("long names", nodes, 100, Network(10.0)).run(0), 14)
    check(picture)
    assert {"replica-a", "coordinator-eu-1", "ra", "ce1"} <= set(words(picture))


def test_many_messages_become_dots_and_the_kinds_are_named_below():
    picture = cluster(peers(7), 52)
    shown = words(picture)
    assert not any(word.startswith("heartbeat t") for word in shown)
    assert {"heartbeat", "append_response"} <= set(shown)


def test_no_label_of_a_message_is_left_out(run):
    assert sum(word == "store v2.k1" for word in words(cluster(run, 113))) == 3


def test_caption_of_a_moment(run):
    assert str(cluster(run, 135)) == (
        "At 135 ms: k1 is down; nothing passes from k1 to r2 and r3; C waits for write x = v2."
    )


@pytest.mark.parametrize("theme", list(TOKENS))
def test_film_strip(run, theme):
    scenario = quorum.inversion()
    picture = film_strip(run, scenario.judge(run), theme=theme)
    check(picture)
    assert sum(word.endswith(" ms") for word in words(picture)) >= 4
    assert "Linearizable: violated." in picture.caption


@pytest.mark.parametrize("moments", [[15], [15, 113], [15, 113, 205], [15, 16, 17, 18, 340]])
def test_film_strip_of_chosen_moments(run, moments):
    picture = film_strip(run, moments=moments)
    check(picture, 80_000)
    assert {f"{time} ms" for time in moments} <= set(words(picture))


def test_film_strip_png_is_small(run):
    png = film_strip_png(run)
    assert png.startswith(PNG)
    assert len(png) < 40_000


def test_pictures_repeat_byte_for_byte(run):
    assert cluster(run, 113).png() == cluster(run, 113).png()
    assert cluster(run, 113).caption == cluster(quorum.inversion().run(seed=0), 113).caption


def test_saving(run, tmp_path):
    picture = cluster(run, 15)
    picture.save(tmp_path / "one.png")
    assert (tmp_path / "one.png").read_bytes() == picture.png() == picture._repr_png_()
    picture.save(str(tmp_path / "one.svg"))
    assert "<svg" in (tmp_path / "one.svg").read_text()
    with pytest.raises(DsvizError, match=r"must end in .png, .svg or .pdf"):
        picture.save(tmp_path / "one.bmp")


@pytest.mark.parametrize("at", [-1, 501, "soon", None, True, float("nan")])
def test_a_time_outside_the_run(run, at):
    with pytest.raises(DsvizError, match="is not a time of this run; choose 0 to 500 ms"):
        cluster(run, at)
    with pytest.raises(DsvizError, match="choose 0 to 500 ms"):
        film_strip(run, moments=[10, at])


def test_other_bad_input(run):
    with pytest.raises(DsvizError, match="moments is empty"):
        film_strip(run, moments=[])
    with pytest.raises(DsvizError, match="the themes are dark and light"):
        cluster(run, 0, theme="sepia")
    with pytest.raises(DsvizError, match="no nodes"):
        cluster(Trace("empty", 0, 10, {}), 0)


# The sheet, and the checks themselves ---------------------------------------------------------


def test_the_card_is_opaque_with_round_corners_and_exact_colours(run, tmp_path):
    from PIL import Image

    for theme, tokens in TOKENS.items():
        picture = cluster(run, 135, theme=theme)
        picture.save(tmp_path / "card.png")
        image = Image.open(tmp_path / "card.png").convert("RGBA")
        assert image.getpixel((0, 0))[3] == 0
        assert image.getpixel((image.width // 2, 8)) == (*_rgb(tokens["background"]), 255)
        there = {colour[:3] for _, colour in image.getcolors(256)}
        assert {_rgb(tokens[name]) for name in ("background", "ink", "fill_node")} <= there


def _rgb(colour):
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def test_clipped_and_overlapping_texts_would_be_found():
    sheet = Sheet(200, 100)
    sheet.text(100, 50, "one")
    sheet.text(110, 52, "two")
    sheet.text(215, 20, "beyond the edge", align="left")
    picture = Picture(sheet, "A caption.", "")
    assert overlapping(picture) == [("one", "two")]
    assert clipped(picture) == ["beyond the edge"]


def test_measured_widths_are_those_that_are_drawn(run):
    sheet = Sheet(400, 60)
    expected = sheet.text(10, 20, "a line → of text, 100 ms", size=12, align="left")
    (_, left, _, right, _), *_ = boxes(Picture(sheet, "", ""))
    assert right - left == pytest.approx(expected[2] - expected[0], abs=2)


def test_wrapping_keeps_units_with_their_numbers():
    lines = wrap("it took 100 ms and N = 3 nodes k1 → r2 did it", 90, 12)
    assert all(text_width(line, 12) <= 90 for line in lines)
    assert not any(line.startswith(("ms", "=", "→")) or line.endswith(("=", "→")) for line in lines)
    assert fit("a very long word", 40, 12).endswith("…")


@pytest.mark.parametrize(
    ("name", "short"),
    [("coordinator-eu-1", "ce1"), ("replica", "r"), ("n1234", "n34"), ("12", "112")],
)
def test_short_names(name, short):
    assert brief(name) == short
