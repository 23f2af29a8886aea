"""A trace in columns: the same events in a fifth of the memory, for runs of millions.

A record of the kernel is a tuple of objects. Here all times stand in one array, all numbers in
another, and what each shape of event carries (a kind of message has the same fields every time)
in an array a field: whole numbers and floats as such, everything else as an index into the list
of the different values that occur.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from dsviz.message import FIRST_FIELD, Message, message_class
from dsviz.trace import Trace

__all__ = ["Columns"]

#: (what,) for a plain row, (kind, fields, whether a reply) for a message.
_Shape = tuple


class Columns:
    """The events of a finished trace in arrays. `trace` gives back an equal trace."""

    def __init__(self, trace: Trace) -> None:
        self.name, self.seed, self.duration = trace.name, trace.seed, trace.duration
        self.nodes, self.faults = dict(trace.nodes), trace.faults
        self._names: list[str | None] = [None, *trace.nodes]
        place = {name: number for number, name in enumerate(self._names)}
        codes: dict[_Shape, int] = {}
        carried: list[list[list[Any]]] = []  # by shape, by field, the value in each event
        times, seqs, shapes, nodes, peers, causes = [], [], [], [], [], []  # type: ignore[var-annotated]
        for record in trace.records:
            shape, time, seq, node, peer, cause, values = _taken_apart(record)
            code = codes.get(shape)
            if code is None:
                code = codes[shape] = len(codes)
                carried.append([[] for _ in values])
            for column, value in zip(carried[code], values, strict=True):
                column.append(value)
            times.append(time)
            seqs.append(seq)
            shapes.append(code)
            nodes.append(place[node])
            peers.append(place[peer])
            causes.append(cause)
        self._shapes = list(codes)
        self._times = array("d", times)
        self._seqs, self._codes, self._nodes, self._peers, self._causes = map(
            _whole, (seqs, shapes, nodes, peers, causes)
        )
        self._carried = [[_Column(column) for column in columns] for columns in carried]

    def __len__(self) -> int:
        return len(self._times)

    def __repr__(self) -> str:
        return f"Columns({self.name!r}, {len(self):,} events, {self.nbytes:,} bytes)"

    @property
    def nbytes(self) -> int:
        """How many bytes the arrays take; the different values that they point to come on top."""
        common = (self._times, self._seqs, self._codes, self._nodes, self._peers, self._causes)
        arrays = [*common, *(column.numbers for shape in self._carried for column in shape)]
        return sum(len(numbers) * numbers.itemsize for numbers in arrays)

    def records(self) -> Iterator[tuple]:
        """Yield the records of the trace, one after the other: see `Trace.records`."""
        values = [_rows(columns) for columns in self._carried]
        names = self._names
        for time, seq, code, node, peer, cause in zip(
            self._times, self._seqs, self._codes, self._nodes, self._peers, self._causes,
            strict=True,
        ):  # fmt: skip
            yield _put_together(
                self._shapes[code], time, seq, names[node], names[peer], cause, next(values[code])
            )

    def trace(self) -> Trace:
        """Return the trace with all its records: equal to the one these columns were made of."""
        return Trace(
            self.name, self.seed, self.duration, dict(self.nodes), self.faults, list(self.records())
        )


def _taken_apart(record: tuple) -> tuple:
    """Return (shape, time, seq, node, peer, cause, what else it carries)."""
    if isinstance(record, Message):
        time, seq, dst, src, sent_at, cause = record[:FIRST_FIELD]
        shape = (record.kind, record.fields, record.re is not None)
        return shape, time, seq, dst, src, cause, (sent_at, *record[FIRST_FIELD:])
    time, seq, what, node, peer, data, info, cause = record
    return (what,), time, seq, node, peer, cause, (data, info)


def _put_together(
    shape: _Shape, time: float, seq: int, node: Any, peer: Any, cause: int, values: Sequence[Any]
) -> tuple:
    if len(shape) == 1:
        return (time, seq, shape[0], node, peer, *values, cause)
    sent_at, *fields = values
    return message_class(*shape)((time, seq, node, peer, sent_at, cause, *fields))


class _Column:
    """The values of one field, in the smallest array that holds them."""

    __slots__ = ("different", "numbers")

    def __init__(self, values: list[Any]) -> None:
        self.different: list[Any] | None = None
        kinds = set(map(type, values))
        if kinds == {float}:
            self.numbers = array("d", values)
        elif kinds == {int} and min(values) >= -(2**63) and max(values) < 2**63:
            self.numbers = _whole(values)
        else:
            self.different, places = _distinct(values)
            self.numbers = _whole(places)

    def __iter__(self) -> Iterator[Any]:
        if self.different is None:
            return iter(self.numbers)
        return map(self.different.__getitem__, self.numbers)


def _rows(columns: list[_Column]) -> Iterator[tuple]:
    return zip(*columns, strict=True)


def _distinct(values: list[Any]) -> tuple[list[Any], list[int]]:
    """Return the different values, and for each value its place among them."""
    different: list[Any] = []
    known: dict[Any, int] = {}
    places = []
    for value in values:
        try:
            # Python holds 1, 1.0 and True for equal, a trace does not; nor inside a tuple.
            key = (type(value), repr(value), value)
            place = known.setdefault(key, len(different))
        except TypeError:  # not hashable: an entry of its own
            place = len(different)
        if place == len(different):
            different.append(value)
        places.append(place)
    return different, places


def _whole(numbers: list[int]) -> array:
    """Return whole numbers in an array of the smallest items that hold them all."""
    low, high = min(numbers, default=0), max(numbers, default=0)
    for code in "bhiq":
        half = 1 << (8 * array(code).itemsize - 1)
        if -half <= low and high < half:
            return array(code, numbers)
    raise OverflowError(f"{high} does not fit into 64 bits")
