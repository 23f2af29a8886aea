"""Python text made into a syntax tree, by one thread at a time.

In CPython 3.11 two threads that do it at once share the count of how deep they are: when one is
interrupted by the garbage collector the other one gets "SystemError: AST constructor recursion
depth mismatch". Checks run in threads, and so do the tasks of a Dask worker.
"""

from __future__ import annotations

import ast
import threading

_one = threading.Lock()


def tree(source: str) -> ast.Module:
    """Return the syntax tree; nothing is executed.

    Raises SyntaxError, ValueError, RecursionError or MemoryError for text that is not Python, or
    that is nested too deeply.
    """
    with _one:
        return ast.parse(source)
