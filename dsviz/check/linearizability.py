"""Is a history linearizable: can each operation be given one moment between its call and its
return at which it took effect, so that all results fit a single object that does one operation
at a time (Herlihy & Wing, "Linearizability", ACM TOPLAS 1990)?

Each key is judged by a frontier search of its own (`dsviz.check.frontier`); they take turns, so
that a key which is hard to judge cannot hide one that is easy to refute.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dsviz.check.explain import explain, with_operations
from dsviz.check.model import Model
from dsviz.check.models import fitting
from dsviz.check.parts import objects
from dsviz.check.race import Budget, Race
from dsviz.check.verdict import Verdict
from dsviz.check.window import Refuter, Window
from dsviz.check.words import count_clients, named
from dsviz.errors import DsvizError
from dsviz.history import History, Operation
from dsviz.trace import Trace

__all__ = ["Budget", "Judged", "judged", "linearizable", "refuting_window"]

NAME = "linearizable"
_USUAL = Budget()
_MOST_KEYS = 16

Judgeable = Trace | History | Iterable[Operation]


def linearizable(
    history: Judgeable, model: Model | None = None, budget: Budget = _USUAL
) -> Verdict:
    """Judge whether a history, or the history of a trace, is linearizable.

    `model` says what is being judged (default: the one of `dsviz.check.models` that fits the
    names of the operations). A violated verdict says at which time in ms it became certain: when
    the operation returned at which nothing was left that could explain the history so far. Its
    `operations` are the few that show it, ending with that one, and for a trace its `events` are
    theirs. Raises DsvizError for an operation that the model does not know.
    """
    ops = _operations(history)
    model = model or fitting(ops.operations)
    race = Race(objects(ops.operations, model), model, budget)
    refuted = race.first_refuted()
    if refuted is None:
        status = "undecided" if race.undecided else "ok"
        return Verdict(NAME, status, _gave_up(race) if race.undecided else _fits(ops))
    key, end = refuted
    of_key = race.objects[key]
    at = next(op.return_ms for op in of_key if op.returned == end)
    window = Refuter(of_key, model).ending(end)
    ids = tuple(op.id for op in window.operations)
    events = _events(history, window.operations) if isinstance(history, Trace) else ()
    sentence = _full(explain(window, model, ops))
    return Verdict(NAME, "violated", sentence, at, events, ids)


def refuting_window(
    history: Judgeable, model: Model | None = None, budget: Budget = _USUAL
) -> tuple[Operation, ...]:
    """Return the fewest operations that show that a history is not linearizable.

    In order of invocation; empty when the history is linearizable or undecided. Whatever the
    object held before the first of them was invoked, and whichever others that overlap them took
    effect meanwhile, no order explains their results; or the same from the beginning of the
    history on. None of them can be spared. What exactly "fewest" means, and why leaving out the
    other operations is sound, is said in `dsviz.check.window`. Raises DsvizError for an operation
    that the model does not know.
    """
    ops = _operations(history)
    window = judged(ops, model, budget).window
    if window is None:
        return ()
    originals = {(op.id, op.invoked): op for op in ops}
    return tuple(originals[op.id, op.invoked] for op in window.operations)


@dataclass(frozen=True)
class Judged:
    """All that a report on a whole history needs.

    `sentence` names the operations of the shortest `window` when the status is ``violated``.
    """

    status: str
    sentence: str
    window: Window | None = None


def judged(history: Judgeable, model: Model | None = None, budget: Budget = _USUAL) -> Judged:
    """Judge every key, and explain a violation by the shortest window found anywhere.

    `linearizable` explains the first moment at which a violation is certain; a shorter window
    may end later. Raises DsvizError for an operation that the model does not know.
    """
    ops = _operations(history)
    model = model or fitting(ops.operations)
    race = Race(objects(ops.operations, model), model, budget)
    if race.all_refuted() is None:
        if race.undecided:
            return Judged("undecided", _gave_up(race))
        return Judged("ok", _fits(ops))
    best: Window | None = None
    for key, end in race.refuted[:_MOST_KEYS]:
        window = Refuter(race.objects[key], model).shortest(end)
        if best is None or len(window.operations) < len(best.operations):
            best = window
    return Judged("violated", with_operations(best, model, ops), best)


def _operations(history: Judgeable) -> History:
    if isinstance(history, Trace):
        return history.history()
    if isinstance(history, History):
        return history
    try:
        ops = list(history)
    except TypeError:
        ops = [None]
    if not all(isinstance(op, Operation) for op in ops):
        raise DsvizError(
            f"history={type(history).__name__} cannot be judged; give a Trace, a History or "
            "Operations"
        )
    return History(ops)


def _fits(ops: History) -> str:
    if not ops:
        return "There are no operations, so nothing contradicts anything."
    clients = count_clients(ops)
    return (
        f"One order explains all {len(ops):,} operations of {clients} "
        f"{'client' if clients == 1 else 'clients'}: each took effect between its call and its "
        "return."
    )


def _gave_up(race: Race) -> str:
    keys = [named(key) for key in race.undecided if key is not None][:3]
    where = f" on {', '.join(keys)}" if keys else ""
    return (
        f"The search{where} ran out of its budget ({race.budget}), so the history may be "
        "linearizable or not; a larger Budget(steps=…, configurations=…) may tell."
    )


def _full(sentence: str) -> str:
    """Return a sentence as it stands alone. The name of a client keeps its first letter."""
    own_words = sentence.startswith(("client ", "no "))
    return (sentence[0].upper() if own_words else sentence[0]) + sentence[1:] + "."


def _events(trace: Trace, operations: Iterable[Operation]) -> tuple[int, ...]:
    """Return the seq numbers of the events that begin and end these operations.

    The positions of a trace's history count its invocations and returns, in order.
    """
    wanted = {position for op in operations for position in (op.invoked, op.returned)}
    ends = (row[1] for row in trace.rows if row[2] in ("invoke", "ok", "fail", "info"))
    return tuple(seq for position, seq in enumerate(ends) if position in wanted)
