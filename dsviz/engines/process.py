"""One child process of an engine: start, pause, resume, kill, and its log.

It lives in a `Workspace`, which sees to it that no process outlives the kernel. Times are
milliseconds (ms).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dsviz.engines.workspace import Workspace, reap, send_signal, tell
from dsviz.errors import DsvizError

LINE_LENGTH = 240
# The shell waits for a line before it becomes the engine, so that the guard knows the process
# before it does anything: if Python is killed in between, `read` fails and the shell ends.
LAUNCH = ["/bin/sh", "-c", 'read -r go && exec "$@" </dev/null', "sh"]


class Process:
    """One engine process with a log file; `start` it as often as `kill` ended it.

    `argv` is the command, its first word the path of an executable file; `readable` turns a log
    line into words for an error message; `telling` is a pattern that the log lines worth telling
    match; `user` is the number of the user it runs as (None: the
    one Python runs as); `orderly` is the signal that asks it to end. `state` is ``not started``,
    ``running``, ``paused``, ``killed`` (by `kill`), ``stopped`` (by `stop`) or ``ended`` (by
    itself).
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        workspace: Workspace,
        env: Mapping[str, str] | None = None,
        readable: Callable[[str], str] = str.strip,
        user: int | None = None,
        orderly: int = signal.SIGTERM,
        telling: str = "",
    ) -> None:
        self.name = name
        self.argv = [str(word) for word in argv]
        self.workspace = workspace
        self.log_file = workspace.folder / f"{name}.log"
        self._env = env
        self._readable = readable
        self._user = user
        self._orderly = orderly
        self._telling = re.compile(telling)
        self._child: subprocess.Popen | None = None
        self._state = "not started"

    def __repr__(self) -> str:
        return f"<{self.name}: {self.state}>"

    def start(self) -> None:
        """Start the process; does nothing when it is alive.

        Raises DsvizError when the first word of `argv` is no program for this machine.
        """
        if self.alive:
            return
        if not (os.path.isfile(self.argv[0]) and os.access(self.argv[0], os.X_OK)):
            raise DsvizError(
                f"{self.argv[0]} is not an executable file on this machine; "
                'install it again with pip install --force-reinstall "dsviz[engines]"'
            )
        with open(self.log_file, "ab") as log:
            child = subprocess.Popen(
                [*LAUNCH, *self.argv],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.workspace.folder,
                env=self._env,
                start_new_session=True,
                **as_user(self._user),
            )
        try:
            self.workspace.adopt(child)
            tell(child, "go")
        finally:
            child.stdin.close()
        self._child, self._state = child, "running"

    @property
    def pid(self) -> int | None:
        """The process id while alive, else None."""
        return self._child.pid if self.alive and self._child else None

    @property
    def alive(self) -> bool:
        """True while the process exists, paused or not."""
        return self.state in ("running", "paused")

    @property
    def state(self) -> str:
        """What the process is doing, see the class."""
        if self._child is not None and self._child.poll() is not None:
            self.workspace.release(self._child)
            self._child, self._state = None, "ended"
        return self._state

    def kill(self) -> bool:
        """End the process at once (SIGKILL); False when it was not alive."""
        if not self.alive or self._child is None:
            return False
        child, self._child, self._state = self._child, None, "killed"
        send_signal(child, signal.SIGKILL)
        self.workspace.release(child)  # before it is reaped: only then can its number be reused
        reap(child)
        return True

    def stop(self, timeout_ms: float = 10_000) -> bool:
        """Ask the process to end in an orderly way; False when it was not running.

        Raises DsvizError when it has not ended after `timeout_ms` ms.
        """
        if self.state != "running" or self._child is None:
            return False
        child = self._child
        os.kill(child.pid, self._orderly)  # the server alone: it sees to its own children
        try:
            child.wait(timeout_ms / 1000)
        except subprocess.TimeoutExpired:
            raise DsvizError(
                f"{self.name} has not ended {timeout_ms:g} ms after it was asked to; end it with "
                f"kill({self.name!r}); last log line: {self.last_words}"
            ) from None
        self.workspace.release(child)
        self._child, self._state = None, "stopped"
        return True

    def pause(self) -> bool:
        """Freeze the process (SIGSTOP); False when it was not running."""
        return self._switch("running", signal.SIGSTOP, "paused")

    def resume(self) -> bool:
        """Let a frozen process go on (SIGCONT); False when it was not paused."""
        return self._switch("paused", signal.SIGCONT, "running")

    def _switch(self, before: str, number: int, after: str) -> bool:
        if self.state != before or self._child is None:
            return False
        send_signal(self._child, number)
        self._state = after
        return True

    def logs(self, tail: int = 20) -> str:
        """Return the last `tail` lines of the log, "" when there is none."""
        try:
            with open(self.log_file, "rb") as log:
                log.seek(max(0, os.path.getsize(self.log_file) - 2_000 * tail))
                lines = log.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-tail:])

    @property
    def last_words(self) -> str:
        """The last log line worth telling, in words, for an error message."""
        lines = self.logs(40).splitlines()
        told = [line for line in lines if self._telling.search(line)] or lines
        words = self._readable(told[-1]) if told else "(nothing was logged)"
        return words if len(words) <= LINE_LENGTH else words[:LINE_LENGTH] + "…"


def dialler(processes: Mapping[str, Process], port: int) -> str:
    """Return the name of the process that a connection from `port` is of, "" for none of them."""
    import psutil

    for name, process in processes.items():
        # A process may end while it is looked at.
        with contextlib.suppress(psutil.Error):
            if process.pid is not None:
                held = psutil.Process(process.pid).net_connections("tcp")
                if any(one.laddr.port == port for one in held if one.laddr):
                    return name
    return ""


def as_user(user: int | None) -> dict[str, Any]:
    """Return the arguments of `subprocess` that make a child run as this user; None: as we do."""
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}


def wait_until(
    condition: Callable[[], bool], processes: Iterable[Process], timeout_ms: float, goal: str
) -> None:
    """Wait until `condition` holds, at most `timeout_ms` ms.

    `goal` completes "waiting for …". Raises DsvizError with a last log line when one of the
    processes ends, or when the time is over.
    """
    watched = list(processes)
    deadline = time.monotonic() + timeout_ms / 1000
    while True:
        for process in watched:
            if not process.alive:
                raise DsvizError(
                    f"{process.name} stopped by itself while waiting for {goal}; start it again "
                    f"once its last log line is dealt with: {process.last_words}"
                )
        if condition():
            return
        if time.monotonic() >= deadline:
            last = watched[0].last_words if watched else "(no process)"
            raise DsvizError(
                f"waiting for {goal} took longer than {timeout_ms:g} ms; give a larger "
                f"start_timeout_ms or close other programs; last log line: {last}"
            )
        time.sleep(0.02)
