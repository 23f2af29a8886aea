"""SQLite's write-ahead log: write, kill, damage the files, open them again, count the rows.

::

    from dsviz.engines import sqlite
    log = sqlite.write(rows=1000)             # one transaction a row, then SIGKILL
    log.reopen()                              # every row is there
    log.reopen(cut=1)                         # a torn tail: the last transaction is gone
    log.reopen(flip=log.size // 2)            # a flipped bit: a prefix is left
    log.reopen(wal=False)                     # the log is deleted

SQLite comes with Python. A kill is no power loss: what the process gave to the operating system
stays, so every `synchronous` keeps every row; what a power loss can do is shown by damaging a copy.
Every WAL frame holds two checksums over all frames before it, so recovery stops at the first frame
that is not whole (https://www.sqlite.org/fileformat2.html, section 4). All times are ms.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dsviz.engines.answers import Answer
from dsviz.engines.face import whole
from dsviz.engines.workspace import Workspace, send_signal
from dsviz.errors import DsvizError

version = sqlite3.sqlite_version
# Bytes before the first frame of a log, and before the page in each frame.
HEADER, FRAME_HEADER = 32, 24
LEVELS = ("FULL", "NORMAL", "OFF")
JOURNALS = ("WAL", "DELETE")
MOST_ROWS = 200_000
FILES = "files"  # the folder of the database, in the workspace
# Inserts in a process of its own, so that it can be killed. It ends by itself when nobody reads its
# acknowledgements any more: then this Python is gone.
WRITER = """
import os, sqlite3, sys
path, journal, level, rows = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
db = sqlite3.connect(path, isolation_level=None)
db.execute("pragma journal_mode = " + journal)
db.execute("pragma synchronous = " + level)
db.execute("pragma wal_autocheckpoint = 0")
db.execute("create table load (n integer primary key, word text)")
os.write(1, b"0\\n")
for n in range(1, rows + 1):
    db.execute("insert into load values (?, ?)", (n, "row %d" % n))
    os.write(1, b"%d\\n" % n)
