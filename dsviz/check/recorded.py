"""Readers for recorded histories. The format is recognised from the content:

- a Jepsen log of one register, ``INFO  jepsen.util - 3  :invoke  :cas  [1 2]`` a line;
- a key-value log, ``{:process 3, :type :invoke, :f :append, :key "x", :value "a"}`` a line
  (EDN, as Jepsen and Porcupine write it);
- JSON lines as `History.to_jsonl` writes them;
- a whole trace as `Trace.to_jsonl` writes it.

An empty file is a history without operations.
"""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any

from dsviz.check.logs import TYPES, jepsen_log, key_value_log
from dsviz.check.model import Model, misfit
from dsviz.check.models import cas_register, fitting, key_value
from dsviz.check.words import shown
from dsviz.errors import DsvizError, listed
from dsviz.history import History, Operation
from dsviz.trace import Trace

MOST_BYTES = 64 * 1024 * 1024
_ANY = key_value()  # knows every name that one of the models knows


def read_history(path: str | os.PathLike[str]) -> tuple[History, Model]:
    """Return the history in a file, and the model that it is to be judged by.

    A Jepsen log is judged as a compare-and-set register that holds nothing at first, a key-value
    log as keys that hold "" at first, our own formats by the names of their operations (see
    `dsviz.check.models.fitting`). Raises DsvizError, with one sentence that names the file, the
    line and what to do, for a file that cannot be read or is no history.
    """
    name = shown_path(path)
    text = _text(path, name)
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    try:
        if not first:
            return History([]), cas_register()
        if first.startswith("INFO"):
            return jepsen_log(text)
        if first.startswith("{:"):
            return key_value_log(text)
        if first.startswith("{"):
            head = _json(first, 1 + text[: text.index(first)].count("\n"))
            history = _from_trace(text, head) if "dsviz" in head else _from_json_lines(text)
            return history, fitting(history)
    except DsvizError as error:
        raise DsvizError(f"{name}: {error}") from None
    raise DsvizError(
        f"{name}: line 1 begins with {first[:20]!r}, which no known history does; give a Jepsen "
        "log (INFO  jepsen.util - …), a key-value log ({:process …}), or JSON lines of dsviz"
    )


def shown_path(path: str | os.PathLike[str]) -> str:
    """Return a path as it can be printed on one line."""
    text = os.fsdecode(path)
    return text if text.isprintable() and text else ascii(text)


def _text(path: str | os.PathLike[str], name: str) -> str:
    try:
        mode = os.stat(path)
        if stat.S_ISDIR(mode.st_mode):
            raise DsvizError(f"{name} is a directory; name the files in it, for example {name}/*")
        if not stat.S_ISREG(mode.st_mode):
            raise DsvizError(f"{name} is not a regular file; save the history to a file first")
        if mode.st_size > MOST_BYTES:
            raise DsvizError(
                f"{name} has {mode.st_size // 10**6:,} MB, more than {MOST_BYTES // 10**6:,} MB "
                "that can be judged; split it by key"
            )
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise DsvizError(f"{name} does not exist; check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DsvizError(f"{name} cannot be read ({reason}); check the path") from None
    return _decoded(data, name)


def _decoded(data: bytes, name: str) -> str:
    try:
        text = data.decode("utf-8-sig")
        bad = text.find("\0")
        line = text.count("\n", 0, bad) + 1
    except UnicodeDecodeError as error:
        bad, line = error.start, data.count(b"\n", 0, error.start) + 1
    if bad >= 0:
        raise DsvizError(
            f"{name}: line {line} is not text in UTF-8; give a history as a text file, not packed "
            "or binary"
        )
    return text


def _from_json_lines(text: str) -> History:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            _check_event(_json(line, number), number)
    try:
        return History.from_jsonl(text)
    except (TypeError, AttributeError) as error:
        raise DsvizError(f"not a history ({error}); write it with History.to_jsonl()") from None


def _json(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DsvizError(
            f"line {number} is not complete JSON ({error}); the file was cut off or edited: write "
            "it again with to_jsonl()"
        ) from None


def _check_event(event: Any, number: int) -> None:
    """Raise DsvizError unless `event` can be one of a history."""
    if not isinstance(event, dict) or not {"type", "op", "process"} <= event.keys():
        raise DsvizError(
            f'line {number} is not an event of a history; it needs the fields "type", "op" and '
            '"process"'
        )
    if event["type"] not in TYPES:
        raise DsvizError(f'line {number}: "type" must be one of {listed(TYPES)}')
    _check_numbers(event["op"], event.get("time"), number)
    if event["type"] == "invoke":
        _check_call(event.get("f"), event.get("key"), event.get("value"), number)


def _check_numbers(op: Any, time: Any, number: int) -> None:
    if not isinstance(op, (int, str)):
        raise DsvizError(f'line {number}: "op" must be a number, the same at call and return')
    if time is not None and not (isinstance(time, (int, float)) and math.isfinite(time)):
        raise DsvizError(f"line {number}: the time must be a number of ms, or be left out")


def _check_call(f: Any, key: Any, value: Any, number: int) -> None:
    complaint = misfit(Operation(0, "", f, key, value, 0, None, "info"), _ANY)
    if complaint:
        raise DsvizError(f"line {number}: {complaint}")


def _from_trace(text: str, head: dict[str, Any]) -> History:
    if head["dsviz"] != 1:
        raise DsvizError(
            f"line 1: this is a trace of version {shown(head['dsviz'])}, but this dsviz reads "
            "version 1; run the scenario again"
        )
    try:
        trace = Trace.from_jsonl(text)
        for number, row in enumerate(trace.rows, 2):
            _check_row(row, number)
        return trace.history()
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DsvizError(f"not a whole trace ({error}); write it with Trace.to_jsonl()") from None
    except RecursionError:
        raise DsvizError("values are nested too deep; write it with Trace.to_jsonl()") from None


def _check_row(row: tuple, number: int) -> None:
    time, _, what, _, _, data, _, _ = row
    if what not in TYPES:
        return
    if not isinstance(data, dict) or "op" not in data:
        raise DsvizError(f"line {number}: the operation has no number; write the trace again")
    _check_numbers(data["op"], time, number)
    if what == "invoke":
        _check_call(data.get("f"), data.get("key"), data.get("value"), number)
