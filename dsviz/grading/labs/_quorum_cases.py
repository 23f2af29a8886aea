"""The executions that lab 04 is judged on: clusters of the learner's nodes, and what goes wrong.

Directed cases bring about one situation each, whatever the submission calls its messages: which
replicas a coordinator can reach, which links are slow, when somebody loses power. They hold for
any number of replicas; `first` and `last` are two majorities that share one replica only. Where
the situation depends on how long a submission's phases take, the moment is swept. Random cases
then vary what nobody thought of. All times are ms.

Values are drawn, not counted: whoever compares values instead of versions is found out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from random import Random

from dsviz.grading.lab import Case, Classes
from dsviz.grading.labs._quorum_cluster import (
    BOTH,
    HOP,
    Values,
    Work,
    between,
    cluster,
    first,
    last,
    moments,
    only,
    read,
    reads,
    replicas,
)
from dsviz.sim.faults import (
    ClockSkew,
    Crash,
    Cut,
    Delay,
    Duplicate,
    Fault,
    Loss,
    Partition,
    PowerLoss,
    Restart,
)
from dsviz.sim.network import Network
from dsviz.sim.node import Op
from dsviz.sim.scenario import Scenario

Directed = Callable[[Classes, int, int], Iterator[Case]]


# Directed cases -------------------------------------------------------------------------------


def calm(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """Nothing goes wrong; two coordinators, two keys."""
    v = Values(seed)
    work = {
        "c1": [v.write("k1", 0), read("k1"), v.write("k1"), read("k1", key="y")],
        "c2": [v.write("k2", 20, key="y"), read("k2"), v.write("k2", key="y"), read("k1", key="y")],
        "c3": [read("k2", 10), read("k1"), read("k2", key="y"), read("k2")],
    }
    yield Case("nothing goes wrong", cluster(classes, "calm", n, work), seed)


def turns(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """One coordinator writes often, then the other one writes once."""
    v = Values(seed)
    work = {
        "c1": [v.write("k1", 0), v.write("k1"), v.write("k1")],
        "c2": [v.write("k2", 300), read("k2"), read("k1")],
    }
    yield Case("two coordinators take turns", cluster(classes, "turns", n, work), seed)


def skewed_clocks(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """The clock of the coordinator that writes later is far behind."""
    v = Values(seed)
    work = {
        "c1": [v.write("k1", 20)],
        "c2": [v.write("k2", 200), read("k2"), read("k1")],
    }
    faults = [ClockSkew("k2", -10_000.0)]
    yield Case("clocks disagree", cluster(classes, "skewed clocks", n, work, faults), seed)


def slow_write(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """A write reaches r1 soon and the others late; meanwhile two clients read, from two sets."""
    v = Values(seed)
    near = first(n)
    work = {
        "c1": [v.write("k1", 0), v.write("k1", 300)],
        "c2": reads("k2", 360, 8),
        "c3": reads("k3", 368, 8),
    }
    faults = [Delay(70.0, "k1", r, at=200) for r in replicas(n)[1:]]
    faults += only("k2", near, n) + only("k3", last(n), n)
    yield Case("a slow write", cluster(classes, "slow write", n, work, faults), seed)


def slow_read(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """As `slow_write`, and what the first reader sends back is slow as well."""
    v = Values(seed)
    near = first(n)
    work = {
        "c1": [v.write("k1", 0), v.write("k1", 200)],
        "c2": reads("k2", 410, 6),
        "c3": reads("k3", 425, 16),
    }
    faults = [Delay(200.0, "k1", r, at=150) for r in replicas(n)[1:]]
    faults += [Delay(45.0, "k2", r) for r in near[1:]]
    faults += only("k2", near, n) + only("k3", last(n), n)
    yield Case("a slow write and a slow read", cluster(classes, "slow read", n, work, faults), seed)


def disjoint_sets(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """What the writer hears first and what the reader hears first have no replica in common."""
    v = Values(seed)
    shared = first(n)[-1]
    work = {"c1": [v.write("k1", 0), v.write("k1", 300)], "c2": reads("k2", 250, 12, 20.0)}
    faults = only("k1", first(n), n) + only("k2", last(n), n)
    faults += [Delay(60.0, "k1", r) for r in first(n)[1:]]
    faults += [Delay(40.0, shared, "k2")]
    yield Case("quorums barely meet", cluster(classes, "barely meeting", n, work, faults), seed)


def dying_coordinator(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """A coordinator dies while its write is on its way, and later comes back to write again."""
    for after in moments(seed, 6, 48):
        v = Values(seed + after)
        at = 100.0 + after
        work = {
            "c1": [v.write("k1", 0), v.write("k1", 100), v.write("k1", 1100)],
            "c2": reads("k2", 1180, 4, 40.0),
            "c3": reads("k3", 1195, 4, 40.0),
        }
        faults: list[Fault] = [Delay(3.0 * i, "k1", r) for i, r in enumerate(replicas(n))]
        faults += [Cut("k1", r, at=at, duration=200) for r in replicas(n)[1:]]
        faults += [Crash("k1", at=at), Restart("k1", at=at + 60)]
        faults += [Partition(("k1",), ("r1",), at=at + 50)]
        faults += only("k2", first(n), n) + only("k3", last(n), n)
        name = "a coordinator dies mid-write and comes back"
        yield Case(name, cluster(classes, "dying coordinator", n, work, faults), seed)


def half_done_write(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """A coordinator dies while its write is on its way; two clients read from two sets."""
    for after in moments(seed, 6, 48):
        v = Values(seed + after)
        at = 100.0 + after
        work = {
            "c1": [v.write("k1", 0), v.write("k1", 100)],
            "c2": reads("k2", at + 5, 2),
            "c3": reads("k3", at + 60, 2),
        }
        faults: list[Fault] = [Delay(3.0 * i, "k1", r) for i, r in enumerate(replicas(n))]
        faults += [Cut("k1", r, at=at) for r in replicas(n)[1:]]
        faults += [Crash("k1", at=at)]
        faults += only("k2", first(n), n) + only("k3", last(n), n)
        name = "a coordinator dies mid-write"
        yield Case(name, cluster(classes, "half-done write", n, work, faults), seed)


def late_answers(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """Answers to an older write come late, while a newer one reaches r1 alone."""
    slow = replicas(n)[n // 2 + 1 :]
    for late, after in product((105.0, 120.0), moments(seed, 6, 36, 8)):
        v = Values(seed + after)
        at = 160.0 + after
        work = {
            "c1": [v.write("k1", 60), v.write("k1", 160), read("k1")],
            "c2": reads("k2", 170, 10, 14.0),
        }
        faults: list[Fault] = [
            Delay(late + 4 * i, r, "k1", at=60, duration=60) for i, r in enumerate(slow)
        ]
        faults += [Cut("k1", r, at=at, duration=200) for r in replicas(n)[1:]]
        faults += only("k2", last(n), n)
        name = "answers to an older operation come late"
        yield Case(name, cluster(classes, "late answers", n, work, faults), seed)


def everything_twice(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """Every message arrives twice, while a write reaches r1 alone."""
    for after in moments(seed, 6, 42):
        v = Values(seed + after)
        work = {
            "c1": [v.write("k1", 0), v.write("k1", 100)],
            "c2": reads("k2", 110, 8, 14.0),
        }
        faults: list[Fault] = between(Duplicate, 1.0, ("k1",), n)
        faults += [Cut("k1", r, at=100.0 + after, duration=200) for r in replicas(n)[1:]]
        faults += only("k2", last(n), n)
        name = "every message arrives twice"
        yield Case(name, cluster(classes, "everything twice", n, work, faults), seed)


def late_store(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """What an older write sent to the last replica arrives there after a newer write."""
    v = Values(seed)
    early, end = replicas(n)[: n // 2], replicas(n)[-1]
    work = {
        "c1": [v.write("k1", 0)],
        "c2": [v.write("k2", 70), *reads("k3", 140, 4, 40.0)],
    }
    faults: list[Fault] = [Delay(150.0, "k1", end)]
    faults += only("k2", last(n), n) + only("k3", (*early, end), n)
    yield Case("an old message comes late", cluster(classes, "late store", n, work, faults), seed)


def power_after_answer(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """A replica loses power soon after it answered; disks are slow."""
    reader = (replicas(n)[0], *replicas(n)[n // 2 + 1 :])
    for after in moments(seed, 15, 75, 7):
        v = Values(seed + after)
        at = 100.0 + after
        work = {
            "c1": [v.write("k1", 0), v.write("k1", 100)],
            "c2": reads("k2", 180, 3, 30.0),
        }
        faults: list[Fault] = [PowerLoss(("r1",), at=at), Restart("r1", at=at + 10)]
        faults += only("k1", first(n), n) + only("k2", reader, n)
        name = "a replica loses power"
        yield Case(name, cluster(classes, "power loss", n, work, faults, sync_ms=20.0), seed)


def two_sides(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """A network partition: k1 with a minority of the replicas, k2 with a majority."""
    v = Values(seed)
    minority, majority = replicas(n)[: n // 2], replicas(n)[n // 2 :]
    work = {
        "c1": [v.write("k1", 0), v.write("k1", 150), read("k1")],
        "c2": [v.write("k2", 200), v.write("k2", 260), *reads("k2", 320, 3, 40.0)],
        "c3": [read("k1", 290), read("k1", 700), read("k2", 760)],
    }
    faults = [Partition(("k1", *minority), ("k2", *majority), at=100, duration=500)]
    name = f"a network partition, {len(minority)} of {n} replicas on one side"
    yield Case(name, cluster(classes, "network partition", n, work, faults), seed)


def blackout(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """For the first 450 ms no coordinator reaches any replica."""
    v = Values(seed)
    work = {"c1": [v.write("k1", 0), read("k1")], "c2": [read("k2", 0), v.write("k2"), read("k2")]}
    faults = [Partition(("k1", "k2"), replicas(n), at=0, duration=450)]
    yield Case("no replica in reach at first", cluster(classes, "blackout", n, work, faults), seed)


def rolling_restart(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """The replicas are restarted one after the other."""
    v = Values(seed)
    work = {"c1": [v.write("k1", 0), *reads("k1", 100, 4 * n, 25.0)], "c2": [v.write("k2", 60)]}
    faults: list[Fault] = []
    for i, name in enumerate(replicas(n)):
        faults += [Crash(name, at=150.0 + 60 * i), Restart(name, at=170.0 + 60 * i)]
    yield Case("replicas are restarted", cluster(classes, "restarts", n, work, faults), seed)


def power_everywhere(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """All replicas lose power together, at some moment during a write."""
    for after in moments(seed, 15, 75, 7):
        v = Values(seed + after)
        at = 100.0 + after
        work = {"c1": [v.write("k1", 0), v.write("k1", 100)], "c2": reads("k2", 220, 2)}
        faults: list[Fault] = [PowerLoss(replicas(n), at=at)]
        faults += [Restart(r, at=at + 20) for r in replicas(n)]
        name = "all replicas lose power"
        yield Case(name, cluster(classes, "power loss", n, work, faults, sync_ms=20.0), seed)


def minority_down(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """As many replicas as can be spared are down for good."""
    spare = n // 2
    for after in moments(seed, 15, 60):  # the fastest ones go down, whatever they have just got
        v = Values(seed + after)
        fast = replicas(n)[:spare]
        work = {"c1": [v.write("k1", 50), *reads("k2", 60, 3)]}
        faults: list[Fault] = [Delay(120.0, "k1", r) for r in replicas(n) if r not in fast]
        faults += [Crash(r, at=50.0 + after) for r in fast]
        name = f"{' and '.join(fast)} down"
        yield Case(name, cluster(classes, "minority down", n, work, faults), seed)
    for shift in range(n):
        v = Values(seed + shift)
        down = [replicas(n)[(shift + i) % n] for i in range(spare)]
        work = {
            "c1": [v.write("k1", 50), read("k2"), v.write("k2"), read("k1"), v.write("k1"), read("k2")],
        }
        faults = [Crash(r, at=10.0 if shift % 2 else 62.0) for r in down]
        name = f"{' and '.join(down)} down"
        yield Case(name, cluster(classes, "minority down", n, work, faults), seed)


#: In one of these a register that is not linearizable shows it, in whichever way. First those
#: that need one run, then those that try many moments.
SAFETY: tuple[Directed, ...] = (
    calm,
    turns,
    skewed_clocks,
    disjoint_sets,
    slow_write,
    late_store,
    rolling_restart,
    two_sides,
    blackout,
    slow_read,
    power_after_answer,
    dying_coordinator,
    late_answers,
    everything_twice,
    half_done_write,
)


def directed(
    classes: Classes, n: int, seed: int, situations: Sequence[Directed] = SAFETY
) -> Iterator[Case]:
    """Yield the cases of these situations."""
    for situation in situations:
        yield from situation(classes, n, seed)


# Random cases ---------------------------------------------------------------------------------


def _work(random: Random, seed: int, until: float, operations: int = 3) -> Work:
    """Three clients at two coordinators, mostly on one key."""
    v = Values(seed)
    work: Work = {}
    for client in ("c1", "c2", "c3"):
        work[client] = []
        for at in sorted(random.uniform(0, until) for _ in range(operations)):
            to = random.choice(("k1", "k2"))
            key = "y" if random.random() < 0.15 else "x"
            writes = random.random() < 0.45
            work[client].append(v.write(to, at, key) if writes else read(to, at, key))
    return work


def _random(name: str, faults: Callable[[Random, int], list[Fault]], jitter: str = "az"):
    """Return the schedule of random cases called `name`."""

    def cases(classes: Classes, n: int, seed: int) -> Case:
        random = Random(f"{seed}/{name}/{n}")
        work = _work(random, seed, 120.0)
        network = Network(jitter)
        chosen = faults(random, n)
        return Case(name, cluster(classes, name, n, work, chosen, network=network), seed)

    return cases


def _crashes(random: Random, n: int) -> list[Fault]:
    at = random.uniform(5, 120)
    return [Crash("k1", at=at), Restart("k1", at=at + random.uniform(5, 60))]


def _power(random: Random, n: int) -> list[Fault]:
    faults: list[Fault] = []
    for name in random.sample(replicas(n), n // 2):
        at = random.uniform(5, 120)
        faults += [PowerLoss((name,), at=at), Restart(name, at=at + random.uniform(5, 40))]
    return faults


def _partition(random: Random, n: int) -> list[Fault]:
    apart = random.sample(replicas(n), n // 2)
    rest = [r for r in replicas(n) if r not in apart]
    at, length = random.uniform(0, 80), random.uniform(50, 200)
    return [Partition(("k1", *apart), ("k2", *rest), at=at, duration=length)]


coordinator_crash = _random("a coordinator crashes", _crashes)
loss = _random("10 % of the messages are lost", lambda random, n: between(Loss, 0.1, BOTH, n))
duplication = _random(
    "messages arrive twice", lambda random, n: between(Duplicate, 0.3, BOTH, n)
)
power = _random("a minority loses power", _power)
partition = _random("a network partition", _partition)
quiet = _random("nothing goes wrong", lambda random, n: [], jitter="wan")


# Steps ----------------------------------------------------------------------------------------


def lonely(classes: Classes) -> Scenario:
    """One replica that nobody talks to: it starts, loses power, and starts again."""
    faults = (PowerLoss(("r1",), at=20), Restart("r1", at=40))
    return Scenario("lonely replica", {"r1": classes["Replica"]()}, 100, Network(HOP), faults)


def one_write(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """A single write."""
    work = {"c1": [Values(seed).write("k1", 0)]}
    yield Case("a single write", cluster(classes, "one write", n, work), seed)


def write_and_read(classes: Classes, n: int, seed: int) -> Iterator[Case]:
    """A write, then reads at both coordinators."""
    v = Values(seed)
    work = {"c1": [read("k2", 0), v.write("k1"), read("k2"), v.write("k2"), read("k1")]}
    yield Case("writes and reads in turn", cluster(classes, "write, read", n, work), seed)
