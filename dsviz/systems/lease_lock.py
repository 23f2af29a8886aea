"""A lock with a lease, and the fencing token that it needs (Kleppmann, "How to do distributed
locking", 2016; lesson 03).

A holder that is paused after it got the lock goes on writing when its lease is over: only the
storage can refuse it, by the number of the lock.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from dsviz.check.chaos import Schedule
from dsviz.check.verdict import Verdict
from dsviz.sim.faults import Fault, Pause
from dsviz.sim.network import Network
from dsviz.sim.node import Node
from dsviz.sim.scenario import Scenario
from dsviz.trace import Message, Trace


class LockService(Node):
    """Grants the lock for a while; each grant has a higher token than the one before."""

    role = "lock service"
    lease = 100.0  # ms
    shows = ("holder", "token")

    def on_start(self) -> None:
        self.holder: str | None = None
        self.token = self.disk.read("token", default=0)
        if self.token:  # it may have been granted just before the restart
            self.holder = "?"
            self.set_timer("expire", self.lease)

    def on_acquire(self, msg: Message) -> None:
        if self.holder is not None:
            self.reply(msg, "busy")
            return
        self.holder, self.token = msg.src, self.token + 1
        self.disk.write("token", self.token)
        self.disk.sync()
        self.set_timer("expire", self.lease)
        self.reply(msg, "granted", token=self.token)

    def on_timer_expire(self) -> None:
        self.holder = None


class Storage(Node):
    """Takes writes; with `fencing`, none under an older token than it has seen."""

    fencing = True
    shows = ("writer", "newest")

    def on_start(self) -> None:
        self.newest = self.disk.read("newest", default=0)
        self.writer: tuple[str, int] | None = None  # the last write taken, and its token

    def on_write(self, msg: Message) -> None:
        if self.fencing and msg.token < self.newest:
            self.reply(msg, "fenced", newest=self.newest)
            return
        self.newest = max(self.newest, msg.token)
        self.disk.write("newest", self.newest)
        self.disk.sync()
        self.writer = (msg.src, msg.token)
        self.reply(msg, "written")


class Holder(Node):
    """Gets the lock, works for a while, and writes under its token."""

    start = 0.0  # ms
    work = 40.0  # ms between getting the lock and writing: it believes that is within its lease
    shows = ("doing",)

    def on_start(self) -> None:
        self.doing = "waits"
        self.set_timer("ask", self.start)

    def on_timer_ask(self) -> None:
        self.send("lock", "acquire")
        self.set_timer("ask", 20.0)

    def on_busy(self, msg: Message) -> None:
        """It asks again soon."""

    def on_granted(self, msg: Message) -> None:
        self.cancel_timer("ask")
        self.doing, self.token = "has the lock", msg.token
        self.set_timer("write", self.work)

    def on_timer_write(self) -> None:
        self.doing = "writes"
        self.send("storage", "write", token=self.token)

    def on_written(self, msg: Message) -> None:
        self.doing = "is done"

    def on_fenced(self, msg: Message) -> None:
        self.doing = "was too late"


def no_write_under_an_old_lock(trace: Trace) -> Verdict:
    """Judge: the storage takes no write under an older token after one under a newer token."""
    name, newest = "no write under an old lock", ("", 0, -1)
    for time, seq, what, _, _, data, _, _ in trace.rows:
        if what != "state" or not data.get("writer"):
            continue
        writer, token = data["writer"]
        if token < newest[1]:
            sentence = (
                f"{writer} wrote under token {token} after {newest[0]} had written under token "
                f"{newest[1]}: both believed that they held the lock."
            )
            return Verdict(name, "violated", sentence, time, (newest[2], seq))
        newest = (writer, token, seq)
    return Verdict(name, "ok", "Writes were taken in the order in which the lock was granted.")


VARIANTS = {"correct": True, "no fencing token": False}


def paused_holder(variant: str = "correct", faults: tuple[Fault, ...] | None = None) -> Scenario:
    """Return two that want the lock; h1 stands still for 300 ms with the lock in its hand."""
    nodes: dict[str, Any] = {
        "lock": LockService(),
        "storage": Storage(fencing=VARIANTS[variant]),
        "h1": Holder(),
        "h2": Holder(start=30.0),
    }
    script = (Pause("h1", at=20, duration=300),) if faults is None else faults
    checks = (no_write_under_an_old_lock,)
    return Scenario("a lock and a pause", nodes, 1000, Network("lan"), script, checks)


def without_script(seed: int, variant: str) -> Scenario:
    """Return `paused_holder` for a hunt, which makes up the faults by itself."""
    return paused_holder(variant, faults=())


#: What ``python -m dsviz hunt`` looks through.
HUNTS = {name: partial(without_script, variant=name) for name in VARIANTS}
SCHEDULE = Schedule()
