"""Clients of Kafka in this Python (confluent-kafka, which is librdkafka): settings and outcomes.

All times are milliseconds (ms).
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from dsviz.engines.haproxy_client import quantile
from dsviz.engines.ports import HOST

#: Refusals after which nothing was written, by Kafka's names; any other error leaves it open.
NOT_DONE = {
    "INVALID_RECORD",
    "INVALID_REQUIRED_ACKS",
    "INVALID_TXN_STATE",
    "MSG_SIZE_TOO_LARGE",
    "NOT_ENOUGH_REPLICAS",
    "NOT_LEADER_FOR_PARTITION",
    "PRODUCER_FENCED",
    "INVALID_PRODUCER_EPOCH",
    "TOPIC_EXCEPTION",
    "UNKNOWN_TOPIC_OR_PART",
    "_FENCED",
    "_MSG_SIZE_TOO_LARGE",
    "_PURGE_QUEUE",
    "_STATE",
    "_UNKNOWN_PARTITION",
    "_UNKNOWN_TOPIC",
}
STATS_MS = 100

# librdkafka writes to stderr whatever happens to a connection; a notebook would show it all.
SILENT = logging.getLogger("dsviz.kafka.silent")
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False


def outcome(error: Any) -> str:
    """Return ``ok``, ``fail`` (nothing was written) or ``info`` (nobody knows) for an error."""
    if error is None:
        return "ok"
    return "fail" if error.name() in NOT_DONE else "info"


def is_produce(request: bytes) -> bool:
    """Tell whether bytes begin with a produce request: behind its size, its API key, 0."""
    return request[4:6] == b"\0\0"


def common(ports: list[int], name: str) -> dict[str, Any]:
    """Return what every client is told: where the brokers are, and to try again soon."""
    return {
        "bootstrap.servers": ",".join(f"{HOST}:{port}" for port in ports),
        "broker.address.family": "v4",
        "client.id": name,
        "log_level": 0,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 500,
        "retry.backoff.max.ms": 200,
        "socket.keepalive.enable": True,
        "socket.nagle.disable": True,
    }


def producer_settings(
    ports: list[int],
    acks: str,
    idempotent: bool,
    timeout_ms: float,
    linger_ms: float = 0,
    batch: int = 10_000,
    in_flight: int = 5,
    retry: bool = True,
) -> dict[str, Any]:
    """Return the settings of a producer; keys choose topic partitions as Java's client does."""
    told = common(ports, "producer") | {
        "acks": acks,
        "batch.num.messages": batch,
        "delivery.timeout.ms": int(timeout_ms),
        "enable.idempotence": idempotent,
        "linger.ms": linger_ms,
        "max.in.flight.requests.per.connection": in_flight,
        "partitioner": "murmur2_random",
        "queue.buffering.max.messages": 500_000,
        # A broker that has no more than this waits for its followers; then it answers all the same.
        "request.timeout.ms": max(1, min(5000, int(timeout_ms) - 1)),
        "topic.metadata.refresh.fast.interval.ms": 100,
    }
    return told if retry or idempotent else told | {"retries": 0}


def send_all(
    producer: Any, topic: str, records: list, partition: int | None, timeout_ms: float
) -> list[dict[str, Any]]:
    """Send records (key or None, value); return a row each, in their order, when all have ended."""
    rows: list[dict[str, Any]] = [
        {"partition": None, "offset": None, "status": "info", "error": None} for _ in records
    ]

    def told(number: int) -> Callable[[Any, Any], None]:
        def tell(error: Any, message: Any) -> None:
            rows[number] = {
                "partition": _known(message.partition()),
                "offset": None if error else _known(message.offset()),
                "status": outcome(error),
                "error": error.name() if error else None,
            }

        return tell

    where = {} if partition is None else {"partition": partition}
    for number, (key, value) in enumerate(records):
        producer.produce(topic, value, key, on_delivery=told(number), **where)
    fatal = fatal_error(lambda: producer.flush(timeout_ms / 1000 + 1))
    for row in rows:
        if fatal is not None and row["status"] == "info":
            row |= {"status": outcome(fatal), "error": fatal.name()}
    return rows


def _known(number: int | None) -> int | None:
    """Return a number of a message, None where librdkafka has none or a negative one for it."""
    return None if number is None or number < 0 else number


def fatal_error(call: Callable[[], Any]) -> Any:
    """Do what hears of deliveries; return the error that ended the producer for good, or None.

    confluent-kafka raises such an error out of any poll, in the middle of a delivery's callback.
    """
    from confluent_kafka import KafkaException

    try:
        call()
    except KafkaException as error:
        return error.args[0]
    except SystemError as error:
        if not isinstance(error.__cause__, KafkaException):
            raise
        return error.__cause__.args[0]
    return None


