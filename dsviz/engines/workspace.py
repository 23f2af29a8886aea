"""A throw-away folder with processes in it, neither of which outlives this Python process.

When a `Workspace` is closed, is collected, or its Python ends (even by SIGKILL: a guard process
sees to that, `dsviz.engines.guard`), its processes are killed and its folder is removed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path

from dsviz.engines.guard import forget_shared_memory, signal_tree
from dsviz.errors import DsvizError


def unsupported(system: str = os.name) -> str | None:
    """Return why engines cannot run on this operating system in one sentence, or None."""
    if system == "posix":
        return None
    return "engines are paused with SIGSTOP, which Windows does not have: run the course in WSL2"


class Workspace:
    """A throw-away folder and the processes in it; neither outlives this Python process.

    Use it as a context manager or call `close`. Raises DsvizError on Windows.
    """

    def __init__(self, label: str) -> None:
        problem = unsupported()
        if problem:
            raise DsvizError(problem)
        self.folder = Path(tempfile.mkdtemp(prefix=f"dsviz-{label}-"))
        self.children: dict[int, subprocess.Popen] = {}
        try:
            self._guard = _guard(self.folder)
        except OSError as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise DsvizError(
                f"no Python can be started from {sys.executable!r} ({error.strerror}); "
                "run the course in the environment that `make course` builds"
            ) from None
        # Also runs when the last reference goes and when the interpreter ends.
        self._finish = weakref.finalize(
            self, _clean_up, os.getpid(), self.children, self._guard, self.folder
        )

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """True once the processes are dead and the folder is gone."""
        return not self._finish.alive

    def close(self) -> None:
        """Kill every process and remove the folder; does nothing the second time."""
        self._finish()

    def adopt(self, child: subprocess.Popen) -> None:
        """Have `child`, the leader of its own process group, ended with this workspace.

        Raises DsvizError when the guard is gone.
        """
        self.children[child.pid] = child
        if not tell(self._guard, f"+{child.pid}"):
            raise DsvizError(
                "the guard of the engine's processes was ended from outside; "
                "stop this cluster and start a new one"
            )

    def release(self, child: subprocess.Popen) -> None:
        """Forget a child that is dead or has been sent SIGKILL."""
        tell(self._guard, f"-{child.pid}")
        self.children.pop(child.pid, None)


def _guard(folder: Path) -> subprocess.Popen:
    script = str(Path(__file__).with_name("guard.py"))
    return subprocess.Popen(
        [sys.executable, "-I", "-S", script, str(folder), str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,  # Jupyter interrupts and kills the kernel's whole process group
    )


def tell(child: subprocess.Popen, line: str) -> bool:
    """Write a line to the standard input of `child`; False when it does not listen any more."""
    try:
        os.write(child.stdin.fileno(), f"{line}\n".encode())
    except (OSError, ValueError):
        return False
    return True


def _clean_up(
    owner: int, children: dict[int, subprocess.Popen], guard: subprocess.Popen, folder: Path
) -> None:
    if os.getpid() != owner:
        return  # a forked child of the kernel ends: the processes are its parent's
    for child in children.values():
        send_signal(child, signal.SIGKILL)
    for child in children.values():
        reap(child)
    children.clear()
    forget_shared_memory(str(folder))
    shutil.rmtree(folder, ignore_errors=True)
    guard.stdin.close()
    reap(guard)  # removes what is left of the folder


def send_signal(child: subprocess.Popen, number: int) -> None:
    """Signal `child` and all its descendants, unless it ended by itself."""
    if child.returncode is None:  # else its number may belong to somebody else by now
        signal_tree(child.pid, number)


def reap(child: subprocess.Popen) -> None:
    """Wait until a killed child is gone, at most 10 000 ms."""
    with contextlib.suppress(subprocess.TimeoutExpired):  # it has its SIGKILL and can do no more
        child.wait(timeout=10)
