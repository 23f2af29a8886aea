"""Judges of replicated logs: what Raft's figure 3 promises, read off what the servers show.

A server shows

- `tail`, its last entries, each a text ``<index>:<term> <command>``. A handler may change no more
  entries than the tail has, so from change to change the judges know the whole log;
- `commit`, the index up to which it has applied the log, and `snapshot`, the index up to which it
  keeps none of it;
- `term`, and `state`, which is ``leader`` while it leads.

After a restart a log is known only as far as the tail goes back: what a disk lost without anyone
seeing it is not guessed at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dsviz.check.verdict import Verdict
from dsviz.trace import Trace


@dataclass(slots=True)
class Server:
    """What is known of one server: its log by index, and what it shows."""

    log: dict[int, str] = field(default_factory=dict)
    last: int = 0
    shown: dict[str, Any] = field(default_factory=dict)

    def see(self, data: dict[str, Any]) -> None:
        """Take in what it shows now."""
        self.shown.update(data)
        if "snapshot" in data:
            for index in [i for i in self.log if i <= data["snapshot"]]:
                del self.log[index]
        if "tail" in data:
            self._see_tail(data["tail"])
        self.last = max(self.last, self.shown.get("snapshot", 0))

    def _see_tail(self, tail: tuple[str, ...]) -> None:
        indices = [int(text.partition(":")[0]) for text in tail]
        self.last = indices[-1] if indices else self.shown.get("snapshot", 0)
        for index in [i for i in self.log if i > self.last]:
            del self.log[index]
        self.log.update(zip(indices, tail, strict=True))


@dataclass(frozen=True, slots=True)
class Step:
    """A server after an event that changed what it shows."""

    time: float
    seq: int
    node: str
    server: Server
    changed: dict[str, Any]
    committed: range  # the indices that it has applied since the last step


def steps(trace: Trace) -> Iterator[Step]:
    """Yield each change of a server's log, commit index, term or state, in order."""
    servers: dict[str, Server] = {}
    for time, seq, what, node, _, data, _, _ in trace.rows:
        if what == "start":
            servers.pop(node, None)
        elif what == "state" and ("tail" in data or node in servers):
            server = servers.setdefault(node, Server())
            before = server.shown.get("commit", data.get("snapshot", 0))
            server.see(data)
            first = max(before, server.shown.get("snapshot", 0)) + 1
            committed = range(first, server.shown.get("commit", 0) + 1)
            yield Step(time, seq, node, server, data, committed)


def _term(entry: str) -> int:
    return int(entry.partition(":")[2].partition(" ")[0])


def log_matching(trace: Trace) -> Verdict:
    """Judge: entries with the same index and term are the same, and so is all that precedes them.

    That follows when the entry just before has the same term wherever it is known.
    """
    name, seen = "logs match", {}
    before: dict[tuple[int, int], tuple[int, int, str]] = {}
    for step in steps(trace):
        for entry in step.changed.get("tail", ()):
            index = int(entry.partition(":")[0])
            place = (index, _term(entry))
            other, seq, node = seen.setdefault(place, (entry, step.seq, step.node))
            if other != entry:
                sentence = (
                    f"{node} holds {_told(other)} and {step.node} {_told(entry)}: the same place "
                    "and term, but not the same entry."
                )
                return Verdict(name, "violated", sentence, step.time, (seq, step.seq))
            previous = step.server.log.get(index - 1)
            if previous is None:
                continue
            term, seq, node = before.setdefault(place, (_term(previous), step.seq, step.node))
            if term != _term(previous):
                sentence = (
                    f"{node} and {step.node} both hold {_told(entry)}, but before it entries of "
                    f"terms {term} and {_term(previous)}."
                )
                return Verdict(name, "violated", sentence, step.time, (seq, step.seq))
    return Verdict(name, "ok", "Entries with the same index and term are the same everywhere.")


def state_machine_safety(trace: Trace) -> Verdict:
    """Judge: no two servers ever apply different commands at the same index."""
    name = "all apply the same"
    applied: dict[int, tuple[str, str, int]] = {}
    for step in steps(trace):
        for index in step.committed:
            entry = step.server.log.get(index)
            if entry is None:
                continue
            other, node, seq = applied.setdefault(index, (entry, step.node, step.seq))
            if other != entry:
                sentence = (
                    f"At index {index}, {node} applied {_told(other)} and {step.node} "
                    f"{_told(entry)}."
                )
                return Verdict(name, "violated", sentence, step.time, (seq, step.seq))
    return Verdict(name, "ok", f"All servers applied the same at {len(applied)} indices.")


def leader_completeness(trace: Trace) -> Verdict:
    """Judge: what was committed in a term is in the log of every leader of a later term."""
    name = "leaders have all that is committed"
    committed: dict[int, tuple[int, str, Step]] = {}  # index -> the term of commitment, entry
    elected: list[tuple[int, int, dict[int, str], Step]] = []  # term, last index, log
    for step in steps(trace):
        term = step.server.shown.get("term", 0)
        new = [i for i in step.committed if i not in committed and i in step.server.log]
        for index in new:
            entry = step.server.log[index]
            committed[index] = (term, entry, step)
            for later, last, log, election in elected:
                if later > term and log.get(index, entry if index <= last else None) != entry:
                    return _incomplete(name, election, later, log.get(index), committed[index])
        if step.changed.get("state") == "leader":
            log, last = dict(step.server.log), step.server.last
            elected.append((term, last, log, step))
            for index, (earlier, entry, _) in committed.items():
                if earlier < term and log.get(index, entry if index <= last else None) != entry:
                    return _incomplete(name, step, term, log.get(index), committed[index])
    return Verdict(name, "ok", f"Each of {len(elected)} leaders held all that was committed.")


def _incomplete(
    name: str, election: Step, term: int, held: str | None, committed: tuple[int, str, Step]
) -> Verdict:
    earlier, entry, commit = committed
    instead = "does not hold it" if held is None else f"holds {_told(held)} there"
    sentence = (
        f"{commit.node} committed {_told(entry)} in term {earlier}, but {election.node}, leader of "
        f"term {term}, {instead}."
    )
    first, second = sorted((commit, election), key=lambda step: step.seq)
    return Verdict(name, "violated", sentence, second.time, (first.seq, second.seq))


def commit_never_decreases(trace: Trace) -> Verdict:
    """Judge: while a server runs, its commit index never goes down."""
    name = "the commit index never decreases"
    last: dict[str, tuple[int, int]] = {}
    for time, seq, what, node, _, data, _, _ in trace.rows:
        if what == "start":
            last.pop(node, None)
        elif what == "state" and "commit" in data:
            commit, before = last.get(node, (0, seq))
            if data["commit"] < commit:
                sentence = f"{node} had committed up to {commit} and now only to {data['commit']}."
                return Verdict(name, "violated", sentence, time, (before, seq))
            last[node] = (data["commit"], seq)
    return Verdict(name, "ok", "No server's commit index went down while it ran.")


def _told(entry: str) -> str:
    place, _, command = entry.partition(" ")
    index, _, term = place.partition(":")
    return f"“{command}” (index {index}, term {term})"
