"""What the hints of lab 04 are made with: the decorator, and words for operations and nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from dsviz.check.verdict import Verdict
from dsviz.grading.lab import Hint
from dsviz.grading.register import Register, Served
from dsviz.trace import Trace

Find = Callable[[Register, Verdict], str | None]
SAFETY = "linearizable"


def hint(name: str, advice: str, *properties: str) -> Callable[[Find], Hint]:
    """Return a decorator that makes a hint for violations of these properties."""

    def make(find: Find) -> Hint:
        def tell(trace: Trace, verdict: Verdict) -> str | None:
            return find(Register(trace), verdict) if verdict.check in properties else None

        return Hint(name, advice, tell)

    return make


def answered(register: Register) -> Iterator[Served]:
    """Yield the operations that were answered ok, in the order in which they began."""
    return (op for op in register.ops.values() if op.status == "ok")


def involved(register: Register, verdict: Verdict) -> list[Served]:
    """Return the answered operations that the verdict names; if it names none, all of them."""
    named = [register.ops[i] for i in verdict.operations if i in register.ops]
    return [op for op in named or register.ops.values() if op.status == "ok"]


def holders(register: Register, op: Served, until: float) -> list[str]:
    """Return the replicas that had got the operation's value by then."""
    rows = register.carried(op.seen)
    return sorted({row[3] for row in rows if row[0] <= until})


def what(op: Served) -> str:
    return f"the write of {op.value}" if op.f == "write" else f"{op.client}'s read of {op.result}"


def names(nodes: Iterable[str]) -> str:
    """Return names as ``a, b and c``, sorted."""
    words = sorted(nodes)
    return " and ".join(words) if len(words) < 3 else ", ".join(words[:-1]) + " and " + words[-1]


def writes(register: Register) -> list[Served]:
    return [op for op in register.ops.values() if op.f == "write"]
