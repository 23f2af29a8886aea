"""Who leads whom among PostgreSQL servers, and what their logs tell. All times are ms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dsviz.engines.answers import Answer, Member, Status
from dsviz.engines.live import did, eventually
from dsviz.engines.postgres_members import position, redo_range
from dsviz.errors import DsvizError

if TYPE_CHECKING:
    from dsviz.engines.postgres_members import Server
    from dsviz.engines.postgres_wire import Rows

VIEW = """
select pg_is_in_recovery(),
       (select timeline_id from pg_control_checkpoint()),
       case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
       case when pg_is_in_recovery() then 0 else
            ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end,
       (select received_tli from pg_stat_wal_receiver where status = 'streaming')
"""
STREAMS = (
    "select application_name, sync_state, flush_lsn from pg_stat_replication "
    "where state = 'streaming'"
)
RECORD = re.compile(
    r"rmgr: (?P<manager>\S+)\s+len \(rec/tot\):\s*\d+/\s*(?P<bytes>\d+),.*?"
    r"lsn: (?P<lsn>\S+),.*?desc: (?P<what>.*)"
)
LOOK_BACK = 1 << 20  # bytes of the log that are searched for its last records


class Roles:
    """The part of `dsviz.engines.postgres.Postgres` that knows primaries from standbys."""

    members: tuple[str, ...]
    _upstream: dict[str, str]
    _server: dict[str, Server]
    _timeout_ms: float

    def _ask_member(self, member: str, sql: str) -> Rows | None:
        raise NotImplementedError

    def _status(self) -> Status:
        streams: dict[str, dict[str, str]] = {}
        for name in self.members:
            found = self._ask_member(name, STREAMS)
            streams[name] = {row[0]: row[1] for row in found.rows} if found else {}
        return Status(tuple(self._row(name, streams) for name in self.members))

    def _row(self, name: str, streams: dict[str, dict[str, str]]) -> Member:
        state, found = self._processes[name].state, self._ask_member(name, VIEW)
        if found is None:
            return Member(name, state)
        standby, saved, lsn, current, received = found.rows[0]
        index = position(lsn or "0/0")
        detail = {"lsn": lsn}
        if not standby:
            return Member(name, state, "primary", name, current, index, detail)
        upstream = self._upstream.get(name)
        sync = streams.get(upstream, {}).get(name)
        role = f"standby ({sync})" if sync else "standby (not streaming)"
        return Member(name, state, role, upstream, received or saved, index, detail)

    def _settle(self, timeout_ms: int) -> Answer:
        running = [n for n in self._upstream if self._processes[n].state == "running"]
        goals = {name: self._lsn(self._upstream[name]) for name in running}
        waiting = set(running)

        def done() -> bool:
            waiting.difference_update(n for n in running if self._has(n, goals[n]))
            return not waiting

        if not eventually(done, timeout_ms):
            raise DsvizError(
                f"{', '.join(sorted(waiting))} did not catch up within {timeout_ms} ms; "
                "heal() the links, resume() or start() the primary, or give a larger timeout_ms"
            )
        return Answer("settle: every standby has caught up", "ok")

    def _lsn(self, member: str) -> int:
        found = self._ask_member(member, VIEW)
        return position(found.rows[0][2]) if found and found.rows[0][2] else 1 << 63

    def _has(self, member: str, goal: int) -> bool:
        if goal == 1 << 63:  # its primary gave no answer yet
            goal = self._lsn(self._upstream[member])
        found = self._ask_member(member, VIEW)
        if not (found and found.rows[0][2] and position(found.rows[0][2]) >= goal):
            return False
        streams = self._ask_member(self._upstream[member], STREAMS)
        # Its primary must know, too: a commit that waits for this standby waits for its word.
        told = {row[0]: row[2] for row in streams.rows} if streams else {}
        return bool(told.get(member)) and position(told[member]) >= goal

    def _promote(self, member: str) -> Answer:
        found = self._ask_member(member, "select pg_is_in_recovery()")
        if not found or not found.rows[0][0]:
            return did("promote", member, False, "it is no standby that runs")
        self._ask_member(member, "select pg_promote(false)")

        def leads() -> bool:
            view = self._ask_member(member, "select pg_is_in_recovery()")
            return bool(view) and not view.rows[0][0]

        if not eventually(leads, self._timeout_ms):
            raise DsvizError(f"{member} was not promoted in time; look at logs({member!r})")
        self._upstream.pop(member, None)
        self._journal.note("state", member, {"role": "primary"})
        return did("promote", member, True)

    def _rewind(self, member: str, to: str) -> Answer:
        server = self._server[member]
        self._processes[member].resume()
        self._processes[member].stop(self._timeout_ms)
        self._note_deaths()
        if not (server.data / "standby.signal").exists():
            source = f"{self._conninfo(member, to)} dbname=postgres"
            where = ["--target-pgdata", server.data, "--source-server", source]
            # pg_rewind cannot look at a source that has not written its new timeline down.
            self._ask_member(to, "checkpoint")
            server.run("pg_rewind", *where, timeout_ms=self._timeout_ms)
        server.follow(self._conninfo(member, to))
        self._upstream[member] = to
        self._launch_again(member)
        self._note_start(member)
        self._journal.note("state", member, {"role": "standby"})
        return Answer(f"rewind {member} to {to}: ok", "ok")

    def _recovery(self, member: str) -> Answer:
        log = self._server[member].last_start()
        if "entering standby mode" in log:
            return Answer(f"{member} is a standby: it redoes the log of its primary", "ok")
        redo = redo_range(log)
        if redo is None:
            if "was interrupted" in log:
                return Answer(f"{member} was interrupted and had nothing to redo", "ok")
            return Answer(f"{member} had been shut down in order: nothing to redo", "ok")
        start, end = redo
        value = {"start": start, "end": end, "bytes": position(end) - position(start)}
        return Answer(f"{member} was interrupted and redid its log", "ok", value)

    def _wal(self, member: str, tail: int) -> Answer:
        found = self._ask_member(member, "select pg_current_wal_flush_lsn()")
        if not found:
            return Answer(f"wal {member}: it gives no answer", "fail")
        end = position(found.rows[0][0])
        segment = 16 << 20
        start = max(end - LOOK_BACK, end - end % segment)
        start += 0 if start % segment else 40  # the first bytes of a segment are its header
        server = self._server[member]
        words = ["-p", server.data / "pg_wal", "-s", _lsn(start), "-e", _lsn(end)]
        printed = server.run("pg_waldump", *words, timeout_ms=self._timeout_ms)
        records: list[dict[str, Any]] = []
        for line in printed.splitlines()[-tail:]:
            match = RECORD.search(line)
            if match:
                records.append(match.groupdict() | {"bytes": int(match["bytes"])})
        lines = [f"{r['manager']:<12}{r['bytes']:>6} bytes  {r['what'][:60]}" for r in records]
        return Answer("\n".join(lines), "ok", records)


def _lsn(place: int) -> str:
    return f"{place >> 32:X}/{place & 0xFFFFFFFF:X}"
