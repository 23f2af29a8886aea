"""Notes what happens to an engine as the rows of a `Trace`, in ms on the notebook's own clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import replace

from dsviz.errors import DsvizError
from dsviz.history import History
from dsviz.trace import Trace

CLIENT = "client"
SERIALIZABLE_READ = "serializable read"


class Journal:
    """Collects rows. Time 0 is when it is made; the clock never goes back (`time.monotonic`)."""

    def __init__(self) -> None:
        self.rows: list[tuple] = []
        self._zero = time.monotonic()
        self._lock = threading.Lock()  # a learner may call from several threads

    def now(self) -> float:
        """Return the ms since the start, to the microsecond."""
        return round(1000 * (time.monotonic() - self._zero), 3)

    def note(self, what: str, node: str, data: object = None, cause: int = -1) -> int:
        """Add an event and return its seq."""
        with self._lock:
            seq = len(self.rows)
            self.rows.append((self.now(), seq, what, node, None, data, None, cause))
        return seq

    def invoke(self, f: str, key: str, value: str | None, to: str) -> int:
        """Note that the client began an operation; return the number to `complete` it with."""
        with self._lock:
            op = len(self.rows)
            data = {"op": op, "f": f, "key": key, "value": value, "to": to}
            self.rows.append((self.now(), op, "invoke", CLIENT, None, data, None, -1))
        return op

    def complete(self, op: int, status: str, result: str | None) -> float:
        """Note how an operation ended (``ok``, ``fail``, ``info``); return the ms it took."""
        seq = self.note(status, CLIENT, {"op": op, "result": result}, cause=op)
        return round(self.rows[seq][0] - self.rows[op][0], 3)


def trace_of(name: str, members: Iterable[str], rows: Iterable[tuple], until: float) -> Trace:
    """Return rows as the trace of a run of these members that lasted `until` ms."""
    nodes = dict.fromkeys(members, "member") | {CLIENT: "client"}
    return Trace(name, seed=0, duration=until, nodes=nodes, records=_with_ends(list(rows), until))


def _with_ends(rows: list[tuple], until: float) -> list[tuple]:
    """Say in each pause until when it lasted: only what came later tells."""
    ends: dict[str, float] = {}
    for number in reversed(range(len(rows))):
        time, _, what, node, *_ = row = rows[number]
        if what in ("resume", "crash"):
            ends[node] = time
        elif what == "pause":
            rows[number] = (*row[:5], ends.get(node, until), *row[6:])
    return rows


def with_serializable(history: History, reads: str) -> History:
    """Return the history with its serializable reads kept ``apart``, left ``out`` or as ``read``.

    They never promised to be up to date, so a judge is told what to make of them. Raises
    DsvizError for another word.
    """
    if reads not in ("apart", "out", "read"):
        raise DsvizError(f"serializable={reads!r} must be 'apart', 'out' or 'read'")
    if reads == "out":
        return History(op for op in history if op.f != SERIALIZABLE_READ)
    if reads == "read":
        return History(replace(op, f="read") if op.f == SERIALIZABLE_READ else op for op in history)
    return history