sys.stdin.read()
"""


def available() -> None:
    """Return None: SQLite comes with Python."""


def write(
    rows: int = 1000,
    synchronous: str = "FULL",
    journal: str = "WAL",
    kill_after: int | None = None,
    timeout_ms: float = 60_000,
) -> SqliteLog:
    """Insert `rows` rows, each a transaction, and kill the writer; return what it left.

    With `kill_after` it is killed as soon as so many rows were acknowledged, in mid-load. No
    checkpoint is made, so every transaction is in the log. Raises DsvizError for a bad argument,
    and when the writer takes longer than `timeout_ms` ms.
    """
    last = rows if kill_after is None else kill_after
    if not isinstance(rows, int) or not 1 <= rows <= MOST_ROWS:
        raise DsvizError(f"rows={rows!r} must be a whole number from 1 to {MOST_ROWS}")
    if not isinstance(last, int) or not 1 <= last <= rows:
        raise DsvizError(f"kill_after={kill_after!r} must be a whole number from 1 to {rows}")
    level, kind = _one_of("synchronous", synchronous, LEVELS), _one_of("journal", journal, JOURNALS)
    workspace = Workspace("sqlite")
    try:
        acked, took = _run_writer(workspace, (kind, level, str(rows)), last, timeout_ms)
    except BaseException:
        workspace.close()
        raise
    return SqliteLog(workspace, acked, took, f"{kind}, synchronous = {level}")


def syncs(rows: int = 100, synchronous: str = "FULL", timeout_ms: float = 60_000) -> int | None:
    """Return how often SQLite asks the disk to keep what it wrote, for `rows` transactions.

    Counted by strace; None where that is missing or may not look at other processes. Raises
    DsvizError for a bad argument.
    """
    program, level = shutil.which("strace"), _one_of("synchronous", synchronous, LEVELS)
    whole("rows", rows, 1, MOST_ROWS)
    if program is None:
        return None
    with Workspace("sqlite") as place:
        seen = place.folder / "calls"
        trace = [program, "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(seen)]
        child = subprocess.Popen(
            [*trace, *_writing(place.folder / "db", "WAL", level, str(rows))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        place.adopt(child)
        try:
            failed = child.wait(timeout_ms / 1000)
        except subprocess.TimeoutExpired:
            raise DsvizError(
                f"SQLite's writer took longer than {timeout_ms:g} ms; give fewer rows"
            ) from None
        place.release(child)
        return None if failed else seen.read_text(encoding="utf-8").count("sync(")


def _one_of(name: str, value: str, words: tuple[str, ...]) -> str:
    if str(value).upper() not in words:
        raise DsvizError(f"{name}={value!r} must be one of {', '.join(words)}")
    return str(value).upper()


def _writing(path: Path, *told: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", WRITER, str(path), *told]


def _run_writer(
    workspace: Workspace, told: tuple[str, str, str], last: int, timeout_ms: float
) -> tuple[int, float]:
    """Run the writer until `last` rows are acknowledged, kill it, and return (rows acked, ms)."""
    path = workspace.folder / FILES / "db"
    path.parent.mkdir()
    writer = subprocess.Popen(
        _writing(path, *told),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    workspace.adopt(writer)
    deadline, began, heard = time.monotonic() + timeout_ms / 1000, 0.0, b""
    try:
        while _acked(heard) < last and time.monotonic() < deadline:
            chunk = os.read(writer.stdout.fileno(), 1 << 16)
            if not chunk:
                break
            began = began or time.monotonic()
            heard = heard[heard.rfind(b"\n", 0, -1) + 1 :] + chunk
        took = 1000 * (time.monotonic() - began)
    finally:
        send_signal(writer, signal.SIGKILL)
        workspace.release(writer)
        rest, said = writer.communicate()
    acked = _acked(heard + rest)  # what it had said when it was killed counts as well
    if acked < 0:
        words = said.decode(errors="replace").strip().splitlines() or ["nothing"]
        raise DsvizError(f"SQLite's writer did not start; mend what it says: {words[-1]}")
    if acked < last:
        raise DsvizError(
            f"SQLite's writer had {acked} of {last} rows after {timeout_ms:g} ms; "
            "give fewer rows or a larger timeout_ms"
        )
    return acked, took


def _acked(heard: bytes) -> int:
    """Return the last whole number that the writer said, -1 for none."""
    lines = heard[: heard.rfind(b"\n") + 1].split()
    return int(lines[-1]) if lines else -1


class SqliteLog:
    """The files that a killed writer left; `reopen` looks at copies, so these never change.

    `acked` rows were acknowledged, `per_second` is the rate. `size` and `frames` tell how long the
    log is; `frame_size` is in bytes. `folder` is gone with this object, or after `close`.
    """

    def __init__(self, workspace: Workspace, acked: int, took_ms: float, how: str) -> None:
        self._workspace = workspace
        self.folder = workspace.folder / FILES
        self.acked = acked
        self.took_ms = round(took_ms, 3)
        self.per_second = round(1000 * acked / took_ms) if took_ms else 0
        self.how = how
        wal = self.folder / "db-wal"
        self.size = wal.stat().st_size if wal.exists() else 0
        with open(wal if wal.exists() else os.devnull, "rb") as file:
            # Bytes 8 to 11 of the log's header are the size of a page.
            self.frame_size = FRAME_HEADER + (int.from_bytes(file.read(12)[8:]) or 4096)
        self.frames = max(0, self.size - HEADER) // self.frame_size

    def __repr__(self) -> str:
        return f"SQLite {version}, {self.how}"

    def close(self) -> None:
        """Remove the files."""
        self._workspace.close()

    def reopen(self, cut: int = 0, flip: int | None = None, wal: bool = True) -> Answer:
        """Damage a copy of the files, open it with SQLite and count the rows that are there.

        `cut` is how many bytes the end of the log loses, `flip` the byte of the log of which a bit
        is flipped, ``wal=False`` deletes the log. The answer's `present`, `lost` (of the
        acknowledged) and `prefix` (nothing is missing before something that is there) are its
        numbers; `state` is ``whole``, ``prefix``, ``no table`` or ``damaged``.
        Raises DsvizError for a place that the log does not have.
        """
        if not 0 <= cut <= self.size or (flip is not None and not 0 <= flip < self.size):
            raise DsvizError(f"cut={cut}, flip={flip}: the log has {self.size} bytes")
        with tempfile.TemporaryDirectory(prefix="dsviz-sqlite-") as place:
            copy = Path(shutil.copytree(self.folder, Path(place) / "copy"))
            log = copy / "db-wal"
            if cut:
                os.truncate(log, self.size - cut)
            if flip is not None:
                _flip(log, flip)
            if not wal:
                log.unlink(missing_ok=True)
            # The index of the log is shared memory: a crash of the machine does not keep it.
            (copy / "db-shm").unlink(missing_ok=True)
            return self._counted(_rows(copy / "db"), cut, flip, wal)

    def cuts(self) -> Iterator[Answer]:
        """Yield `reopen` for a log cut at every 64th byte of its last frame, and at its ends."""
        yield from (self.reopen(cut=at) for at in (*range(1, self.frame_size, 64), self.frame_size))

    def _counted(self, found: list[int] | str, cut: int, flip: int | None, wal: bool) -> Answer:
        done = [f"{cut} bytes cut off" * bool(cut), "a bit flipped" * (flip is not None)]
        done += ["its log deleted" * (not wal)]
        words = "reopened" + "".join(f", {one}" for one in done if one)
        if isinstance(found, str):
            value = {"present": 0, "lost": self.acked, "prefix": True, "state": found}
            return Answer(f"{words}: {found}", "ok", value)
        prefix = found == list(range(1, len(found) + 1))
        lost = len(set(range(1, self.acked + 1)) - set(found))
        state = "damaged" if not prefix else "prefix" if lost else "whole"
        said = {
            "whole": "every acknowledged row is there",
            "prefix": "the first rows are there, the rest is gone",
            "damaged": "rows are missing in the middle",
        }[state]
        value = {"present": len(found), "lost": lost, "prefix": prefix, "state": state}
        return Answer(f"{words}: {said}", "ok", value)


def _flip(file: Path, place: int) -> None:
    with open(file, "r+b") as log:
        log.seek(place)
        byte = log.read(1)[0]
        log.seek(place)
        log.write(bytes([byte ^ 1]))


def _rows(path: Path) -> list[int] | str:
    """Return the numbers in the table in order, or what there is instead."""
    db = sqlite3.connect(path)
    try:
        return [row[0] for row in db.execute("select n from load order by n")]
    except sqlite3.OperationalError:
        return "no table"
    except sqlite3.DatabaseError:
        return "damaged"
    finally:
        db.close()
