"""What is in a write-ahead log and in a page, byte by byte.

A *record* is one transfer: its length, its number (the LSN), how far the log was durable when it
was written, a checksum over all of that, and the change. The first record after a checkpoint that
touches a page also holds the whole page as it is then (a full-page image).

A *page* has its LSN, that of the last record applied to it, in its first sector and its row in its
last one: a page half of which reached the disk is neither the old one nor the new one.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

from dsviz.errors import DsvizError

PAGE = 8192  # bytes, as in PostgreSQL
_HEAD = struct.Struct("<IQQI")  # length of the rest, LSN, durable up to, CRC
_CHANGE = struct.Struct("<ccIB")  # from, to, amount, how many page images follow
_PAGE_LSN = struct.Struct("<Q")
_ROW = struct.Struct("<qQ")  # balance, transfers so far


class CorruptLogError(DsvizError):
    """Records that were acknowledged as durable are damaged: stop, and fetch them elsewhere."""


class Page(NamedTuple):
    """One account. `transfers` counts those that took from it or gave to it."""

    lsn: int
    balance: int
    transfers: int

    def packed(self) -> bytes:
        """Return the page as it stands on the disk: `PAGE` bytes."""
        row = _ROW.pack(self.balance, self.transfers)
        return _PAGE_LSN.pack(self.lsn).ljust(PAGE - len(row), b"\0") + row


def page_of(data: bytes) -> Page:
    """Return the page in `data`, without any doubt about it: a page has no checksum here."""
    return Page(*_PAGE_LSN.unpack_from(data), *_ROW.unpack_from(data, PAGE - _ROW.size))


@dataclass(frozen=True)
class Record:
    """One transfer as the log has it. `durable` is the LSN up to which the log was known to be on
    disk when this record was written."""

    lsn: int
    durable: int
    source: str
    target: str
    amount: int
    images: Mapping[str, bytes]

    def packed(self) -> bytes:
        """Return the record as bytes, its checksum included."""
        change = (self.source.encode(), self.target.encode(), self.amount, len(self.images))
        rest = _CHANGE.pack(*change) + b"".join(
            name.encode() + image for name, image in self.images.items()
        )
        return _head(self.lsn, self.durable, rest) + rest


def _head(lsn: int, durable: int, rest: bytes) -> bytes:
    start = _HEAD.pack(len(rest), lsn, durable, 0)
    return _HEAD.pack(len(rest), lsn, durable, crc32(rest, crc32(start)))


def record_of(data: bytes, trust: bool = False) -> Record | None:
    """Return the record in `data`, or None when it is damaged; with `trust`, whatever is there.

    Even with `trust` there is none where the sector with its head is missing.
    """
    if len(data) < _HEAD.size:
        return None
    length, lsn, durable, _ = _HEAD.unpack_from(data)
    rest = data[_HEAD.size : _HEAD.size + length]
    if not length or (not trust and data != _head(lsn, durable, rest) + rest):
        return None
    source, target, amount, count = _CHANGE.unpack_from(rest)
    images, at = {}, _CHANGE.size
    for _ in range(count):
        name = rest[at : at + 1].decode("ascii", "replace")
        images[name] = rest[at + 1 : at + 1 + PAGE]
        at += 1 + PAGE
    return Record(lsn, durable, source.decode(), target.decode(), amount, images)


def longest_prefix(log: Sequence[bytes], after: int) -> list[Record]:
    """Return the records from LSN `after` + 1 on, up to the first that is damaged or missing."""
    found: list[Record] = []
    for data in log:
        record = record_of(data)
        if record is None or record.lsn != after + 1 + len(found):
            break
        found.append(record)
    return found


def check_nothing_durable_is_missing(log: Sequence[bytes], end: int) -> None:
    """Raise CorruptLogError when the log was once durable beyond `end`, where its prefix ends.

    A torn tail was never durable: dropping it loses nothing that anybody was told. But a later
    record, still whole, may say how far the log was durable when it was written.
    """
    later = (record_of(data) for data in log)
    durable = max((record.durable for record in later if record is not None), default=0)
    if durable > end:
        raise CorruptLogError(
            f"the log is readable up to record {end}, but was durable up to {durable}: do not "
            "start from it, fetch the rest from a replica or a backup"
        )
