"""The processes that run a submission: one that forks, and one for each start of each node.

Run as a script by `dsviz.grading.nursery`; nothing here is trusted by it. The first process has
loaded Python and this file, never the submission: it compiles the cells and forks a node's
process whenever the judge asks for one, in a few milliseconds. There the cells are executed anew
for each run: what a submission keeps in its module or its classes reaches no other run, and nothing
at all reaches another node; see `dsviz.grading.judge`.

A node's process gets events as lines of JSON and answers each with what its handler did; see
`dsviz.grading.child_node`.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

# What submissions commonly import, loaded once: after the fork files may be out of reach.
import bisect, collections, contextlib, copy, dataclasses, enum, functools  # noqa: E401, E402, F401, I001
import binascii, hashlib, heapq, itertools, json, math, operator, random, re  # noqa: E401, E402, F401
import string, struct, time, types, typing, zlib  # noqa: E401, E402, F401

from dsviz.grading import wire  # noqa: E402
from dsviz.grading.child_node import NodeProcess, why_not_loaded  # noqa: E402
from dsviz.grading.source import GIVEN, compiled  # noqa: E402
from dsviz.grading.system_calls import hide_memory, refuse_calls  # noqa: E402

MEMORY = 512 * 1024 * 1024  # bytes of address space of a node's process
CPU_S = 120  # in all runs of a check; the judge's own limits are tighter
FILES = 16  # open at once
Loaded = tuple[NodeProcess | None, str | None]  # the executed cells, or why they could not be
FIRST_USER = 1_000_000_000 + os.getpid() % 1000 * 1_000_000  # the first of the users to become


def serve(channel: socket.socket, cells: dict[str, str], codes: list | None) -> None:
    """Answer events until the judge closes the channel. Each run gets the cells executed anew."""
    fresh = loaded(cells, codes)
    lives: dict[int, Loaded] = {}  # by run
    for line in channel.makefile("rb"):
        event = wire.load(line)
        if event["event"] == "start":
            lives = {run: life for run, life in lives.items() if run >= event["oldest"]}
            lives[event["run"]] = fresh or loaded(cells, codes)
            fresh = None
            # What is drawn without the node's own stream is at least the same each time.
            random.seed(event["name"] + event["random"][:64])
        process, failure = lives[event["run"]] if "run" in event else fresh
        if failure is not None:
            answer = {"failed": failure}
        elif event["event"] == "describe":
            answer = {"classes": process.describe(event["classes"])}
        else:
            answer = handled(process, event)
        channel.sendall(wire.dump(answer))


def loaded(cells: dict[str, str], codes: list | None) -> Loaded:
    """Return the executed cells, or why they could not be."""
    try:
        return NodeProcess(compiled(cells) if codes is None else codes), None
    except Exception as error:
        return None, why_not_loaded(error)


def handled(process: NodeProcess, event: dict[str, Any]) -> dict[str, Any]:
    """Handle an event; an error outside every handler, as in a constructor, ends the run."""
    try:
        return process.handle(event)
    except Exception as error:
        return {"failed": why_not_loaded(error)}


def hide_the_course() -> None:
    """Leave nothing of the course to import but what graded cells are given."""
    for name in list(sys.modules):
        if name.split(".")[0] == "dsviz":
            del sys.modules[name]
    given = types.ModuleType("dsviz")
    given.__dict__.update(GIVEN)
    sys.modules["dsviz"] = given
    sys.path.pop(0)


def become(user: int) -> None:
    """Become a user that nobody else is: the limit on processes counts by user, not for root."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def can_drop() -> bool:
    """Whether another user than root could run here: Python's own files must be readable."""
    pid = os.fork()
    if not pid:
        try:
            become(FIRST_USER)
            import colorsys  # noqa: F401 (a module that nothing has loaded yet)

            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def can_filter() -> bool:
    """Whether a node's process can be kept from reaching others, shown by trying."""
    pid = os.fork()
    if not pid:
        try:
            hide_memory()
            refuse_calls()
            refuse_calls(os.getpid())
            try:
                socket.socket()
            except PermissionError:
                os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def limit() -> None:
    """Give up what a node does not need."""
    os.setsid()
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        try:
            hard = resource.getrlimit(what)[1]
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(what, (most, most))
        except (ValueError, OSError):
            pass  # not every system has every limit; the judge's deadlines hold everywhere


