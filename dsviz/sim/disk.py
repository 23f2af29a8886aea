"""A node's disk: what is durable, what is only in the page cache, what a crash leaves.

`write` and `append` reach the page cache at once: the node reads them back, and they survive a
crash of the process. Only `sync` makes them durable: after a power loss the disk holds what the
last completed sync covered, and nothing newer; after a torn one perhaps some sectors of what was
newer, in no order. A sync covers every file, or only those that it names.

A sync may fail. Then, as on Linux since 2018's "fsyncgate" was looked into, the pages it should
have written count as clean: they can still be read, a second sync reports success without having
written them, and a power loss takes them (Rebello et al., "Can Applications Recover from fsync
Failures?", USENIX ATC 2020).
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from dsviz.errors import DsvizError
from dsviz.sim.values import frozen, thawed

if TYPE_CHECKING:
    from dsviz.sim.kernel import Kernel, Slot

# A change to the disk's files: (serial number, time in ms at which it happens, verb, file, value).
Change = tuple[int, float, str, str, Any]


def _apply(files: dict[str, Any], change: Change) -> None:
    _, _, verb, name, value = change
    if verb == "write":
        files[name] = value
    elif verb == "append":
        files[name] = (*files.get(name, ()), value)
    elif verb == "truncate":
        files[name] = files.get(name, ())[:value]
    elif verb == "rename" and name in files:
        files[value] = files.pop(name)


SECTOR = 512  # bytes that a disk writes whole or not at all


class DiskError(DsvizError):
    """A sync failed: nobody knows any more what is on the disk. Crash, and recover from the log."""


class Disk:
    """The disk of one node. Values are copied in and copied out: nothing is shared."""

    def __init__(self, kernel: Kernel, slot: Slot, sync_ms: float) -> None:
        self._kernel = kernel
        self._slot = slot
        self._sync_ms = sync_ms
        self._durable: dict[str, Any] = {}
        self._files: dict[str, Any] = {}
        self._changes: list[Change] = []  # made, but not yet covered by a completed sync
        self._doomed: list[Change] = []  # a sync of them failed: readable, but on no disk
        self._serial = 0
        self._failing = 0  # how many of the next syncs fail; negative: all of them
        self._failing_file = ""  # only syncs of files whose names begin so

    def read(self, name: str, default: Any = None) -> Any:
        """Return a copy of what file `name` holds (a list for a file that was appended to)."""
        return thawed(self._files[name]) if name in self._files else default

    def write(self, name: str, value: Any) -> None:
        """Replace the content of file `name`. Not durable before the next sync ends."""
        self._change("write", name, frozen(value, f"the value written to {name!r}"))

    def append(self, name: str, record: Any) -> int:
        """Add `record` at the end of file `name`; return its index. Not durable before a sync."""
        if not isinstance(self._files.get(name, ()), tuple):
            raise DsvizError(
                f"file {name!r} holds one written value; append needs a file of its own"
            )
        self._change("append", name, frozen(record, f"the record appended to {name!r}"))
        return len(self._files[name]) - 1

    def truncate(self, name: str, length: int) -> None:
        """Keep the first `length` records of file `name`. Not durable before a sync."""
        self._change("truncate", name, length)

    def rename(self, name: str, new: str) -> None:
        """Give file `name` another name, replacing what had it. Not durable before a sync.

        Raises DsvizError when there is no such file.
        """
        if name not in self._files:
            raise DsvizError(f"file {name!r} cannot be renamed: it does not exist on this disk")
        self._change("rename", name, new)

    def sync(self, *names: str, then: str | None = None) -> None:
        """Make every write so far durable (fsync), or every write so far to the files `names`.

        A rename is covered by a sync of the old name or of the new one.

        Without `then` the node blocks for the disk's time: what follows in the handler happens
        after it, and a crash in between undoes it all. With ``then="flushed"`` the call returns
        at once and ``on_disk_flushed(result)`` is called when the disk is done; `result` is the
        number of writes that became durable, or a `DiskError`.

        Raises DiskError, after the disk's time, when the disk reports an input/output error.
        """
        hit = not names or any(name.startswith(self._failing_file) for name in names)
        failed = self._failing != 0 and hit
        self._failing -= failed and self._failing > 0
        self._kernel.sync_disk(self._slot, self._serial, names, self._sync_ms, then, failed)
        if failed and then is None:
            raise self._error()

    @property
    def unsynced(self) -> int:
        """How many writes a power loss would undo now.

        Within a handler this does not go down after a sync that blocks: the disk is done only
        when the handler's time has come.
        """
        return len(self._changes)

    def _change(self, verb: str, name: str, value: Any) -> None:
        kernel = self._kernel
        self._serial += 1
        change = (self._serial, kernel.handler_time(), verb, name, value)
        self._changes.append(change)
        _apply(self._files, change)
        kernel.effect(self._slot, "write", name)

    def _error(self) -> DiskError:
        return DiskError(f"{self._slot.name}: the disk reported an input/output error on sync")

    # What follows is for the kernel.

    def _settle(self, serial: int, names: tuple[str, ...], failed: bool) -> int | DiskError:
        """A sync that covers the changes up to `serial` has ended: they are durable now.

        With `names`, only the changes to these files. Return how many there were, or the error
        when the sync failed.
        """
        if names:
            done = [c for c in self._changes if c[0] <= serial and _touches(c, names)]
            settled = {change[0] for change in done}
            self._changes = [change for change in self._changes if change[0] not in settled]
        else:
            done = [change for change in self._changes if change[0] <= serial]
            self._changes = self._changes[len(done) :]
        if failed:
            self._doomed += done
            return self._error()
        for change in done:
            _apply(self._durable, change)
        return len(done)

    def _fail(self, count: int, file: str = "") -> None:
        """Let the next `count` syncs fail; negative: all until further notice; 0: none.

        With `file`, only syncs of files whose names begin with it.
        """
        self._failing, self._failing_file = count, file

    def _rot(self, file: str, record: int, byte: int) -> bool:
        """Flip a bit of what is durable; return whether there is such a byte.

        The page cache still has it right: what is wrong shows when the disk is read again, after
        the node's next start.
        """
        held = self._durable.get(file)
        records = list(held) if isinstance(held, tuple) else [held]
        if not -len(records) <= record < len(records) or not isinstance(records[record], bytes):
            return False
        rotten = bytearray(records[record])
        if byte >= len(rotten):
            return False
        rotten[byte] ^= 1
        records[record] = bytes(rotten)
        self._durable[file] = tuple(records) if isinstance(held, tuple) else records[0]
        return True

    def _crash(self, now: float, power: bool, torn: Random | None = None) -> int:
        """Undo what had not happened yet at `now`, on power loss also what was not synced.

        With `torn`, each sector of what was not synced is on the disk or not, drawn by lot.
        Return how many writes were lost that had happened.
        """
        happened = [change for change in self._changes if change[1] <= now]
        lost = len(happened) if power else 0
        if power:
            lost += len(self._doomed)
            for change in happened if torn else ():
                _apply_torn(self._durable, change, torn)
            self._changes, self._doomed = [], []
        else:
            self._changes = happened
        self._files = dict(self._durable)
        for change in (*self._doomed, *self._changes):
            _apply(self._files, change)
        return lost


def _touches(change: Change, names: tuple[str, ...]) -> bool:
    return change[3] in names or (change[2] == "rename" and change[4] in names)


def _apply_torn(files: dict[str, Any], change: Change, draw: Random) -> None:
    """Apply what reached the disk of a change: each sector of bytes by itself, all else by luck."""
    serial, time, verb, name, value = change
    if not isinstance(value, bytes):
        if draw.random() < 0.5:
            _apply(files, change)
        return
    old = files.get(name, b"") if verb == "write" else b""
    old = old if isinstance(old, bytes) else b""
    sectors = []
    for start in range(0, len(value), SECTOR):
        new, before = value[start : start + SECTOR], old[start : start + SECTOR]
        sectors.append(new if draw.random() < 0.5 else before.ljust(len(new), b"\0"))
    _apply(files, (serial, time, verb, name, b"".join(sectors)))
