"""Many runs of a submission at the same time: while one waits for an answer, the others ask.

A run is a conversation between the judge and the processes of its nodes, one short message and one
short answer for each event. One run at a time, processor and caches change hands with every
message; with runs side by side a process gets the next event of several runs and answers them all.
Runs share nothing, so each of them goes as it would alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from time import perf_counter
from typing import Any, TypeVar

from dsviz.grading import wire
from dsviz.grading.nursery import WINDOW, Channel

try:
    from greenlet import getcurrent, greenlet
except ImportError:  # it makes grading faster, and is needed for nothing else
    greenlet = None

T = TypeVar("T")

Answer = dict[str, Any]
Question = tuple[Channel, bytes]


def available() -> bool:
    """Whether runs can be made side by side here."""
    return greenlet is not None


class Lockstep:
    """Makes runs side by side. `asked_s` is how many seconds it waited for answers so far."""

    def __init__(self) -> None:
        self.asked_s = 0.0
        self._hub: Any = None

    @property
    def running(self) -> bool:
        """Whether the caller is in a run that others are made beside."""
        return self._hub is not None

    def ask(self, channel: Channel, event: dict[str, Any]) -> Answer:
        """Return the answer to an event, after other runs have had their turn."""
        return self._hub.switch((channel, wire.dump(event)))

    def run(self, runs: Sequence[Callable[[], T]]) -> list[T]:
        """Return what each of the runs returns.

        Whatever one of them raises ends all of them, as does `Stopped` when a process does not
        answer: which run it was can be found out by making them again one by one.
        """
        self._hub = getcurrent()
        lets = [greenlet(one) for one in runs]
        try:
            # What a run switches to the hub with is a question, unless the run is over.
            said = {let: let.switch() for let in lets}
            while asking := [let for let in lets if not let.dead]:
                answers = self._exchange([said[let] for let in asking])
                for let, answer in zip(asking, answers, strict=True):
                    said[let] = let.switch(answer)
            return [said[let] for let in lets]
        finally:
            self._hub = None
            for let in lets:
                if not let.dead:
                    let.throw()  # GreenletExit, which no handler of a node's errors catches

    def _exchange(self, questions: Sequence[Question]) -> list[Answer]:
        """Return the answers, in order. Each process is sent its questions at once."""
        began = perf_counter()
        answers: list[Answer] = [{}] * len(questions)
        waiting: dict[Channel, list[int]] = {}
        for place, (channel, _) in enumerate(questions):
            waiting.setdefault(channel, []).append(place)
        while waiting:
            sent = {}
            for channel, places in waiting.items():
                sent[channel] = fitting(places, [len(questions[place][1]) for place in places])
                channel.send(b"".join([questions[place][1] for place in sent[channel]]))
            for channel, places in sent.items():
                for place, answer in zip(places, channel.answers(len(places)), strict=True):
                    answers[place] = answer
                del waiting[channel][: len(places)]
            waiting = {channel: places for channel, places in waiting.items() if places}
        self.asked_s += perf_counter() - began
        return answers


def fitting(places: Sequence[int], sizes: Sequence[int]) -> list[int]:
    """Return the first places whose sizes are no more than `WINDOW` together; at least one."""
    total, fit = 0, 0
    for size in sizes:
        total += size
        if fit and total > WINDOW:
            break
        fit += 1
    return list(places[:fit])


def batches(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """Yield the items one, two, four … at a time, up to `most`.

    What the iterable raises comes after the items before it.
    """
    size, batch = 1, []
    try:
        for item in items:
            batch.append(item)
            if len(batch) == size:
                yield batch
                size, batch = min(2 * size, most), []
    except Exception:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
