"""Apache Kafka: brokers that replicate, consumer groups, transactions. Real where it is."""

from __future__ import annotations

import importlib.util
import shutil
import stat
import sys
import types
from pathlib import Path

import pytest
from engines_support import all_ended, killed_kernel, needs

from dsviz import engines
from dsviz.cli import main
from dsviz.engines import (
    kafka,
    kafka_brokers,
    kafka_clients,
    kafka_install,
    kafka_java,
    kafka_one_node,
    replay,
)
from dsviz.engines.kafka import Kafka, coordinator_partition
from dsviz.engines.kafka_group_views import story
from dsviz.engines.kafka_install import Jar
from dsviz.engines.kafka_one_node import OneNode
from dsviz.engines.kafka_records import _overtaken
from dsviz.engines.live import eventually
from dsviz.errors import DsvizError

# ---- one broker, shared by what leaves it as it was -------------------------------------------


@pytest.fixture(scope="module")
def k():
    with Kafka(brokers=1) as one:
        yield one


@needs("kafka.multi")
def test_where_a_group_is_coordinated_is_what_the_formula_says(k):
    # A consumer's first commit tells: the record is in that topic partition and in no other.
    k.create("where", 1)
    k.load("where", 10)
    k.join("payments", "w1", topic="where")
    assert k.drain("payments").ok
    assert k.leave("w1").ok
    found = k.coordinator("payments").value
    assert found == {"partition": 13, "broker": "b1"}
    ends = {p: k._ends("__consumer_offsets", p)[1] for p in (12, 13, 14)}
    assert ends[13] > 0
    assert ends[12] == ends[14] == 0


@needs("kafka.multi")
def test_numbers_of_a_load_are_counted_and_batches_are_requests(k):
    k.create("batches", 1)
    single = k.load("batches", 300, batch=1, linger_ms=0)
    many = k.load("batches", 300, linger_ms=50)
    assert (single.acked, single.requests) == (300, 300)
    assert many.acked == 300
    assert many.requests < 30
    paced = k.load("batches", 100, per_second=200)
    assert paced.took_ms >= 490
    assert k.audit("batches").value == {
        "acked": 700,
        "present": 700,
        "lost": 0,
        "duplicates": 0,
        "extra": 0,
        "reordered": 0,
    }
    assert k.describe("batches").value[0]["high"] == 700
    with pytest.raises(DsvizError, match="there is no topic 'nothing'; the topics are batches"):
        k.load("nothing", 1)


@needs("kafka.multi")
def test_a_key_goes_where_the_java_client_would_send_it(k):
    k.create("keys", 6)
    rows = k.produce("keys", *((key, "v") for key in MURMUR)).value
    assert [r["partition"] for r in rows] == [(h & 0x7FFFFFFF) % 6 for h in MURMUR.values()]
    read = k.read("keys")
    assert sorted(row["key"] for row in read.value) == sorted(MURMUR)
    assert k.produce("keys", "x", partition=5).value[0]["partition"] == 5
    with pytest.raises(DsvizError, match="partition=6 must be one of 0 to 5"):
        k.produce("keys", "x", partition=6)


#: What Kafka's own tests expect of its hash (UtilsTest.testMurmur2).
MURMUR = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "abc": 479470107,
}


@needs("kafka.multi")
def test_a_static_consumer_that_comes_back_in_time_changes_nothing_for_the_others(k):
    k.create("static", 4)
    k.join("calm", "t1", "t2", topic="static", static=True, session_ms=10_000)
    before = k.assignment("calm").value
    k.leave("t2")
    back = k.join("calm", "t2", topic="static", static=True, session_ms=10_000)
    assert back.assignment == before["consumers"]
    assert {c["consumer"] for c in back.callbacks} == {"t2"}, "t1 was asked nothing"
    k.leave("t1", "t2")


@needs("kafka.multi")
@pytest.mark.parametrize("strategy", [None, "range"])
def test_in_the_new_protocol_members_give_back_only_what_moves(k, strategy):
    topic, group = f"topic-{strategy}", f"next-{strategy}"
    names = [f"{group}-{number}" for number in (1, 2, 3)]
    k.create(topic, 6)
    joined = k.join(group, *names, topic=topic, protocol="consumer", strategy=strategy)
    assert f"(protocol consumer, {strategy or 'uniform'})" in joined.text
    assert sorted(p for owned in joined.assignment.values() for p in owned) == list(range(6))
    assert {len(owned) for owned in joined.assignment.values()} == {2}
    given_back = {
        name: {p for c in joined.callbacks if c["consumer"] == name and c["what"] == "revoked"
               for p in c["partitions"]}
        for name in names
    }  # fmt: skip
    if strategy is None:
        assert all(not given_back[name] & set(joined.assignment[name]) for name in names)
    described = k._admin().describe_consumer_groups([group])[group].result(10)
    assert described.type.name == "CONSUMER"
    k.leave(*names)


