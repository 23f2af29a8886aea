"""What Valkey servers of every arrangement have in common: their clients and operations.

All times are milliseconds (ms).
"""

from __future__ import annotations

import time
from typing import Any

from dsviz.engines.answers import Answer
from dsviz.engines.book import Book
from dsviz.engines.face import INSTALL
from dsviz.engines.live import Live
from dsviz.engines.outcome import NotDone, Unknown
from dsviz.engines.process import wait_until
from dsviz.engines.valkey_aof import ValkeyAof
from dsviz.engines.valkey_members import Client, binary, environment_problem
from dsviz.engines.valkey_verbs import ValkeyVerbs
from dsviz.engines.workspace import unsupported
from dsviz.errors import DsvizError

PROBE_MS = 1000  # how long a server may take over a question about itself


def available() -> str | None:
    """Return None when servers can be started here, else one sentence that says what to do."""
    return unsupported() or environment_problem(binary(), INSTALL)


class ValkeyServers(ValkeyAof, Live, ValkeyVerbs):
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
