"""What a server of a replicated state machine keeps: its log, its snapshot, its map.

Nothing here knows of elections or leaders: `dsviz.systems.consensus` decides what is appended and
what is committed. One file holds the snapshot and the entries behind it, so that a power loss can
never separate the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dsviz.sim.node import Node


class Entry(NamedTuple):
    """One entry of the log: request `seq` of client `session`, or a no-op."""

    index: int
    term: int
    session: str = ""
    seq: int = 0
    f: str = "no-op"
    key: str = ""
    value: Any = None

    def __repr__(self) -> str:
        what = f"{self.f} {self.key}" if self.value is None else f"{self.f} {self.key}={self.value}"
        who = f" {self.session}#{self.seq}" if self.session else ""
        return f"{self.index}:{self.term} {what.strip()}{who}"


class Snapshot(NamedTuple):
    """What the entries up to `index` lead to; it stands for them, first in the file of the log."""

    index: int = 0
    term: int = 0
    data: Mapping[str, Any] = {}
    sessions: Mapping[str, tuple[int, Any]] = {}  # the last request of each client, and its result


class StateMachine(Node):
    """A map with `read`, `write` and `cas`, fed by a log on disk."""

    snapshot_every = 100  # entries
    batch = 8  # entries that one handler may add, at most; also those in `tail`

    def on_start(self) -> None:
        self.image, *found = self.disk.read("log", default=[Snapshot()])
        self.entries: list[Entry] = []
        for entry in found:
            if entry.index == self.last + 1:  # behind a gap are the remains of a torn write
                self.entries.append(entry)
        self.rewrite()  # what can be read may be in the page cache only
        self.data, self.sessions = dict(self.image.data), dict(self.image.sessions)
        self.commit = self.image.index  # applied up to here

    @property
    def snapshot(self) -> int:
        """The last index that only the snapshot holds."""
        return self.image.index

    @property
    def last(self) -> int:
        """The index of the last entry."""
        return self.image.index + len(self.entries)

    def term_at(self, index: int) -> int | None:
        """Return the term of an entry, or None when the log does not hold it (any more)."""
        if index == self.image.index:
            return self.image.term
        held = self.image.index < index <= self.last
        return self.entries[index - self.image.index - 1].term if held else None

    def show_tail(self) -> None:
        self.tail = tuple([repr(entry) for entry in self.entries[-self.batch :]])

    def keep(self, entries: Sequence[Entry]) -> None:
        """Add what is new of `entries`, after erasing what contradicts them."""
        for entry in entries:
            if entry.index <= self.image.index or self.term_at(entry.index) == entry.term:
                continue
            if entry.index <= self.last:
                del self.entries[entry.index - self.image.index - 1 :]
                self.rewrite()  # torn, old and new entries must not mix
            self.entries.append(entry)
            self.disk.append("log", entry)
        self.show_tail()

    def keep_image(self, image: Snapshot) -> None:
        """Let a snapshot stand for the log up to its index; what contradicts it goes as well."""
        agrees = self.term_at(image.index) == image.term
        self.entries = self.entries[image.index - self.image.index :] if agrees else []
        self.image = image
        self.rewrite()

    def restore(self, image: Snapshot) -> None:
        """Go on from a snapshot that another server sent."""
        self.keep_image(image)
        self.commit = image.index
        self.data, self.sessions = dict(image.data), dict(image.sessions)

    def rewrite(self) -> None:
        """Replace the file: a power loss leaves the old log or the new one, nothing in between."""
        self.disk.write("new log", [self.image, *self.entries])
        self.flush()
        self.disk.rename("new log", "log")
        self.flush()
        self.show_tail()

    def compact(self) -> None:
        if self.commit - self.image.index >= self.snapshot_every:
            term = self.term_at(self.commit) or 0
            self.keep_image(Snapshot(self.commit, term, dict(self.data), dict(self.sessions)))

    def flush(self) -> None:
        """Make the term, the vote and the log durable: nobody may hear of them before."""
        if self.disk.unsynced:
            self.disk.sync()

    def apply(self, entry: Entry) -> Any:
        seq, result = self.sessions.get(entry.session, (0, None))
        if not entry.session or entry.seq <= seq:
            return result  # a no-op, or it was asked again and has been done already
        now = self.data.get(entry.key)
        if entry.f == "read":
            result = now
        elif entry.f == "cas":
            result = now == entry.value[0]
        if entry.f == "write" or (entry.f == "cas" and result):
            self.data[entry.key] = entry.value if entry.f == "write" else entry.value[1]
        self.sessions[entry.session] = (entry.seq, None if entry.f == "write" else result)
        return self.sessions[entry.session][1]
