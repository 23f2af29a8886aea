"""A node's attributes as one hashable value, and back.

A search compares states by the million, so equal attributes must give equal values: dictionaries
and sets do not remember in which order they were filled. What two attributes share stays shared.
"""

from __future__ import annotations

import enum
from types import BuiltinFunctionType, FunctionType
from typing import Any

from dsviz.errors import DsvizError
from dsviz.trace import Message

__all__ = ["freeze", "thaw"]

_AS_IS = frozenset({type(None), str, int, bytes, FunctionType, BuiltinFunctionType, type})
_BUILT_IN = (list, dict, set, frozenset, tuple, str, int, float, bytes)


class _Backwards(set):
    """A set that is walked through the other way round."""

    def __iter__(self):
        return iter(sorted(set.__iter__(self), key=repr, reverse=True))

    def __reduce__(self):
        return (set, (list(self),))


def freeze(value: Any, where: str = "the value") -> Any:
    """Return a hashable value that is equal for equal values and different for different types.

    Raises DsvizError naming `where` for what cannot be copied (open files, locks, generators).
    """
    return _Freezer(where).freeze(value)


def thaw(frozen: Any, backwards: bool = False) -> Any:
    """Return what `freeze` was given. `backwards`: dictionaries and sets in the opposite order."""
    return _Thawer(backwards).thaw(frozen)


class _Freezer:
    """Freezes one value; `_seen` numbers the mutable objects in the order they are met."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._seen: dict[int, int] = {}
        self._kept: list[Any] = []  # keeps them alive, so that no id is used twice

    def freeze(self, value: Any) -> Any:
        kind = type(value)
        if kind in _AS_IS:
            return value
        if kind is bool:
            return ("bool", value)
        if kind is float:
            return ("float", repr(value))
        if kind is tuple:
            return ("tuple", *map(self.freeze, value))
        if isinstance(value, Message):
            head = (value.src, value.dst, value.id, value.re)
            values = map(self.freeze, (*head, *value.body.values()))
            return ("message", value.kind, value.fields, *values)
        if isinstance(value, (enum.Enum, type)):
            return value
        if kind is frozenset:
            return ("frozenset", frozenset(map(self._alone, value)))
        return self._shared(value, kind)

    def _shared(self, value: Any, kind: type) -> Any:
        number = self._seen.get(id(value))
        if number is not None:
            return ("again", number)
        self._seen[id(value)] = len(self._seen)
        self._kept.append(value)
        if kind is list:
            return ("list", *map(self.freeze, value))
        if kind is dict:
            return ("dict", self._items(value))
        if kind is set or kind is _Backwards:
            return ("set", frozenset(map(self._alone, value)))
        ordinary = (
            kind.__reduce_ex__ is object.__reduce_ex__ and kind.__reduce__ is object.__reduce__
        )
        plain = hasattr(value, "__dict__") and not hasattr(kind, "__slots__")
        if ordinary and plain and not isinstance(value, _BUILT_IN):
            return ("object", kind, self._items(value.__dict__))
        return self._reduced(value, kind)

    def _alone(self, value: Any) -> Any:
        """A key or a member of a set: nothing is shared with it, and it is met in any order."""
        return value if type(value) in _AS_IS else _Freezer(self._where).freeze(value)

    def _items(self, value: dict) -> tuple:
        keys = [(key if type(key) in _AS_IS else self._alone(key), key) for key in value]
        try:
            keys.sort()
        except TypeError:
            keys.sort(key=repr)
        return tuple([(frozen, self.freeze(value[key])) for frozen, key in keys])

    def _reduced(self, value: Any, kind: type) -> Any:
        """Anything else, in the way it would be copied or pickled."""
        try:
            made = value.__reduce_ex__(4)
        except TypeError:
            made = None
        if not isinstance(made, tuple) or kind.__module__ == "random":
            raise DsvizError(
                f"{self._where} is a {kind.__name__}, which a search cannot copy; keep plain data "
                "in a node"
            )
        make, args, state, items, pairs = (*made, None, None, None)[:5]
        return (
            "made",
            make,
            self.freeze(tuple(args)),
            self.freeze(state),
            tuple(map(self.freeze, items or ())),
            self._items(dict(pairs or ())),
        )


class _Thawer:
    """Thaws one value; `_made` are the mutable objects in the order they are met."""

    def __init__(self, backwards: bool) -> None:
        self._backwards = backwards
        self._made: list[Any] = []

    def thaw(self, frozen: Any) -> Any:
        if type(frozen) is not tuple:
            return frozen
        return self._MAKERS[frozen[0]](self, frozen)

    def _tuple(self, frozen: tuple) -> tuple:
        return tuple([self.thaw(item) for item in frozen[1:]])

    def _message(self, frozen: tuple) -> Message:
        _, kind, fields, *values = frozen
        src, dst, number, re, *rest = map(self.thaw, values)
        return Message.of(kind, src, dst, number, re, dict(zip(fields, rest, strict=True)))

    def _list(self, frozen: tuple) -> list:
        made: list[Any] = []
        self._made.append(made)
        made += [self.thaw(item) for item in frozen[1:]]
        return made

    def _dict(self, frozen: tuple) -> dict:
        made: dict = {}
        self._made.append(made)
        self._fill(made, frozen[1])
        return made

    def _fill(self, made: Any, pairs: tuple) -> None:
        items = [(_alone(key), self.thaw(value)) for key, value in pairs]
        for key, value in reversed(items) if self._backwards else items:
            made[key] = value

    def _set(self, frozen: tuple) -> set:
        place = len(self._made)
        self._made.append(None)
        made = sorted(map(_alone, frozen[1]), key=repr)
        self._made[place] = _Backwards(made) if self._backwards else set(made)
        return self._made[place]

    def _object(self, frozen: tuple) -> Any:
        made = object.__new__(frozen[1])
        self._made.append(made)
        # Not reversed: the order of attributes is the order of the code that sets them.
        made.__dict__.update((self.thaw(key), self.thaw(value)) for key, value in frozen[2])
        return made

    def _again(self, frozen: tuple) -> Any:
        return self._made[frozen[1]]

    def _reduced(self, frozen: tuple) -> Any:
        _, make, args, state, items, pairs = frozen
        place = len(self._made)
        self._made.append(None)
        made = self._made[place] = make(*self.thaw(args))
        values = self.thaw(state)
        if values is not None:
            _restore(made, values)
        for item in items:
            made.append(self.thaw(item))
        self._fill(made, pairs)
        return made

    _MAKERS = {  # noqa: RUF012
        "bool": lambda self, frozen: frozen[1],
        "float": lambda self, frozen: float(frozen[1]),
        "tuple": _tuple,
        "message": _message,
        "frozenset": lambda self, frozen: frozenset(map(_alone, frozen[1])),
        "again": _again,
        "list": _list,
        "dict": _dict,
        "set": _set,
        "object": _object,
        "made": _reduced,
    }


def _alone(frozen: Any) -> Any:
    return frozen if type(frozen) is not tuple else _Thawer(False).thaw(frozen)


def _restore(made: Any, state: Any) -> None:
    """Give an object the state that `__reduce_ex__` returned, as `copy` does."""
    if hasattr(made, "__setstate__"):
        made.__setstate__(state)
        return
    slots = None
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    if state:
        made.__dict__.update(state)
    for name, value in (slots or {}).items():
        object.__setattr__(made, name, value)
