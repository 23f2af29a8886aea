"""What the tests of real engines share."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dsviz import engines

ROOT = Path(__file__).resolve().parent.parent


def marks(flag: str) -> list[pytest.MarkDecorator]:
    """Return the marks of a test that needs a real engine and says how to get it."""
    found = engines.available(flag)
    reason = f"NOT TESTED, no real engine: {found.problem}"
    return [pytest.mark.engine, pytest.mark.skipif(not found, reason=reason)]


def needs(flag: str) -> Callable:
    """Run a test with the real engine only, alone; where it is missing, say how to get it."""
    engine, skip = marks(flag)
    return lambda test: engine(skip(test))


def running(pid: int) -> bool:
    """Tell whether a process lives (an orphan nobody waits for stays listed as a zombie)."""
    words = ["ps", "-o", "stat=", "-p", str(pid)]
    listing = subprocess.run(words, capture_output=True, text=True)
    return listing.stdout.strip()[:1] not in ("", "Z")


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Ask again and again; tell whether the condition came to hold."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def killed_kernel(script: str) -> tuple[list[int], Path]:
    """Run a script that makes an engine ``e``, kill its Python, and return what was left to end.

    That is every process below it that is not the guard, and the engine's folder.
    """
    tail = """
import os, time
from dsviz.engines.guard import descendants
print(e._workspace.folder, *[p for p in descendants(os.getpid()) if p != e._workspace._guard.pid])
import sys; sys.stdout.flush(); time.sleep(60)
"""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", script + tail], stdout=subprocess.PIPE, text=True, env=env
    ) as python:
        folder, *pids = python.stdout.readline().split()
        found = [int(pid) for pid in pids]
        assert Path(folder).is_dir()
        assert all(map(running, found))
        python.kill()
    return found, Path(folder)


def all_ended(pids: list[int], folder: Path) -> bool:
    """Tell whether within seconds every process has ended and the folder is gone."""
    return eventually(lambda: not any(map(running, pids)) and not folder.exists())
