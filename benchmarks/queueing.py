"""The queueing workload, on our side: one desk, customers who give up after 10 ms of waiting.

M/M/1 with a load of 0.8 and reneging. A customer is the unit.
"""

from __future__ import annotations

from collections.abc import Callable

from dsviz.sim.node import Node
from dsviz.sim.scenario import Scenario
from dsviz.trace import Trace

ARRIVALS = 0.8  # a ms
SERVICES = 1.0  # a ms
PATIENCE = 10.0  # ms


class Desk(Node):
    """Serves one customer after the other; who has waited too long leaves."""

    def on_start(self) -> None:
        self.arrived = self.served = self.left = 0
        self.busy = False
        self.waiting: dict[int, None] = {}
        self.after = self.random.expovariate
        self.set_timer("arrival", self.after(ARRIVALS))

    def on_timer_arrival(self) -> None:
        self.arrived += 1
        if self.busy:
            self.waiting[self.arrived] = None
            self.set_timer("patience", PATIENCE, customer=self.arrived)
        else:
            self.serve()
        self.set_timer("arrival", self.after(ARRIVALS))

    def on_timer_patience(self, customer: int) -> None:
        del self.waiting[customer]
        self.left += 1

    def on_timer_service(self) -> None:
        self.served += 1
        self.busy = False
        if self.waiting:
            customer = next(iter(self.waiting))
            del self.waiting[customer]
            self.cancel_timer("patience", customer=customer)
            self.serve()

    def serve(self) -> None:
        self.busy = True
        self.set_timer("service", self.after(SERVICES))


def outcomes(trace: Trace) -> dict[str, int]:
    """Return how many customers arrived, were served and gave up."""
    names = [row[5] for row in trace.rows if row[2] == "timer"]
    return {name: names.count(name) for name in ("arrival", "service", "patience")}


def simulated(customers: int) -> Trace:
    """Run for about so many customers."""
    return Scenario("desk", {"desk": Desk()}, customers / ARRIVALS).run(1)


def run(customers: int) -> Callable[[], int]:
    """Run with everything recorded; return what counts the customers that arrived."""
    trace = simulated(customers)
    return lambda: outcomes(trace)["arrival"]
