"""A stage for one call of a handler: what stands in for the kernel, the network and the disk.

It offers a `Node` all that the simulator offers, and notes what the handler does.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from dsviz.check.freezing import freeze, thaw
from dsviz.errors import DsvizError
from dsviz.sim.node import Client, Node
from dsviz.sim.slot import Handlers
from dsviz.sim.values import frozen, frozen_fields, thawed

if TYPE_CHECKING:
    from dsviz.check.world import World

__all__ = ["Crashed", "Envelope", "Local", "Outcome", "Stage"]


class Envelope(NamedTuple):
    """Something under way to a node: a message, or a timer that it has set.

    Two envelopes with the same content are the same one, so `tag` tells requests of a client
    apart: the number of its operation.
    """

    dst: str
    src: str
    what: str  # "message" or "timer"
    kind: str
    names: tuple[str, ...]
    values: tuple[Any, ...]
    re: int | None = None
    tag: int = 0


@dataclass
class Outcome:
    """What an action does: the node's new local state and what it sends, sets and reports."""

    local: int
    sends: tuple[int, ...] = ()  # numbers of envelopes, in order; the same one may be sent twice
    timers: tuple[tuple[str, Any], ...] = ()  # ("set", number), ("cancel", number or name)
    events: tuple[tuple[str, Any], ...] = ()  # what a client reports
    syncs: int = 0  # blocking syncs
    error: str | None = None  # the node stopped, because its code raised this


class Local(NamedTuple):
    """The local state of a node, frozen."""

    up: bool
    fields: Any
    durable: Any  # the disk's files as the last completed sync left them
    changes: tuple  # made since: (verb, file, value)
    pending: tuple = ()  # background syncs: (name to call back, how many changes they cover)
    fired: tuple = ()  # how often each bounded timer has fired
    operations: int = 0  # a client's, so far


class Crashed(BaseException):
    """The node dies in the middle of its handler. Not an Exception: no handler may catch it."""


class Stage:
    """Stands in for the kernel and the node's place in it, during one call of a handler."""

    def __init__(self, world: World, node: int, local: Local, again: bool = False) -> None:
        self.world, self.number, self.again = world, node, again
        self.name, self.roles = world.names[node], world.roles
        self.slots = world.roles
        self.node: Any = None
        self.disk = StageDisk(self, local)
        self.fired = dict(local.fired)
        self.operations = local.operations
        self.crash_at = self.syncs = 0
        self.looked_at: set[str] = set()
        self._sends: list[int] = []
        self._timers: list[tuple[str, Any]] = []
        self._events: list[tuple[str, Any]] = []
        self._random: Random | None = None

    def bindings(self) -> dict[str, Any]:
        """The attributes that a booted node has beside its own."""
        return {
            "_kernel": self, "_slot": self, "_post": self.post, "name": self.name,
            "disk": self.disk,
        }  # fmt: skip

    def local(self, fields: Any) -> Local:
        """The local state after the call."""
        disk = self.disk
        fired = tuple(sorted(self.fired.items()))
        durable, changes = freeze(disk.durable), freeze(disk.changes) if disk.changes else ()
        return Local(True, fields, durable, changes, tuple(disk.pending), fired, self.operations)

    def outcome(self, local: int) -> Outcome:
        sends, timers, events = tuple(self._sends), tuple(self._timers), tuple(self._events)
        return Outcome(local, sends, timers, events, self.syncs)

    def handlers(self, node: Node) -> Handlers:
        """The handlers of a node by message kind, with the simulator's words for a missing one."""
        self.template = node
        known = Handlers(self)  # type: ignore[arg-type]
        for name in dir(type(node)):
            other = name.startswith(("on_timer_", "on_disk_")) or name == "on_start"
            if name.startswith("on_") and not other:
                known[name[3:]] = getattr(node, name)
        return known

    # What Node asks of its kernel and its slot -------------------------------------------------

    def handler_time(self) -> float:
        self.looked_at.add("self.now")
        return 86_400_000.5 if self.again else 0.0

    @property
    def clock(self) -> Stage:
        return self

    def at(self, true_time: float) -> float:
        """The node's clock; nothing skews it."""
        return true_time

    def random(self) -> Random:
        self.looked_at.add("self.random")
        if self._random is None:
            self._random = Random(2 if self.again else 1)
        return self._random

    def post(self, dst: str, kind: str, body: dict[str, Any], re: int | None) -> int:
        if dst not in self.roles:
            raise DsvizError(f"{self.name} sends to {dst!r}, which does not exist")
        values = frozen_fields(kind, body)
        tag = self.operations if isinstance(self.node, Client) else 0
        names = tuple(values)
        envelope = Envelope(dst, self.name, "message", kind, names, tuple(values.values()), re, tag)
        number = self.world.envelope_id(envelope)
        self._sends.append(number)
        return number

    def set_timer(self, _slot: Any, name: str, ms: float, data: dict[str, Any]) -> None:
        if not ms >= 0:
            raise DsvizError(f"{self.name}: timer {name!r} needs ms of 0 or more, not {ms!r}")
        bound = self.world.bound_of(self.number, name)
        self._forget(("set", number := self._timer(name, data)), ("cancel", number))
        if bound is None or self.fired.get(name, 0) < bound:
            self._timers.append(("set", number))

    def cancel_timer(self, _slot: Any, name: str, data: dict[str, Any]) -> None:
        if data:
            number = self._timer(name, data)
            self._forget(("set", number), ("cancel", number))
            self._timers.append(("cancel", number))
            return
        kinds = self.world.envelopes
        self._timers = [t for t in self._timers if t[0] != "set" or kinds[t[1]].kind != name]
        self._forget(("cancel", name))
        self._timers.append(("cancel", name))

    def _timer(self, name: str, data: dict[str, Any]) -> int:
        names = tuple(sorted(data))
        values = tuple(frozen(data[key], f"timer {name!r}") for key in names)
        envelope = Envelope(self.name, self.name, "timer", name, names, values)
        return self.world.envelope_id(envelope)

    def _forget(self, *entries: tuple[str, Any]) -> None:
        self._timers = [entry for entry in self._timers if entry not in entries]

    def effect(self, _slot: Any, what: str, data: Any) -> None:
        if what in ("invoke", "ok", "fail", "info"):
            self._events.append((what, freeze(data)))

    def next_operation_number(self) -> int:
        self.operations += 1
        return self.operations


