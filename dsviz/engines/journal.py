"""Notes what happens to an engine as the rows of a `Trace`, in ms on the notebook's own clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

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

    @property
    def zero(self) -> float:
        """Time 0 on this machine's steady clock (`time.monotonic`), in seconds."""
        return self._zero

    def now(self) -> float:
        """Return the ms since the start, to the microsecond."""
        return round(1000 * (time.monotonic() - self._zero), 3)

    def note(self, what: str, node: str, data: object = None, cause: int = -1) -> int:
        """Add an event and return its seq."""
        with self._lock:
            seq = len(self.rows)
            self.rows.append((self.now(), seq, what, node, None, data, None, cause))
        return seq

    def invoke(self, f: str, key: str, value: Any, to: str, client: str = CLIENT) -> int:
        """Note that a client began an operation; return the number to `complete` it with."""
        with self._lock:
            op = len(self.rows)
            data = {"op": op, "f": f, "key": key, "value": value, "to": to}
            self.rows.append((self.now(), op, "invoke", client, None, data, None, -1))
        return op

    def complete(self, op: int, status: str, result: Any) -> float:
        """Note how an operation ended (``ok``, ``fail``, ``info``); return the ms it took."""
        seq = self.note(status, self.rows[op][3], {"op": op, "result": result}, cause=op)
        return round(self.rows[seq][0] - self.rows[op][0], 3)

    def fault(self, stored: dict[str, Any]) -> None:
        """Note that a fault of links began: its JSON form without its times."""
        with self._lock:
            number = sum(row[2] == "fault" for row in self.rows)
            self.rows.append((self.now(), len(self.rows), "fault", None, None, stored, number, -1))

    def heal(self) -> None:
        """Note that every fault of links that has not ended is over now."""
        with self._lock:
            begun = {row[6]: row[5] for row in self.rows if row[2] == "fault"}
            for row in self.rows:
                if row[2] == "heal":
                    del begun[row[6]]
            now = self.now()
            for number, stored in begun.items():
                self.rows.append((now, len(self.rows), "heal", None, None, stored, number, -1))


#: What chips call a fault, by the name that its JSON form has in the simulator as well.
LABELS = {
    "Crash": "crash",
    "Restart": "restart",
    "Pause": "pause",
    "Partition": "partition",
    "Cut": "one-way cut",
    "Delay": "extra delay",
}


@dataclass(frozen=True)
class EngineFault:
    """A fault in a run of an engine; its JSON form is that of the simulator's faults."""

    stored: dict[str, Any]

    @property
    def kind(self) -> str:
        """A key of `LABELS`."""
        return self.stored["fault"]

    @property
    def label(self) -> str:
        """What chips call it."""
        return LABELS[self.kind]

    @property
    def at(self) -> float:
        """When it began, in ms."""
        return self.stored["at"]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return self.stored

    def __str__(self) -> str:
        one, words = self.stored, self.label
        if "node" in one:
            words += f" of {one['node']}"
            if self.kind != "Pause":
                return f"{words} at {one['at']:g} ms"
        elif self.kind == "Partition":
            words += f" of {', '.join(one['a'])} from {', '.join(one['b'])}"
        else:
            words += f" of {one['ms']:g} ms" if "ms" in one else ""
            words += f" from {one['src']} to {one['dst']}"
        end = "on" if "duration" not in one else f"to {one['at'] + one['duration']:g} ms"
        return f"{words} from {one['at']:g} ms {end}"


def trace_of(name: str, members: Iterable[str], rows: Iterable[tuple], until: float) -> Trace:
    """Return rows as the trace of a run of these members that lasted `until` ms."""
    members = tuple(members)
    rows = _with_ends([tuple(row) for row in rows], until)
    # Whoever is in the rows and is no member uses them: clients, and the consumers of a group.
    clients = [row[3] for row in rows if row[3] is not None and row[3] not in members]
    nodes = dict.fromkeys(members, "member") | dict.fromkeys([CLIENT, *clients], "client")
    found = sorted(_faults(rows), key=lambda pair: pair[1].at)
    faults = tuple(fault for _, fault in found)
    # Rows of links name their fault by number: first as it was noted, then as it is sorted.
    place = {number: i for i, (number, _) in enumerate(found) if number is not None}
    rows = [
        (*row[:5], faults[place[row[6]]], place[row[6]], row[7])
        if row[2] in ("fault", "heal")
        else row
        for row in rows
    ]
    return Trace(name, seed=0, duration=until, nodes=nodes, faults=faults, records=rows)


def _faults(rows: list[tuple]) -> Iterator[tuple[int | None, EngineFault]]:
    """Yield each fault with its number in the rows, None for one of a process.

    A fault is stored without its times, because only what came later tells when it ended; a fault
    of a process is its own row: ``crash``, ``pause``, and any ``start`` but the first.
    """
    ends = {row[6]: row[0] for row in rows if row[2] == "heal"}
    for begun, _, what, node, _, data, number, _ in rows:
        if what == "fault":
            end = {"duration": _span(ends[number] - begun)} if number in ends else {}
            yield number, EngineFault({**data, "at": begun, **end})
        elif what == "crash":
            yield None, EngineFault({"fault": "Crash", "node": node, "at": begun})
        elif what == "pause":
            last = _span(data - begun)
            yield None, EngineFault({"fault": "Pause", "node": node, "at": begun, "duration": last})
        elif what == "start" and data > 1:
            yield None, EngineFault({"fault": "Restart", "node": node, "at": begun})


def _span(ms: float) -> float:
    """Return how long a fault lasted as a chip can show it: whole ms from 10 ms on."""
    return round(ms, 0 if ms >= 10 else 3)


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
