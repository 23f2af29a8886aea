"""One client's connection to PostgreSQL, with a deadline for every call. All times are ms.

libpq itself has no deadline for a statement. psycopg's `PGconn` gives its non-blocking calls, so a
deadline here is simply the end of the waiting: nothing is cancelled, and the outcome is unknown.
"""

from __future__ import annotations

import os
import re
import select
import socket
import time
from dataclasses import dataclass, field
from typing import Any

from dsviz.engines.outcome import NotDone, Unknown
from dsviz.engines.ports import HOST

# SQLSTATE classes after which nobody can tell: connection trouble, shutdown, "statement completion
# unknown" (https://www.postgresql.org/docs/18/errcodes-appendix.html).
UNKNOWN = re.compile("08|57P0|40003")
BOOL, WHOLE = {16}, {20, 21, 23, 26}  # the numbers of types whose text is made a Python value


@dataclass(frozen=True)
class Rows:
    """What a statement brought: column names, rows, its tag (``INSERT 0 1``), and warnings."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    tag: str = ""
    warnings: tuple[str, ...] = ()


@dataclass
class Wire:
    """A connection of a client called `name` to what listens on `port`; opened when needed.

    `ask` raises `NotDone` or `Unknown` when a statement has no success. When the connection is gone
    the next call opens another one; with `lasting` it says so once first, because a transaction may
    have gone with it.
    """

    name: str
    port: int
    settings: str = ""
    lasting: bool = False
    _conn: Any = None
    _warnings: list[str] = field(default_factory=list)

    def ask(self, sql: str, params: tuple = (), timeout_ms: float = 3000) -> Rows:
        """Run one statement (or, without `params`, several) in a transaction of its own."""
        deadline = time.monotonic() + timeout_ms / 1000
        self._warnings.clear()
        if self._conn is not None and self._hung_up():
            said = self._last_words()
            self.close()
            if self.lasting:
                raise NotDone(f"has no connection any more ({said})")
        if self._conn is None:
            self._open(deadline, timeout_ms)
        try:
            self._send(sql, params)
            return self._results(deadline, timeout_ms)
        except NotDone:
            raise
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hang up."""
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.finish()

    def break_off(self) -> bool:
        """Close the connection without a word, as the end of a process does; False for none."""
        if self._conn is None:
            return False
        with socket.socket(fileno=os.dup(self._conn.socket)) as line:
            line.shutdown(socket.SHUT_RDWR)
        self.close()
        return True

    def _last_words(self) -> str:
        """Return what the server said when it hung up: to an idle client it comes as a notice."""
        return self._warnings[-1] if self._warnings else "the server hung up"

    def _hung_up(self) -> bool:
        """Tell whether the server closed the idle connection, as one that ended has."""
        from psycopg import OperationalError
        from psycopg.pq import ConnStatus

        try:
            # Its last words come first, then the end.
            while select.select([self._conn.socket], [], [], 0)[0]:
                self._conn.consume_input()
                self._conn.is_busy()  # reads what came, and calls `_notice` with it
                if self._conn.status == ConnStatus.BAD:
                    return True
        except OperationalError:
            return True
        return False

    def _open(self, deadline: float, timeout_ms: float) -> None:
        from psycopg import pq

        told = {
            "host": HOST,
            "port": self.port,
            "user": "postgres",
            "dbname": "postgres",
            "application_name": self.name,
            "client_encoding": "utf8",
            "sslmode": "disable",
            "gssencmode": "disable",
            "options": self.settings,
        }
        words = " ".join(f"{key}='{value}'" for key, value in told.items())
        conn = pq.PGconn.connect_start(words.encode())
        conn.notice_handler = self._notice
        polling = pq.PollingStatus.WRITING
        while polling not in (pq.PollingStatus.OK, pq.PollingStatus.FAILED):
            writes = polling == pq.PollingStatus.WRITING
            if conn.status == pq.ConnStatus.BAD or not _ready(conn.socket, writes, deadline):
                break
            polling = conn.connect_poll()
        if polling == pq.PollingStatus.OK:
            conn.nonblocking = 1
            self._conn = conn
            return
        said = conn.error_message.decode(errors="replace").strip().splitlines()
        conn.finish()
        # No statement was sent, so this is a definite no, whatever the reason.
        if time.monotonic() >= deadline:
            raise NotDone(f"no connection within {timeout_ms:g} ms")
        raise NotDone(f"no connection ({_without_address(said[-1] if said else 'refused')})")

    def _send(self, sql: str, params: tuple) -> None:
        from psycopg import OperationalError

        try:
            if params:
                values = [None if p is None else str(p).encode() for p in params]
                self._conn.send_query_params(sql.encode(), values)
            else:
                self._conn.send_query(sql.encode())
        except OperationalError:
            raise Unknown("the connection broke") from None

    def _results(self, deadline: float, timeout_ms: float) -> Rows:
        last = Rows()
        refusal: Exception | None = None
        while (result := self._result(deadline, timeout_ms)) is not None:
            try:
                last = self._rows(result)
            except (NotDone, Unknown) as error:
                refusal = error
        if refusal is not None:
            raise refusal
        return last

    def _result(self, deadline: float, timeout_ms: float) -> Any:
        from psycopg import OperationalError

        try:
            flushed = self._conn.flush() == 0
            while self._conn.is_busy() or not flushed:
                if not _ready(self._conn.socket, not flushed, deadline):
                    raise Unknown(f"no answer within {timeout_ms:g} ms")
                self._conn.consume_input()
                flushed = flushed or self._conn.flush() == 0
            return self._conn.get_result()
        except OperationalError:
            raise Unknown("the connection broke") from None

    def _rows(self, result: Any) -> Rows:
        from psycopg.pq import DiagnosticField, ExecStatus

        if result.status in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK, ExecStatus.EMPTY_QUERY):
            columns = range(result.nfields)
            names = tuple(result.fname(c).decode() for c in columns)
            rows = tuple(
                tuple(_value(result.get_value(r, c), result.ftype(c)) for c in columns)
                for r in range(result.ntuples)
            )
            tag = (result.command_status or b"").decode()
            return Rows(names, rows, tag, tuple(self._warnings))
        state = (result.error_field(DiagnosticField.SQLSTATE) or b"08000").decode()
        said = (result.error_field(DiagnosticField.MESSAGE_PRIMARY) or b"").decode()
        if not said or UNKNOWN.match(state):
            raise Unknown(f'answered "{said}"' if said else "the connection broke")
        raise NotDone(f'answered "{said}"')

    def _notice(self, result: Any) -> None:
        from psycopg.pq import DiagnosticField

        fields = (DiagnosticField.MESSAGE_PRIMARY, DiagnosticField.MESSAGE_DETAIL)
        words = [(result.error_field(one) or b"").decode() for one in fields]
        self._warnings.append(": ".join(word for word in words if word))


def _ready(line: int, writes: bool, deadline: float) -> bool:
    """Wait for the socket until the deadline; False when it came first."""
    wait = deadline - time.monotonic()
    if wait <= 0:
        return False
    read, write, _ = select.select([line], [line] if writes else [], [], wait)
    return bool(read or write)


def _value(text: bytes | None, kind: int) -> Any:
    if text is None:
        return None
    if kind in WHOLE:
        return int(text)
    return text == b"t" if kind in BOOL else text.decode()


def _without_address(said: str) -> str:
    """Return a message of libpq without the address it begins with, which differs every time."""
    return re.sub(r"^connection to server .*? failed: ", "", said).removeprefix("FATAL:  ")
