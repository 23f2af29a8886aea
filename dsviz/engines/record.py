"""``python -m dsviz.engines.record [NAME…]``: run the stored sessions on the real engines.

Writes the recording (JSON lines) and the transcript (text) of each, or of those named, into
dsviz/engines/transcripts. Read the difference before you commit it. A notebook's own run is
recorded by ``python -m dsviz engines record NOTEBOOK``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from dsviz import engines
from dsviz.engines import replay
from dsviz.engines.live import RECORD
from dsviz.engines.replay import recorder_class
from dsviz.engines.sessions import SESSIONS, as_text
from dsviz.errors import DsvizError, listed


def record(folder: Path, names: Iterable[str] = ()) -> None:
    """Record sessions, all by default. Raises DsvizError for a missing session or engine."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or SESSIONS:
        if name not in SESSIONS:
            raise DsvizError(f"there is no session {name!r}; the sessions are {listed(SESSIONS)}")
        session = SESSIONS[name]
        engine = getattr(engines, session.engine)
        with engine(**session.options) as real:
            file = folder / f"{name}.jsonl"
            recorder = recorder_class(engine.face)(real, file, session.options)
            text = as_text(session.run(recorder))
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        print(f"recorded {name}")


def record_notebook(notebook: Path, folder: Path | None = None) -> int:
    """Run a notebook with what its engines answer recorded; print the recordings that changed.

    They go into the package, or into `folder`. The notebook itself is not written. Raises
    DsvizError when it cannot be run.
    """
    folder = Path(str(replay.FOLDER)) if folder is None else folder.resolve()
    before = _stamps(folder)
    try:
        _run_notebook(notebook, folder)
    except ImportError as error:
        raise DsvizError(
            f"{error.name} runs notebooks and is not installed: pip install nbclient"
        ) from None
    changed = [name for name, stamp in _stamps(folder).items() if before.get(name) != stamp]
    print("\n".join(f"recorded {name}" for name in changed) or "no engine ran in it")
    return 0 if changed else 1


def _run_notebook(notebook: Path, folder: Path) -> None:
    import nbclient
    import nbformat
    from nbclient.exceptions import CellExecutionError

    if not notebook.is_file():
        raise DsvizError(f"there is no notebook {notebook}")
    cells = nbformat.read(notebook, as_version=4)
    where = {"metadata": {"path": str(notebook.resolve().parent)}}
    os.environ[RECORD] = str(folder)  # the kernel inherits it
    try:
        nbclient.NotebookClient(cells, timeout=300, resources=where).execute()
    except CellExecutionError as error:
        last = f"{error.ename}: {error.evalue}".splitlines()[0]
        raise DsvizError(f"{notebook} did not run to its end; mend its cell: {last}") from None
    finally:
        del os.environ[RECORD]


def _stamps(folder: Path) -> dict[str, int]:
    return {file.stem: file.stat().st_mtime_ns for file in sorted(folder.glob("*.jsonl"))}


if __name__ == "__main__":
    record(Path(__file__).with_name("transcripts"), sys.argv[1:])
