"""What can be asked of an etcd cluster, real or recorded. All times are milliseconds (ms)."""

from __future__ import annotations

from typing import Any

from dsviz.engines.answers import Answer
from dsviz.engines.face import Face, checked, checked_wait, stored_value
from dsviz.engines.journal import with_serializable
from dsviz.history import History


class EtcdVerbs(Face):
    """The calls a notebook makes; see `dsviz.engines.etcd.EtcdCluster`."""

    engine = title = "etcd"

    def put(self, key: str, value: str | int, via: str = "e1", timeout_ms: float = 3000) -> Answer:
        """Write through member `via`; no answer within `timeout_ms` ms is an unknown outcome.

        A number is stored as its digits: etcd keeps bytes. Raises DsvizError for a bad argument.
        """
        text, wait = stored_value(value), checked(key, timeout_ms)
        return self._ask("put", via, key=key, value=text, via=via, timeout_ms=wait)

    def get(
        self, key: str, via: str = "e1", serializable: bool = False, timeout_ms: float = 3000
    ) -> Answer:
        """Read through member `via`; the answer's `value` is None when nothing is stored.

        The read is linearizable and needs a majority; `serializable=True` reads what this member
        happens to hold, which may be stale. Raises DsvizError for a bad argument.
        """
        wait, local = checked(key, timeout_ms), bool(serializable)
        return self._ask("get", via, key=key, via=via, serializable=local, timeout_ms=wait)

    def settle(self, timeout_ms: float = 30_000) -> Answer:
        """Wait until the majority that is connected has one leader and serves through it.

        Raises DsvizError when there is none after `timeout_ms` ms.
        """
        return self._ask("settle", timeout_ms=checked_wait(timeout_ms))

    def history(self, serializable: str = "apart") -> History:
        """Return what the client saw, in operations ``write``, ``read`` and ``serializable read``.

        For a judge, `serializable` leaves the last kind ``out`` or names it ``read``. Raises
        DsvizError for another word than these and ``apart``.
        """
        return with_serializable(self.trace().history(), serializable)

    @classmethod
    def words(cls, verb: str, args: dict[str, Any]) -> str:
        """Return a call in words, as its answer begins."""
        if verb == "put":
            return f"put {args['key']} = {args['value']} via {args['via']}"
        if verb == "get":
            local = ", serializable" if args["serializable"] else ""
            return f"get {args['key']} via {args['via']}{local}"
        return super().words(verb, args)
