"""Sequential models: what one object would answer if it did one operation at a time.

A `Model` is data: an initial state and a pure step. Judges know nothing else about an object, so
a queue or a log is one more step function here and nothing anywhere else. The optional fields
only make a search faster or its counterexamples shorter.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dsviz.errors import DsvizError, listed
from dsviz.history import Operation

State = Hashable
Step = Callable[[State, str, Any, Any, str], tuple[bool, State]]

READS = frozenset({"read", "get"})
WRITES = frozenset({"write", "put"})


class _Name:
    """A value that equals nothing but itself and prints as its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


#: What `Model.pins` says of an operation that is legal in several states.
ANYWHERE = _Name("anywhere")
#: A state that no operation of a window mentions.
SOMETHING_ELSE = _Name("something else")
_PLAIN = frozenset({int, str, bool, type(None)})
#: Stands for the floating-point "not a number", which does not equal itself.
_NAN = _Name("nan")


def _never(_op: Operation) -> bool:
    return False


def _anywhere(_op: Operation) -> State:
    return ANYWHERE


@dataclass(frozen=True)
class Model:
    """One object, done one operation at a time.

    ``step(state, f, value, result, status)`` returns (legal, new state). States are hashable;
    `status` is ``ok``, ``fail`` (only for the names in `tells`) or ``info``: then the result is
    unknown, and legal means that the operation can take effect in this state.

    Needed: `name`, `init` (the initial state), `operations` (the names `step` knows) and `step`.

    - `by_key`: every key is an object of its own.
    - `tells`: names of operations that observe the state even when they fail.
    - `nothing`: what a value or result of None stands for.
    - `problem(op)`: a sentence on an operation that makes no sense, or None.

    The others are promises a search may rely on; the defaults promise nothing.

    - `keeps(op)`: the operation never changes the state, whatever the state is.
    - `overwrites(op)`: it is legal in every state and the new state does not depend on the old.
    - `pins(op)`: the one state in which it is legal, else `ANYWHERE`.
    - `growing`, `reaches(state, later)`: operations with these names are legal in every state and
      only extend it, and `reaches` says whether `later` may come of `state` by them alone.
    - `starts(ops)`: every state these operations can tell apart (None: too many to list).
    - `describe(op)`: the operation in words, without its client.
    """

    name: str
    init: State
    operations: frozenset[str]
    step: Step
    by_key: bool = True
    tells: frozenset[str] = frozenset()
    nothing: Any = None
    problem: Callable[[Operation], str | None] = lambda op: None
    keeps: Callable[[Operation], bool] = _never
    overwrites: Callable[[Operation], bool] = _never
    pins: Callable[[Operation], State] = _anywhere
    growing: frozenset[str] = frozenset()
    reaches: Callable[[State, State], bool] | None = None
    starts: Callable[[Sequence[Operation]], set[State] | None] = lambda ops: None
    describe: Callable[[Operation], str] = lambda op: described(op)

    def __repr__(self) -> str:
        return f"Model({self.name!r}, init={self.init!r})"


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
    append: a key-value store, whose missing keys read "" if there are appends, else None.
    """
    used = {op.f for op in operations}
    if used <= {"read", "write"}:
        return register()
    if used <= {"read", "write", "cas"}:
        return cas_register()
    return key_value("" if "append" in used else None)


def prepared(operations: Iterable[Operation], model: Model) -> list[Operation]:
    """Return the operations that matter to a judge, with hashable values.

    Left out: what definitely did not happen (``fail``, unless it tells something) and reads whose
    outcome is unknown. Leaving these out changes no verdict. Raises DsvizError for an operation
    that the model does not know or that makes no sense.
    """
    kept = []
    for op in operations:
        complaint = misfit(op, model)
        if complaint:
            raise DsvizError(f"operation {op.id} ({op}): {complaint}")
        unknown = op.status == "info" or op.returned is None
        if unknown and op.status != "info":
            op = replace(op, status="info", result=None)
        if (unknown and model.keeps(op)) or (op.status == "fail" and not _tells(op, model)):
            continue
        kept.append(_frozen(op, model.nothing))
    return kept


def misfit(op: Operation, model: Model) -> str | None:
    """Return what is wrong with an operation for this model, with the remedy, or None."""
    if not isinstance(op.f, str) or op.f not in model.operations:
        return (
            f"unknown operation {op.f!r}; the model {model.name} knows {listed(model.operations)}"
        )
    if op.returned is not None and op.returned < op.invoked:
        return f"it returned at {op.returned}, before it was invoked at {op.invoked}; swap the two"
    return model.problem(op)


def freeze(value: Any) -> Any:
    """Return a hashable stand-in for a value as JSON has it; lists become tuples."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, (list, tuple)):
        return tuple(map(freeze, value))
    if isinstance(value, dict):
        return ("dict", *((k, freeze(v)) for k, v in sorted(value.items(), key=repr)))
    if isinstance(value, (set, frozenset)):
        return frozenset(map(freeze, value))
    if isinstance(value, float) and value != value:
        return _NAN
    return value


