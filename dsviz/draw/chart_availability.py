"""How available a run was: operations over time by outcome, and the faults beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from dsviz.draw.columns import columns_of
from dsviz.draw.figure import Picture, Sheet
from dsviz.draw.measure import Box, fit, text_width
from dsviz.draw.plot import Scale, percent, ticks, x_axis
from dsviz.draw.text import counted, titled
from dsviz.errors import DsvizError
from dsviz.history import Operation
from dsviz.trace import Trace

WIDTH = 760.0


def availability(trace: Trace, *, target: float = 0.999, theme: str = "light") -> Picture:
    """Return how many operations were answered, failed or ended unknown, by when they began.

    `target` is the share that should be answered: the caption says how much of the error budget
    the run used. Faults are drawn below. Raises DsvizError for a run without operations.
    """
    operations = trace.history()
    if not operations:
        raise DsvizError("this run has no operations; let a client do at least one")
    if not 0 < target < 1:
        raise DsvizError(f"target={target!r} must be between 0 and 1, for example 0.999")
    every = [*ticks(0, trace.duration, 48), trace.duration][1]  # ms of one bar: a round number
    counts = [[0, 0, 0] for _ in range(math.ceil(trace.duration / every - 1e-9))]
    for op in operations:
        slot = min(len(counts) - 1, int((op.call_ms or 0.0) / every))
        counts[slot][("ok", "fail", "info").index(op.status)] += 1
    said = _budget(operations, target)
    tracks = _tracks(columns_of(trace)["faults"], trace.duration)
    high, left = 130.0, 44.0
    sheet = Sheet(
        WIDTH,
        high + 44 + 22 * len(tracks),
        theme=theme,
        title=titled(trace),
        subtitle="operations by outcome",
        caption=said,
    )
    most = max(sum(c) for c in counts)
    x, y = Scale(0, trace.duration, left, WIDTH - 8), Scale(0, most * 1.05, high, 22)
    marks = [v for v in ticks(0, most, 3) if v == int(v)]
    lines = [[(left, y(v)), (WIDTH - 8, y(v))] for v in marks]
    sheet.segments(lines, colour="line", width=1, z=-1)
    for value in marks:
        sheet.text(left - 8, y(value), f"{value:g}", size=10.5, colour="soft", align="right")
    _stacks(sheet, counts, every, x, y)
    _outcome_key(sheet, operations, every)
    sheet.line([(left, high), (WIDTH - 8, high)], colour="edge", width=1.4, z=2)
    x_axis(sheet, x, ticks(0, trace.duration, 8), high)
    sheet.text((left + WIDTH) / 2, high + 34, "time in ms", size=11.5, colour="soft")
    for number, track in enumerate(tracks):
        for names, start, end in track:
            _fault_bar(sheet, names, x(start), x(end), high + 56 + 22 * number)
    return sheet.finish(said, f"Operations over time by outcome. {said}")


_OUTCOMES = (("ok", "answered"), ("violated", "failed"), ("unknown", "unknown"))


def _stacks(sheet: Sheet, counts: list[list[int]], width_ms: float, x: Scale, y: Scale) -> None:
    for number, slot in enumerate(counts):
        below, left, right = 0, x(number * width_ms) + 0.8, x((number + 1) * width_ms) - 0.8
        for count, (colour, _) in zip(slot, _OUTCOMES, strict=True):
            if count:
                box = (left, y(below + count) + 0.5, right, y(below) - 0.5)
                _outcome_box(sheet, box, colour)
                below += count


def _outcome_box(sheet: Sheet, box: Box, colour: str) -> None:
    """Answered is solid, failed has a cross line, unknown is hollow: not by colour alone."""
    if colour == "unknown":
        sheet.box(box, fill="fill_alarm", edge=colour, width=1.4)
        return
    sheet.box(box, fill=colour)
    if colour == "violated":
        sheet.line([(box[0], box[3]), (box[2], box[1])], colour="background", width=1.4, z=1)


def _outcome_key(sheet: Sheet, operations: Sequence[Operation], width_ms: float) -> None:
    x = 44.0
    for (colour, word), status in zip(_OUTCOMES, ("ok", "fail", "info"), strict=True):
        number = sum(op.status == status for op in operations)
        if number or status == "ok":
            _outcome_box(sheet, (x, 2, x + 11, 13), colour)
            box = sheet.text(x + 17, 7.5, f"{word} {number:,}", size=11, align="left")
            x = box[2] + 18
    per = f"operations per {width_ms:,g} ms"
    sheet.text(sheet.width - 8, 7.5, per, size=11, colour="soft", align="right")


def _tracks(faults: Sequence[Mapping], duration: float) -> list[list[tuple]]:
    """Share faults out on rows so that no two on a row overlap."""
    tracks: list[list[tuple]] = []
    for fault in faults:
        start = fault["at"]
        end = duration if fault["ends"] is None else min(fault["ends"], duration)
        span = (_names(fault), start, end)
        for track in tracks:
            if all(start >= other[2] or end <= other[1] for other in track):
                track.append(span)
                break
        else:
            tracks.append([span])
    return tracks


def _names(fault: Mapping) -> tuple[str, ...]:
    """What a fault may be called, the longest first."""
    label = fault["label"]
    if label != "partition":
        return fault["text"], f"{label} {' '.join(fault['nodes'])}", label
    groups = fault["chip"].partition(" · ")[0].removeprefix(f"{label} ")
    return fault["text"], f"network partition {groups}", groups, label


def _fault_bar(sheet: Sheet, names: Sequence[str], left: float, right: float, y: float) -> None:
    """A fault as a bar with the longest of its names that it has room for."""
    box = (left, y - 8, max(right, left + 3), y + 8)
    sheet.box(box, radius=4, fill="fill_alarm", edge="fault", width=1.2)
    room = right - left - 12
    text = next((t for t in names if text_width(t, 10) <= room), fit(names[-1], max(room, 0), 10))
    if len(text) > 2:
        sheet.text(left + 6, y, text, size=10, colour="fault", align="left")


def _budget(operations: Sequence[Operation], target: float) -> str:
    total = len(operations)
    ok = sum(op.status == "ok" for op in operations)
    allowed, bad = total * (1 - target), total - ok
    said = f"{ok:,} of {counted(total, 'operation')} answered ({percent(round(ok / total, 4))})."
    budget = f"A target of {percent(target)} allows {allowed:,.2g} of them to fail"
    if not bad:
        return f"{said} {budget}: none of that budget was used."
    return f"{said} {budget}; {bad:,} did, {_times(bad / allowed)} that budget."


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:,.1f} times"
