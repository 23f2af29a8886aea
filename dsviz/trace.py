"""What happened: events, the trace that holds them, and the history that clients saw.

Pictures, players, transcripts, checkers, labs and graders read a `Trace` and nothing else. A run
of the simulator and a run of a real engine that writes the same events are drawn and judged by
the same code. All times are milliseconds (ms) since the start of the run.

A trace is a list of plain tuples (*rows*), because one tuple is what the kernel can afford to
keep for each event; `Trace.event` and iteration wrap a row as an `Event` with names. Most events
are deliveries, and of these the kernel keeps the `Message` alone (`Trace.records`); `Trace.rows`
makes rows of them when somebody looks. `Trace.columns` holds the same in a fifth of the memory.

======== ==================================================================================
field    meaning
======== ==================================================================================
time     when it happened, true (not node-local) time in ms
seq      unique number of the event; ties in time are ordered by it
what     the kind of event, see `KINDS`
node     where it happened (None for the network)
peer     the other node (the sender of a message), or None
data     the `Message`, the operation, the fault, the shown state … (see `KINDS`)
info     a message's send time; for a drop the pair (send time, reason); else a detail or None
cause    seq of the event whose handling made this one happen, or -1
======== ==================================================================================
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from dsviz.errors import DsvizError, listed
from dsviz.history import History, HistoryBuilder, Operation
from dsviz.message import FIRST_FIELD, Message

if TYPE_CHECKING:
    from dsviz.columns import Columns

__all__ = [
    "KINDS",
    "Event",
    "History",
    "HistoryBuilder",
    "Message",
    "Operation",
    "Trace",
    "as_row",
    "plain",
]

#: What an event can be, with the meaning of its `data`.
KINDS = {
    "start": "a node booted or restarted; data = how many times it has started",
    "deliver": "a message was handled; data = Message",
    "drop": "a message was lost; data = Message, info = (sent at, reason)",
    "flight": "a message still under way when the run ended; time = when it would have arrived",
    "queued": "a message waits because its node is busy or paused; data = the message's id",
    "corrupt": "a message was garbled on its way; data = what changed, info = the message's id",
    "timer": "a timer fired; data = its name",
    "state": "shown attributes changed; data = {attribute: value}",
    "invoke": "a client began an operation; data = {op, f, key, value, to}",
    "ok": "an operation returned; data = {op, result}",
    "fail": "an operation returned without having taken effect; data = {op, result}",
    "info": "an operation ended with its outcome unknown; data = {op, result}",
    "write": "a node wrote to its disk, not yet durable; data = file name",
    "synced": "un-synced writes became durable; data = how many, info = of which files, if not all",
    "disk error": "a sync failed: what it should have written is on no disk; info = of which files",
    "undone": "un-synced writes were lost; data = how many",
    "fault": "a fault began; data = the fault, info = its number in the list",
    "heal": "a fault with a duration ended; data = the fault, info = its number in the list",
    "crash": "a node stopped; data = the error when its own code raised",
    "pause": "a node stopped answering for a while; data = until when",
    "resume": "a paused node goes on",
    "log": "a node noted something; data = the text",
}


class Event(NamedTuple):
    """One row of a trace, with names. See the table at the top of the module."""

    time: float
    seq: int
    what: str
    node: str | None
    peer: str | None
    data: Any
    info: Any
    cause: int

    @property
    def sent_at(self) -> float:
        """When a message was sent, in ms. Only for deliver, drop and flight."""
        return self.info[0] if self.what == "drop" else self.info

    @property
    def reason(self) -> str | None:
        """Why a message was dropped, or None."""
        return self.info[1] if self.what == "drop" else None

    def __str__(self) -> str:
        from dsviz.transcript import sentence

        return sentence(self)


def as_row(message: Message) -> tuple:
    """Return the row of the delivery of a message that happened when and as the network meant."""
    arrived, number, dst, src, sent_at, cause = message[:FIRST_FIELD]
    return (arrived, number, "deliver", dst, src, message, sent_at, cause)


@dataclass(eq=False)
class Trace:
    """Everything that happened in one run.

    `nodes` maps each node's name to its role, in the order of the scenario. `faults` are the
    faults that were injected, `seed` and `duration` (ms) the other inputs of the run. Two runs of
    the same scenario, seed and faults have the same `digest`.
    """

    name: str
    seed: int
    duration: float
    nodes: dict[str, str]
    faults: tuple = ()
    records: list[tuple] = field(default_factory=list, repr=False)

    @property
    def rows(self) -> list[tuple]:
        """One plain tuple for each event, with the fields of the table above."""
        records, rows = self.records, self.__dict__.get("_rows")
        if rows is None or len(rows) != len(records):
            rows = records
            if any(type(record) is not tuple for record in records):
                rows = [record if type(record) is tuple else as_row(record) for record in records]
            self.__dict__["_rows"] = rows
        return rows

    @rows.setter
    def rows(self, rows: list[tuple]) -> None:
        self.records = rows
        self.__dict__.pop("_rows", None)
        self.__dict__.pop("_history", None)

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Event]:
        return map(Event._make, self.rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trace) and self.to_jsonl() == other.to_jsonl()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (
            f"Trace({self.name!r}, seed={self.seed}, {len(self.nodes)} nodes, "
            f"{len(self)} events in {self.duration:g} ms, digest {self.digest()})"
        )

    def event(self, seq: int) -> Event:
        """Return the event with this number. Raises DsvizError when there is none."""
        index = self.__dict__.get("_index")
        if index is None or len(index) != len(self.records):
            index = {record[1]: i for i, record in enumerate(self.records)}
            self.__dict__["_index"] = index
        if seq not in index:
            raise DsvizError(f"this trace has no event {seq}; see [e.seq for e in trace]")
        return Event._make(self.rows[index[seq]])

    def select(
        self,
        what: str | Sequence[str] | None = None,
        node: str | None = None,
        kind: str | None = None,
        since: float = 0.0,
        until: float = float("inf"),
    ) -> list[Event]:
        """Return the events that match all arguments given.

        `what` is one or several of `KINDS`, `node` a node's name, `kind` a message kind; times in
        ms, both ends included. Raises DsvizError for a node or event kind that does not exist.
        """
        wanted = None if what is None else {what} if isinstance(what, str) else set(what)
        if wanted is not None and not wanted <= KINDS.keys():
            raise DsvizError(f"what={what!r} is not among the event kinds {listed(KINDS)}")
        if node is not None and node not in self.nodes:
            raise DsvizError(f"node={node!r} does not exist; the nodes are {listed(self.nodes)}")
        return [
            Event._make(row)
            for row in self.rows
            if since <= row[0] <= until
            and (wanted is None or row[2] in wanted)
            and (node is None or row[3] == node)
            and (kind is None or (isinstance(row[5], Message) and row[5].kind == kind))
        ]

    def history(self) -> History:
        """Return what the clients saw: every operation with its outcome."""
        made = self.__dict__.get("_history")
        if made is None or made[0] != len(self.records):  # a run that goes on has more
            made = self.__dict__["_history"] = len(self.records), self._made_history()
        return made[1]

    def _made_history(self) -> History:
        builder = HistoryBuilder()
        for record in self.records:
            if type(record) is not tuple:
                continue  # a delivery
            time, _, what, node, _, data, _, _ = record
            if what == "invoke":
                builder.invoke(data["op"], node, data["f"], data["key"], data["value"], time)
            elif what in ("ok", "fail", "info"):
                builder.complete(data["op"], what, data["result"], time)
        return builder.history()

    def transcript(self, **select: Any) -> str:
        """Return the run as text, one event a line; arguments as for `select`."""
        from dsviz.transcript import transcript

        return transcript(self, **select)

    def columns(self) -> Columns:
        """Return the events in arrays: a fifth of the memory, for runs of millions of events."""
        from dsviz.columns import Columns

        return Columns(self)

    def digest(self) -> str:
        """Return 16 hex characters that are equal exactly when two traces are equal."""
        return hashlib.sha256(self.to_jsonl().encode()).hexdigest()[:16]

    def to_jsonl(self) -> str:
        """Return the trace as JSON lines: one line about the run, then one line an event."""
        head = {
            "dsviz": 1,
            "name": self.name,
            "seed": self.seed,
            "duration": self.duration,
            "nodes": self.nodes,
            "faults": [plain(fault) for fault in self.faults],
        }
        lines = [json.dumps(head)]
        lines += [json.dumps([*row[:5], plain(row[5]), plain(row[6]), row[7]]) for row in self.rows]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_jsonl(cls, text: str) -> Trace:
        """Read what `to_jsonl` wrote. Raises DsvizError naming the first broken line."""
        number = 1  # of the line being read, for the error below
        try:
            lines = text.splitlines()
            head = json.loads(lines[0])
            faults = tuple(map(_fault_reader[0], head["faults"]))
            trace = cls(head["name"], head["seed"], head["duration"], head["nodes"], faults)
            for number, line in enumerate(lines[1:], 2):  # noqa: B007
                trace.records.append(_row(json.loads(line), faults))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise DsvizError(f"line {number} is not part of a trace ({error})") from None
        return trace


# Faults are defined a floor above; that module puts its reader here when it is imported. Until
# then a trace that is read keeps its faults as the dictionaries they were stored as.
_fault_reader: list[Callable[[dict], Any]] = [lambda stored: stored]


def _row(fields: list, faults: tuple) -> tuple:
    time, seq, what, node, peer, data, info, cause = fields
    if what in ("deliver", "drop", "flight"):
        kind, id_, re, body = data
        info = tuple(info) if what == "drop" else info
        sent_at = info[0] if what == "drop" else info
        data = Message.of(kind, peer, node, id_, re, body, time, sent_at, cause)
    elif what in ("fault", "heal"):
        data = faults[info]
    return (time, seq, what, node, peer, data, info, cause)


def plain(value: Any) -> Any:
    """Return `value` as JSON can write it, the same on every run: sets sorted, keys as text."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, Message):
        return [value.kind, value.id, value.re, plain(value.body)]
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, dict):
        return {k if isinstance(k, str) else repr(k): plain(v) for k, v in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((plain(v) for v in value), key=repr)
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (bytes, bytearray)):
        return "0x" + bytes(value).hex()
    return repr(value)
