"""A submission's code cells, made into classes: the same way for practice, tests and the judge.

Only the process of a node (`dsviz.grading.child`) and tests on trusted code call `executed`.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Mapping
from types import CodeType, ModuleType
from typing import Any

from dsviz.errors import DsvizError
from dsviz.sim.disk import DiskError
from dsviz.sim.node import Node
from dsviz.trace import Message

#: What a graded cell finds without importing it; ``from dsviz import Node`` works as well.
GIVEN = {"Node": Node, "Message": Message, "DsvizError": DsvizError, "DiskError": DiskError}


def compiled(cells: Mapping[str, str]) -> list[CodeType]:
    """Compile cells, named by their grade ids. Nothing is executed.

    Raises SyntaxError and ValueError for text that is not Python.
    """
    codes = []
    for name, source in cells.items():
        file = f"<cell {name}>"
        lines = source.splitlines(keepends=True)
        linecache.cache[file] = (len(source), None, lines, file)  # so that errors quote the line
        codes.append(compile(source, file, "exec", dont_inherit=True))
    return codes


def executed(codes: list[CodeType]) -> dict[str, Any]:
    """Run compiled cells one after the other in a fresh namespace, and return it."""
    module = ModuleType("submission")
    sys.modules[module.__name__] = module  # dataclasses look their module up
    namespace = module.__dict__
    namespace.update(GIVEN)
    for code in codes:
        exec(code, namespace)
    return namespace
