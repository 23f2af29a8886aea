"""A client that does not wait: the other kind of load."""

from __future__ import annotations

from typing import Any

from dsviz.sim.node import Client, Op
from dsviz.trace import Message


class OpenLoop(Client):
    """Begins each operation at its time, whether or not earlier ones have been answered.

    As users do who do not know of each other: a slow server does not slow them down, and what
    waits grows. (A `Client` waits for its answer before it goes on: a closed loop.) An operation
    without a time begins together with the one before it. A subclass that makes them as it goes
    overrides `next_operation`; drawn times (`self.random.expovariate`) make a Poisson process.
    """

    shows = ("open",)

    def on_start(self) -> None:
        self._asked: dict[int, tuple[int, Op]] = {}  # by the id of the message
        super().on_start()

    @property
    def open(self) -> int:
        """How many operations wait for their answers."""
        return len(self._asked)

    def on_timer_begin(self) -> None:
        op = self._current
        assert op is not None
        number = self._kernel.next_operation_number()
        record = {"op": number, "f": op.f, "key": op.key, "value": op.value, "to": op.to}
        self._kernel.effect(self._slot, "invoke", record)
        request = self._post(op.to, op.f, {"key": op.key, "value": op.value}, None)
        self._asked[request] = (number, op)
        self.set_timer("timeout", self.timeout, request=request)
        self._after(0.0)

    def on_timer_timeout(self, request: int) -> None:
        self._finish(request, "info", None)

    def on_ok(self, msg: Message) -> None:
        self._finish(msg.re, "ok", getattr(msg, "value", None))

    def on_fail(self, msg: Message) -> None:
        self._finish(msg.re, "fail", getattr(msg, "reason", None))

    def _finish(self, request: int | None, status: str, result: Any) -> None:
        asked = self._asked.pop(request, None) if request is not None else None
        if asked is None:
            return  # answered before, or given up
        number, op = asked
        self.cancel_timer("timeout", request=request)
        self._kernel.effect(self._slot, status, {"op": number, "result": result})
        self.operation_ended(op, status, result)
