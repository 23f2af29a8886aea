"""Many runs spread over processes, always with the same answer.

Any `concurrent.futures.Executor` will do: a pool of processes on this machine, or the executor of
a Dask client. Batches of seeds are handed out in order and looked at in order, so what is found
does not depend on which worker was the fastest.
"""

from __future__ import annotations

import importlib.util
import io
import pickle
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import lru_cache
from itertools import islice
from typing import Any

from dsviz.errors import DsvizError, listed

__all__ = ["in_order", "packed", "show_progress"]

_AT_A_TIME = 10  # seeds in a batch: 10 runs take longer than it takes to hand them out
_UNDER_WAY = 16  # batches handed out and not looked at yet, at most


def in_order(
    work: Callable[[Any, int], Any],
    job: Any,
    seeds: Iterable[int],
    executor: Executor | None = None,
) -> Iterator[tuple[int, Any]]:
    """Yield (seed, ``work(job, seed)``) in the order of the seeds.

    Without an executor each seed is worked on when it is asked for. With one, a caller that stops
    early leaves the batches under way to end by themselves. `work` and `job` travel by pickle;
    what a notebook defines travels by cloudpickle where that is installed, else DsvizError says
    what to do.
    """
    if executor is None:
        for seed in seeds:
            yield seed, work(job, seed)
        return
    submit = _submitter(executor, work, job)
    left = iter(seeds)
    waiting: deque = deque()
    try:
        while True:
            while len(waiting) < _UNDER_WAY:
                batch = tuple(islice(left, _AT_A_TIME))
                if not batch:
                    break
                waiting.append((batch, submit(batch)))
            if not waiting:
                return
            batch, future = waiting.popleft()
            yield from zip(batch, future.result(), strict=True)
    finally:
        for _, future in waiting:
            future.cancel()


def _submitter(executor: Executor, work: Callable, job: Any) -> Callable[[Sequence[int]], Any]:
    if isinstance(executor, ThreadPoolExecutor):  # the same process: nothing has to travel
        return lambda batch: executor.submit(_each, work, job, batch)
    sent = packed((work, job))
    return lambda batch: executor.submit(_each_packed, sent, batch)


def _each(work: Callable, job: Any, batch: Sequence[int]) -> list:
    return [work(job, seed) for seed in batch]


def _each_packed(sent: bytes, batch: Sequence[int]) -> list:
    work, job = _unpacked(sent)
    return _each(work, job, batch)


@lru_cache(maxsize=4)
def _unpacked(sent: bytes) -> tuple[Callable, Any]:
    return pickle.loads(sent)


class _Watched(pickle.Pickler):
    """A pickler that notes what a worker could not import: classes and functions of a notebook."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.at_home: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        if getattr(obj, "__module__", None) == "__main__" and hasattr(obj, "__qualname__"):
            self.at_home.add(obj.__qualname__)
        return NotImplemented


def packed(value: Any, argument: str = "executor", instead: str = "leave out executor=") -> bytes:
    """Return `value` as bytes that another process can read.

    Raises DsvizError naming the argument, and what else to do, for what cannot be sent.
    """
    file = io.BytesIO()
    pickler, reason = _Watched(file), ""
    try:
        pickler.dump(value)
    except Exception as error:  # pickle raises several kinds for what it cannot take
        reason = str(error)
    if not reason and not pickler.at_home:
        return file.getvalue()
    if importlib.util.find_spec("cloudpickle") is not None:
        return _by_cloudpickle(value, argument, instead)
    what = listed(pickler.at_home) if pickler.at_home else f"part of the scenario ({reason})"
    raise DsvizError(
        f"{argument}: another process cannot see {what} of this notebook; put the code in a .py "
        f"file beside it and import it, or install cloudpickle, or {instead}"
    )


def _by_cloudpickle(value: Any, argument: str, instead: str) -> bytes:
    import cloudpickle

    try:
        return cloudpickle.dumps(value)
    except Exception as error:
        raise DsvizError(
            f"{argument}: this cannot be sent to another process ({error}); keep open files and "
            f"locks out of nodes and checks, or {instead}"
        ) from None


def show_progress(items: Iterable, total: int | None, text: str) -> Iterator:
    """Yield the items, with a progress bar on stderr."""
    from tqdm import tqdm

    bar = tqdm(items, total=total, desc=text, unit=" runs", file=sys.stderr, leave=False)
    try:
        yield from bar
    finally:
        bar.close()
