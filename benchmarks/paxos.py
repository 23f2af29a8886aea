"""Two clusters whose numbers of states other tools have published: Paxos and two-phase commit.

The counts are those of stateright's examples and of TLC (facts page, part 3.4): equal counts mean
that `exhaust` looks at the same states as they do, each once.
"""

from __future__ import annotations

from typing import Any

from dsviz.check.exhaust import Explored, exhaust
from dsviz.sim.node import Client, Node, Op
from dsviz.sim.scenario import Scenario
from dsviz.trace import Message

#: Different states by number of clients, or of resource managers.
PAXOS_STATES = {2: 16_668, 3: 1_194_428}
COMMIT_STATES = {3: 288, 5: 8_832, 7: 296_448}


class Acceptor(Node):
    """Single-decree Paxos: each server proposes what it is asked for, accepts and learns."""

    role = "server"

    def on_start(self) -> None:
        self.ballot: tuple[int, str] = (0, "s0")
        self.proposal: Any = None  # (client, its request, value)
        self.promises: dict[str, Any] = {}
        self.accepts: tuple[str, ...] = ()
        self.accepted: Any = None  # (ballot, proposal)
        self.decided = False

    def on_write(self, msg: Message) -> None:
        if self.decided or self.proposal is not None:
            return
        self.proposal = (msg.src, msg.id, msg.value)
        self.ballot = (self.ballot[0] + 1, self.name)
        self.promises = {self.name: self.accepted}
        self.broadcast(self.peers, "prepare", ballot=self.ballot)

    def on_read(self, msg: Message) -> None:
        if self.decided:
            self.reply(msg, "ok", value=self.accepted[1][2])

    def on_prepare(self, msg: Message) -> None:
        if not self.decided and self.ballot < msg.ballot:
            self.ballot = msg.ballot
            self.reply(msg, "promise", ballot=msg.ballot, accepted=self.accepted)

    def on_promise(self, msg: Message) -> None:
        if self.decided or msg.ballot != self.ballot:
            return
        self.promises[msg.src] = msg.accepted
        if len(self.promises) == 2:
            earlier = [accepted for accepted in self.promises.values() if accepted]
            self.proposal = max(earlier)[1] if earlier else self.proposal
            self.accepted = (self.ballot, self.proposal)
            self.accepts = (self.name,)
            self.broadcast(self.peers, "accept", ballot=self.ballot, proposal=self.proposal)

    def on_accept(self, msg: Message) -> None:
        if not self.decided and self.ballot <= msg.ballot:
            self.ballot = msg.ballot
            self.accepted = (msg.ballot, msg.proposal)
            self.reply(msg, "accepted", ballot=msg.ballot)

    def on_accepted(self, msg: Message) -> None:
        if self.decided or msg.ballot != self.ballot:
            return
        self.accepts = tuple(sorted({*self.accepts, msg.src}))
        if len(self.accepts) == 2:
            self.decided = True
            self.broadcast(self.peers, "decided", ballot=self.ballot, proposal=self.proposal)
            client, request, _ = self.proposal
            self.send(client, "written", request=request)

    def on_decided(self, msg: Message) -> None:
        if not self.decided:
            self.ballot = msg.ballot
            self.accepted = (msg.ballot, msg.proposal)
            self.decided = True


class Writer(Client):
    """A client whose write is answered by whichever server got it decided."""

    def on_written(self, msg: Message) -> None:
        if msg.request == self._request:
            self._end("ok", None)


def paxos(clients: int) -> Scenario:
    """Return three servers and clients that each write once and then read at the next server."""
    nodes: dict[str, Any] = {f"s{i}": Acceptor() for i in range(3)}
    for number in range(3, 3 + clients):
        write = Op("write", "x", "ABCDEF"[number - 3], f"s{number % 3}")
        nodes[f"c{number}"] = Writer(operations=(write, Op("read", "x", to=f"s{(number + 1) % 3}")))
    return Scenario(f"Paxos, {clients} clients", nodes, 1000.0)


class Manager(Node):
    """The transaction manager of two-phase commit; what it may decide are its timers."""

    def on_start(self) -> None:
        self.state = "waiting"
        self.prepared: tuple[str, ...] = ()
        self.all = tuple(name for name in self._kernel.roles if name != self.name)
        self.set_timer("abort", 1)

    def on_prepared(self, msg: Message) -> None:
        if self.state == "waiting":
            self.prepared = tuple(sorted({*self.prepared, msg.src}))
            if len(self.prepared) == len(self.all):
                self.set_timer("commit", 1)

    def on_timer_commit(self) -> None:
        self._decide("commit")

    def on_timer_abort(self) -> None:
        self._decide("abort")

    def _decide(self, what: str) -> None:
        self.state = what
        self.cancel_timer("commit")
        self.cancel_timer("abort")
        self.broadcast(self.all, what)


class Resource(Node):
    """A resource manager: it prepares or gives up when it likes, and then does as it is told."""

    def on_start(self) -> None:
        self.state = "working"
        self.set_timer("prepare", 1)
        self.set_timer("give_up", 1)

    def on_timer_prepare(self) -> None:
        self._become("prepared")
        self.send("tm", "prepared")

    def on_timer_give_up(self) -> None:
        self._become("abort")

    def on_commit(self, msg: Message) -> None:
        self._become("commit")

    def on_abort(self, msg: Message) -> None:
        self._become("abort")

    def _become(self, state: str) -> None:
        self.state = state
        self.cancel_timer("prepare")
        self.cancel_timer("give_up")


def commit(managers: int) -> Scenario:
    """Return a transaction manager and `managers` resource managers."""
    nodes: dict[str, Any] = {"tm": Manager()}
    nodes |= {f"r{i}": Resource() for i in range(managers)}
    return Scenario(f"two-phase commit, {managers} managers", nodes, 1000.0)


def search_paxos(clients: int) -> Explored:
    """Search all states of `paxos`; each history of the clients must be linearizable."""
    return exhaust(paxos(clients))


def search_commit(managers: int) -> Explored:
    """Search all states of `commit`; as in TLA+, a message once sent can always arrive."""

    def consistent(view: Any) -> bool:
        states = {node.state for node in view.of_role("resource").values()}
        return not {"commit", "abort"} <= states

    return exhaust(commit(managers), consistent, timers=None, duplicates=None)
