"""What can be asked of every engine, real or recorded: names checked, arguments made plain.

A call becomes (verb, arguments) and goes to `_do`, which a running engine answers from its
processes (`dsviz.engines.live`) and a replay from its recording (`dsviz.engines.replay`). So an
engine's own calls are written once, in a class derived from `Face`. All times are ms.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from dsviz.engines.answers import Answer, Status
from dsviz.errors import DsvizError, listed
from dsviz.history import History
from dsviz.trace import Trace

INSTALL = 'pip install "dsviz[engines]"'
LONGEST_MS = 60_000


class Face:
    """The calls that all engines share; `members` are the names they take.

    `links` are the places a fault of the network can name: the members, and ``client``.
    """

    engine: ClassVar[str] = ""  # as recordings call it
    title: ClassVar[str] = ""  # as people call it
    #: Verbs that ask and change nothing.
    queries: ClassVar[frozenset[str]] = frozenset({"get", "status", "logs"})
    members: tuple[str, ...] = ()
    version: str = ""
    recorded: bool = False
    stopped: bool = False

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        # The same for a real engine and a recorded one: notebooks compare it.
        state = ", stopped" if self.stopped else ""
        return f"{self.title} {self.version}, members {', '.join(self.members)}{state}"

    @property
    def links(self) -> tuple[str, ...]:
        """The places that links run between: the members, and ``client``."""
        return (*self.members, "client")

    # ---- processes -------------------------------------------------------------------------

    def start(self, member: str) -> Answer:
        """Start a member that was killed or stopped, with the data it left; waits until it serves.

        Raises DsvizError when its port was taken meanwhile or it does not come up in time.
        """
        return self._ask("start", member, member=member)

    def stop(self, member: str | None = None) -> Answer | None:
        """Ask one member to shut down in an orderly way; without a name, end the whole engine.

        The end removes what was stored; `history` and `trace` stay.
        """
        if member is not None:
            return self._ask("stop", member, member=member)
        self._end()
        self.stopped = True
        return None

    def kill(self, member: str) -> Answer:
        """End a member at once (SIGKILL): its memory is gone, what it wrote to files stays.

        No power loss: the operating system lives on and still writes what the member gave it.
        """
        return self._ask("kill", member, member=member)

    def pause(self, member: str) -> Answer:
        """Freeze a member (SIGSTOP): requests still reach its sockets, answers do not come.

        No partition: what is sent to it waits in its sockets until `resume`.
        """
        return self._ask("pause", member, member=member)

    def resume(self, member: str) -> Answer:
        """Let a frozen member go on (SIGCONT), with everything that waits in its sockets."""
        return self._ask("resume", member, member=member)

    # ---- network ---------------------------------------------------------------------------

    def partition(self, *groups: str | Iterable[str]) -> Answer:
        """Let nothing pass between the groups, as in ``partition("p", ["s1", "s2"])``.

        One group alone is parted from all other members; ``client`` may be in a group. Raises
        DsvizError for a place that does not exist or is named twice.
        """
        parts = [[one] if isinstance(one, str) else list(one) for one in groups]
        named = [name for part in parts for name in part]
        self._check(*named, among=self.links)
        if not named or len(named) != len(set(named)):
            raise DsvizError(f"partition{groups!r}: name each place once, in its group")
        if len(parts) == 1:
            parts.append([name for name in self.members if name not in named])
        return self._ask("partition", groups=[sorted(part) for part in parts])

    def cut(self, src: str, dst: str) -> Answer:
        """Let nothing pass from `src` to `dst`; the other direction still works."""
        self._check(src, dst, among=self.links)
        return self._ask("cut", src=src, dst=dst)

    def delay(self, src: str, dst: str, ms: float) -> Answer:
        """Have what goes from `src` to `dst` arrive `ms` ms later; 0 ends it."""
        self._check(src, dst, among=self.links)
        if not isinstance(ms, (int, float)) or not 0 <= ms <= LONGEST_MS:
            raise DsvizError(f"ms={ms!r} must be between 0 and {LONGEST_MS} ms")
        return self._ask("delay", src=src, dst=dst, ms=ms)

    def heal(self) -> Answer:
        """End every partition, cut and delay."""
        return self._ask("heal")

    # ---- looking ---------------------------------------------------------------------------

    def logs(self, member: str, tail: int = 20) -> Answer:
        """Return the last `tail` lines that a member logged; they differ from run to run."""
        return self._ask("logs", member, member=member, tail=int(tail))

    def status(self) -> Status:
        """Return a row a member: process, role, and, not printed, term and index."""
        return self._ask("status")

    def leader(self) -> str | None:
        """Return who leads according to the members that answer, or None."""
        return self.status().leader

    def trace(self) -> Trace:
        """Return the run so far, as pictures and judges read it."""
        raise NotImplementedError

    def history(self) -> History:
        """Return what the clients saw."""
        return self.trace().history()

    # ---- for the classes below -------------------------------------------------------------

    def _end(self) -> None:
        """End the engine; nothing to do for a recording."""

    def _do(self, verb: str, args: dict[str, Any]) -> Answer | Status:
        raise NotImplementedError

    def _ask(self, verb: str, *members: str, **args: Any) -> Any:
        if self.stopped:
            raise DsvizError(f"this {self.title} is stopped; make a new one")
        self._check(*members, among=self.members)
        return self._do(verb, args)

    def _check(self, *names: object, among: Iterable[str]) -> None:
        for name in names:
            if name not in tuple(among):
                raise DsvizError(f"there is no member {name!r}; the members are {listed(among)}")

    @classmethod
    def words(cls, verb: str, args: dict[str, Any]) -> str:
        """Return a call in words, as its answer begins."""
        if verb == "partition":
            return f"partition {' | '.join(', '.join(group) for group in args['groups'])}"
        if verb in ("cut", "delay"):
            words = f"{verb} {args['src']} → {args['dst']}"
            return words + (f" by {args['ms']:g} ms" if verb == "delay" else "")
        return " ".join([verb, *([args["member"]] if "member" in args else [])])


def checked(key: object, timeout_ms: float) -> int:
    """Return a wait in whole ms. Raises DsvizError for a bad key or a bad wait."""
    if not isinstance(key, str) or not key:
        raise DsvizError(f"key={key!r} must be a text that is not empty")
    return checked_wait(timeout_ms)


def checked_wait(timeout_ms: float) -> int:
    """Return a wait in whole ms. Raises DsvizError when it is none."""
    if not isinstance(timeout_ms, (int, float)) or not 1 <= timeout_ms <= LONGEST_MS:
        raise DsvizError(f"timeout_ms={timeout_ms!r} must be between 1 and {LONGEST_MS} ms")
    return int(timeout_ms)


def stored_value(value: object) -> str:
    """Return a value as the engines keep it, as text. Raises DsvizError for neither."""
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise DsvizError(f"value={value!r} must be text or a whole number; use str(value)")
    return str(value)


def whole(name: str, value: object, least: int, most: int) -> None:
    """Raise DsvizError unless `value` is a whole number from `least` to `most`."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise DsvizError(f"{name}={value!r} must be a whole number from {least} to {most}")
