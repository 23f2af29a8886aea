"""Chaos for Raft: a random schedule of faults, then calm. Safety all the time, liveness at the end.

Everything is drawn from the seed and ends up as plain faults and operations in a `Scenario`: so a
run can be replayed, shrunk, shared and edited like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any

from dsviz.check.liveness import Liveness
from dsviz.errors import DsvizError, listed
from dsviz.sim.faults import (
    ClockDrift,
    ClockSkew,
    Crash,
    Cut,
    Delay,
    DiskFailure,
    DiskStall,
    Duplicate,
    Fault,
    Loss,
    Partition,
    Pause,
    PowerLoss,
    Reorder,
    Restart,
    Slow,
)
from dsviz.sim.network import Network
from dsviz.sim.node import Op
from dsviz.sim.scenario import Scenario
from dsviz.systems.consensus_client import RaftClient
from dsviz.systems.consensus_runs import SAFETY, VARIANTS, server, servers_named

CALM = 2000.0  # ms: from here on nothing goes wrong any more
GRACE = 1500.0  # ms within which every operation must then end
KEYS = ("x", "y")


class ChaosClient(RaftClient):
    """Gives up early while things go wrong, and waits as long as it may when they are over."""

    def next_operation(self) -> Op | None:
        op = super().next_operation()
        if op:
            self.timeout = GRACE if max(op.at or 0.0, self.now) >= CALM else 300.0
        return op


def chaos(
    seed: int = 0,
    variant: str = "correct",
    n: int = 5,
    clients: int = 3,
    operations: int = 22,
    kinds: Sequence[str] = (),
    latency: float | str = "lan",
    **options: Any,
) -> Scenario:
    """Return a cluster, a workload and a schedule of faults, all drawn from `seed`.

    For `CALM` ms faults come and go; then every server is started and nothing goes wrong any more,
    and each operation has `GRACE` ms to end. First safety, then liveness: so does TigerBeetle's
    simulator. `kinds` are those of `CHAOS` (default: each seed draws its own few, "swarm testing",
    Groce et al. 2012).
    """
    random = Random(f"{seed}/chaos")
    servers = servers_named(n)
    names = tuple(f"c{c}" for c in range(1, clients + 1))
    nodes: dict[str, Any] = {
        name: ChaosClient(
            servers=_rotated(servers, c), operations=_workload(random, name, operations)
        )
        for c, name in enumerate(names)
    }
    nodes |= dict.fromkeys(servers, server(variant, **{"snapshot_every": 12, **options}))
    faults = chaos_faults(random, servers, names, kinds)
    checks = (*SAFETY, Liveness(GRACE, since=CALM))
    return Scenario(
        f"chaos {seed} · {variant}", nodes, CALM + GRACE + 500, Network(latency), faults, checks
    )


def _rotated(names: tuple[str, ...], by: int) -> tuple[str, ...]:
    by %= len(names)
    return names[by:] + names[:by]


def _workload(random: Random, client: str, count: int) -> tuple[Op, ...]:
    """Return operations on two keys: as many writes as reads, and a few cas; no value twice."""
    work, at, written = [], 300.0, dict.fromkeys(KEYS, "")
    for number in range(count):
        key, value = random.choice(KEYS), f"{client}.{number}"
        f = random.choice(("read", "read", "write", "write", "cas"))
        argument = {"read": None, "write": value, "cas": (written[key] or None, value)}[f]
        work.append(Op(f, key, argument, at=at))
        if f != "read":
            written[key] = value
        at = round(at + random.uniform(20, 2 * (CALM - 100) / count), 1)
    return tuple(work)


def chaos_faults(
    random: Random, servers: Sequence[str], clients: Sequence[str], kinds: Sequence[str] = ()
) -> tuple[Fault, ...]:
    """Return faults between 100 and `CALM` ms that leave nothing broken behind."""
    unknown = sorted(set(kinds) - set(CHAOS))
    if unknown:
        raise DsvizError(f"kinds={unknown!r} do not exist; there are {listed(CHAOS)}")
    mix = list(kinds) or random.sample(sorted(CHAOS), random.randint(2, 5))
    faults: list[Fault] = []
    pace = random.choice((60.0, 150.0, 300.0))
    at = 100.0
    while at < CALM - 100:
        length = min(random.choice((20.0, 100.0, 400.0)) * random.uniform(0.5, 1.5), CALM - at)
        faults += CHAOS[random.choice(mix)](random, servers, clients, at, round(length, 1))
        at = round(at + random.uniform(0.2, 1.8) * pace, 1)
    return (*faults, *(Restart(name, at=CALM) for name in servers))


Maker = Callable[[Random, Sequence[str], Sequence[str], float, float], list[Fault]]


def _crash(random, servers, clients, at, length):
    node = random.choice(servers)
    return [Crash(node, at=at), Restart(node, at=at + length)]


def _flap(random, servers, clients, at, length):
    """A server that stops again as soon as it has started."""
    node, faults = random.choice(servers), []
    while at < CALM - 50 and len(faults) < 16:
        faults += [Crash(node, at=at), Restart(node, at=round(at + 2, 1))]
        at = round(at + random.uniform(5, 40), 1)
    return faults


def _rift(random, servers, clients, at, length):
    """Two servers that cannot reach each other, while all others reach both."""
    one, other = random.sample(servers, 2)
    return [Partition((one,), (other,), at=at, duration=length)]


def _power(random, servers, clients, at, length):
    hit = random.sample(servers, random.randint(1, len(servers)))
    torn = random.random() < 0.5
    return [
        PowerLoss(tuple(hit), at=at, torn=torn),
        *(Restart(node, at=at + length) for node in hit),
    ]


def _pause(random, servers, clients, at, length):
    return [Pause(random.choice(servers), at=at, duration=length)]


def _partition(random, servers, clients, at, length):
    everybody = [*servers, *clients]
    some = random.sample(everybody, random.randint(1, len(everybody) - 1))
    return [Partition(tuple(some), at=at, duration=length)]


def _isolate(random, servers, clients, at, length):
    some = (random.choice(servers), random.choice(clients))
    return [Partition(some, at=at, duration=length)]


def _cut(random, servers, clients, at, length):
    src, dst = random.sample(servers, 2)
    return [Cut(src, dst, at=at, duration=length)]


def _deaf(random, servers, clients, at, length):
    node = random.choice(servers)
    return [Cut(other, node, at=at, duration=length) for other in servers if other != node]


def _loss(random, servers, clients, at, length):
    return [Loss(random.choice((0.05, 0.3)), at=at, duration=length)]


def _duplicate(random, servers, clients, at, length):
    return [Duplicate(random.choice((0.1, 0.5)), at=at, duration=length)]


def _delay(random, servers, clients, at, length):
    src = random.choice(servers)
    return [Delay(round(random.uniform(5, 120), 1), src=src, at=at, duration=length)]


def _clock(random, servers, clients, at, length):
    node, ppm = random.choice(servers), random.choice((-50_000.0, 50_000.0))
    skew = ClockSkew(node, round(random.uniform(-500, 500), 1), at=at)
    return [skew, ClockDrift(node, ppm, at=at, duration=length)]


def _slow(random, servers, clients, at, length):
    return [Slow(random.choice(servers), random.choice((5.0, 50.0)), at=at, duration=length)]


def _reorder(random, servers, clients, at, length):
    return [Reorder(random.choice((5.0, 60.0)), at=at, duration=length)]


def _disk(random, servers, clients, at, length):
    node = random.choice(servers)
    if random.random() < 0.5:
        return [DiskStall(node, at=at, duration=length)]
    ends = Restart(node, at=at + length)  # a failed sync stops the server
    return [DiskFailure(node, at=at, duration=length / 2), ends]


#: What `chaos` may do, by name.
CHAOS: dict[str, Maker] = {
    "crash": _crash,
    "flap": _flap,
    "rift": _rift,
    "power": _power,
    "pause": _pause,
    "partition": _partition,
    "isolate": _isolate,
    "cut": _cut,
    "deaf": _deaf,
    "loss": _loss,
    "duplicate": _duplicate,
    "delay": _delay,
    "clock": _clock,
    "slow": _slow,
    "reorder": _reorder,
    "disk": _disk,
}

#: The options of `chaos` with which a sweep of seeds finds a bug soonest; others need none.
WHERE_TO_LOOK: dict[str, dict[str, Any]] = {
    "counts old terms": {
        "n": 3, "latency": "az", "election_timeout": 30.0, "randomness": 40.0, "heartbeat": 12.0,
        "kinds": ("partition", "isolate"),
    },
    "forgets vote": {
        "n": 3, "latency": "az", "election_timeout": 50.0, "randomness": 15.0, "heartbeat": 10.0,
        "kinds": ("flap", "rift"), "noop": False,
    },
    "reads locally": {"n": 3, "kinds": ("partition", "isolate")},
}  # fmt: skip

#: What ``python -m dsviz hunt consensus`` looks through, by variant: a scenario for each seed.
HUNTS: dict[str, Callable[[int], Scenario]] = {
    name: partial(chaos, variant=name, **WHERE_TO_LOOK.get(name, {})) for name in VARIANTS
}
