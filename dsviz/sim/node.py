"""Nodes: the code a learner reads and writes, and the clients that use them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar

from dsviz.errors import DsvizError, listed
from dsviz.sim.latency import Latency
from dsviz.trace import Message

if TYPE_CHECKING:
    from dsviz.sim.disk import Disk
    from dsviz.sim.kernel import Kernel, Slot


class Node:
    """A process of the cluster: one handler for each message kind and for each timer.

    A subclass defines ``on_<kind>(self, msg)`` for each kind of message it understands,
    ``on_timer_<name>(self)`` for each timer it sets, ``on_start(self)`` for boot and restart, and
    ``on_disk_<name>(self, result)`` for what `self.disk.sync(then=name)` calls back. Handlers are
    atomic and deterministic: they act only through `self`, and two nodes never share an object.
    After a crash and restart a fresh object runs `on_start`; only `self.disk` survived.

    Options are class attributes that the constructor may override, so ``Coordinator(R=1)`` reads
    like a configuration: ``Coordinator.R`` is the default. Times are in ms.
    """

    #: Attributes the pictures label the node with.
    shows: ClassVar[tuple[str, ...]] = ()

    #: How many ms handling a message or a timer takes: a number, or a `Latency` to draw from.
    #: Meanwhile what arrives waits in a queue.
    service: float | Latency = 0.0

    #: What the pictures call the node's part; default: the first class below Node, lower case.
    role: ClassVar[str | None] = None

    _kernel: Kernel
    _slot: Slot
    _post: Callable[[str, str, dict[str, Any], int | None], int]  # its slot's way to send
    _PROVIDED = frozenset({"name", "now", "disk", "random", "peers", "shows"})

    def __init__(self, **options: Any) -> None:
        for name in options:
            if name.startswith("_") or name in self._PROVIDED or not hasattr(type(self), name):
                raise DsvizError(
                    f"{type(self).__name__} has no option {name!r}; its options are "
                    f"{listed(self._option_names())}"
                )
        self.__dict__.update(options)

    @classmethod
    def _option_names(cls) -> list[str]:
        return [
            name
            for name in dir(cls)
            if not name.startswith("_")
            and name not in Node.__dict__
            and not callable(getattr(cls, name))
            and not isinstance(getattr(cls, name), property)
        ]

    @classmethod
    def role_name(cls) -> str:
        """Return the role the pictures use for nodes of this class."""
        if cls.role:
            return cls.role
        own = [base for base in cls.__mro__ if issubclass(base, Node) and base is not Node]
        return own[-1].__name__.lower() if own else "node"

    def _booted(self, kernel: Kernel, slot: Slot) -> Node:
        """Return a fresh copy of this template, bound to a place in a running cluster."""
        fresh = object.__new__(type(self))
        given = copy.deepcopy(self.__dict__)
        given.update(_kernel=kernel, _slot=slot, _post=slot.post, name=slot.name, disk=slot.disk)
        for name, verb in getattr(slot, "verbs", {}).items():
            if getattr(type(self), name) is getattr(Node, name):  # no subclass has its own
                given[name] = verb
        for name, value in given.items():
            object.__setattr__(fresh, name, value)
        return fresh

    name: str
    disk: Disk

    @property
    def now(self) -> float:
        """The node's own clock in ms: true time unless a fault skews it."""
        return self._slot.clock.at(self._kernel.handler_time())

    @property
    def random(self) -> Random:
        """A random stream of this node's own: the same for the same seed."""
        return self._slot.random()

    @property
    def peers(self) -> tuple[str, ...]:
        """The other nodes of the same role, in the order of the scenario."""
        mine = self.role_name()
        roles = self._kernel.roles
        return tuple(n for n, role in roles.items() if role == mine and n != self.name)

    def on_start(self) -> None:
        """Called at boot and after every restart."""

    def send(self, dst: str, kind: str, /, **body: Any) -> None:
        """Send a message. It may be lost, late or twice; no answer tells nothing."""
        self._post(dst, kind, body, None)

    def reply(self, msg: Message, kind: str, /, **body: Any) -> None:
        """Send a message to the sender of `msg`, as the answer to it.

        To a client's request the kinds ``ok`` (with a field `value` for a read) and ``fail`` (it
        definitely did not take effect) end the operation.
        """
        self._post(msg.src, kind, body, msg.id)

    def broadcast(self, to: Iterable[str], kind: str, /, **body: Any) -> None:
        """Send the same message to each node of `to` in turn."""
        for dst in to:
            self._post(dst, kind, body, None)

    def set_timer(self, name: str, ms: float, /, **data: Any) -> None:
        """Call ``on_timer_<name>(**data)`` in `ms` ms; replaces a timer of the same name and data.

        A timer dies with its process. Raises DsvizError when there is no such handler.
        """
        if not hasattr(self, f"on_timer_{name}"):
            timers = [n[9:] for n in dir(self) if n.startswith("on_timer_")]
            raise DsvizError(
                f"{self.name} sets a timer {name!r} but has no on_timer_{name}; it has timers "
                f"{listed(timers)}"
            )
        self._kernel.set_timer(self._slot, name, ms, data)

    def cancel_timer(self, name: str, /, **data: Any) -> None:
        """Forget the timer `name` with these data; without data, every timer of that name."""
        self._kernel.cancel_timer(self._slot, name, data)

    def log(self, text: str) -> None:
        """Note something in the trace, for whoever reads it."""
        self._kernel.effect(self._slot, "log", str(text))

    def __repr__(self) -> str:
        options = ", ".join(f"{k}={v!r}" for k, v in self.__dict__.items() if k in _visible(self))
        return f"{type(self).__name__}({options})"


