"""What can be asked of an etcd cluster, real or recorded. All times are milliseconds (ms)."""

from __future__ import annotations

from typing import Any

from dsviz.engines.answers import Answer
from dsviz.engines.face import Face, checked, checked_wait, stored_value, whole
from dsviz.engines.journal import with_serializable
from dsviz.errors import DsvizError, listed
from dsviz.history import History

DAMAGES = {"torn": "half an entry at its end", "flip": "a bit flipped in its middle"}
MOST_ROWS = 10_000


class EtcdVerbs(Face):
    """The calls a notebook makes; see `dsviz.engines.etcd.EtcdCluster`."""

    engine = title = "etcd"
    queries = Face.queries | {"wal"}

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

    def load(
        self, rows: int = 100, via: str = "e1", clients: int = 1, timeout_ms: float = 3000
    ) -> Answer:
        """Write `rows` keys through member `via`, by `clients` at once, and count the answers.

        The answer's `acked`, `failed` and `in_doubt` are counts, `per_second` a rate.
        """
        whole("rows", rows, 1, MOST_ROWS)
        whole("clients", clients, 1, 32)
        args = {"rows": rows, "via": via, "clients": clients}
        return self._ask("load", via, **args, timeout_ms=checked_wait(timeout_ms))

    def wal(self, member: str = "e1") -> Answer:
        """Tell where a member's write-ahead log is, and how often it was synced.

        The answer's `segments` and `bytes` (that are used) are of its files. Of a member that runs,
        `syncs`, `sync_ms` (in all) and `slower_than_8_ms` (how many) are what its metric
        ``etcd_disk_wal_fsync_duration_seconds`` says.
        """
        return self._ask("wal", member, member=member)

    def damage(self, member: str, how: str) -> Answer:
        """Damage the write-ahead log of a member that does not run; there is no way back.

        `how` is ``torn`` (power fails while one more entry is written: half of it is there) or
        ``flip`` (a bit is flipped in the middle, in what was durable). Raises DsvizError for
        another word, and while the member runs.
        """
        if how not in DAMAGES:
            raise DsvizError(f"how={how!r} must be one of {listed(DAMAGES)}")
        return self._ask("damage", member, member=member, how=how)

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
        if verb == "load":
            by = f" by {args['clients']} clients" if args["clients"] > 1 else ""
            return f"load {args['rows']} keys via {args['via']}{by}"
        if verb == "wal":
            return f"log of {args['member']}"
        if verb == "damage":
            return f"damage {args['member']}'s log, {DAMAGES[args['how']]}"
        return super().words(verb, args)