@needs("kafka.multi")
def test_in_the_new_protocol_brokers_set_the_session_and_refuse_whom_they_evicted():
    told = {"group.consumer.session.timeout.ms": 3000, "group_consumer_heartbeat_interval_ms": 300}
    with Kafka(brokers=1, settings=told) as new:
        new.create("orders", 4)
        new.load("orders", 1000)
        worker = {"protocol": "consumer", "session_ms": 60_000, "work_ms": 10}
        new.join("app", "c1", "c2", topic="orders", **worker)
        new.freeze("c2", after=10)
        left = new.regroup("app")
        assert left.assignment["c1"] == [0, 1, 2, 3]
        assert 1000 < left.took_ms < 20_000, "after 3 s, not 60"
        late = new.thaw("c2", commit=True)
        assert (late.status, late.error) == ("fail", "UNKNOWN_MEMBER_ID")
        assert new.drain("app").ok
        effects = new.effects("app")
        assert effects.records == 1000
        assert effects.twice > 0
        assert new.lag("app").value == 0, "what was drained is committed"
        defaults = new.broker_defaults("group.consumer.session.timeout.ms", "log.dirs")
        assert defaults.value["group.consumer.session.timeout.ms"] == "45000", "not what is set"
        with pytest.raises(DsvizError, match=r"brokers have no property no\.such"):
            new.broker_defaults("no.such")


def test_pieces_that_come_one_after_the_other_are_told_as_one():
    told = [("assigned", [5]), ("assigned", [2]), ("revoked", [1]), ("revoked", [0])]
    callbacks = [{"what": what, "partitions": parts} for what, parts in told]
    assert story(callbacks) == "assigned 2 5, revoked 1, revoked 0"
    assert [c["partitions"] for c in callbacks] == [[5], [2], [1], [0]], "which stay as they are"
    assert story([]) == "nothing changed"


@needs("kafka.multi")
def test_who_polls_too_seldom_is_out_and_does_the_same_records_again(k):
    k.create("slow", 1)
    k.load("slow", 20)
    k.join("livelock", "l1", topic="slow", session_ms=1000, max_poll_ms=1000, work_ms=120)

    def twice() -> bool:
        return k.effects("livelock").twice >= 20

    assert eventually(twice, 20_000)
    assert k.offsets("livelock").value[0]["committed"] is None, "no commit was ever accepted"
    assert "lost" in {c["what"] for c in k.rebalances("livelock").value}
    k.crash("l1")
    assert k.crash("l1").status == "fail"


@needs("kafka.multi")
def test_a_manual_commit_is_where_the_next_one_goes_on(k):
    k.create("resume", 1)
    k.load("resume", 30)
    k.join("hand", "h1", topic="resume", commit="never")
    assert k.drain("hand").ok
    assert k.lag("hand").value == 30
    assert k.commit("h1").value == {"offsets": {"0": 30}, "error": None}
    assert k.lag("hand").value == 0
    k.leave("h1")
    k.load("resume", 5)
    k.join("hand", "h2", topic="resume")
    assert k.drain("hand").ok
    assert k.effects("hand").by == {"h1": 30, "h2": 5}
    k.leave("h2")
    for call in (lambda: k.freeze("nobody"), lambda: k.lag("nogroup")):
        with pytest.raises(DsvizError, match=r"there is no consumer 'nobody'|nobody has joined"):
            call()


@needs("kafka.multi")
def test_a_cut_link_of_the_clients_is_an_unknown_outcome_and_not_a_failure(k):
    k.create("cut", 1)
    assert k.produce("cut", "a").ok
    k.cut("b1", "client")
    lost = k.produce("cut", "b", timeout_ms=1500)
    assert lost.unknown
    k.heal()
    assert k.produce("cut", "c").ok
    assert k.read("cut").value[0]["value"] == "a"
    operations = [op for op in k.history() if op.f == "append"]
    assert {op.status for op in operations} >= {"ok", "info"}


