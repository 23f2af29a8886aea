"""The judge's side of the processes that run a submission.

What protects the judge. The kernel, the network, the clocks, the clients and the checks run here.
A submission's code runs nowhere but in processes of its own, one for each start of each node,
which get events and return effects; each effect is validated before it is applied through the
ordinary kernel API. A submission can therefore decide what its own nodes do, and nothing else:
there is no trace, no verdict and no mark on its side of the channel, and nodes share no memory.

What isolates those processes (`isolation`), the best that works on the machine:

* ``bubblewrap``: namespaces of its own (no network, no other processes), an empty environment, a
  read-only view of the system without home directories, solutions and hidden checks; everything
  in it ends with it.
* ``limits``: an empty environment, a session of its own, limits on memory, CPU time, files and
  file size. The file system is readable, and without the filter below the network reachable: for
  practice and trusted classes, not for an examination.

A grader that runs as root gives each node's process a user of its own, because the limit on
processes does not hold for root. Where that user could not read Python's files it says so: the
level then ends with "as root: processes are not limited".

Nodes of a submission share a sandbox, so on Linux a filter of system calls keeps their processes
from each other as well (`dsviz.grading.system_calls`): no sockets, no shared memory, no signals, no
new processes, nothing written. Where it cannot be installed the level ends with "without a filter
of system calls". What is left is what one process of a user may see of another in ``/proc``, as how
much memory it has; a group for counting processes is not used.
"""

from __future__ import annotations

import base64
import contextlib
import random
import struct
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from dsviz.errors import DsvizError
from dsviz.grading import wire
from dsviz.grading.lab import Classes
from dsviz.grading.nursery import Channel, Nursery
from dsviz.grading.run import Stopped
from dsviz.sim.disk import DiskError
from dsviz.sim.node import Node
from dsviz.sim.values import frozen
from dsviz.trace import Message

PATIENCE = 12  # how much longer than its computing it may take, where the system tells no more
IDLE = 0.5  # what a second counts in which a submission does nothing, as asleep
MAX_EFFECTS = 1_000  # of one handler
MAX_EFFECTS_IN_ALL = 200_000  # of one run
SPARES = 7  # processes that are started before they are needed
SYNCS = 16  # for how many blocking syncs in one handler a skewed clock is told in advance


class NotLoadedError(DsvizError):
    """The submission's cells could not be run, or do not define what they should."""


