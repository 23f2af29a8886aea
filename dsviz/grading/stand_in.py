"""What stands in a scenario for a learner's node, and what it lets a node's process do.

See `dsviz.grading.judge`: each handler is run elsewhere, and each effect that comes back is
validated here before it is applied through the ordinary kernel API.
"""

from __future__ import annotations

import base64
import contextlib
import random
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from dsviz.errors import DsvizError
from dsviz.grading import wire
from dsviz.grading.run import Stopped
from dsviz.sim.disk import DiskError
from dsviz.sim.node import Node
from dsviz.sim.values import frozen
from dsviz.trace import Message

if TYPE_CHECKING:
    from dsviz.grading.judge import Host

MAX_EFFECTS = 1_000  # of one handler
SYNCS = 16  # for how many blocking syncs in one handler a skewed clock is told in advance


class NotLoadedError(DsvizError):
    """The submission's cells could not be run, or do not define what they should."""


def stand_in(host: Host, name: str, about: Any) -> type[Node]:
    """Return what stands for a class of the submission, from what its process says of it.

    Raises NotLoadedError when that is no class of nodes.
    """
    if type(about) is str:
        raise NotLoadedError(f"{name} {text(about, 100)}")
    try:
        handlers = [wire.as_name(word) for word in _words(about["handlers"])]
        options = [wire.as_name(word) for word in _words(about["options"])]
        shows = tuple(wire.as_name(word) for word in _words(about["shows"]))
        role = text(about["role"], 40)
        service = _service(about["service"])
    except (KeyError, TypeError, wire.WireError):
        raise NotLoadedError(f"{name} could not be read") from None
    reserved = [w for w in (*shows, *options) if hasattr(StandIn, w) or w in StandIn._OWN]
    if reserved:
        raise NotLoadedError(f"{name}: {reserved[0]!r} is a name of Node's own; use another one")
    body: dict[str, Any] = dict.fromkeys(options)
    body |= {word: _forwarding(word) for word in handlers if word.startswith("on_")}
    own = {"shows": shows, "role": role, "service": service, "_host": host}
    return type(name, (StandIn,), {**body, **own})


class Explained(Exception):
    """What a handler raised in its own process, in words; see `dsviz.sim.slot.explained`."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.explained = text


class StandIn(Node):
    """Stands in a scenario for a learner's node: asks its process, and does what it answers."""

    _OWN: ClassVar = frozenset({"name", "disk", "_kernel", "_slot", "_post", "_life", "_host"})
    _host: ClassVar[Host]

    def on_start(self) -> None:
        kernel, slot = self._kernel, self._slot
        self._life = self._host.begin(kernel, slot.name)
        self._ask(
            "start",
            {
                "oldest": self._host.oldest,
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
        asked = {
            "run": self._life.run.number,
            "event": event,
            "now": self.now,
            "unsynced": slot.disk.unsynced,
            **about,
        }
        if slot.disk._failing:
            asked["failing"] = [slot.disk._failing, slot.disk._failing_file]
        lead = kernel._works.lead()
        if lead or slot.stalls:
            asked["waits"] = True  # even a sync that takes no time is not done at once
        if lead or slot.slowness != 1.0 or slot.clock.offset or slot.clock.rate:
            asked["times"] = self._times(lead)
        try:
            self._do(self._host.ask(self._life.channel, asked))
        except wire.WireError as error:
            self._host.end_check()  # whatever is left of this run, the next one begins anew
            raise Stopped(f"{slot.name} sent {error}") from None
        except Stopped as stopped:
            self._host.end_check()
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
            raise Stopped(text(answer["failed"], 500))
        effects, shown, error = (answer.get(key) for key in ("effects", "shown", "error"))
        if type(effects) is not list or type(shown) is not dict or len(effects) > MAX_EFFECTS:
            raise wire.WireError(f"no list of at most {MAX_EFFECTS:,} effects")
        self._host.count(self._life, len(effects), answer.get("cpu"))
        for effect in effects:
            self._do_one(effect)
        for name, value in shown.items():
            if name in self.shows:
                self.__dict__[name] = wire.decode(value)
        if error is not None:
            raise Explained(text(error, 4_000))

    def _do_one(self, effect: Any) -> None:
        try:
            verb, *given = effect
            act = self._VERBS[verb]
            act(self, *given)
        except (TypeError, KeyError, ValueError, DsvizError) as error:
            raise wire.WireError(f"an effect that is none ({type(error).__name__})") from None

    def _send(self, dst: str, kind: str, body: dict[str, Any], re: int | None) -> None:
        fields = {text(name, 100): wire.decode(value) for name, value in body.items()}
        if re is not None and type(re) is not int:
            raise TypeError
        self._post(text(dst, 60), text(kind, 60), fields, re)

    def _set(self, name: str, ms: float, token: int | None) -> None:
        self.set_timer(text(name, 60), _number(ms), **_timer_data(token))

    def _cancel(self, name: str, token: int | None) -> None:
        self.cancel_timer(text(name, 60), **_timer_data(token))

    def _change(self, verb: str, name: str, value: Any) -> None:
        value = wire.decode(value)
        if verb in ("truncate", "rename") and type(value) is not (int if verb[0] == "t" else str):
            raise TypeError
        self._slot.disk._change(verb, text(name, 200), value)

    def _sync(self, then: str | None, names: list[str]) -> None:
        files = [text(name, 200) for name in _words(names)]
        with contextlib.suppress(DiskError):  # the submission has met it on its own side
            self._slot.disk.sync(*files, then=None if then is None else text(then, 60))

    def _log(self, said: str) -> None:
        self._kernel.effect(self._slot, "log", text(said, 10_000))

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


def text(data: Any, most: int) -> str:
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
