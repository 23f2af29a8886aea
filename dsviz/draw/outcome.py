"""What clients saw, as a table, and where two futures part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dsviz.draw.columns import columns_of
from dsviz.draw.labels import message_label
from dsviz.trace import Event, Message, Trace, as_row
from dsviz.transcript import milliseconds, sentence


@dataclass(frozen=True)
class Measure:
    """One row of the outcome table. `number` is None for a verdict. `bad` says what is worse: more
    of it (True), less of it (False) or neither (None)."""

    label: str
    text: str
    number: float | None = None
    unit: str = ""
    bad: bool | None = None


def outcome(trace: Trace, verdicts: Iterable[Any] = ()) -> list[tuple[str, str]]:
    """Return what clients saw as rows (label, value), in words."""
    return [(m.label, m.text) for m in measures(trace, verdicts)]


def measures(trace: Trace, verdicts: Iterable[Any] = ()) -> list[Measure]:
    """Return the rows of `outcome` with their numbers."""
    data = columns_of(trace)
    ops, texts = data["ops"], data["texts"]
    status = ops["status"]
    answered = [i for i, s in enumerate(status) if s == "ok"]
    reads = sum(texts[ops["f"][i]] in ("read", "get") for i in answered)
    took = sorted(ops["end"][i] - ops["call"][i] for i in answered)
    fate = data["flights"]["fate"]
    rows = []
    if status:
        rows.append(_counted("operations answered", len(answered), False))
        rows.append(_counted("of them reads", reads))
        rows.append(_counted("operations that failed", status.count("fail"), True))
        unknown = status.count("info") + status.count("open")
        rows.append(_counted("outcome unknown", unknown, True))
        p99 = took[min(len(took) - 1, -(-99 * len(took) // 100) - 1)] if took else None
        text = "–" if p99 is None else f"{p99:.1f} ms"
        rows.append(Measure("99 % answered within", text, p99, " ms", True))
    rows.append(_counted("messages delivered", fate.count(0)))
    rows.append(_counted("messages lost", fate.count(1) + fate.count(2) + fate.count(3), True))
    for verdict in verdicts:
        words = {"ok": "holds", "violated": "violated", "undecided": "undecided"}[verdict.status]
        at = "" if verdict.at is None else f" at {milliseconds(verdict.at)}"
        rows.append(Measure(verdict.check, words + at, bad=verdict.status == "violated"))
    return rows


def _counted(label: str, count: int, bad: bool | None = None) -> Measure:
    return Measure(label, f"{count:,}", count, "", bad)


def compare(before: list[Measure], after: list[Measure]) -> list[dict[str, Any]]:
    """Return the outcome table of two futures: rows with label, a, b, difference and worse."""
    old = {m.label: m for m in before}
    rows = []
    for measure in after:
        was = old.get(measure.label)
        if was is None:
            continue
        if measure.number == was.number == 0 and measure.bad:
            continue  # nothing went wrong in either: no row for it
        rows.append(
            {
                "label": measure.label,
                "a": was.text,
                "b": measure.text,
                "difference": _difference(was, measure),
                "worse": _is_worse(was, measure),
            }
        )
    return rows


def _difference(was: Measure, now: Measure) -> str:
    if was.text == now.text:
        return "same"
    if was.number is None or now.number is None:
        return _change_of_words(was.text, now.text)
    change = now.number - was.number
    sign = "+" if change > 0 else "−"
    amount = f"{abs(change):.1f}" if now.unit else f"{abs(change):,}"
    return f"{sign}{amount}{now.unit}"


def _change_of_words(was: str, now: str) -> str:
    """How a verdict changed: ``now violated``, ``no longer violated``, ``later`` …"""
    old, new = was.split(" at ")[0], now.split(" at ")[0]
    if old == new:
        return f"before: {was.removeprefix(old).strip()}"
    return f"no longer {old}" if new == "holds" else f"now {new}"


def _is_worse(was: Measure, now: Measure) -> bool:
    if was.number is None or now.number is None:
        return bool(now.bad) and not was.bad
    change = now.number - was.number
    return change > 0 if now.bad else change < 0 and now.bad is False


@dataclass(frozen=True)
class Divergence:
    """Where two runs part: the time in ms, and what happened there in each (None: nothing)."""

    time: float
    before: str | None
    after: str | None


def first_divergence(trace_a: Trace, trace_b: Trace) -> Divergence | None:
    """Return the first event that differs between two runs, faults themselves aside.

    Two runs of one scenario and seed are equal up to a cause, because every link draws from a
    random stream of its own. Returns None when the runs are equal.
    """
    ours, theirs = _comparable(trace_a), _comparable(trace_b)
    # Up to the cause the two are equal to the last number: no need to look at what they mean.
    start = next(
        (i for i, (x, y) in enumerate(zip(ours, theirs, strict=False)) if _differ(x, y)),
        min(len(ours), len(theirs)),
    )
    for one, other in zip(ours[start:], theirs[start:], strict=False):
        one, other = _row(one), _row(other)
        if _essence(one) != _essence(other):
            return _divergence(one, other)
    if len(ours) == len(theirs):
        return None
    longer = ours if len(ours) > len(theirs) else theirs
    row = _row(longer[min(len(ours), len(theirs))])
    return _divergence(row, None) if longer is ours else _divergence(None, row)


def _comparable(trace: Trace) -> list[tuple]:
    """The records of a trace without those of its faults."""
    return [r for r in trace.records if type(r) is not tuple or r[2] not in ("fault", "heal")]


def _differ(one: tuple, other: tuple) -> bool:
    return type(one) is not type(other) or one != other


def _row(record: tuple) -> tuple:
    return as_row(record) if isinstance(record, Message) else record


def _essence(row: tuple) -> tuple:
    """A row without its numbers, which shift after the first difference."""
    data = row[5]
    if isinstance(data, Message):
        data = (data.kind, data.body)
    return (row[0], row[2], row[3], row[4], data, row[6])


def _divergence(before: tuple | None, after: tuple | None) -> Divergence:
    time = min(row[0] for row in (before, after) if row is not None)
    said = [_said(row) if row is not None and row[0] == time else None for row in (before, after)]
    return Divergence(round(time, 3), said[0], said[1])


def event_words(event: Event) -> str:
    """Return an event as the player tells it: messages by their labels."""
    return _said(tuple(event))


def _said(row: tuple) -> str:
    """A row as a sentence; messages by their labels, since all fields would hide the point."""
    _, _, what, node, peer, data, info, _ = row
    if not isinstance(data, Message):
        return sentence(Event._make(row))
    if what == "drop":
        why = {"cut": "the link is cut", "lost": "the network loses it"}.get(
            info[1], f"{node} is down"
        )
        return f"{message_label(data)} from {peer} does not reach {node}: {why}"
    return f"{node} gets {message_label(data)} from {peer}"
