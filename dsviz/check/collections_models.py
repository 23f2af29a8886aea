"""Sequential models of collections: a queue, a log. For `linearizable(trace, model=queue())`."""

from __future__ import annotations

from typing import Any

from dsviz.check.model import Model, State, freeze
from dsviz.history import Operation

__all__ = ["log", "queue"]


def queue() -> Model:
    """Return a first-in, first-out queue, one for each key, at first empty.

    ``enqueue`` has a value. ``dequeue`` results in the value it took, None when the queue was
    empty. When its outcome is unknown it may have taken the first value there was.
    """
    return Model(
        name="queue",
        init=(),
        operations=frozenset({"enqueue", "dequeue"}),
        step=_queue,
        problem=_queue_problem,
        keeps=lambda op: op.f == "dequeue" and op.status == "ok" and op.result is None,
    )


def _queue(state: State, f: str, value: Any, result: Any, status: str) -> tuple[bool, State]:
    assert isinstance(state, tuple)
    if f == "enqueue":
        return True, (*state, value)
    if status != "ok":
        return True, state[1:]
    if result is None:
        return not state, state
    return bool(state) and state[0] == result, state[1:]


def _queue_problem(op: Operation) -> str | None:
    if op.f == "enqueue" and op.value is None:
        return "enqueue needs a value other than None: that is what an empty queue returns"
    return None


def log() -> Model:
    """Return an append-only log, one for each key (a partition), at first empty.

    - ``append`` has a value; its result is the offset of that value, from 0, or None when the
      client is not told.
    - ``read`` has an offset as its value; its result is what is there, None beyond the end.
    - ``fetch`` has an offset; its result lists one or more values from there on, none only at the
      end: as much as a consumer was sent.
    """
    return Model(
        name="log",
        init=(),
        operations=frozenset({"append", "read", "fetch"}),
        step=_log,
        problem=_log_problem,
        keeps=lambda op: op.f != "append",
        growing=frozenset(),
    )


def _log(state: State, f: str, value: Any, result: Any, status: str) -> tuple[bool, State]:
    assert isinstance(state, tuple)
    if f == "append":
        told = status == "ok" and result is not None
        return not told or result == len(state), (*state, value)
    if status != "ok":
        return True, state
    if f == "read":
        return (state[value] if value < len(state) else None) == result, state
    there, got = state[value:], freeze(result or ())
    return there[: len(got)] == got and bool(got) == bool(there), state


def _log_problem(op: Operation) -> str | None:
    if op.f == "append":
        return None if op.value is not None else "append needs a value"
    if isinstance(op.value, bool) or not isinstance(op.value, int) or op.value < 0:
        return f"{op.f} needs an offset, 0 or more, as its value, not {op.value!r}"
    return None
