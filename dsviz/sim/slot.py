"""A place in the cluster: what outlives the process that runs there."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from dsviz.sim.disk import Disk

if TYPE_CHECKING:
    from dsviz.sim.kernel import Kernel
    from dsviz.sim.node import Node


class Slot:
    """A place in the cluster: what outlives the process that runs there, and its state now."""

    def __init__(self, kernel: Kernel, name: str, template: Node, sync_ms: float) -> None:
        self.name = name
        self.template = template
        self.disk = Disk(kernel, self, sync_ms)
        self.shows = tuple(template.shows)
        self.up = False
        self.starts = 0
        self.paused = False
        self.paused_until = 0.0
        self.busy = False  # a handler waits for its disk
        self.clock_offset = 0.0
        self.timers: dict[Any, int] = {}
        self.inbox: deque[tuple] = deque()  # what arrived while it was paused or busy
        self.held: list[tuple] = []  # the rest of a handler that a pause interrupted
        self.handlers: dict[str, Callable] = {}
        self.shown: dict[str, Any] = {}
        self.node: Node | None = None
        self._seed = kernel.seed
        self._random: Random | None = None

    def random(self) -> Random:
        """The node's own random stream, a new one after each restart."""
        if self._random is None:
            self._random = Random(f"{self._seed}/node/{self.name}/{self.starts}")
        return self._random

    def boot(self, kernel: Kernel) -> None:
        """Put a fresh process here."""
        self.up, self.paused, self.busy = True, False, False
        self.starts += 1
        self._random = None
        self.shown = {}
        self.node = self.template._booted(kernel, self)
        self.handlers = {
            name[3:]: getattr(self.node, name)
            for name in dir(type(self.node))
            if name.startswith("on_") and not name.startswith(("on_timer_", "on_disk_"))
        }
        self.handlers.pop("start", None)


def explained(error: Exception) -> str:
    """Return what went wrong in a handler: the learner's own lines, then the error.

    Without file names and without our frames, so that the trace is the same on every machine.
    """
    told = getattr(error, "explained", None)
    if isinstance(told, str):
        return told  # raised in another process, which has explained it already
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _is_ours(f.filename)]
    lines = [f"in {frame.name}, line {frame.lineno}: {frame.line}" for frame in frames]
    return "\n".join([*lines, f"{type(error).__name__}: {error}"])


def _is_ours(filename: str) -> bool:
    return Path(filename).parent == Path(__file__).parent