@needs("kafka.multi")
def test_no_broker_and_no_consumer_outlives_a_kernel_that_is_killed():
    script = (
        "from dsviz.engines import Kafka\ne = Kafka(brokers=1)\n"
        "e.create('t', 1); e.join('g', 'c1', 'c2', topic='t'); e.freeze('c1')\n"
    )
    pids, folder = killed_kernel(script)
    assert len(pids) == 3
    assert all_ended(pids, folder)


# ---- the one-node broker ----------------------------------------------------------------------

one_node = pytest.mark.skipif(
    kafka_one_node.available() is not None,
    reason=f"NOT TESTED, no small broker: {kafka_one_node.available()}",
)


@pytest.mark.engine
@one_node
def test_where_kafka_is_missing_one_node_stands_in_and_names_its_limits(monkeypatch, capsys):
    monkeypatch.setattr(kafka, "kafka_problem", lambda: "Kafka is not here: run this")
    assert engines.available("kafka.groups")
    assert engines.available("kafka.idem")
    assert not engines.available("kafka.txn")
    assert "run this" in repr(engines.available("kafka.multi"))
    assert kafka.version().startswith("tansu 0.6")
    with Kafka.open("kafka-groups", brokers=1) as one:
        said = capsys.readouterr().out
        assert "not Apache Kafka" in said
        assert "because Kafka is not here: run this" in said
        one.create("orders", 4)
        assert one.load("orders", 100).acked == 100
        one.create("plain", 1)
        one.load("plain", 20, lose_replies=4)
        assert one.audit("plain").duplicates == 4
        one.create("numbered", 1)
        one.load("numbered", 20, idempotent=True, lose_replies=4)
        assert one.audit("numbered").duplicates == 0
        joined = one.join("app", "o1", "o2", topic="orders", session_ms=2000)
        assert joined.assignment == {"o1": [0, 1], "o2": [2, 3]}
        assert one.drain("app").ok
        assert one.lag("app").value == 0
        for call in (
            lambda: one.txn_begin("p1"),
            lambda: one.join("new", "o3", topic="orders", protocol="consumer"),
            lambda: one.broker_defaults("log.dirs"),
        ):
            with pytest.raises(DsvizError, match="only Apache Kafka itself"):
                call()
        one.kill("b1")
        one.start("b1")
        # The consumers ask for their topic, and a broker like this one makes what is asked for.
        with pytest.raises(DsvizError, match="there is no topic 'plain'"):
            one.describe("plain")


def test_without_any_broker_the_same_cells_run_on_the_recording(monkeypatch, capsys):
    monkeypatch.setattr(kafka, "kafka_problem", lambda: "Kafka is not here: run this")
    monkeypatch.setattr(kafka_one_node, "available", lambda: "nor that")
    k = Kafka.open("kafka-groups", brokers=1)
    assert "a recording of Apache Kafka 4." in capsys.readouterr().out
    assert k.create("orders", 6).ok
    assert k.load("orders", 1200).acked == 1200
    with pytest.raises(DsvizError, match="run this"):
        Kafka()
    assert not engines.available("kafka.groups")
    assert kafka.version() == ""
    with pytest.raises(DsvizError, match="nor that"):
        OneNode()


# ---- installing, without a network ------------------------------------------------------------


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """A machine without Kafka."""
    monkeypatch.setenv("DSVIZ_HOME", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_data_path", lambda name: tmp_path / "own")
    monkeypatch.setattr(kafka_install, "java_problem", lambda: None)
    return tmp_path


def jar_of(name: str, data: bytes) -> Jar:
    import hashlib

    return Jar(name, hashlib.sha256(data).hexdigest(), len(data))


def central(monkeypatch, given: dict[str, bytes], error: Exception | None = None) -> list[str]:
    """Have jgo give these files; return the list of those it was asked for."""
    asked: list[str] = []

    class Context:
        def __init__(self, repo_cache, **_):
            self.cache = repo_cache

        def project(self, group, artifact):
            self.name = f"{group}:{artifact}"
            return self

        def at_version(self, version):
            self.name += f":{version}"
            return self

        def artifact(self):
            return self

        def resolve(self):
            asked.append(self.name)
            if error:
                raise error
            self.cache.mkdir(parents=True, exist_ok=True)
            path = self.cache / "file.jar"
            path.write_bytes(given[self.name])
            return path

    monkeypatch.setattr(kafka_install, "_jgo", lambda: types.SimpleNamespace(MavenContext=Context))
    return asked


def test_the_list_names_one_release_and_each_jar_once():
    found = kafka_install.jars()
    assert kafka_install.release().startswith("4.")
    assert len({jar.file for jar in found}) == len(found) > 30
    kafkas = [jar.name for jar in found if jar.name.startswith("org.apache.kafka:")]
    assert {name.rpartition(":")[2] for name in kafkas} == {kafka_install.release()}
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in found)


