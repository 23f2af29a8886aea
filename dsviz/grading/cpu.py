"""Judge and submission on the same processor: they only ever wait for each other.

A run is a conversation, two short messages for each event. On two processors each message waits
until the other one wakes up, on a busy machine behind whatever else runs there: measured on two
busy cores, 3 to 4 times as long as on one.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_used: Counter[int] = Counter()  # how many threads of this process are bound to each processor


@contextmanager
def one_cpu() -> Iterator[None]:
    """Bind this thread, and the processes that it starts meanwhile, to one processor.

    To the one that fewest other threads are bound to by this. Does nothing where the system knows
    no such thing.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    with _lock:
        # From another one on in each process, so that two graders do not share the first.
        order = sorted(before, key=lambda cpu: (cpu + os.getpid()) % len(before))
        chosen = min(order, key=_used.__getitem__)
        _used[chosen] += 1
    try:
        os.sched_setaffinity(0, {chosen})
        yield
    finally:
        os.sched_setaffinity(0, before)
        with _lock:
            _used[chosen] -= 1
