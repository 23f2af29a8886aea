"""etcd's write-ahead log as files and as a metric: what is in it, and what damage does to it.

A segment is a row of records, each a length of 8 bytes, then so many bytes, a checksum that covers
all records before it among them; 64 MB are laid out in advance and zero behind the last record
(etcd 3.5, ``server/wal``). All times are milliseconds (ms).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dsviz.engines.answers import Answer
from dsviz.engines.etcd_members import EtcdMember, EtcdMembers
from dsviz.errors import DsvizError

METRIC = "etcd_disk_wal_fsync_duration_seconds"
SLOW_MS = 8  # the bound of the metric's buckets that comes next below 10 ms
LENGTH = struct.Struct("<q")
ENTRY = b"\x08\x02"  # a record's first field, its type: an entry of the log


class Record(NamedTuple):
    """A record of a segment: where its bytes begin, how many there are, and how many pad them."""

    start: int
    size: int
    padding: int
    entry: bool


class EtcdWal:
    """The calls on the write-ahead logs of members; see `dsviz.engines.verbs`."""

    _members: EtcdMembers

    def _wal(self, member: str) -> Answer:
        one, words = self._members[member], self.words("wal", {"member": member})
        segments = sorted(one.wal_folder.glob("*.wal"))
        value: dict[str, Any] = {"segments": len(segments), "apart": one.wal_apart}
        value["bytes"] = sum(_used(file) for file in segments)
        value |= syncs(one) if one.process.state == "running" else {}
        where = "a folder of its own" if one.wal_apart else "the folder of its data"
        count = f"{len(segments)} segment" + "s" * (len(segments) != 1)
        return Answer(f"{words}: {count} in {where}", "ok", value)

    def _damage(self, member: str, how: str) -> Answer:
        one, words = self._members[member], self.words("damage", {"member": member, "how": how})
        if one.process.alive:
            raise DsvizError(f"{member} runs and writes to its log: kill({member!r}) first")
        segment = max(one.wal_folder.glob("*.wal"))
        log = segment.read_bytes()
        entries = [record for record in records(log) if record.entry]
        if not entries:
            raise DsvizError(f"the newest segment of {member} has no entry: put() something first")
        segment.write_bytes(torn(log) if how == "torn" else rotten(log))
        self._note(words, member)
        return Answer(f"{words}: ok", "ok")


def records(log: bytes) -> Iterator[Record]:
    """Yield the records of a segment up to the zeros behind the last one."""
    at = 0
    while at + LENGTH.size <= len(log):
        (head,) = LENGTH.unpack_from(log, at)
        if head == 0:
            return
        # The highest byte says how many bytes of padding follow, when it is negative.
        size = head & ((1 << 56) - 1)
        padding = (head >> 56) & 0b111 if head < 0 else 0
        start = at + LENGTH.size
        yield Record(start, size, padding, log[start : start + len(ENTRY)] == ENTRY)
        at = start + size + padding


def torn(log: bytes) -> bytes:
    """Return a segment behind which half of one more entry stands, and then the file ends.

    So it is left when power fails while an entry is written, of which nobody was told yet.
    """
    *_, end = records(log)
    entry = [record for record in records(log) if record.entry][-1]
    whole = log[entry.start - LENGTH.size : entry.start + entry.size]
    return log[: end.start + end.size + end.padding] + whole[: len(whole) // 2]


def rotten(log: bytes) -> bytes:
    """Return a segment with a bit flipped in its middle entry, which has long been durable."""
    entries = [record for record in records(log) if record.entry]
    middle = entries[len(entries) // 2]
    place = middle.start + middle.size // 2
    return log[:place] + bytes([log[place] ^ 1]) + log[place + 1 :]


def _used(segment: Path) -> int:
    found = list(records(segment.read_bytes()))
    return found[-1].start + found[-1].size if found else 0


def syncs(member: EtcdMember) -> dict[str, float]:
    """Return what a member's metric says: how many syncs of its log, and how long they took."""
    text = member.gateway.metrics(1000)
    values = dict(re.findall(rf"^{METRIC}(\S+) (\S+)$", text, re.MULTILINE))
    quick = float(values[f'_bucket{{le="{SLOW_MS / 1000:g}"}}'])
    count, took = float(values["_count"]), 1000 * float(values["_sum"])
    return {"syncs": int(count), "sync_ms": round(took, 3), "slower_than_8_ms": int(count - quick)}
