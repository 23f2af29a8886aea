"""``python -m dsviz judge FILE…``: is each recorded history linearizable?"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TextIO

from dsviz.check.linearizability import judged
from dsviz.check.race import Budget
from dsviz.check.recorded import read_history, shown_path
from dsviz.check.words import count_clients
from dsviz.errors import DsvizError


def judge_files(
    paths: Iterable[str | os.PathLike[str]],
    out: TextIO | None = None,
    err: TextIO | None = None,
    budget: Budget | None = None,
) -> int:
    """Judge recorded histories and print one line a file to `out` (default: sys.stdout).

    The line ends with one of ``linearizable (84 operations, 5 clients)``, ``not linearizable:``
    with the reason and the shortest window of operations that shows it, or ``undecided`` with the
    budget that ran out. A file that cannot be judged gets one sentence on `err` (default:
    sys.stderr) instead, and the others are still judged.

    Returns the exit status: 0 when every file was judged, whatever the verdicts; else 2.
    """
    status = 0
    for path in paths:
        try:
            line = _judge(path, budget or Budget())
        except DsvizError as error:
            _say(err or sys.stderr, str(error))
            status = 2
        else:
            _say(out or sys.stdout, f"{shown_path(path)}: {line}")
    return status


def _judge(path: str | os.PathLike[str], budget: Budget) -> str:
    history, model = read_history(path)
    found = judged(history, model, budget)
    if found.status == "undecided":
        return f"undecided ({budget})"
    if found.status == "ok":
        operations = _many(len(history), "operation")
        return f"linearizable ({operations}, {_many(count_clients(history), 'client')})"
    return f"not linearizable: {found.sentence}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _say(stream: TextIO, line: str) -> None:
    """Print a line, also where the terminal does not know all its characters."""
    try:
        print(line, file=stream)
    except UnicodeEncodeError:
        encoding = getattr(stream, "encoding", None) or "ascii"
        print(line.encode(encoding, "backslashreplace").decode(encoding), file=stream)
    stream.flush()
