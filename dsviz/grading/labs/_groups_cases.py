"""The executions that lab 16 is judged on: groups in which members come, go, stall and die.

Most runs have the learner's coordinator and members of ours, or the learner's member and a
coordinator that follows a script: so each is judged by itself, and little has to run in processes
apart. Runs of the whole group come last. Directed cases bring about one situation each; random
ones vary what nobody thought of. All times are ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import Any

from dsviz.grading.lab import Case, Classes
from dsviz.grading.labs._groups_nodes import NEVER, Effects, Partner, Script, Topic
from dsviz.grading.labs._groups_properties import BOUND
from dsviz.sim.faults import (
    Crash,
    Cut,
    Delay,
    Duplicate,
    Fault,
    Loss,
    Pause,
    PowerLoss,
    Reorder,
    Restart,
)
from dsviz.sim.network import Network
from dsviz.sim.node import Client, Node, Op
from dsviz.sim.scenario import Scenario

HOP = 5.0
SYNC = 2.0
SLOW_SYNC = 20.0
CHANGE = 5000.0  # when a directed case lets something happen
AFTER = BOUND + 500  # how long a run goes on after that


# Clusters -------------------------------------------------------------------------------------


def partners(number: int, **options: Any) -> dict[str, Node]:
    """Return members of ours, c1 to c<number>, that join one after the other."""
    return {f"c{i + 1}": Partner(starts=40.0 * i, **options) for i in range(number)}


def coordinated(
    classes: Classes,
    name: str,
    members: dict[str, Node],
    end: float,
    *faults: Fault,
    ops: Sequence[Op] = (),
    sync_ms: float = SYNC,
    network: Network | None = None,
) -> Scenario:
    """Return the learner's coordinator with members of ours, and an operator who sends them."""
    nodes: dict[str, Node] = {**members, "coord": classes["GroupCoordinator"](partitions=12)}
    if ops:
        nodes["op"] = Client(operations=tuple(ops), timeout=100.0)
    return Scenario(name, nodes, end, network or Network(HOP), faults, (), sync_ms)


def grouped(
    classes: Classes,
    name: str,
    starts: Sequence[float],
    end: float,
    *faults: Fault,
    every: float = 500.0,
    backlog: int = 3,
    sync_ms: float = SYNC,
) -> Scenario:
    """Return a whole group: the learner's coordinator and members, six partitions."""
    nodes: dict[str, Node] = {
        f"c{i + 1}": classes["Member"](starts=at) for i, at in enumerate(starts)
    }
    nodes["coord"] = classes["GroupCoordinator"](partitions=6)
    nodes |= {"b": Topic(every=every, backlog=backlog), "db": Effects()}
    return Scenario(name, nodes, end, Network(HOP), faults, (), sync_ms)


def scripted(
    classes: Classes,
    name: str,
    end: float,
    plan: Iterable[tuple[float, str, dict[str, Any]]],
    *faults: Fault,
    every: float = 500.0,
    backlog: int = 3,
) -> Scenario:
    """Return the learner's member with a coordinator that follows a script."""
    nodes: dict[str, Node] = {"c1": classes["Member"]()}
    nodes |= {"coord": Script(plan=tuple(plan)), "b": Topic(every=every, backlog=backlog)}
    nodes["db"] = Effects()
    return Scenario(f"script: {name}", nodes, end, Network(HOP), faults, (), SYNC)


# The coordinator ------------------------------------------------------------------------------


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
    members = partners(2)
    members["c3"] = Partner(starts=CHANGE + 600)  # nobody commits just then
    at = CHANGE + 608.0 + SLOW_SYNC * step + seed % int(SLOW_SYNC)
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


# The member -----------------------------------------------------------------------------------


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
    """Yield changes after which partitions are dealt out anew."""
    for number in (1, 2, 3, 5):
        yield joins(classes, seed, number)
    yield leaves(classes, seed)
    yield crash(classes, seed)
    yield changes_in_barrier(classes, seed)


def restart_cases(classes: Classes, seed: int) -> Iterator[Case]:
    """Yield restarts of the coordinator."""
    yield killed(classes, seed)
    for step in range(8):
        yield power_in_barrier(classes, seed, step)
    for step in range(4):
        yield power_at_commit(classes, seed, step)
    yield group_power(classes, seed)


def directed(classes: Classes, seed: int) -> Iterator[Case]:
    """Yield every situation once."""
    seen = set()
    for family in (owner_cases, commit_cases, live_cases, dealt_cases):
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
