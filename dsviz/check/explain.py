"""Say why a history is not linearizable, in words a learner can follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dsviz.check.model import Model, freeze
from dsviz.check.models import READS, WRITES
from dsviz.check.window import Window
from dsviz.check.words import client, named, shown
from dsviz.history import Operation

MOST_LISTED = 6
_MOST_POSSIBLE = 3


def explain(window: Window, model: Model, history: Iterable[Operation]) -> str:
    """Return one sentence on why the operations of `window` refute `history`.

    The simple cases are told as a story; else the operations are listed.
    """
    ops = window.operations
    return _story(window, history) or (
        f"{_no_order(window)}: {listing(ops, model)}{_in_vain(window, model)}"
    )


def with_operations(window: Window, model: Model, history: Iterable[Operation]) -> str:
    """Return the same sentence, with the operations listed in every case."""
    story = _story(window, history)
    if story is None:
        return explain(window, model, history)
    return f"{story} ({listing(window.operations, model)})"


def _story(window: Window, history: Iterable[Operation]) -> str | None:
    ops = window.operations
    if len(ops) == 1 and window.from_start:
        return _from_nowhere(ops[0], history)
    if len(ops) == 2 and not window.from_start:
        first, second = sorted(ops, key=lambda op: op.returned)
        if first.returned < second.invoked:
            return _one_after_the_other(first, second)
    return None


def listing(ops: Sequence[Operation], model: Model, most: int = MOST_LISTED) -> str:
    """Return operations on one line: ``A write x 2; B read x → 1``; no more than `most`."""
    words = [f"{client(op)} {model.describe(op)}" for op in ops[:most]]
    more = [f"… and {len(ops) - most} more"] if len(ops) > most else []
    return "; ".join(words + more)


def _object(op: Operation) -> str:
    return "the register" if op.key is None else named(op.key)


def _from_nowhere(op: Operation, history: Iterable[Operation]) -> str | None:
    """Explain an operation that needs a value which nobody can have written yet."""
    if op.f in READS:
        needed, did = op.result, f"{client(op)} read {shown(op.result)} from {_object(op)}"
    elif op.f == "cas" and op.status == "ok":
        needed = op.value[0]
        did = f"{client(op)}'s {_cas(op)} succeeded"
    else:
        return None
    same = [other for other in history if freeze(other.key) == op.key and other.id != op.id]
    makers = [other for other in same if _makes(other, needed)]
    value, where = shown(needed), _object(op)
    failed = [other for other in makers if other.status == "fail"]
    if failed and len(failed) == len(makers):
        writer = f"{client(failed[0])}'s {failed[0].f} of {value}"
        return f"{did}, although {writer} failed: what failed must never be seen"
    appends = any(other.f == "append" for other in same)
    if not makers and not appends:
        return f"{did}, but nobody ever wrote {value} to {where}"
    if not appends and all(other.invoked > op.returned for other in makers):
        return f"{did} before anybody had begun to write {value}: nothing is seen before it happens"
    return f"{did}, but no order of what was done to {where} before leaves it at {value}"


def _makes(op: Operation, value: object) -> bool:
    if op.f in WRITES:
        return freeze(op.value) == value
    return op.f == "cas" and op.status != "fail" and freeze(op.value)[1] == value


def _one_after_the_other(first: Operation, second: Operation) -> str | None:
    """Explain an operation that contradicts one that had ended before it began."""
    after, did = _had_happened(first), _happened(second)
    if after is None or did is None:
        return None
    where = _object(first)
    if second.f == "cas":
        refused = second.status == "fail" or second.result is False
        rule = f"a cas {'fails only if' if refused else 'succeeds only if'} {where} holds "
        rule += "another value than expected" if refused else "the expected value"
    elif first.f in READS:
        rule = f"once a newer value of {where} is seen, no later read may return the older one"
    elif first.f in WRITES or first.f == "append" or first.status == "ok":
        rule = "a read must return the newest value whose write had completed, or a newer one"
    else:
        rule = "nobody had set it to that in between"
    return f"{did} after {after}: {rule}"


def _had_happened(op: Operation) -> str | None:
    who = client(op)
    if op.f in READS:
        return f"{who} had read {shown(op.result)}"
    if op.f in WRITES or op.f == "append":
        return f"{who}'s {op.f} of {shown(op.value)} had completed"
    if op.f == "cas" and op.status == "ok" and op.result is not False:
        return f"{who}'s {_cas(op)} had succeeded"
    if op.f == "cas":
        not_held = f"{_object(op)} did not hold {shown(op.value[0])}"
        return f"{who}'s {_cas(op)} had failed, so that {not_held}"
    return None


def _happened(op: Operation) -> str | None:
    who = client(op)
    if op.f in READS:
        return f"{who} read {shown(op.result)}"
    if op.f != "cas":
        return None
    refused = op.status == "fail" or op.result is False
    return f"{who}'s {_cas(op)} {'failed' if refused else 'succeeded'}"


def _cas(op: Operation) -> str:
    return f"cas of {_object(op)} from {shown(op.value[0])} to {shown(op.value[1])}"


def _no_order(window: Window) -> str:
    ops = window.operations
    where = _object(ops[0])
    if window.from_start:
        return f"no order of these operations explains what {where} answered from the beginning on"
    if len(ops) == 1:
        return f"no value of {where} explains this operation"
    return (
        f"no order of these {len(ops)} operations explains their results, "
        f"whatever {where} held before"
    )


def _in_vain(window: Window, model: Model) -> str:
    """Name what may have taken effect meanwhile, so that nobody thinks it was forgotten."""
    if not window.possible:
        return ""
    others = listing(window.possible, model, _MOST_POSSIBLE)
    return f" (and taking in any of these does not help: {others})"
