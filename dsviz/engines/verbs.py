"""What can be asked of an etcd cluster, real or recorded: names checked, arguments made plain.

`EtcdVerbs` turns each call into (verb, arguments) and hands it to `_do`, which a running cluster
answers from its members and a replay from its recording. All times are milliseconds (ms).
"""

from __future__ import annotations

from typing import Any

from dsviz.engines.answers import Answer, Status
from dsviz.engines.journal import with_serializable
from dsviz.errors import DsvizError, listed
from dsviz.history import History
from dsviz.trace import Trace

INSTALL = 'pip install "dsviz[engines]"'
#: Verbs that ask and change nothing.
QUERIES = frozenset({"get", "status", "logs"})
LONGEST_MS = 60_000


class EtcdVerbs:
    """The calls a notebook makes; see `dsviz.engines.etcd.EtcdCluster`."""

    members: tuple[str, ...] = ()
    version: str = ""
    recorded: bool = False
    stopped: bool = False

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        # The same for a real cluster and a recorded one: notebooks compare it.
        state = ", stopped" if self.stopped else ""
        return f"etcd {self.version}, members {', '.join(self.members)}{state}"

    def put(self, key: str, value: str | int, via: str = "e1", timeout_ms: float = 3000) -> Answer:
        """Write through member `via`; no answer within `timeout_ms` ms is an unknown outcome.

        A number is stored as its digits: etcd keeps bytes. Raises DsvizError for a bad argument.
        """
        if not isinstance(value, (str, int)) or isinstance(value, bool):
            raise DsvizError(f"value={value!r} must be text or a whole number; use str(value)")
        wait = _checked(key, timeout_ms)
        return self._ask("put", via, key=key, value=str(value), via=via, timeout_ms=wait)

    def get(
        self, key: str, via: str = "e1", serializable: bool = False, timeout_ms: float = 3000
    ) -> Answer:
        """Read through member `via`; the answer's `value` is None when nothing is stored.

        The read is linearizable and needs a majority; `serializable=True` reads what this member
        happens to hold, which may be stale. Raises DsvizError for a bad argument.
        """
        wait, local = _checked(key, timeout_ms), bool(serializable)
        return self._ask("get", via, key=key, via=via, serializable=local, timeout_ms=wait)

    def kill(self, member: str) -> Answer:
        """End a member at once (SIGKILL): its memory is gone, what it wrote to files stays."""
        return self._ask("kill", member, member=member)

    def start(self, member: str) -> Answer:
        """Start a killed member with the data it left; waits until it serves, given a majority.

        Raises DsvizError when its port was taken meanwhile or it does not come up in time.
        """
        return self._ask("start", member, member=member)

    def pause(self, member: str) -> Answer:
        """Freeze a member (SIGSTOP): requests still reach its sockets, answers do not come."""
        return self._ask("pause", member, member=member)

    def resume(self, member: str) -> Answer:
        """Let a frozen member go on (SIGCONT), with everything that waits in its sockets."""
        return self._ask("resume", member, member=member)

    def logs(self, member: str, tail: int = 20) -> Answer:
        """Return the last `tail` lines that a member logged; they differ from run to run."""
        return self._ask("logs", member, member=member, tail=int(tail))

    def status(self) -> Status:
        """Return a row a member: process, role, and, not printed, raft term and index."""
        return self._ask("status", None)

    def leader(self) -> str | None:
        """Return who leads according to the members that answer, or None."""
        return self.status().leader

    def trace(self) -> Trace:
        """Return the run so far, as pictures and judges read it."""
        raise NotImplementedError

    def history(self, serializable: str = "apart") -> History:
        """Return what the client saw, in operations ``write``, ``read`` and ``serializable read``.

        For a judge, `serializable` leaves the last kind ``out`` or names it ``read``. Raises
        DsvizError for another word than these and ``apart``.
        """
        return with_serializable(self.trace().history(), serializable)

    def stop(self) -> None:
        """End every member and remove what they stored; `history` and `trace` stay."""
        self.stopped = True

    def _do(self, verb: str, args: dict[str, Any]) -> Answer | Status:
        raise NotImplementedError

    def _ask(self, verb: str, member: str | None, /, **args: Any) -> Any:
        if self.stopped:
            raise DsvizError("this cluster is stopped; make a new one: c = EtcdCluster()")
        if member is not None and member not in self.members:
            raise DsvizError(
                f"there is no member {member!r}; the members are {listed(self.members)}"
            )
        return self._do(verb, args)


def described(verb: str, args: dict[str, Any]) -> str:
    """Return a call in words, as its answer begins."""
    if verb == "put":
        return f"put {args['key']} = {args['value']} via {args['via']}"
    if verb == "get":
        return f"get {args['key']} via {args['via']}" + (
            ", serializable" if args["serializable"] else ""
        )
    return " ".join([verb, *([args["member"]] if args else [])])


def _checked(key: object, timeout_ms: float) -> int:
    if not isinstance(key, str) or not key:
        raise DsvizError(f"key={key!r} must be a text that is not empty")
    if not isinstance(timeout_ms, (int, float)) or not 1 <= timeout_ms <= LONGEST_MS:
        raise DsvizError(f"timeout_ms={timeout_ms!r} must be between 1 and {LONGEST_MS} ms")
    return int(timeout_ms)