def test_an_installation_goes_on_where_it_stopped_and_is_done_once(monkeypatch, elsewhere):
    files = {"org.apache.kafka:kafka_2.13:4.4.0": b"one", "b:two:2": b"two"}
    found = [jar_of(name, data) for name, data in files.items()]
    monkeypatch.setattr(kafka_install, "jars", lambda: found)
    tried: list[Path] = []
    monkeypatch.setattr(kafka_install, "_try_out", tried.append)
    central(monkeypatch, files | {"b:two:2": b"TWO"})
    with pytest.raises(DsvizError, match=r"b:two:2 is not what dsviz was tested with"):
        kafka_install.install(print)
    assert kafka_install.installed() is None
    asked = central(monkeypatch, files)
    said: list[str] = []
    folder = kafka_install.install(said.append)
    assert asked == ["b:two:2"], "the other one was whole"
    assert tried == [folder]
    assert folder == kafka_install.installed()
    assert folder.is_relative_to(elsewhere)
    assert sorted(file.name for file in (folder / "jars").iterdir()) == [
        "kafka_2.13-4.4.0.jar",
        "two-2.jar",
    ]
    assert any("Starting a broker once" in line for line in said)
    kafka_install.install(said.append)
    assert said[-1].startswith("Apache Kafka 4.4.0 is installed already")
    assert asked == ["b:two:2"]
    assert tried == [folder]