class Host:
    """Runs one submission: makes stand-ins for its classes, and processes for their nodes."""

    def __init__(self, cells: Mapping[str, str]) -> None:
        self._cells = dict(cells)
        self._nursery = Nursery(cells)
        self._spares: deque[Channel] = deque()
        self._live: dict[str, Channel] = {}
        self._kernel: Any = None
        self._effects = 0
        self._used_s = 0.0
        self.asked_s = 0.0  # in which the judge waited for answers
        self.spent = self.stopwatch()

    @property
    def isolation(self) -> str:
        """How the submission's processes are isolated; see the top of the module."""
        return self._nursery.isolation

    def classes(self, names: Sequence[str]) -> Classes:
        """Return a stand-in for each class. Raises NotLoadedError when there is no such class."""
        channel = self._take()
        try:
            answer = channel.ask({"event": "describe", "classes": list(names)})
        finally:
            channel.close()
        if "failed" in answer:
            raise NotLoadedError(_text(answer["failed"], 500))
        described = answer.get("classes")
        if type(described) is not dict:
            raise Stopped("wrote something onto the channel that the judge listens to")
        return {name: self._stand_in(name, described.get(name)) for name in names}

    def _stand_in(self, name: str, about: Any) -> type[Node]:
        if type(about) is str:
            raise NotLoadedError(f"{name} {_text(about, 100)}")
        try:
            handlers = [wire.as_name(word) for word in _words(about["handlers"])]
            options = [wire.as_name(word) for word in _words(about["options"])]
            shows = tuple(wire.as_name(word) for word in _words(about["shows"]))
            role = _text(about["role"], 40)
            service = _service(about["service"])
        except (KeyError, TypeError, wire.WireError):
            raise NotLoadedError(f"{name} could not be read") from None
        reserved = [w for w in (*shows, *options) if hasattr(StandIn, w) or w in StandIn._OWN]
        if reserved:
            raise NotLoadedError(
                f"{name}: {reserved[0]!r} is a name of Node's own; use another one"
            )
        body: dict[str, Any] = dict.fromkeys(options)
        body |= {word: _forwarding(word) for word in handlers if word.startswith("on_")}
        own = {"shows": shows, "role": role, "service": service, "_host": self}
        return type(name, (StandIn,), {**body, **own})

    def begin(self, kernel: Any, name: str) -> Channel:
        """Return a process for a start of node `name`. The first start of a run ends the last."""
        if kernel is not self._kernel:
            self.end_run()
            self._kernel = kernel
        if name in self._live:
            self._live.pop(name).close()
        self._live[name] = channel = self._take()
        return channel

    def _take(self) -> Channel:
        """Return a process that is ready or nearly so, and have others started meanwhile."""
        while len(self._spares) < SPARES:
            self._spares.append(self._nursery.fork())
        return self._spares.popleft()

    def stopwatch(self) -> Callable[[], float]:
        """Return what tells how many seconds the submission has used since now.

        However busy the machine is: that is what its processes ran, and half of what they slept,
        which is, of the time that the judge waited for them, what is left when nobody waited for
        a processor.
        """
        ran_before, waited_before = self._nursery.used()
        used_before, asked_before, queued_before = self._used_s, self.asked_s, queued_s()

        def spent() -> float:
            ran, waited = self._nursery.used()
            asked = self.asked_s - asked_before
            if not ran:
                return max(self._used_s - used_before, asked / PATIENCE)
            ran -= ran_before
            queued = queued_s() - queued_before
            return max(ran, IDLE * (asked - ran - (waited - waited_before) - queued))

        return spent

    def count(self, channel: Channel, effects: int, used_s: Any) -> None:
        """Count what nodes did in this run. Raises Stopped when it is too much."""
        if type(used_s) in (int, float) and used_s > channel.used_s:
            self._used_s += used_s - channel.used_s
            channel.used_s = used_s
        self._effects += effects
        if self._effects > MAX_EFFECTS_IN_ALL:
            raise Stopped(f"did more than {MAX_EFFECTS_IN_ALL:,} things in one run")

    def end_run(self) -> None:
        """End the processes of the current run."""
        for channel in self._live.values():
            channel.close()
        self._live, self._kernel, self._effects = {}, None, 0

    def close(self) -> None:
        """End all processes."""
        self.end_run()
        for channel in self._spares:
            channel.close()
        self._spares.clear()
        self._nursery.close()

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Explained(Exception):
    """What a handler raised in its own process, in words; see `dsviz.sim.slot.explained`."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.explained = text


class StandIn(Node):
    """Stands in a scenario for a learner's node: asks its process, and does what it answers."""

    _OWN: ClassVar = frozenset({"name", "disk", "_kernel", "_slot", "_post", "_channel", "_host"})
    _host: ClassVar[Host]

    def on_start(self) -> None:
        kernel, slot = self._kernel, self._slot
        self._channel = self._host.begin(kernel, slot.name)
        self._ask(
            "start",
            {
                "class": type(self).__name__,
                "name": slot.name,
                "names": list(kernel.slots),
                "roles": dict(kernel.roles),
                "options": {n: wire.encode(frozen(v)) for n, v in self._options().items()},
                "disk": {n: wire.encode(v) for n, v in slot.disk._files.items()},
                "sync_ms": slot.disk._sync_ms,
                "random": _state_of(slot.random()),
            },
        )

    def _options(self) -> dict[str, Any]:
        return {n: v for n, v in self._slot.template.__dict__.items() if not n.startswith("_")}

    def _ask(self, event: str, about: dict[str, Any]) -> None:
        kernel, slot = self._kernel, self._slot
        asked = {"event": event, "now": self.now, "unsynced": slot.disk.unsynced, **about}
        if slot.disk._failing:
            asked["failing"] = [slot.disk._failing, slot.disk._failing_file]
        lead = kernel._works.lead()
        if lead or slot.stalls:
            asked["waits"] = True  # even a sync that takes no time is not done at once
        if lead or slot.slowness != 1.0 or slot.clock.offset or slot.clock.rate:
            asked["times"] = self._times(lead)
        began = time.perf_counter()
        try:
            answer = self._channel.ask(asked)
            self._host.asked_s += time.perf_counter() - began
            self._do(answer)
        except wire.WireError as error:
            raise Stopped(f"{slot.name} sent {error}") from None
        except Stopped as stopped:
            raise Stopped(f"{slot.name} at {kernel.now:,.0f} ms: {stopped}") from None

    def _times(self, lead: float) -> list[float]:
        """The node's clock now, and after each sync that blocks: computed as the kernel does."""
        kernel, slot = self._kernel, self._slot
        times = []
        for _ in range(SYNCS):
            times.append(slot.clock.at(kernel.now + lead))
            lead += slot.disk._sync_ms * slot.slowness
        return times

    def _do(self, answer: dict[str, Any]) -> None:
        """Apply the effects of a handler, in order, then what it shows, then its error."""
        if "failed" in answer:
            raise Stopped(_text(answer["failed"], 500))
        effects, shown, error = (answer.get(key) for key in ("effects", "shown", "error"))
        if type(effects) is not list or type(shown) is not dict or len(effects) > MAX_EFFECTS:
            raise wire.WireError(f"no list of at most {MAX_EFFECTS:,} effects")
        self._host.count(self._channel, len(effects), answer.get("cpu"))
        for effect in effects:
            self._do_one(effect)
        for name, value in shown.items():
            if name in self.shows:
                self.__dict__[name] = wire.decode(value)
        if error is not None:
            raise Explained(_text(error, 4_000))

    def _do_one(self, effect: Any) -> None:
        try:
            verb, *given = effect
            act = self._VERBS[verb]
            act(self, *given)
        except (TypeError, KeyError, ValueError, DsvizError) as error:
            raise wire.WireError(f"an effect that is none ({type(error).__name__})") from None

    def _send(self, dst: str, kind: str, body: dict[str, Any], re: int | None) -> None:
        fields = {_text(name, 100): wire.decode(value) for name, value in body.items()}
        if re is not None and type(re) is not int:
            raise TypeError
        self._post(_text(dst, 60), _text(kind, 60), fields, re)

    def _set(self, name: str, ms: float, token: int | None) -> None:
        self.set_timer(_text(name, 60), _number(ms), **_timer_data(token))

    def _cancel(self, name: str, token: int | None) -> None:
        self.cancel_timer(_text(name, 60), **_timer_data(token))

    def _change(self, verb: str, name: str, value: Any) -> None:
        value = wire.decode(value)
        if verb in ("truncate", "rename") and type(value) is not (int if verb[0] == "t" else str):
            raise TypeError
        self._slot.disk._change(verb, _text(name, 200), value)

    def _sync(self, then: str | None, names: list[str]) -> None:
        files = [_text(name, 200) for name in _words(names)]
        with contextlib.suppress(DiskError):  # the submission has met it on its own side
            self._slot.disk.sync(*files, then=None if then is None else _text(then, 60))

    def _log(self, text: str) -> None:
        self._kernel.effect(self._slot, "log", _text(text, 10_000))

    _VERBS: ClassVar = {
        "send": _send,
        "timer": _set,
        "cancel": _cancel,
        "write": lambda self, *given: self._change("write", *given),
        "append": lambda self, *given: self._change("append", *given),
        "truncate": lambda self, *given: self._change("truncate", *given),
        "rename": lambda self, *given: self._change("rename", *given),
        "sync": _sync,
        "log": _log,
    }


