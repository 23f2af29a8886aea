"""The judge: recorded histories beside Porcupine, and a long history with many clients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from statistics import median
from time import process_time

from benchmarks.measure import allocated, seconds
from benchmarks.porcupine import TOTAL_OF_FACTS, Checked, Porcupine
from benchmarks.table import Row, against, reaching
from dsviz.check.linearizability import linearizable
from dsviz.check.model import Model
from dsviz.check.models import cas_register
from dsviz.check.parts import objects
from dsviz.check.race import Budget, Race
from dsviz.check.recorded import read_history
from dsviz.history import History, Operation

Judge = Callable[[History, Model], object]

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "histories"
#: What a search may hold at once, as `Budget` says: configurations of about 300 bytes.
MEMORY_CAP_MB = Budget().configurations * 300 / 1e6
_ABSENT = f"the recorded histories are not at {CORPUS} (they may not be part of the repository)."


def corpus() -> list[tuple[str, str, History, Model]]:
    """Return (file, right verdict, history, model) for each recorded history."""
    table = CORPUS / "verdicts.tsv"
    if not table.is_file():
        return []
    made = []
    for line in table.read_text().splitlines()[1:]:
        if line.strip():
            name, verdict = line.split("\t")
            right = "ok" if verdict == "linearizable" else "violated"
            made.append((name, right, *read_history(CORPUS / name)))
    return made


def recorded(times: int, with_peers: bool) -> list[Row]:
    """Return the rows about the recorded histories."""
    logs = corpus()
    if not logs:
        nothing = Row("recorded histories judged rightly", "share", None, note=_ABSENT)
        return [nothing, Row("recorded etcd histories", "s", None, note=_ABSENT)]
    verdicts = [linearizable(history, model).status for _, _, history, model in logs]
    right = sum(said == log[1] for said, log in zip(verdicts, logs, strict=True))
    share = right / len(logs)
    rows = [reaching("recorded histories judged rightly", "share", share, "=", 1.0,
                     f"{right} of {len(logs)}")]  # fmt: skip
    etcd = [log for log in logs if log[0].startswith("etcd")]
    peer = _porcupine([log[2] for log in etcd]) if with_peers else None
    for judge, what in ((linearizable, "with the explanation"), (_verdict_only, "verdict only")):
        costs = [_cost(judge, history, model, times) for _, _, history, model in etcd]
        rows.append(_beside_porcupine(f"{len(etcd)} etcd histories, {what}", sum(costs), peer))
        if judge is linearizable:
            worst = max(range(len(etcd)), key=costs.__getitem__)
            ms = costs[worst] * 1e3
            rows.append(reaching("worst etcd history", "ms", ms, "≤", 5.0, etcd[worst][0]))
    return rows


def _verdict_only(history: History, model: Model) -> object:
    """Do what Porcupine does: say whether it is linearizable, and not why."""
    race = Race(objects(history.operations, model), model, Budget())
    return race.first_refuted()


def _cost(judge: Judge, history: History, model: Model, times: int) -> float:
    """Return the seconds of one judgement, measured as `porcupine/main.go` does it."""
    return median(_warm_cost(judge, history, model) for _ in range(times))


def _warm_cost(judge: Judge, history: History, model: Model) -> float:
    """Return the mean of ten judgements in a row, or of as many as fit into 10 ms."""

    def repeat() -> int:
        begin, done = process_time(), 0
        while done < 10 and process_time() - begin < 0.01:
            judge(history, model)
            done += 1
        return done

    spent, done = seconds(repeat)
    return spent / done


def _porcupine(histories: Sequence[History]) -> Checked | str:
    """Return what Porcupine took, or why it is not here."""
    peer = Porcupine()
    return peer.why_not or peer.check([history.operations for history in histories])


def _beside_porcupine(name: str, ours: float, peer: Checked | str | None) -> Row:
    if peer is None:
        return against(name, "s", ours, None, None, 10.0, "peers were left out.")
    if isinstance(peer, str):
        note = f"the facts page's figure for 102 logs, of another day: {peer}"
        return against(name, "s", ours, TOTAL_OF_FACTS, None, 10.0, note)
    theirs = sum(peer.seconds)
    note = "Porcupine v1.3.1 in Go, verdict only; reading files is in nobody's time"
    return against(name, "s", ours, theirs, theirs / ours, 10.0, note)


# A long history -------------------------------------------------------------------------------


def long_history(operations: int, clients: int, stale: bool = False, seed: int = 1) -> History:
    """Return a history of a register that was linearizable, of clients that never rest.

    At each moment one client, drawn at random, begins an operation, or its operation takes
    effect, or returns. With `stale`, one late read gets a value nobody has written.
    """
    draw = Random(seed)
    state: int | None = None
    stage: dict[int, list] = {}
    done: list[Operation] = []
    position = began = 0
    while len(done) < operations:
        client = draw.randrange(clients)
        now = stage.get(client)
        if now is None:
            if began < operations:
                f = draw.choice(("read", "write"))
                value = draw.randrange(5) if f == "write" else None
                stage[client] = [began, f, value, position, False, None]
                began, position = began + 1, position + 1
        elif not now[4]:
            now[4] = True
            if now[1] == "write":
                state = now[2]
            else:
                now[5] = state
        else:
            done.append(_returned(client, now, position))
            del stage[client]
            position += 1
    return History(_spoilt(done) if stale else done)


def _returned(client: int, now: list, position: int) -> Operation:
    number, f, value, invoked, _, result = now
    return Operation(number, f"c{client}", f, "x", value, invoked, position, "ok", result,
                     float(invoked), float(position))  # fmt: skip


def _spoilt(ops: list[Operation]) -> list[Operation]:
    late = next(i for i in range(len(ops) * 9 // 10, len(ops)) if ops[i].f == "read")
    op = ops[late]
    ops[late] = Operation(op.id, op.process, op.f, op.key, op.value, op.invoked, op.returned,
                          op.status, 99, op.call_ms, op.return_ms)  # fmt: skip
    return ops


def long(operations: int, times: int, with_peers: bool) -> list[Row]:
    """Return the rows about a long history with 10 clients."""
    model = cas_register()
    fine, bad = long_history(operations, 10), long_history(operations, 10, stale=True)
    peer = _porcupine([fine, bad]) if with_peers else None
    rows = []
    for number, (what, history, right) in enumerate(
        (("linearizable", fine, "ok"), ("one wrong read", bad, "violated"))
    ):
        said = linearizable(history, model).status
        spent = _cost(linearizable, history, model, times)
        theirs = peer.seconds[number] if isinstance(peer, Checked) else None
        note = f"said {said}" + ("" if said == right else f", should be {right}")
        goal = 0.5 if operations == 10_000 else None
        ratio = None if theirs is None else theirs / spent
        told = f"{operations:,} operations, 10 clients, {what}"
        ok = None if goal is None else spent <= goal and said == right
        rows.append(Row(told, "s", spent, theirs, ratio, goal and f"≤ {goal:g}", ok, note))
    return [*rows, _memory(lambda: linearizable(fine, model))]


def _memory(judge: Callable[[], object]) -> Row:
    _, peak, _ = allocated(judge)
    return reaching(
        "memory of that judgement, at its peak", "MB", peak / 1e6, "≤", MEMORY_CAP_MB,
        "tracemalloc; the cap is Budget's 400,000 configurations of about 300 bytes",
    )  # fmt: skip
