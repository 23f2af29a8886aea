"""The engine section of the write-ahead log lesson: recorded or real, it prints what is stored."""

import contextlib
import io

import nbformat
import pytest
from labtools import ROOT

from dsviz.engines import Postgres, replay, sqlite

CELLS = nbformat.read(ROOT / "course" / "18-write-ahead-log.ipynb", as_version=4).cells
RECORDING = "18-write-ahead-log-postgres"


def stored():
    cell = next(cell for cell in CELLS if cell.id == "engine-kill")
    source = "".join(line for line in cell.source.splitlines(True) if "Postgres" not in line)
    return source, "".join(output.text for output in cell.outputs)


def printed(source, **names):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(source, names)
    return out.getvalue()


def test_the_recording_gives_the_stored_lines():
    source, lines = stored()
    assert printed(source, pg=replay.load(RECORDING), sqlite=sqlite) == lines


@pytest.mark.engine
def test_the_real_engine_gives_the_stored_lines():
    problem = Postgres.available()
    if problem:
        pytest.skip(problem)
    source, lines = stored()
    with Postgres() as real:
        assert printed(source, pg=real, sqlite=sqlite) == lines


def test_sqlites_log_gives_the_stored_lines():
    _, lines = stored()
    damaged = lines.splitlines()[-4:]
    assert damaged[0] == "reopened: every acknowledged row is there"
    assert [line.endswith("the first rows are there, the rest is gone") for line in damaged[1:3]]
    assert damaged[3] == "cut at every 64th byte of the last frame: {'prefix'}"


def test_what_the_lesson_says_about_postgresql():
    _, lines = stored()
    assert "p was interrupted and redid its log\naudit at p: no acknowledged row is lost" in lines
    first, second = (line for line in lines.splitlines() if line.startswith("records with"))
    assert (first[-1], second[-1]) == ("1", "0")
