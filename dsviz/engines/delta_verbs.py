"""What can be asked of a Delta Lake table, real or recorded. All times are milliseconds (ms)."""

from __future__ import annotations

from typing import Any

from dsviz.engines.answers import Answer
from dsviz.engines.face import Face, whole
from dsviz.errors import DsvizError

NO_PROCESS = frozenset({"start", "kill", "pause", "resume", "partition", "cut", "delay", "heal"})


class DeltaVerbs(Face):
    """The calls a notebook makes; see `dsviz.engines.delta.Lake`. Members are its writers."""

    engine, title = "delta", "Delta Lake"
    queries = frozenset({"read", "versions", "files"})

    def append(self, *numbers: int, via: str = "w1") -> Answer:
        """Add rows as a new version. Appends from what is no longer the newest version succeed."""
        return self._ask("append", via, numbers=_numbers(numbers), via=via)

    def overwrite(self, *numbers: int, via: str = "w1") -> Answer:
        """Replace all rows, as a new version of what the writer has looked at; see `update`."""
        return self._ask("overwrite", via, numbers=_numbers(numbers), via=via)

    def update(self, old: int, new: int, via: str = "w1") -> Answer:
        """Change rows of one number, as a new version of what the writer has looked at.

        Status ``fail`` when another writer has committed the same rows since: versions are files,
        and each number can be created once. Nothing was written then: `look` and try again.
        """
        old, new = _numbers((old, new))
        return self._ask("update", via, old=old, new=new, via=via)

    def delete(self, number: int, via: str = "w1") -> Answer:
        """Remove rows of one number, as a new version; older versions keep them."""
        (number,) = _numbers((number,))
        return self._ask("delete", via, number=number, via=via)

    def restore(self, version: int, via: str = "w1") -> Answer:
        """Make an older version the newest one, as a new version."""
        whole("version", version, 0, 1_000_000)
        return self._ask("restore", via, version=version, via=via)

    def vacuum(self, via: str = "w1") -> Answer:
        """Remove, with no retention at all, every file that the newest version does not need.

        Delta Lake keeps them for 7 days by default; with them go the older versions.
        """
        return self._ask("vacuum", via, via=via)

    def look(self, via: str = "w1") -> Answer:
        """Let a writer look at the newest version, which its next change will build on."""
        return self._ask("look", via, via=via)

    def read(self, version: int | None = None) -> Answer:
        """Return the rows of a version, by default the newest; `value` is a sorted list."""
        if version is not None:
            whole("version", version, 0, 1_000_000)
        return self._ask("read", version=version)

    def versions(self) -> Answer:
        """Return the log, a line a version; `value` is a list of [version, operation]."""
        return self._ask("versions")

    def files(self) -> Answer:
        """Return how many files the table has; `value` has ``log`` and ``data``."""
        return self._ask("files")

    def _ask(self, verb: str, *members: str, **args: Any) -> Any:
        if verb in NO_PROCESS:
            raise DsvizError("a table is files and no process: it cannot be started or cut off")
        return super()._ask(verb, *members, **args)

    @classmethod
    def words(cls, verb: str, args: dict[str, Any]) -> str:
        """Return a call in words, as its answer begins."""
        if verb in ("append", "overwrite"):
            return f"{args['via']}: {verb} {', '.join(map(str, args['numbers']))}"
        if verb == "update":
            return f"{args['via']}: update {args['old']} to {args['new']}"
        if verb == "delete":
            return f"{args['via']}: delete {args['number']}"
        if verb == "restore":
            return f"{args['via']}: restore version {args['version']}"
        if verb == "read":
            version = args["version"]
            return "read" if version is None else f"read version {version}"
        return f"{args['via']}: {verb}" if "via" in args else verb


def _numbers(numbers: tuple[int, ...]) -> list[int]:
    if not numbers:
        raise DsvizError("name at least one whole number")
    for number in numbers:
        whole("number", number, -(2**62), 2**62)
    return list(numbers)
