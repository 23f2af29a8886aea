"""The playground of the write-ahead log lesson: its controls, and what to bring about with them."""

from __future__ import annotations

from typing import Any

from dsviz import laws
from dsviz.check.mission import Look, Mission
from dsviz.sim.network import Network
from dsviz.sim.scenario import Scenario
from dsviz.systems.write_ahead_log import Database
from dsviz.systems.write_ahead_log_audit import CHECKS
from dsviz.systems.write_ahead_log_runs import HOP, cluster, transfers

#: For `Playground(playground, numbers, **CONTROLS)`.
CONTROLS: dict[str, Any] = {
    "transfers_per_s": (50, 5000, 50, 1000),
    "fsync_ms": (0.1, 20.0, 0.1, 5.0),
    "commit": ["group", "each", "interval", "never", "no log"],
    "interval_ms": (200, 120_000, 200, 1000),
    "commit_delay_ms": (0.0, 10.0, 0.5, 0.0),
    "checkpoint_s": (1, 60, 1, 10),
    "page_logging": ["full", "delta"],
    "on_error": ["panic", "retry", "ignore"],
    "recovery": ["refuse", "stop", "skip", "no crc"],
}
RECORD = 34  # bytes of a record without images


def playground(
    transfers_per_s: float,
    fsync_ms: float,
    commit: str,
    interval_ms: float,
    commit_delay_ms: float,
    checkpoint_s: float,
    page_logging: str,
    on_error: str,
    recovery: str,
) -> Scenario:
    """Return a short run to look at: 60 transfers, a checkpoint halfway, an audit at the end.

    It is slow enough to be watched: one transfer each 1.2 syncs, whatever `transfers_per_s`.
    """
    every = 1.2 * fsync_ms
    half = 12 * fsync_ms + 30 * every
    database = Database(
        commit=commit,
        interval=min(interval_ms, half),
        commit_delay=commit_delay_ms,
        checkpoint_every=half,
        page_logging=page_logging,
        on_error=on_error,
        recovery=recovery,
    )
    ops = transfers(60, every, 6 * fsync_ms)
    last = ops[-1].at + 12 * fsync_ms
    nodes = cluster(database, ops, (last,))
    return Scenario(
        f"{commit}, F = {fsync_ms:g} ms", nodes, last + 20 * fsync_ms, Network(HOP), (), CHECKS,
        fsync_ms,
    )  # fmt: skip


def numbers(
    transfers_per_s: float,
    fsync_ms: float,
    commit: str,
    interval_ms: float,
    commit_delay_ms: float,
    checkpoint_s: float,
    page_logging: str,
    on_error: str,
    recovery: str,
) -> list[tuple[str, str]]:
    """Return what the settings mean, as rows (label, value), by the laws of `dsviz.laws`."""
    updates = int(2 * transfers_per_s * checkpoint_s)
    factor = laws.full_page_factor(updates) if page_logging == "full" else 1.0
    log = transfers_per_s * checkpoint_s * RECORD * factor
    return [
        (
            "transfers a sync",
            _batch(transfers_per_s, fsync_ms, commit, interval_ms, commit_delay_ms),
        ),
        (
            "mean latency of a transfer",
            _latency(transfers_per_s, fsync_ms, commit, commit_delay_ms),
        ),
        ("transfers a second, at most", _most(fsync_ms, commit)),
        (
            "acknowledged transfers a power loss takes",
            _loss(transfers_per_s, commit, interval_ms, checkpoint_s),
        ),
        (
            "log between two checkpoints of 100,000 pages",
            f"{log / 1e6:,.1f} MB, images {1 - 1 / factor:.0%} of it",
        ),
        ("redo at 80 MB/s takes up to", f"{laws.redo_seconds(log, 80e6):,.2f} s"),
    ]


