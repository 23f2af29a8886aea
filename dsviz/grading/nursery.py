"""Where the processes of a submission come from: how they are started, spoken to and ended.

See `dsviz.grading.judge` for what protects the judge from them.
"""

from __future__ import annotations

import ast
import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from dsviz.errors import DsvizError
from dsviz.grading import wire
from dsviz.grading.run import Stopped
from dsviz.grading.syntax import tree

EVENT_S = 3.0  # in which a handler must return
EXTENSIONS = 20  # so often it gets as long again, if it had to wait for a processor
LOAD_S = 20.0  # in which the first process must be there and have compiled the submission

FLAGS = ("-S", "-s", "-P", "-B")  # no site packages, nothing written beside the sources
NO_BUBBLE = ", bubblewrap is installed but does not start here"
AS_ROOT = ", as root: processes are not limited"
UNFILTERED = ", without a filter of system calls"

PACKAGE = Path(__file__).resolve().parent.parent
SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives")


class InfrastructureError(DsvizError):
    """The machine, not the submission, is why something could not be judged: try again."""


def _python() -> str:
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


@cache
def needed() -> tuple[str, ...]:
    """Return the files of the package that a node's process loads, and no other one of ours."""
    found: dict[Path, None] = {}
    waiting = [PACKAGE / "grading" / "child.py"]
    while waiting:
        path = waiting.pop()
        if path in found or not path.is_file():
            continue
        found[path] = None
        waiting += [
            folder / "__init__.py"
            for folder in path.parents
            if PACKAGE in (folder, *folder.parents)
        ]
        for node in tree(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "dsviz":
                module = PACKAGE.joinpath(*node.module.split(".")[1:])
                names = (module, *(module / alias.name for alias in node.names))
                waiting += [name.with_suffix(".py") for name in names]
    return tuple(sorted(str(path.relative_to(PACKAGE)) for path in found))


def _plain(fd: int) -> list[str]:
    return [_python(), *FLAGS, str(PACKAGE / "grading" / "child.py"), str(fd)]


def _bubblewrapped(fd: int) -> list[str]:
    words = ["bwrap", "--die-with-parent", "--new-session", "--clearenv"]
    if _is_root():
        # Without a user namespace, so that each node's process can become a user of its own.
        words += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
        words += ["--unshare-cgroup-try", "--cap-drop", "ALL"]
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_KILL"):
            words += ["--cap-add", capability]
    else:
        words += ["--unshare-all"]
    words += ["--setenv", "PYTHONHASHSEED", "0", "--proc", "/proc", "--dev", "/dev"]
    words += ["--tmpfs", "/tmp"]
    if not sys.base_prefix.startswith(SYSTEM):
        # A Python in somebody's home: the way to it, and nothing else of it, is open to all.
        for folder in reversed(Path(sys.base_prefix).parents[:-1]):
            words += ["--perms", "0755", "--dir", str(folder)]
    for path in dict.fromkeys((*SYSTEM, sys.base_prefix)):
        words += ["--ro-bind-try", path, path]
    for name in needed():
        words += ["--ro-bind", str(PACKAGE / name), f"/judge/dsviz/{name}"]
    script = "/judge/dsviz/grading/child.py"
    return [*words, "--chdir", "/tmp", "--", _python(), *FLAGS, script, str(fd)]


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


Way = tuple[str, Callable[[int], list[str]]]  # its name, and the command for a channel's number


def _ways() -> list[Way]:
    """Return how a nursery may be started, best first."""
    best: list[Way] = [("bubblewrap", _bubblewrapped)] if shutil.which("bwrap") else []
    return [*best, ("limits", _plain)]


_working: list[Way] = []  # the best way that works here, once it is known
_isolation = ""


def isolation() -> str:
    """Return how the last submission's processes were isolated, "" before the first one."""
    return _isolation


class Nursery:
    """Forks processes for nodes. It has compiled the submission's cells and never runs them."""

    def __init__(self, cells: Mapping[str, str]) -> None:
        self.isolation = ""
        self._process: subprocess.Popen | None = None
        self._count = 0
        if not hasattr(socket, "send_fds"):
            raise InfrastructureError(
                "marks need Linux or macOS; on Windows run the grader in WSL 2, see "
                "docs/instructors.md"
            )
        # What does not start without a submission never will: only then another way is taken.
        for way in [] if _working else _ways():
            if self._starts(way, {}):
                self.close()
                _working[:] = [way]
                break
        if not _working or not self._starts(_working[0], cells):
            raise InfrastructureError(
                "no process for the submission could be started; try again, and if that does not "
                "help look at `python -m dsviz doctor`"
            )

    def _starts(self, way: Way, cells: Mapping[str, str]) -> bool:
        self.isolation, command = way
        ours, theirs = socket.socketpair()
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
            answer = self._control.recv(5)
            if answer[:3] == b"ok ":
                global _isolation
                if self.isolation == "limits" and shutil.which("bwrap"):
                    self.isolation += NO_BUBBLE
                self.isolation += AS_ROOT if answer[3:4] == b"1" else ""
                self.isolation += "" if answer[4:5] == b"1" else UNFILTERED
                _isolation = self.isolation
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

    def used(self, number: int = 0) -> tuple[float, float]:
        """Return how many seconds processes ran, and how many they waited for a processor.

        All of them, or the one with this number. Told by the first process, which runs nothing of
        the submission; 0 where the system does not tell.
        """
        try:
            self._control.sendall(b"T%07d" % number)
            answer = b""
            while len(answer) < 32:
                piece = self._control.recv(32 - len(answer))
                if not piece:
                    raise OSError
                answer += piece
            ran, waited = answer.split()
        except (OSError, ValueError):
            raise InfrastructureError("the process that starts the submission's is gone") from None
        return int(ran) / 1e6, int(waited) / 1e6

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
    """The line to one node's process: questions, answers, a deadline."""

    def __init__(self, line: socket.socket, nursery: Nursery, number: int) -> None:
        self._line = line
        self._nursery = nursery
        self._number = number
        self._waited = 0.0  # for a processor, when it was last asked
        self._begun = b""  # of a line that is not yet whole
        self._come: deque[bytes] = deque()  # whole lines that nobody has read yet
        self.used_s = 0.0
        # The system's own timeout: nothing has to be set or polled for each of 100,000 events.
        for which, seconds in ((socket.SO_RCVTIMEO, EVENT_S), (socket.SO_SNDTIMEO, EVENT_S)):
            line.setsockopt(socket.SOL_SOCKET, which, struct.pack("ll", int(seconds), 0))

    def ask(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to an event. Raises Stopped when none comes that can be read."""
        self.send(wire.dump(event))
        (answer,) = self.answers(1)
        return answer

    def send(self, lines: bytes) -> None:
        """Send events: more than `WINDOW` bytes of them only one at a time."""
        try:
            self._line.sendall(lines)
        except (TimeoutError, BlockingIOError):
            self._hangs()
        except OSError:
            raise Stopped(GONE) from None

    def answers(self, count: int) -> list[dict[str, Any]]:
        """Return the answers to what was sent. Raises Stopped when they do not come in time."""
        try:
            found = [wire.load(self._patient()) for _ in range(count)]
            if self._come:
                raise wire.WireError("more than it was asked")
        except (TimeoutError, BlockingIOError):
            self._hangs()
        except OSError:
            raise Stopped(GONE) from None
        except wire.WireError as error:
            raise Stopped(f"wrote {error} where the judge listens") from None
        if any(type(answer) is not dict for answer in found):
            raise Stopped("wrote something onto the channel that the judge listens to")
        return found

    def _hangs(self) -> NoReturn:
        self._nursery.kill(self._number)
        raise Stopped("did not come back within 3 seconds: is there an endless loop?") from None

    def _patient(self) -> bytes:
        """Return one line. A process that others do not let run gets more time."""
        first = None
        for _ in range(EXTENSIONS):
            try:
                return self._answer()
            except (TimeoutError, BlockingIOError):
                ran, waited = self._nursery.used(self._number)
                more, self._waited = waited - self._waited, waited
                first = ran if first is None else first
                if more < EVENT_S / 2 or ran - first > EVENT_S / 2:
                    raise
        return self._answer()

    def _answer(self) -> bytes:
        """Return one line. Most come in one piece, so the clock is only read from the second on."""
        pieces, deadline = 0, 0.0
        while not self._come:
            if pieces == 1:
                deadline = time.monotonic() + EVENT_S
            elif pieces > 1 and time.monotonic() > deadline:
                raise TimeoutError
            piece = self._line.recv(PIECE)
            if not piece:
                raise OSError
            pieces += 1
            *whole, self._begun = (self._begun + piece).split(b"\n")
            self._come.extend(whole)
            if len(self._begun) > wire.MAX_LINE:
                raise wire.WireError(f"more than {wire.MAX_LINE:,} bytes at once")
        return self._come.popleft()

    def close(self) -> None:
        """Let the process end; kill it if it does not."""
        self._line.close()
        self._nursery.kill(self._number)


PIECE = 262_144  # bytes read at once
WINDOW = 65_536  # bytes sent before answers are read: they fit into the system's buffers
GONE = "its process ended: it exited, was killed, or needed too much memory"
