"""Recorded runs of an engine: answers for where it is missing, and the transcripts made from them.

A recording is JSON lines: one line about the run, then one a call with its answer and the rows it
added to the trace (times in ms). ``python -m dsviz.engines.record`` makes them.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from dsviz.engines.answers import Answer, Status, from_plain, to_plain
from dsviz.engines.journal import trace_of
from dsviz.engines.verbs import INSTALL, QUERIES, EtcdVerbs, described
from dsviz.errors import DsvizError, listed
from dsviz.trace import Trace

FOLDER = files("dsviz.engines") / "transcripts"


def transcript(name: str) -> str:
    """Return a recorded run as text. Raises DsvizError naming the recordings that exist."""
    return _stored(f"{name}.txt")


def recordings() -> list[str]:
    """Return the names of the recorded runs."""
    return sorted(f.name[:-6] for f in FOLDER.iterdir() if f.name.endswith(".jsonl"))


def _stored(file: str) -> str:
    name = file.rsplit(".", 1)[0]
    if name not in recordings():
        raise DsvizError(
            f"there is no recording {name!r}; the recordings are {listed(recordings())}"
        )
    return (FOLDER / file).read_text(encoding="utf-8")


class Recorder(EtcdVerbs):
    """Passes calls on to a running cluster and keeps them with their answers."""

    def __init__(self, cluster: EtcdVerbs) -> None:
        self._cluster = cluster
        self.members, self.version = cluster.members, cluster.version
        self._rows = len(cluster.trace().rows)
        head = {"engine": "etcd", "version": self.version, "members": self.members}
        self._lines: list[dict[str, Any]] = [head | {"rows": cluster.trace().rows}]

    def _do(self, verb: str, args: dict[str, Any]) -> Answer | Status:
        answer = self._cluster._do(verb, args)
        rows = self._cluster.trace().rows
        entry = {"verb": verb, "args": args, "answer": to_plain(answer), "rows": rows[self._rows :]}
        self._lines.append(entry)
        self._rows = len(rows)
        return answer

    def trace(self) -> Trace:
        """Return the run so far."""
        return self._cluster.trace()

    def stop(self) -> None:
        """Stop the cluster; the recording stays."""
        super().stop()
        self._cluster.stop()

    def to_jsonl(self) -> str:
        """Return the recording, for `EtcdReplay.from_jsonl`."""
        return "".join(json.dumps(line) + "\n" for line in self._lines)


class EtcdReplay(EtcdVerbs):
    """Answers the recorded calls in their order with the recorded answers.

    A call that changes something must be the next such call of the recording. In between, what was
    asked there may be asked in any order and as often as wanted. Anything else is answered in one
    sentence with the status ``unrecorded``.
    """

    recorded = True

    def __init__(self, head: dict[str, Any], entries: list[dict[str, Any]]) -> None:
        self.members, self.version = tuple(head["members"]), head["version"]
        self._entries = entries
        self._at = 0  # the first entry after the last change
        self._rows = {-1: head["rows"]}  # of the entries used so far, by their number

    @classmethod
    def load(cls, name: str) -> EtcdReplay:
        """Return a recorded run by name. Raises DsvizError naming the recordings that exist."""
        return cls.from_jsonl(_stored(f"{name}.jsonl"))

    @classmethod
    def from_jsonl(cls, text: str) -> EtcdReplay:
        """Read what `Recorder.to_jsonl` wrote. Raises DsvizError when it is something else."""
        try:
            head, *entries = [json.loads(line) for line in text.splitlines()]
            return cls(head, entries)
        except (ValueError, KeyError, TypeError) as error:
            raise DsvizError(
                f"this is no recording ({error!r}); make one with python -m dsviz.engines.record"
            ) from None

    def trace(self) -> Trace:
        """Return the rows of the calls made so far, at the times they were recorded."""
        rows = [tuple(row) for number in sorted(self._rows) for row in self._rows[number]]
        return trace_of(f"etcd {self.version}", self.members, rows, rows[-1][0])

    def _do(self, verb: str, args: dict[str, Any]) -> Answer | Status:
        number = self._find(verb, args)
        if number is None:
            return _unrecorded(verb, args)
        entry = self._entries[number]
        self._rows[number] = entry["rows"]
        if verb not in QUERIES:
            self._at = number + 1
        return from_plain(entry["answer"])

    def _find(self, verb: str, args: dict[str, Any]) -> int | None:
        for number in range(self._at, len(self._entries)):
            entry = self._entries[number]
            if entry["verb"] == verb and entry["args"] == args:
                return number
            if entry["verb"] not in QUERIES:
                return None  # what was asked after that change is not yet true
        return None


def _unrecorded(verb: str, args: dict[str, Any]) -> Answer | Status:
    text = f"{described(verb, args)}: not recorded at this point; the real engine knows: {INSTALL}"
    return Status((), note=text) if verb == "status" else Answer(text, "unrecorded")