class Nursery:
    """The first process: forks a node's process for each channel that the judge hands over."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.pids: dict[int, int] = {}
        self.drops = False  # whether each node's process becomes a user of its own
        self.filters = False  # whether each is kept from reaching others
        self.gone = (0, 0)  # what the processes that have ended used; see `used`

    def run(self) -> None:
        cells = wire.load(self._line())["cells"]
        hide_the_course()
        try:
            codes = compiled(cells)
        except Exception:
            codes = None  # each node's process will find out and say so
        self.drops = os.geteuid() == 0 and can_drop()
        self.filters = can_filter()
        if self.filters:
            hide_memory()
            refuse_calls()
        gc.collect()
        gc.freeze()  # so that no fork copies memory only because a collector looked at it
        as_root = os.geteuid() == 0 and not self.drops
        self.control.sendall(b"ok %d%d" % (as_root, self.filters))
        while True:
            order, handed, _, _ = socket.recv_fds(self.control, 8, 1)
            if len(order) < 8:
                break
            verb, number = order[:1], int(order[1:])
            self._reap()
            if verb == b"T":
                self.control.sendall(b"%015d %015d\n" % self._used(number))
            elif verb == b"F":
                self._fork(number, socket.socket(fileno=handed[0]), cells, codes)
            elif number in self.pids:
                kill(self.pids[number])
        for pid in self.pids.values():
            kill(pid)

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            chunk = self.control.recv(65_536)
            if not chunk:
                os._exit(0)
            line += chunk
        return line

    def _fork(self, number: int, channel: socket.socket, cells: dict, codes: list | None) -> None:
        pid = os.fork()
        if pid:
            channel.close()
            self.pids[number] = pid
            return
        try:
            self.control.close()
            if self.drops:
                become(FIRST_USER + number)
            limit()
            if self.filters:
                hide_memory()  # again: becoming another user has opened it
                refuse_calls(os.getpid())
            serve(channel, cells, codes)
        finally:
            os._exit(0)

    def _reap(self) -> None:
        for number, pid in list(self.pids.items()):
            ended = os.WEXITED | os.WNOHANG | os.WNOWAIT
            if os.waitid(os.P_PID, pid, ended) is not None:
                ran, waited = used(pid)
                usage = os.wait4(pid, 0)[2]
                ran = max(ran, int((usage.ru_utime + usage.ru_stime) * 1e6))
                self.gone = (self.gone[0] + ran, self.gone[1] + waited)
                del self.pids[number]

    def _used(self, number: int) -> tuple[int, int]:
        """Return what one process has used, or with number 0 all of them, see `used`."""
        if number:
            return used(self.pids[number]) if number in self.pids else (0, 0)
        all_of_them = [self.gone, *map(used, self.pids.values())]
        return sum(ran for ran, _ in all_of_them), sum(waited for _, waited in all_of_them)


def used(pid: int) -> tuple[int, int]:
    """Return how many microseconds a process ran, and how many it waited for a processor.

    Both 0 where the system does not tell, as on macOS.
    """
    try:
        with open(f"/proc/{pid}/schedstat", "rb") as file:
            ran, waited = (int(word) // 1000 for word in file.read().split()[:2])
        with open(f"/proc/{pid}/stat", "rb") as file:
            words = file.read().rpartition(b")")[2].split()
    except (OSError, ValueError):
        return 0, 0
    ticks = int(words[11]) + int(words[12])  # of all its threads, but coarse
    return max(ran, ticks * 1_000_000 // os.sysconf("SC_CLK_TCK")), waited


def kill(pid: int) -> None:
    """End a node's process and what it may have started in its session."""
    for end in (os.killpg, os.kill):
        with contextlib.suppress(OSError):  # it is gone, or has not yet a session of its own
            end(pid, signal.SIGKILL)


if __name__ == "__main__":
    Nursery(socket.socket(fileno=int(sys.argv[1]))).run()
