"""Why does a node not do the same thing twice? A guess, read from its compiled code.

The code itself is looked at, not its source: that works for classes defined in a notebook too.
"""

from __future__ import annotations

import builtins
import dis
import random
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

__all__ = ["guess"]

_ADVICE = {
    "random": "the global random numbers are not part of a run; use self.random",
    "secrets": "the system's random numbers are not part of a run; use self.random",
    "uuid": "a uuid is different in every run; count, or draw from self.random",
    "time": "the machine's clock is not part of a run; use self.now",
    "datetime": "the machine's clock is not part of a run; use self.now",
    "os": "what the machine says is not part of a run",
    "threading": "threads run when they like; use timers and messages",
    "id": "an id is an address in memory; use a name or a counter",
    "hash": "the hash of a text is different in every process; use a name or a number",
}
_LOADS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "IMPORT_NAME"})
_MUTABLE = (list, dict, set, bytearray)
_UNKNOWN = (
    "it keeps something outside its own attributes, or depends on the order of a dictionary or set"
)


def guess(kind: type, method: str | None = None) -> str:
    """Return what most likely makes a node's code behave differently, in one clause.

    `kind` is the node's class, `method` the handler that differed: it is looked at first, then
    the class's other methods.
    """
    functions = dict(_methods(kind))
    first = [functions[method]] if method in functions else []
    for look in (_outside, _shared, _unordered):
        for function in [*first, *functions.values()]:
            found = look(function, kind)
            if found:
                where = "" if function in first else f" in {function.__name__}"
                return f"{found[0]}{where}: {found[1]}"
    return _UNKNOWN


def _methods(kind: type) -> Iterator[tuple[str, FunctionType]]:
    """The methods of a class and of those it is based on, except the simulator's own."""
    for base in reversed(kind.__mro__):
        if base.__module__ in ("builtins", "dsviz.sim.node"):
            continue
        for name, value in vars(base).items():
            function = getattr(value, "fget", None) or getattr(value, "__func__", value)
            if isinstance(function, FunctionType):
                yield name, function


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _outside(function: FunctionType, _kind: type) -> tuple[str, str] | None:
    """Something that is not part of a run: the clock, chance, addresses."""
    for code in _codes(function.__code__):
        loaded = (s.argval for s in dis.get_instructions(code) if s.opname in _LOADS)
        for name in loaded:
            value = function.__globals__.get(name, getattr(builtins, name, None))
            origin = _origin(value) or name
            if origin in _ADVICE:
                return f"it uses {name}", _ADVICE[origin]
    return None


def _origin(value: Any) -> str:
    if value is id or value is hash:
        return value.__name__
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(getattr(value, "__self__", None), random.Random):
        return "random"
    module = getattr(value, "__module__", None)
    return module if isinstance(module, str) else ""


def _shared(function: FunctionType, kind: type) -> tuple[str, str] | None:
    """Something that several nodes share: a global variable, a class attribute."""
    for code in _codes(function.__code__):
        through_class = {"type", "__class__"} & set(code.co_names) or [
            name for name in code.co_names if isinstance(function.__globals__.get(name), type)
        ]
        for step in dis.get_instructions(code):
            if step.opname == "STORE_GLOBAL":
                text = "the nodes share it, and it outlives the run; keep it in self"
                return f"it sets the global variable {step.argval}", text
            owner = _owner(kind, step.argval)
            if owner is None or step.opname not in ("STORE_ATTR", "LOAD_ATTR", "LOAD_METHOD"):
                continue
            stored = step.opname == "STORE_ATTR" and through_class
            if stored or isinstance(vars(owner)[step.argval], _MUTABLE):
                text = "all nodes of the class share it, so it outlives the run; set it in on_start"
                return f"it changes {owner.__name__}.{step.argval}", text
    return None


def _owner(kind: type, name: Any) -> type | None:
    """The class that has this attribute, unless it is the simulator's."""
    for base in kind.__mro__:
        if name in vars(base):
            return None if base.__module__ in ("builtins", "dsviz.sim.node") else base
    return None


def _unordered(function: FunctionType, _kind: type) -> tuple[str, str] | None:
    """A set, whose order depends on the hash seed."""
    for code in _codes(function.__code__):
        steps = {step.opname for step in dis.get_instructions(code)}
        if {"set", "frozenset"} & set(code.co_names) or steps & {"BUILD_SET", "SET_ADD"}:
            return "it uses a set", "a set has no order of its own; sort it before walking through"
    return None
