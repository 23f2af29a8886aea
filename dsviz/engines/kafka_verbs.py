"""What can be asked of Kafka brokers and their producers, real or recorded. Times are ms."""

from __future__ import annotations

from typing import Any

from dsviz.engines.answers import Answer
from dsviz.engines.face import checked_wait, stored_value, whole
from dsviz.engines.kafka_group_verbs import KafkaGroupVerbs, named
from dsviz.errors import DsvizError, listed

MOST_RECORDS = 200_000
ACKS = ("0", "1", "all")


class KafkaVerbs(KafkaGroupVerbs):
    """The calls a notebook makes; see `dsviz.engines.kafka.Kafka`."""

    engine, title = "kafka", "Apache Kafka"
    queries = KafkaGroupVerbs.queries | {"describe", "read", "audit"}

    # ---- topics ----------------------------------------------------------------------------

    def create(
        self,
        topic: str,
        partitions: int = 1,
        replication: int | None = None,
        **config: str | int,
    ) -> Answer:
        """Create a topic, as in ``create("orders", 6, min_insync_replicas=2)``.

        `replication` is the number of replicas, by default one a broker, at most 3. Topic partition
        p has its replicas on broker p mod n first, which leads it, then on the next ones; Kafka
        itself begins at a random broker. Raises DsvizError for a bad number or name.
        """
        named("topic", topic)
        whole("partitions", partitions, 1, 100)
        copies = min(3, len(self.members)) if replication is None else replication
        whole("replication", copies, 1, len(self.members))
        told = {name.replace("_", "."): str(value) for name, value in config.items()}
        args = {"topic": topic, "partitions": partitions, "replication": copies, "config": told}
        return self._ask("create", **args)

    def describe(self, topic: str) -> Answer:
        """Tell who leads each topic partition and which replicas are in sync (the ISR).

        `value` is a list of rows: ``partition``, ``leader``, ``replicas``, ``isr``, and ``low`` and
        ``high``, the first offset and the high watermark, where the leader answers.
        """
        return self._ask("describe", topic=named("topic", topic))

    def elect(self, topic: str, timeout_ms: float = 15_000) -> Answer:
        """Give each topic partition back to its first replica (preferred leader election)."""
        return self._ask("elect", topic=named("topic", topic), timeout_ms=checked_wait(timeout_ms))

    def settle(self, timeout_ms: float = 30_000) -> Answer:
        """Wait until every replica on a broker that runs is in sync, and no other one is.

        A broker that is cut off from the majority counts as one that does not run.
        Raises DsvizError when it is not so after `timeout_ms` ms.
        """
        return self._ask("settle", timeout_ms=checked_wait(timeout_ms))

    # ---- records ---------------------------------------------------------------------------

    def produce(
        self,
        topic: str,
        *records: str | int | tuple[str, str | int],
        acks: str | int = "all",
        idempotent: bool = False,
        partition: int | None = None,
        retry: bool = True,
        timeout_ms: float = 5000,
    ) -> Answer:
        """Send records, each a value or a pair (key, value), and wait for their outcomes.

        `value` is a list of rows in the order of the records: ``partition``, ``offset``, ``status``
        (``ok``, ``fail``, ``info``) and ``error``. A key chooses the topic partition as Kafka's
        Java client does (murmur2), unless `partition` is given. Without `retry` the first refusal
        is the outcome. With `acks` 0 an ok says no more than that it was sent.
        """
        rows = [_record(one) for one in records]
        if not rows:
            raise DsvizError('name a record, as in produce("orders", "a", ("key", "b"))')
        args = {"topic": named("topic", topic), "records": rows, **_sending(acks, idempotent)}
        more = {"partition": partition, "retry": bool(retry)}
        return self._ask("produce", **args, **more, timeout_ms=checked_wait(timeout_ms))

    def load(
        self,
        topic: str,
        records: int = 1000,
        acks: str | int = "all",
        idempotent: bool = False,
        linger_ms: float = 5,
        batch: int = 10_000,
        in_flight: int = 5,
        per_second: int | None = None,
        kill: str | None = None,
        kill_after: int | None = None,
        lose_replies: int = 0,
        timeout_ms: float = 30_000,
    ) -> Answer:
        """Produce numbers, spread over the topic partitions, and count what was acknowledged.

        `linger_ms`, `batch` (records a request at most) and `in_flight` (requests under way at
        once) are the producer's; with `per_second` it sends no faster. Broker `kill` is killed
        once `kill_after` records were acknowledged. For so many as `lose_replies` the record is
        written and the connection breaks before its acknowledgement comes. `timeout_ms` is the
        delivery time-out of each record: what has no acknowledgement until then is in doubt.

        Counts: `acked`, `failed`, `in_doubt`, `requests` (produce requests that were sent,
        None where connections broke on the way);
        `per_second`, and `p50_ms`, `p99_ms` from send to acknowledgement; `fatal` is the error that
        ended an idempotent producer for good, or None. `audit` compares them with the log.
        """
        whole("records", records, 1, MOST_RECORDS)
        whole("batch", batch, 1, 1_000_000)
        whole("in_flight", in_flight, 1, 5 if idempotent else 1000)
        if not isinstance(linger_ms, (int, float)) or not 0 <= linger_ms <= 900_000:
            raise DsvizError(f"linger_ms={linger_ms!r} must be between 0 and 900000 ms")
        if per_second is not None:
            whole("per_second", per_second, 1, 100_000)
        whole("lose_replies", lose_replies, 0, records)
        if (kill is None) != (kill_after is None):
            raise DsvizError('give kill and kill_after together, as in kill="b1", kill_after=500')
        if kill is not None:
            whole("kill_after", kill_after, 0, records)
        args = {"topic": named("topic", topic), "records": records, **_sending(acks, idempotent)}
        more = {"linger_ms": linger_ms, "batch": batch, "in_flight": in_flight}
        fault = {"per_second": per_second, "kill": kill, "kill_after": kill_after}
        fault["lose_replies"] = lose_replies
        brokers = () if kill is None else (kill,)
        wait = checked_wait(timeout_ms)
        return self._ask("load", *brokers, **args, **more, **fault, timeout_ms=wait)

    def audit(self, topic: str) -> Answer:
        """Compare what `load` was told of a topic with what its log holds.

        Counts: `acked`, `present` (different numbers), `lost` (acknowledged and not there),
        `duplicates` (records more than one of a number), `extra` (there without an
        acknowledgement: such an outcome was unknown), `reordered` (smaller than one before it in
        its topic partition; repeats do not count).
        """
        return self._ask("audit", topic=named("topic", topic))

    def read(
        self,
        topic: str,
        partition: int | None = None,
        isolation: str = "read_committed",
        timeout_ms: float = 10_000,
    ) -> Answer:
        """Read a topic from its beginning to its end of now, in no group.

        `value` is a list of rows: ``partition``, ``offset``, ``key``, ``value``. Prints the values,
        topic partition by topic partition. `isolation` ``read_uncommitted`` also shows records of
        transactions that are open or were aborted.
        """
        levels = ("read_committed", "read_uncommitted")
        if isolation not in levels:
            raise DsvizError(f"isolation={isolation!r} must be one of {listed(levels)}")
        args = {"topic": named("topic", topic), "partition": partition, "isolation": isolation}
        return self._ask("read", **args, timeout_ms=checked_wait(timeout_ms))

    # ---- transactions ----------------------------------------------------------------------

    def txn_begin(self, producer: str, id: str | None = None, timeout_ms: float = 15_000) -> Answer:
        """Begin a transaction of a producer; the first time, `id` is its ``transactional.id``.

        Without one its own name is. The first time fences whoever used that id before: a fenced
        producer's calls have the status ``fail``, for good.
        """
        args = {"producer": named("producer", producer), "id": named("id", id or producer)}
        return self._ask("txn_begin", **args, timeout_ms=checked_wait(timeout_ms))

    def txn_send(self, producer: str, topic: str, *records: str | int | tuple) -> Answer:
        """Send records in the open transaction of a producer, and wait until they are written."""
        rows = [_record(one) for one in records]
        if not rows:
            raise DsvizError('name a record, as in txn_send("p1", "orders", "a")')
        args = {"producer": named("producer", producer), "topic": named("topic", topic)}
        return self._ask("txn_send", **args, records=rows)

    def txn_end(self, producer: str, commit: bool = True, timeout_ms: float = 15_000) -> Answer:
        """Commit the open transaction of a producer, or with ``commit=False`` abort it."""
        args = {"producer": named("producer", producer), "commit": bool(commit)}
        return self._ask("txn_end", **args, timeout_ms=checked_wait(timeout_ms))

    @classmethod
    def words(cls, verb: str, args: dict[str, Any]) -> str:
        """Return a call in words, as its answer begins."""
        if verb == "create":
            return f"create {args['topic']} with {_count(args['partitions'], 'topic partition')}"
        if verb in ("describe", "elect", "audit", "read"):
            return f"{verb} {args['topic']}"
        if verb in ("produce", "txn_send"):
            what = [v if k is None else f"{k}: {v}" for k, v in args["records"]]
            shown = ", ".join(what) if len(what) <= 3 else _count(len(what), "record")
            who = f" by {args['producer']}" if verb == "txn_send" else ""
            return f"produce {shown} to {args['topic']}{who}"
        if verb == "load":
            how = f"acks={args['acks']}" + (", idempotent" if args["idempotent"] else "")
            killed = args["kill"]
            end = f", {killed} killed on the way" if killed else ""
            if args["lose_replies"]:
                end += f", {args['lose_replies']} replies lost"
            return f"load {args['records']} records into {args['topic']}, {how}{end}"
        if verb == "txn_begin":
            return f"begin a transaction of {args['producer']}"
        if verb == "txn_end":
            return (
                f"{'commit' if args['commit'] else 'abort'} the transaction of {args['producer']}"
            )
        return super().words(verb, args)


def _record(record: object) -> tuple[str | None, str]:
    """Return a record as (key or None, value), both text."""
    if isinstance(record, (tuple, list)):
        if len(record) != 2:
            raise DsvizError(f"record {record!r} must be a value or a pair (key, value)")
        return stored_value(record[0]), stored_value(record[1])
    return None, stored_value(record)


def _sending(acks: str | int, idempotent: bool) -> dict[str, Any]:
    """Return how to send. Raises DsvizError for acks that Kafka does not have."""
    told = "all" if str(acks) == "-1" else str(acks)
    if told not in ACKS:
        raise DsvizError(f"acks={acks!r} must be one of 0, 1 and 'all'")
    if idempotent and told != "all":
        raise DsvizError(f"an idempotent producer needs acks='all', not {acks!r}")
    return {"acks": told, "idempotent": bool(idempotent)}


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
