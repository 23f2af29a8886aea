"""The engine section of the write-ahead log lesson: recorded or real, it prints what is stored."""

import contextlib
import io

import nbformat
import pytest
from labtools import ROOT

from dsviz.engines import EtcdCluster, Postgres, Valkey, replay, sqlite

CELLS = nbformat.read(ROOT / "course" / "18-write-ahead-log.ipynb", as_version=4).cells
NAMES = ("engine-kill", "engine-damage", "engine-etcd")
OPTIONS = {"v": {"settings": {"appendonly": "yes"}}, "e": {"wal_apart": True}}


def cell(name):
    return next(cell for cell in CELLS if cell.id == name)


def stored(*names):
    """Return (source of the cells, the lines they print)."""
    cells = [cell(name) for name in names or NAMES]
    source = "\n".join(one.source for one in cells)
    return source, "".join(output.text for one in cells for output in one.outputs)


def printed(source, **names):
    """Return what the cells print behind the first one, whose rates differ from run to run.

    That one is run as well, without its opening of engines and without SQLite, which needs none.
    """
    first = cell("engine-group").source.splitlines(True)
    first = [line for line in first if "open(" not in line and "sqlite" not in line]
    names |= {"sqlite": sqlite}
    with contextlib.redirect_stdout(io.StringIO()):
        exec("".join(first), names)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(source, names)
    return out.getvalue()


def test_the_recording_gives_the_stored_lines():
    source, lines = stored()
    names = {"pg": "postgres", "v": "valkey", "e": "etcd"}
    engines = {key: replay.load(f"18-write-ahead-log-{name}") for key, name in names.items()}
    assert {key: engines[key].options for key in OPTIONS} == OPTIONS
    assert printed(source, **engines) == lines


@pytest.mark.engine
def test_the_real_engine_gives_the_stored_lines():
    for engine in (Postgres, Valkey, EtcdCluster):
        problem = engine.available()
        if problem:
            pytest.skip(problem)
    source, lines = stored()
    with Postgres() as pg, Valkey(**OPTIONS["v"]) as v, EtcdCluster(**OPTIONS["e"]) as e:
        assert printed(source, pg=pg, v=v, e=e) == lines


def test_the_recorded_rates_are_told_as_those_of_a_real_engine():
    recording = replay.load("18-write-ahead-log-postgres")
    recording.load(400, clients=4, kill_after=200)
    recording.start("p")
    redo = recording.recovery()
    assert redo.bytes > 0
    assert redo.start < redo.end, "as texts of one length"
    assert min(recording.test_fsync().value.values()) > 0


def test_sqlites_log_gives_the_stored_lines():
    _, lines = stored("engine-damage")
    _, *damaged = lines.splitlines()[:5]
    assert damaged[0] == "reopened: every acknowledged row is there"
    assert [line.endswith("the first rows are there, the rest is gone") for line in damaged[1:3]]
    assert damaged[3] == "cut at every 64th byte of the last frame: {'prefix'}"


def test_what_the_lesson_says_about_postgresql():
    _, lines = stored("engine-kill")
    assert "p was interrupted and redid its log\naudit at p: no acknowledged row is lost" in lines
    first, second = (line for line in lines.splitlines() if line.startswith("records with"))
    assert (first[-1], second[-1]) == ("1", "0")
    assert "20 updates, a checkpoint every 1: page images 20\n" in lines
    assert "20 updates, a checkpoint every 20: page images 1\n" in lines


def test_what_the_lesson_says_about_valkey():
    _, lines = stored("engine-damage")
    told = "{:8} on the disk when acknowledged: {}, within 2 s: {}\n".format
    assert told("always", True, True) in lines
    assert told("everysec", False, True) in lines
    assert told("no", False, False) in lines
    assert "audit at p: no acknowledged row is lost" in lines, "killed with appendfsync no"
    assert "reopened, tail torn: the first rows are there" in lines
    assert "reopened, tail torn, aof-load-truncated no: it does not start" in lines
    assert "valkey-check-aof, a value flipped: valid\n" in lines
    assert "reopened, a value flipped: it starts, with a row that nobody wrote\n" in lines
    assert "reopened, a length flipped: it does not start (Bad file format)\n" in lines
    assert "--fix: the first rows are there, the rest is gone\n" in lines


def test_what_the_lesson_says_about_etcd():
    _, lines = stored("engine-etcd")
    assert "log of e1: 1 segment in a folder of its own\n" in lines
    alone, shared = (line for line in lines.splitlines() if line.startswith("at least two syncs"))
    assert alone.endswith("True")
    assert shared.endswith("False")
    torn, rotten = (line for line in lines.splitlines() if line.startswith("start e2"))
    assert torn == "start e2: ok"
    assert rotten == "start e2: it ends by itself (discovery failed: walpb: crc mismatch)"
    assert "put x = 1 via e1: ok" in lines, "two of three go on"
