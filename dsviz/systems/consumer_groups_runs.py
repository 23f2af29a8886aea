"""Runs of a consumer group: the experiments of the lesson, and what is measured of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any, NamedTuple

from dsviz.sim.faults import Crash, Fault, Pause
from dsviz.sim.network import Network
from dsviz.sim.scenario import Scenario
from dsviz.systems.consumer_groups import TOPIC, Broker, Coordinator, Operator, Sink
from dsviz.systems.consumer_groups_assignors import ASSIGNORS, assign, loads, moved
from dsviz.systems.consumer_groups_checks import CHECKS, progress
from dsviz.systems.consumer_groups_member import Member
from dsviz.trace import Trace

HOP = 1.0  # ms


def group(
    name: str,
    members: dict[str, Member],
    coordinator: Coordinator,
    broker: Broker,
    duration: float,
    *faults: Fault,
    sink: Sink | None = None,
    others: dict[str, Any] | None = None,
) -> Scenario:
    """Return a scenario on a fast, even network, with the judges of a consumer group.

    A group must get on within a session, a heartbeat, a barrier and a commit interval.
    """
    nodes: dict[str, Any] = dict(members)
    nodes |= {"coord": coordinator, "b": broker, "db": sink or Sink()}
    one = next(iter(members.values()))
    bound = coordinator.session + one.heartbeat + one.finish + one.commit_every
    checks = (*CHECKS, progress(bound, broker.end_at))
    return Scenario(name, nodes | (others or {}), duration, Network(HOP), faults, checks, 0.1)


def four(**options: Any) -> dict[str, Member]:
    """Return the members c1 to c4."""
    return {f"c{number}": Member(**options) for number in range(1, 5)}


def names(*numbers: int) -> list[str]:
    """Return names of partitions."""
    return [f"{TOPIC}-{number}" for number in numbers]


# Experiments ------------------------------------------------------------------------------------


def unheard(
    how: str = "crash",
    session: float = 10_000.0,
    heartbeat: float = 3000.0,
    assignor: str = "range",
) -> Scenario:
    """Return the run in which c2 stops at 13,000 ms.

    `how` is ``crash``, ``leave`` (in good order) or ``pause`` (for 4 s). `session` and `heartbeat`
    are in ms.
    """
    members = four(heartbeat=heartbeat, session=session)
    coordinator = Coordinator(session=session, assignor=assignor)
    name = f"{how}, session {session / 1000:g} s"
    if how == "leave":
        operator = Operator(plan=((13_000.0 - HOP, "c2"),), down=1e6)
        return group(name, members, coordinator, Broker(), 30_000.0, others={"op": operator})
    stop = Crash("c2", at=13_000) if how == "crash" else Pause("c2", at=13_000, duration=4000)
    return group(name, members, coordinator, Broker(), 30_000.0, stop)


def slow_polls(most: int = 50, members: int = 1) -> Scenario:
    """Return the run in which a poll takes longer than it may: 120 ms a record, 5,000 ms a poll."""
    made = {
        f"c{number + 1}": Member(most=most, work=120.0, poll_interval=5000.0)
        for number in range(members)
    }
    coordinator = Coordinator(partitions=1)
    broker = Broker(partitions=1, every=0.0, backlog=2000)
    return group(f"{most} a poll", made, coordinator, broker, 60_050.0)


def zombie(check: bool = True, fenced: bool = False) -> Scenario:
    """Return the run in which c2 stands still from 13,000 to 28,000 ms and then commits.

    Nine partitions, three each. c3 joins while c2 is being evicted and takes its partitions over;
    it crashes at 29,000 ms, and what it had is read again.
    """
    members = {name: Member() for name in ("c1", "c2", "c4")}
    members["c3"] = Member(work=4.0, starts=22_500.0)
    coordinator = Coordinator(partitions=9, check_generation=check)
    faults = (Pause("c2", at=13_000, duration=15_000), Crash("c3", at=29_000))
    name = "zombie" + (", checked" if check else "") + (", fenced" if fenced else "")
    sink = Sink(fenced=fenced)
    return group(name, members, coordinator, Broker(partitions=9), 45_000.0, *faults, sink=sink)


#: What a rolling restart is tried with: the protocols, and eager with instance ids.
PROTOCOLS = ("eager", "next", "static", "cooperative")


def rolling_restart(protocol: str = "eager") -> Scenario:
    """Return the run in which all four members are restarted one by one, down for 5 s each.

    `protocol` is ``eager``, ``cooperative``, ``next`` or ``static`` (eager with instance ids).
    """
    plan = tuple((20_000.0 + 10_000.0 * i, f"c{i + 1}") for i in range(4))
    coordinator = Coordinator(
        protocol="eager" if protocol == "static" else protocol, assignor="sticky"
    )
    members = four(static=protocol == "static")
    operator = Operator(plan=plan)
    return group(protocol, members, coordinator, Broker(), 70_000.0, others={"op": operator})


def late_joiner(coordinator: Coordinator | None = None) -> Scenario:
    """Return a run without faults in which c3 joins two others at 8,000 ms.

    Six partitions of two records a second each, and a sink that refuses old generations.
    """
    members = {name: Member(fetch_every=500.0) for name in ("c1", "c2")}
    members["c3"] = Member(fetch_every=500.0, starts=8000.0)
    broker = Broker(partitions=6, every=500.0)
    coordinator = coordinator or Coordinator(partitions=6)
    return group("c3 joins", members, coordinator, broker, 30_000.0, sink=Sink(fenced=True))


# Laws -------------------------------------------------------------------------------------------


def speedups(sizes: Iterable[int], partitions: int = 12, records: int = 40) -> dict[int, float]:
    """Return, for each size of a group, how many times as fast as one member it is.

    They work off a backlog of `records` in each partition; it counts from the first to the last.
    """
    took = {}
    for size in {1, *sizes}:
        made = {f"c{number + 1}": Member(most=100_000) for number in range(size)}
        broker = Broker(partitions=partitions, every=0.0, backlog=records)
        alone = partitions * records * Member.work
        scenario = group(f"{size} members", made, Coordinator(partitions=partitions), broker,
                         alone + 2000)  # fmt: skip
        times = [one.time for one in executions(scenario.run(0))]
        took[size] = times[-1] - times[0] + Member.work
    return {size: round(took[1] / took[size], 6) for size in sizes}


def moves(partitions: int, members: int) -> dict[str, int]:
    """Return by assignor how many partitions change hands when one member more joins."""
    some = [f"c{number + 1:02}" for number in range(members + 1)]
    topic = {TOPIC: partitions}
    found = {}
    for assignor in ASSIGNORS:
        before = assign(assignor, some[:-1], topic)
        found[assignor] = moved(before, assign(assignor, some, topic, before))
    return found


def loads_of_small_topics(assignor: str, topics: int = 10, each: int = 3) -> list[int]:
    """Return how many partitions each of four members gets of many small topics."""
    made = {f"t{number}": each for number in range(topics)}
    return loads(assign(assignor, list(four()), made))


def barriers(members: int, mean_ms: float, draws: int = 20_000, seed: int = 0) -> float:
    """Return the mean over `draws` of how long the slowest of `members` takes, in ms.

    Each takes an exponential time of `mean_ms` on average.
    """
    random = Random(f"{seed}/barriers/{members}")
    slowest = (max(random.expovariate(1 / mean_ms) for _ in range(members)) for _ in range(draws))
    return sum(slowest) / draws


# What is measured -------------------------------------------------------------------------------


class Execution(NamedTuple):
    """One record that a member worked on."""

    time: float
    partition: str
    offset: int
    member: str
    generation: int


def executions(trace: Trace) -> Iterator[Execution]:
    """Return every record worked on, in order of time; the same one may come again."""
    for time, _, what, node, src, data, _, _ in trace.rows:
        if what == "deliver" and node == "db" and data.kind == "effect":
            yield Execution(time, data.partition, data.offset, src, data.generation)


def repeated(trace: Trace, since: float = 0.0, partitions: list[str] | None = None) -> int:
    """Return how many records were worked on again from `since` ms on."""
    seen: set[tuple[str, int]] = set()
    again = 0
    for one in executions(trace):
        key = one.partition, one.offset
        if (
            key in seen
            and one.time >= since
            and (partitions is None or one.partition in partitions)
        ):
            again += 1
        seen.add(key)
    return again


def resumed(trace: Trace, partition: str, after: float) -> float:
    """Return when a partition was read again after `after` ms (infinity: never)."""
    times = (e.time for e in executions(trace) if e.partition == partition and e.time > after)
    return min(times, default=float("inf"))


Span = tuple[float, float, str]


def owners(trace: Trace) -> dict[str, list[Span]]:
    """Return for each partition who worked on it: (from, to, member) in ms, as members show it."""
    found: dict[str, list[Span]] = {}
    begun: dict[tuple[str, str], float] = {}
    for time, _, what, node, _, data, _, _ in trace.rows:
        if trace.nodes.get(node) != "member" or what not in ("state", "crash"):
            continue
        if what == "state" and "owns" not in data:
            continue
        mine = set(names(*map(int, data["owns"].split()))) if what == "state" else set()
        had = {partition for member, partition in begun if member == node}
        for partition in had - mine:
            since = begun.pop((node, partition))
            found.setdefault(partition, []).append((since, time, node))
        begun |= dict.fromkeys(((node, partition) for partition in mine - had), time)
    for (member, partition), since in begun.items():
        found.setdefault(partition, []).append((since, trace.duration, member))
    return {name: sorted(found[name]) for name in sorted(found, key=lambda n: int(n.split("-")[1]))}


def generations(trace: Trace) -> list[Span]:
    """Return the generations of the group, (from, to, number) in ms: what the coordinator shows."""
    found: list[Span] = []
    for event in trace.select("state", node="coord"):
        number = event.data.get("generation")
        if number is not None and (not found or found[-1][2] != str(number)):
            if found:
                found[-1] = (found[-1][0], event.time, found[-1][2])
            found.append((event.time, trace.duration, str(number)))
    return found


def lag(trace: Trace, partition: str, every: float = 100.0) -> list[tuple[float, float]]:
    """Return (ms, records committed to the topic and not yet worked on) over time.

    `every` is the ms between two records, as of `Broker.every`.
    """
    broker = Broker(every=every)
    done = sorted((e.time, e.offset + 1) for e in executions(trace) if e.partition == partition)
    found, place, reached = [], 0, 0
    for now in range(0, int(trace.duration) + 1, 250):
        while place < len(done) and done[place][0] <= now:
            reached = max(reached, done[place][1])
            place += 1
        found.append((float(now), float(max(0, broker.end_at(now) - reached))))
    return found


def silence(trace: Trace, since: float = 2000.0) -> float:
    """Return the partition-seconds from `since` ms on in which nobody owned a partition."""
    total = 0.0
    for spans in owners(trace).values():
        free = since
        for begin, end, _ in spans:
            total += max(0.0, begin - free)
            free = max(free, end)
    return total / 1000


def outcome(trace: Trace) -> str:
    """Return how a run with twelve or fewer partitions went, in a line."""
    rebalances = len(generations(trace)) - 2  # without generation 0 and the first assignment
    back = sum(moved_back(trace).values())
    return (
        f"{trace.name:24} rebalances {rebalances}   "
        f"without owner {silence(trace):5.1f} partition-s   worked on twice {repeated(trace):4}"
        + (f"   offsets back by {back}" if back else "")
    )


def handed_out(trace: Trace) -> tuple[int, int]:
    """Return (polls that brought records, records handed out to members)."""
    polled = [int(e.data.split()[1]) for e in trace.select("log") if e.data.startswith("polled")]
    return len(polled), sum(polled)


def committed(trace: Trace) -> dict[str, int]:
    """Return the offsets that the coordinator shows last."""
    shown = [row[5]["offsets"] for row in trace.rows if row[2] == "state" and "offsets" in row[5]]
    return dict(shown[-1]) if shown else {}


def moved_back(trace: Trace) -> Counter[str]:
    """Return by how much offset commits went back, for each partition."""
    found: Counter[str] = Counter()
    for event in trace.select("log", node="coord"):
        words = event.data.split()
        if "back" in words:
            found[words[2]] += int(words[5]) - int(words[7])
    return found


def zombie_effects(trace: Trace) -> int:
    """Return how many effects came from a generation older than the sink had already seen."""
    newest: dict[str, int] = {}
    old = 0
    for one in executions(trace):
        old += one.generation < newest.get(one.partition, 0)
        newest[one.partition] = max(newest.get(one.partition, 0), one.generation)
    return old
