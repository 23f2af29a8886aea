"""How a group's topic partitions are given to its members: range, round-robin, sticky.

As in Apache Kafka's `RangeAssignor`, `RoundRobinAssignor` and `StickyAssignor` (4.0), for members
that all subscribe to the same topics. Pure functions: a member and a partition are names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dsviz.errors import DsvizError

Assignment = dict[str, list[str]]  # member -> its partitions, in order

#: By the names that clients give them.
ASSIGNORS = ("range", "roundrobin", "sticky")


def assign(
    assignor: str,
    members: Sequence[str],
    topics: Mapping[str, int],
    before: Mapping[str, Sequence[str]] | None = None,
) -> Assignment:
    """Return who gets what: `topics` maps a topic to how many partitions it has.

    `before` is the assignment up to now, which only ``sticky`` looks at. Raises DsvizError for an
    assignor that there is not.
    """
    if assignor == "range":
        return by_range(members, topics)
    if assignor == "roundrobin":
        return round_robin(members, topics)
    if assignor == "sticky":
        return sticky(members, topics, before)
    raise DsvizError(f"assignor={assignor!r} is not known; there are {', '.join(ASSIGNORS)}")


def partitions(topics: Mapping[str, int]) -> list[str]:
    """Return the names of all partitions: ``orders-0``, ``orders-1``, …"""
    return [f"{topic}-{number}" for topic, count in topics.items() for number in range(count)]


def by_range(members: Sequence[str], topics: Mapping[str, int]) -> Assignment:
    """Cut each topic by itself into as many ranges as there are members.

    The first members get one more where it does not come out even: with many small topics always
    the same ones.
    """
    found: Assignment = {member: [] for member in sorted(members)}
    for topic, count in topics.items():
        each, more = divmod(count, len(found)) if found else (0, 0)
        begin = 0
        for place, member in enumerate(found):
            size = each + (place < more)
            found[member] += [f"{topic}-{number}" for number in range(begin, begin + size)]
            begin += size
    return found


def round_robin(members: Sequence[str], topics: Mapping[str, int]) -> Assignment:
    """Deal all partitions of all topics out in turn, like cards."""
    found: Assignment = {member: [] for member in sorted(members)}
    names = list(found)
    for place, partition in enumerate(partitions(topics) if names else ()):
        found[names[place % len(names)]].append(partition)
    return found


def sticky(
    members: Sequence[str],
    topics: Mapping[str, int],
    before: Mapping[str, Sequence[str]] | None = None,
) -> Assignment:
    """Keep what members have, as far as loads differ by one at most, and move only the rest.

    What nobody has goes to whoever has least, the first by name. Every move is needed: a member
    gives away only what it has beyond its share.
    """
    names, every = sorted(members), partitions(topics)
    if not names:
        return {}
    held = {member: [p for p in (before or {}).get(member, ()) if p in every] for member in names}
    least, more = divmod(len(every), len(names))
    # Those that have most keep one more than the others.
    richest = sorted(names, key=lambda member: (-len(held[member]), names.index(member)))
    share = {member: least + (place < more) for place, member in enumerate(richest)}
    found = {member: held[member][: share[member]] for member in names}
    taken = {partition for mine in found.values() for partition in mine}
    for partition in every:
        if partition not in taken:
            poorest = min(names, key=lambda member: (len(found[member]) - share[member], member))
            found[poorest].append(partition)
    return {member: sorted(found[member], key=every.index) for member in names}


def moved(before: Mapping[str, Sequence[str]], after: Mapping[str, Sequence[str]]) -> int:
    """Return how many partitions have another owner than before."""
    owner = {partition: member for member, mine in before.items() for partition in mine}
    return sum(
        partition in owner and owner[partition] != member
        for member, mine in after.items()
        for partition in mine
    )


def loads(assignment: Mapping[str, Sequence[str]]) -> list[int]:
    """Return how many partitions each member has, in order of their names."""
    return [len(assignment[member]) for member in sorted(assignment)]
