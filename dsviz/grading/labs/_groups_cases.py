"""The executions that lab 16 is judged on: groups in which members come, go, stall and die.

Most runs have the learner's coordinator and members of ours, or the learner's member and a
coordinator that follows a script: so each is judged by itself, and little has to run in processes
apart. Runs of the whole group come last. Directed cases bring about one situation each; random
ones vary what nobody thought of. All times are ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from dsviz.grading.lab import Case, Classes
from dsviz.grading.labs._groups_clusters import AFTER, HOP, coordinated, grouped, partners
from dsviz.grading.labs._groups_coordinator_cases import (
    changes_in_barrier,
    comes_back,
    commit_of_old_generation,
    crash,
    dies_in_barrier,
    greedy,
    joins,
    killed,
    late_commit,
    late_confirmation,
    leaves,
    power_at_commit,
    power_in_barrier,
    unheard,
    zombie,
)
from dsviz.grading.labs._groups_member_cases import (
    asked_soon,
    busy,
    keeps,
    old_messages,
    outside,
    overtaken,
    records_too_late,
    same_again,
)
from dsviz.grading.labs._groups_nodes import NEVER, Partner
from dsviz.sim.faults import Crash, Duplicate, Fault, Loss, Pause, PowerLoss, Reorder, Restart
from dsviz.sim.network import Network
from dsviz.sim.node import Client, Node, Op
from dsviz.sim.scenario import Scenario

# The group ------------------------------------------------------------------------------------


def together(classes: Classes, seed: int) -> Case:
    """A third member joins two, and nothing goes wrong."""
    starts = (0.0, 40.0, 4000.0 + seed % 10 * 70)
    name = "a third member joins"
    return Case(name, grouped(classes, name, starts, 9000.0, backlog=6), seed)


def group_crash(classes: Classes, seed: int) -> Case:
    """A member dies in the middle of its work."""
    at = 3000.0 + seed % 20 * 45
    name = "a member dies at work"
    scenario = grouped(classes, name, (0.0, 40.0, 80.0), at + AFTER, Crash("c2", at=at))
    return Case(name, scenario, seed)


def group_zombie(classes: Classes, seed: int) -> Case:
    """A member stands still in the middle of its work, for longer than a session."""
    at, still = 3000.0 + seed % 20 * 45, 6000.0 + seed % 5 * 300
    pause = Pause("c2", at=at, duration=still)
    name = "a member stands still at work"
    scenario = grouped(classes, name, (0.0, 40.0, 80.0), at + still + AFTER, pause)
    return Case(name, scenario, seed)


def group_power(classes: Classes, seed: int) -> Case:
    """The coordinator loses power."""
    at = 3000.0 + seed % 20 * 45
    faults = (PowerLoss("coord", at=at), Restart("coord", at=at + 400))
    name = "the coordinator loses power, members at work"
    scenario = grouped(classes, name, (0.0, 40.0, 80.0), at + 400 + AFTER, *faults)
    return Case(name, scenario, seed)


# Families -------------------------------------------------------------------------------------


def owner_cases(classes: Classes, seed: int) -> Iterator[Case]:
    """Yield what needs one owner in each generation."""
    yield joins(classes, seed)
    yield changes_in_barrier(classes, seed)
    yield busy(classes, seed)
    yield asked_soon(classes, seed)
    yield overtaken(classes, seed)
    yield outside(classes, seed)
    yield records_too_late(classes, seed)
    yield old_messages(classes, seed)
    yield same_again(classes, seed)
    yield together(classes, seed)
    yield zombie(classes, seed)
    yield late_confirmation(classes, seed)


def commit_cases(classes: Classes, seed: int) -> Iterator[Case]:
    """Yield what needs stale commits refused and others kept."""
    yield zombie(classes, seed)
    yield greedy(classes, seed)
    yield commit_of_old_generation(classes, seed)
    yield late_commit(classes, seed)
    yield busy(classes, seed)
    yield keeps(classes, seed)
    yield group_crash(classes, seed)


def live_cases(classes: Classes, seed: int) -> Iterator[Case]:
    """Yield what has to go on."""
    yield joins(classes, seed)
    yield leaves(classes, seed)
    yield crash(classes, seed)
    yield dies_in_barrier(classes, seed)
    yield comes_back(classes, seed)
    for src, dst in (("coord", "c4"), ("coord", "c1"), ("c1", "coord")):
        yield unheard(classes, seed, src, dst)
    yield keeps(classes, seed)
    yield old_messages(classes, seed)
    yield together(classes, seed)
    yield group_zombie(classes, seed)


def dealt_cases(classes: Classes, seed: int) -> Iterator[Case]:
    """Yield questions to the learner's function, and changes after which it is asked."""
    yield from dealing(classes, seed)
    yield from dealt_in_groups(classes, seed)


