"""What became of what was sent: lost, delivered twice, out of order, or passed over.

Two lists are compared, key by key: what producers sent, and what took effect at consumers. Where
they are to be found in a trace depends on the system, so each is a function from a trace to
`Item`s: `operations` of clients, `messages` that a node got, or what nodes `show`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from dsviz.check.model import freeze
from dsviz.check.verdict import Verdict
from dsviz.check.words import named, shown
from dsviz.errors import DsvizError, listed
from dsviz.trace import Message, Trace

__all__ = ["KINDS", "Delivery", "Item", "messages", "operations", "shown_by"]

#: What can become of an item, with its meaning.
KINDS = {
    "lost": "it was acknowledged, and never took effect",
    "duplicate": "it took effect more than once",
    "reordered": "it took effect after one of its key that was sent later",
    "skipped": "one of its key that was sent later took effect, and it never did",
    "invented": "it took effect without ever having been sent",
}


class Item(NamedTuple):
    """Something sent, or something that took effect. `value` must be unique for its `key`.

    `time` is in ms, `event` the seq of the event that shows it; `acked` tells whether the producer
    was told that it is safe: only then it may not be lost.
    """

    key: Any
    value: Any
    time: float
    event: int
    acked: bool = True


Items = Callable[[Trace], list[Item]]


def operations(*names: str) -> Items:
    """Items are the operations of clients with these names, acknowledged when they ended ``ok``.

    An operation that failed was not sent. The key and value are those of the operation; the value
    of one that returns what it consumed (a ``dequeue``) is its result.
    """

    def items(trace: Trace) -> list[Item]:
        began = {r[5]["op"]: r for r in trace.rows if r[2] == "invoke" and r[5]["f"] in names}
        ended = {
            r[5]["op"]: r for r in trace.rows if r[2] in ("ok", "fail") and r[5]["op"] in began
        }
        found = []
        for number, row in began.items():
            end = ended.get(number)
            if end is not None and end[2] == "fail":
                continue
            value, at = row[5]["value"], row
            if value is None and end is not None:
                value, at = end[5]["result"], end
            if value is not None:
                key = freeze(row[5]["key"])
                found.append(Item(key, freeze(value), at[0], at[1], end is not None))
        return found

    return items


def messages(kind: str, key: str | None = "key", value: str = "value", to: str = "") -> Items:
    """Items are the messages of a kind that were handled (by node `to`), by two of their fields."""

    def items(trace: Trace) -> list[Item]:
        return [
            Item(freeze(getattr(m, key)) if key else None, freeze(getattr(m, value)), r[0], r[1])
            for r in trace.rows
            if r[2] == "deliver"
            and isinstance(m := r[5], Message)
            and m.kind == kind
            and to in ("", r[3])
        ]

    return items


def shown_by(node: str, attribute: str) -> Items:
    """Items are what is appended to a shown list of values, or of pairs (key, value), of a node.

    The list is taken to grow only; when it becomes shorter, what is in it again is an effect
    again: that is what a restart without memory does.
    """

    def items(trace: Trace) -> list[Item]:
        found: list[Item] = []
        before: tuple = ()
        for time, seq, what, name, _, data, _, _ in trace.rows:
            if what != "state" or name != node or attribute not in data:
                continue
            now = tuple(data[attribute] or ())
            common = len(before) if now[: len(before)] == before else 0
            found += [Item(*_pair(item), time, seq) for item in now[common:]]
            before = now
        return found

    return items


def _pair(item: Any) -> tuple[Any, Any]:
    pair = isinstance(item, tuple) and len(item) == 2
    return (freeze(item[0]), freeze(item[1])) if pair else (None, freeze(item))


@dataclass(frozen=True)
class Delivery:
    """Judge: every item sent takes effect once and in order, but for what is allowed.

    `sent` and `seen` find the items in a trace. `forbids` are names of `KINDS` (default: all).
    At most once forbids ``duplicate``, at least once forbids ``lost``, exactly once both. With
    `end_ms`, items sent in the last so many ms of the run need not have arrived.
    """

    sent: Items
    seen: Items
    forbids: tuple[str, ...] = tuple(KINDS)
    end_ms: float = 0.0
    name: str = "delivery"

    def __post_init__(self) -> None:
        unknown = set(self.forbids) - set(KINDS)
        if unknown:
            raise DsvizError(f"forbids: {listed(unknown)} is none of {listed(KINDS)}")

    def __call__(self, trace: Trace) -> Verdict:
        sent, seen = self.sent(trace), self.seen(trace)
        twice = [place for place, count in Counter(i[:2] for i in sent).items() if count > 1]
        if twice:
            text = f"{_item(twice[0])} was sent more than once, so nobody can tell the copies apart"
            return Verdict(self.name, "undecided", f"{text}; make the values unique.")
        found = sorted(self._problems(trace, sent, seen), key=lambda problem: problem[0])
        problems = [problem for problem in found if problem[1] in self.forbids]
        if not problems:
            return Verdict(self.name, "ok", f"{len(sent):,} sent, {len(seen):,} took effect.")
        time, kind, sentence, events = problems[0]
        others = Counter(problem[1] for problem in problems)
        more = ", ".join(f"{count:,} {what}" for what, count in others.items())
        tail = f" (In all: {more}.)" if len(problems) > 1 else ""
        text = f"{kind.capitalize()}: {sentence}{tail}"
        return Verdict(self.name, "violated", text, time, events)

    def counts(self, trace: Trace) -> dict[str, int]:
        """Return how many items met each fate of `KINDS`."""
        sent, seen = self.sent(trace), self.seen(trace)
        found = Counter(kind for _, kind, _, _ in self._problems(trace, sent, seen))
        return {kind: found[kind] for kind in KINDS}

    def _problems(
        self, trace: Trace, sent: list[Item], seen: list[Item]
    ) -> Iterator[tuple[float, str, str, tuple[int, ...]]]:
        """Yield (time in ms, kind, sentence, events) for each thing that went wrong."""
        number = {item[:2]: place for place, item in enumerate(sent)}
        newest: dict[Any, Item] = {}  # by key, the latest sent of those that took effect
        first: dict[tuple, Item] = {}
        for item in seen:
            place = item[:2]
            if place not in number:
                text = f"{_item(place)} took effect at {item.time:,.0f} ms and was never sent."
                yield item.time, "invented", text, (item.event,)
                continue
            if place in first:
                before = first[place]
                text = (
                    f"{_item(place)} took effect at {before.time:,.0f} ms and again at "
                    f"{item.time:,.0f} ms."
                )
                yield item.time, "duplicate", text, (before.event, item.event)
                continue
            first[place] = item
            last = newest.get(item.key)
            if last is not None and number[place] < number[last[:2]]:
                text = (
                    f"{_item(place)} was sent before {_item(last)}, and took effect after it, at "
                    f"{item.time:,.0f} ms."
                )
                origin = sent[number[place]].event
                yield item.time, "reordered", text, (origin, last.event, item.event)
            else:
                newest[item.key] = item
        yield from self._missing(trace, sent, first, newest, number)

    def _missing(
        self,
        trace: Trace,
        sent: list[Item],
        first: dict[tuple, Item],
        newest: dict[Any, Item],
        number: dict[tuple, int],
    ) -> Iterator[tuple[float, str, str, tuple[int, ...]]]:
        for item in sent:
            place = item[:2]
            if place in first or item.time > trace.duration - self.end_ms:
                continue
            last = newest.get(item.key)
            if item.acked:
                text = f"{_item(place)}, sent at {item.time:,.0f} ms, was acknowledged and never"
                yield trace.duration, "lost", f"{text} took effect.", (item.event,)
            if last is not None and number[place] < number[last[:2]]:
                text = f"{_item(place)} was passed over: {_item(last)}, sent after it, took effect"
                text += f" at {last.time:,.0f} ms, and it never did."
                yield last.time, "skipped", text, (item.event, last.event)


def _item(item: tuple) -> str:
    key, value = item[0], item[1]
    return shown(value) if key is None else f"{shown(value)} of {named(key)}"
