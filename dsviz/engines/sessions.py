"""What the lessons do with a real engine, as functions that yield the lines of a transcript.

The same function runs on a real cluster and on its recording: that is how the transcripts in
``transcripts/`` were made, and how a test finds out when they are no longer true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from dsviz.engines.delta_verbs import DeltaVerbs
from dsviz.engines.haproxy_verbs import HaproxyVerbs
from dsviz.engines.kafka_verbs import KafkaVerbs
from dsviz.engines.postgres_verbs import PostgresVerbs
from dsviz.engines.valkey_verbs import ValkeyVerbs
from dsviz.engines.verbs import EtcdVerbs


def quorum_session(c: EtcdVerbs) -> Iterator[str]:
    """Yield the quorum lesson's run of a fresh three-member cluster that e1 leads.

    Two writes get no answer in time, and their fates differ for a reason, not by luck. x = 3 is
    sent at once after the kill: e1 still leads (it needs 1 000 to 2 000 ms to notice), so the entry
    is in its log, and e2 must elect the longer log when it returns. y = 9 is sent when nobody
    leads: it is in no log at all.
    """
    yield f"etcd {c.version}, members {', '.join(c.members)}, leader {c.leader()}"
    yield "\nAll three are up:"
    yield from _show(c.status(), c.put("x", 1), c.get("x", via="e2"))
    yield "\nOne is killed. Two of three are a majority:"
    yield from _show(c.kill("e3"), c.status(), c.put("x", 2), c.get("x", via="e2"))
    yield "\nA second one is killed, and a write is sent to the leader at once:"
    yield from _show(c.kill("e2"), c.put("x", 3))
    yield "\nA little later e1 has noticed. One of three is no majority:"
    yield from _show(c.status(), c.put("y", 9, timeout_ms=1000))
    yield from _show(c.get("x", timeout_ms=10_000), c.get("x", serializable=True))
    yield "\nOne comes back with its data. The two writes without an answer had different fates:"
    yield from _show(c.start("e2"), c.status(), c.get("x"), c.get("y"))
    yield from _show(c.get("x", via="e2", serializable=True))
    yield "\nThe last one comes back and has caught up:"
    yield from _show(c.start("e3"), c.status(), c.put("x", 4), c.get("x", via="e3"))


def etcd_partition_session(c: EtcdVerbs) -> Iterator[str]:
    """Yield a run of a leader that is cut off and goes on believing that it leads.

    y = 9 is in the log of e1 alone: the new leader's log replaces it when the link is back.
    """
    yield f"etcd {c.version}, members {', '.join(c.members)}, leader {c.leader()}"
    yield from _show(c.put("x", 1), c.settle(), c.get("x", via="e3"))
    yield "\nThe leader is cut off. The others elect one of them:"
    yield from _show(c.partition("e1", ["e2", "e3"]), c.put("y", 9, timeout_ms=500), c.settle())
    yield from _show(c.put("x", 2, via="e2"), c.get("x", via="e3"))
    yield "\nThe old one cannot know. It answers only whoever does not mind stale:"
    yield from _show(c.get("x", timeout_ms=1000), c.get("x", serializable=True))
    yield "\nThe link is back:"
    yield from _show(c.heal(), c.settle(), c.get("x"), c.get("y"))


def postgres_crash_session(pg: PostgresVerbs) -> Iterator[str]:
    """Yield a run of one server that is killed in mid-load, with and without waiting for its disk.

    With synchronous_commit off a commit is acknowledged before its record is written: the last
    ones, of up to three times wal_writer_delay, are gone. Its default of 200 ms is set to 1 s, so
    that no run is lucky.
    """
    yield repr(pg)
    yield "\nKilled in mid-load, every commit written to the log first:"
    yield from _show(pg.load(2000, kill_after=1000), pg.status(), pg.start("p"))
    yield from _show(pg.recovery("p"), pg.audit())
    yield "\nThe same, acknowledged before it is written:"
    yield from _show(pg.configure(synchronous_commit="off", wal_writer_delay="1s"))
    yield from _show(pg.load(5000, kill_after=4000), pg.start("p"), pg.recovery("p"), pg.audit())
    yield "\nShut down in order:"
    yield from _show(pg.stop("p"), pg.start("p"), pg.recovery("p"))


def postgres_quorum_session(pg: PostgresVerbs) -> Iterator[str]:
    """Yield a run of a primary with two standbys that a commit waits for, one of them frozen."""
    yield repr(pg)
    yield "\nBoth standbys must have it:"
    yield from _show(pg.configure(synchronous_standby_names="FIRST 2 (s1, s2)"), pg.status())
    yield from _show(pg.put("x", 1), pg.pause("s1"), pg.put("x", 2, timeout_ms=1000))
    yield "\nNobody knows, and it has happened all the same:"
    yield from _show(pg.resume("s1"), pg.settle(), pg.get("x"), pg.get("x", via="s1"))
    yield "\nAny one of them is enough:"
    yield from _show(pg.configure(synchronous_standby_names="ANY 1 (s1, s2)"), pg.status())
    yield from _show(pg.pause("s1"), pg.put("x", 3), pg.resume("s1"))


def postgres_promote_session(pg: PostgresVerbs) -> Iterator[str]:
    """Yield a run of a primary that is cut off, goes on alone, and is succeeded by its standby."""
    yield repr(pg)
    yield from _show(pg.put("x", "before"), pg.settle(), pg.get("x", via="s1"))
    yield "\nThe link is cut, the primary goes on, the standby is promoted:"
    yield from _show(pg.partition("p", "s1"), pg.load(100), pg.promote("s1"), pg.status())
    yield "\nTwo primaries, and what one acknowledged is lost on the other:"
    yield from _show(pg.put("x", "split", via="p"), pg.put("x", "brain", via="s1"))
    yield from _show(pg.audit("p"), pg.audit("s1"))
    yield "\nThe old one comes back as a standby:"
    yield from _show(pg.heal(), pg.rewind("p", to="s1"), pg.settle(), pg.status())
    yield from _show(pg.get("x", via="p"), pg.audit("p"))


def valkey_wait_session(v: ValkeyVerbs) -> Iterator[str]:
    """Yield a run of a primary with two replicas, one frozen, then dead: WAIT and its limits."""
    yield repr(v)
    yield from _show(v.status(), v.put("x", 1), v.wait(2), v.get("x", via="r2"))
    yield "\nOne replica is frozen. WAIT counts, and undoes nothing:"
    yield from _show(v.pause("r2"), v.put("x", 2), v.wait(2, timeout_ms=300), v.get("x"))
    yield from _show(v.resume("r2"), v.wait(2, timeout_ms=3000))
    yield "\nRefusing beforehand, when replicas are missing:"
    yield from _show(v.configure(min_replicas_to_write=2, min_replicas_max_lag=5))
    yield from _show(v.kill("r2"), v.status(), v.put("x", 3), v.get("x"))
    yield from _show(v.start("r2"), v.settle(), v.put("x", 4))


def valkey_promote_session(v: ValkeyVerbs) -> Iterator[str]:
    """Yield a run of a primary that is cut off from its replica and succeeded by hand."""
    yield repr(v)
    yield from _show(v.put("x", "before"), v.settle(), v.get("x", via="r1"))
    yield "\nThe link is cut. The primary goes on and says ok to 100 writes:"
    yield from _show(v.partition("p", "r1"), v.load(100), v.put("x", "split"))
    yield "\nWith WAIT 1 it says that nobody else has them:"
    yield from _show(v.load(3, wait=1, timeout_ms=100))
    yield "\nThe replica takes over:"
    yield from _show(v.promote("r1"), v.put("x", "brain", via="r1"), v.status(), v.audit("r1"))
    yield "\nThe old one returns as a replica, and what only it had is gone:"
    yield from _show(v.heal(), v.follow("p", to="r1"), v.settle(), v.status())
    yield from _show(v.get("x"), v.audit("p"))


def valkey_sentinel_session(v: ValkeyVerbs) -> Iterator[str]:
    """Yield a run in which three Sentinels replace a frozen primary, which then wakes up.

    An old primary is demoted 10 s after it is back, as long as Sentinels give it to say so itself.
    """
    yield repr(v)
    yield from _show(v.status(), v.put("x", "before"), v.wait(1))
    yield "\nThe primary stands still. The Sentinels agree and make the replica one:"
    yield from _show(v.pause("p"), v.settle(), v.status())
    yield "\nThe old primary wakes up and knows nothing of it:"
    yield from _show(v.resume("p"), v.put("x", "split", via="p"), v.get("x", via="p"))
    yield from _show(v.get("x", via="r1"))
    yield "\nUntil a Sentinel tells it:"
    yield from _show(v.settle(), v.status(), v.get("x", via="p"))


def valkey_cluster_session(c: ValkeyVerbs) -> Iterator[str]:
    """Yield a run of three primaries with a replica each: slots, redirections, a move, a loss."""
    yield repr(c)
    yield from _show(c.status(), c.command("CLUSTER", "KEYSLOT", "123456789", via="a"))
    yield "\nEach server answers for its slots only:"
    yield from _show(c.put("foo", 1, via="a"), c.put("foo", 1, via="a", follow=True))
    yield from _show(c.command("MGET", "foo", "bar", via="a"))
    yield from _show(c.put("{foo}2", 2, via="c"), c.command("MGET", "foo", "{foo}2", via="c"))
    yield "\nA slot moves. While it does, its old owner answers ASK, then MOVED:"
    yield from _show(c.move(12182, "a", finish=False), c.get("foo", via="c"))
    yield from _show(c.get("foo", via="b", follow=True), c.move(12182, "a"))
    yield from _show(c.get("foo", via="c"), c.get("foo", via="a"))
    yield "\nA primary dies, its replica takes over. Both dead: no slot is served:"
    yield from _show(c.kill("b"), c.settle(), c.status(), c.kill("rb"))
    yield from _show(c.settle(), c.status(), c.put("foo", 3, via="a"))


def haproxy_session(lb: HaproxyVerbs) -> Iterator[str]:
    """Yield a run of two fast servers and a slow one, a death, and one that answers errors."""
    yield repr(lb)
    yield from _show(lb.status())
    yield "\nThree ways to choose, the same servers:"
    yield from _show(*(lb.burst(400, name) for name in ("roundrobin", "leastconn", "random")))
    yield "\nA server dies. The balancer notices by its checks:"
    yield from _show(lb.kill("w1"), lb.settle(), lb.status(), lb.burst(100, "leastconn"))
    yield "\nOne answers errors, and its health check is fine:"
    yield from _show(lb.start("w1"), lb.settle(), lb.fail("w2"), lb.status())
    yield from _show(lb.burst(90, "roundrobin"))


def delta_session(lake: DeltaVerbs) -> Iterator[str]:
    """Yield a run of a table whose versions are kept, and of two writers in conflict."""
    yield repr(lake)
    yield "\nEvery change is a new version, and the old ones stay:"
    yield from _show(lake.append(1, 2), lake.append(3), lake.delete(1), lake.versions())
    yield from _show(lake.read(), lake.read(version=1), lake.read(version=2))
    yield "\nTwo writers look at the same version. The second one to commit is refused:"
    yield from _show(lake.look("w1"), lake.look("w2"))
    yield from _show(lake.update(2, 20, via="w1"), lake.update(2, 200, via="w2"), lake.read())
    yield from _show(lake.look("w2"), lake.update(20, 200, via="w2"), lake.read())
    yield "\nAppends do not depend on what was there, so both succeed:"
    yield from _show(lake.look("w1"), lake.append(8, via="w1"), lake.append(9, via="w2"))
    yield from _show(lake.read(), lake.look("w1"))
    yield "\nAn old version comes back as a new one. Its files can be removed, and it with them:"
    yield from _show(lake.restore(2), lake.read(), lake.files(), lake.vacuum(), lake.files())
    yield from _show(lake.read(), lake.read(version=6))


def kafka_acks_session(k: KafkaVerbs) -> Iterator[str]:
    """Yield a run of a leader killed in mid-load: what acks=1 and acks=all said was safe.

    Replication is slowed down, so that no run is lucky: on one machine a follower is a few
    records behind at most. The second load is idempotent, because a retry would be there twice now
    and then.
    """
    yield repr(k)
    yield from _show(k.create("one", 1), k.create("all", 1, min_insync_replicas=2))
    yield from _show(k.describe("one"), k.delay("b1", "b2", 300), k.delay("b1", "b3", 300))
    yield "\nThe leader dies in mid-load, and only it had to have a record before it said so:"
    half_way = {"per_second": 2000, "kill": "b1", "kill_after": 1500}
    yield from _show(k.load("one", 3000, acks=1, **half_way), k.settle(), k.describe("one"))
    yield from _show(k.audit("one"))
    yield "\nIt returns as a follower. What only it had is cut off its log:"
    yield from _show(k.heal(), k.start("b1"), k.settle(), k.audit("one"), k.elect("all"))
    yield "\nThe same, when every replica in sync had to have it:"
    yield from _show(k.delay("b1", "b2", 300), k.delay("b1", "b3", 300))
    yield from _show(k.load("all", 3000, acks="all", idempotent=True, **half_way), k.settle())
    yield from _show(k.audit("all"), k.describe("all"), k.heal())
    yield "\nWith fewer in sync than min.insync.replicas, acks=all is refused, and acks=1 is not:"
    yield from _show(k.create("three", 1, min_insync_replicas=3), k.describe("three"))
    yield from _show(k.produce("three", "a", acks="all", retry=False))
    yield from _show(k.produce("three", "a", acks=1), k.produce("three", "a", acks=0))


def kafka_groups_session(k: KafkaVerbs) -> Iterator[str]:
    """Yield a run of consumer groups: eager, cooperative, and one consumer that stood still."""
    yield repr(k)
    yield from _show(k.create("orders", 6), k.load("orders", 1200))
    yield from _show(*(k.coordinator(g) for g in ("orders", "payments", "billing", "analytics")))
    yield "\nEager (range): at every join, everybody gives up everything:"
    yield from _show(k.join("eager", "a1", "a2", "a3", topic="orders"), k.leave("a3"))
    yield "\nCooperative: only what moves is given up:"
    sticky = {"topic": "orders", "strategy": "cooperative-sticky"}
    yield from _show(k.join("sticky", "s1", "s2", "s3", **sticky), k.leave("s3"))
    yield "\nOne stands still in the middle of a batch, for longer than its session:"
    slow = {"topic": "orders", "session_ms": 3000, "work_ms": 5}
    yield from _show(k.join("zombies", "z1", "z2", **slow), k.freeze("z2", after=10))
    yield from _show(k.regroup("zombies"), k.assignment("zombies"))
    yield "\nIt wakes up and knows nothing of it. Its commit is refused, its work is done twice:"
    yield from _show(k.thaw("z2", commit=True), k.regroup("zombies"), k.drain("zombies"))
    yield from _show(k.effects("zombies"), k.offsets("zombies"), k.lag("zombies"))


def kafka_exactly_once_session(k: KafkaVerbs) -> Iterator[str]:
    """Yield a run of retries with and without idempotence, and of transactions and a zombie."""
    yield repr(k)
    yield "\nTen acknowledgements get lost. The producer sends again what is there already:"
    yield from _show(k.create("plain", 1), k.load("plain", 200, lose_replies=10), k.audit("plain"))
    yield "\nAn idempotent producer numbers its batches, and the broker leaves out repeats:"
    yield from _show(k.create("numbered", 1))
    yield from _show(k.load("numbered", 200, idempotent=True, lose_replies=10), k.audit("numbered"))
    yield "\nA transaction is in the log at once, and is shown when it is committed:"
    yield from _show(k.create("payments", 1), k.txn_begin("p1", id="payer"))
    yield from _show(k.txn_send("p1", "payments", "a", "b"), k.read("payments"))
    yield from _show(k.read("payments", isolation="read_uncommitted"), k.txn_end("p1"))
    yield from _show(k.read("payments"))
    yield "\nWhat is aborted stays in the log, and is never shown:"
    yield from _show(k.txn_begin("p1", id="payer"), k.txn_send("p1", "payments", "c"))
    yield from _show(k.txn_end("p1", commit=False), k.read("payments"))
    yield "\nA second producer with the same id fences the first:"
    yield from _show(k.txn_begin("p1", id="payer"), k.txn_send("p1", "payments", "d"))
    yield from _show(k.txn_begin("p2", id="payer"), k.txn_send("p2", "payments", "e"))
    yield from _show(k.txn_send("p1", "payments", "f"), k.txn_end("p1"), k.txn_end("p2"))
    yield from _show(k.read("payments"), k.read("payments", isolation="read_uncommitted"))


def _show(*answers: object) -> Iterator[str]:
    for answer in answers:
        yield from (f"  {line}" for line in repr(answer).splitlines())


@dataclass(frozen=True)
class Session:
    """A run: the engine (a name in `dsviz.engines`), its options, and what is done with it."""

    engine: str
    run: Callable[[Any], Iterator[str]]
    options: dict[str, Any] = field(default_factory=dict)


#: Recorded runs by name; a file name in ``transcripts/`` each.
SESSIONS: dict[str, Session] = {
    "etcd-quorum": Session("EtcdCluster", quorum_session),
    "etcd-partition": Session("EtcdCluster", etcd_partition_session),
    "postgres-crash": Session("Postgres", postgres_crash_session),
    "postgres-quorum": Session("Postgres", postgres_quorum_session, {"standbys": 2}),
    "postgres-promote": Session("Postgres", postgres_promote_session, {"standbys": 1}),
    "valkey-wait": Session("Valkey", valkey_wait_session, {"replicas": 2}),
    "valkey-promote": Session("Valkey", valkey_promote_session, {"replicas": 1}),
    "valkey-sentinel": Session("Valkey", valkey_sentinel_session, {"replicas": 1, "sentinels": 3}),
    "haproxy-balance": Session(
        "Haproxy", haproxy_session, {"servers": {"w1": 10, "w2": 10, "w3": 200}}
    ),
    "delta-versions": Session("Lake", delta_session),
    "kafka-acks": Session("Kafka", kafka_acks_session),
    "kafka-groups": Session("Kafka", kafka_groups_session, {"brokers": 1}),
    "kafka-exactly-once": Session("Kafka", kafka_exactly_once_session, {"brokers": 1}),
    "valkey-cluster": Session("ValkeyCluster", valkey_cluster_session, {"replicas": 1}),
}


def as_text(lines: Iterator[str]) -> str:
    """Return the lines of a session as the text of a transcript."""
    return "".join(line + "\n" for line in lines)