def described(op: Operation) -> str:
    """Return an operation in words, without its client: ``read x → 2``."""
    name = op.f if op.key is None else f"{op.f} {_plain(op.key)}"
    if op.f == "cas":
        text = f"{name} {shown(op.value[0])}→{shown(op.value[1])}"
        if op.status == "fail" or (op.status == "ok" and op.result is False):
            return f"{text} (not equal)"
    elif op.f in READS:
        text = f"{name} → {shown(op.result)}" if op.status == "ok" else name
    else:
        text = name if op.value is None and op.f not in WRITES else f"{name} {shown(op.value)}"
    return text + {"ok": "", "fail": " (failed)", "info": " (outcome unknown)"}[op.status]


def shown(value: Any, width: int = 40) -> str:
    """Return a value for a sentence: printable, on one line, cut in the middle if it is long."""
    text = repr(value)
    if len(text) > width:
        text = f"{text[: width // 2]}…{text[-(width // 2) + 1 :]}"
    return text


def _plain(key: Any) -> str:
    return key if isinstance(key, str) and key.isprintable() and key else shown(key)


def _tells(op: Operation, model: Model) -> bool:
    another_reason = isinstance(op.result, str) and op.result != "not equal"
    return op.f in model.tells and not another_reason


def _frozen(op: Operation, nothing: Any) -> Operation:
    value, result, key = freeze(op.value), freeze(op.result), freeze(op.key)
    if nothing is not None:
        result = nothing if result is None else result
        if op.f == "cas":
            value = tuple(nothing if part is None else part for part in value)
        elif value is None:
            value = nothing
    if value is op.value and result is op.result and key is op.key:
        return op
    where = (op.invoked, op.returned, op.status, result, op.call_ms, op.return_ms)
    return Operation(op.id, op.process, op.f, key, value, *where)


# ---- registers and stores: one step for all of them


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


MOST_STARTS = 2_000


def _starts(ops: Sequence[Operation]) -> set[State] | None:
    """Return the states from which `ops` may behave differently.

    A value that no operation mentions behaves like any other such value. With appends, what
    matters of a state is whether a value that was read is the state with some of the appended
    pieces behind it: so these pieces are cut off the values that were read, in every order.
    """
    states: set[State] = {SOMETHING_ELSE}
    for op in ops:
        if op.f in READS:
            states.add(op.result)
        elif op.f == "cas":
            states.add(op.value[0])
    pieces = {op.value for op in ops if op.f == "append"}
    todo = list(states) if pieces else []
    while todo and len(states) <= MOST_STARTS:
        for shorter in _cut(todo.pop(), pieces) - states:
            states.add(shorter)
            todo.append(shorter)
    return states if len(states) <= MOST_STARTS else None


def _cut(state: Any, pieces: set[Any]) -> set[State]:
    shorter: set[State] = {None} if state in pieces else set()
    if isinstance(state, tuple) and state and state[-1] in pieces:
        shorter.add(state[:-1])
    if isinstance(state, str):
        texts = (p for p in pieces if isinstance(p, str) and p)
        shorter.update(state[: -len(p)] for p in texts if state.endswith(p))
    return shorter
