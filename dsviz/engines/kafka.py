"""Real Apache Kafka on this machine: brokers, producers, consumer groups. All times are ms.

::

    from dsviz.engines import Kafka
    k = Kafka.open("lesson-16", brokers=1)
    k.create("orders", 6)
    k.load("orders", 600)
    k.join("app", "c1", "c2", "c3", topic="orders")
    k.freeze("c2"), k.regroup("app"), k.thaw("c2", commit=True)
    k.stop()

The engine is Apache Kafka itself (``python -m dsviz engines install kafka``, and Java); the client
is confluent-kafka. Where Kafka is missing, the one-node broker of `dsviz.engines.kafka_one_node`
stands in for what it can do.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Mapping
from typing import Any

from dsviz.engines import kafka_install
from dsviz.engines.answers import Answer, Member, Status
from dsviz.engines.face import INSTALL, Face
from dsviz.engines.kafka_brokers import (
    STARTED,
    Place,
    broker_process,
    configuration,
    lay_out,
    quorum,
)
from dsviz.engines.kafka_clients import SILENT, common
from dsviz.engines.kafka_group_verbs import coordinator_partition
from dsviz.engines.kafka_groups import KafkaGroups
from dsviz.engines.kafka_records import PROBE_S
from dsviz.engines.kafka_transactions import KafkaTransactions
from dsviz.engines.kafka_verbs import KafkaVerbs
from dsviz.engines.live import Live, eventually
from dsviz.engines.ports import free_ports
from dsviz.engines.process import dialler, wait_until
from dsviz.engines.workspace import unsupported
from dsviz.errors import DsvizError

__all__ = ["Kafka", "available", "coordinator_partition", "version"]

SIZES = (1, 3)
#: What the one-node broker cannot do.
REAL_ONLY = ("kafka.txn", "kafka.multi")


def available(flag: str = "kafka.multi") -> str | None:
    """Return None when what a flag stands for can run here, else one sentence on what to do."""
    problem = kafka_problem()
    if problem is None or flag in REAL_ONLY:
        return problem
    from dsviz.engines import kafka_one_node

    return None if kafka_one_node.available() is None else problem


def kafka_problem() -> str | None:
    """Return None when Apache Kafka itself can run here, else one sentence on what to do."""
    return unsupported() or client_problem() or kafka_install.problem()


def client_problem() -> str | None:
    """Return None when the client is installed, else one sentence that says how to get it."""
    try:
        import confluent_kafka  # noqa: F401
        import psutil  # noqa: F401
    except ImportError as error:
        package = (error.name or "").replace("_", "-")
        return f"the package {package} is not installed: run {INSTALL}"
    return None


def version() -> str:
    """Return which Kafka runs here, "" for none: its release, or that of the one-node broker."""
    if kafka_problem() is None:
        return kafka_install.release()
    from dsviz.engines import kafka_one_node

    return f"tansu {kafka_one_node.RELEASE}" if kafka_one_node.available() is None else ""


def state() -> str:
    """Return whether it is Kafka itself that runs here."""
    return "real" if kafka_problem() is None else "one node in place of Kafka"


class Kafka(KafkaGroups, KafkaTransactions, Live, KafkaVerbs):
    """`brokers` Kafka brokers b1, b2, … (1 or 3) that write to a throw-away folder until `stop`.

    `settings` are properties of the brokers, with ``_`` or ``.``, as in
    ``{"min.insync.replicas": 2}``; each broker is a controller as well (KRaft). Raises DsvizError
    when Kafka or Java is missing, when a broker crashes, or when they are not up after
    `start_timeout_ms` ms.
    """

    face = KafkaVerbs

    @classmethod
    def available(cls) -> str | None:
        """Return None when brokers can be started here, else one sentence on what to do."""
        return kafka_problem()

    @classmethod
    def open(cls, recording: str, **options: Any) -> Face:
        """Return running brokers; where Kafka is missing, the one-node broker or the recording.

        The one-node broker stands in when one broker is asked for and no settings. Raises
        DsvizError when there is no such recording.
        """
        from dsviz.engines import kafka_one_node
        from dsviz.engines.live import RECORD

        problem = kafka_problem()
        alone = set(options) <= {"brokers"} and options.get("brokers", 3) == 1
        stands_in = alone and kafka_one_node.available() is None and RECORD not in os.environ
        if problem is None or not stands_in:
            return super().open(recording, **options)
        print(f"{kafka_one_node.LIMITS}, because {problem}")
        return kafka_one_node.OneNode()

    def __init__(
        self,
        brokers: int = 3,
        settings: Mapping[str, Any] | None = None,
        start_timeout_ms: float = 120_000,
    ) -> None:
        if brokers not in SIZES:
            raise DsvizError(f"brokers={brokers!r} must be 1 or 3")
        problem = kafka_problem()
        if problem:
            raise DsvizError(problem)
        self.members = tuple(f"b{number}" for number in range(1, brokers + 1))
        self.version = kafka_install.release()
        told = {name.replace("_", "."): value for name, value in (settings or {}).items()}
        self._settings = told
        self._timeout_ms = start_timeout_ms
        self._boot("kafka", self._launch)

    # ---- coming up -------------------------------------------------------------------------

    def _launch(self) -> None:
        self._forget_clients()
        self._forget_groups()
        kafka = kafka_install.installed()
        numbers = free_ports(3 * len(self.members))
        places = {n: self._place(n, tuple(numbers[3 * n - 3 : 3 * n])) for n in self._numbers()}
        for number, name in zip(self._numbers(), self.members, strict=True):
            data = self._data(name)
            lay_out(kafka, data, number)
            config = configuration(number, places, data, self._settings)
            self._processes[name] = broker_process(kafka, self._workspace, name, config)
        self._before = dict.fromkeys(self.members, 0)
        for process in self._processes.values():
            process.start()
        brokers = list(self._processes.values())
        wait_until(self._all_up, brokers, self._timeout_ms, "Kafka's brokers to start")

    def _numbers(self) -> range:
        return range(1, len(self.members) + 1)

    def _data(self, name: str) -> Any:
        return self._workspace.folder / name

    def _place(self, number: int, ports: tuple[int, int, int]) -> Place:
        """Put the links between a broker and everybody else: one for clients, two for brokers.

        All brokers know each other by one address, so who dials is told by the process.
        """
        name = self.members[number - 1]
        who = functools.partial(dialler, self._processes)
        client = self._links.add("client", name, ports[0])
        others = [self._links.add_shared(name, port, who) for port in ports[1:]]
        self._ports[name] = ports[0]
        self._dial["client", name] = client
        return Place(ports, (client, *others))

    def _all_up(self) -> bool:
        if not all(self._has_started(name) for name in self.members):
            return False
        return self._registered() == set(self.members)

    def _has_started(self, name: str) -> bool:
        """Tell whether a broker has said so since it was started the last time."""
        with open(self._processes[name].log_file, "rb") as log:
            log.seek(self._before[name])
            return STARTED.encode() in log.read()

    def _registered(self) -> set[str]:
        """Return the brokers that the cluster counts as alive, none when nobody answers."""
        from confluent_kafka import KafkaException

        try:
            found = self._admin().list_topics(timeout=PROBE_S)
        except KafkaException:
            return set()
        return {name for name in map(self._broker, found.brokers) if name is not None}

    def _launch_again(self, member: str) -> None:
        self._check_port(member)
        self._before[member] = self._processes[member].log_file.stat().st_size
        self._processes[member].start()
        self._wait_ready(member)

    def _wait_ready(self, member: str) -> None:
        def up() -> bool:
            return self._has_started(member) and member in self._registered()

        wait_until(up, [self._processes[member]], self._timeout_ms, f"{member} to serve")

    def _close(self) -> None:
        self._drop_clients()
        super()._close()

    # ---- looking ---------------------------------------------------------------------------

    def _status(self) -> Status:
        alive = self._registered()
        rows = []
        for name in self.members:
            state = self._processes[name].state
            leader, term = quorum(self._data(name)) if state == "running" else (None, None)
            role = "broker" if state == "running" and name in alive else "-"
            rows.append(Member(name, state, role, self._broker(leader or -1), term))
        return Status(tuple(rows))

    def _settle(self, timeout_ms: int) -> Answer:
        began = time.monotonic()
        if not eventually(self._as_it_is, timeout_ms, 100):
            raise DsvizError(
                f"the cluster does not see its brokers as they are after {timeout_ms} ms; heal() "
                "the links, resume() who stands still, or give a larger timeout_ms"
            )
        took = round(1000 * (time.monotonic() - began), 3)
        text = "settle: who runs is in sync, and who does not leads nothing"
        return Answer(text, "ok", None, took)

    def _as_it_is(self) -> bool:
        """Tell whether every replica on a broker that counts is in sync, and no other one is.

        Those count who run and reach each other, most of them.
        """
        from confluent_kafka import KafkaException

        group = self._connected()
        try:
            found = self._asked(group[0]) if group else None
        except KafkaException:
            return False
        if found is None or {self._broker(one) for one in found.brokers} != set(group):
            return False
        parts = (part for topic in found.topics.values() for part in topic.partitions.values())
        for part in parts:
            copies = {self._broker(one) for one in part.replicas} & set(group)
            isr = {self._broker(one) for one in part.isrs}
            if copies and (isr != copies or self._broker(part.leader) not in group):
                return False
        return True

    def _connected(self) -> list[str]:
        """Return the largest group of running brokers that reach each other both ways."""
        running = [n for n in self.members if self._processes[n].state == "running"]

        def reaches(a: str, b: str) -> bool:
            return a == b or (self._links.is_open(a, b) and self._links.is_open(b, a))

        return max(([b for b in running if reaches(a, b)] for a in running), key=len, default=[])

    def _asked(self, broker: str) -> Any:
        """Return the metadata as this very broker has it, None when another one answered.

        A client that has been told of all brokers asks whichever it likes, a cut-off one as well.
        """
        from confluent_kafka.admin import AdminClient

        told = common([self._dial["client", broker]], "dsviz-asks")
        found = AdminClient(told, logger=SILENT).list_topics(timeout=PROBE_S)
        return found if self._broker(found.orig_broker_id) == broker else None
