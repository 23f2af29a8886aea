"""The engine section of the consumer-groups lesson: recorded or real, it prints what is stored."""

import contextlib
import io

import nbformat
import pytest
from labtools import ROOT

from dsviz.engines import Kafka, Valkey, replay
from dsviz.engines.kafka import coordinator_partition

CELLS = nbformat.read(ROOT / "course" / "16-consumer-groups.ipynb", as_version=4).cells
NAMES = ("engine-joins", "engine-zombie")


def stored():
    """Return (source of the cells, the lines they print)."""
    cells = [next(cell for cell in CELLS if cell.id == name) for name in NAMES]
    source = "\n".join(cell.source for cell in cells)
    return source, "".join(output.text for cell in cells for output in cell.outputs)


def printed(source, **names):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(source, {"coordinator_partition": coordinator_partition, **names})
    return out.getvalue()


def test_the_recording_gives_the_stored_lines():
    source, lines = stored()
    kafka, valkey = (replay.load(f"16-consumer-groups-{name}") for name in ("kafka", "valkey"))
    assert printed(source, k=kafka, v=valkey) == lines


@pytest.mark.engine
def test_the_real_engine_gives_the_stored_lines():
    for engine in (Kafka, Valkey):
        problem = engine.available()
        if problem:
            pytest.skip(problem)
    source, lines = stored()
    with Kafka(brokers=1) as kafka, Valkey() as valkey:
        assert printed(source, k=kafka, v=valkey) == lines


def test_where_the_coordinator_of_a_group_is():
    found = {g: coordinator_partition(g) for g in ("orders", "payments", "billing", "analytics")}
    assert found == {"orders": 31, "payments": 13, "billing": 9, "analytics": 10}
    assert str(found) in stored()[1]


def test_what_the_lesson_says_about_kafka_and_valkey():
    _, lines = stored()
    assert "its commit is refused" in lines
    ranges, sticky = lines.split("join cooperative-sticky")[0], lines.split("join zoo")[0]
    assert "revoked 0 1 2 3 4 5" in ranges
    assert "revoked 0 1 2 3 4 5" not in sticky.split("join cooperative-sticky")[1]
