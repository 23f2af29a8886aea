"""What can be asked of HAProxy and the servers behind it, real or recorded. Times are ms."""

from __future__ import annotations

from typing import Any

from dsviz.engines.answers import Answer
from dsviz.engines.face import Face, checked_wait, whole
from dsviz.errors import DsvizError, listed

#: How HAProxy can choose a server, by the name that `burst` takes.
BALANCES = {
    "roundrobin": "balance roundrobin",
    "leastconn": "balance leastconn",
    "random": "balance random(2)",
    "uri": "balance uri\n    hash-type consistent",
}
MOST_REQUESTS = 5000


class HaproxyVerbs(Face):
    """The calls a notebook makes; see `dsviz.engines.haproxy.Haproxy`."""

    engine, title = "haproxy", "HAProxy"
    queries = Face.queries | {"servers"}

    def burst(
        self,
        requests: int = 400,
        balance: str = "roundrobin",
        clients: int = 12,
        timeout_ms: float = 10_000,
    ) -> Answer:
        """Send requests through the balancer, `clients` at a time, and count who served them.

        The answer has `counts` (requests that each server served), `errors` (the rest, by what came
        instead), `took_ms`, `per_second`, and the latencies `p50_ms`, `p90_ms`, `p99_ms`. Raises
        DsvizError for a way to balance that is not set up.
        """
        if balance not in BALANCES:
            raise DsvizError(f"balance={balance!r} must be one of {listed(BALANCES)}")
        whole("requests", requests, 1, MOST_REQUESTS)
        whole("clients", clients, 1, 64)
        args = {"requests": requests, "balance": balance, "clients": clients}
        return self._ask("burst", **args, timeout_ms=checked_wait(timeout_ms))

    def fail(self, member: str, code: int = 500) -> Answer:
        """Have a server answer every request with an error of this code; 200 ends it.

        Its health check still says that all is well.
        """
        whole("code", code, 200, 599)
        return self._ask("fail", member, member=member, code=code)

    def settle(self, timeout_ms: float = 10_000) -> Answer:
        """Wait until the balancer sees every server as it is: up when it runs, else down.

        `took_ms` is how long that took. Raises DsvizError when it is not so after `timeout_ms` ms.
        """
        return self._ask("settle", timeout_ms=checked_wait(timeout_ms))

    def servers(self) -> Answer:
        """Return HAProxy's own numbers of each server, for each way to balance (``show stat``).

        `value` is a list of rows: ``balance``, ``server``, ``status``, ``total`` requests,
        ``errors`` of connections and responses, ``down`` (failed checks that took it out).
        """
        return self._ask("servers")

    @classmethod
    def words(cls, verb: str, args: dict[str, Any]) -> str:
        """Return a call in words, as its answer begins."""
        if verb == "burst":
            return f"{args['requests']} requests, {args['clients']} at a time, {args['balance']}"
        if verb == "fail":
            return f"{args['member']} answers {args['code']}"
        return super().words(verb, args)
