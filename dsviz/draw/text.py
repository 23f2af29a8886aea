"""Captions: what a run was and what came of it, in one or two sentences made from its trace."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dsviz.trace import Trace

NAMED = 3  # faults that are told one by one; more are counted


def caption(trace: Trace, verdicts: Any = ()) -> str:
    """Return what was run, what went wrong, what clients saw and what the judges say.

    `verdicts` is one `Verdict` or several. Equal traces give equal texts.
    """
    verdicts = list(verdicts) if isinstance(verdicts, Iterable) else [verdicts]
    parts = [f"{_run(trace)}{_faults(trace)}.", _clients(trace), *map(_verdict, _telling(verdicts))]
    return " ".join(part for part in parts if part)


def titled(trace: Trace) -> str:
    """Return the name of a run as a title."""
    return trace.name[:1].upper() + trace.name[1:]


def counted(number: int, one: str, many: str = "") -> str:
    """Return ``1 write`` or ``3 writes``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def joined(words: Iterable[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``, in the order given."""
    words = list(words)
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def clauses(text: str) -> str:
    """Return ``when: a; b; c`` with like clauses merged."""
    when, colon, told = text.partition(": ")
    return when + colon + "; ".join(_merged(told.split("; "))) if colon else text


def _run(trace: Trace) -> str:
    roles = list(dict.fromkeys(trace.nodes.values()))
    sizes = [counted(list(trace.nodes.values()).count(role), role) for role in roles]
    cluster = f": {joined(sizes)}" if sizes else ""
    return f"{titled(trace)} (seed {trace.seed}){cluster} over {trace.duration:,g} ms"


def _faults(trace: Trace) -> str:
    told = [str(fault) for fault in trace.faults if not isinstance(fault, dict)]
    told += [str(fault.get("fault")) for fault in trace.faults if isinstance(fault, dict)]
    if not told:
        return ", no faults"
    told = _merged(told)
    if len(told) > NAMED:
        told = [*told[:NAMED], f"{len(told) - NAMED} more faults"]
    return "; " + joined(told)


def _merged(sentences: list[str]) -> list[str]:
    """Merge neighbours that differ in one word, which is not the subject: "to r2" and "to r3"."""
    merged: list[list[str]] = []
    for words in (sentence.split() for sentence in sentences):
        last = merged[-1] if merged else []
        other = [i for i, (a, b) in enumerate(zip(last, words, strict=False)) if a != b]
        if len(last) == len(words) and len(other) == 1 and other[0] > 0:
            last[other[0]] += f" and {words[other[0]]}"
        else:
            merged.append(words)
    return [" ".join(words) for words in merged]


def _clients(trace: Trace) -> str:
    history = trace.history()
    if not history:
        return ""
    ended = [op.status for op in history]
    parts = [f"{ended.count('ok'):,} of {counted(len(ended), 'operation')} answered"]
    if ended.count("fail"):
        parts.append(f"{ended.count('fail'):,} failed")
    if ended.count("info"):
        parts.append(f"{ended.count('info'):,} with unknown outcome")
    return f"Clients saw {joined(parts)}."


def _telling(verdicts: list[Any]) -> list[Any]:
    """The verdicts worth a sentence: those that do not hold; when all do, one for all."""
    bad = [verdict for verdict in verdicts if verdict.status != "ok"]
    return bad or ([verdicts] if verdicts else [])


def _verdict(verdict: Any) -> str:
    if isinstance(verdict, list):
        held = joined(v.check for v in verdict)
        return f"Holds: {held}."
    said = verdict.sentence if verdict.sentence.endswith((".", ")")) else f"{verdict.sentence}."
    return f"{verdict.check[0].upper()}{verdict.check[1:]}: {verdict.status}. {said}"