def test_what_goes_wrong_while_installing_is_one_sentence_each(monkeypatch, elsewhere, capsys):
    requests = pytest.importorskip("requests")
    found = [jar_of("org.apache.kafka:kafka_2.13:4.4.0", b"one")]
    monkeypatch.setattr(kafka_install, "jars", lambda: found)

    def said() -> str:
        assert main(["engines", "install", "kafka"]) == 2
        err = capsys.readouterr().err.strip().splitlines()
        return err[-1]

    central(monkeypatch, {}, requests.ConnectionError("refused"))
    assert "Maven Central could not be reached" in said()
    central(monkeypatch, {}, RuntimeError("not found"))
    assert "Maven Central did not give org.apache.kafka:kafka_2.13:4.4.0" in said()
    usage = shutil._ntuple_diskusage(10**9, 10**9 - 5, 5)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert "too little room" in said()
    monkeypatch.undo()
    monkeypatch.setenv("DSVIZ_HOME", str(elsewhere))
    monkeypatch.setattr("platformdirs.user_data_path", lambda name: elsewhere / "own")
    monkeypatch.setattr(kafka_install, "java_problem", lambda: None)
    monkeypatch.setitem(sys.modules, "jgo.maven", None)
    assert "jgo, which fetches Kafka, is not installed: run pip" in said()
    assert kafka_install.problem().endswith("run python -m dsviz engines install kafka")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('openjdk version "17.0.15" 2025-04-15', None),
        ('openjdk version "25" 2025-09-16', None),
        ('java version "1.8.0_292"', "is Java 8, and Kafka needs 17 or newer"),
        ("I am no Java", "does not say its version"),
        (None, "there is none at JAVA_HOME"),
    ],
)
def test_a_java_that_will_not_do_is_told(monkeypatch, tmp_path, text, message):
    (tmp_path / "bin").mkdir()
    if text is not None:
        program = tmp_path / "bin" / "java"
        program.write_text(f"#!/bin/sh\necho '{text}' >&2\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    problem = kafka_java.java_problem()
    assert (problem is None) if message is None else (message in problem)
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", "")
    assert "there is none on PATH" in kafka_java.java_problem()


# ---- parts ------------------------------------------------------------------------------------


def test_a_group_lives_where_java_s_hash_says():
    groups = {"orders": 31, "payments": 13, "billing": 9, "analytics": 10}
    assert {name: coordinator_partition(name) for name in groups} == groups
    # "polygenelubricants".hashCode() is Integer.MIN_VALUE, whose absolute value is none.
    assert coordinator_partition("polygenelubricants") == 0
    assert coordinator_partition("orders", 1) == 0


def test_overtaken_numbers_are_counted_and_repeats_are_not():
    assert _overtaken([1, 2, 3]) == 0
    assert _overtaken([1, 3, 2, 3, 4]) == 1
    assert _overtaken([1, 2, 1, 2]) == 0


def test_an_outcome_is_known_only_when_the_broker_refused():
    def error(name):
        return types.SimpleNamespace(name=lambda: name)

    assert kafka_clients.outcome(None) == "ok"
    assert kafka_clients.outcome(error("NOT_ENOUGH_REPLICAS")) == "fail"
    for name in ("_MSG_TIMED_OUT", "NOT_ENOUGH_REPLICAS_AFTER_APPEND", "REQUEST_TIMED_OUT"):
        assert kafka_clients.outcome(error(name)) == "info"


def test_log_lines_and_the_quorum_are_read(tmp_path):
    line = "[2026-11-25T21:52:01,919] WARN [Broker id=1] no room (KafkaServer)"
    assert kafka_brokers.log_words(line) == "[Broker id=1] no room"
    assert kafka_brokers.quorum(tmp_path) == (None, None)
    state = tmp_path / "__cluster_metadata-0" / "quorum-state"
    state.parent.mkdir()
    state.write_text('{"leaderId": 2, "leaderEpoch": 7}')
    assert kafka_brokers.quorum(tmp_path) == (2, 7)


def test_settings_of_a_learner_win(tmp_path):
    places = {n: kafka_brokers.Place((1, 2, 3), (4, 5, 6)) for n in (1, 2, 3)}
    told = {"broker.session.timeout.ms": 9000, "min.insync.replicas": 2}
    text = kafka_brokers.configuration(1, places, tmp_path, told)
    lines = dict(line.split("=", 1) for line in text.splitlines())
    assert lines["broker.session.timeout.ms"] == "9000"
    assert lines["min.insync.replicas"] == "2"
    assert lines["controller.quorum.voters"].count("@") == 3
    assert lines["offsets.topic.replication.factor"] == "3"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: Kafka(brokers=2), "brokers=2 must be 1 or 3"),
        (lambda k: k.create("a b"), "topic='a b' must be letters"),
        (lambda k: k.create("a", 0), "partitions=0 must be"),
        (lambda k: k.create("a", 1, 2), "replication=2 must be"),
        (lambda k: k.produce("a"), "name a record"),
        (lambda k: k.produce("a", ("k", "v", "w")), r"must be a value or a pair"),
        (lambda k: k.produce("a", "b", acks=2), "acks=2 must be one of 0, 1 and 'all'"),
        (lambda k: k.load("a", acks=1, idempotent=True), "needs acks='all'"),
        (lambda k: k.load("a", kill="b1"), "give kill and kill_after together"),
        (lambda k: k.load("a", kill="b9", kill_after=1), "no member 'b9'"),
        (lambda k: k.load("a", linger_ms=-1), "linger_ms=-1 must be"),
        (lambda k: k.join("g", topic="a"), "name a consumer"),
        (lambda k: k.join("g", "c", "c", topic="a"), "each once"),
        (lambda k: k.join("g", "b1", topic="a"), "b1 is a broker"),
        (lambda k: k.join("g", "c", topic="a", strategy="sticky"), "strategy='sticky' must be"),
        (lambda k: k.join("g", "c", topic="a", protocol="new"), "must be 'classic' or 'consumer'"),
        (
            lambda k: k.join("g", "c", topic="a", protocol="consumer", strategy="roundrobin"),
            "strategy='roundrobin' must be one of range and uniform",
        ),
        (lambda k: k.broker_defaults(), "name a property"),
        (lambda k: k.join("g", "c", topic="a", commit="often"), "commit='often' must be"),
        (lambda k: k.join("g", "c", topic="a", max_poll_ms=10), "max_poll_ms=10 must be"),
        (lambda k: k.read("a", isolation="serializable"), "isolation='serializable' must be"),
        (lambda k: k.kill("c1"), "no member 'c1'"),
    ],
)
def test_a_bad_argument_is_named_with_what_would_do(call, message):
    with pytest.raises(DsvizError, match=message):
        call(replay.load("kafka-groups"))


def test_without_the_client_the_sentence_names_it(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: find(n, *a))
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    assert kafka.client_problem() == (
        'the package confluent-kafka is not installed: run pip install "dsviz[engines]"'
    )


def test_the_client_tells_its_own_defaults():
    pytest.importorskip("confluent_kafka")
    from dsviz.engines.kafka_defaults import default

    assert default("partition.assignment.strategy") == "range,roundrobin"
    assert default("session.timeout.ms") == "45000"
    assert default("acks") == "-1"
    with pytest.raises(DsvizError, match=r"librdkafka has no option 'acks\.all'"):
        default("acks.all")
