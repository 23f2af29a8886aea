"""Histories for the tests of the judges: made up, spoilt, and judged by brute force."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from random import Random
from typing import Any

from dsviz.check.model import Model
from dsviz.check.models import cas_register, key_value, register
from dsviz.history import Operation


@dataclass(frozen=True)
class Kind:
    """What a made-up history is about."""

    name: str
    model: Model
    names: tuple[str, ...]
    values: tuple[Any, ...]
    states: tuple[Any, ...]  # every state that brute force begins with


ELSE = "something else"
NUMBERS = (1, 2, 3)
TEXTS = ("a", "b")
WORDS = tuple("".join(w) for n in range(7) for w in product("ab", repeat=n))
KINDS = (
    Kind("register", register(), ("read", "write"), NUMBERS, (None, ELSE, *NUMBERS)),
    Kind("cas", cas_register(), ("read", "write", "cas"), NUMBERS, (None, ELSE, *NUMBERS)),
    Kind("store", key_value(), ("get", "put", "read", "cas"), NUMBERS, (None, ELSE, *NUMBERS)),
    Kind("append", key_value(""), ("get", "append", "append"), TEXTS, ("zz", *WORDS)),
    Kind("all", key_value(""), ("get", "put", "append", "cas"), TEXTS, ("zz", *WORDS)),
)


class Tape:
    """Choices read from bytes, so that Hypothesis can shrink them; then zeros."""

    def __init__(self, data: bytes) -> None:
        self._bytes = iter(data)
        self.left = True

    def below(self, n: int) -> int:
        byte = next(self._bytes, None)
        self.left = byte is not None
        return (byte or 0) % n


class Dice:
    """The same from a seed."""

    left = True

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def below(self, n: int) -> int:
        return self._random.randrange(n)


def legal(choose: Tape | Dice, kind: Kind, most: int, keys: Sequence[Any] = (None,)) -> list:
    """Return a history that is linearizable, because one object per key really did it.

    At every moment some client begins an operation, or one in progress takes effect, or returns,
    or is never heard of again: then it takes effect later or never.
    """
    states = dict.fromkeys(keys, kind.model.init)
    ops: list[dict] = []
    running: list[dict] = []
    position = 0
    while (len(ops) < most and choose.left) or running:
        act = choose.below(8)
        if len(ops) < most and (act < 3 or not running) and len(running) < 6:
            op = _begun(choose, kind, keys, len(ops), position)
            position += 1
            ops.append(op)
            running.append(op)
            continue
        if not running:
            break
        op = running[choose.below(len(running))]
        if not op["done"]:
            if op["status"] == "ok" and act == 7:
                op["status"] = "info"
            _take_effect(op, states)
            if op["status"] == "info":
                running.remove(op)
        else:
            op["returned"] = position
            position += 1
            running.remove(op)
    return [_operation(op) for op in ops]


def _begun(
    choose: Tape | Dice, kind: Kind, keys: Sequence[Any], number: int, position: int
) -> dict:
    f = kind.names[choose.below(len(kind.names))]
    value: Any = None
    if f == "cas":
        value = [kind.values[choose.below(len(kind.values))] for _ in range(2)]
    elif f not in ("read", "get"):
        value = kind.values[choose.below(len(kind.values))]
    key = keys[choose.below(len(keys))] if len(keys) > 1 else keys[0]
    lost = choose.below(12) == 11
    return {
        "id": number, "process": f"p{number % 6}", "f": f, "key": key, "value": value,
        "invoked": position, "returned": None, "status": "info" if lost else "ok",
        "result": None, "done": False,
    }  # fmt: skip


def _take_effect(op: dict, states: dict) -> None:
    f, key, value = op["f"], op["key"], op["value"]
    op["done"] = True
    if op["status"] == "info" and op["id"] % 2:
        return  # never
    if f in ("read", "get"):
        op["result"] = states[key]
    elif f in ("write", "put"):
        states[key] = value
    elif f == "append":
        states[key] = (states[key] or "") + value
    elif states[key] == value[0]:
        states[key] = value[1]
    elif op["status"] == "ok":
        op["status"] = "fail"


def _operation(op: dict) -> Operation:
    unknown = op["status"] == "info" or op["returned"] is None
    return Operation(
        op["id"], op["process"], op["f"], op["key"], op["value"], op["invoked"],
        None if unknown else op["returned"], "info" if unknown else op["status"],
        None if unknown else op["result"], float(op["invoked"]),
        None if unknown else float(op["returned"]),
    )  # fmt: skip


def spoilt(choose: Tape | Dice, ops: list[Operation], kind: Kind) -> list[Operation]:
    """Return the history with one result or argument changed: mostly not linearizable."""
    if not ops:
        return ops
    index = choose.below(len(ops))
    op = ops[index]
    value = kind.values[choose.below(len(kind.values))]
    if op.f in ("read", "get"):
        shorter = isinstance(op.result, str) and op.result and choose.below(2)
        changed = replace(op, result=op.result[:-1] if shorter else value)
    elif op.f == "cas":
        changed = replace(op, status={"ok": "fail", "fail": "ok"}.get(op.status, op.status))
    else:
        changed = replace(op, value=value)
    return [*ops[:index], changed, *ops[index + 1 :]]


def explained(
    certain: Iterable[Operation], ops: Iterable[Operation], kind: Kind, from_start: bool
) -> bool:
    """Tell by brute force whether some order explains the `certain` operations.

    In the span from their first invocation (or the beginning) to their last return, any others
    that overlap it may take effect or not. Shares no code with the judges but the model's step.
    """
    certain = list(certain)
    if not certain:
        return True
    end = max(op.returned for op in certain)
    begin = -1 if from_start else min(op.invoked for op in certain)
    chosen = {op.id for op in certain}
    others = [
        op
        for op in ops
        if op.id not in chosen
        and op.f not in ("read", "get")
        and op.status != "fail"
        and op.invoked <= end
        and (op.returned is None or op.returned >= begin)
    ]
    starts = (kind.model.init,) if from_start else kind.states
    return any(_orders(state, certain, others, kind.model) for state in starts)


def _orders(state: Any, certain: list[Operation], others: list[Operation], model: Model) -> bool:
    if not certain:
        return True
    first_return = min(op.returned for op in certain)
    for op in [*certain, *others]:
        if op.invoked > first_return:
            continue
        legal, new = model.step(state, op.f, op.value, op.result, op.status)
        if not legal:
            continue
        # What returned before this one was invoked can no longer take effect.
        left = [o for o in others if o is not op and (o.returned or 10**9) > op.invoked]
        if _orders(new, [c for c in certain if c is not op], left, model):
            return True
    return False
