"""Does a run depend on nothing but scenario, seed and faults? Run it again elsewhere and compare.

The second run happens in another process, with another seed for the hashes of texts (which
decides the order of sets), another state of the global random numbers and a clock that is off by
a year. Then once more in the same process, for what survives a run. Nodes that act only through
`self` do not notice. See docs/determinism.md.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from dsviz.check.culprit import guess
from dsviz.check.verdict import Verdict
from dsviz.check.workers import packed
from dsviz.errors import DsvizError
from dsviz.trace import Event, Trace
from dsviz.transcript import sentence

__all__ = ["deterministic"]

NAME = "deterministic"
_ARGUMENTS = (sys.executable, "-c", "from dsviz.check.determinism import _child; _child()")
_OFF_S = 400 * 86_400 + 12_345.678  # how wrong the clock of the other process is, in seconds
_CLOCKS = ("time", "monotonic", "perf_counter", "process_time")


def deterministic(
    scenario: Any,
    seed: int = 0,
    hash_seeds: Sequence[int] = (1, 2, 3),
    timeout_s: float = 60.0,
) -> Verdict:
    """Judge: other processes, under other circumstances, make the same trace of this seed.

    `scenario` is a `Scenario`, or a function without arguments that returns one. One process runs
    for each of `hash_seeds` until one differs; two names in a set keep their order under half of
    all seeds. A violated verdict names the first event that differs and its node, and guesses at
    the reason. Undecided when a process takes longer than `timeout_s` seconds or dies. Raises
    DsvizError for what cannot be sent to another process.
    """
    scenario = scenario() if callable(scenario) else scenario
    job = packed(
        (scenario, seed), "scenario", "for example a function that makes it from an importable file"
    )
    here = _lines(scenario.run(seed))
    for hash_seed in hash_seeds:
        try:
            there = _elsewhere(job, hash_seed, timeout_s)
        except _NoAnswer as reason:
            return Verdict(NAME, "undecided", f"The second run gave no answer: {reason}.")
        for number, lines in enumerate(there):
            if lines != here:
                return _differs(scenario, seed, here, lines, number)
    others = len(hash_seeds)
    text = f"{others} other processes made the same {len(here) - 1:,} events, twice each."
    return Verdict(NAME, "ok", text)


class _NoAnswer(Exception):
    """The other process did not finish."""


def _lines(trace: Trace) -> list[str]:
    return trace.to_jsonl().splitlines()


def _elsewhere(job: bytes, hash_seed: int, timeout_s: float) -> list[list[str]]:
    """Return the traces of the two runs of another process, as lines."""
    environment = os.environ | {
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
    }
    try:
        done = subprocess.run(
            _ARGUMENTS, input=job, capture_output=True, timeout=timeout_s, env=environment,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _NoAnswer(f"it took more than {timeout_s:g} s") from None
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise _NoAnswer("".join(last) or f"it ended with status {done.returncode}")
    return json.loads(done.stdout)


def _child() -> None:
    """What the other process does: read a job, run it twice, write the traces."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a node prints is not part of the answer
    _disturb()
    scenario, seed = pickle.loads(sys.stdin.buffer.read())
    json.dump([_lines(scenario.run(seed)) for _ in range(2)], answer)
    answer.close()


def _disturb() -> None:
    """Put the clocks forward, before anybody can take hold of them."""
    import random
    import time

    random.seed(_OFF_S)
    for name in _CLOCKS:
        setattr(time, name, _later(getattr(time, name), _OFF_S))
        setattr(time, f"{name}_ns", _later(getattr(time, f"{name}_ns"), int(_OFF_S * 1e9)))


def _later(clock: Callable[[], Any], by: Any) -> Callable[[], Any]:
    return lambda: clock() + by


# What to say of a difference ------------------------------------------------------------------


def _differs(scenario: Any, seed: int, here: list[str], there: list[str], number: int) -> Verdict:
    """Explain the first line that differs; `number` is that of the run in the other process."""
    first = next(
        (i for i, pair in enumerate(zip(here, there, strict=False)) if pair[0] != pair[1]),
        min(len(here), len(there)),
    )
    traces = [Trace.from_jsonl("\n".join(lines)) for lines in (here, there)]
    events = [_event(trace, first - 1) for trace in traces]
    event = events[0] or events[1]
    if event is None:
        raise DsvizError("the two runs differ in what they are about: compare their first lines")
    name, handler = _who(traces[0] if events[0] else traces[1], event)
    told = [sentence(event) if event else "the end of the run" for event in events]
    if told[0] == told[1]:
        told = [f"{told[0]} (event {event.seq if event else None})" for event in events]
    rerun = "A second run in the same process" if number else "A run in another process"
    text = f"{rerun} differs from {event.time:,.3f} ms on: {told[0]}; there: {told[1]}."
    if name in scenario.nodes:
        kind = type(scenario.nodes[name])
        code = f"{kind.__name__}.{handler}" if handler else kind.__name__
        text += f" Look at {code} of {name}: {guess(kind, handler)}."
    seen = (events[0].seq,) if events[0] else ()
    return Verdict(NAME, "violated", text, event.time, seen)


def _event(trace: Trace, index: int) -> Event | None:
    return Event._make(trace.rows[index]) if 0 <= index < len(trace.rows) else None


def _who(trace: Trace, event: Event) -> tuple[str | None, str | None]:
    """Return the node whose code made an event what it is, and the handler that was running."""
    name = event.peer if event.what in ("deliver", "drop", "flight") else event.node
    if event.what in ("timer", "deliver") and event.cause < 0:
        return name, None
    numbers = {row[1] for row in trace.rows}
    if event.cause not in numbers:
        return name, None
    cause = trace.event(event.cause)
    if cause.what == "deliver" and cause.node == name:
        return name, f"on_{cause.data.kind}"
    if cause.what == "timer" and cause.node == name:
        return name, f"on_timer_{cause.data}"
    if cause.what == "start" and cause.node == name:
        return name, "on_start"
    return name, None
