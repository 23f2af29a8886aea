"""Keeps the books of a load: which numbers clients had acknowledged, and what is there later.

The numbers of all loads of one engine are different, so that one audit covers them all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from dsviz.engines.answers import Answer
from dsviz.engines.journal import CLIENT, Journal
from dsviz.engines.outcome import NotDone, Unknown

TRACED = 200  # a load of at most so many is in the trace one by one; a longer one is one line


class Book:
    """Numbers by what their client was told: `acked`, `failed` (not done) or `unknown`."""

    def __init__(self) -> None:
        self.acked: set[int] = set()
        self.failed: set[int] = set()
        self.unknown: set[int] = set()
        self._order: list[list[int]] = []  # what each client of each load sent, in its order
        self._next = 1
        self._lock = threading.Lock()

    def run(
        self,
        rows: int,
        clients: int,
        insert: Callable[[int, int], Any],
        kill: tuple[int, Callable[[], Any]] | None,
        journal: Journal,
        via: str,
        go_on: bool = False,
    ) -> dict[str, Any]:
        """Have `clients` insert `rows` numbers by ``insert(client, number)``; return the counts.

        `kill` is (after how many acknowledgements, what to do then). A client ends with its first
        number that was not acknowledged, unless told to `go_on`. Counts: acked, failed, in_doubt,
        took_ms, per_second.
        """
        before = [len(group) for group in (self.acked, self.failed, self.unknown)]
        numbers = range(self._next, self._next + rows)
        self._next += rows
        goal, act = kill or (-1, lambda: None)
        goal += before[0]
        errors: list[BaseException] = []

        def client(number: int) -> None:
            sent: list[int] = []
            self._order.append(sent)
            try:
                for n in numbers[number::clients]:
                    sent.append(n)
                    noted = journal if rows <= TRACED else None
                    if not self._one(number, n, insert, noted, via) and not go_on:
                        return
                    if kill and len(self.acked) >= goal:
                        act()
            except BaseException as error:
                errors.append(error)

        began = time.monotonic()
        threads = [threading.Thread(target=client, args=(c,), daemon=True) for c in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = 1000 * (time.monotonic() - began)
        if errors:
            raise errors[0]
        after = [len(group) for group in (self.acked, self.failed, self.unknown)]
        acked, failed, unknown = (b - a for a, b in zip(before, after, strict=True))
        rate = round(1000 * acked / took)
        journal.note("log", CLIENT, f"load at {via}: {acked} acknowledged, {unknown} unknown")
        names = ("acked", "failed", "in_doubt", "took_ms", "per_second")
        return dict(zip(names, (acked, failed, unknown, round(took, 3), rate), strict=True))

    def _one(
        self,
        number: int,
        n: int,
        insert: Callable[[int, int], Any],
        journal: Journal | None,
        via: str,
    ) -> bool:
        op = journal.invoke("insert", "load", n, via, f"client {number}") if journal else None
        try:
            insert(number, n)
            group, status = self.acked, "ok"
        except NotDone:
            group, status = self.failed, "fail"
        except Unknown:
            group, status = self.unknown, "info"
        with self._lock:
            group.add(n)
        if journal:
            journal.complete(op, status, None)
        return status == "ok"

    def audit(self, via: str, present: set[int]) -> Answer:
        """Compare the numbers that are there with what the clients were told."""
        lost, extra = len(self.acked - present), len(present - self.acked)
        sent = [n for one in self._order for n in one]
        prefix = all(_is_prefix(one, present) for one in self._order) and present <= set(sent)
        said = "no acknowledged row is lost" if not lost else "acknowledged rows are LOST"
        value = {
            "acked": len(self.acked),
            "present": len(present),
            "lost": lost,
            "extra": extra,
            "prefix": prefix,
        }
        return Answer(f"audit at {via}: {said}", "ok", value)


def _is_prefix(sent: list[int], present: set[int]) -> bool:
    there = [n in present for n in sent]
    return there == sorted(there, reverse=True)
