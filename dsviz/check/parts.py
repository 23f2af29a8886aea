"""From operations to the parts of a search: whole objects, and windows of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dsviz.check.model import ANYWHERE, Model, State, prepared
from dsviz.check.progress import Part
from dsviz.history import Operation


def objects(history: Iterable[Operation], model: Model) -> dict[object, list[Operation]]:
    """Split a history into what happened to each object, in order of first use.

    Operations that tell nothing are left out, values are made hashable. Raises DsvizError for an
    operation that `model` does not know.
    """
    groups: dict[object, list[Operation]] = {}
    by_key = model.by_key
    for op in prepared(history, model):
        key = op.key if by_key else None
        if key in groups:
            groups[key].append(op)
        else:
            groups[key] = [op]
    for ops in groups.values():
        ops.sort(key=lambda op: op.invoked)
    return groups


def whole(ops: Sequence[Operation], model: Model) -> list[Part]:
    """Return the parts for judging everything that happened to one object."""
    required = [op for op in ops if op.returned is not None]
    optional = [op for op in ops if op.returned is None]
    parts = [Part(op, op.invoked, op.returned) for op in required]
    parts += [Part(op, op.invoked, None, False) for op in helpful(optional, required, model)]
    return parts


def prefix(ops: Sequence[Operation], model: Model, end: int) -> list[Part]:
    """Return the parts for judging what happened up to position `end`, and nothing later."""
    required = [op for op in ops if op.returned is not None and op.returned <= end]
    optional = [
        op
        for op in ops
        if op.invoked <= end and (op.returned is None or op.returned > end) and not model.keeps(op)
    ]
    parts = [Part(op, op.invoked, op.returned) for op in required]
    parts += [Part(op, op.invoked, None, False) for op in helpful(optional, required, model)]
    return parts


def helpful(
    optional: Sequence[Operation], required: Sequence[Operation], model: Model
) -> list[Operation]:
    """Return the optional operations that can help to explain the required ones.

    One that overwrites the state helps only if an operation needs the state it makes (or one that
    grows from it). Why the others may be left out: take an order that explains everything, and
    take all the others out of it. An operation that needs one state still finds it: the last
    operation before it that changed the state made just this state, or began what grew into it,
    so it is helpful or required and stays, with everything after it.
    """
    if not optional:
        return []
    if any(_needs_unknown(op, model) for op in required):
        return list(optional)
    needed = {model.pins(op) for op in required if not model.overwrites(op)} - {ANYWHERE}
    helps: dict[int, bool] = {}
    changed = True
    while changed:
        changed = False
        for index, op in enumerate(optional):
            if helps.get(index):
                continue
            made = makes(op, model)
            if made is ANYWHERE and op.f not in model.growing:
                return list(optional)
            helps[index] = made is ANYWHERE or _leads_to(made, needed, model)
            if helps[index] and not model.overwrites(op) and made is not ANYWHERE:
                changed |= model.pins(op) not in needed
                needed.add(model.pins(op))
    return [op for index, op in enumerate(optional) if helps[index]]


def _needs_unknown(op: Operation, model: Model) -> bool:
    """Tell whether an operation depends on the state in a way that no promise describes."""
    grows = op.f in model.growing
    return not grows and not model.overwrites(op) and model.pins(op) is ANYWHERE


def makes(op: Operation, model: Model) -> State:
    """Return the state an operation leads to, or ANYWHERE when that depends."""
    before = model.init if model.overwrites(op) else model.pins(op)
    if before is ANYWHERE:
        return ANYWHERE
    legal, made = model.step(before, op.f, op.value, op.result, op.status)
    return made if legal else ANYWHERE


def _leads_to(made: State, needed: set[State], model: Model) -> bool:
    if made in needed:
        return True
    return model.reaches is not None and any(model.reaches(made, state) for state in needed)
