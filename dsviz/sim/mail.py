"""How messages get from node to node: sent, late, lost, twice, garbled, delivered or dropped."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush, heapreplace
from typing import Any

from dsviz.message import Message, Shape, shape
from dsviz.sim.events import Events
from dsviz.sim.network import Link, Network
from dsviz.sim.slot import Slot
from dsviz.sim.values import ATOMS, corrupted, frozen_field, frozen_fields
from dsviz.trace import as_row

#: (receiver, kind, fields, id replied to) -> the message's id
Post = Callable[[str, str, dict[str, Any], int | None], int]


class Mail(Events):
    """The kernel's part that carries messages."""

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__(network, seed)
        # How the messages of a kind are made. A run's own, so that the order of fields, which a
        # trace shows, does not depend on what ran before.
        self._sends: dict[str, Shape] = {}
        self._replies: dict[str, Shape] = {}

    def post_of(self, slot: Slot) -> Post:
        """Return the function by which a node sends: (receiver, kind, fields, id replied to).

        It returns the message's id, and raises DsvizError for a receiver that does not exist and
        for a field that cannot be sent.
        """
        src, links, heap = slot.name, slot.links, self._heap
        sends, replies = self._sends, self._replies

        def post(dst: str, kind: str, body: dict[str, Any], re: int | None) -> int:
            for value in body.values():
                if type(value) not in ATOMS:
                    body = frozen_fields(kind, body)
                    break
            link = links.get(dst) or self.link(src, dst)
            shapes, fields = sends if re is None else replies, tuple(body)
            made = shapes.get(kind)
            if made is None or made[0].fields != fields:
                made = shapes[kind] = shape(kind, fields, re is not None)
            seq = self._next
            self._next = seq + 1
            if self._lead:
                self._later(slot, self._transmit, link, made, seq, re, body)
            elif link.faulty:
                self._transmit(link, made, seq, re, body)
            else:
                at = self._at
                now = at[0]
                arrives = now + link.by_kind.get(kind, link.draw)(link.random())
                values = body.values() if re is None else (re, *body.values())
                message = made[0]((arrives, seq, dst, src, now, at[1], *values))
                if self._hole:
                    self._hole = False
                    heapreplace(heap, message)
                else:
                    heappush(heap, message)
            return seq

        return post

    def send_of(self, slot: Slot) -> Callable[..., None]:
        """Return `Node.send` for one node: the short way of the messages that make up most runs.

        No fault on the link, no handler that is ahead of time: else it is `post_of`'s. Each call
        that is saved here is a twentieth of the time that a delivery takes.
        """
        src, quick, shapes, heap, post = slot.name, slot.quick, self._sends, self._heap, slot.post

        def send(dst: str, kind: str, /, **body: Any) -> None:
            try:
                made, count, pick = shapes[kind]
                low, span, random = quick[dst]
                value = pick(body)
            except KeyError:
                post(dst, kind, body, None)
                return
            if count != len(body) or self._lead:
                post(dst, kind, body, None)
                return
            at = self._at
            now = at[0]
            if count == 1:
                if type(value) not in ATOMS:
                    value = frozen_field(kind, made.fields[0], value)
                seq = self._next
                arrives = now + (low + span * random())
                message = made((arrives, seq, dst, src, now, at[1], value))
            else:
                for each in value:
                    if type(each) not in ATOMS:
                        value = frozen_fields(
                            kind, dict(zip(made.fields, value, strict=True))
                        ).values()
                        break
                seq = self._next
                arrives = now + (low + span * random())
                message = made((arrives, seq, dst, src, now, at[1], *value))
            self._next = seq + 1
            if self._hole:
                self._hole = False
                heapreplace(heap, message)
            else:
                heappush(heap, message)

        return send

    def _transmit(
        self, link: Link, made: Shape, seq: int, re: int | None, body: dict[str, Any]
    ) -> None:
        """Give a message to the network, whatever faults are on its link."""
        src, dst, kind = link.src, link.dst, made[0].kind
        now, cause = self._at[:2]
        arrives = now + link.latency(kind)
        if link.corrupt:
            body = self._corrupted(link, seq, body)
        values = body.values() if re is None else (re, *body.values())
        message = made[0]((arrives, seq, dst, src, now, cause, *values))
        if link.cuts:
            drop = (now, "cut")
        elif link.loss and link.loses():
            drop = (now, "lost")
        else:
            drop = None
        if drop is None:
            heappush(self._heap, message)
        else:
            heappush(self._heap, (arrives, seq, "drop", dst, src, message, drop, cause))
        if link.duplicate and not link.cuts:
            latency = link.copy_latency(kind)
            if latency is not None:
                self._push(now + latency, "deliver", dst, src, message, now)

    def _corrupted(self, link: Link, number: int, body: dict[str, Any]) -> dict[str, Any]:
        """Return the fields as the network garbles them: one has another value."""
        u = link.corruption()
        if u is None or not body:
            return body
        place = int(u * len(body))
        name = list(body)[place]
        garbled = corrupted(body[name], u * len(body) - place)
        self._record("corrupt", link.dst, f"{name}: {body[name]!r} → {garbled!r}", number)
        return {**body, name: garbled}

    def _deliver(self, row: tuple) -> None:
        slot = self.slots[row[3]]
        if slot.cuts and self.link(row[4], row[3]).cuts:
            self._drop(row, "cut")
        elif not slot.up:
            self._drop(row, "node down")
        elif slot.ready:
            self._handle_message(slot, row)
        else:
            self._at = (self._at[0], row[7])
            self._record("queued", slot.name, row[5].id)
            slot.inbox.append(row)

    def _deliver_message(self, message: Message) -> None:
        self._deliver(as_row(message))

    def _handle_message(self, slot: Slot, row: tuple) -> None:
        message = row[5]
        if row[0] != self.now:  # it waited in the inbox: it happens now, not when it arrived
            row = (self.now, *row[1:])
        self.records.append(message if as_row(message) == row else row)
        self._handle(slot, row[1], slot.handlers[message.kind], message)

    def _drop(self, row: tuple, reason: str) -> None:
        _, seq, _, dst, src, message, sent_at, cause = row
        self.records.append((self.now, seq, "drop", dst, src, message, (sent_at, reason), cause))

    def _on_drop(self, row: tuple) -> None:
        self.records.append(row)

    def _note_what_is_under_way(self) -> None:
        """At the end of a run, record what has not arrived."""
        for entry in sorted(self._heap, key=_order):
            row = entry if type(entry) is tuple else as_row(entry)  # type: ignore[arg-type]
            if row[2] in ("deliver", "drop"):
                sent_at = row[6][0] if row[2] == "drop" else row[6]
                self.records.append((*row[:2], "flight", *row[3:6], sent_at, row[7]))


def _order(entry: tuple) -> tuple[float, int]:
    return entry[0], entry[1]
