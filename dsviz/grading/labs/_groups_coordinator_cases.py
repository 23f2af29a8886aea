"""Directed cases for the coordinator of lab 16: members of ours that come, go, stall and die.

Each brings about one situation; where it depends on how long a submission's steps take, the moment
is swept. All times are ms.
"""

from __future__ import annotations

from dsviz.grading.lab import Case, Classes
from dsviz.grading.labs._groups_clusters import AFTER, CHANGE, SLOW_SYNC, coordinated, partners
from dsviz.grading.labs._groups_nodes import NEVER, Partner
from dsviz.sim.faults import Crash, Cut, Delay, Pause, PowerLoss, Restart
from dsviz.sim.node import Node, Op


def joins(classes: Classes, seed: int, number: int = 3) -> Case:
    """One more member joins; c1 takes its time to give back."""
    members = partners(number)
    members["c1"] = Partner(gives_back=400.0)
    members[f"c{number + 1}"] = Partner(starts=CHANGE + seed % 10 * 100)
    name = f"c{number + 1} joins {number} others"
    return Case(name, coordinated(classes, name, members, CHANGE + 4500), seed)


def leaves(classes: Classes, seed: int) -> Case:
    """A member leaves in good order."""
    ops = [Op("go", "", to="c2", at=CHANGE + seed % 10 * 100)]
    name = "c2 leaves"
    return Case(name, coordinated(classes, name, partners(4), CHANGE + 4500, ops=ops), seed)


def crash(classes: Classes, seed: int) -> Case:
    """A member dies."""
    at = CHANGE + seed % 10 * 100
    name = "c2 dies"
    return Case(name, coordinated(classes, name, partners(4), at + AFTER, Crash("c2", at=at)), seed)


def zombie(classes: Classes, seed: int) -> Case:
    """A member stands still for longer than a session, and wakes up with old positions."""
    at, still = CHANGE + seed % 10 * 50, 7000.0 + seed % 4 * 500
    faults = (Pause("c2", at=at, duration=still), Crash("c3", at=at + still + 1500))
    end = at + still + 1500 + AFTER
    name = "c2 stands still for longer than a session"
    return Case(name, coordinated(classes, name, partners(4), end, *faults), seed)


def dies_in_barrier(classes: Classes, seed: int) -> Case:
    """A member dies when it has been asked to give back and has not done it."""
    members = partners(3)
    members["c1"] = Partner(gives_back=600.0)
    members["c4"] = Partner(starts=CHANGE)
    at = CHANGE + 100 + seed % 5 * 100
    name = "c1 dies when it is to give back"
    scenario = coordinated(classes, name, members, at + AFTER, Crash("c1", at=at))
    return Case(name, scenario, seed)


def changes_in_barrier(classes: Classes, seed: int) -> Case:
    """Others join and leave while a member is being waited for."""
    members = partners(3)
    members["c1"] = Partner(gives_back=600.0)
    members["c4"] = Partner(starts=CHANGE)
    members["c5"] = Partner(starts=CHANGE + 150 + seed % 3 * 50)
    ops = [Op("go", "", to="c2", at=CHANGE + 350 + seed % 4 * 50)]
    name = "c5 joins and c2 leaves while c1 is waited for"
    return Case(name, coordinated(classes, name, members, CHANGE + 6000, ops=ops), seed)


def unheard(classes: Classes, seed: int, src: str, dst: str) -> Case:
    """What is said while a member joins gets lost in one direction."""
    members = partners(3)
    members["c4"] = Partner(starts=CHANGE)
    cut = Cut(src, dst, at=CHANGE + 6, duration=1500.0 + seed % 5 * 100)
    name = f"what {src} says to {dst} is lost"
    return Case(name, coordinated(classes, name, members, CHANGE + 1500 + AFTER, cut), seed)


