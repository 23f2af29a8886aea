"""What the clients have seen so far, as a number.

Two pasts are the same when every client did the same operations with the same results and each
operation began after the same others had ended: that is all a judge of histories looks at.
"""

from __future__ import annotations

from typing import Any

from dsviz.check.freezing import thaw
from dsviz.trace import Trace

Event = tuple[str, str, Any]  # (invoke, ok, fail or info; client; data)


class Pasts:
    """All pasts met in a search; number 0 is the one in which nothing happened."""

    def __init__(self, name: str, roles: dict[str, str]) -> None:
        self._name, self._roles = name, roles
        self._ids: dict[Any, int] = {(): 0}
        self._keys: list[dict[str, tuple]] = [{}]
        self._events: list[tuple[Event, ...]] = [()]
        self._after: dict[tuple[int, tuple[Event, ...]], int] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def after(self, past: int, events: tuple[Event, ...]) -> int:
        """Return the number of the past that these events, in a row, lead to."""
        number = self._after.get((past, events))
        if number is None:
            clients = dict(self._keys[past])
            for event in events:
                clients[event[1]] = _next(clients, event)
            key = tuple(sorted(clients.items()))
            number = self._ids.setdefault(key, len(self._keys))
            if number == len(self._keys):
                self._keys.append(clients)
                self._events.append((*self._events[past], *events))
            self._after[past, events] = number
        return number

    def trace(self, past: int) -> Trace:
        """Return a run with this past and nothing else: the clients' events, 10 ms apart."""
        rows = [
            (10.0 * number, number, what, client, None, thaw(data), None, -1)
            for number, (what, client, data) in enumerate(self._events[past])
        ]
        seen: dict[tuple, int] = {}
        for row in rows:  # number operations across clients, in the order in which they begin
            place = (row[3], row[5]["op"])
            row[5]["op"] = seen.setdefault(place, len(seen))
        return Trace(self._name, 0, 10.0 * len(rows) + 10.0, self._roles, (), rows)


def _next(clients: dict[str, tuple], event: Event) -> tuple:
    """Return what a client has done after one more event: (ended operations, the open one).

    Each operation carries how many operations of each client had ended when it began.
    """
    what, client, data = event
    done, open_ = clients.get(client, ((), ()))
    if what == "invoke":
        ended = tuple((name, _returned(state)) for name, state in sorted(clients.items()))
        return done, (data, tuple(pair for pair in ended if pair[1]))
    return (*done, (what, open_, data)), ()


def _returned(state: tuple) -> int:
    return sum(operation[0] != "info" for operation in state[0])
