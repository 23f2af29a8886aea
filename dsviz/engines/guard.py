"""The guard: a small process that ends engine processes when the Python that started them is gone.

It runs as a script, ``python -I -S guard.py FOLDER PARENT``, in a session of its own, and reads
lines from its standard input: ``+PID`` watches a process group, ``-PID`` forgets one. At the end of
the input, which comes however the parent died (SIGKILL included), it kills what it watches and
removes the folder. It imports nothing of dsviz, so that it starts in about 20 ms.

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


def end(groups: set[int], folder: str) -> None:
    """Kill the process groups and remove the folder."""
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # gone already
            os.killpg(group, signal.SIGKILL)
    for _ in range(50):  # a dying process may still create a file while the folder is removed
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):
            return
        time.sleep(0.1)


if __name__ == "__main__":
    end(watch(int(sys.argv[2])), sys.argv[1])
