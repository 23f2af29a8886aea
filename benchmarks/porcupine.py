"""Porcupine in Go, where Go is found: the module by its name from the Go module proxy.

Our own small program (`porcupine/main.go`) is built in a temporary folder. Each side gets its
histories ready-made, so reading files is in nobody's time.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsviz.check.model import prepared
from dsviz.check.models import cas_register
from dsviz.history import Operation

MODULE = "github.com/anishathalye/porcupine@v1.3.1"
SOURCE = Path(__file__).with_name("porcupine") / "main.go"
#: Of the facts page, part 2.2, on the machine of that day: seconds for the etcd logs, middle.
TOTAL_OF_FACTS = 0.638
_NEVER = 2**60


@dataclass(frozen=True)
class Checked:
    """What Porcupine said of each history, and the CPU seconds it took."""

    verdicts: list[str]
    seconds: list[float]


class Porcupine:
    """A running Porcupine, or the reason why there is none in `why_not`."""

    def __init__(self) -> None:
        self.why_not: str | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="dsviz-porcupine-")
        self._program = Path(self._folder.name) / "judge"
        go = shutil.which("go")
        if go is None:
            self.why_not = "go is not on the PATH."
            return
        try:
            self._build(go)
        except (OSError, subprocess.SubprocessError) as error:
            told = getattr(error, "stderr", "") or str(error)
            self.why_not = f"Porcupine could not be built: {' '.join(told.split())[:160]}."

    def _build(self, go: str) -> None:
        folder = Path(self._folder.name)
        shutil.copy(SOURCE, folder)
        for command in (
            ["mod", "init", "judge"], ["get", MODULE], ["build", "-o", str(self._program), "."],
        ):  # fmt: skip
            subprocess.run(
                [go, *command], cwd=folder, check=True, capture_output=True, text=True, timeout=180
            )

    def check(self, histories: Iterable[Sequence[Operation]]) -> Checked:
        """Judge histories of a compare-and-set register that holds nothing at first."""
        told = json.dumps([_as_go(history) for history in histories])
        run = subprocess.run(
            [self._program], input=told, check=True, capture_output=True, text=True, timeout=600
        )
        answers = json.loads(run.stdout)
        verdicts = ["ok" if answer["ok"] else "violated" for answer in answers]
        return Checked(verdicts, [answer["ns"] / 1e9 for answer in answers])


def _as_go(history: Sequence[Operation]) -> list[dict[str, Any]]:
    clients: dict[str, int] = {}
    return [
        _operation(op, clients.setdefault(op.process, len(clients)))
        for op in prepared(history, cas_register())
    ]


def _operation(op: Operation, client: int) -> dict[str, Any]:
    expected, new = op.value if op.f == "cas" else (op.value, None)
    return {
        "Client": client, "Call": op.invoked,
        "Return": _NEVER if op.returned is None else op.returned,
        "F": op.f, "Value": _number(expected), "New": _number(new), "Result": _number(op.result),
        "Done": op.status == "ok", "Unknown": op.status == "info",
    }  # fmt: skip


def _number(value: Any) -> int:
    """Nothing is 0, so numbers begin one higher."""
    return value + 1 if isinstance(value, int) and not isinstance(value, bool) else 0