def _forwarding(handler: str) -> Any:
    """Return a handler that lets the node's process handle it."""
    if handler.startswith("on_timer_"):

        def on_timer(self: StandIn, **data: int) -> None:
            self._ask("timer", {"name": handler[9:], "data": data.get("token")})

        return on_timer
    if handler.startswith("on_disk_"):

        def on_disk(self: StandIn, result: int | DiskError) -> None:
            count = None if isinstance(result, DiskError) else result
            self._ask("disk", {"name": handler[8:], "count": count})

        return on_disk

    def on_message(self: StandIn, msg: Message) -> None:
        body = {name: wire.encode(value) for name, value in msg.body.items()}
        self._ask("message", {"message": [msg.kind, msg.src, msg.dst, msg.id, msg.re, body]})

    return on_message


def queued_s() -> float:
    """How many seconds this thread has waited for a processor; 0 where the system does not tell."""
    try:
        with open("/proc/thread-self/schedstat", "rb") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def _timer_data(token: Any) -> dict[str, int]:
    if token is None:
        return {}
    if type(token) is not int:
        raise TypeError
    return {"token": token}


def _state_of(stream: random.Random) -> str:
    """Return the state of a random stream: the seed it comes from cannot be told from it."""
    return base64.b64encode(struct.pack("<625I", *stream.getstate()[1])).decode()


def _words(data: Any) -> Iterable[Any]:
    if type(data) is not list or len(data) > 200:
        raise TypeError
    return data


def _text(data: Any, most: int) -> str:
    """Return `data` when it is text; what is too long is cut."""
    if type(data) is not str:
        raise wire.WireError("something that is not text")
    return data[:most]


def _number(data: Any) -> float:
    if type(data) not in (int, float):
        raise TypeError
    return data


def _service(data: Any) -> float:
    """Return `data` when it is a time in ms that handlers can take."""
    if not 0 <= _number(data) < float("inf"):
        raise TypeError
    return data