def _visible(node: Node) -> list[str]:
    own = (name for name in node.__dict__ if hasattr(type(node), name) and name[0] != "_")
    return [name for name in own if name not in Node.__dict__ or name == "service"]


@dataclass(frozen=True)
class Op:
    """One operation a client is to do: ask node `to` for `f` on `key`.

    It begins at `at` ms, or when the client's previous operation has ended if that is later (or
    if `at` is None). What it asks arrives at the node as a message of kind `f` with the fields
    `key` and `value`.
    """

    f: str
    key: str
    value: Any = None
    to: str = ""
    at: float | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Op:
        return self  # nobody changes it, and a client that starts is copied with all of its own


class Client(Node):
    """Does operations one after the other and records what it saw: the run's history.

    An operation that is not answered within `timeout` ms ends as ``info``: its outcome is
    unknown, because it may have taken effect. `think` is the pause in ms between two operations.
    A subclass may override `next_operation` to decide as it goes.
    """

    role = "client"
    operations: tuple[Op, ...] = ()
    timeout: float = 1000.0
    think: float = 0.0

    shows = ("doing",)

    def on_start(self) -> None:
        self.doing = ""
        self._current: Op | None = None
        self._request: int | None = None
        self._left = [op for op in self.operations if op.at is None or op.at >= self.now]
        self._after(0.0)

    def next_operation(self) -> Op | None:
        """Return what to do next, or None when nothing is left to do."""
        return self._left.pop(0) if self._left else None

    @property
    def pending(self) -> Op | None:
        """The operation that waits for its answer, or None."""
        return self._current if self._request is not None else None

    @property
    def request(self) -> int | None:
        """The id of the message that asked for it: an answer's `re`, or None."""
        return self._request

    def ask_again(self, to: str, **more: Any) -> None:
        """Ask node `to` for the pending operation, with further fields; nothing if there is none.

        The id of the first message stays the operation's `request`: send it along where the node
        has to recognise what it has been asked before.
        """
        op = self.pending
        if op is not None:
            self.send(to, op.f, key=op.key, value=op.value, **more)

    def answer(self, status: str, result: Any = None) -> None:
        """End the pending operation as ``ok``, ``fail`` or ``info``, with what it returned."""
        if self._request is not None:
            self._end(status, result)

    def operation_ended(self, op: Op, status: str, result: Any) -> None:
        """Called when an operation has ended as ``ok``, ``fail`` or ``info``."""

    def _after(self, pause: float) -> None:
        op = self.next_operation()
        if op is None:
            return
        self._current = op
        wait = pause if op.at is None else max(pause, op.at - self.now)
        if wait > 0:
            self.set_timer("begin", wait)
        else:
            self.on_timer_begin()

    def on_timer_begin(self) -> None:
        op = self._current
        assert op is not None
        self._number = self._kernel.next_operation_number()
        record = {"op": self._number, "f": op.f, "key": op.key, "value": op.value, "to": op.to}
        self._kernel.effect(self._slot, "invoke", record)
        self._request = self._post(op.to, op.f, {"key": op.key, "value": op.value}, None)
        self.doing = f"{op.f} {op.key}" + ("" if op.value is None else f" = {op.value}") + " …"
        self.set_timer("timeout", self.timeout)

    def on_timer_timeout(self) -> None:
        self._end("info", None)

    def on_ok(self, msg: Message) -> None:
        """The node says that the operation took effect."""
        if msg.re == self._request:
            self._end("ok", getattr(msg, "value", None))

    def on_fail(self, msg: Message) -> None:
        """The node says that the operation definitely did not take effect."""
        if msg.re == self._request:
            self._end("fail", getattr(msg, "reason", None))

    def _end(self, status: str, result: Any) -> None:
        op = self._current
        assert op is not None
        self.cancel_timer("timeout")
        self._request = None
        self._kernel.effect(self._slot, status, {"op": self._number, "result": result})
        self.doing = _outcome(op, status, result)
        self.operation_ended(op, status, result)
        self._after(self.think)


def _outcome(op: Op, status: str, result: Any) -> str:
    if status == "info":
        return f"{op.f} {op.key}: unknown"
    if status == "fail":
        return f"{op.f} {op.key}: failed"
    return (
        f"{op.f} {op.key} → {result}" if op.value is None else f"{op.f} {op.key} = {op.value}: ok"
    )
