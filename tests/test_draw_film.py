"""Films: frames that look like the stills, cost little, and become a GIF."""

import numpy
import pytest
from PIL import Image

from dsviz.draw.export import save
from dsviz.draw.film import Film, strip
from dsviz.draw.theme import TOKENS
from dsviz.errors import DsvizError
from dsviz.sim.faults import Partition
from dsviz.systems import quorum
from dsviz.trace import Trace


@pytest.fixture(scope="module")
def run():
    return quorum.inversion().run(seed=1)


@pytest.fixture(scope="module")
def film(run):
    return Film(run)


def rgb(colour):
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def has(pixels, colour):
    return bool((numpy.abs(pixels.astype(int) - rgb(colour)).sum(axis=2) < 12).any())


@pytest.mark.parametrize("theme", TOKENS)
def test_a_frame_shows_what_happens_in_the_colours_of_the_theme(run, theme):
    tokens = TOKENS[theme]
    pixels = Film(run, theme=theme).pixels(115.0)  # messages under way, two links cut
    assert pixels.dtype == numpy.uint8
    assert tuple(pixels[2, 2]) == rgb(tokens["background"])
    for name in ("ink", "vermilion", "purple"):  # nodes, the cut, the messages
        assert has(pixels, tokens[name]), name
    assert not has(Film(run, theme=theme).pixels(80.0), tokens["vermilion"])


def test_a_frame_is_the_same_whatever_was_drawn_before(run, film):
    fresh = Film(run).pixels(215.0)
    film.pixels(115.0)
    film.pixels(325.0)
    assert (film.pixels(215.0) == fresh).all()


def test_a_message_moves_and_nothing_else_does(film):
    one, other = film.pixels(102.0), film.pixels(106.0)
    changed = numpy.argwhere((one != other).any(axis=2))
    below = film.size[1] - 46  # the time is written there
    rows = changed[changed[:, 0] < below]
    assert 0 < len(rows) < 0.06 * one.shape[0] * one.shape[1]


def test_walls_and_crowds_are_drawn():
    wall = Partition(("r1", "k1"), ("r2", "r3"), at=50, duration=100)
    cut = Film(quorum.inversion().run(1, faults=(wall,)))
    assert has(cut.pixels(100.0), TOKENS["light"]["vermilion"])
    crowd = Film(quorum.staleness("ymmr", N=7, trials=8, pause=0).run(0))
    assert crowd.pixels(3.0).shape == (crowd.size[1], crowd.size[0], 3)


def test_gif_strip_and_other_files(run, film, tmp_path):
    path = film.gif(tmp_path / "run.gif", moments=[0, 100, 115, 320], seconds=1)
    with Image.open(path) as image:
        assert (image.n_frames, image.size) == (4, film.size)
        assert image.info["duration"] == 250
    assert strip(film, [0, 115]).size == (film.size[0], 2 * film.size[1])
    for ending in ("html", "png", "txt", "jsonl", "gif"):
        assert save(run, tmp_path / f"saved.{ending}").stat().st_size > 1000
    assert "FAULT" in (tmp_path / "saved.txt").read_text()
    assert Trace.from_jsonl((tmp_path / "saved.jsonl").read_text()) == run


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (lambda film, at: film.pixels(-1), "not a time of this run: 0 to 500 ms"),
        (lambda film, at: film.gif(at / "run.mp4"), "must end in .gif"),
        (lambda film, at: film.gif(at / "no" / "run.gif"), "there is no folder"),
        (lambda film, at: film.gif(at / "run.gif", moments=[]), "0 frames"),
        (lambda film, at: save(film.trace, at / "run.docx"), "must end in .html, .gif"),
        (lambda film, at: save(film.trace, at / "no" / "run.html"), "there is no folder"),
        (lambda film, at: strip(film, []), "moments is empty"),
        (lambda film, at: Film(film.trace, theme="pink"), "the themes are"),
    ],
)
def test_bad_input_gets_one_sentence(do, said, film, tmp_path):
    with pytest.raises(DsvizError, match=said):
        do(film, tmp_path)
