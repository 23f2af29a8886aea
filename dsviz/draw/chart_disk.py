"""Pictures of a log and its disk: who knows of a record, which sync it took, what a page holds.

They read what a database with a write-ahead log leaves in its trace: it shows `lsn` (the newest
record), `flushed` (up to where the log is durable) and answers with the record's number.
"""

from __future__ import annotations

from collections.abc import Sequence

from dsviz.draw.figure import Picture, Sheet
from dsviz.draw.measure import Box
from dsviz.draw.plot import Scale, room_for, side_labels, ticks, x_axis
from dsviz.draw.text import counted, titled
from dsviz.errors import DsvizError
from dsviz.trace import Trace

WIDTH = 760.0
SECTOR = 512  # bytes
SHELVES = ("told the client", "page cache", "on the disk")


# Three shelves ----------------------------------------------------------------------------------


def shelves(trace: Trace, at: float, *, node: str = "db", theme: str = "light") -> Picture:
    """Return where the newest records of a log are at `at` ms, as three shelves.

    A record is in the page cache when it has been written, on the disk when a sync has ended that
    covers it; its client has been told of it or not. A record that a client was told of and that
    only the page cache knows is drawn in red: a power loss takes it. Raises DsvizError for a node
    that shows no `lsn` and `flushed`, and for a time outside the run.
    """
    if not 0 <= at <= trace.duration:
        raise DsvizError(f"at={at!r} is outside the run, which lasts {trace.duration:g} ms")
    lsn, flushed = _last(trace, node, "lsn", at), _last(trace, node, "flushed", at)
    if lsn is None or flushed is None:
        raise DsvizError(f"node={node!r} shows no lsn and flushed until {at:g} ms")
    told = _told(trace, node, at)
    cached = list(range(flushed + 1, lsn + 1))
    exposed = [number for number in cached if number in told]
    said = _shelves_caption(at, lsn, flushed, cached, exposed)
    sheet = Sheet(WIDTH, 178, theme=theme, title=titled(trace), subtitle=f"the log at {at:,g} ms",
                  caption=said)  # fmt: skip
    left = room_for(SHELVES)
    side_labels(sheet, [(name, 58.0 * i + 26) for i, name in enumerate(SHELVES)], left)
    most = int((WIDTH - left - 20) // 46)
    newest = list(range(max(1, lsn - most + 1), lsn + 1))
    place = {number: left + 14 + 46.0 * i for i, number in enumerate(newest)}
    for row, members in enumerate((told, cached, range(1, flushed + 1))):
        y = 58.0 * row + 26
        sheet.line([(left, y + 21), (WIDTH - 4, y + 21)], colour="edge", width=1.6)
        for number in newest:
            if number in members:
                _record(sheet, place[number], y, number, row, number in exposed)
    if flushed in place and flushed < lsn:
        x = place[flushed] + 43
        sheet.line([(x, 2), (x, 172)], colour="ok", width=1.8, dash=(5, 3))
        sheet.pill(x, 172, "durable up to here", colour="ok", size=10.5)
    return sheet.finish(said, f"Three shelves with records. {said}")


def _record(sheet: Sheet, x: float, y: float, number: int, row: int, exposed: bool) -> None:
    colour = "violated" if exposed else ("ink", "amber", "ok")[row]
    fill = "fill_alarm" if exposed else "background" if row == 1 else "fill_node"
    dash = (4, 2) if row == 1 else ()
    box: Box = (x, y - 14, x + 40, y + 14)
    sheet.box(box, radius=5, fill=fill, edge=colour, width=1.8, dash=dash, z=3)
    sheet.text(x + 20, y, f"{number}", size=11, bold=exposed, colour=colour)


def _last(trace: Trace, node: str, attribute: str, at: float) -> int | None:
    shown = (row for row in trace.rows if row[2] == "state" and row[3] == node and row[0] <= at)
    found = [row[5][attribute] for row in shown if attribute in row[5]]
    return found[-1] if found else None


def _told(trace: Trace, node: str, at: float) -> set[int]:
    """Return the records that clients were told of by then: their answers were sent."""
    found = set()
    for row in trace.rows:
        if row[2] in ("deliver", "flight") and row[4] == node and row[6] <= at:
            number = getattr(row[5], "value", None)
            if type(number) is int:
                found.add(number)
    return found


def _shelves_caption(
    at: float, lsn: int, flushed: int, cached: Sequence[int], exposed: Sequence[int]
) -> str:
    where = f"At {at:,g} ms record {lsn:,} is the newest, and the log is durable up to {flushed:,}"
    if not cached:
        return f"{where}: all of it."
    one = len(cached) == 1
    kept = f"{counted(len(cached), 'record')} {'is' if one else 'are'} in the page cache only"
    if not exposed:
        return f"{where}: {kept}, and no client was told of {'it' if len(cached) == 1 else 'them'}."
    told = (
        "a client was told of it" if len(cached) == 1 else f"clients were told of {len(exposed):,}"
    )
    return f"{where}: {kept}, and {told}."


# Group commit -----------------------------------------------------------------------------------


def buses(
    trace: Trace, since: float, until: float, sync_ms: float, *, node: str = "db",
    theme: str = "light",
) -> Picture:  # fmt: skip
    """Return the syncs of a log as buses that depart one after the other, and who boarded which.

    Between `since` and `until` ms; a sync takes `sync_ms`. A record boards the first sync that
    begins after it was written. Raises DsvizError when no sync ends in that time.
    """
    ends = [row[0] for row in trace.rows
            if row[2] == "synced" and row[3] == node and since < row[0] <= until]  # fmt: skip
    if not ends:
        raise DsvizError(f"no sync of {node} ends between {since:g} and {until:g} ms")
    came = _written(trace, node, since - sync_ms, until)
    begins = [end - sync_ms for end in ends]
    aboard = [_passengers(came, begins, i) for i in range(len(begins))]
    full = [len(passengers) for passengers in aboard if passengers]
    said = (
        f"Between {since:,g} and {until:,g} ms {counted(sum(full), 'record')} took "
        f"{counted(len(full), 'sync', 'syncs')} of {sync_ms:g} ms: {_range(full)} on each."
    )
    high = 150.0
    told = "one sync under way, who waits boards the next"
    sheet = Sheet(WIDTH, high + 46, theme=theme, title=titled(trace), subtitle=told, caption=said)
    labels = ("records", "syncs")
    left = room_for(labels)
    side_labels(sheet, [(labels[0], 18.0), (labels[1], 112.0)], left)
    scale = Scale(since, until, left, WIDTH - 8)
    for i, (begin, passengers) in enumerate(zip(begins, aboard, strict=True)):
        x = (scale(max(begin, since)), scale(min(begin + sync_ms, until)))
        y = 112.0
        colour = ("blue", "purple")[i % 2]
        fill = sheet.mix("background", colour, 0.12)
        sheet.box(
            (x[0] + 1, y - 20, x[1] - 1, y + 20), radius=7, fill=fill, edge=colour, width=2, z=3
        )
        if x[1] - x[0] > 18:
            sheet.text((x[0] + x[1]) / 2, y, f"{len(passengers)}", bold=True, colour=colour)
        seen = [t for t in passengers if t >= since]
        lines = [[(scale(t), 24), (x[0] + 3, y - 20)] for t in seen]
        sheet.segments(lines, colour=colour, width=1.1, z=2)
        for t in seen:
            sheet.disc(scale(t), 18, 4.5, fill=colour, z=4)
    x_axis(sheet, scale, ticks(since, until, 8), high)
    sheet.line([(left, high), (WIDTH - 8, high)], colour="edge", width=1.4)
    sheet.text((left + WIDTH) / 2, high + 34, "time in ms", size=11.5, colour="soft")
    return sheet.finish(said, f"Syncs as buses, with lines from the records to them. {said}")


def _range(counts: Sequence[int]) -> str:
    low, high = min(counts, default=0), max(counts, default=0)
    return f"{low}" if low == high else f"{low} to {high}"


def _written(trace: Trace, node: str, since: float, until: float) -> list[float]:
    """Return when requests came to the node: each writes one record."""
    return [row[0] for row in trace.rows
            if row[2] == "deliver" and row[3] == node and row[5].re is None
            and since <= row[0] <= until]  # fmt: skip


def _passengers(came: Sequence[float], begins: Sequence[float], number: int) -> list[float]:
    before = begins[number - 1] if number else float("-inf")
    return [t for t in came if before < t <= begins[number] + 1e-9]


# A torn page ------------------------------------------------------------------------------------


def sectors(
    old: bytes, new: bytes, left: bytes, *, what: str = "page", theme: str = "light"
) -> Picture:
    """Return what a torn write left of a page or a record, as a strip of 512-byte sectors.

    `old` was on the disk, `new` was being written, `left` is what is there now. A sector is old,
    new, the same in both, or empty. Raises DsvizError when nothing was to be written.
    """
    if not new:
        raise DsvizError("new is empty: nothing was being written")
    kinds = [_sector(old, new, left, at) for at in range(0, len(new), SECTOR)]
    words = [kind for kind in ("old", "new", "same", "empty") if kind in kinds]
    parts = ", ".join(f"{kinds.count(kind)} {_WORDS[kind]}" for kind in words)
    said = f"Of {counted(len(kinds), 'sector')} of the {what}: {parts}."
    rows = -(-len(kinds) // 16)
    sheet = Sheet(WIDTH, 50.0 * rows + 40, theme=theme, title=f"What is left of the {what}",
                  subtitle="512 bytes a cell", caption=said)  # fmt: skip
    step = (WIDTH - 8) / 16
    for i, kind in enumerate(kinds):
        x, y = 4 + step * (i % 16), 50.0 * (i // 16) + 4
        _cell(sheet, (x + 2, y, x + step - 2, y + 40), kind, i)
    _sector_key(sheet, words, 50.0 * rows + 24)
    return sheet.finish(said, f"A strip of sectors. {said}")


_WORDS = {"old": "old", "new": "new", "same": "the same in both", "empty": "never written"}
_LOOKS = {
    "old": ("amber", "o"),
    "new": ("ok", "n"),
    "same": ("soft", "="),
    "empty": ("violated", "0"),
}


def _sector(old: bytes, new: bytes, left: bytes, at: int) -> str:
    one, other, now = (data[at : at + SECTOR] for data in (old, new, left))
    if one == other:
        return "same"
    if now == other:
        return "new"
    return "old" if now == one else "empty"


def _cell(sheet: Sheet, box: Box, kind: str, number: int) -> None:
    colour, letter = _LOOKS[kind]
    fill = sheet.mix("background", colour, 0.14)
    sheet.box(box, radius=4, fill=fill, edge=colour, width=1.6, z=2)
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    sheet.text(x, y - 8, f"{number}", size=10, colour="soft")
    sheet.text(x, y + 8, letter, size=12, bold=True, colour=colour)


def _sector_key(sheet: Sheet, kinds: Sequence[str], y: float) -> None:
    x = 6.0
    for kind in kinds:
        colour, letter = _LOOKS[kind]
        box = sheet.text(x, y, f"{letter}  {_WORDS[kind]}", size=11.5, colour=colour, align="left")
        x = box[2] + 26
