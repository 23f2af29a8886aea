"""What the judge and a node's process say to each other: lines of JSON, and nothing trusted.

Values cross as JSON with a tag where JSON has no word: tuples, sets, dictionaries with any keys,
bytes, infinities, named tuples, enumerations and frozen dataclasses. Types that a submission
defines are never loaded in the judge: a look-alike with the same name and fields stands in for
them there, prints the same, and turns back into the real one on its way to another node.
"""

from __future__ import annotations

import enum
import json
import keyword
import math
import re
from collections import namedtuple
from collections.abc import Callable
from dataclasses import fields, is_dataclass, make_dataclass
from functools import lru_cache
from typing import Any

from dsviz.sim.values import FrozenDict, frozen

MAX_LINE = 1_000_000  # bytes
MAX_DEPTH = 40
MAX_FIELDS = 40
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")

#: Finds the real type of a name, in the process that has it; returns None elsewhere.
Types = Callable[[str], Any]


class WireError(Exception):
    """A line or a value that is not what it should be. The message says what is wrong with it."""


# Made once: json.dumps makes one for each line, and looks for cycles, which frozen values have not.
_text_of = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_message_in = json.JSONDecoder().decode


def dump(message: Any) -> bytes:
    """Return one line."""
    return _text_of(message).encode() + b"\n"


def load(line: bytes) -> Any:
    """Read one line. Raises WireError when it is not JSON."""
    try:
        return _message_in(line.decode())
    except (ValueError, RecursionError) as error:
        raise WireError(f"a line that is not JSON ({type(error).__name__})") from None


def encode(value: Any) -> Any:
    """Return a frozen value (see `dsviz.sim.values`) as JSON can write it."""
    kind = type(value)
    if value is None or kind in (bool, str, int):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"f": repr(value)}
    if kind is tuple:
        return {"t": [encode(item) for item in value]}
    if kind is FrozenDict:
        return {"d": [[encode(k), encode(v)] for k, v in value.items()]}
    if kind is frozenset:
        return {"s": [encode(item) for item in sorted(value, key=repr)]}
    if kind is bytes:
        return {"b": value.hex()}
    if isinstance(value, enum.Enum):
        return {"e": [_base(value), kind.__name__, value.name, encode(frozen(value.value))]}
    if isinstance(value, tuple):
        names = list(getattr(kind, "_fields", ()))
        return {"n": [kind.__name__, names, [encode(item) for item in value]]}
    if is_dataclass(value):
        names = [item.name for item in fields(value)]
        values = [encode(frozen(getattr(value, name))) for name in names]
        return {"c": [kind.__name__, names, values]}
    raise WireError(f"a value of type {kind.__name__}")


def _base(value: enum.Enum) -> str:
    return "int" if isinstance(value, int) else "str" if isinstance(value, str) else ""


def decode(data: Any, types: Types = lambda name: None, depth: int = 0) -> Any:
    """Return the value that `encode` wrote. Raises WireError for anything that it did not write."""
    if data is None or type(data) in (bool, str, int):
        return data
    if type(data) is float and math.isfinite(data):
        return data
    if type(data) is not dict or len(data) != 1 or depth > MAX_DEPTH:
        raise WireError("a value that is nested too deeply or has no tag")
    (tag, body), deeper = next(iter(data.items())), depth + 1
    try:
        if tag == "t":
            return tuple([decode(item, types, deeper) for item in _list(body)])
        if tag == "d":
            pairs = [(decode(k, types, deeper), decode(v, types, deeper)) for k, v in body]
            return FrozenDict(pairs)
        if tag == "s":
            return frozenset(decode(item, types, deeper) for item in _list(body))
        if tag == "b":
            return bytes.fromhex(body)
        if tag == "f" and body in ("inf", "-inf", "nan"):
            return float(body)
        if tag in ("n", "c"):
            name, names, values = body
            made = _record(tag, name, tuple(_list(names)), types(name))
            return made(*[decode(item, types, deeper) for item in _list(values)])
        if tag == "e":
            return _member(*body, types)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise WireError(f"a broken value ({type(error).__name__})") from None
    raise WireError(f"a value with the unknown tag {tag!r}")


def _list(data: Any) -> list:
    if type(data) is not list:
        raise WireError("a value that should be a list")
    return data


def _record(tag: str, name: str, names: tuple[str, ...], real: Any) -> Callable:
    """Return what makes a named tuple or a dataclass: the real type, or a look-alike."""
    if real is not None:
        if tag == "n":
            return real
        return lambda *values: _rebuilt(real, names, values)
    for word in (name, *names):
        as_name(word)
    if len(names) > MAX_FIELDS:
        raise WireError("a record with too many fields")
    return _look_alike(tag, name, names)


def _rebuilt(real: type, names: tuple[str, ...], values: tuple) -> Any:
    """Return a dataclass instance without running its constructor, which may have run already."""
    made = object.__new__(real)
    for name, value in zip(names, values, strict=True):
        object.__setattr__(made, name, value)
    return made


@lru_cache(maxsize=256)
def _look_alike(tag: str, name: str, names: tuple[str, ...]) -> Callable:
    return namedtuple(name, names) if tag == "n" else make_dataclass(name, names, frozen=True)


def _member(base: str, name: str, member: str, value: Any, types: Types) -> Any:
    real = types(name)
    if real is not None:
        return real[member]
    return _look_alike_member(base, as_name(name), as_name(member), json.dumps(value))


@lru_cache(maxsize=256)
def _look_alike_member(base: str, name: str, member: str, value: str) -> Any:
    kind = {"int": enum.IntEnum, "str": enum.StrEnum, "": enum.Enum}[base]
    return kind(name, {member: decode(json.loads(value))})[member]


def as_name(word: Any) -> str:
    """Return `word` when it is a plain name; else raise WireError."""
    if type(word) is not str or not NAME.fullmatch(word) or keyword.iskeyword(word):
        raise WireError(f"a name that is not one: {str(word)[:40]!r}")
    return word
