"""What a trace of a replicated register tells, whatever its nodes call their messages.

The judges of the register labs know three things about a submission: which nodes are replicas,
which values clients wrote, and the cause of every event. That is enough to say for each operation
whom its coordinator asked, who answered, and upon which message it told the client.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dsviz.trace import Message, Trace


@dataclass
class Served:
    """One operation, as the trace shows it. Times in ms; `request` is the message's id."""

    id: int
    client: str
    coordinator: str
    f: str
    key: str
    value: Any
    began: float
    request: int
    ended: float | None = None
    status: str = "info"
    result: Any = None
    answer: tuple | None = None  # row of the message that answered it
    rows: list[tuple] = field(default_factory=list)  # what the request caused

    @property
    def seen(self) -> Any:
        """The value it wrote or read."""
        return self.value if self.f == "write" else self.result

    @property
    def answered_at(self) -> float:
        """When the coordinator sent its answer; infinity when it never did."""
        if self.answer is None:
            return float("inf")
        return self.answer[6][0] if self.answer[2] == "drop" else self.answer[6]


class Register:
    """A trace, indexed by cause. The labs call replicas r1, r2, …; all else serves clients."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.by_seq = {row[1]: row for row in trace.rows}
        self.clients = [name for name, role in trace.nodes.items() if role == "client"]
        self.ops = self._operations()
        self.replicas = [name for name in trace.nodes if re.fullmatch(r"r\d+", name)]
        others = {*self.clients, *self.replicas}
        self.coordinators = [name for name in trace.nodes if name not in others]
        self.majority = len(self.replicas) // 2 + 1
        self._attribute()

    def _operations(self) -> dict[int, Served]:
        ops: dict[int, Served] = {}
        for row in self.trace.rows:
            what, data = row[2], row[5]
            if what == "invoke":
                head = (data["op"], row[3], data["to"], data["f"], data["key"], data["value"])
                # The client sends its request in the same breath: the next number is its id.
                ops[data["op"]] = Served(*head, row[0], row[1] + 1)
            elif what in ("ok", "fail", "info") and data["op"] in ops:
                op = ops[data["op"]]
                op.ended, op.status, op.result = row[0], what, data["result"]
        return ops

    def _attribute(self) -> None:
        """Give each operation the events it caused, and its answer."""
        by_request = {op.request: op for op in self.ops.values()}
        for row in self.trace.rows:
            op = by_request.get(self.root(row))
            if op is not None:
                op.rows.append(row)
            message = row[5]
            if isinstance(message, Message) and message.re in by_request:
                asked = by_request[message.re]
                if message.src == asked.coordinator and asked.answer is None:
                    asked.answer = row

    def chain(self, row: tuple | None) -> Iterator[tuple]:
        """Yield the causes of a row, nearest first."""
        while row is not None and (row := self.by_seq.get(row[7])) is not None:
            yield row

    def root(self, row: tuple) -> int | None:
        """Return the id of the client's request that a row goes back to, or None."""
        for cause in (row, *self.chain(row)):
            message = cause[5]
            if isinstance(message, Message) and message.src in self.clients:
                return message.id
        return None

    # Messages ---------------------------------------------------------------------------------

    @cached_property
    def stores(self) -> list[tuple]:
        """The deliveries at replicas."""
        return [r for r in self.trace.rows if r[2] == "deliver" and r[3] in self.replicas]

    def carried(self, value: Any, since: float = 0.0) -> list[tuple]:
        """Return the deliveries at replicas of messages from coordinators with this value."""
        return [
            row
            for row in self.stores
            if row[0] >= since and row[4] in self.coordinators and holds(row[5].body, value)
        ]

    def sent(self, value: Any, coordinator: str) -> list[tuple]:
        """Return the messages with this value that a coordinator sent to replicas, lost or not."""
        return [
            row
            for row in self.trace.rows
            if row[2] in ("deliver", "drop", "flight")
            and row[4] == coordinator
            and row[3] in self.replicas
            and holds(row[5].body, value)
        ]

    def bringing(self, value: Any) -> list[tuple]:
        """Return the messages with this value between coordinators and replicas, either way."""
        return [
            row
            for row in self.trace.rows
            if row[2] in ("deliver", "drop", "flight")
            and {row[3], row[4]}.isdisjoint(self.clients)
            and holds(row[5].body, value)
        ]

    def heard(self, op: Served, until: float = float("inf")) -> list[tuple]:
        """Return what replicas answered to this operation, as its coordinator got it."""
        return [
            row
            for row in op.rows
            if row[2] == "deliver"
            and row[3] == op.coordinator
            and row[4] in self.replicas
            and row[0] <= until
        ]

    def store_acks(self, op: Served, until: float = float("inf")) -> list[tuple]:
        """Return those answers that say that the replica got the operation's value."""
        return [row for row in self.heard(op, until) if self._acknowledges(row, op)]

    def acks_before_answer(self, op: Served) -> list[tuple]:
        """Return those acknowledgments that had come when the operation was answered."""
        acks = self.store_acks(op, op.answered_at)
        order = [row[1] for row in acks]
        trigger = op.answer[7] if op.answer else None
        # Several may come at the same time; the answer was caused by one of them.
        return acks[: order.index(trigger) + 1] if trigger in order else acks

    def _acknowledges(self, row: tuple, op: Served) -> bool:
        for cause in self.chain(row):
            if cause[3] == row[4] and cause[2] == "deliver":
                return cause[4] == op.coordinator and holds(cause[5].body, op.seen)
        return False

    def told(self, coordinator: str, since: float, until: float) -> list[tuple]:
        """Return what replicas told a coordinator in a span of time, whatever it was about."""
        return [
            row
            for row in self.trace.rows
            if row[2] == "deliver"
            and row[3] == coordinator
            and row[4] in self.replicas
            and since <= row[0] <= until
        ]

    def decided(self, op: Served) -> float:
        """Return when the first phase ended, in ms: another kind of message, or the answer."""
        kinds: list[tuple[float, str]] = sorted(
            (sent_at(row), row[5].kind) for row in op.rows if self.asks(row, op)
        )
        after = (time for time, kind in kinds if kind != kinds[0][1])
        return min(op.answered_at, next(after, float("inf")))

    def asks(self, row: tuple, op: Served) -> bool:
        """Whether a row is a message of the operation's coordinator to a replica."""
        return isinstance(row[5], Message) and row[4] == op.coordinator and row[3] in self.replicas

    def phase_two(self, op: Served) -> float:
        """Return when the coordinator first sent the operation's value to a replica, in ms."""
        times = [sent_at(row) for row in op.rows if self._is_store(row, op)]
        return min(times, default=float("inf"))

    def _is_store(self, row: tuple, op: Served) -> bool:
        return self.asks(row, op) and holds(row[5].body, op.seen)

    def reach(self, coordinator: str, at: float) -> list[str]:
        """Return the replicas that are up and not cut off from a coordinator at a moment."""
        return [r for r in self.replicas if self.up(r, at) and not self._cut(coordinator, r, at)]

    def up(self, node: str, at: float) -> bool:
        """Whether a node runs at a moment."""
        running = False
        for row in self._life.get(node, ()):
            if row[0] > at:
                break
            running = row[2] == "start"
        return running

    @cached_property
    def _life(self) -> dict[str, list[tuple]]:
        life: dict[str, list[tuple]] = {}
        for row in self.trace.rows:
            if row[2] in ("start", "crash"):
                life.setdefault(row[3], []).append(row)
        return life

    def _cut(self, one: str, other: str, at: float) -> bool:
        for fault in self.trace.faults:
            if not fault.at <= at < (float("inf") if fault.ends is None else fault.ends):
                continue
            kind = type(fault).__name__
            if kind == "Cut" and {fault.src, fault.dst} == {one, other}:
                return True
            if kind == "Partition":
                sides = [one in fault.a, other in fault.a]
                if fault.b:
                    sides = [
                        s for s, n in zip(sides, (one, other), strict=True) if n in fault.nodes
                    ]
                if len(sides) == 2 and sides[0] != sides[1]:
                    return True
        return False

    def changes(self) -> list[float]:
        """Return the moments at which a fault begins or ends, or a node starts or stops."""
        moments = {row[0] for rows in self._life.values() for row in rows}
        for fault in self.trace.faults:
            moments |= {fault.at} | ({fault.ends} if fault.ends is not None else set())
        return sorted(moments)

    def clock_offset(self, node: str, at: float) -> float:
        """Return how far a node's clock is off at a moment, in ms."""
        return sum(
            f.ms
            for f in self.trace.faults
            if type(f).__name__ == "ClockSkew" and f.node == node and f.at <= at
        )


def holds(data: Any, value: Any) -> bool:
    """Whether `value` is somewhere in `data`."""
    if isinstance(data, dict):
        return any(holds(part, value) for part in data.values())
    if isinstance(data, (tuple, list, frozenset)):
        return any(holds(part, value) for part in data)
    return value is not None and data == value


def sent_at(row: tuple) -> float:
    """Return when the message of a row was sent, in ms."""
    return row[6][0] if row[2] == "drop" else row[6]