def dealt_in_groups(classes: Classes, seed: int) -> Iterator[Case]:
    """Yield changes after which partitions are dealt out anew."""
    for number in (1, 2, 3, 5):
        yield joins(classes, seed, number)
    yield leaves(classes, seed)
    yield crash(classes, seed)
    yield changes_in_barrier(classes, seed)


def restart_cases(classes: Classes, seed: int) -> Iterator[Case]:
    """Yield restarts of the coordinator."""
    yield killed(classes, seed)
    for step in range(3):
        yield power_in_barrier(classes, seed, step)
    for step in range(2):
        yield power_at_commit(classes, seed, step)
    yield group_power(classes, seed)


def varied_owner_cases(classes: Classes, seed: int) -> Iterator[Case]:
    """Yield those in which more than one moment matters."""
    yield busy(classes, seed)
    yield together(classes, seed)


def varied_commit_cases(classes: Classes, seed: int) -> Iterator[Case]:
    """Yield those in which more than one moment matters."""
    yield busy(classes, seed)
    yield group_crash(classes, seed)


def varied_live_cases(classes: Classes, seed: int) -> Iterator[Case]:
    """Yield those in which more than one moment matters."""
    yield dies_in_barrier(classes, seed)
    yield group_zombie(classes, seed)


def varied_restart_cases(classes: Classes, seed: int) -> Iterator[Case]:
    """Yield those in which more than one moment matters."""
    yield killed(classes, seed)
    yield group_power(classes, seed)


def directed(classes: Classes, seed: int) -> Iterator[Case]:
    """Yield every situation once."""
    seen = set()
    for family in (owner_cases, commit_cases, live_cases, dealt_in_groups):
        for case in family(classes, seed):
            if case.name not in seen:
                seen.add(case.name)
                yield case
    yield from restart_cases(classes, seed)


# Random cases ---------------------------------------------------------------------------------


def storm(classes: Classes, seed: int) -> Case:
    """Fourteen members join and leave as they like for some seconds."""
    draw = Random(f"{seed}/storm")
    members: dict[str, Node] = {
        f"c{i + 1}": Partner(
            starts=20.0 * i if i < 3 else NEVER, gives_back=draw.choice((0.0, 300.0))
        )
        for i in range(14)
    }
    inside = ["c1", "c2", "c3"]
    ops = []
    at = 1000.0
    while at < 7000:
        at += draw.choice((30.0, 150.0, 600.0)) * draw.uniform(0.5, 1.5)
        outside_ = [name for name in members if name not in inside]
        if outside_ and (len(inside) < 3 or draw.random() < 0.6):
            who = draw.choice(outside_)
            inside.append(who)
            ops.append(Op("come", "", to=who, at=at))
        else:
            who = draw.choice([name for name in inside if name != "c1"])
            inside.remove(who)
            ops.append(Op("go", "", to=who, at=at))
    name = "fourteen members come and go"
    return Case(name, coordinated(classes, name, members, 11_000.0, ops=ops), seed)


