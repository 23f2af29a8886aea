"""What can be asked of PostgreSQL servers, real or recorded. All times are milliseconds (ms)."""

from __future__ import annotations

import re
from typing import Any

from dsviz.engines.answers import Answer
from dsviz.engines.face import Face, checked, checked_wait, stored_value, whole
from dsviz.errors import DsvizError

#: Statements that only look, so that a replay may answer them in any order.
LOOKS = re.compile(r"\s*(select|show|table|values|explain)\b", re.IGNORECASE)
CHANGES = re.compile(r"\b(pg_\w*(promote|rewind|pause|resume|switch|reload|terminate)|nextval)\b")
MOST_ROWS = 100_000


class PostgresVerbs(Face):
    """The calls a notebook makes; see `dsviz.engines.postgres.Postgres`."""

    engine, title = "postgres", "PostgreSQL"
    queries = Face.queries | {"query", "audit", "recovery", "wal", "test_fsync"}

    def put(self, key: str, value: str | int, via: str = "p", timeout_ms: float = 3000) -> Answer:
        """Write through member `via`; no answer within `timeout_ms` ms is an unknown outcome.

        One row a key in the table ``kv (key, value)``, each write a transaction. A number is stored
        as its digits. Raises DsvizError for a bad argument.
        """
        text, wait = stored_value(value), checked(key, timeout_ms)
        return self._ask("put", via, key=key, value=text, via=via, timeout_ms=wait)

    def get(self, key: str, via: str = "p", timeout_ms: float = 3000) -> Answer:
        """Read what member `via` holds; the answer's `value` is None when nothing is stored.

        A standby may be behind. Raises DsvizError for a bad argument.
        """
        return self._ask("get", via, key=key, via=via, timeout_ms=checked(key, timeout_ms))

    def sql(self, statement: str, via: str = "p", timeout_ms: float = 10_000) -> Answer:
        """Run a statement at member `via`; prints as a table, `value` is a list of rows.

        Whole numbers and truth values are Python's, everything else is text. Warnings of the server
        stand below the table. Raises DsvizError for an empty statement.
        """
        looks = LOOKS.match(_text("statement", statement)) and not CHANGES.search(statement.lower())
        verb, wait = "query" if looks else "execute", checked_wait(timeout_ms)
        return self._ask(verb, via, statement=statement, via=via, timeout_ms=wait)

    def sql_by(
        self, client: str, statement: str, via: str = "p", timeout_ms: float = 10_000
    ) -> Answer:
        """Run a statement as a client of that name, whose connection stays open; prints like `sql`.

        So ``begin`` opens a transaction that its next statements belong to, with the locks they
        take. When the server has closed the connection, the first call says so and does nothing.
        Raises DsvizError for an empty name or statement.
        """
        args = {"client": _text("client", client), "statement": _text("statement", statement)}
        return self._ask("sql_by", via, **args, via=via, timeout_ms=checked_wait(timeout_ms))

    def hang_up(self, client: str, via: str = "p") -> Answer:
        """Close a client's connection without a word, as the death of its process does."""
        return self._ask("hang_up", via, client=_text("client", client), via=via)

    def configure(self, member: str = "p", **settings: str | int) -> Answer:
        """Change settings of a running member, as in ``configure(synchronous_commit="off")``.

        They hold for the next statement on (ALTER SYSTEM and a reload); a restart keeps them.
        Raises DsvizError for none, and for one that needs a restart: give those to the class.
        """
        if not settings:
            raise DsvizError('name a setting, as in configure(synchronous_commit="off")')
        told = {name: str(value) for name, value in settings.items()}
        return self._ask("configure", member, member=member, settings=told)

    def load(
        self,
        rows: int = 1000,
        via: str = "p",
        clients: int = 1,
        kill_after: int | None = None,
        timeout_ms: float = 3000,
    ) -> Answer:
        """Insert numbers one by one, each a transaction, and count what was acknowledged.

        `rows` in all, by `clients` at once. With `kill_after`, member `via` is killed as soon as so
        many were acknowledged, while the clients go on. The answer's `acked`, `failed` and
        `in_doubt` are counts, `per_second` a rate; `audit` compares them with what is there later.
        """
        whole("rows", rows, 1, MOST_ROWS)
        whole("clients", clients, 1, 32)
        if kill_after is not None:
            whole("kill_after", kill_after, 1, rows)
        wait = checked_wait(timeout_ms)
        args = {"rows": rows, "via": via, "clients": clients, "kill_after": kill_after}
        return self._ask("load", via, **args, timeout_ms=wait)

    def audit(self, via: str = "p") -> Answer:
        """Compare what `load` was told with what member `via` holds.

        Counts: `acked`, `present`, `lost` (acknowledged and not there), `extra` (there without an
        acknowledgement: such an outcome was unknown). `prefix` tells whether what is there of the
        rows of one client is everything up to some point.
        """
        return self._ask("audit", via, via=via)

    def recovery(self, member: str = "p") -> Answer:
        """Tell how a member came up the last time, from its log: whether it had to redo its WAL.

        `start`, `end` are positions in the log as PostgreSQL writes them, `bytes` their distance.
        """
        return self._ask("recovery", member, member=member)

    def settle(self, timeout_ms: float = 30_000) -> Answer:
        """Wait until every running standby has applied what its primary has written.

        Raises DsvizError when one has not after `timeout_ms` ms.
        """
        return self._ask("settle", timeout_ms=checked_wait(timeout_ms))

    def promote(self, member: str) -> Answer:
        """Make a standby a primary (pg_promote). Nobody asks the old one, which goes on."""
        return self._ask("promote", member, member=member)

    def rewind(self, member: str, to: str) -> Answer:
        """Make a member that is down, or runs apart, a standby of `to`: pg_rewind, then start.

        What only this member had is thrown away. Raises DsvizError when pg_rewind cannot.
        """
        return self._ask("rewind", member, to, member=member, to=to)

    def wal(self, member: str = "p", tail: int = 10) -> Answer:
        """Return the last `tail` records of a member's write-ahead log (pg_waldump).

        `value` is a list of records, each with ``manager``, ``lsn``, ``bytes`` and ``what``.
        """
        whole("tail", tail, 1, 1000)
        return self._ask("wal", member, member=member, tail=tail)

    def test_fsync(self) -> Answer:
        """Measure how often a second this machine's disk keeps 8 kB (pg_test_fsync), 5 s long.

        `value` has a rate for each way to ask for it, by the name in ``wal_sync_method``. The text
        has the rates as well, so it differs from run to run.
        """
        return self._ask("test_fsync")

    @classmethod
    def words(cls, verb: str, args: dict[str, Any]) -> str:
        """Return a call in words, as its answer begins."""
        if verb == "put":
            return f"put {args['key']} = {args['value']} via {args['via']}"
        if verb == "get":
            return f"get {args['key']} via {args['via']}"
        if verb in ("query", "execute"):
            return f"{' '.join(args['statement'].split())} at {args['via']}"
        if verb == "sql_by":
            return f"{args['client']}: {' '.join(args['statement'].split())}"
        if verb == "hang_up":
            return f"{args['client']} hangs up"
        if verb == "configure":
            told = ", ".join(f"{name} = {value!r}" for name, value in args["settings"].items())
            return f"configure {args['member']}: {told}"
        if verb == "load":
            killed = args["kill_after"]
            end = "" if killed is None else f", killed after {killed} acknowledgements"
            return f"load {args['rows']} rows into {args['via']}{end}"
        if verb == "audit":
            return f"audit at {args['via']}"
        if verb == "rewind":
            return f"rewind {args['member']} to {args['to']}"
        return super().words(verb, args)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise DsvizError(f"{name}={value!r} must be a text that is not empty")
    return value
