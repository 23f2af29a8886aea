"""The flights of a run's messages as columns: where from, where to, when, what label, what fate.

Most events of a run are deliveries, so what is done to each of them decides how long a click
waits for its picture. All messages of a class have the same fields; columns are made field by
field, and a text once for each different value.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

from dsviz.draw.labels import message_label, short, telling_field
from dsviz.message import Message

#: How a flight can end; columns hold the position in this list.
FATES = ("delivered", "lost", "cut", "node down", "under way")

_FATE_OF = {"lost": 1, "cut": 2, "node down": 3}


def tidy(time: float) -> float:
    """Return a time in ms without digits beyond 1/1000."""
    return round(time * 1000) / 1000


def tidied(times: Iterable[float]) -> array:
    """Return times in ms without digits beyond 1/1000."""
    return array("d", [round(time * 1000) / 1000 for time in times])


class Flights:
    """Gathers the messages of a run in the order of their events; `columns` makes columns of them.

    `number` maps nodes to their numbers, `text` a text to its number. `kinds` are the message
    kinds met before (kind: what it answers, or empty); new ones are added.
    """

    def __init__(
        self, number: dict[str, int], text: Callable[[str], int], kinds: dict[str, str]
    ) -> None:
        self.messages: list[Message] = []
        self._number, self._text, self._kinds = number, text, kinds
        self._otherwise: list[tuple[int, float, float, int]] = []  # row, sent, ended, fate

    def note(self, what: str, message: Message, time: float, info: Any) -> int:
        """Add a message whose event is not the delivery that it was sent for; return its row."""
        row = len(self.messages)
        self.messages.append(message)
        sent, fate = info, 0 if what == "deliver" else 4
        if what == "drop":
            sent, fate = info[0], _FATE_OF.get(info[1], 1)
        self._otherwise.append((row, tidy(sent), tidy(time), fate))
        return row

    def columns(self) -> dict[str, Sequence]:
        """Return the columns; times in ms."""
        messages, number = self.messages, self._number
        ended = tidied(map(itemgetter(0), messages))
        sent = tidied(map(itemgetter(4), messages))
        fate = array("B", bytes(len(messages)))
        for row, left, came, how in self._otherwise:
            sent[row], ended[row], fate[row] = left, came, how
        kind, label = self._kinds_and_labels()
        return {
            "src": array("h", map(number.__getitem__, map(itemgetter(3), messages))),
            "dst": array("h", map(number.__getitem__, map(itemgetter(2), messages))),
            "kind": kind,
            "label": label,
            "sent": sent,
            "ended": ended,
            "fate": fate,
        }

    def _kinds_and_labels(self) -> tuple[array, array]:
        """Return the number of each message's kind, and of the text that is its label."""
        rows: dict[type[Message], list[int]] = {}
        classes = list(map(type, self.messages))
        for made in dict.fromkeys(classes):
            rows[made] = []
            self._meet(self.messages[classes.index(made)])
        number = {kind: place for place, kind in enumerate(self._kinds)}
        if len(rows) == 1:
            rows[classes[0]] = range(len(classes))  # type: ignore[assignment]
        else:
            for row, made in enumerate(classes):
                rows[made].append(row)
        kind, label = array("h", bytes(2 * len(classes))), array("i", bytes(4 * len(classes)))
        for made, places in rows.items():
            code = number[made.kind]
            texts = self._labels(made, [self.messages[row] for row in places])
            for row, text in zip(places, texts, strict=True):
                kind[row] = code
                label[row] = text
        return kind, label

    def _meet(self, message: Message) -> None:
        """Take note of the kind of a message: what it answers decides how it looks."""
        if message.kind not in self._kinds:
            asked = (each.kind for each in self.messages if each.id == message.re)
            answers = "" if message.re is None else next(asked, "a request")
            self._kinds[message.kind] = answers

    def _labels(self, made: type[Message], messages: list[Message]) -> Iterable[int]:
        """Return the numbers of the labels of messages of one class."""
        first = telling_field(made.fields)
        if first is not None:
            name, prefix = first
            before = len(messages[0]) - len(made.fields)
            values = list(map(itemgetter(before + made.fields.index(name)), messages))
            # Not for other types: equal values of them may read differently, such as 1 and True.
            if set(map(type, values)) in ({int}, {str}):
                front = f"{made.kind} {prefix}"
                text = {v: self._text(front + short(v)) for v in dict.fromkeys(values)}
                return map(text.__getitem__, values)
        return [self._text(message_label(message)) for message in messages]
