"""A consumer of a group as we see it: its process, what it said, what it is told. Times are ms."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsviz.engines.process import Process


@dataclass
class Member:
    """A consumer of a group: its process, and where it is told what to do."""

    name: str
    group: str
    topic: str
    static: bool
    commits: bool  # its position, after each batch
    process: Process
    commands: Path
    _events: list[dict[str, Any]] = field(default_factory=list)
    _read: int = 0
    _asked: int = 0

    def tell(self, **command: Any) -> None:
        """Have it do something as soon as it can."""
        with open(self.commands, "a", encoding="utf-8") as file:
            file.write(json.dumps(command) + "\n")

    def ask_commit(self) -> int:
        """Have it commit; return the number of its answer."""
        self._asked += 1
        self.tell(do="commit", number=self._asked)
        return self._asked

    def events(self) -> list[dict[str, Any]]:
        """Return everything it has said so far."""
        with open(self.process.log_file, "rb") as log:
            log.seek(self._read)
            new = log.read()
        end = new.rfind(b"\n") + 1
        self._read += end
        lines = (line for line in new[:end].decode().splitlines() if line.startswith("{"))
        self._events += [{**json.loads(line), "consumer": self.name} for line in lines]
        return self._events

    def answer(self, number: int) -> dict[str, Any] | None:
        """Return what came of a commit that was asked for, None while nothing did."""
        found = (e for e in self.events() if e["what"] == "answer" and e["number"] == number)
        return next(found, None)

    def is_done(self) -> bool:
        """Whether it has committed what it has done, if it is one that does."""
        said = [e["what"] for e in self.events() if e["what"] in ("did", "committed")]
        return not self.commits or not said or said[-1] == "committed"

    def owned(self) -> list[int]:
        """Return the topic partitions that it believes to have."""
        held: set[int] = set()
        for event in self.events():
            if event["what"] == "assigned":
                held |= set(event["partitions"])
            elif event["what"] in ("revoked", "lost"):
                held -= set(event["partitions"])
        return sorted(held)
