"""What producers do with Kafka's topics, and what is in their logs. All times are ms."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from dsviz.engines.answers import Answer
from dsviz.engines.kafka_clients import (
    SILENT,
    Load,
    common,
    is_produce,
    producer_settings,
    read_log,
    send_all,
)
from dsviz.engines.live import Live, eventually
from dsviz.errors import DsvizError, listed

PROBE_S = 5.0  # how long a question about the cluster may take, in seconds
MOST_NOTED = 20  # a call with more records is one line of the trace
MOST_SHOWN = 12  # values that `read` prints of one topic partition


class KafkaRecords(Live):
    """The calls on topics and records; see `dsviz.engines.kafka.Kafka`."""

    def _forget_clients(self) -> None:
        """Begin without clients: the ports of the brokers are new."""
        self._producers: dict[tuple, Any] = {}
        self._books: dict[str, dict[str, set[int]]] = {}  # of `load`, by topic
        self._next: dict[str, int] = {}
        self._counts: dict[str, int] = {}  # topic partitions, which stay as many, by topic
        self._leads: dict[str, str] = {}  # who led the first one the last time, by topic
        self._admin_client: Any = None

    def _drop_clients(self) -> None:
        """Let go of producers without waiting for what they still have to send."""
        for producer in self._producers.values():
            producer.purge()
        self._forget_clients()

    def _doors(self) -> list[int]:
        """Return the ports where clients find the brokers."""
        return [self._dial["client", name] for name in self.members]

    def _admin(self) -> Any:
        if self._admin_client is None:
            from confluent_kafka.admin import AdminClient

            self._admin_client = AdminClient(common(self._doors(), "dsviz"), logger=SILENT)
        return self._admin_client

    def _broker(self, number: int) -> str | None:
        """Return the name of a broker by its id, None for -1 (no leader)."""
        return f"b{number}" if number > 0 else None

    # ---- topics ----------------------------------------------------------------------------

    def _partitions(self, topic: str) -> dict[int, Any]:
        """Return a topic's metadata by topic partition. Raises DsvizError when there is none.

        A broker may hear of a topic a little later than the one that made it.
        """
        found: dict[str, Any] = {}

        def known() -> bool:
            nonlocal found
            found = self._topics()
            return topic in found and found[topic].error is None

        if not eventually(known, 2000, 50):
            own = [name for name in found if not name.startswith("__")]
            more = f"the topics are {listed(own)}" if own else f"create({topic!r}) makes it"
            raise DsvizError(f"there is no topic {topic!r}; {more}")
        self._counts[topic] = len(found[topic].partitions)
        return found[topic].partitions

    def _count(self, topic: str) -> int:
        """Return how many partitions a topic has, also when no broker can be asked any more."""
        return self._counts[topic] if topic in self._counts else len(self._partitions(topic))

    def _topics(self) -> dict[str, Any]:
        from confluent_kafka import KafkaException

        try:
            return self._admin().list_topics(timeout=PROBE_S).topics
        except KafkaException:
            raise DsvizError(
                "no broker answers: start() or resume() one, or heal() the links"
            ) from None

    def _create(self, topic: str, partitions: int, replication: int, config: dict) -> Answer:
        args = {"topic": topic, "partitions": partitions}
        words = self.words("create", args)
        error = self._make_topic(topic, partitions, replication, config)
        if error is not None:
            return Answer(f"{words}: {error}", "fail", {"error": error})
        self._note(words)
        copies = f", {replication} replicas each" if replication > 1 else ""
        return Answer(f"{words}{copies}: ok", "ok", {"error": None})

    def _make_topic(self, topic: str, partitions: int, copies: int, config: dict) -> str | None:
        """Create a topic and wait until it can be used; return Kafka's name of what went wrong."""
        from confluent_kafka import KafkaException

        new = self._new_topic(topic, partitions, copies, config)
        made = self._admin().create_topics([new], operation_timeout=30)[topic]
        try:
            made.result(60)
        except KafkaException as error:
            return error.args[0].name()
        if not eventually(lambda: self._has_leaders(topic), 30_000):
            return "LEADER_NOT_AVAILABLE"
        return None

    def _new_topic(self, topic: str, partitions: int, copies: int, config: dict) -> Any:
        """Return a topic whose topic partition p has its replicas from broker p on."""
        from confluent_kafka.admin import NewTopic

        size = len(self.members)
        places = [[1 + (p + i) % size for i in range(copies)] for p in range(partitions)]
        return NewTopic(topic, partitions, replica_assignment=places, config=config)

    def _has_leaders(self, topic: str) -> bool:
        found = self._admin().list_topics(timeout=PROBE_S).topics.get(topic)
        return found is not None and all(
            self._broker(part.leader) for part in found.partitions.values()
        )

    def _describe(self, topic: str) -> Answer:
        rows = []
        for number, part in sorted(self._partitions(topic).items()):
            low, high = self._ends(topic, number) if self._broker(part.leader) else (None, None)
            rows.append(
                {
                    "partition": number,
                    "leader": self._broker(part.leader),
                    "replicas": [f"b{one}" for one in part.replicas],
                    "isr": sorted(f"b{one}" for one in part.isrs),
                    "low": low,
                    "high": high,
                }
            )
        table = [("topic partition", "leader", "replicas", "in sync")]
        for row in rows:
            copies, isr = " ".join(row["replicas"]), " ".join(row["isr"])
            table.append((f"{topic}-{row['partition']}", row["leader"] or "none", copies, isr))
        wide = max(len(line[0]) for line in table)
        text = "\n".join(f"{a:<{wide}}  {b:<7} {c:<10} {d}".rstrip() for a, b, c, d in table)
        return Answer(text, "ok", rows)

    def _ends(self, topic: str, partition: int) -> tuple[int | None, int | None]:
        """Return the first offset and the high watermark of a topic partition, None if unknown."""
        from confluent_kafka.admin import OffsetSpec

        first = self._end_of(topic, partition, OffsetSpec.earliest())
        return first, self._end_of(topic, partition)

    def _end_of(self, topic: str, partition: int, spec: Any = None, **how: Any) -> int | None:
        """Return an offset that a topic partition's leader knows, by default its end, or None."""
        from confluent_kafka import KafkaException, TopicPartition
        from confluent_kafka.admin import OffsetSpec

        where, what = TopicPartition(topic, partition), spec or OffsetSpec.latest()
        try:
            answer = self._admin().list_offsets({where: what}, request_timeout=PROBE_S, **how)
            return answer[where].result(PROBE_S + 1).offset
        except KafkaException:
            return None

    def _elect(self, topic: str, timeout_ms: int) -> Answer:
        from confluent_kafka import ElectionType, TopicPartition

        parts = [TopicPartition(topic, number) for number in self._partitions(topic)]
        self._admin().elect_leaders(ElectionType.PREFERRED, parts).result(timeout_ms / 1000)

        def first_leads() -> bool:
            return all(p.leader == p.replicas[0] for p in self._partitions(topic).values())

        words = self.words("elect", {"topic": topic})
        if eventually(first_leads, min(3000, timeout_ms)):
            return Answer(f"{words}: every topic partition is led by its first replica", "ok")
        return Answer(f"{words}: a first replica is not in sync, so another one leads", "fail")

    # ---- records ---------------------------------------------------------------------------

    def _producer(self, **settings: Any) -> Any:
        from confluent_kafka import Producer

        key = tuple(sorted(settings.items()))
        if key not in self._producers:
            told = producer_settings(self._doors(), **settings)
            self._producers[key] = Producer(told, logger=SILENT)
        return self._producers[key]

    def _produce(
        self,
        topic: str,
        records: list,
        acks: str,
        idempotent: bool,
        partition: int | None,
        retry: bool,
        timeout_ms: int,
    ) -> Answer:
        self._check_partition(topic, partition)
        words = self.words("produce", {"topic": topic, "records": records})
        producer = self._producer(
            acks=acks, idempotent=idempotent, timeout_ms=timeout_ms, retry=retry
        )
        began = time.monotonic()
        ops = self._invoke_all(topic, records)
        rows = send_all(producer, topic, records, partition, timeout_ms)
        self._complete_all(ops, rows)
        took = round(1000 * (time.monotonic() - began), 3)
        return self._sent(words, rows, "sent, and nobody says more" if acks == "0" else "", took)

    def _check_partition(self, topic: str, partition: int | None) -> None:
        count = self._count(topic)
        if partition is not None and partition not in range(count):
            raise DsvizError(f"partition={partition!r} must be one of 0 to {count - 1}")

    def _sent(self, words: str, rows: list[dict], instead: str, took: float | None) -> Answer:
        counts = Counter(row["status"] for row in rows)
        status = next(s for s in ("info", "fail", "ok") if counts[s])
        names = {"ok": "ok", "fail": "refused", "info": "outcome unknown"}
        if len(rows) == 1:
            row = rows[0]
            text = row["error"] or "ok"
            if status == "ok" and row["offset"] is not None:
                text += f", offset {row['offset']}"
            text += ", outcome unknown" if status == "info" else ""
        elif len(counts) == 1:
            text = f"all {names[status]}" + (f", {rows[0]['error']}" if status != "ok" else "")
        else:
            text = ", ".join(f"{counts[s]} {name}" for s, name in names.items() if counts[s])
        text = instead if instead and status == "ok" else text
        return Answer(f"{words}: {text}", status, rows, took)

    def _invoke_all(self, topic: str, records: list) -> list[int]:
        if len(records) > MOST_NOTED:
            return []
        to = self._leader(topic)
        return [self._journal.invoke("append", topic, value, to) for _, value in records]

    def _complete_all(self, ops: list[int], rows: list[dict]) -> None:
        for op, row in zip(ops, rows, strict=False):
            self._journal.complete(op, row["status"], row["offset"])

    def _leader(self, topic: str) -> str:
        """Return who leads the first topic partition, or did when a broker could be asked."""
        from confluent_kafka import KafkaException

        with contextlib.suppress(KafkaException, KeyError):
            found = self._admin().list_topics(topic, timeout=1).topics[topic].partitions[0]
            self._leads[topic] = self._broker(found.leader) or self.members[0]
        return self._leads.get(topic, self.members[0])

    def _load(
        self,
        topic: str,
        records: int,
        acks: str,
        idempotent: bool,
        linger_ms: float,
        batch: int,
        in_flight: int,
        per_second: int | None,
        kill: str | None,
        kill_after: int | None,
        lose_replies: int,
        timeout_ms: int,
    ) -> Answer:
        begin = self._next.get(topic, 0)
        numbers = range(begin, begin + records)
        self._next[topic] = begin + records
        settings = producer_settings(
            self._doors(), acks, idempotent, timeout_ms, linger_ms, batch, in_flight
        )
        step = records // lose_replies if lose_replies else 0
        lost = [begin + step * i + step // 2 for i in range(lose_replies)]
        load = Load(settings, topic, self._count(topic), lost)
        counts = load.run(numbers, per_second, self._killer(kill, kill_after), self._loser(topic))
        if kill or lose_replies:
            counts["requests"] = None  # librdkafka counts from 0 again at each new connection
        books = self._books.setdefault(topic, {"acked": set(), "sent": set()})
        books["acked"] |= set(load.acked)
        books["sent"] |= set(numbers)
        args = {"topic": topic, "records": records, "acks": acks, "idempotent": idempotent}
        words = self.words("load", args | {"kill": kill, "lose_replies": lose_replies})
        self._note(f"{words}: {counts['acked']} acknowledged, {counts['in_doubt']} unknown")
        every = counts["acked"] == records
        text = "all acknowledged" if every else "some are not acknowledged"
        return Answer(words if kill else f"{words}: {text}", "ok", counts, counts["took_ms"])

    def _killer(self, kill: str | None, after: int | None) -> Callable[[int], None]:
        """Return what is to be told of each acknowledgement, by their number so far."""
        if kill is None:
            return lambda acked: None

        def act(acked: int) -> None:
            if acked == max(1, after or 0):
                self._processes[kill].kill()
                self._note_deaths()

        return act

    def _loser(self, topic: str) -> Callable[[int], None]:
        """Return what makes the next acknowledgement of a topic partition's leader get lost."""

        def act(partition: int) -> None:
            leader = self._broker(self._partitions(topic)[partition].leader)
            if leader is not None:
                self._links.lose_reply("client", leader, is_produce)

        return act

    def _audit(self, topic: str) -> Answer:
        words = self.words("audit", {"topic": topic})
        found = self._logged(topic, "read_uncommitted", 60_000)
        if found is None:
            return Answer(f"{words}: a topic partition could not be read to its end", "fail")
        books = self._books.get(topic, {"acked": set(), "sent": set()})
        by_part: dict[int, list[int]] = {}
        for row in found:
            if row["value"].isdigit() and int(row["value"]) in books["sent"]:
                by_part.setdefault(row["partition"], []).append(int(row["value"]))
        logged = [n for numbers in by_part.values() for n in numbers]
        present = set(logged)
        value = {
            "acked": len(books["acked"]),
            "present": len(present),
            "lost": len(books["acked"] - present),
            "duplicates": len(logged) - len(present),
            "extra": len(present - books["acked"]),
            "reordered": sum(map(_overtaken, by_part.values())),
        }
        lost = (
            "acknowledged records are LOST" if value["lost"] else "no acknowledged record is lost"
        )
        twice = "some are there TWICE" if value["duplicates"] else "none is there twice"
        return Answer(f"{words}: {lost}, {twice}", "ok", value)

    def _logged(self, topic: str, isolation: str, timeout_ms: int) -> list[dict] | None:
        parts = list(self._partitions(topic))
        return read_log(self._doors(), topic, parts, isolation, timeout_ms)

    def _read(self, topic: str, partition: int | None, isolation: str, timeout_ms: int) -> Answer:
        self._check_partition(topic, partition)
        words = self.words("read", {"topic": topic})
        parts = list(self._partitions(topic)) if partition is None else [partition]
        rows = read_log(self._doors(), topic, parts, isolation, timeout_ms)
        if rows is None:
            return Answer(f"{words}: not to its end within {timeout_ms} ms", "fail")
        lines = []
        for part in parts:
            values = [row["value"] for row in rows if row["partition"] == part]
            more = f" and {len(values) - MOST_SHOWN} more" if len(values) > MOST_SHOWN else ""
            shown = " ".join(values[:MOST_SHOWN]) or "nothing"
            lines.append(f"{topic}-{part}: {shown}{more}")
        level = ", uncommitted as well" if isolation == "read_uncommitted" else ""
        return Answer("\n".join([f"{words}{level}", *lines]), "ok", rows)


def _overtaken(numbers: list[int]) -> int:
    """Count the numbers that come after a larger one; repeats do not count."""
    most, seen, count = -1, set(), 0
    for number in numbers:
        count += number < most and number not in seen
        most = max(most, number)
        seen.add(number)
    return count
