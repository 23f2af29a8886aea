"""``python -m dsviz.engines.record [FOLDER]``: run the lessons' sessions on the real engines.

Writes the recording (JSON lines) and the transcript (text) of each into dsviz/engines/transcripts,
or into FOLDER. Read the difference before you commit it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dsviz.engines.etcd import EtcdCluster
from dsviz.engines.replay import Recorder
from dsviz.engines.sessions import SESSIONS, as_text


def record(folder: Path) -> None:
    """Record every session into `folder`. Raises DsvizError when an engine is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, session in SESSIONS.items():
        with EtcdCluster() as cluster:
            recorder = Recorder(cluster)
            text = as_text(session(recorder))
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        (folder / f"{name}.jsonl").write_text(recorder.to_jsonl(), encoding="utf-8")
        print(f"recorded {name} in {folder}")


if __name__ == "__main__":
    beside = Path(__file__).with_name("transcripts")
    record(Path(sys.argv[1]) if len(sys.argv) > 1 else beside)
