"""Kafka brokers as processes: their configuration, their data folders, what they say of themselves.

Each process is a broker and a controller (combined mode of KRaft), so three of them are a quorum.
All times are milliseconds (ms).
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsviz.engines.kafka_install import LAYOUT, command
from dsviz.engines.ports import HOST
from dsviz.engines.process import Process
from dsviz.engines.workspace import Workspace
from dsviz.errors import DsvizError

MAIN = "kafka.Kafka"
CLUSTER_ID = "dsvizThrowAwayClusterA"  # 16 bytes in base64, as Kafka wants it
#: Who listens for what: clients, other brokers' replicas, the quorum of controllers.
LISTENERS = ("CLIENT", "REPLICATION", "CONTROLLER")
#: Unlike Kafka's own: quicker to start, to elect and to notice, with less memory.
SETTINGS: dict[str, Any] = {
    "auto.create.topics.enable": "false",  # a mistyped topic is an error
    "auto.leader.rebalance.enable": "false",  # leaders change when a lesson says so
    "background.threads": 2,
    "broker.heartbeat.interval.ms": 500,  # Kafka: 2 000
    "broker.session.timeout.ms": 3000,  # Kafka: 9 000
    "controller.quorum.election.timeout.ms": 500,  # Kafka: 1 000
    "controller.quorum.fetch.timeout.ms": 1000,  # Kafka: 2 000
    "controller.quorum.election.backoff.max.ms": 300,  # Kafka: 1 000
    "controlled.shutdown.enable": "true",
    "group.consumer.min.heartbeat.interval.ms": 100,  # Kafka: 5 000
    "group.consumer.min.session.timeout.ms": 1000,  # Kafka: 45 000
    "group.initial.rebalance.delay.ms": 0,  # Kafka: 3 000
    "group.min.session.timeout.ms": 1000,  # Kafka: 6 000
    "log.cleaner.dedupe.buffer.size": 4_194_304,  # Kafka: 128 MB
    "log.index.size.max.bytes": 1_048_576,  # Kafka: 10 MB
    "num.io.threads": 4,
    "num.network.threads": 2,
    "num.recovery.threads.per.data.dir": 2,
    "transaction.state.log.num.partitions": 5,  # Kafka: 50
    "share.coordinator.state.topic.num.partitions": 1,
}


@dataclass(frozen=True)
class Place:
    """Where a broker listens, by listener, and where the others find it (through the links)."""

    ports: tuple[int, int, int]
    dialled: tuple[int, int, int]


def configuration(
    number: int, places: Mapping[int, Place], data: Path, settings: Mapping[str, Any]
) -> str:
    """Return the properties of broker `number`."""
    own, size = places[number], len(places)
    copies = min(3, size)
    voters = (f"{n}@{HOST}:{place.dialled[2]}" for n, place in places.items())
    told: dict[str, Any] = {
        "process.roles": "broker,controller",
        "node.id": number,
        "controller.quorum.voters": ",".join(voters),
        "listeners": _listeners(own.ports),
        "advertised.listeners": _listeners(own.dialled),
        "listener.security.protocol.map": ",".join(f"{one}:PLAINTEXT" for one in LISTENERS),
        "inter.broker.listener.name": "REPLICATION",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": min(2, size),
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": min(2, size),
        **SETTINGS,
        **settings,
    }
    return "".join(f"{name}={value}\n" for name, value in told.items())


def _listeners(ports: tuple[int, int, int]) -> str:
    return ",".join(f"{n}://{HOST}:{p}" for n, p in zip(LISTENERS, ports, strict=True))


def lay_out(kafka: Path, data: Path, number: int) -> None:
    """Make the data folder of a new broker: what ``kafka-storage format`` made once, and its name.

    Formatting takes a Java of its own, a second and more for each broker.
    """
    shutil.copytree(kafka / LAYOUT, data)
    lines = {"version": 1, "cluster.id": CLUSTER_ID, "node.id": number}
    text = "".join(f"{name}={value}\n" for name, value in lines.items())
    (data / "meta.properties").write_text(text, encoding="utf-8")


def broker_process(
    kafka: Path, workspace: Workspace, name: str, config: str, dump: Path | None = None
) -> Process:
    """Return the process of a broker with this configuration."""
    file = workspace.folder / f"{name}.properties"
    file.write_text(config, encoding="utf-8")
    argv = command(kafka, MAIN, str(file), dump=dump)
    return Process(name, argv, workspace, environment(), log_words, telling=" (WARN|ERROR|FATAL) ")


def environment() -> dict[str, str]:
    """Return our environment without what would change how Java or Kafka behave."""
    mine = ("KAFKA_", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH")
    return {name: value for name, value in os.environ.items() if not name.startswith(mine)}


def log_words(line: str) -> str:
    """Return what a log line of Kafka says, without its time, level and class."""
    return re.sub(r"^\[[^]]*\] [A-Z]+ ", "", re.sub(r" \(\w+\)$", "", line.strip()))


def quorum(data: Path) -> tuple[int | None, int | None]:
    """Return (active controller, epoch) as a broker has it on its disk; None for none."""
    try:
        found = json.loads((data / "__cluster_metadata-0" / "quorum-state").read_text("utf-8"))
    except (OSError, ValueError):
        return None, None
    leader = found.get("leaderId", -1)
    return (leader if leader >= 0 else None), found.get("leaderEpoch")


# ---- the first run of an installation ---------------------------------------------------------


def try_out(kafka: Path, dump: Path) -> None:
    """Lay out a data folder in `kafka`, run a broker on it, and write the archive of its classes.

    Raises DsvizError when Java cannot run it.
    """
    import subprocess

    from dsviz.engines.ports import free_ports
    from dsviz.engines.process import wait_until

    with Workspace("kafka-first") as workspace:
        data, ports = workspace.folder / "data", tuple(free_ports(3))
        config = configuration(1, {1: Place(ports, ports)}, data, {})
        process = broker_process(kafka, workspace, "broker", config, dump)
        tool = ("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c")
        words = command(kafka, *tool, str(workspace.folder / "broker.properties"))
        run = subprocess.run(words, capture_output=True, text=True, env=environment(), timeout=120)
        if run.returncode:
            said = (run.stderr or run.stdout).strip().splitlines() or ["it said nothing"]
            raise DsvizError(f"Kafka cannot run on {words[0]}: {said[0]}; use another Java")
        shutil.rmtree(kafka / LAYOUT, ignore_errors=True)
        shutil.copytree(data, kafka / LAYOUT)
        (kafka / LAYOUT / "meta.properties").unlink()
        process.start()
        wait_until(lambda: STARTED in process.logs(100), [process], 120_000, "Kafka to start")
        process.stop(60_000)


STARTED = "Kafka Server started"
