"""Messages: what a node sends and another receives, as small as a run can make them.

A message is a tuple of a class made for its kind and field names: immutable by nature, and the
cheapest thing with attributes that Python can build. The tuple is at the same time the kernel's
heap entry and the row that the trace keeps of the delivery, so an event costs one object:

===== =============================================================
index meaning
===== =============================================================
0     when it arrives, in ms of true time: the order of the heap
1     the message's id, which is the number of the event as well
2     the receiver
3     the sender
4     when it was sent, in ms of true time
5     the number of the event whose handling sent it, or -1
6     of a reply: the id of the message it answers
…     the values of the fields
===== =============================================================

Handlers use the attributes; the places belong to the simulator.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any, ClassVar

try:  # what named tuples read their fields with: twice as fast as a property
    from _collections import _tuplegetter as _place
except ImportError:  # another Python than CPython

    def _place(index: int, doc: str) -> property:
        return property(itemgetter(index), doc=doc)


from dsviz.errors import DsvizError, listed

__all__ = ["FIRST_FIELD", "Message", "Shape", "message_class", "shape"]

#: Where the values of the fields begin; in a reply one place later.
FIRST_FIELD = 6


class Message(tuple):
    """A message as its receiver sees it: the fields it was sent with, as read-only attributes.

    ``msg.kind``, ``msg.src``, ``msg.dst`` name the message's kind, sender and receiver; ``msg.id``
    is unique in the run; ``msg.re`` is the id of the message this one replies to, or None.
    """

    __slots__ = ()
    kind: ClassVar[str]
    fields: ClassVar[tuple[str, ...]]
    id = _place(1, "the number of the message, unique in the run")
    dst = _place(2, "the receiver")
    src = _place(3, "the sender")
    re: Any = None  # in a class for replies: the id of the message that is answered

    # Without a __new__, an __eq__ and a __getattr__ of its own: they would make each event a third
    # slower. Who asks for a field that is not there is told by `dsviz.sim.slot.in_words`.

    @staticmethod
    def of(
        kind: str, src: str, dst: str, id: int, re: int | None, body: dict[str, Any],
        arrives: float = 0.0, sent_at: float = 0.0, cause: int = -1,
    ) -> Message:  # fmt: skip
        """Return a message with the fields of `body`; times in ms.

        Raises DsvizError for a field that every message has already.
        """
        made = message_class(kind, tuple(body), re is not None)
        head = (arrives, id, dst, src, sent_at, cause)
        return made((*head, *body.values()) if re is None else (*head, re, *body.values()))

    def __setattr__(self, name: str, value: object) -> None:
        raise DsvizError(
            f"a message is read-only: {self.kind}.{name} cannot be set; keep it in self.{name}"
        )

    @property
    def body(self) -> dict[str, Any]:
        """The fields the message was sent with (a copy)."""
        first = FIRST_FIELD if self.re is None else FIRST_FIELD + 1
        return dict(zip(self.fields, self[first:], strict=True))

    def __deepcopy__(self, memo: dict) -> Message:
        return self  # read-only, so a copy is never needed

    def __reduce__(self) -> tuple:
        return (_restored, (self.kind, self.fields, self.re is not None, tuple(self)))

    def __repr__(self) -> str:
        fields = "".join(f" {k}={v!r}" for k, v in self.body.items())
        return f"<{self.kind}{fields} {self.src}→{self.dst}>"


_RESERVED = frozenset({"kind", "fields", "src", "dst", "id", "re", "body", "of"})
_CLASSES: dict[tuple[str, tuple[str, ...], bool], type[Message]] = {}


def message_class(kind: str, fields: tuple[str, ...], reply: bool = False) -> type[Message]:
    """Return the class of messages of this kind with these fields, in this order.

    Raises DsvizError for a field that every message has already.
    """
    made = _CLASSES.get((kind, fields, reply))
    if made is not None:
        return made
    taken = _RESERVED & set(fields)
    if taken:
        raise DsvizError(
            f"message {kind!r} cannot have a field named {listed(taken)}: every message has that "
            "already; choose another name"
        )
    members: dict[str, Any] = {"__slots__": (), "kind": kind, "fields": fields}
    if reply:
        members["re"] = _place(FIRST_FIELD, "the id of the message that is answered")
    for place, name in enumerate(fields, FIRST_FIELD + reply):
        members[name] = _place(place, f"the field {name!r}")
    made = _CLASSES[kind, fields, reply] = type("Message", (Message,), members)
    return made


#: (class, number of fields, the function that takes the values out of a dictionary of them); of a
#: single field its name instead of the function.
Shape = tuple[type[Message], int, Any]


def shape(kind: str, fields: tuple[str, ...], reply: bool = False) -> Shape:
    """Return how a message is made of its fields, ready to be used for many."""
    pick = fields[0] if len(fields) == 1 else itemgetter(*fields) if fields else tuple
    return message_class(kind, fields, reply), len(fields), pick


def _restored(kind: str, fields: tuple[str, ...], reply: bool, values: tuple) -> Message:
    return message_class(kind, fields, reply)(values)
