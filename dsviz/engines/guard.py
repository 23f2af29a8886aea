"""The guard: a small process that ends engine processes when the Python that started them is gone.

It runs as a script, ``python -I -S guard.py FOLDER PARENT``, in a session of its own, and reads
lines from its standard input: ``+PID`` watches a process group, ``-PID`` forgets one. At the end of
the input, which comes however the parent died (SIGKILL included), it kills what it watches and
removes the folder. It imports nothing of dsviz, so that it starts in about 20 ms; `signal_tree` and
`forget_shared_memory` stand here because the workspace does the same while Python lives.

Why not PR_SET_PDEATHSIG: that signal comes when the *thread* that forked ends, and it exists on
Linux only. A pipe belongs to the process, whichever thread of a Jupyter kernel opened it.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator

PATIENCE_S = 0.5  # how often the parent's death is looked for beside the pipe, in seconds


def watch(parent: int) -> set[int]:
    """Read standard input until the parent is gone; return the process groups still watched."""
    groups: set[int] = set()
    rest = b""
    while True:
        # A forked child of the kernel may hold the pipe open: a new parent is the end as well.
        orphaned = os.getppid() != parent
        ready = select.select([0], [], [], 0 if orphaned else PATIENCE_S)[0]
        chunk = os.read(0, 4096) if ready else b""
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            update(groups, line)
        if (ready or orphaned) and not chunk:
            return groups


def update(groups: set[int], line: bytes) -> None:
    """Apply one line, ``+PID`` or ``-PID``, to the groups that are watched."""
    pid = int(line[1:])
    if line.startswith(b"+"):
        groups.add(pid)
    else:
        groups.discard(pid)


def signal_tree(leader: int, number: int) -> None:
    """Signal the process group of `leader` and all its descendants, as one.

    A group is not enough: every server process of PostgreSQL makes itself a session of its own.
    """
    if number == signal.SIGKILL:
        _signal(os.killpg, leader, signal.SIGSTOP)  # from here on it has no more children
    family = descendants(leader)
    _signal(os.killpg, leader, number)
    for pid in family:
        _signal(os.kill, pid, number)


def _signal(send: Callable[[int, int], None], pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # gone already
        send(pid, number)


def descendants(leader: int) -> list[int]:
    """Return the children of a process, their children, and so on."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found = [leader]
    for pid in found:  # grows while it is read
        found += children.get(pid, [])
    return found[1:]


def _parents() -> Iterator[tuple[int, int]]:
    """Yield (process, its parent) for every process of this machine."""
    if not os.path.exists("/proc/self/stat"):  # macOS
        listing = os.popen("ps -A -o pid=,ppid=").read().split()
        yield from zip(map(int, listing[::2]), map(int, listing[1::2]))  # noqa: B905
        return
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            # The second field is the program's name in brackets, which may hold anything.
            yield int(name), int(file.read().rpartition(b")")[2].split()[1])


def forget_shared_memory(folder: str) -> None:
    """Remove the System V segment that each killed PostgreSQL in this folder has left.

    Line 7 of postmaster.pid is "key id". Without this a crash would leave 56 bytes for good.
    """
    for place, _, names in os.walk(folder):
        if "postmaster.pid" not in names:
            continue
        with contextlib.suppress(OSError, ValueError, IndexError, AttributeError):
            with open(os.path.join(place, "postmaster.pid")) as file:
                segment = int(file.read().splitlines()[6].split()[1])
            import ctypes  # here: most engines need none of this

            ctypes.CDLL(None).shmctl(segment, 0, None)  # 0 is IPC_RMID


def end(groups: set[int], folder: str) -> None:
    """Kill the process groups and remove the folder."""
    for group in groups:
        signal_tree(group, signal.SIGKILL)
    forget_shared_memory(folder)
    for _ in range(50):  # a dying process may still create a file while the folder is removed
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):
            return
        time.sleep(0.1)


if __name__ == "__main__":
    end(watch(int(sys.argv[2])), sys.argv[1])
