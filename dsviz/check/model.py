"""What a judge knows of an object: a `Model`, and operations made ready for it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dsviz.check.words import described
from dsviz.errors import DsvizError, listed
from dsviz.history import Operation

State = Hashable
Step = Callable[[State, str, Any, Any, str], tuple[bool, State]]


class _Name:
    """A value that equals nothing but itself and prints as its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


#: What `Model.pins` says of an operation that is legal in several states.
ANYWHERE = _Name("anywhere")
#: A state that no operation mentions.
SOMETHING_ELSE = _Name("something else")
#: Stands for the floating-point "not a number", which does not equal itself.
_NAN = _Name("nan")
_PLAIN = frozenset({int, str, bool, type(None)})


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
      only extend it, and `reaches` says whether `later` may come of `state` by them alone. A
      state that nobody can see any more is replaced by `SOMETHING_ELSE`, which growing keeps.
    - `starts(ops)`: the states that these operations can tell apart, always in the same order
      (None: too many to list).
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
    starts: Callable[[Sequence[Operation]], list[State] | None] = lambda ops: None
    describe: Callable[[Operation], str] = described

    def __repr__(self) -> str:
        return f"Model({self.name!r}, init={self.init!r})"


def prepared(operations: Iterable[Operation], model: Model) -> list[Operation]:
    """Return the operations that matter to a judge, with hashable values.

    Left out: what definitely did not happen (``fail``, unless it tells something) and reads whose
    outcome is unknown. Leaving these out changes no verdict. Raises DsvizError for an operation
    that the model does not know or that makes no sense.
    """
    kept = []
    plain: set[tuple] = set()  # what operations say that are kept as they are
    for op in operations:
        if op.__class__ is not Operation:
            raise _unfit(op, model)
        said = (op.f, op.key, op.value, op.result, op.status)
        try:
            known = said in plain
        except TypeError:  # a list in it, say
            known = False
        returned = op.returned
        if known and returned is not None and returned >= op.invoked:
            kept.append(op)
            continue
        ready = _ready(op, model)
        if ready is not None:
            kept.append(ready)
            if ready is op and op.status != "info":
                plain.add(said)
    return kept


def _ready(op: Operation, model: Model) -> Operation | None:
    """Return one operation as a judge takes it, or None when it does not matter."""
    returned = op.returned
    if (
        op.f not in model.operations
        or (returned is not None and returned < op.invoked)
        or model.problem(op)
    ):
        raise _unfit(op, model)
    if op.status == "info" or returned is None:
        if model.keeps(op):
            return None
        if op.status != "info":
            op = replace(op, status="info", result=None)
    elif op.status == "fail" and not _tells(op, model):
        return None
    return _frozen(op, model.nothing)


def _unfit(op: Operation, model: Model) -> DsvizError:
    return DsvizError(f"operation {op.id} ({op.process} {op.f!r}): {misfit(op, model)}")


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
        frozen = tuple(map(freeze, value))
        return value if frozen == value and type(value) is tuple else frozen
    if isinstance(value, dict):
        return ("dict", *((k, freeze(v)) for k, v in sorted(value.items(), key=repr)))
    if isinstance(value, (set, frozenset)):
        return frozenset(map(freeze, value))
    if isinstance(value, float) and value != value:
        return _NAN
    return value


def _tells(op: Operation, model: Model) -> bool:
    another_reason = isinstance(op.result, str) and op.result != "not equal"
    return op.f in model.tells and not another_reason


def _frozen(op: Operation, nothing: Any) -> Operation:
    value, result, key = op.value, op.result, op.key
    if type(value) not in _PLAIN:
        value = freeze(value)
    if type(result) not in _PLAIN:
        result = freeze(result)
    if type(key) not in _PLAIN:
        key = freeze(key)
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
