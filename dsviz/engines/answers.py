"""What a notebook shows of an engine: answers whose text is the same on every run.

No time, port, term or address is in a `repr`, because notebooks compare outputs strictly; the
varying numbers are attributes. Times are milliseconds (ms).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dsviz.errors import DsvizError, listed


@dataclass(frozen=True, repr=False)
class Answer:
    """What one call brought.

    `status` is ``ok``, ``fail`` (it definitely did nothing), ``info`` (outcome unknown) or
    ``unrecorded`` (only the real engine knows). `value` is what a read found, None for nothing,
    and the numbers of an answer that has some; everything in it can be written as JSON. `took_ms`
    is how long it took (None where nobody waited).
    """

    text: str
    status: str
    value: Any = None
    took_ms: float | None = None

    def __repr__(self) -> str:
        return self.text

    @property
    def ok(self) -> bool:
        """True only for ``ok``: an unknown outcome is no success."""
        return self.status == "ok"

    @property
    def unknown(self) -> bool:
        """True when the call may or may not have taken effect."""
        return self.status == "info"

    def __getattr__(self, name: str) -> Any:
        """A number of the answer by its name: ``load.acked`` is ``load.value["acked"]``."""
        value = None if name.startswith("_") else vars(self).get("value")
        if isinstance(value, dict) and name in value:
            return value[name]
        known = f"; it has {listed(value)}" if isinstance(value, dict) else ""
        raise AttributeError(f"the answer {self.text!r} has no {name!r}{known}")


@dataclass(frozen=True)
class Member:
    """One member of a cluster as it describes itself.

    `process` is ``running``, ``paused``, ``killed`` or ``ended``; `role` is ``leader``,
    ``follower``, ``no leader`` or ``-`` (it gave no answer); other engines have their own words.
    `leader` is who it follows, `term` and `index` are its term (raft term, timeline, epoch) and the
    last entry of its log; None where unknown. `detail` holds what only this engine has.
    """

    name: str
    process: str
    role: str = "-"
    leader: str | None = None
    term: int | None = None
    index: int | None = None
    detail: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def alive(self) -> bool:
        """True while its process exists, paused or not."""
        return self.process in ("running", "paused")


@dataclass(frozen=True, repr=False)
class Status:
    """Every member of a cluster; prints as a table without term and index, which vary.

    ``[(m.name, m.term, m.index) for m in status.members]`` has them.
    """

    members: tuple[Member, ...]
    note: str = ""

    def __repr__(self) -> str:
        if self.note:
            return self.note
        rows = [("member", "process", "role")]
        rows += [(m.name, m.process, m.role) for m in self.members]
        return "\n".join(f"{a:<8}{b:<9}{c}" for a, b, c in rows)

    @property
    def leader(self) -> str | None:
        """The leader according to the newest term among those who answered, or None.

        Raises DsvizError when this status was not recorded.
        """
        if self.note:
            raise DsvizError(self.note)
        answered = [m for m in self.members if m.term is not None and m.leader is not None]
        if not answered:
            return None
        name = max(answered, key=lambda m: m.term or 0).leader
        runs = {m.name for m in self.members if m.process == "running"}
        return name if name in runs else None


def to_plain(answer: Answer | Status) -> dict[str, Any]:
    """Return an answer as JSON can write it; `from_plain` reads it."""
    if isinstance(answer, Status):
        return {"members": [dict(vars(member)) for member in answer.members]}
    return dict(vars(answer))


def from_plain(fields: dict[str, Any]) -> Answer | Status:
    """Read what `to_plain` returned."""
    if "members" in fields:
        return Status(tuple(Member(**member) for member in fields["members"]))
    return Answer(**fields)
