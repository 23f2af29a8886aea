"""Closed forms and published numbers that the lessons reproduce, each with its source.

Times are ms. A number that was published is a `Published`, with where it was read, so that a
lesson can print the source beside it and a test can check that it has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, exp, inf
from random import Random
from typing import NamedTuple, Protocol

from dsviz.errors import DsvizError

PBS_PAPER = (
    "Bailis, Venkataraman, Franklin, Hellerstein, Stoica: Probabilistically Bounded Staleness "
    "for Practical Partial Quorums, PVLDB 5(8), 2012"
)


@dataclass(frozen=True)
class Published:
    """A number as somebody printed it, and where."""

    value: float
    unit: str
    source: str

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit} ({self.source})"


#: P(a read right after the commit returns it), N = 3, R = W = 1.
PBS_AT_ONCE = {
    "lnkd-ssd": Published(97.4, "%", f"{PBS_PAPER}, section 5.6"),
    "lnkd-disk": Published(43.9, "%", f"{PBS_PAPER}, section 5.6"),
    "ymmr": Published(89.3, "%", f"{PBS_PAPER}, section 5.6"),
}

#: When 99.9 % of reads return the last write, N = 3, R = W = 1, YMMR.
PBS_YMMR_VISIBLE = Published(1364, "ms", f"{PBS_PAPER}, table 4")


def must_intersect(N: int, R: int, W: int) -> bool:
    """Return whether every set of R replicas meets every set of W of N: the pigeonhole R + W > N.

    Raises DsvizError unless 1 <= R, W <= N.
    """
    _check_quorum(N, R, W)
    return R + W > N


def miss_probability(N: int, R: int, W: int) -> float:
    """Return P(a random read set of R misses a random write set of W of N replicas).

    C(N-W, R) / C(N, R): the chance that all R are among the N - W that have no copy yet.
    Source: Bailis et al. 2012, equation 1.
    """
    _check_quorum(N, R, W)
    return comb(N - W, R) / comb(N, R)


def within_k_versions(N: int, R: int, W: int, k: int) -> float:
    """Return P(a read returns one of the last k versions): 1 - miss_probability ** k.

    k-staleness of Bailis et al. 2012, equation 2: k independent writes must all be missed.
    Raises DsvizError for k < 1.
    """
    if k < 1:
        raise DsvizError(f"k={k!r} must be 1 or more versions")
    return 1.0 - miss_probability(N, R, W) ** k


def availability(N: int, needed: int, p: float) -> float:
    """Return P(at least `needed` of N nodes are up), each up with probability p, independently.

    The upper tail of the binomial distribution. Raises DsvizError for p outside 0 to 1.
    """
    if not 0.0 <= p <= 1.0:
        raise DsvizError(f"p={p!r} must be a probability between 0 and 1")
    return sum(comb(N, up) * p**up * (1 - p) ** (N - up) for up in range(needed, N + 1))


def majority_availability(N: int, p: float) -> float:
    """Return P(at least a majority of N nodes is up): `availability` with N // 2 + 1 needed."""
    return availability(N, N // 2 + 1, p)


def _check_quorum(N: int, R: int, W: int) -> None:
    for name, value in (("R", R), ("W", W)):
        if not 1 <= value <= N:
            raise DsvizError(f"{name}={value!r} must be between 1 and N={N}")


class Drawable(Protocol):
    """What `wars` needs of a latency distribution: `dsviz.latency` has them."""

    def draw(self, u: float) -> float:
        """Map a uniform draw to ms."""
        ...


@dataclass(frozen=True)
class Wars:
    """Outcome of many simulated trials of one write followed by one read; all times in ms.

    `needed[i]` is how long after its commit trial i's write stays invisible to the read quorum
    (0 or less: visible at once).
    """

    reads: tuple[float, ...]
    writes: tuple[float, ...]
    needed: tuple[float, ...]

    def consistent(self, after: float = 0.0) -> float:
        """Return P(a read that begins `after` ms after the commit returns the write)."""
        return sum(t <= after for t in self.needed) / len(self.needed)

    def visible(self, share: float = 0.999) -> float:
        """Return the time in ms after which `share` of reads return the write."""
        return max(0.0, percentile(self.needed, share))


def wars(
    latencies: Sequence[Drawable], N: int, R: int, W: int, trials: int = 10_000, seed: int = 0
) -> Wars:
    """Return a Monte Carlo of the WARS model of Bailis et al. 2012, section 4.1.

    `latencies` are the distributions of write, acknowledgment, read and response. A write
    commits when the W fastest of (write + acknowledgment) are back. A read that begins t ms
    later takes the first R of (read + response), and sees the write if one of these replicas had
    received it: commit + t + read >= write.
    """
    _check_quorum(N, R, W)
    uniform = Random(f"{seed}/wars").random
    write, ack, read, response = (latency.draw for latency in latencies)
    reads, writes, needed = [], [], []
    for _ in range(trials):
        arrive = [write(uniform()) for _ in range(N)]
        commit = sorted(w + ack(uniform()) for w in arrive)[W - 1]
        asked = [read(uniform()) for _ in range(N)]
        answers = sorted((asked[i] + response(uniform()), i) for i in range(N))[:R]
        writes.append(commit)
        reads.append(answers[-1][0])
        needed.append(min(arrive[i] - asked[i] for _, i in answers) - commit)
    return Wars(tuple(reads), tuple(writes), tuple(needed))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of the values do not exceed.

    Raises DsvizError for no values or a share outside 0 to 1.
    """
    if not values or not 0.0 <= share <= 1.0:
        raise DsvizError(f"percentile needs values and a share between 0 and 1, not {share!r}")
    ordered = sorted(values)
    rank = -int(-share * len(ordered) // 1)  # ceiling
    return ordered[max(rank, 1) - 1]


# Write-ahead log ------------------------------------------------------------------------------


class GroupCommit(NamedTuple):
    """What sharing syncs costs and brings; times in ms."""

    batch: float  # transfers a sync
    mean: float  # latency
    p99: float


def group_commit(rate: float, fsync_ms: float, delay_ms: float = 0.0) -> GroupCommit:
    """Return the law of group commit: one sync under way, whoever waits boards the next.

    Transfers come at random (Poisson), `rate` a second; a sync takes `fsync_ms`, and the first to
    wait may wait `delay_ms` for company. During a sync a = rate · fsync_ms of them come; with
    chance e^-a none does, and the next one finds the disk idle. So a batch holds a + e^-a of them
    and those of the delay. One that comes during a sync waits for its rest (half of it on
    average), for the delay, and for its own sync; one that finds the disk idle only for the last
    two; one that comes within the delay for its rest and the sync. Raises DsvizError for numbers
    that are not positive.
    """
    _check_positive(rate=rate, fsync_ms=fsync_ms)
    during, alone, company = rate * fsync_ms / 1000, exp(-rate * fsync_ms / 1000), rate * delay_ms
    company /= 1000
    batch = during + alone + company
    least = fsync_ms + delay_ms
    waits = during * (least + fsync_ms / 2) + alone * least + company * (fsync_ms + delay_ms / 2)
    # The slowest are those that came when a sync had just begun: spread over (least, least + F).
    slowest = max(0.0, 1 - 0.01 * batch / during) if during else 0.0
    return GroupCommit(batch, waits / batch, least + fsync_ms * slowest)


def sync_each(rate: float, fsync_ms: float) -> float:
    """Return the mean latency in ms when each transfer has a sync of its own, one after the other.

    A queue with random arrivals and a constant service time (M/D/1): F + ρF / 2(1 - ρ) with
    ρ = rate · F (Pollaczek–Khinchine). Infinite from ρ = 1 on: 1 / F transfers a second.
    """
    _check_positive(rate=rate, fsync_ms=fsync_ms)
    load = rate * fsync_ms / 1000
    return inf if load >= 1 else fsync_ms + load * fsync_ms / (2 * (1 - load))


def interval_loss(rate: float, interval_ms: float) -> tuple[float, float]:
    """Return (mean, worst) number of acknowledged transfers that a power loss takes.

    With a sync each `interval_ms` it takes what came since the last one: half an interval's worth
    on average.
    """
    worst = rate * interval_ms / 1000
    return worst / 2, worst


def full_page_factor(
    updates: int, pages: int = 100_000, row_bytes: int = 100, page_bytes: int = 8192
) -> float:
    """Return how many times more log there is with full-page images than without.

    `updates` rows at random places are changed between two checkpoints. They touch
    P (1 - (1 - 1/P)^U) different pages, each of which is logged whole once.
    """
    touched = pages * (1 - (1 - 1 / pages) ** updates)
    return 1 + touched * page_bytes / (updates * row_bytes)


def redo_seconds(log_bytes: float, bytes_per_second: float) -> float:
    """Return how long recovery replays a log."""
    return log_bytes / bytes_per_second


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise DsvizError(f"{name}={value!r} must be more than 0")


# Consumer groups ------------------------------------------------------------------------------


def useful_parallelism(partitions: int, members: int) -> float:
    """Return how many times as fast a group is as one member: P / ⌈P / n⌉.

    It is as slow as its most loaded member, which has ⌈P / n⌉ of P equally busy partitions.
    """
    _check_positive(partitions=partitions, members=members)
    return partitions / -(-partitions // members)


def mean_replay(rate: float, commit_every_ms: float) -> float:
    """Return how many records are processed again after a crash at a random moment: λτ / 2.

    `rate` records a second, positions committed each `commit_every_ms`.
    """
    _check_positive(rate=rate, commit_every_ms=commit_every_ms)
    return rate * commit_every_ms / 1000 / 2


def mean_barrier(members: int, mean_ms: float) -> float:
    """Return how long a barrier for all members lasts, each of which takes an exponential time.

    The mean of the greatest of n independent exponential times is m · Hₙ = m (1 + 1/2 + … + 1/n).
    """
    _check_positive(members=members, mean_ms=mean_ms)
    return mean_ms * sum(1 / n for n in range(1, members + 1))


def restart_silence(
    partitions: int, members: int, barrier_s: float, down_s: float
) -> dict[str, float]:
    """Return the partition-seconds of silence when all members are restarted one by one.

    ``eager``: each leave and each join stops all partitions for a barrier. ``cooperative``: only
    those that move, P / n, stop, twice. ``static``: no rebalance, but P / n are silent while their
    owner is down.
    """
    _check_positive(partitions=partitions, members=members, barrier_s=barrier_s, down_s=down_s)
    share = partitions / members
    return {
        "eager": members * 2 * partitions * barrier_s,
        "cooperative": members * 2 * share * barrier_s,
        "static": members * share * down_s,
    }