class Load:
    """Numbers on their way to a topic, and what was told of each: `acked`, `failed`, `unknown`."""

    def __init__(self, settings: dict[str, Any], topic: str, parts: int, lose: list[int]) -> None:
        from confluent_kafka import Producer

        self.acked: list[int] = []
        self.failed: list[int] = []
        self.unknown: list[int] = []
        self.took: list[float] = []
        self._requests = 0
        self._stats = 0
        self._topic, self._parts, self._lose = topic, parts, set(lose)
        self._ready = False
        more = {
            "statistics.interval.ms": STATS_MS,
            "stats_cb": self._count,
            # Connect to every broker at once, not when there is something for it.
            "enable.sparse.connections": False,
        }
        self._producer = Producer(settings | more, logger=SILENT)

    def run(
        self,
        numbers: range,
        per_second: int | None,
        acked: Callable[[int], None],
        lose_reply: Callable[[int], None],
    ) -> dict[str, Any]:
        """Send the numbers; ``acked(count)`` is called at each acknowledgement.

        ``lose_reply(partition)`` is called before each number whose reply is to be lost. Time
        counts from when the producer is connected.
        """
        self._connect()
        began = time.monotonic()

        def send() -> None:
            for number in _paced(numbers, per_second, self._producer):
                part = number % self._parts
                if number in self._lose:
                    self._producer.flush()  # so that the next reply is that of this number
                    lose_reply(part)
                self._send(number, part, acked)
                if number in self._lose:
                    self._producer.flush()
                self._producer.poll(0)
            self._producer.flush()

        fatal = fatal_error(send)
        told = len(self.acked) + len(self.failed) + len(self.unknown)
        took = 1000 * (time.monotonic() - began)
        self._last_count()
        rate = round(1000 * len(self.acked) / took)
        return {
            "acked": len(self.acked),
            "failed": len(self.failed),
            "in_doubt": len(self.unknown) + len(numbers) - told,
            "fatal": None if fatal is None else fatal.name(),
            "requests": self._requests,
            "took_ms": round(took, 3),
            "per_second": rate,
            **{f"p{q}_ms": quantile(self.took or [0.0], q / 100) for q in (50, 99)},
        }

    def _send(self, number: int, part: int, acked: Callable[[int], None]) -> None:
        def told(error: Any, message: Any) -> None:
            status = outcome(error)
            group = {"ok": self.acked, "fail": self.failed, "info": self.unknown}[status]
            group.append(number)
            if status == "ok":
                self.took.append(1000 * message.latency())
                acked(len(self.acked))

        while True:
            try:
                self._producer.produce(self._topic, str(number), partition=part, on_delivery=told)
                return
            except BufferError:  # the queue is full: let some go
                self._producer.poll(0.05)

    def _connect(self) -> None:
        """Wait until every broker is reached, and an idempotent producer has its id; at most 3 s.

        Else the first records would wait together, and go out as one burst.
        """
        with contextlib.suppress(Exception):  # who cannot be reached is found out by sending
            self._producer.list_topics(self._topic, 1)
        deadline = time.monotonic() + 3
        while not self._ready and time.monotonic() < deadline:
            self._producer.poll(0.02)

    def _count(self, text: str) -> None:
        stats = json.loads(text)
        brokers = stats["brokers"].values()
        named = [broker for broker in brokers if broker["nodeid"] >= 0]
        identified = stats.get("eos", {}).get("idemp_state", "Assigned") == "Assigned"
        up = bool(named) and all(broker["state"] == "UP" for broker in named)
        self._ready = up and identified
        self._requests = sum(broker["req"].get("Produce", 0) for broker in brokers)
        self._stats += 1

    def _last_count(self) -> None:
        """Wait for statistics that were made after the last request."""
        goal, deadline = self._stats + 2, time.monotonic() + 2
        while self._stats < goal and time.monotonic() < deadline:
            self._producer.poll(0.02)


def _paced(numbers: range, per_second: int | None, producer: Any) -> Iterator[int]:
    """Yield the numbers, no faster than so many a second; deliveries are heard in between."""
    began = time.monotonic()
    for count, number in enumerate(numbers):
        while per_second and (wait := began + count / per_second - time.monotonic()) > 0:
            producer.poll(wait)
        yield number


def read_log(
    ports: list[int], topic: str, parts: list[int], isolation: str, timeout_ms: float
) -> list[dict[str, Any]] | None:
    """Read topic partitions to their ends of now; None when one does not end in time."""
    from confluent_kafka import Consumer, KafkaError, TopicPartition

    more = {
        "group.id": "dsviz-reader",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 50,
        "isolation.level": isolation,
    }
    consumer = Consumer(common(ports, "reader") | more, logger=SILENT)
    rows: list[dict[str, Any]] = []
    left, deadline = set(parts), time.monotonic() + timeout_ms / 1000
    try:
        consumer.assign([TopicPartition(topic, part, 0) for part in parts])
        while left:
            for message in consumer.consume(1000, 0.1):
                error = message.error()
                if error is None:
                    rows.append(_row(message))
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard(message.partition())
            if left and time.monotonic() > deadline:
                return None
    finally:
        consumer.close()
    return sorted(rows, key=lambda row: (row["partition"], row["offset"]))


def _row(message: Any) -> dict[str, Any]:
    key, value = message.key(), message.value()
    return {
        "partition": message.partition(),
        "offset": message.offset(),
        "key": None if key is None else key.decode(errors="replace"),
        "value": "" if value is None else value.decode(errors="replace"),
    }
