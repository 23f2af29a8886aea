"""What the lessons do with a real engine, as functions that yield the lines of a transcript.

The same function runs on a real cluster and on its recording: that is how the transcripts in
``transcripts/`` were made, and how a test finds out when they are no longer true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dsviz.engines.verbs import EtcdVerbs


def quorum_session(c: EtcdVerbs) -> Iterator[str]:
    """Yield the quorum lesson's run of a fresh three-member cluster that e1 leads.

    Two writes get no answer in time, and their fates differ for a reason, not by luck. x = 3 is
    sent at once after the kill: e1 still leads (it needs 1 000 to 2 000 ms to notice), so the entry
    is in its log, and e2 must elect the longer log when it returns. y = 9 is sent when nobody
    leads: it is in no log at all.
    """
    yield f"etcd {c.version}, members {', '.join(c.members)}, leader {c.leader()}"
    yield "\nAll three are up:"
    yield from _show(c.status(), c.put("x", 1), c.get("x", via="e2"))
    yield "\nOne is killed. Two of three are a majority:"
    yield from _show(c.kill("e3"), c.status(), c.put("x", 2), c.get("x", via="e2"))
    yield "\nA second one is killed, and a write is sent to the leader at once:"
    yield from _show(c.kill("e2"), c.put("x", 3))
    yield "\nA little later e1 has noticed. One of three is no majority:"
    yield from _show(c.status(), c.put("y", 9, timeout_ms=1000))
    yield from _show(c.get("x", timeout_ms=10_000), c.get("x", serializable=True))
    yield "\nOne comes back with its data. The two writes without an answer had different fates:"
    yield from _show(c.start("e2"), c.status(), c.get("x"), c.get("y"))
    yield from _show(c.get("x", via="e2", serializable=True))
    yield "\nThe last one comes back and has caught up:"
    yield from _show(c.start("e3"), c.status(), c.put("x", 4), c.get("x", via="e3"))


def _show(*answers: object) -> Iterator[str]:
    for answer in answers:
        yield from (f"  {line}" for line in repr(answer).splitlines())


#: Recorded runs by name; a file name in ``transcripts/`` each.
SESSIONS: dict[str, Callable[[EtcdVerbs], Iterator[str]]] = {"etcd-quorum": quorum_session}


def as_text(lines: Iterator[str]) -> str:
    """Return the lines of a session as the text of a transcript."""
    return "".join(line + "\n" for line in lines)
