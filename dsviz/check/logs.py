"""Readers for the logs of other tools: Jepsen's, and key-value logs in EDN."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from dsviz.check import edn
from dsviz.check.model import Model, misfit
from dsviz.check.models import cas_register, key_value
from dsviz.check.words import shown
from dsviz.errors import DsvizError, listed
from dsviz.history import History, HistoryBuilder, Operation

TYPES = ("invoke", "ok", "fail", "info")
_JEPSEN = re.compile(r"INFO\s+jepsen\.util\s+-\s+(\S+)\s+:(\S+)\s+:(\S+)\s+(\S.*)")


def jepsen_log(text: str) -> tuple[History, Model]:
    """Read a Jepsen log of one register: ``INFO  jepsen.util - 3  :invoke  :cas  [1 2]``.

    What the nemesis did is passed over. Raises DsvizError naming the first line that is no such
    event, or cannot follow those before.
    """
    model = cas_register()
    log = Log(model.operations, model)
    for number, line in _lines(text):
        match = _JEPSEN.fullmatch(line)
        if match is None:
            raise DsvizError(
                f"line {number} is not a whole event of a Jepsen log; mend or delete the line "
                "(INFO  jepsen.util - <process>  :<type>  :<operation>  <value>)"
            )
        process, kind, f, value = match.groups()
        if process != ":nemesis":
            log.add(number, process, kind, f, None, _edn(value, number), None)
    return log.history(), model


def key_value_log(text: str) -> tuple[History, Model]:
    """Read a log in EDN: ``{:process 3, :type :invoke, :f :get, :key "x", :value nil}``.

    ``:time`` is in nanoseconds, as Jepsen writes it; ``:error`` gives the reason of a failure.
    The model is a key-value store whose keys hold "" at first, or, when there are only reads,
    writes and cas, a register. Raises DsvizError naming the first line that is no such event, or
    cannot follow those before.
    """
    events = [(number, _checked(_edn(line, number), number)) for number, line in _lines(text)]
    events = [(number, event) for number, event in events if event["process"] != "nemesis"]
    names = {event["f"] for _, event in events}
    model = cas_register() if names <= cas_register().operations else key_value("")
    log = Log(model.operations, model)
    for number, event in events:
        process, kind = str(event["process"]), event["type"]
        value = event.get("value")
        if kind == "fail" and "error" in event:
            value = str(event["error"])
        ms = None if event.get("time") is None else event["time"] / 1e6
        log.add(number, process, kind, event["f"], event.get("key"), value, ms)
    return log.history(), model


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (number, line) for the lines that are not blank."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.strip()


def _edn(text: str, number: int) -> Any:
    try:
        return edn.parse(text)
    except ValueError as error:
        raise DsvizError(
            f"line {number} cannot be read: {error}; the line was cut off or edited, mend or "
            "delete it"
        ) from None


def _checked(event: Any, number: int) -> dict[str, Any]:
    needed = ("process", "type", "f")
    if not isinstance(event, dict) or not all(
        isinstance(event.get(name), (str, int)) for name in needed
    ):
        raise DsvizError(
            f"line {number} is not a whole event; it needs :process, :type and :f, as in "
            '{:process 0, :type :invoke, :f :get, :key "x", :value nil}'
        )
    if event["type"] != "invoke" and event["process"] != "nemesis" and "value" not in event:
        raise DsvizError(f"line {number} has no :value; the line was cut off or edited, mend it")
    time = event.get("time")
    if time is not None and not (isinstance(time, (int, float)) and math.isfinite(time)):
        raise DsvizError(f"line {number}: :time must be a number of nanoseconds; mend the line")
    return event


class Log:
    """What a log with one line for each call and return comes to.

    A process has at most one operation in progress; its returns carry no operation number.
    """

    def __init__(self, operations: frozenset[str], model: Model) -> None:
        self._known, self._model = operations, model
        self._builder = HistoryBuilder()
        self._open: dict[str, tuple[int, str, Any, Any, int]] = {}
        self._count = 0

    def add(
        self, number: int, process: str, kind: str, f: str, key: Any, value: Any, ms: float | None
    ) -> None:
        """Add what line `number` says. Raises DsvizError when it cannot follow the lines before."""
        if kind not in TYPES:
            raise DsvizError(f"line {number}: {kind!r} is none of {listed(TYPES)}; mend the line")
        if f not in self._known:
            raise DsvizError(
                f"line {number}: unknown operation {f!r}; the operations known here are "
                f"{listed(self._known)}"
            )
        if kind == "invoke":
            self._invoke(number, process, f, key, value, ms)
        else:
            self._return(number, process, kind, f, key, value, ms)

    def _invoke(
        self, number: int, process: str, f: str, key: Any, value: Any, ms: float | None
    ) -> None:
        if process in self._open:
            raise DsvizError(
                f"line {number}: process {process} begins an operation, but the one of line "
                f"{self._open[process][-1]} has not returned; a line is missing between them"
            )
        op = Operation(self._count, process, f, key, value, 0, None, "info")
        complaint = misfit(op, self._model)
        if complaint:
            raise DsvizError(f"line {number}: {complaint}")
        self._builder.invoke(self._count, process, f, key, value, ms)
        self._open[process] = (self._count, f, key, value, number)
        self._count += 1

    def _return(
        self, number: int, process: str, kind: str, f: str, key: Any, value: Any, ms: float | None
    ) -> None:
        if process not in self._open:
            raise DsvizError(
                f"line {number}: process {process} returns from an operation that it did not "
                "begin; the line with its :invoke is missing"
            )
        op, begun, of_key, argument, line = self._open.pop(process)
        reads = f in ("read", "get")
        if (begun, of_key) != (f, key):
            raise DsvizError(
                f"line {number}: process {process} returns from {f} {shown(key)}, but at line "
                f"{line} it began {begun} {shown(of_key)}; lines are missing between them"
            )
        if not reads and value != argument and (kind == "ok" or isinstance(value, tuple)):
            raise DsvizError(
                f"line {number}: process {process} returns from {f} with {shown(value)}, but at "
                f"line {line} it began with {shown(argument)}; lines are missing between them"
            )
        if kind == "fail" and value == argument:
            value = None  # no reason given: it repeats what was asked
        self._builder.complete(op, kind, value if reads or kind == "fail" else None, ms)

    def history(self) -> History:
        return self._builder.history()
