"""The engine section of the consumer-groups lesson: recorded or real, it prints what is stored."""

import contextlib
import io

import nbformat
import pytest
from labtools import ROOT

from dsviz.engines import Kafka, Postgres, Valkey, replay
from dsviz.engines.kafka import coordinator_partition

CELLS = nbformat.read(ROOT / "course" / "16-consumer-groups.ipynb", as_version=4).cells
NAMES = ("engine-joins", "engine-zombie", "engine-claims")
SESSION = {"group.consumer.session.timeout.ms": 6000, "group.consumer.heartbeat.interval.ms": 500}


def stored(*names):
    """Return (source of the cells, the lines they print)."""
    cells = [next(cell for cell in CELLS if cell.id == name) for name in names or NAMES]
    source = "\n".join(cell.source for cell in cells)
    return source, "".join(output.text for cell in cells for output in cell.outputs)


def printed(source, **names):
    names |= {"coordinator_partition": coordinator_partition, "told": SESSION}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(source, names)
    return out.getvalue()


def block(lines, beginning):
    """Return the lines from the one with this beginning to the next that is not indented."""
    _, _, rest = lines.partition(f"\n{beginning}")
    first, *more = rest.splitlines()
    kept = [first]
    for line in more:
        if not line.startswith(" "):
            break
        kept.append(line)
    return kept


def test_the_recording_gives_the_stored_lines():
    source, lines = stored()
    names = {"k": "kafka", "v": "valkey", "pg": "postgres"}
    engines = {key: replay.load(f"16-consumer-groups-{name}") for key, name in names.items()}
    assert engines["k"].options == {"brokers": 1, "settings": SESSION}
    assert printed(source, **engines) == lines


@pytest.mark.engine
def test_the_real_engine_gives_the_stored_lines():
    for engine in (Kafka, Valkey, Postgres):
        problem = engine.available()
        if problem:
            pytest.skip(problem)
    source, lines = stored()
    with Kafka(brokers=1, settings=SESSION) as kafka, Valkey() as valkey, Postgres() as postgres:
        assert printed(source, k=kafka, v=valkey, pg=postgres) == lines


def test_the_settings_of_the_recording_are_those_of_the_lesson():
    source, _ = stored("engine-start")
    assert f"told = {SESSION}".replace("'", '"') in source


def test_where_the_coordinator_of_a_group_is():
    found = {g: coordinator_partition(g) for g in ("orders", "payments", "billing", "analytics")}
    assert found == {"orders": 31, "payments": 13, "billing": 9, "analytics": 10}
    assert str(found) in stored()[1]


def test_what_the_lesson_says_about_kafka():
    _, lines = stored("engine-joins", "engine-zombie")
    assert "revoked 0 1 2 3 4 5" in "".join(block(lines, "join range"))
    assert "revoked 0 1 2 3 4 5" not in "".join(block(lines, "join sticky"))
    assert "thaw old-2: its commit is refused" in lines
    assert " ".join(block(lines, "assignment of old")[-1].split()) == "old-2 not a member 3 4 5"
    assert "effects of old: some records were done twice" in lines


def test_what_the_lesson_says_about_the_new_protocol():
    _, lines = stored("engine-joins", "engine-zombie")
    first, second, third = block(lines, "join next (protocol consumer, uniform)")[1:]
    assert "assigned 0 1 2 3 4 5, revoked 3 4 5, revoked 2" in first, "it never gave back 0 and 1"
    assert "assigned 3 4 5, revoked 5" in second
    assert "revoked" not in third
    assert "group.protocol = classic" in lines
    assert "group.consumer.session.timeout.ms = 45000" in lines
    assert "group.consumer.heartbeat.interval.ms = 5000" in lines
    assert "thaw new-2: its commit is refused" in lines
    assert " ".join(block(lines, "assignment of new")[-1].split()) == "new-2 not a member 3 4 5"


def test_what_the_lesson_says_about_valkey():
    _, lines = stored("engine-claims")
    late, owner = (line for line in lines.splitlines() if "INCR effects" in line)
    assert late.startswith("c2, back and late: INCR effects at p: 1")
    assert late.endswith("XACK orders app 1-0 at p: 1"), "the stream takes it"
    assert owner == "c3: INCR effects at p: 2 and XACK orders app 1-0 at p: 0"


def test_what_the_lesson_says_about_postgresql():
    _, lines = stored("engine-claims")
    assert "w1 and w2 take [[1], [2]] [[3], [4]]\n" in lines, "skipped what was locked"
    assert "w1 hangs up: ok and w3 takes [[1], [2]]\n" in lines
    assert "w2 stands still; w4 takes [[3], [4]]\n" in lines
    assert lines.splitlines()[-1].startswith("w2: has no connection any more (terminating")
