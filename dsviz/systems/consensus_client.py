"""A client of a replicated state machine: finds the leader, and never has a request done twice;
and the desk where a server takes its requests and hands out the answers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dsviz.sim.node import Client, Op
from dsviz.systems.consensus_log import Entry, StateMachine
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


class Desk(StateMachine):
    """What clients see of a server. Who leads and what is committed is decided elsewhere."""

    asked: dict[tuple[str, int], Message]
    state: str
    leader: str | None
    term: int
    reads: str
    reading: list[tuple[int, int, Message]]
    first: int
    round: int

    def send_round(self) -> None:
        """Tell the other servers what is new."""
        raise NotImplementedError

    def advance(self, commit: int) -> None:
        """Apply the entries up to `commit`, and tell the clients that asked for them here."""
        while self.commit < commit:
            entry = self.entries[self.commit - self.image.index]
            self.commit += 1
            result = self.apply(entry)
            msg = self.asked.pop((entry.session, entry.seq), None)
            if msg:
                self.answer_client(msg, result)

    def on_write(self, msg: Message) -> None:
        session, seq = request_of(msg)
        done, result = self.sessions.get(session, (0, None))
        if self.state != "leader":
            self.reply(msg, "redirect", seq=seq, leader=self.leader)
        elif seq <= done:
            self.answer_client(msg, result)
        else:
            self.asked[session, seq] = msg
            index = self.last + 1
            self.keep([Entry(index, self.term, session, seq, msg.kind, msg.key, msg.value)])
            self.flush()
            self.send_round()

    on_cas = on_write

    def on_read(self, msg: Message) -> None:
        if self.state != "leader" or self.reads == "log":
            self.on_write(msg)
        elif self.reads == "local":
            self.answer_client(msg, self.data.get(msg.key))
        else:  # right when it still leads after the request, and knows what was committed before
            self.reading.append((max(self.commit, self.first), self.round + 1, msg))
            self.send_round()

    def answer_client(self, msg: Message, value: Any) -> None:
        self.reply(msg, "ok", seq=request_of(msg)[1], value=value)
