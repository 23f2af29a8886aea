"""Values that cross from one node to another, or from a node to its disk.

Two nodes never share an object. Copying everything deeply would cost a factor of six, so what is
immutable already passes as it is, and only lists, dictionaries and sets are rebuilt.
"""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Any, NoReturn

from dsviz.errors import DsvizError
from dsviz.trace import Message

ATOMS = frozenset({type(None), bool, int, float, str, bytes})


class FrozenDict(dict):
    """A dictionary that came in a message: readable like any other, but not to be changed."""

    __slots__ = ()

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise DsvizError("this dictionary came in a message and is read-only; take dict(...) of it")

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __deepcopy__(self, memo: dict) -> FrozenDict:
        return self

    def __reduce__(self) -> tuple:
        return (FrozenDict, (dict(self),))


def frozen(value: Any, where: str = "value") -> Any:
    """Return an immutable copy: lists become tuples, sets frozensets, dictionaries `FrozenDict`.

    Plain data, enums and frozen dataclasses are accepted. Raises DsvizError naming `where` for
    anything else, because an object with behaviour cannot cross a network or reach a disk.
    """
    kind = type(value)
    if kind in ATOMS:
        return value
    if kind is tuple and ATOMS.issuperset(map(type, value)):
        return value
    if kind is tuple or kind is list:
        return tuple([item if type(item) in ATOMS else frozen(item, where) for item in value])
    if kind is FrozenDict or isinstance(value, Message):
        return value
    if isinstance(value, dict):
        return FrozenDict((frozen(k, where), frozen(v, where)) for k, v in value.items())
    if isinstance(value, (set, frozenset)):
        return frozenset(frozen(item, where) for item in value)
    if isinstance(value, Enum):
        return value
    if isinstance(value, tuple):  # a NamedTuple keeps its type
        return kind(*[frozen(item, where) for item in value])
    if dataclasses.is_dataclass(value) and kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        for item in dataclasses.fields(value):
            frozen(getattr(value, item.name), where)
        return value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    raise DsvizError(
        f"{where} is a {kind.__name__}; send and store plain data (numbers, text, lists, "
        "dictionaries, sets, frozen dataclasses)"
    )


def frozen_field(kind: str, name: str, value: Any) -> Any:
    """Return one field of a message, frozen. Raises DsvizError naming the field."""
    return frozen(value, f"field {name!r} of message {kind!r}")


def frozen_fields(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a message, frozen. Raises DsvizError naming the field."""
    return {
        name: value if type(value) in ATOMS else frozen_field(kind, name, value)
        for name, value in body.items()
    }


def corrupted(value: Any, u: float) -> Any:
    """Return `value` with one bit or character changed, chosen by the draw 0 <= u < 1.

    Values that have none (None, an enum) come back as they are.
    """
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value ^ (1 << int(u * 16))
    if isinstance(value, float):
        return -value if u < 0.5 else value * 2.0 + 1.0
    if isinstance(value, str) and value:
        place = int(u * len(value))
        other = "?" if value[place] != "?" else "!"
        return value[:place] + other + value[place + 1 :]
    if isinstance(value, bytes) and value:
        place = int(u * len(value))
        return value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]
    if type(value) is tuple and value:
        share = u * len(value)
        place = int(share)
        return (*value[:place], corrupted(value[place], share - place), *value[place + 1 :])
    if isinstance(value, FrozenDict) and value:
        share = u * len(value)
        place = int(share)
        key = list(value)[place]
        return FrozenDict({**value, key: corrupted(value[key], share - place)})
    return value


def thawed(value: Any) -> Any:
    """Return a copy of a frozen value that its owner may change: the inverse of `frozen`."""
    kind = type(value)
    if kind in ATOMS:
        return value
    if kind is tuple:
        return [thawed(item) for item in value]
    if kind is FrozenDict:
        return {k: thawed(v) for k, v in value.items()}
    if kind is frozenset:
        return set(value)
    return value
