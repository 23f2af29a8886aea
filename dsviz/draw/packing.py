"""Columns as bytes: what is few as JSON, long columns of numbers as they lie in memory.

A browser makes typed arrays of them without reading a digit. The layout: the length of the head in
bytes (4 bytes, as all numbers with the lowest byte first), the head as JSON in UTF-8, then the
columns, each at a multiple of 8 bytes from the beginning. In the head an array stands as
``["$", typecode, first byte, how many]``, with the typecodes of Python's `array`.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping
from typing import Any

from dsviz.draw.columns import as_json

__all__ = ["packed"]

_ALIGNED = 8


def packed(made: Mapping[str, Any]) -> bytes:
    """Return the columns of a run as bytes."""
    chunks: list[bytes] = []
    told = {name: _told(table, chunks) for name, table in made.items()}
    head = as_json(told).encode()
    head += b" " * (-(len(head) + 4) % _ALIGNED)
    return b"".join([len(head).to_bytes(4, "little"), head, *chunks])


def _told(table: Any, chunks: list[bytes]) -> Any:
    """Return a table as it stands in the head; its arrays are added to `chunks`."""
    if not isinstance(table, dict):
        return table
    return {
        name: _place(column, chunks) if isinstance(column, array) else column
        for name, column in table.items()
    }


def _place(column: array, chunks: list[bytes]) -> list:
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    first = sum(map(len, chunks))
    content = column.tobytes()
    chunks.append(content + bytes(-len(content) % _ALIGNED))
    return ["$", column.typecode, first, len(column)]
