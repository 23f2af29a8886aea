"""Recorded runs of engines: answers for where one is missing, and the transcripts made from them.

A recording is JSON lines: one line about the run, then one a call with its answer and the rows it
added to the trace (times in ms). To make one, run a lesson once with its engine installed:
``python -m dsviz engines record course/NN-slug.ipynb``.
"""

from __future__ import annotations

import functools
import importlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from dsviz.engines.answers import Answer, Status, from_plain, to_plain
from dsviz.engines.face import INSTALL, Face
from dsviz.engines.journal import trace_of
from dsviz.errors import DsvizError, listed
from dsviz.trace import Trace

FOLDER = files("dsviz.engines") / "transcripts"
#: The calls of each engine that a recording can be of: module and class.
FACES = {
    "etcd": ("dsviz.engines.verbs", "EtcdVerbs"),
    "postgres": ("dsviz.engines.postgres_verbs", "PostgresVerbs"),
    "valkey": ("dsviz.engines.valkey_verbs", "ValkeyVerbs"),
    "haproxy": ("dsviz.engines.haproxy_verbs", "HaproxyVerbs"),
    "delta": ("dsviz.engines.delta_verbs", "DeltaVerbs"),
    "kafka": ("dsviz.engines.kafka_verbs", "KafkaVerbs"),
}


def transcript(name: str) -> str:
    """Return a recorded run as text. Raises DsvizError naming the recordings that exist."""
    told = FOLDER / f"{name}.txt"
    if told.is_file():
        return told.read_text(encoding="utf-8")
    head, *entries = _lines(_stored(name))
    first = f"{head['engine']} {head['version']}, members {', '.join(head['members'])}"
    answers = [repr(from_plain(entry["answer"])) for entry in entries]
    return "\n".join([first, *answers]) + "\n"


def recordings() -> list[str]:
    """Return the names of the recorded runs."""
    return sorted(f.name[:-6] for f in FOLDER.iterdir() if f.name.endswith(".jsonl"))


def load(name: str) -> Face:
    """Return a recorded run by name. Raises DsvizError naming the recordings that exist."""
    return from_jsonl(_stored(name))


def from_jsonl(text: str) -> Face:
    """Read what a `Recorder` wrote. Raises DsvizError when it is something else."""
    head, *entries = _lines(text)
    try:
        module, name = FACES[head["engine"]]
        face = getattr(importlib.import_module(module), name)
        return replay_class(face)(head, entries)
    except (KeyError, TypeError, ImportError) as error:
        raise _no_recording(error) from None


def _stored(name: str) -> str:
    if name not in recordings():
        raise DsvizError(
            f"there is no recording {name!r}; the recordings are {listed(recordings())}"
        )
    return (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8")


def _lines(text: str) -> list[dict[str, Any]]:
    try:
        lines = [json.loads(line) for line in text.splitlines()]
        lines[0]["engine"]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise _no_recording(error) from None
    return lines


def _no_recording(error: Exception) -> DsvizError:
    return DsvizError(
        f"this is no recording ({error!r}); make one with python -m dsviz engines record NOTEBOOK"
    )


class Recorder(Face):
    """Passes calls on to a running engine and keeps them with their answers; see `recording`.

    With a `file`, each call is written as it is made, so that a notebook need not tell its end.
    """

    def __init__(self, real: Face, file: Path | None = None, options: dict | None = None) -> None:
        self._real = real
        self._file = file
        self.members, self.version = real.members, real.version
        rows = real.trace().rows
        self._rows = len(rows)
        self._lines: list[str] = []
        head = {"engine": self.engine, "version": self.version, "members": self.members}
        self._write(head | {"options": options or {}, "rows": _plain_rows(rows)})

    def _write(self, line: dict[str, Any]) -> None:
        self._lines.append(json.dumps(line) + "\n")
        if self._file is not None:
            self._file.write_text(self.to_jsonl(), encoding="utf-8")

    def _do(self, verb: str, args: dict[str, Any]) -> Answer | Status:
        answer = self._real._do(verb, args)
        rows = self._real.trace().rows
        new = _plain_rows(rows[self._rows :])
        self._write({"verb": verb, "args": args, "answer": to_plain(answer), "rows": new})
        self._rows = len(rows)
        return answer

    def trace(self) -> Trace:
        """Return the run so far."""
        return self._real.trace()

    def _end(self) -> None:
        self._real.stop()

    def to_jsonl(self) -> str:
        """Return the recording, for `from_jsonl`."""
        return "".join(self._lines)


def _plain_rows(rows: list[tuple]) -> list[tuple]:
    """Return rows as they are stored: a fault of links without the times it has in the end."""
    plain = []
    for row in rows:
        if row[2] in ("fault", "heal"):
            kept = {k: v for k, v in row[5].to_dict().items() if k not in ("at", "duration")}
            row = (*row[:5], kept, *row[6:])
        plain.append(row)
    return plain


class Replay(Face):
    """Answers the recorded calls in their order with the recorded answers; see `replay_class`.

    A call that changes something must be the next such call of the recording. In between, what was
    asked there may be asked in any order and as often as wanted; asked again, a question has its
    next recorded answer, and in the end the last one. Anything else is answered in one sentence
    with the status ``unrecorded``.
    """

    recorded = True

    def __init__(self, head: dict[str, Any], entries: list[dict[str, Any]]) -> None:
        self.members, self.version = tuple(head["members"]), head["version"]
        self.options = head.get("options", {})
        self._entries = entries
        self._at = 0  # the first entry after the last change
        self._rows = {-1: head["rows"]}  # of the entries used so far, by their number

    def trace(self) -> Trace:
        """Return the rows of the calls made so far, at the times they were recorded."""
        rows = [tuple(row) for number in sorted(self._rows) for row in self._rows[number]]
        until = rows[-1][0] if rows else 0.0
        return trace_of(f"{self.title} {self.version}", self.members, rows, until)

    def _do(self, verb: str, args: dict[str, Any]) -> Answer | Status:
        number = self._find(verb, json.loads(json.dumps(args)))  # tuples are lists in a recording
        if number is None:
            return self._unrecorded(verb, args)
        entry = self._entries[number]
        self._rows[number] = entry["rows"]
        if verb not in self.queries:
            self._at = number + 1
        return from_plain(entry["answer"])

    def _find(self, verb: str, args: dict[str, Any]) -> int | None:
        found = None
        for number in range(self._at, len(self._entries)):
            entry = self._entries[number]
            if entry["verb"] == verb and entry["args"] == args:
                found = number
                if number not in self._rows:
                    return number
            if entry["verb"] not in self.queries:
                break  # what was asked after that change is not yet true
        return found

    def _unrecorded(self, verb: str, args: dict[str, Any]) -> Answer | Status:
        text = (
            f"{self.words(verb, args)}: not recorded at this point; "
            f"the real engine knows: {INSTALL}"
        )
        return Status((), note=text) if verb == "status" else Answer(text, "unrecorded")


@functools.cache
def recorder_class(face: type[Face]) -> type[Recorder]:
    """Return the recorder with the calls of `face`."""
    return type(f"{face.__name__}Recorder", (Recorder, face), {})


@functools.cache
def replay_class(face: type[Face]) -> type[Replay]:
    """Return the replay with the calls of `face`."""
    return type(f"{face.__name__}Replay", (Replay, face), {})
