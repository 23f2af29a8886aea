"""Truncation by high watermark, and by leader epoch: Kafka's KIP-101 (lesson 12).

A follower learns the high watermark one fetch late. Before KIP-101 it cut its log to the high
watermark it knew when it restarted; if the leader then failed, an acknowledged record was gone.
Since then it asks the leader how far their epochs agree, and cuts nothing that they share.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from dsviz.check.chaos import Schedule
from dsviz.check.verdict import Verdict
from dsviz.sim.faults import Crash, Fault, Restart
from dsviz.sim.network import Network
from dsviz.sim.node import Client, Node, Op
from dsviz.sim.scenario import Scenario
from dsviz.trace import Message, Trace


class Broker(Node):
    """One of two replicas. It leads while the controller says so, and appends under its epoch."""

    truncation = "leader epoch"  # or "high watermark"
    fetch_every = 20.0  # ms
    peer = ""

    shows = ("leads", "epoch", "records", "high_watermark")

    def on_start(self) -> None:
        self.leads = False
        self.epoch = 0
        self.records = [tuple(r) for r in self.disk.read("records", default=[])]  # (epoch, value)
        self.high_watermark = self.disk.read("high watermark", default=0)
        self.waiting: list[tuple[int, Message]] = []  # acknowledge when the watermark is there
        if self.truncation == "high watermark":
            self.cut(self.high_watermark)
        self.send("controller", "hello")

    def on_role(self, msg: Message) -> None:
        """The controller says who leads, in which epoch, and whether the other one is in sync."""
        self.epoch, self.leads, self.alone = msg.epoch, msg.leader == self.name, msg.alone
        self.agreed = self.leads or self.truncation == "high watermark"
        if self.leads:
            self.cancel_timer("fetch")
            self.raise_to(len(self.records) if self.alone else self.high_watermark)
        else:
            self.on_timer_fetch()

    def on_write(self, msg: Message) -> None:
        if not self.leads:
            self.reply(msg, "fail", reason="not leader")
            return
        self.keep([(self.epoch, msg.value)])
        self.waiting.append((len(self.records), msg))
        self.raise_to(len(self.records) if self.alone else self.high_watermark)

    def on_read(self, msg: Message) -> None:
        """Answer with the newest record that readers may see."""
        if not self.leads:
            self.reply(msg, "fail", reason="not leader")
            return
        seen = self.records[: self.high_watermark]
        self.reply(msg, "ok", value=seen[-1][1] if seen else None)

    def on_timer_fetch(self) -> None:
        epochs = [epoch for epoch, _ in self.records]
        kind = "fetch" if self.agreed else "epochs"
        self.send(self.peer, kind, offset=len(self.records), epochs=epochs)
        self.set_timer("fetch", self.fetch_every)

    def on_epochs(self, msg: Message) -> None:
        """Tell a follower how long the common beginning of both logs is."""
        pairs = zip(msg.epochs, (epoch for epoch, _ in self.records), strict=False)
        common = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
        shorter = min(len(msg.epochs), len(self.records))
        self.reply(msg, "agree", offset=shorter if common is None else common)

    def on_agree(self, msg: Message) -> None:
        self.cut(msg.offset)
        self.agreed = True

    def on_fetch(self, msg: Message) -> None:
        """A follower that asks for an offset has all that precedes it, on disk."""
        if self.leads:
            self.raise_to(max(self.high_watermark, min(msg.offset, len(self.records))))
            self.reply(msg, "fetched", offset=msg.offset, records=self.records[msg.offset :],
                       high_watermark=self.high_watermark)  # fmt: skip

    def on_fetched(self, msg: Message) -> None:
        if not self.leads and msg.offset == len(self.records):
            self.keep(msg.records)
            self.raise_to(min(msg.high_watermark, len(self.records)))

    def keep(self, records: Any) -> None:
        for record in records:
            self.records.append(tuple(record))
            self.disk.append("records", record)
        self.disk.sync()

    def cut(self, length: int) -> None:
        if length < len(self.records):
            del self.records[length:]
            self.disk.truncate("records", length)
            self.disk.sync()

    def raise_to(self, high_watermark: int) -> None:
        self.high_watermark = high_watermark
        self.disk.write("high watermark", high_watermark)
        ready = [msg for offset, msg in self.waiting if offset <= high_watermark]
        self.waiting = [pair for pair in self.waiting if pair[0] > high_watermark]
        for msg in ready:
            self.reply(msg, "ok")


class Controller(Node):
    """Names the leader: b1 at first, later whoever is left. It never fails here."""

    brokers = ("b1", "b2")
    shows = ("leader",)

    def on_start(self) -> None:
        self.leader, self.epoch, self.up = self.brokers[1], 1, ()

    def on_hello(self, msg: Message) -> None:
        self.up = (*(b for b in self.up if b != msg.src), msg.src)
        self.tell()

    def on_gone(self, msg: Message) -> None:
        """Somebody noticed that a broker is gone: the other one leads, in a new epoch."""
        self.up = tuple(b for b in self.up if b != msg.key)
        if self.leader == msg.key and self.up:
            self.leader, self.epoch = self.up[0], self.epoch + 1
        self.tell()
        self.reply(msg, "ok")

    def tell(self) -> None:
        alone = len(self.up) < len(self.brokers)
        self.broadcast(self.up, "role", leader=self.leader, epoch=self.epoch, alone=alone)


def nothing_acknowledged_is_lost(trace: Trace) -> Verdict:
    """Judge: every acknowledged record is in the log of the broker that leads in the end."""
    name, logs, leads = "nothing acknowledged is lost", {}, {}
    for _, seq, what, node, _, data, _, _ in trace.rows:
        if what == "state" and "records" in data:
            logs[node] = ([value for _, value in data["records"]], seq)
        if what == "state" and "leads" in data:
            leads[node] = data["leads"]
        if what == "crash":
            leads[node] = False
    leader = next((node for node, is_leader in leads.items() if is_leader), None)
    if leader is None:
        return Verdict(name, "undecided", "Nobody leads at the end of the run.")
    held, seq = logs[leader]
    for op in trace.history():
        if op.f == "write" and op.status == "ok" and op.value not in held:
            sentence = (
                f"The write of {op.value} was acknowledged at {op.return_ms:,.0f} ms, but "
                f"{leader}, which leads in the end, holds {held}."
            )
            return Verdict(name, "violated", sentence, trace.duration, (seq,), (op.id,))
    return Verdict(name, "ok", f"{leader} holds every acknowledged record.")


VARIANTS = {"correct": "leader epoch", "truncates to the high watermark": "high watermark"}


def kip101(variant: str = "correct", faults: tuple[Fault, ...] | None = None) -> Scenario:
    """Return KIP-101's first scenario: the follower b1 has m2, the leader b2 knows it and says so
    to the client, but b1 restarts before it hears of the new high watermark. Before it can fetch
    again b2 fails, and b1 leads."""
    kind = VARIANTS[variant]
    nodes: dict[str, Any] = {
        "controller": Controller(),
        "b1": Broker(peer="b2", truncation=kind),
        "b2": Broker(peer="b1", truncation=kind),
        "c1": Client(
            operations=(Op("write", "t", "m1", "b2", 50), Op("write", "t", "m2", "b2", 90))
        ),
        "monitor": Client(operations=(Op("gone", "b2", to="controller", at=127),)),
        "c2": Client(operations=(Op("read", "t", to="b1", at=300),)),
    }
    script = (Crash("b1", at=121.7), Restart("b1", at=121.8), Crash("b2", at=122.2),
              Restart("b2", at=400))  # fmt: skip
    checks = (nothing_acknowledged_is_lost,)
    return Scenario("KIP-101", nodes, 700, Network(0.5), script if faults is None else faults,
                    checks, sync_ms=0.5)  # fmt: skip


def without_script(seed: int, variant: str) -> Scenario:
    """Return `kip101` for a hunt, which makes up the faults by itself."""
    return kip101(variant, faults=())


#: What ``python -m dsviz hunt`` looks through.
HUNTS = {name: partial(without_script, variant=name) for name in VARIANTS}
SCHEDULE = Schedule(kinds=("Crash",), count=(2, 4), nodes=("b1", "b2"), until=0.4)
