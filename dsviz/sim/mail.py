"""How messages get from node to node: sent, late, lost, twice, garbled, delivered or dropped."""

from __future__ import annotations

from typing import Any

from dsviz.message import Message, Shape
from dsviz.sim.events import Events
from dsviz.sim.network import Link
from dsviz.sim.slot import Slot
from dsviz.sim.values import corrupted
from dsviz.trace import as_row


class Mail(Events):
    """The kernel's part that carries messages."""

    def _transmit(
        self, link: Link, made: Shape, seq: int, re: int | None, body: dict[str, Any]
    ) -> None:
        """Give a message to the network, whatever faults are on its link."""
        src, dst, kind = link.src, link.dst, made[0].kind
        now, cause = self.now, self._works.cause()
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
            self._works.launch((arrives, seq, link.to, message))
        else:
            record = (arrives, seq, "drop", dst, src, message, drop, cause)
            self._works.launch((arrives, seq, None, record))
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
            self._works.because(row[7])
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
        self._works.put_back()
        for _, _, _, record in sorted(self._coming):
            row = record if type(record) is tuple else as_row(record)
            if row[2] in ("deliver", "drop"):
                sent_at = row[6][0] if row[2] == "drop" else row[6]
                self.records.append((*row[:2], "flight", *row[3:6], sent_at, row[7]))
