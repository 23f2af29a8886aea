"""A consumer as a process: ``python -u kafka_consumer.py OPTIONS.json``.

It says what happens as JSON lines on its standard output, with the time of this machine's steady
clock in ms, and does what is appended as JSON lines to the file that its options name. A process of
its own, because only a process can stand still (SIGSTOP) with its heartbeats and everything.
It imports nothing of dsviz, so that it starts soon.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

WAIT_S = 0.1  # how long a poll waits for a whole batch, and a command for being seen


def say(what: str, **fields: Any) -> None:
    """Tell an event."""
    line = json.dumps({"what": what, "at": round(1000 * time.monotonic(), 3), **fields})
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Commands:
    """The lines that were appended to a file since the last look."""

    def __init__(self, path: str) -> None:
        self._file = open(path, encoding="utf-8")  # noqa: SIM115 (open as long as we live)

    def __iter__(self):
        while (line := self._file.readline()).endswith("\n"):
            yield json.loads(line)


class Worker:
    """Polls, works on each record, commits, and obeys."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.topic: str = options["topic"]
        self.owned: set[int] = set()
        self.positions: dict[int, int] = {}
        self.freeze_after: int | None = None
        self.running = True
        self.commands = Commands(options["commands"])
        self.consumer = Consumer(options["consumer"])
        self.consumer.subscribe(
            [self.topic], on_assign=self.on_assign, on_revoke=self.on_revoke, on_lost=self.on_lost
        )

    def run(self) -> None:
        """Work until told to leave."""
        say("ready")
        while self.running:
            self.obey()
            self.work(self.consumer.consume(self.options["poll_records"], WAIT_S))
        self.consumer.close()
        say("left")

    def work(self, batch: list) -> None:
        """Work on what a poll brought, and commit it when that is the rule."""
        done = 0
        for record in batch:
            if record.error():
                say("error", error=record.error().name())
            # A poll may give back what it had before the topic partition was taken away.
            elif record.partition() in self.owned:
                self.stop_if_told(done)
                time.sleep(self.options["work_ms"] / 1000)
                self.positions[record.partition()] = record.offset() + 1
                say("did", partition=record.partition(), offset=record.offset())
                done += 1
        if done and self.options["commit"] == "batch":
            self.commit("committed")

    def stop_if_told(self, done: int) -> None:
        """Stand still in the middle of a batch; afterwards, first do what was asked meanwhile."""
        if self.freeze_after is not None and done >= self.freeze_after:
            self.freeze_after = None
            os.kill(os.getpid(), signal.SIGSTOP)
            self.obey()

    def obey(self) -> None:
        """Do what was asked."""
        for command in self.commands:
            if command["do"] == "leave":
                self.running = False
            elif command["do"] == "freeze":
                self.freeze_after = command["after"]
            elif command["do"] == "commit":
                self.commit("answer", number=command["number"])

    def commit(self, what: str, **fields: Any) -> None:
        """Commit the positions that were reached, and tell what came of it."""
        owned = {p: at for p, at in self.positions.items() if p in self.owned}
        wanted = [TopicPartition(self.topic, p, at) for p, at in sorted(owned.items())]
        error = None
        try:
            found = self.consumer.commit(offsets=wanted, asynchronous=False) if wanted else []
            error = next((one.error.name() for one in found if one.error), None)
        except KafkaException as failure:
            error = failure.args[0].name()
        say(what, offsets=owned, error=error, **fields)

    def on_assign(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        """Take what the group gives."""
        new = sorted(part.partition for part in parts)
        self.owned |= set(new)
        self.positions = {p: at for p, at in self.positions.items() if p not in new}
        say("assigned", partitions=new)

    def on_revoke(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        """Give back what the group asks for."""
        self._gone("revoked", parts)

    def on_lost(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        """Learn that it is gone already."""
        self._gone("lost", parts)

    def _gone(self, what: str, parts: list[TopicPartition]) -> None:
        old = sorted(part.partition for part in parts)
        self.owned -= set(old)
        say(what, partitions=old)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        told = json.load(file)
    Worker(told).run()
