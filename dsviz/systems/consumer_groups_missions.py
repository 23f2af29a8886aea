"""The playground of the consumer-groups lesson: its controls, and what to bring about with them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from dsviz import laws
from dsviz.check.mission import Look, Mission
from dsviz.sim.scenario import Scenario
from dsviz.systems.consumer_groups import Broker, Coordinator, Sink
from dsviz.systems.consumer_groups_member import Member
from dsviz.systems.consumer_groups_runs import committed, group, owners, zombie_effects

#: For `Playground(playground, numbers, **CONTROLS)`.
CONTROLS: dict[str, Any] = {
    "protocol": ["eager", "cooperative", "next"],
    "assignor": ["range", "roundrobin", "sticky"],
    "members": (1, 14, 1, 4),
    "partitions": (1, 60, 1, 12),
    "heartbeat": (500, 5000, 500, 3000),
    "session": (3000, 45_000, 1000, 10_000),
    "max_poll_records": (1, 500, 1, 50),
    "work": (1, 200, 1, 5),
    "max_poll_interval": (1000, 300_000, 1000, 5000),
    "commit_every": (1000, 30_000, 1000, 5000),
    "static": [False, True],
    "generation_check": [False, True],
    "token": [False, True],
}
EVERY = 500.0  # ms between two records of a partition: slow enough to be watched
DURATION = 40_000.0
BARRIER = 1.0  # s


def playground(
    protocol: str,
    assignor: str,
    members: int,
    partitions: int,
    heartbeat: float,
    session: float,
    max_poll_records: int,
    work: float,
    max_poll_interval: float,
    commit_every: float,
    static: bool,
    generation_check: bool,
    token: bool,
) -> Scenario:
    """Return 40 s of a group on a topic of 2 records a second and partition."""
    made = {
        f"c{number + 1}": Member(
            most=max_poll_records,
            work=float(work),
            heartbeat=float(heartbeat),
            session=float(session),
            poll_interval=float(max_poll_interval),
            commit_every=float(commit_every),
            static=static,
            fetch_every=EVERY,
        )
        for number in range(members)
    }
    coordinator = Coordinator(
        partitions=partitions,
        protocol=protocol,
        assignor=assignor,
        session=float(session),
        check_generation=generation_check,
    )
    broker = Broker(partitions=partitions, every=EVERY)
    name = f"{_counted(members, 'member')}, {_counted(partitions, 'partition')}, {protocol}"
    return group(name, made, coordinator, broker, DURATION, sink=Sink(fenced=token))


def numbers(
    protocol: str,
    assignor: str,
    members: int,
    partitions: int,
    heartbeat: float,
    session: float,
    max_poll_records: int,
    work: float,
    max_poll_interval: float,
    commit_every: float,
    static: bool,
    generation_check: bool,
    token: bool,
) -> list[tuple[str, str]]:
    """Return what the settings mean, as rows (label, value), by the laws of `dsviz.laws`."""
    useful = laws.useful_parallelism(partitions, members)
    longest = max_poll_records * work
    rate = 1000 / EVERY * partitions / members
    silent = (session - heartbeat + BARRIER * 1000, session + BARRIER * 1000)
    return [
        ("times as fast as one member", f"{useful:g}"),
        ("members without work", str(max(0, members - partitions))),
        (
            "a full poll takes",
            f"{longest:,.0f} ms of {max_poll_interval:,.0f}"
            + (": never ends in time" if longest > max_poll_interval else ""),
        ),
        (
            "nobody reads a crashed member's share for",
            f"{silent[0] / 1000:g} to {silent[1] / 1000:g} s",
        ),
        (
            "records worked on again after a crash",
            f"{laws.mean_replay(rate, commit_every):,.0f} on average",
        ),
        ("silence of a rolling restart, 5 s each", _restart(protocol, members, partitions, static)),
    ]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _restart(protocol: str, members: int, partitions: int, static: bool) -> str:
    if protocol == "next":
        return "up to a heartbeat for each that moves"
    silence = laws.restart_silence(partitions, members, BARRIER, down_s=5)
    return f"{silence['static' if static else protocol]:g} partition-seconds"


# Missions -----------------------------------------------------------------------------------------


def two_owners(seen: Look) -> bool:
    """Two members believe at once that a partition is theirs."""
    for spans in owners(seen.trace).values():
        for (_, end, first), (begin, _, second) in pairwise(spans):
            if begin < end and first != second:
                return True
    return False


def works_for_nothing(seen: Look) -> bool:
    """No fault, every member up, and after 40 s nothing is committed."""
    held = committed(seen.trace)
    return not seen.faults and not any(held.values()) and seen.trace.duration >= DURATION


def goes_back(seen: Look) -> bool:
    """A committed offset went back."""
    return seen.status("offsets never go back") == "violated"


def fenced_zombie(seen: Look) -> bool:
    """A zombie worked, and neither its commit nor its effects did any harm."""
    safe = seen.status("no zombie's effects") == "ok"
    return zombie_effects(seen.trace) > 0 and safe and not goes_back(seen)


def idle_member(seen: Look) -> bool:
    """More members than partitions: somebody never owns anything, and takes over after a crash."""
    spare = seen.settings["members"] > seen.settings["partitions"]
    return spare and any(type(fault).__name__ == "Crash" for fault in seen.faults) and any(
        len({member for _, _, member in spans}) > 1 for spans in owners(seen.trace).values()
    )  # fmt: skip


MISSIONS = (
    Mission(
        "Let two members work on the same topic partition at the same time.",
        two_owners,
        "Pause a member for longer than a session. Who tells it that it is out?",
    ),
    Mission(
        "Let one of them move a committed offset back.",
        goes_back,
        "The generation check must be off. The commit has to come late, and the new owner must "
        "have committed before: try a pause that begins between two commits.",
    ),
    Mission(
        "Make that zombie harmless: it works, and neither an offset nor the sink notices.",
        fenced_zombie,
        "There are two doors, and each has a lock of its own.",
    ),
    Mission(
        "The hard one, without any fault: all members busy for 40 s, and not one offset committed.",
        works_for_nothing,
        "How long does a full poll take, and how long may it? Already the first poll must be full: "
        "few members, many topic partitions.",
    ),
    Mission(
        "A member that has nothing to do takes over when another one crashes.",
        idle_member,
        "More members than topic partitions. Wait for a session and a barrier.",
    ),
)
