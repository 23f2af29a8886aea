"""Valkey's append-only file (AOF): a damaged copy of it, opened by a server, checked and mended.

The file holds each write as the command that a client sent, in plain text and without a checksum
(https://valkey.io/topics/persistence/). All times are milliseconds (ms).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from dsviz.engines.answers import Answer
from dsviz.engines.book import Book
from dsviz.engines.live import PORT_TRIES, TAKEN
from dsviz.engines.outcome import NotDone, Unknown
from dsviz.engines.ports import free_ports
from dsviz.engines.process import Process, wait_until
from dsviz.engines.valkey_members import Client, binary, server
from dsviz.engines.workspace import Workspace
from dsviz.errors import DsvizError

FOLDER = "appendonlydir"
PROBE_MS = 1000
#: One number of `load`, as the file holds it: its length, then its digits.
ADDED = re.compile(rb"\*3\r\n\$(4)\r\nSADD\r\n\$4\r\nload\r\n\$\d+\r\n(\d+)\r\n")
SAID = {
    "whole": "every acknowledged row is there",
    "prefix": "the first rows are there, the rest is gone",
    "invented": "it starts, with a row that nobody wrote",
    "damaged": "rows are missing in the middle",
}


class ValkeyAof:
    """The calls on the append-only file of a member; see `dsviz.engines.valkey_verbs`."""

    _book: Book
    _processes: dict[str, Process]
    _settings: dict[str, str]
    _timeout_ms: float
    _workspace: Workspace

    def _synced(self, via: str, timeout_ms: int) -> Answer:
        # 0 replicas need to have it; to be asked for 0 local files is to be asked for no wait.
        asked = ("WAITAOF", "1", "0", str(timeout_ms)) if timeout_ms else ("WAITAOF", "0", "0", "0")
        words = f"synced at {via}"
        try:
            if not self._processes[via].alive:
                raise NotDone(f"{via} is not reachable")
            local, _ = self._client("client", via).ask(*asked, timeout_ms=timeout_ms + PROBE_MS)
        except NotDone as error:
            return Answer(f"{words}: {error}", "fail")
        except Unknown as error:
            return Answer(f"{words}: {error}, outcome unknown", "info")
        return Answer(f"{words}: {'yes' if local else 'not yet'}", "ok", bool(local))

    def _reopen(self, member: str, damage: str, load_truncated: bool, fix: bool) -> Answer:
        args = {"damage": damage, "load_truncated": load_truncated, "fix": fix}
        words = self.words("reopen", args)
        for _ in range(PORT_TRIES):
            found = self._reopened(member, **args)
            if not (isinstance(found, str) and any(one in found.lower() for one in TAKEN)):
                break
        if isinstance(found, str):
            nothing = {"present": 0, "lost": len(self._book.acked), "invented": []}
            value = nothing | {"state": "refused"}
            return Answer(f"{words}: it does not start ({found})", "fail", value)
        value = self._compared(found)
        return Answer(f"{words}: {SAID[value['state']]}", "ok", value)

    def _reopened(
        self, member: str, damage: str, load_truncated: bool, fix: bool
    ) -> set[str] | str:
        """Return the rows that a server on a damaged copy holds, or why it does not start."""
        with Workspace("valkey-aof") as place:
            (port,) = free_ports(1)
            told = {"appendonly": "yes", "aof-load-truncated": "yes" if load_truncated else "no"}
            process = server("copy", binary(), place, port, self._settings | told)
            self._copy(member, place.folder / "copy", damage)
            if fix:
                check(place.folder / "copy", fix=True)
            process.start()
            return self._held(process, port)

    def _check_aof(self, member: str, damage: str) -> Answer:
        words = self.words("check_aof", {"damage": damage})
        with Workspace("valkey-aof") as place:
            self._copy(member, place.folder / "copy", damage)
            good, size = check(place.folder / "copy")
        text = "valid" if good == size else "not valid up to its end"
        return Answer(f"{words}: {text}", "ok", {"good_bytes": good, "bytes": size})

    def _copy(self, member: str, to: Path, damage: str) -> None:
        source = self._workspace.folder / member / FOLDER
        if not source.is_dir():
            raise DsvizError(
                f"{member} keeps no append-only file: make it with settings={{'appendonly': 'yes'}}"
            )
        shutil.copytree(source, to / FOLDER)
        file = newest(to)
        file.write_bytes(damaged(file.read_bytes(), damage))

    def _held(self, process: Process, port: int) -> set[str] | str:
        """Return the rows that a server on a copy holds, or its last words when it ended."""
        client = Client(port, {})

        def loaded() -> bool:
            try:
                said = client.ask("INFO", "persistence", timeout_ms=PROBE_MS)
            except (NotDone, Unknown):
                return False
            return "\r\nloading:0\r\n" in said

        try:
            wait_until(loaded, [process], self._timeout_ms, "Valkey to load its file")
            return set(client.ask("SMEMBERS", "load", timeout_ms=PROBE_MS))
        except DsvizError:
            if process.alive:
                raise
            return first_sentence(process.last_words)
        finally:
            client.close()

    def _compared(self, found: set[str]) -> dict[str, Any]:
        sent = self._book.acked | self._book.failed | self._book.unknown
        invented = sorted(found - {str(n) for n in sent})
        told = self._book.audit("copy", {int(row) for row in found - set(invented)}).value
        kept = "prefix" if told["prefix"] else "damaged"
        state = "invented" if invented else kept if told["lost"] else "whole"
        lost = told["lost"]
        return {"present": len(found), "lost": lost, "invented": invented, "state": state}


def newest(folder: Path) -> Path:
    """Return the file that a server appends to. Raises DsvizError for none."""
    files = (folder / FOLDER).glob("*.incr.aof")
    numbered = {int(file.name.split(".")[-3]): file for file in files}
    if not numbered:
        raise DsvizError("nothing was appended to the file yet: load() some rows first")
    return numbered[max(numbered)]


def damaged(log: bytes, damage: str) -> bytes:
    """Return an append-only file with one thing wrong in it, at a place that is always the same.

    Raises DsvizError when no number of `load` is in it.
    """
    if not damage:
        return log
    added = list(ADDED.finditer(log))
    if not added:
        raise DsvizError("the append-only file holds no row: load() some first")
    if damage == "torn":
        return log[: (added[-1].start() + added[-1].end()) // 2]
    middle = added[len(added) // 2]
    # $4 becomes $5; a digit becomes a letter, so that no other row has this value.
    place, bit = (middle.start(1), 1) if damage == "length" else (middle.start(2), 0x40)
    return log[:place] + bytes([log[place] ^ bit]) + log[place + 1 :]


def check(folder: Path, fix: bool = False) -> tuple[int, int]:
    """Run valkey-check-aof on the newest file; return (bytes that are good, bytes).

    The server is that program too, by the name it is called. It is given the file that commands are
    appended to and not the manifest: Valkey 9.1 takes the other one, a snapshot, for commands.
    """
    words = ["valkey-check-aof", *(["--fix"] if fix else []), str(newest(folder))]
    told = {"input": "y\n", "capture_output": True, "text": True, "timeout": 60}
    run = subprocess.run(words, executable=binary(), **told)
    found = re.search(r"size=(\d+), ok_up_to=(\d+)", run.stdout)
    if found is None:
        raise DsvizError(f"valkey-check-aof did not check: {(run.stdout + run.stderr).strip()}")
    return int(found[2]), int(found[1])


def first_sentence(words: str) -> str:
    """Return what is wrong with a file by a log line, without its name and without advice."""
    return re.split(r" reading the append only file|[.:;] ", words)[0]