class StageDisk:
    """The disk of a node, without time: see `dsviz.sim.disk.Disk`."""

    def __init__(self, stage: Stage, local: Local) -> None:
        self._stage = stage
        self.durable: dict[str, Any] = thaw(local.durable) if local.durable else {}
        self.changes: list[tuple] = list(thaw(local.changes)) if local.changes else []
        self.pending: list[tuple[str, int]] = list(local.pending)
        self._files = dict(self.durable)
        for change in self.changes:
            _apply(self._files, *change)

    def read(self, name: str, default: Any = None) -> Any:
        return thawed(self._files[name]) if name in self._files else default

    def write(self, name: str, value: Any) -> None:
        self._change("write", name, frozen(value, f"the value written to {name!r}"))

    def append(self, name: str, record: Any) -> int:
        if not isinstance(self._files.get(name, ()), tuple):
            raise DsvizError(f"file {name!r} holds one written value; append needs another file")
        self._change("append", name, frozen(record, f"the record appended to {name!r}"))
        return len(self._files[name]) - 1

    def truncate(self, name: str, length: int) -> None:
        self._change("truncate", name, length)

    def rename(self, name: str, new: str) -> None:
        if name not in self._files:
            raise DsvizError(f"file {name!r} cannot be renamed: it does not exist on this disk")
        self._change("rename", name, new)

    def sync(self, then: str | None = None) -> None:
        if then is not None:
            if not hasattr(self._stage.node, f"on_disk_{then}"):
                raise DsvizError(f"sync(then={then!r}) needs a method on_disk_{then}")
            covered = sum(covers for _, covers in self.pending)
            self.pending.append((then, len(self.changes) - covered))
            return
        self._stage.syncs += 1
        if self._stage.syncs == self._stage.crash_at:
            raise Crashed
        self.settle(len(self.changes))
        self.pending = [(then, 0) for then, _ in self.pending]

    @property
    def unsynced(self) -> int:
        return len(self.changes)

    def settle(self, count: int) -> None:
        for change in self.changes[:count]:
            _apply(self.durable, *change)
        del self.changes[:count]

    def _change(self, verb: str, name: str, value: Any) -> None:
        self.changes.append((verb, name, value))
        _apply(self._files, verb, name, value)


def _apply(files: dict[str, Any], verb: str, name: str, value: Any) -> None:
    if verb == "write":
        files[name] = value
    elif verb == "append":
        files[name] = (*files.get(name, ()), value)
    elif verb == "truncate":
        files[name] = files.get(name, ())[:value]
    elif verb == "rename":
        files[value] = files.pop(name)
