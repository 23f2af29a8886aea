"""Sequential models: what one object would answer if it did one operation at a time.

A `Model` is data: an initial state and a pure step. Judges know nothing else about an object, so
a queue or a log is one more step function here and nothing anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from dsviz.check.model import ANYWHERE, SOMETHING_ELSE, Model, State, freeze
from dsviz.check.words import shown
from dsviz.history import Operation

__all__ = ["READS", "WRITES", "Model", "cas_register", "fitting", "key_value", "register"]

READS = frozenset({"read", "get"})
WRITES = frozenset({"write", "put"})
MOST_STARTS = 2_000


def register(initial: Any = None) -> Model:
    """Return a register: ``read`` gives what the last ``write`` set, at first `initial`."""
    return _values("register", {"read", "write"}, initial)


def cas_register(initial: Any = None) -> Model:
    """Return a register with compare-and-set.

    ``cas`` has the value (expected, new). It succeeded when it is ``ok`` with any result but
    False. When it is ``fail`` it read that the register was not equal to `expected`, unless its
    result is a text that gives another reason (``"timed-out"``, ``"not leader"``): then it tells
    nothing.
    """
    return _values("cas_register", {"read", "write", "cas"}, initial)


def key_value(initial: Any = None) -> Model:
    """Return a store of keys: get / put / append, also by the names read / write / cas.

    A missing key reads `initial`; a result of None says that the key is missing. ``append``
    joins texts; on a list it adds one element.
    """
    names = {"get", "put", "append", "read", "write", "cas"}
    return replace(_values("key_value", names, initial), nothing=freeze(initial))


def fitting(operations: Iterable[Operation]) -> Model:
    """Return the model for the names that a history uses.

    read and write: a register; with cas: a cas register, both at first None; with get, put or
    append: a key-value store. Its missing keys read None, or "" if that is what texts begin with
    here: there are appends, or "" was read and never written.
    """
    ops = list(operations)
    used = {op.f for op in ops}
    if used <= {"read", "write"}:
        return register()
    if used <= {"read", "write", "cas"}:
        return cas_register()
    read = any(op.f in READS and op.result == "" for op in ops)
    written = any(op.f in WRITES and op.value == "" for op in ops)
    return key_value("" if "append" in used or (read and not written) else None)


def _values(name: str, operations: set[str], initial: Any) -> Model:
    return Model(
        name=name,
        init=freeze(initial),
        operations=frozenset(operations),
        step=_step,
        tells=frozenset({"cas"} & operations),
        problem=_problem,
        keeps=_keeps,
        overwrites=lambda op: op.f in WRITES,
        pins=_pins,
        growing=frozenset({"append"}),
        reaches=_reaches if "append" in operations else None,
        starts=_starts,
    )


def _step(state: State, f: str, value: Any, result: Any, status: str) -> tuple[bool, State]:
    if f == "read" or f == "get":
        return state == result, state
    if f == "write" or f == "put":
        return True, value
    if f == "append":
        return _append(state, value)
    if status == "fail" or (status == "ok" and result is False):
        return state != value[0], state
    return state == value[0], value[1]


def _append(state: Any, value: Any) -> tuple[bool, State]:
    if isinstance(state, tuple):
        return True, (*state, value)
    if isinstance(state, str) and isinstance(value, str):
        return True, state + value
    return True, value if state is None else SOMETHING_ELSE


def _problem(op: Operation) -> str | None:
    if op.f == "cas" and not (isinstance(op.value, (list, tuple)) and len(op.value) == 2):
        return f"a cas needs the value [expected, new], not {shown(op.value)}"
    return None


def _refused(op: Operation) -> bool:
    return op.f == "cas" and (op.status == "fail" or (op.status == "ok" and op.result is False))


def _keeps(op: Operation) -> bool:
    # A write of the value that is there already does change nothing *now*; counting it as one
    # that never does is unsound, and recorded histories did not show it.
    return op.f in READS or _refused(op)


def _pins(op: Operation) -> State:
    if op.f in READS:
        return op.result
    return op.value[0] if op.f == "cas" and not _refused(op) else ANYWHERE


def _reaches(state: Any, later: Any) -> bool:
    if isinstance(state, str):
        return isinstance(later, str) and later.startswith(state)
    if isinstance(state, tuple):
        return isinstance(later, tuple) and later[: len(state)] == state
    return state is None or state == later


def _starts(ops: Sequence[Operation]) -> list[State] | None:
    """Return the states from which `ops` may behave differently.

    A value that no operation mentions behaves like any other such value. With appends, what
    matters of a state is whether a value that was read is the state with some of the appended
    pieces behind it: so these pieces are cut off the values that were read, in every order.
    """
    states: dict[State, None] = {SOMETHING_ELSE: None}  # a dict: the order of a set may differ
    for op in ops:
        if op.f in READS:
            states[op.result] = None
        elif op.f == "cas":
            states[op.value[0]] = None
    pieces = dict.fromkeys(op.value for op in ops if op.f == "append")
    todo = list(states) if pieces else []
    while todo and len(states) <= MOST_STARTS:
        for shorter in _cut(todo.pop(), pieces):
            if shorter not in states:
                states[shorter] = None
                todo.append(shorter)
    return list(states) if len(states) <= MOST_STARTS else None


def _cut(state: Any, pieces: dict[Any, None]) -> list[State]:
    shorter: list[State] = [None] if state in pieces else []
    if isinstance(state, tuple) and state and state[-1] in pieces:
        shorter.append(state[:-1])
    if isinstance(state, str):
        texts = (p for p in pieces if isinstance(p, str) and p)
        shorter += [state[: -len(p)] for p in texts if state.endswith(p)]
    return shorter
