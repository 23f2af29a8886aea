"""The learner's own answers, kept in one small local file.

The file is ``answers.json`` in the user's data folder, or in the folder that the environment
variable ``DSVIZ_HOME`` names.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def answer(name: str) -> Any:
    """Return the prediction kept under `name`, or None."""
    return _read().get(name)


def keep(name: str, value: Any) -> None:
    """Keep a prediction. Written to a temporary file first, so a crash loses nothing."""
    answers = _read() | {name: value}
    path = _file()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(answers, indent=1, sort_keys=True), encoding="utf-8")
    os.replace(fresh, path)


def kept(prefix: str = "") -> dict[str, Any]:
    """Return what is kept under names that begin with `prefix`, by name."""
    return {name: value for name, value in _read().items() if name.startswith(prefix)}


def forget(prefix: str = "") -> int:
    """Forget the predictions whose name begins with `prefix` (all of them without one).

    Return how many were forgotten.
    """
    answers = _read()
    kept = {name: value for name, value in answers.items() if not name.startswith(prefix)}
    if len(kept) < len(answers):
        _file().write_text(json.dumps(kept, indent=1, sort_keys=True), encoding="utf-8")
    return len(answers) - len(kept)


def _file() -> Path:
    folder = os.environ.get("DSVIZ_HOME")
    if folder:
        return Path(folder) / "answers.json"
    from platformdirs import user_data_path

    return user_data_path("dsviz") / "answers.json"


def _read() -> dict[str, Any]:
    """The answers kept so far; a file that cannot be read is set aside, not overwritten."""
    path = _file()
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        stored = None
    if isinstance(stored, dict):
        return stored
    with suppress(OSError):  # a folder that only others may write to: nothing is kept then
        os.replace(path, path.with_suffix(".broken"))
    return {}
