"""The judge's side of the processes that run a submission.

What protects the judge. The kernel, the network, the clocks, the clients and the checks run here.
A submission's code runs nowhere but in processes of its own, one for each start of each node,
which get events and return effects; each effect is validated before it is applied through the
ordinary kernel API. A submission can therefore decide what its own nodes do, and nothing else:
there is no trace, no verdict and no mark on its side of the channel, and nodes share no memory.

A process serves one node, and one of its starts: the third start of r1 has another process than the
first two and than r2. Until the check ends it serves the same start of the same node in further
runs, with the cells executed anew each time. A submission that means to could so remember an
earlier run, with other seeds and other values, as that node saw it; never what another node knows,
nor what its own crash made it forget. In return a run needs no new processes, and several runs can
be under way at once (`dsviz.grading.lockstep`).

What isolates those processes (`isolation`), the best that works on the machine:

* ``bubblewrap``: namespaces of its own (no network, no other processes), an empty environment, a
  read-only view of the system without home directories, solutions and hidden checks; everything
  in it ends with it.
* ``limits``: an empty environment, a session of its own, limits on memory, CPU time, files and
  file size. The file system is readable, and without the filter below the network reachable: for
  practice and trusted classes, not for an examination.

A grader that runs as root gives each node's process a user of its own, because the limit on
processes does not hold for root. Where that user could not read Python's files it says so: the
level then ends with "as root: processes are not limited".

Nodes of a submission share a sandbox, so on Linux a filter of system calls keeps their processes
from each other as well (`dsviz.grading.system_calls`): no sockets, no shared memory, no signals, no
new processes, nothing written. Where it cannot be installed the level ends with "without a filter
of system calls". What is left is what one process of a user may see of another in ``/proc``, as how
much memory it has; a group for counting processes is not used.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, NamedTuple, TypeVar

from dsviz.grading.lab import Classes
from dsviz.grading.lockstep import Lockstep, available, batches
from dsviz.grading.nursery import Channel, Nursery
from dsviz.grading.run import Stopped, one_by_one
from dsviz.grading.stand_in import NotLoadedError, stand_in, text

PATIENCE = 12  # how much longer than its computing it may take, where the system tells no more
IDLE = 0.5  # what a second counts in which a submission does nothing, as asleep
MAX_EFFECTS_IN_ALL = 200_000  # of one run
RUNS_AT_ONCE = 64  # at most; their traces are kept until they have been judged


T = TypeVar("T")
R = TypeVar("R")


@dataclass
class Run:
    """What must be known of a run while it is under way."""

    number: int
    starts: Counter[str] = field(default_factory=Counter)  # of each node
    effects: int = 0


class Life(NamedTuple):
    """One start of one node: the run it belongs to, and the line to its process."""

    run: Run
    channel: Channel


class Host:
    """Runs one submission: makes stand-ins for its classes, and processes for their nodes."""

    def __init__(self, cells: Mapping[str, str]) -> None:
        self._cells = dict(cells)
        self._nursery = Nursery(cells)
        self._seats: dict[tuple[str, int], Channel] = {}  # by node, and which of its starts it is
        self._runs: dict[Any, Run] = {}  # by kernel
        self._numbers = count()
        self._lockstep = Lockstep() if available() and not draws_at_random(cells) else None
        self._used_s = 0.0
        self.asked_s = 0.0  # in which the judge waited for answers
        self.spent = self.stopwatch()

    @property
    def isolation(self) -> str:
        """How the submission's processes are isolated; see the top of the module."""
        return self._nursery.isolation

    def classes(self, names: Sequence[str]) -> Classes:
        """Return a stand-in for each class. Raises NotLoadedError when there is no such class."""
        channel = self._nursery.fork()
        try:
            answer = channel.ask({"event": "describe", "classes": list(names)})
        finally:
            channel.close()
        if "failed" in answer:
            raise NotLoadedError(text(answer["failed"], 500))
        described = answer.get("classes")
        if type(described) is not dict:
            raise Stopped("wrote something onto the channel that the judge listens to")
        return {name: stand_in(self, name, described.get(name)) for name in names}

    def begin(self, kernel: Any, name: str) -> Life:
        """Return a start of node `name`; see the top of the module for where it is lived."""
        run = self._runs.get(kernel)
        if run is None:
            if not (self._lockstep and self._lockstep.running):
                self._runs.clear()
            run = self._runs[kernel] = Run(next(self._numbers))
        seat = (name, run.starts[name])
        run.starts[name] += 1
        if seat not in self._seats:
            self._seats[seat] = self._nursery.fork()
        return Life(run, self._seats[seat])

    def ask(self, channel: Channel, event: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of a node's process. Raises Stopped when it gives none."""
        if self._lockstep and self._lockstep.running:
            return self._lockstep.ask(channel, event)
        began = time.perf_counter()
        try:
            return channel.ask(event)
        finally:
            self.asked_s += time.perf_counter() - began

    @property
    def oldest(self) -> int:
        """The number of the oldest run that is still under way."""
        return min(run.number for run in self._runs.values())

    def ahead(self, run: Callable[[T], R], cases: Iterable[T]) -> Iterator[tuple[T, R | Stopped]]:
        """Yield each case with what `run` returns for it, or with what stopped it.

        Runs that come next are done at the same time, more of them each time, because most
        submissions that fail do so soon. When one is stopped, each of its batch is run by itself.
        """
        if self._lockstep is None:
            yield from one_by_one(run, cases)
            return
        for batch in batches(cases, RUNS_AT_ONCE):
            self._runs.clear()
            try:
                results = self._lockstep.run([partial(run, case) for case in batch])
            except Stopped:
                self.end_check()
                yield from one_by_one(run, batch)
            else:
                yield from zip(batch, results, strict=True)
            finally:
                self.asked_s += self._lockstep.asked_s
                self._lockstep.asked_s = 0.0

    def stopwatch(self) -> Callable[[], float]:
        """Return what tells how many seconds the submission has used since now.

        However busy the machine is: that is what its processes ran, and half of what they slept,
        which is, of the time that the judge waited for them, what is left when nobody waited for
        a processor.
        """
        ran_before, waited_before = self._nursery.used()
        used_before, asked_before, queued_before = self._used_s, self.asked_s, queued_s()

        def spent() -> float:
            ran, waited = self._nursery.used()
            asked = self.asked_s - asked_before
            if not ran:
                return max(self._used_s - used_before, asked / PATIENCE)
            ran -= ran_before
            queued = queued_s() - queued_before
            return max(ran, IDLE * (asked - ran - (waited - waited_before) - queued))

        return spent

    def count(self, life: Life, effects: int, used_s: Any) -> None:
        """Count what nodes did in a run. Raises Stopped when it is too much."""
        run, channel = life
        if type(used_s) in (int, float) and used_s > channel.used_s:
            self._used_s += used_s - channel.used_s
            channel.used_s = used_s
        run.effects += effects
        if run.effects > MAX_EFFECTS_IN_ALL:
            raise Stopped(f"did more than {MAX_EFFECTS_IN_ALL:,} things in one run")

    def end_check(self) -> None:
        """End the processes of the runs so far; the next run gets fresh ones."""
        for channel in self._seats.values():
            channel.close()
        self._seats.clear()
        self._runs.clear()

    def close(self) -> None:
        """End all processes."""
        self.end_check()
        self._nursery.close()

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def draws_at_random(cells: Mapping[str, str]) -> bool:
    """Whether a submission may draw from Python's own random numbers instead of the node's.

    Those are seeded at each start of a node, so that marks can be had again; with runs side by
    side that would not hold.
    """
    return any(re.search(r"(?<!\.)\brandom\b", source) for source in cells.values())


def queued_s() -> float:
    """How many seconds this thread has waited for a processor; 0 where the system does not tell."""
    try:
        with open("/proc/thread-self/schedstat", "rb") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
