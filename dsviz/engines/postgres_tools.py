"""pg_test_fsync: how often a second this machine's disk can be asked to keep 8 kB. Times in ms."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from dsviz.engines.workspace import Workspace
from dsviz.errors import DsvizError

SECONDS = 1  # for each method: the tool knows whole seconds only
RATE = re.compile(r"^\s+(\w+)\s+([\d.]+) ops/sec", re.MULTILINE)


def sync_rates(program: Path, workspace: Workspace) -> dict[str, int]:
    """Return the syncs a second of each method that this machine has, by its name.

    The tool goes on to compare other things for half a minute; it is ended before that.
    Raises DsvizError when it measures nothing.
    """
    file = workspace.folder / "pg_test_fsync"
    child = subprocess.Popen(
        [str(program), "-s", str(SECONDS), "-f", str(file)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    workspace.adopt(child)
    said = ""
    try:
        for line in child.stdout:
            said += line
            if "two 8kB writes" in line:
                break
    finally:
        child.kill()
        workspace.release(child)
        child.communicate()
        file.unlink(missing_ok=True)
    found = {method: round(float(rate)) for method, rate in RATE.findall(said)}
    if not found:
        last = said.strip().splitlines() or ["nothing"]
        raise DsvizError(f"pg_test_fsync measured nothing; mend what it says: {last[-1]}")
    return found
