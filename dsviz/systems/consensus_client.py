"""A client of a replicated state machine: finds the leader, and never has a request done twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dsviz.sim.node import Client, Op
from dsviz.trace import Message


def request_of(msg: Message) -> tuple[str, int]:
    """Return (session, seq) of a client's request. The first attempt gives it its number; each
    later one carries that number as `seq`."""
    return msg.src, getattr(msg, "seq", msg.id)


class RaftClient(Client):
    """Finds the leader, and asks again under the same number until it is answered or gives up."""

    servers: tuple[str, ...] = ()
    patience = 100.0  # ms to wait for an answer before asking another server
    pause = 5.0  # ms before following a redirect, so that two servers cannot play ping-pong

    def on_start(self) -> None:
        self.server = self.servers[0]
        super().on_start()

    def next_operation(self) -> Op | None:
        op = super().next_operation()
        return op and replace(op, to=self.server)

    def on_timer_begin(self) -> None:
        super().on_timer_begin()
        self.set_timer("again", self.patience)

    def on_timer_again(self, server: str | None = None) -> None:
        if self.pending is None:
            return
        turn = self.servers.index(self.server) + 1
        self.server = server or self.servers[turn % len(self.servers)]
        self.ask_again(self.server, seq=self.request)
        self.set_timer("again", self.patience)

    def on_redirect(self, msg: Message) -> None:
        if msg.seq == self.request and msg.src == self.server and msg.leader in self.servers:
            self.cancel_timer("again")
            self.set_timer("again", self.pause, server=msg.leader)

    def on_ok(self, msg: Message) -> None:
        if msg.seq == self.request:
            self.answer("ok", msg.value)

    def operation_ended(self, op: Op, status: str, result: Any) -> None:
        self.cancel_timer("again")
