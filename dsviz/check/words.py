"""Operations, values, keys and clients in words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from dsviz.history import Operation


def described(op: Operation) -> str:
    """Return an operation in words, without its client: ``read x → 2``."""
    name = op.f if op.key is None else f"{op.f} {named(op.key)}"
    if op.f == "cas":
        text = f"{name} {shown(op.value[0])}→{shown(op.value[1])}"
        if op.status == "fail" or (op.status == "ok" and op.result is False):
            return f"{text} (not equal)"
    elif op.f in ("read", "get"):
        text = f"{name} → {shown(op.result)}" if op.status == "ok" else name
    else:
        text = (
            name
            if op.value is None and op.f not in ("write", "put")
            else f"{name} {shown(op.value)}"
        )
    return text + {"ok": "", "fail": " (failed)", "info": " (outcome unknown)"}[op.status]


def named(key: Any) -> str:
    """Return a key for a sentence; one that looks like a number is called a key."""
    text = key if isinstance(key, str) and key.isprintable() and 0 < len(key) <= 40 else shown(key)
    return f"key {text}" if text.isdigit() else text


def shown(value: Any, width: int = 40) -> str:
    """Return a value for a sentence: printable, on one line, cut in the middle if it is long."""
    if value is None:
        return "nothing"
    text = value if _is_word(value) else repr(value)
    if len(text) > width:
        text = f"{text[: width // 2]}…{text[-(width // 2) + 1 :]}"
    return text


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[^\W\d][\w.:/-]*", value) is not None


def client(op: Operation) -> str:
    """Return what to call the client that did an operation."""
    name = str(op.process)
    return f"client {name}" if name.isdigit() else named(name)


def count_clients(operations: Iterable[Operation]) -> int:
    """Return how many clients did these operations.

    Jepsen gives a client a new process number after an outcome it does not know: its old one plus
    the number of clients. So the least number counts with which all processes fall into place.
    """
    last: dict[str, str] = {op.process: op.status for op in operations}
    if not all(str(name).isdigit() for name in last):
        return len(last)
    unknown = {int(name) for name, status in last.items() if status == "info"}
    numbers = {int(name) for name in last}
    for clients in range(1, len(numbers)):
        if all(n < clients or n - clients in unknown for n in numbers):
            return clients
    return len(numbers)
