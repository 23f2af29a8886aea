"""How to run a program that refuses to run as root, without being told a second user. PostgreSQL.

An ordinary user just runs it. Root runs it in a user namespace, where the same files are owned by
``nobody``; where a container forbids namespaces, as the real ``nobody``, if that user can reach it.
"""

from __future__ import annotations

import functools
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dsviz.engines.process import as_user

NOBODY = "nobody"


@dataclass(frozen=True)
class Runner:
    """What to put before a command, and the user number to run it as (None: as we are)."""

    prefix: tuple[str, ...] = ()
    user: int | None = None

    def command(self, *words: str | Path) -> list[str]:
        """Return the command line that runs these words."""
        return [*self.prefix, *map(str, words)]

    def run(self, *words: str | Path, cwd: Path, timeout_ms: float) -> subprocess.CompletedProcess:
        """Run a command to its end and return it with its output as text, both streams in one.

        Raises OSError or subprocess.SubprocessError when it cannot start or takes longer.
        """
        return subprocess.run(
            self.command(*words),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_ms / 1000,
            **as_user(self.user),
        )

    def give(self, folder: Path) -> None:
        """Let the user of this runner write into a folder and reach it."""
        if self.user is not None:
            os.chown(folder, self.user, self.user)
            folder.parent.chmod(0o711)


@functools.cache
def runner_for(probe: str, uid: int) -> Runner | None:
    """Return how user `uid` can run programs like `probe`, which answers --version; None: not."""
    ways = [Runner()]
    if uid == 0:
        ways = []
        unshare = shutil.which("unshare")
        try:
            nobody = pwd.getpwnam(NOBODY).pw_uid
        except KeyError:
            return None
        if unshare:
            # A user without an entry in the list of users would be refused by initdb.
            maps = [f"--map-user={nobody}", f"--map-group={nobody}"]
            ways.append(Runner((unshare, "--user", *maps, "--")))
        ways.append(Runner(user=nobody))
    return next((way for way in ways if _works(way, probe)), None)


def _works(way: Runner, probe: str) -> bool:
    try:
        run = way.run(probe, "--version", cwd=Path("/"), timeout_ms=60_000)
    except (OSError, subprocess.SubprocessError):
        return False
    return run.returncode == 0