def stalls(classes: Classes, seed: int) -> Case:
    """Members stand still for 1 to 20 s, or die and come back."""
    draw = Random(f"{seed}/stalls")
    faults: list[Fault] = []
    for name in draw.sample(("c2", "c3", "c4"), 2):
        at = draw.uniform(2000, 6000)
        if draw.random() < 0.6:
            faults.append(
                Pause(name, at=at, duration=draw.choice((1000, 3000, 5000, 9000, 20_000)))
            )
        else:
            faults += [Crash(name, at=at), Restart(name, at=at + draw.uniform(200, 7000))]
    end = max(fault.ends or fault.at for fault in faults) + AFTER
    name = "members stand still, die and come back"
    if draw.random() < 0.6:
        members = partners(4)
        return Case(name, coordinated(classes, name, members, end, *faults), seed)
    return Case(name, grouped(classes, name, (0.0, 40.0, 80.0, 120.0), end, *faults), seed)


def bad_links(classes: Classes, seed: int) -> Case:
    """One message in five is lost, or what members say comes twice and in any order; c4 joins and
    c2 dies meanwhile, or the coordinator loses power."""
    draw = Random(f"{seed}/links")
    members = partners(3, gives_back=draw.choice((0.0, 200.0)))
    members["c4"] = Partner(starts=draw.uniform(2000, 5000))
    faults: list[Fault] = []
    if draw.random() < 0.5:
        faults += [Loss(0.2, src=name, dst="coord", at=1000, duration=7000) for name in members]
        faults += [Loss(0.2, src="coord", dst=name, at=1000, duration=7000) for name in members]
    else:
        for name in members:
            faults.append(Duplicate(0.5, src=name, dst="coord", at=1000, duration=7000))
            faults.append(Reorder(80.0, src=name, dst="coord", at=1000, duration=7000))
    at = draw.uniform(3000, 7000)
    if draw.random() < 0.5:
        faults += [PowerLoss("coord", at=at), Restart("coord", at=at + draw.uniform(20, 1500))]
    else:
        faults.append(Crash("c2", at=at))
    name = "messages get lost, or come twice and in any order"
    end = 8600 + AFTER
    return Case(name, coordinated(classes, name, members, end, *faults), seed)


# By itself ------------------------------------------------------------------------------------


def dealing(classes: Classes, seed: int) -> Iterator[Case]:
    """Yield questions to the learner's function by itself."""
    draw = Random(f"{seed}/dealing")
    questions: list[tuple[dict[str, list[int]], list[str], int]] = [
        ({}, ["a"], 6),
        ({}, ["a", "b", "c", "d"], 12),
        ({"a": [0, 1, 2, 3], "b": [4, 5, 6, 7], "c": [8, 9, 10, 11]}, ["a", "b", "c", "d"], 12),
        ({"a": [0, 3, 6], "b": [1, 4, 7], "c": [2, 5, 8]}, ["a", "c"], 9),
        ({"a": [0, 1]}, ["a", "b", "c"], 2),
        ({"a": [0], "b": [1, 2, 3, 4, 5]}, ["a", "b", "c"], 6),
    ]
    for _ in range(4):
        names = [f"m{i:02}" for i in range(draw.randint(2, 11))]
        many = draw.randint(1, 60)
        previous: dict[str, list[int]] = {name: [] for name in names}
        for p in range(many):
            if draw.random() < 0.8:
                previous[draw.choice(names)].append(p)
        stay = [name for name in names if draw.random() < 0.8] or names[:1]
        questions.append((previous, [*stay, "new"][: len(stay) + draw.randint(0, 1)], many))
    ops = []
    for place, (previous, members, many) in enumerate(questions):
        had = {member: tuple(mine) for member, mine in previous.items()}
        asked = (had, tuple(members), tuple(range(many)))
        ops.append(Op("assign", "", asked, "dealer", 100.0 * (place + 1)))
    nodes = {"op": Client(operations=tuple(ops), timeout=80.0), "dealer": classes["Assignor"]()}
    name = "partitions are dealt out"
    end = 100.0 * (len(questions) + 2)
    yield Case(name, Scenario(name, nodes, end, Network(HOP)), seed)
