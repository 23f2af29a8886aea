"""The playground of the quorum lesson: its controls, and what to bring about with them."""

from __future__ import annotations

from typing import Any

from dsviz.check.mission import Look, Mission

#: For `Playground(quorum.playground, quorum.numbers, **CONTROLS)`.
CONTROLS: dict[str, Any] = {
    "N": (1, 7, 1, 3),
    "R": (1, 7, 1, 1),
    "W": (1, 7, 1, 1),
    "latencies": ["lnkd-disk", "lnkd-ssd", "ymmr"],
    "read_delay": (0, 100, 1, 0),
    "p_up": (0.9, 0.9999, 0.0001, 0.99),
    "repair": ["off", "async", "write-back"],
    "sloppy": [False, True],
}


def fewest_answers(seen: Look) -> bool:
    """N = 5, and R + W is the smallest that meets."""
    now = seen.settings
    return now["N"] == 5 and now["R"] + now["W"] == 6 and not now["sloppy"]


def waits_long_enough(seen: Look) -> bool:
    """R = W = 1 on LNKD-DISK, and the delay is right to within 10 ms."""
    now = seen.settings
    needed = float(seen.numbers["99.9 % of reads are fresh after"].split()[0].replace(",", ""))
    slow = now["latencies"] == "lnkd-disk" and now["R"] == now["W"] == 1 and now["N"] == 3
    return slow and needed <= now["read_delay"] <= needed + 10


def majority_of_four(seen: Look) -> bool:
    """Four replicas, majorities on both sides."""
    now = seen.settings
    return now["N"] == 4 and now["R"] == now["W"] == 3


def write_hangs(seen: Look) -> bool:
    """W = N, a fault, and a write without an answer."""
    now, history = seen.settings, seen.trace.history()
    hangs = any(op.f == "write" and op.status != "ok" for op in history)
    return now["W"] == now["N"] and bool(seen.faults) and hangs


def stale_although_they_meet(seen: Look) -> bool:
    """Stand-ins, R + W > N, and a stale read all the same."""
    now = seen.settings
    stale = seen.status("reads are fresh") == "violated"
    return now["sloppy"] and now["R"] + now["W"] > now["N"] and stale


MISSIONS = (
    Mission(
        "With N = 5, find R and W that never read stale and wait for as few replicas as possible.",
        fewest_answers,
        "Together they must have one member more than there are replicas.",
    ),
    Mission(
        "N = 3 and R = W = 1 again, LNKD-DISK: set the shortest read delay at which 99.9 % of "
        "reads are fresh.",
        waits_long_enough,
        "One of the rows beside the controls names it; the arrow keys move a slider by one.",
    ),
    Mission(
        "Four replicas, majorities for both. Compare the last two rows with those of N = 3, "
        "R = W = 2: what did the fourth replica buy?",
        majority_of_four,
        "A majority of four is three.",
    ),
    Mission(
        "N = W = 3, R = 1: crash one replica in the player. What is A waiting for, and until when?",
        write_hangs,
        "Click a replica early in the run; what k1 still needs stands below it.",
    ),
    Mission(
        "The hard one: sloppy on, R = W = 2 of 3, and a stale read all the same. Faults are yours.",
        stale_although_they_meet,
        "Stand-ins are asked after 60 ms of silence. Cut r1 and r2 off before a write begins, and "
        "let them come back just before it is acknowledged. Does r3 answer the read first? Another "
        "seed has another order.",
    ),
)
