"""Where the processes of a submission come from: how they are started, spoken to and ended.

See `dsviz.grading.judge` for what protects the judge from them.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsviz.errors import DsvizError
from dsviz.grading import wire
from dsviz.grading.run import Stopped

EVENT_S = 3.0  # in which a handler must return
LOAD_S = 10.0  # in which the first process must be there and have compiled the submission

PACKAGE = Path(__file__).resolve().parent.parent
NEEDED = ("__init__.py", "errors.py", "history.py", "trace.py", "transcript.py", "sim")
OURS = ("__init__.py", "wire.py", "source.py", "child.py", "child_node.py")
SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives")


class InfrastructureError(DsvizError):
    """The machine, not the submission, is why something could not be judged: try again."""


def _python() -> str:
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


def _plain(fd: int) -> list[str]:
    return [_python(), "-S", "-s", "-P", "-B", str(PACKAGE / "grading" / "child.py"), str(fd)]


def _bubblewrapped(fd: int) -> list[str]:
    words = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    words += ["--setenv", "PYTHONHASHSEED", "0", "--proc", "/proc", "--dev", "/dev"]
    words += ["--tmpfs", "/tmp"]
    for path in dict.fromkeys((*SYSTEM, sys.base_prefix)):
        words += ["--ro-bind-try", path, path]
    for name in NEEDED:
        words += ["--ro-bind", str(PACKAGE / name), f"/judge/dsviz/{name}"]
    for name in OURS:
        words += ["--ro-bind", str(PACKAGE / "grading" / name), f"/judge/dsviz/grading/{name}"]
    inside = ["-S", "-s", "-P", "-B", "/judge/dsviz/grading/child.py", str(fd)]
    return [*words, "--chdir", "/tmp", "--", _python(), *inside]


#: How to start, by level, best first: (level, command, whether to become another user).
def _ways() -> list[tuple[str, Any, bool]]:
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    ways: list[tuple[str, Any, bool]] = []
    if shutil.which("bwrap"):
        ways += [("bubblewrap", _bubblewrapped, True)] if root else []
        ways += [("bubblewrap", _bubblewrapped, False)]
    ways += [("limits", _plain, True)] if root else []
    return [*ways, ("limits", _plain, False)]


_working: list[tuple[str, Any, bool]] = []  # the way that worked last, tried first


class Nursery:
    """Forks processes for nodes. It has compiled the submission's cells and never runs them."""

    def __init__(self, cells: Mapping[str, str]) -> None:
        self.isolation = ""
        self._process: subprocess.Popen | None = None
        self._count = 0
        for way in [*_working, *_ways()]:
            if self._starts(way, cells):
                _working[:] = [way]
                return
        raise InfrastructureError(
            "no process for the submission could be started; try again, and if that does not "
            "help look at `python -m dsviz doctor`"
        )

    def _starts(self, way: tuple[str, Any, bool], cells: Mapping[str, str]) -> bool:
        self.isolation, command, other_user = way
        ours, theirs = socket.socketpair()
        who: dict[str, Any] = {}
        if other_user:
            number = random.SystemRandom().randrange(1_000_000, 2_000_000)
            who = {"user": number, "group": number, "extra_groups": []}
        try:
            self._process = subprocess.Popen(
                command(theirs.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PYTHONHASHSEED": "0"},
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                **who,
            )
        except (OSError, subprocess.SubprocessError):
            ours.close()
            return False
        finally:
            theirs.close()
        self._control = ours
        return self._shakes_hands(cells)

    def _shakes_hands(self, cells: Mapping[str, str]) -> bool:
        """Hand over the cells; whether an answer came. Nothing of the submission has run yet."""
        self._control.settimeout(LOAD_S)
        try:
            self._control.sendall(wire.dump({"cells": dict(cells)}))
            if self._control.recv(6) == b"ready\n":
                return True
        except OSError:
            pass
        self.close()
        return False

    def fork(self) -> Channel:
        """Return a channel to a fresh process that is loading the submission."""
        ours, theirs = socket.socketpair()
        self._count += 1
        try:
            socket.send_fds(self._control, [b"F%07d" % self._count], [theirs.fileno()])
        except OSError:
            ours.close()
            raise InfrastructureError("the process that starts the submission's is gone") from None
        finally:
            theirs.close()
        return Channel(ours, self, self._count)

    def kill(self, number: int) -> None:
        """End the process with this number, whatever it is doing."""
        with contextlib.suppress(OSError):
            self._control.sendall(b"K%07d" % number)

    def close(self) -> None:
        """End every process, by its id."""
        self._control.close()  # it ends its children, then itself
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.wait(1.0)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()


class Channel:
    """The line to one node's process: a question, an answer, a deadline."""

    def __init__(self, line: socket.socket, nursery: Nursery, number: int) -> None:
        self._line = line
        self._nursery = nursery
        self._number = number
        self.used_s = 0.0
        # The system's own timeout: nothing has to be set or polled for each of 100,000 events.
        for which, seconds in ((socket.SO_RCVTIMEO, EVENT_S), (socket.SO_SNDTIMEO, EVENT_S)):
            line.setsockopt(socket.SOL_SOCKET, which, struct.pack("ll", int(seconds), 0))

    def ask(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to an event. Raises Stopped when none comes that can be read."""
        try:
            self._line.sendall(wire.dump(event))
            answer = wire.load(self._answer())
        except (TimeoutError, BlockingIOError):
            self._nursery.kill(self._number)
            raise Stopped("did not come back within 3 seconds: is there an endless loop?") from None
        except OSError:
            raise Stopped(GONE) from None
        except wire.WireError as error:
            raise Stopped(f"wrote {error} where the judge listens") from None
        if type(answer) is not dict:
            raise Stopped("wrote something onto the channel that the judge listens to")
        return answer

    def _answer(self) -> bytes:
        """Return one line. Most come in one piece, so the clock is only read from the second on."""
        line = self._line.recv(PIECE)
        deadline = time.monotonic() + EVENT_S
        while not line.endswith(b"\n"):
            if not line or time.monotonic() > deadline:
                raise TimeoutError if line else OSError
            if len(line) > wire.MAX_LINE:
                raise wire.WireError(f"more than {wire.MAX_LINE:,} bytes at once")
            piece = self._line.recv(PIECE)
            if not piece:
                raise OSError
            line += piece
        return line

    def close(self) -> None:
        """Let the process end; kill it if it does not."""
        self._line.close()
        self._nursery.kill(self._number)


PIECE = 262_144  # bytes read at once
GONE = "its process ended: it exited, was killed, or needed too much memory"
