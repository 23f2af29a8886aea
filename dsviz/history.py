"""What clients saw: operations with their outcomes, in the style of Jepsen's histories."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dsviz.errors import DsvizError


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as its client saw it.

    `invoked` and `returned` are positions in the history (any increasing integers): they alone
    decide which operation came before which. `status` is ``ok``, ``fail`` (it definitely did not
    take effect) or ``info`` (outcome unknown: it may take effect at any later time, or never;
    then `returned` is None). `call_ms` and `return_ms` are for pictures and may be None.
    """

    id: int
    process: str
    f: str
    key: Any
    value: Any
    invoked: int
    returned: int | None
    status: str
    result: Any = None
    call_ms: float | None = None
    return_ms: float | None = None

    def __str__(self) -> str:
        arg = "" if self.value is None else f" {self.value!r}"
        key = "" if self.key is None else f" {self.key}"
        outcome = {"ok": "", "fail": " failed", "info": " (outcome unknown)"}[self.status]
        got = f" → {self.result!r}" if self.status == "ok" and self.result is not None else ""
        return f"{self.process} {self.f}{key}{arg}{got}{outcome}"


class History(Sequence[Operation]):
    """Operations in the order in which they were invoked."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self.operations = tuple(sorted(operations, key=lambda op: op.invoked))

    def __len__(self) -> int:
        return len(self.operations)

    def __getitem__(self, index):
        return self.operations[index]

    def __repr__(self) -> str:
        return f"History({len(self)} operations)"

    def by_key(self) -> dict[Any, History]:
        """Split into one history a key; keys in order of first use."""
        groups: dict[Any, list[Operation]] = {}
        for op in self.operations:
            groups.setdefault(op.key, []).append(op)
        return {key: History(ops) for key, ops in groups.items()}

    def to_jsonl(self) -> str:
        """Return JSON lines, one ``invoke/ok/fail/info`` event a line, in order of position."""
        events: list[tuple[int, dict]] = []
        for op in self.operations:
            head = {"process": op.process, "op": op.id}
            call = {"type": "invoke", "f": op.f, "key": op.key, "value": op.value}
            events.append((op.invoked, head | call | _time(op.call_ms)))
            if op.returned is not None:
                done = {"type": op.status, "result": op.result}
                events.append((op.returned, head | done | _time(op.return_ms)))
        events.sort(key=lambda pair: pair[0])
        return "".join(json.dumps(event) + "\n" for _, event in events)

    @classmethod
    def from_jsonl(cls, text: str) -> History:
        """Read what `to_jsonl` wrote.

        Raises DsvizError naming the line that is not an event of a history.
        """
        builder = HistoryBuilder()
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            try:
                event = json.loads(line)
                kind, op = event["type"], event["op"]
            except (ValueError, KeyError, TypeError) as error:
                raise DsvizError(
                    f"line {number} is not an event of a history ({error}); each line needs "
                    'the fields "type", "op" and "process"'
                ) from None
            try:
                if kind == "invoke":
                    builder.invoke(
                        op,
                        str(event.get("process")),
                        event["f"],
                        event.get("key"),
                        event.get("value"),
                        event.get("time"),
                    )
                else:
                    builder.complete(op, kind, event.get("result"), event.get("time"))
            except (KeyError, TypeError, DsvizError) as error:
                raise DsvizError(f"line {number}: {error}") from None
        return builder.history()


def _time(ms: float | None) -> dict[str, float]:
    return {} if ms is None else {"time": ms}


class HistoryBuilder:
    """Collects invoke and return events, in order, into a `History`."""

    def __init__(self) -> None:
        self._position = 0
        self._open: dict[Any, tuple] = {}
        self._done: list[Operation] = []
        self._count = 0

    def invoke(
        self, op: Any, process: str, f: str, key: Any, value: Any, ms: float | None = None
    ) -> None:
        """Note that `process` began operation `op`. Raises DsvizError if `op` is open already."""
        if op in self._open:
            raise DsvizError(f"operation {op} is invoked twice; give each operation its own number")
        number = op if isinstance(op, int) else self._count
        self._open[op] = (number, process, f, key, value, self._position, ms)
        self._count += 1
        self._position += 1

    def complete(self, op: Any, status: str, result: Any = None, ms: float | None = None) -> None:
        """Note how `op` ended. Raises DsvizError for an unknown `op` or status."""
        if status not in ("ok", "fail", "info"):
            raise DsvizError(f"event type {status!r} is none of invoke, ok, fail and info")
        if op not in self._open:
            raise DsvizError(f"operation {op} returns without having been invoked")
        number, process, f, key, value, invoked, call_ms = self._open.pop(op)
        returned = None if status == "info" else self._position
        self._position += 1
        self._done.append(
            Operation(
                number, process, f, key, value, invoked, returned, status, result, call_ms, ms
            )
        )

    def history(self) -> History:
        """Return the history so far; what has not returned has an unknown outcome."""
        still = [
            Operation(number, process, f, key, value, invoked, None, "info", None, call_ms, None)
            for number, process, f, key, value, invoked, call_ms in self._open.values()
        ]
        return History(self._done + still)
