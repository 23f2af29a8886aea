"""The simulator beside its peers, and what a trace takes up."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from benchmarks import messages, queueing
from benchmarks.measure import allocated, interleaved, middle
from benchmarks.peers import MESSAGES, QUEUES, Peer
from benchmarks.table import Row, against, reaching
from dsviz.trace import Trace

Ours = Callable[[int], Callable[[], int]]


def simulators(quick: bool, pairs: int, with_peers: bool) -> list[Row]:
    """Return a row for each peer of each workload, after our own rates."""
    deliveries, customers = (3_000, 1_000) if quick else (100_000, 20_000)
    rows = _workload("messages", messages.run, MESSAGES, "deliveries/s", deliveries, pairs,
                     quick, with_peers)  # fmt: skip
    speed = middle(partial(messages.run_on_faulty_links, deliveries), pairs)
    note = "loss, duplication and delay on every link: more draws for each message"
    rows.insert(1, Row("messages, faults on every link", "deliveries/s", speed, note=note))
    rows += _workload("queue", queueing.run, QUEUES, "customers/s", customers, pairs,
                      quick, with_peers)  # fmt: skip
    return rows


def _workload(
    name: str, ours: Ours, peers: tuple[Peer, ...], unit: str, amount: int, pairs: int,
    quick: bool, with_peers: bool,
) -> list[Row]:  # fmt: skip
    mine = partial(ours, amount)
    alone = middle(mine, pairs)
    rows = [Row(f"{name}, ours alone", unit, alone, note="everything recorded, a crash within")]
    if name == "queue":
        rows = [Row(f"{name}, ours alone", unit, alone, note="everything recorded")]
    for peer in peers:
        why = peer.missing() if with_peers else "peers were left out."
        told = f"{name} / {peer.name}"
        if why:
            rows.append(against(told, unit, alone, None, None, peer.least, why))
        else:
            rows.append(_beside(told, unit, mine, peer, pairs, quick))
    return rows


def _beside(
    name: str, unit: str, mine: Callable[[], Callable[[], int]], peer: Peer, pairs: int,
    quick: bool,
) -> Row:  # fmt: skip
    amount = peer.amount // 20 if quick else peer.amount
    try:
        work = partial(peer.load(), amount)
        found = interleaved(mine, work, pairs)
    except Exception as error:  # whatever a peer does, the others are still to be measured
        why = f"{peer.version()} failed here: {type(error).__name__}: {error}"
        return against(name, unit, None, None, None, peer.least, why)
    note = f"{peer.version()}, ratios {found.low:.2f} to {found.high:.2f} in {pairs} pairs"
    return against(name, unit, found.ours, found.peer, found.ratio, peer.least, note)


def memory(quick: bool) -> list[Row]:
    """Return how many bytes an event takes in a trace, as it is and in column form."""
    deliveries = 3_000 if quick else 100_000
    kept, _, trace = allocated(lambda: messages.cluster(deliveries).run(1))
    note = f"tracemalloc: all that {len(trace):,} events keep alive, messages and numbers included"
    rows = [reaching("trace memory", "bytes/event", kept / len(trace), "≤", 200.0, note)]
    columns = getattr(Trace, "columns", None) or getattr(Trace, "to_columns", None)
    if columns is None:
        none = "a trace has no column form yet."
        return [*rows, Row("trace memory, columns", "bytes/event", None, goal="≤ 64", note=none)]
    kept, _, _ = allocated(lambda: columns(trace))
    size = kept / len(trace)
    return [*rows, reaching("trace memory, columns", "bytes/event", size, "≤", 64.0)]
