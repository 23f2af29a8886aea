"""The engine section of the quorum lesson: recorded or real, its cells print what is stored."""

import contextlib
import io

import nbformat
import pytest
from labtools import ROOT

from dsviz.engines import EtcdCluster, Postgres, Valkey, replay

CELLS = nbformat.read(ROOT / "course" / "04-quorum.ipynb", as_version=4).cells
ENGINES = {
    "engine-one": ("cluster", "etcd-quorum", EtcdCluster, {}),
    "engine-postgres-run": ("pg", "04-quorum-postgres", Postgres, {"standbys": 3}),
    "engine-valkey-run": ("store", "04-quorum-valkey", Valkey, {"replicas": 2}),
}


def stored(id):
    cell = next(cell for cell in CELLS if cell.id == id)
    return cell.source, "".join(output.text for output in cell.outputs)


def printed(source, **names):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(source, names)
    return out.getvalue()


@pytest.mark.parametrize("id", ENGINES)
def test_the_recording_gives_the_stored_lines(id):
    name, recording, _, _ = ENGINES[id]
    source, lines = stored(id)
    assert lines
    assert printed(source, **{name: replay.load(recording)}) == lines


@pytest.mark.engine
@pytest.mark.parametrize("id", ENGINES)
def test_the_real_engine_gives_the_stored_lines(id):
    name, _, engine, options = ENGINES[id]
    problem = engine.available()
    if problem:
        pytest.skip(problem)
    source, lines = stored(id)
    with engine(**options) as real:
        assert printed(source, **{name: real}) == lines


def test_what_the_lesson_says_about_each_engine():
    etcd, postgres, valkey = (stored(id)[1] for id in ENGINES)
    assert 'answered "etcdserver: request timed out"' in etcd
    assert "get x via e1, serializable: 2 (possibly stale)" in etcd
    assert "get x via e1: 3\nget y via e1: nothing is stored" in etcd
    assert "put x = 3 via p: no answer within 1000 ms, outcome unknown\nget x via p: 2" in postgres
    assert "get x via s1: 3" in postgres
    assert "wait for 2: 1 have it, too few, and nothing is undone" in valkey
    assert valkey.endswith("get x via r2: 1\nget x via r1: 2\n")
