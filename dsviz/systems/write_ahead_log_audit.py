"""What an auditor finds in the accounts of `dsviz.systems.write_ahead_log`, and judges of it.

They look at what clients saw and at what the accounts hold, never at how the database works: so
they judge a learner's database as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dsviz.check.verdict import Verdict
from dsviz.history import Operation
from dsviz.trace import Trace

Holdings = dict[str, tuple[int, int]]  # by account: what it holds, how many transfers it has seen


class Audit:
    """One look at all accounts, and what they should hold.

    `before` is what they held at an earlier audit, when the database had just recovered (or at
    first). `lives` are the transfers that reached it from then on, in their order, a list for each
    of its lives: it may have stopped and recovered several times.
    """

    def __init__(self, op: Operation, before: Holdings, lives: list[list[Operation]]) -> None:
        self.op, self.before, self.lives = op, before, lives
        self.holds: Holdings = {n: tuple(v) for n, v in op.result["accounts"].items()}

    @property
    def since(self) -> list[Operation]:
        """All these transfers."""
        return [op for life in self.lives for op in life]

    @property
    def total(self) -> int:
        """What all accounts hold together."""
        return sum(balance for balance, _ in self.holds.values())

    def prefix(self) -> int | None:
        """Return how many of the transfers explain the accounts; None: no number does.

        Of each life the first k count, for some k: what was not yet durable is lost at its end.
        """
        place = {name: i for i, name in enumerate(self.before)}
        possible = {tuple(self.before.values()): 0}  # what the accounts may hold: transfers kept
        for life in self.lives:
            for state, kept in list(possible.items()):
                held = list(state)
                for op in life:
                    target, amount = op.value
                    for name, change in ((op.key, -amount), (target, amount)):
                        balance, seen = held[place[name]]
                        held[place[name]] = (balance + change, seen + 1)
                    kept += 1
                    possible.setdefault(tuple(held), kept)
        return possible.get(tuple(self.holds[name] for name in self.before))

    def acknowledged(self) -> list[Operation]:
        """Return those transfers that a client was told of before the audit began."""
        return [op for op in self.since if op.status == "ok" and op.returned < self.op.invoked]

    def missing(self) -> int:
        """Return how many acknowledged transfers the accounts have not seen."""
        seen: dict[str, int] = {name: count for name, (_, count) in self.before.items()}
        for op in self.acknowledged():
            for name in (op.key, op.value[0]):
                seen[name] += 1
        lack = sum(max(0, count - self.holds[name][1]) for name, count in seen.items())
        return (lack + 1) // 2


def audits(trace: Trace) -> Iterator[Audit]:
    """Return every audit that was answered."""
    ops = {op.id: op for op in trace.history()}
    by_request = _operations_by_message(trace)
    before: Holdings | None = None
    lives: list[list[Operation]] = [[]]
    for _, _, what, node, _, data, _, _ in trace.rows:
        if node == "db" and what == "crash":
            lives.append([])
        elif node == "db" and what == "deliver" and data.kind == "transfer":
            lives[-1].append(ops[by_request[data.id]])
        elif what == "ok" and ops[data["op"]].f == "audit":
            op = ops[data["op"]]
            start = before or dict.fromkeys(op.result["accounts"], (op.result["each"], 0))
            audit = Audit(op, start, lives)
            yield audit
            if len(lives) > 1:
                before, lives = audit.holds, [[]]


def _operations_by_message(trace: Trace) -> dict[int, int]:
    """Return message id → operation id: a client sends one request for each, in their order.

    The last requests are missing when they still waited at the end of the run.
    """
    begun: dict[str, list[int]] = {}
    asked: dict[str, set[int]] = {}
    for row in trace.rows:
        if row[2] == "invoke":
            begun.setdefault(row[3], []).append(row[5]["op"])
        elif row[2] in _ARRIVES and row[5].re is None:
            asked.setdefault(row[4], set()).add(row[5].id)
    return {
        message: op
        for client, ops in begun.items()
        for message, op in zip(sorted(asked.get(client, ())), ops, strict=False)
    }


_ARRIVES = ("deliver", "drop", "flight")


def nothing_lost(trace: Trace) -> Verdict:
    """Judge: every transfer that was acknowledged is in the accounts, whatever happened."""
    name = "nothing is lost"
    for audit in audits(trace):
        missing = audit.missing()
        if missing:
            at = audit.op.return_ms
            last = [audit.op, *audit.acknowledged()][-1]
            sentence = (
                f"{missing:,} acknowledged transfer{'s are' * (missing > 1)}"
                f"{' is' * (missing == 1)} missing from the accounts; {last.process} had its last "
                f"answer at {last.return_ms:,.0f} ms."
            )
            return Verdict(name, "violated", sentence, at, (), (last.id, audit.op.id))
    return Verdict(name, "ok", "Each acknowledged transfer was in the accounts at each audit.")


def books_balance(trace: Trace) -> Verdict:
    """Judge: the accounts hold together what they held at first, and none is below zero."""
    name = "the books balance"
    for audit in audits(trace):
        at, ids = audit.op.return_ms, (audit.op.id,)
        total = sum(balance for balance, _ in audit.before.values())
        below = [n for n, (balance, _) in audit.holds.items() if balance < 0]
        if audit.total != total:
            sentence = f"The accounts hold {audit.total:,} together instead of {total:,}."
            return Verdict(name, "violated", sentence, at, (), ids)
        if below:
            sentence = (
                f"Account {below[0]} holds {audit.holds[below[0]][0]}: it spent "
                "what it never received."
            )
            return Verdict(name, "violated", sentence, at, (), ids)
    return Verdict(name, "ok", "At each audit the accounts held what they held at first.")


def recovers_a_prefix(trace: Trace) -> Verdict:
    """Judge: what is recovered is what the first k transfers made of the accounts, for some k."""
    name = "recovers a prefix"
    for audit in audits(trace):
        if audit.prefix() is None:
            at = audit.op.return_ms
            odd = [n for n, held in audit.holds.items() if held != audit.before[n]]
            sentence = (
                f"No first k of the {len(audit.since):,} transfers explain what "
                f"the accounts hold: {', '.join(f'{n} {audit.holds[n][0]}' for n in odd[:4])}."
            )
            return Verdict(name, "violated", sentence, at, (), (audit.op.id,))
    return Verdict(name, "ok", "At each audit some first k transfers explain all accounts.")


def acknowledged_is_durable(trace: Trace) -> Verdict:
    """Judge: a transfer is acknowledged only when the log is durable up to its record.

    The acknowledgment holds the record's LSN, and the database shows how far it is `flushed`.
    """
    name = "durable before the ack"
    flushed = 0
    for time, _, told in sorted(_flushes_and_acks(trace), key=lambda item: item[:2]):
        if isinstance(told, int):
            flushed = told
        elif told[0].value > flushed:
            message, seq = told
            sentence = (
                f"{message.dst} is told that record {message.value:,} is safe, "
                f"but the log is durable up to {flushed:,} only."
            )
            return Verdict(name, "violated", sentence, time, (seq,))
    return Verdict(name, "ok", "Each record was durable when its client was told.")


def _flushes_and_acks(trace: Trace) -> Iterator[tuple[float, int, Any]]:
    """Return (ms, order, how far the log is durable) and (ms, order, (acknowledgment, seq))."""
    for time, seq, what, _node, src, data, info, _cause in trace.rows:
        if what == "state" and "flushed" in data:
            yield time, 0, data["flushed"]
        elif what in _ARRIVES and src == "db" and type(getattr(data, "value", None)) is int:
            yield (info[0] if what == "drop" else info), 1, (data, seq)


CHECKS = (nothing_lost, books_balance, recovers_a_prefix, acknowledged_is_durable)
