"""Runs a check: case after case until one fails, then makes that one small and says why.

The learner's classes may be the real ones or stand-ins whose handlers run elsewhere; the same
code serves practice and marking.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

from dsviz.check.shrink import shrink
from dsviz.check.verdict import Verdict
from dsviz.grading.lab import Case, Check, Classes, Lab, Mark
from dsviz.sim.faults import Fault
from dsviz.sim.kernel import Kernel
from dsviz.sim.node import Client, Op
from dsviz.sim.scenario import Scenario
from dsviz.trace import Trace

MAX_EVENTS = 20_000  # in one run; the reference needs a few hundred
LIMIT_S = 10.0  # of computing by the submission, in one check …
RUN_S = 0.25  # … and in each of its runs; solutions need a tenth of that, on a slow machine half
SHRINK_TRIES = 60  # runs to make a counterexample small: not seconds, or words would vary
UNFINISHED = "NotImplementedError"


Clock = Callable[[], float]
T = TypeVar("T")
R = TypeVar("R")


class Stopped(BaseException):
    """A run cannot go on: a node's process hangs, is gone or talks nonsense.

    Not an Exception: to the kernel those are a node's own errors, which the run survives.
    """


def bounded(scenario: Scenario, seed: int) -> tuple[Trace, bool]:
    """Run a scenario like `Scenario.run`; return its trace and whether it came to rest.

    A node that sets timers of 0 ms makes an endless run in no time at all; after `MAX_EVENTS`
    events the run is cut short, and its trace ends there.
    """
    kernel = Kernel(dict(scenario.nodes), scenario.network, seed, scenario.faults, scenario.sync_ms)
    events = 0
    while kernel.peek() <= scenario.duration and events < MAX_EVENTS:
        kernel.step()
        events += 1
    rests = kernel.peek() > scenario.duration
    end = scenario.duration if rests else kernel.now
    if rests:
        kernel.run(end)
    rows = kernel.records
    return Trace(scenario.name, seed, end, kernel.roles, scenario.faults, rows), rests


def judged(check: Check, case: Case) -> tuple[Trace, Verdict]:
    """Run one case; return its trace and the first verdict that is not ok, or the last one."""
    trace, rests = bounded(case.scenario, case.seed)
    if not rests:
        sentence = (
            f"the run does not come to rest: {MAX_EVENTS:,} events within {trace.duration:,.0f} ms"
        )
        return trace, Verdict("comes to rest", "violated", sentence, trace.duration)
    verdict = Verdict(check.name, "ok", "")
    for judge in check.properties:
        verdict = judge(trace)
        if not verdict.ok:
            break
    return trace, verdict


def one_by_one(run: Callable[[T], R], cases: Iterable[T]) -> Iterator[tuple[T, R | Stopped]]:
    """Yield each case with what `run` returns for it, or with what stopped it."""
    for case in cases:
        try:
            yield case, run(case)
        except Stopped as stopped:
            yield case, stopped


#: Runs cases in order, like `one_by_one`; it may be ahead of who looks at the results.
Runner = Callable[[Callable[[Case], Any], Iterable[Case]], Iterator[tuple[Case, Any]]]


def run_check(
    lab: Lab,
    check: Check,
    classes: Classes,
    hidden: bool,
    clock: Clock = time.process_time,
    runner: Runner = one_by_one,
) -> Mark:
    """Return what a check gives. A case that fails ends it.

    `clock` tells how many seconds the submission has used: a busy machine must not cost points.
    """
    began = clock()
    ran = 0
    cases = check.cases(classes, lab.seeds(check, hidden))
    for case, result in runner(partial(judged, check), cases):
        ran += 1
        if isinstance(result, Stopped):
            return Mark(check.name, 0, check.points, f"{case}: {result}.")
        trace, verdict = result
        if not verdict.ok:
            return _failed(lab, check, case, trace, verdict)
        allowed = LIMIT_S + RUN_S * ran
        if clock() - began > allowed:
            sentence = (
                f"stopped after {ran} runs: the handlers used more than {allowed:.0f} seconds."
            )
            return Mark(check.name, 0, check.points, sentence)
    sentence = f"holds in {ran} run{'s' if ran > 1 else ''}."
    return Mark(check.name, check.points, check.points, sentence)


def _failed(lab: Lab, check: Check, case: Case, trace: Trace, verdict: Verdict) -> Mark:
    unfinished = _unfinished(trace, case.scenario)
    if unfinished:
        return Mark(check.name, 0, check.points, f"not yet: {unfinished}.")
    if verdict.status == "undecided":
        sentence = f"{case}: could not be decided. {verdict.sentence}"
        return Mark(check.name, 0, check.points, sentence, case, trace, verdict)
    case, trace, verdict = smaller(check, case, trace, verdict)
    scenario = dataclasses.replace(case.scenario, checks=check.properties)
    case = dataclasses.replace(case, scenario=scenario)
    told = lab.hint(trace, verdict)
    sentence = f"{case}: {verdict.sentence}"
    if told is not None:
        hint, facts = told
        sentence += (f", because {facts}" if facts else "") + f". {hint.advice}"
    else:
        sentence += "."
    return Mark(check.name, 0, check.points, sentence, case, trace, verdict)


def _unfinished(trace: Trace, scenario: Scenario) -> str | None:
    """Say which handler is still to be written, when that is what stopped a node."""
    for row in trace.rows:
        if row[2] == "crash" and row[5] and UNFINISHED in row[5].splitlines()[-1]:
            where = row[5].splitlines()[-2] if "\n" in row[5] else ""
            name = where.removeprefix("in ").split(",")[0] or "a handler"
            return f"{name} of {type(scenario.nodes[row[3]]).__name__} is still to be written"
    return None


# Smaller counterexamples ----------------------------------------------------------------------

Part = tuple[str, Any]  # ("fault", a fault) or (name of a client, an operation)


def smaller(
    check: Check, case: Case, trace: Trace, verdict: Verdict
) -> tuple[Case, Trace, Verdict]:
    """Return the case without the faults and operations that it fails without as well."""
    best = (case, trace, verdict)

    def fails(parts: tuple[Part, ...]) -> bool:
        nonlocal best
        candidate = dataclasses.replace(case, scenario=_reduced(case.scenario, parts))
        try:
            its_trace, its_verdict = judged(check, candidate)
        except Stopped:
            return False
        # Another property violated would be another counterexample.
        if its_verdict.status != "violated" or its_verdict.check != verdict.check:
            return False
        best = (candidate, its_trace, its_verdict)
        return True

    parts = tuple(_parts(case.scenario))
    likely = _likely(parts, trace, verdict)
    shrink(likely if fails(likely) else parts, fails, SHRINK_TRIES)
    return best


def _likely(parts: tuple[Part, ...], trace: Trace, verdict: Verdict) -> tuple[Part, ...]:
    """Return what a violation probably needs: nothing after it, no read that it does not name."""
    begun: dict[str, list[int]] = {}  # by client, the operations that it began, in order
    for row in trace.rows:
        if row[2] == "invoke" and (verdict.at is None or row[0] <= verdict.at):
            begun.setdefault(row[3], []).append(row[5]["op"])
    kept: list[Part] = []
    for name, item in parts:
        if name == "fault":
            needed = verdict.at is None or item.at <= verdict.at
        else:
            number = begun[name].pop(0) if begun.get(name) else None
            needed = number is not None and (item.f != "read" or number in verdict.operations)
        kept += [(name, item)] if needed else []
    return tuple(kept)


def _parts(scenario: Scenario) -> list[Part]:
    parts: list[Part] = [("fault", fault) for fault in scenario.faults]
    for name, node in scenario.nodes.items():
        if isinstance(node, Client):
            parts += [(name, op) for op in node.operations]
    return parts


def _reduced(scenario: Scenario, parts: tuple[Part, ...]) -> Scenario:
    """Return the scenario with these faults and operations only."""
    faults: list[Fault] = [item for kind, item in parts if kind == "fault"]
    ops: dict[str, list[Op]] = {}
    for name, item in parts:
        ops.setdefault(name, []).append(item)
    nodes = {}
    for name, node in scenario.nodes.items():
        if not isinstance(node, Client) or not node.operations:
            nodes[name] = node  # a client without a list decides by itself what it does
        elif name in ops:
            nodes[name] = _with_operations(node, ops[name])
    return dataclasses.replace(scenario, nodes=nodes, faults=tuple(faults))


def _with_operations(client: Client, operations: list[Op]) -> Client:
    """Return the same client, whatever its class and options, with other operations."""
    other = copy.copy(client)
    other.operations = tuple(operations)
    return other