def _batch(rate: float, fsync_ms: float, commit: str, interval: float, delay: float) -> str:
    if commit == "group":
        return f"{laws.group_commit(rate, fsync_ms, delay).batch:.2f}"
    return {"interval": f"{rate * interval / 1000:,.0f}", "never": "no syncs"}.get(commit, "1")


def _latency(rate: float, fsync_ms: float, commit: str, delay: float) -> str:
    if commit == "group":
        return f"{laws.group_commit(rate, fsync_ms, delay).mean:.2f} ms"
    if commit in ("interval", "never"):
        return "no wait for the disk"
    mean = laws.sync_each(rate, fsync_ms if commit == "each" else 2 * fsync_ms)
    return "grows without end" if mean == float("inf") else f"{mean:,.1f} ms"


def _most(fsync_ms: float, commit: str) -> str:
    if commit in ("each", "no log"):
        return f"{1000 / fsync_ms / (1 if commit == 'each' else 2):,.0f}"
    return "syncs set no limit"


def _loss(rate: float, commit: str, interval: float, checkpoint: float) -> str:
    if commit == "interval":
        mean, worst = laws.interval_loss(rate, interval)
        return f"{mean:,.0f} on average, {worst:,.0f} at worst"
    if commit == "never":
        return f"all since the last checkpoint: up to {rate * checkpoint:,.0f}"
    return "none, but half a transfer may stay" if commit == "no log" else "none"


def loses(seen: Look) -> bool:
    """The log is synced now and then, power is lost, acknowledged transfers are gone."""
    lost = seen.status("nothing is lost") == "violated"
    return seen.settings["commit"] == "interval" and lost and _any(seen, "PowerLoss")


def kills_and_loses_nothing(seen: Look) -> bool:
    """The log is never synced, the process is killed and comes back, and nothing is lost."""
    whole = seen.status("nothing is lost") == "ok"
    back = _any(seen, "Restart") and seen.trace.history()[-1].status == "ok"
    return seen.settings["commit"] == "never" and _any(seen, "Crash") and back and whole


def carries_25(seen: Look) -> bool:
    """A batch of 25 without commit_delay."""
    batch = float(seen.numbers["transfers a sync"]) if seen.settings["commit"] == "group" else 0.0
    return seen.settings["commit_delay_ms"] == 0 and 24.5 <= batch <= 25.5


def half_a_transfer(seen: Look) -> bool:
    """No log, and the books do not balance."""
    broken = seen.status("the books balance") == "violated"
    return seen.settings["commit"] == "no log" and broken


def silent_loss(seen: Look) -> bool:
    """A failed sync is tried again, and what it lost is missing after a power loss."""
    lost = seen.status("nothing is lost") == "violated"
    failed = _any(seen, "DiskFailure") and seen.settings["on_error"] == "retry"
    return failed and lost and seen.settings["commit"] in ("group", "each")


def _any(seen: Look, kind: str) -> bool:
    return any(type(fault).__name__ == kind for fault in seen.faults)


MISSIONS = (
    Mission(
        "Sync the log at intervals, and lose an acknowledged transfer.",
        loses,
        "Take the power from db shortly before the next sync, and start it again before the audit.",
    ),
    Mission(
        "Never sync the log, kill the process of db, start it again, and lose nothing. Why?",
        kills_and_loses_nothing,
        "Crash, then Restart. What survives a process is not what survives the power.",
    ),
    Mission(
        "Group commit, no delay: find a disk and a load with which 25 transfers share a sync.",
        carries_25,
        "How many come while one sync is under way?",
    ),
    Mission(
        "Without a log: leave half a transfer behind.",
        half_a_transfer,
        "Power has to fail between the syncs of the two pages.",
    ),
    Mission(
        "The hard one: group commit, and an acknowledged transfer is gone although every client "
        "was told that all is well. Let a sync fail that is tried again.",
        silent_loss,
        "Choose retry. The checkpoint halfway writes all pages again, so let a sync fail after it. "
        "Take the power once the transfer that waited for it is answered.",
    ),
)
