"""Directed cases for the member of lab 16: what a coordinator of ours says to it, and when.

All times are ms.
"""

from __future__ import annotations

from dsviz.grading.lab import Case, Classes
from dsviz.grading.labs._groups_clusters import CHANGE, scripted
from dsviz.sim.faults import Delay


def _offsets(**begin: int) -> dict[int, int]:
    return {int(name[1:]): offset for name, offset in begin.items()}


def keeps(classes: Classes, seed: int) -> Case:
    """It gives one partition back, keeps two, and is then told old offsets of those."""
    asked = CHANGE + seed % 10 * 37
    plan = (
        (20.0, "assign", {"generation": 1, "offsets": _offsets(p0=0, p1=0, p2=0)}),
        (asked, "revoke", {"generation": 1, "partitions": (2,)}),
        (asked + 2500, "assign", {"generation": 2, "offsets": _offsets(p0=2, p1=2)}),
    )
    name = "a member keeps two of three partitions"
    return Case(name, scripted(classes, name, asked + 5000, plan), seed)


def busy(classes: Classes, seed: int) -> Case:
    """It is asked to give back when many records wait in its buffer, and a record is at work."""
    asked = 1250.0 + seed % 20 * 25
    plan = (
        (20.0, "assign", {"generation": 1, "offsets": _offsets(p0=0, p1=0, p2=0)}),
        (asked, "revoke", {"generation": 1, "partitions": (1, 2)}),
        (asked + 1100, "assign", {"generation": 2, "offsets": _offsets(p0=1)}),
    )
    name = "a busy member is asked to give back"
    return Case(name, scripted(classes, name, 6000.0, plan, backlog=12, every=400.0), seed)


def asked_soon(classes: Classes, seed: int) -> Case:
    """It is asked to give back when the first records of all partitions wait in its buffer."""
    asked = 620.0 + seed % 10 * 20
    plan = (
        (20.0, "assign", {"generation": 1, "offsets": _offsets(p0=0, p1=0, p2=0)}),
        (asked, "revoke", {"generation": 1, "partitions": (1, 2)}),
        (asked + 1100, "assign", {"generation": 2, "offsets": _offsets(p0=1)}),
    )
    name = "a member is asked before it has begun with a partition"
    return Case(name, scripted(classes, name, 5000.0, plan, backlog=4), seed)


def overtaken(classes: Classes, seed: int) -> Case:
    """A request overtakes the assignment of the same generation, and is made again."""
    at = 3000.0 + seed % 10 * 50
    plan = (
        (20.0, "assign", {"generation": 1, "offsets": _offsets(p0=0, p1=0)}),
        (at, "revoke", {"generation": 2, "partitions": (1,)}),
        (at + 150, "assign", {"generation": 2, "offsets": _offsets(p0=0, p1=0)}),
        (at + 1700, "revoke", {"generation": 2, "partitions": (1,)}),
        (at + 2500, "assign", {"generation": 3, "offsets": _offsets(p0=0)}),
    )
    name = "a request overtakes an assignment"
    return Case(name, scripted(classes, name, at + 5000, plan), seed)


def records_too_late(classes: Classes, seed: int) -> Case:
    """Records that it asked for come when it has given their partition back."""
    asked = 3000.0 + 100 + seed % 8 * 20
    plan = (
        (20.0, "assign", {"generation": 1, "offsets": _offsets(p0=0, p1=0)}),
        (asked, "revoke", {"generation": 1, "partitions": (1,)}),
        (asked + 50, "assign", {"generation": 2, "offsets": _offsets(p0=0)}),
        (asked + 1500, "revoke", {"generation": 2, "partitions": (0,)}),
        (asked + 1600, "assign", {"generation": 3, "offsets": _offsets(p1=9)}),
    )
    name = "records come when their partition is gone"
    late = Delay(330.0, "b", "c1")
    return Case(name, scripted(classes, name, asked + 4500, plan, late, every=300.0), seed)


def outside(classes: Classes, seed: int) -> Case:
    """It is told that the group has gone on, joins anew, and gets back a part of what it had."""
    at = 2300.0 + seed % 20 * 25
    plan = (
        (20.0, "assign", {"generation": 1, "offsets": _offsets(p0=0, p1=0)}),
        (at, "unknown", {}),
        (at + 2000, "assign", {"generation": 3, "offsets": _offsets(p1=1, p3=0)}),
    )
    name = "a member is told that it is out"
    return Case(name, scripted(classes, name, at + 5000, plan, backlog=10), seed)


def old_messages(classes: Classes, seed: int) -> Case:
    """An assignment and a request of an older generation come late."""
    at = 3000.0 + seed % 10 * 50
    plan = (
        (20.0, "assign", {"generation": 1, "offsets": _offsets(p0=0, p1=0)}),
        (at, "revoke", {"generation": 1, "partitions": (1,)}),
        (at + 300, "assign", {"generation": 2, "offsets": _offsets(p0=3)}),
        (at + 800, "assign", {"generation": 1, "offsets": _offsets(p0=0, p1=0)}),
        (at + 2200, "revoke", {"generation": 1, "partitions": (0,)}),
        (at + 2900, "assign", {"generation": 2, "offsets": _offsets(p0=3)}),
    )
    name = "messages of an older generation come late"
    return Case(name, scripted(classes, name, at + 6000, plan), seed)


def same_again(classes: Classes, seed: int) -> Case:
    """The same assignment comes again when a part of it is given back, and the same request."""
    at = 3000.0 + seed % 10 * 50
    first = {"generation": 1, "offsets": _offsets(p0=0, p1=0)}
    plan = (
        (20.0, "assign", first),
        (at, "revoke", {"generation": 1, "partitions": (1,)}),
        (at + 100, "assign", first),
        (at + 1000, "revoke", {"generation": 1, "partitions": (1,)}),
        (at + 1500, "assign", {"generation": 2, "offsets": _offsets(p0=3)}),
    )
    name = "an assignment comes twice"
    return Case(name, scripted(classes, name, at + 4000, plan), seed)
