"""Make a counterexample small: take parts away while it still fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def shrink(
    parts: Sequence[T], fails: Callable[[tuple[T, ...]], bool], budget: int = 100
) -> tuple[T, ...]:
    """Return a part of `parts` that still fails, and (within the budget) none can be spared.

    Halves are tried before quarters and single parts, so a few parts among many are found in few
    tries. `fails` is called at most `budget` times; when it runs out, what was reached is
    returned. `parts` itself is taken to fail.
    """
    kept = tuple(parts)
    size = max(1, len(kept) // 2)
    tries = 0
    while kept and tries < budget:
        start, spared = 0, False
        while start < len(kept) and tries < budget:
            fewer = kept[:start] + kept[start + size :]
            tries += 1
            if fails(fewer):
                kept, spared = fewer, True
            else:
                start += size
        if size > 1:
            size //= 2
        elif not spared:
            break
    return kept
