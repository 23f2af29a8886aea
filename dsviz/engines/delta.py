"""A real Delta Lake table in a throw-away folder: versions, time travel, writers in conflict.

::

    from dsviz.engines import Lake
    lake = Lake.open("lesson-01")
    lake.append(1, 2)
    lake.read(version=0)
    lake.stop()

The engine is the wheel ``deltalake`` (delta-rs), apart because of its size:
``pip install "dsviz[lake]"``. Times are milliseconds (ms).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from importlib import metadata
from typing import Any

from dsviz.engines.answers import Answer
from dsviz.engines.delta_verbs import DeltaVerbs
from dsviz.engines.face import Face
from dsviz.engines.journal import Journal, trace_of
from dsviz.engines.live import open_engine
from dsviz.engines.workspace import Workspace, unsupported
from dsviz.errors import DsvizError
from dsviz.trace import Trace

__all__ = ["Lake", "available"]

INSTALL = 'pip install "dsviz[lake]"'


def available() -> str | None:
    """Return None when a table can be made here, else one sentence that says what to do."""
    if importlib.util.find_spec("deltalake") is None:
        return f"the wheel deltalake is not installed: run {INSTALL}"
    return unsupported()


class Lake(DeltaVerbs):
    """An empty table of numbers and `writers` writers ``w1``, ``w2``, … that know its versions.

    Raises DsvizError when the engine is missing.
    """

    face = DeltaVerbs

    @classmethod
    def available(cls) -> str | None:
        """Return None when a table can be made here, else one sentence on what to do."""
        return available()

    @classmethod
    def open(cls, recording: str, **options: Any) -> Face:
        """Return a real table or, where none can be made, the recording; see `Live.open`."""
        return open_engine(cls, recording, options)

    def __init__(self, writers: int = 2) -> None:
        if not isinstance(writers, int) or not 1 <= writers <= 9:
            raise DsvizError(f"writers={writers!r} must be a whole number from 1 to 9")
        problem = available()
        if problem:
            raise DsvizError(problem)
        self.members = tuple(f"w{number}" for number in range(1, writers + 1))
        self.version = metadata.version("deltalake")
        self._workspace = Workspace("delta")
        self._path = str(self._workspace.folder / "table")
        self._journal, self._until = Journal(), 0.0
        for name in self.members:
            self._journal.note("start", name, 1)
        import deltalake

        self._write(self._path, [], mode="error")
        self._seen = {name: deltalake.DeltaTable(self._path) for name in self.members}

    def trace(self) -> Trace:
        """Return the run so far."""
        until = self._until if self.stopped else self._journal.now()
        return trace_of(f"Delta Lake {self.version}", self.members, self._journal.rows, until)

    def _end(self) -> None:
        if not self.stopped:
            self._until = self._journal.now()
            self._workspace.close()

    def _do(self, verb: str, args: dict[str, Any]) -> Answer:
        return getattr(self, f"_{verb}")(**args)

    # ---- changes ---------------------------------------------------------------------------

    def _append(self, numbers: list[int], via: str) -> Answer:
        return self._change("append", via, lambda t: self._write(t, numbers), numbers=numbers)

    def _overwrite(self, numbers: list[int], via: str) -> Answer:
        def act(table: Any) -> None:
            self._write(table, numbers, mode="overwrite")

        return self._change("overwrite", via, act, numbers=numbers)

    def _update(self, old: int, new: int, via: str) -> Answer:
        def act(table: Any) -> None:
            table.update(predicate=f"n = {old}", updates={"n": str(new)}, commit_properties=_once())

        return self._change("update", via, act, old=old, new=new)

    def _delete(self, number: int, via: str) -> Answer:
        def act(table: Any) -> None:
            table.delete(f"n = {number}", commit_properties=_once())

        return self._change("delete", via, act, number=number)

    def _restore(self, version: int, via: str) -> Answer:
        def act(table: Any) -> None:
            table.restore(version)

        return self._change("restore", via, act, version=version)

    def _change(self, verb: str, via: str, act: Callable[[Any], None], **told: Any) -> Answer:
        """Let a writer commit a version on top of the one it has seen."""
        from deltalake.exceptions import CommitFailedError, DeltaError

        words = self.words(verb, told | {"via": via})
        table = self._seen[via]
        before = table.version()
        op = self._journal.invoke("write", "table", words, via)
        try:
            act(table)
        except CommitFailedError:
            newest = self._newest().version()
            took = self._journal.complete(op, "fail", None)
            text = f"conflict: it built on version {before}, and the newest is {newest}"
            return Answer(f"{words}: {text}", "fail", None, took)
        except DeltaError as error:
            took = self._journal.complete(op, "fail", None)
            return Answer(f"{words}: {str(error).splitlines()[0]}", "fail", None, took)
        table.update_incremental()
        took = self._journal.complete(op, "ok", None)
        return Answer(f"{words}: version {table.version()}", "ok", table.version(), took)

    def _vacuum(self, via: str) -> Answer:
        gone = self._seen[via].vacuum(
            retention_hours=0, enforce_retention_duration=False, dry_run=False
        )
        self._seen[via].update_incremental()
        self._journal.note("log", via, f"vacuum: {len(gone)} files removed")
        return Answer(f"{via}: vacuum: {len(gone)} files removed", "ok", len(gone))

    def _look(self, via: str) -> Answer:
        self._seen[via] = self._newest()
        version = self._seen[via].version()
        return Answer(f"{via}: look: version {version}", "ok", version)

    # ---- looking ---------------------------------------------------------------------------

    def _read(self, version: int | None) -> Answer:
        from deltalake import QueryBuilder
        from deltalake.exceptions import DeltaError

        words = self.words("read", {"version": version})
        op = self._journal.invoke("read", "table", None, self.members[0])
        try:
            table = self._newest(version)
            found = QueryBuilder().register("t", table).execute("select n from t order by n")
            rows = found.read_all()["n"].to_pylist()
        except DeltaError:
            took = self._journal.complete(op, "fail", None)
            return Answer(f"{words}: there is no such version", "fail", None, took)
        except Exception as error:  # what the query engine raises when a file is gone has no class
            if "Object at location" not in str(error):
                raise
            took = self._journal.complete(op, "fail", None)
            return Answer(f"{words}: its files are gone", "fail", None, took)
        took = self._journal.complete(op, "ok", rows)
        return Answer(f"{words}: {rows}", "ok", rows, took)

    def _versions(self) -> Answer:
        log = sorted((one["version"], one["operation"]) for one in self._newest().history())
        lines = [f"{version:<4}{operation.lower()}" for version, operation in log]
        return Answer("\n".join(lines), "ok", [list(one) for one in log])

    def _files(self) -> Answer:
        folder = self._workspace.folder / "table"
        value = {
            "log": len(list(folder.glob("_delta_log/*.json"))),
            "data": len(list(folder.glob("*.parquet"))),
        }
        return Answer(f"files: {value['log']} of the log, {value['data']} of data", "ok", value)

    def _newest(self, version: int | None = None) -> Any:
        from deltalake import DeltaTable

        return DeltaTable(self._path, version=version)

    def _write(self, table: Any, numbers: list[int], mode: str = "append") -> None:
        from arro3.core import Array, DataType, Table
        from deltalake import write_deltalake

        rows = Table.from_pydict({"n": Array(numbers, type=DataType.int64())})
        # Appends never conflict with each other: the library tries the next version for them.
        tries = {} if mode == "append" else {"commit_properties": _once()}
        write_deltalake(table, rows, mode=mode, **tries)


def _once() -> Any:
    """Have a conflict shown instead of tried again behind the caller's back."""
    from deltalake import CommitProperties

    return CommitProperties(max_commit_retries=0)
