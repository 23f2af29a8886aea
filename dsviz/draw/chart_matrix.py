"""Who has what, before and after: a matrix of owners, with what moved set off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dsviz.draw.figure import Picture, Sheet
from dsviz.draw.plot import needed, room_for, side_labels
from dsviz.draw.text import counted, joined
from dsviz.errors import DsvizError

WIDTH = 680.0
CELL = 30.0


def assignment(
    before: Mapping[str, Sequence[str]],
    after: Mapping[str, Sequence[str]],
    *,
    title: str = "Assignment",
    what: str = "partition",
    theme: str = "light",
) -> Picture:
    """Return a row for each member and a column for each thing that it may have.

    `before` and `after` map a member to what it has, each a `what` (a slot, a shard). What stays
    is filled; what moved is filled at its new owner, framed in red, and an empty frame stands
    where it was. Raises DsvizError if two members have the same one.
    """
    needed("after", after)
    was, now = _owner("before", before), _owner("after", after)
    members = sorted({*before, *after})
    things = list(
        dict.fromkeys(t for m in members for t in [*before.get(m, ()), *after.get(m, ())])
    )
    things.sort(key=lambda name: (len(name), name))
    moved = [t for t in things if t in was and t in now and was[t] != now[t]]
    said = _caption(before, after, members, moved, what)
    left, head = room_for(members), 24.0
    cell = min(CELL * 1.6, (WIDTH - left - 8) / len(things))
    sheet = Sheet(WIDTH, head + CELL * len(members) + 4, theme=theme, title=title, caption=said)
    side_labels(sheet, [(m, head + CELL * (i + 0.5)) for i, m in enumerate(members)], left)
    row = {member: i for i, member in enumerate(members)}
    for column, thing in enumerate(things):
        x = left + cell * column
        short = thing.rsplit("-", 1)[-1]
        if cell > 16 or column % 5 == 0:
            sheet.text(x + cell / 2, 10, short, size=10.5, colour="soft")
        for member, i in row.items():
            y = head + CELL * i
            box = (x + 1.5, y + 3, x + cell - 1.5, y + CELL - 3)
            _cell(sheet, box, member == was.get(thing), member == now.get(thing), thing in was)
    return sheet.finish(
        said, f"Rows {joined(members)}, columns {joined(things[:3])} and on. {said}"
    )


def _cell(sheet: Sheet, box: tuple, had: bool, has: bool, known: bool) -> None:
    if has and (had or not known):
        sheet.box(box, radius=3, fill="blue", z=2)
    elif has:
        sheet.box(box, radius=3, fill="blue", z=2)
        sheet.box(box, radius=3, edge="violated", width=2.6, z=3)
    elif had:
        sheet.box(box, radius=3, edge="violated", width=1.6, dash=(3, 2), z=2)
    else:
        sheet.box(box, radius=3, fill="panel", z=1)


def _owner(name: str, given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    owner: dict[str, str] = {}
    for member, things in given.items():
        for thing in things:
            if thing in owner:
                raise DsvizError(f"{name}: {owner[thing]} and {member} both have {thing}")
            owner[thing] = member
    return owner


def _caption(
    before: Mapping[str, Sequence[str]],
    after: Mapping[str, Sequence[str]],
    members: Sequence[str],
    moved: Sequence[str],
    what: str,
) -> str:
    loads = " / ".join(str(len(after.get(member, ()))) for member in members)
    said = f"{joined(members)} have {loads}"
    if before:
        said += f"; {counted(len(moved), what)} moved" if moved else "; nothing moved"
        came = [member for member in members if member not in before]
        gone = [member for member in members if member not in after]
        said += f" when {joined(came)} came" if came else ""
        said += f" when {joined(gone)} left" if gone else ""
    return said + "."
