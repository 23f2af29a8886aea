"""Real engines as child processes on 127.0.0.1, to set beside the simulator's picture of them.

::

    from dsviz.engines import Postgres
    pg = Postgres.open("18-crash")      # real where it can run, else the recording of this name
    pg.load(2000, kill_after=1000)
    pg.start("p")
    pg.audit()

Every engine has the calls of `dsviz.engines.face.Face` (start, stop, kill, pause, resume,
partition, cut, delay, heal, logs, status) beside its own; ``available("pg")`` tells whether it can
run here. What a run did is a `dsviz.trace.Trace` with times in ms, so the same pictures and judges
read it. Needs Linux, macOS or WSL2 and ``pip install "dsviz[engines]"``.
"""

from __future__ import annotations

import importlib

_MODULES = {
    "EtcdCluster": "etcd",
    "Haproxy": "haproxy",
    "Kafka": "kafka",
    "Lake": "delta",
    "Postgres": "postgres",
    "Valkey": "valkey",
    "ValkeyCluster": "valkey_cluster",
    "available": "capabilities",
}


def transcript(name: str) -> str:
    """Return a recorded run as text. Raises DsvizError naming the recordings that exist."""
    from dsviz.engines import replay  # here, so that starting an engine reads no recordings

    return replay.transcript(name)


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