def late_commit(classes: Classes, seed: int) -> Case:
    """A commit is overtaken by the next one, and then its member dies."""
    late = Delay(2800.0 + seed % 5 * 100, "c2", "coord", at=CHANGE, duration=100.0)
    faults = (late, Crash("c2", at=CHANGE + 4000))
    name = "a commit of c2 is overtaken by the next one"
    return Case(name, coordinated(classes, name, partners(4), CHANGE + 4000 + AFTER, *faults), seed)


def commit_of_old_generation(classes: Classes, seed: int) -> Case:
    """A commit comes so late that the next generation has begun."""
    members = partners(3)
    members["c4"] = Partner(starts=CHANGE + 200)
    late = Delay(500.0 + seed % 5 * 50, "c2", "coord", at=CHANGE, duration=100.0)
    name = "a commit of c2 comes in the next generation"
    return Case(name, coordinated(classes, name, members, CHANGE + AFTER, late), seed)


def greedy(classes: Classes, seed: int) -> Case:
    """A member with a bug also commits what it has given back, in the current generation."""
    members = partners(3, greedy=True)
    members["c4"] = Partner(starts=CHANGE + seed % 10 * 50)
    name = "members commit what they have given back"
    return Case(name, coordinated(classes, name, members, CHANGE + 4500), seed)


def late_confirmation(classes: Classes, seed: int) -> Case:
    """That a member has given back comes late: when it has been asked again, later."""
    members: dict[str, Node] = {"c1": Partner(gives_back=400.0), "c2": Partner(starts=NEVER)}
    ops = [
        Op("come", "", to="c2", at=3000.0),
        Op("go", "", to="c2", at=5500.0),
        Op("come", "", to="c2", at=7000.0),
    ]
    late = Delay(3700.0 + seed % 5 * 40, "c1", "coord", at=3300, duration=200.0)
    name = "c1's answer comes two generations late"
    return Case(name, coordinated(classes, name, members, 8000 + AFTER, late, ops=ops), seed)


def comes_back(classes: Classes, seed: int) -> Case:
    """A member dies and is started again before anybody has noticed."""
    at = CHANGE + seed % 10 * 50
    faults = (Crash("c2", at=at), Restart("c2", at=at + 500 + seed % 4 * 200))
    name = "c2 is restarted within a session"
    return Case(name, coordinated(classes, name, partners(3), at + 1000 + AFTER, *faults), seed)


def power_in_barrier(classes: Classes, seed: int, step: int) -> Case:
    """The coordinator loses power when a generation is about to begin; disks are slow."""
    members = partners(2, commits=False)  # so nothing but the generation is written just then
    members["c3"] = Partner(starts=CHANGE, commits=False)
    at = CHANGE + 14.0 + 12 * step + seed % 12
    faults = (PowerLoss("coord", at=at), Restart("coord", at=at + 400))
    name = "the coordinator loses power as a generation begins"
    scenario = coordinated(classes, name, members, at + 400 + AFTER, *faults, sync_ms=SLOW_SYNC)
    return Case(name, scenario, seed)


def power_at_commit(classes: Classes, seed: int, step: int) -> Case:
    """The coordinator loses power when members commit; disks are slow."""
    at = 5007.0 + 11 * step + seed % 7
    faults = (PowerLoss("coord", at=at), Restart("coord", at=at + 400))
    name = "the coordinator loses power as members commit"
    scenario = coordinated(classes, name, partners(3), at + 400 + AFTER, *faults, sync_ms=SLOW_SYNC)
    return Case(name, scenario, seed)


def killed(classes: Classes, seed: int) -> Case:
    """The coordinator's process is killed, twice."""
    at = CHANGE + seed % 10 * 70
    faults = (
        Crash("coord", at=at),
        Restart("coord", at=at + 300),
        PowerLoss("coord", at=at + 3500),
        Restart("coord", at=at + 3800),
    )
    name = "the coordinator is killed, and later loses power"
    scenario = coordinated(classes, name, partners(3), at + 3800 + AFTER, *faults)
    return Case(name, scenario, seed)
