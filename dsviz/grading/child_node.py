"""One node of a submission in a process of its own: events come in, effects go out.

The learner's class runs on the ordinary `Node` and `Disk`; only the kernel below them is another
one, which notes effects instead of causing them. See `dsviz.grading.child` for the process.
"""

from __future__ import annotations

import base64
import struct
import time
import traceback
from pathlib import Path
from random import Random
from typing import Any

from dsviz.errors import DsvizError, listed
from dsviz.grading import wire
from dsviz.grading.source import executed
from dsviz.message import Message, message_class
from dsviz.sim import disk as disks
from dsviz.sim.node import Node
from dsviz.sim.slot import Clock, in_words
from dsviz.sim.values import ATOMS, frozen, frozen_fields

HERE = Path(__file__).resolve().parent
SIM = Path(disks.__file__).parent


class Effects:
    """Stands where the kernel is in a simulation: notes what a handler does, in order."""

    def __init__(self, names: list[str], roles: dict[str, str], sync_ms: float) -> None:
        self.roles = roles
        self.names = names
        self.sync_ms = sync_ms
        self.noted: list[list[Any]] = []
        self.unsynced = 0
        self._times: list[float] = []
        self._now = 0.0
        self._lead = 0.0
        self._syncs = 0
        self._waits = False
        self._tokens: dict[Any, int] = {}
        self.timer_data: list[dict[str, Any]] = []

    def begin(self, event: dict[str, Any]) -> None:
        """Prepare for an event of the judge."""
        self.noted = []
        self.unsynced = event.get("unsynced", 0)
        self._now, self._times = event["now"], event.get("times", [])
        self._lead, self._syncs = 0.0, 0
        self._waits = event.get("waits", False)

    def handler_time(self) -> float:
        """The node's clock: later after each sync that blocked."""
        if self._syncs < len(self._times):
            return self._times[self._syncs]
        return self._now + self._lead

    def post_of(self, slot: Any) -> Any:
        """Return the function by which a node sends; it refuses what the kernel's refuses."""

        def post(dst: str, kind: str, body: dict[str, Any], re: int | None) -> None:
            for value in body.values():
                if type(value) not in ATOMS:
                    body = frozen_fields(kind, body)
                    break
            if dst not in self.names:
                raise DsvizError(
                    f"{slot.name} sends to {dst!r}, which does not exist; the nodes are "
                    f"{listed(self.names)}"
                )
            message_class(kind, tuple(body))
            sent = {name: wire.encode(value) for name, value in body.items()}
            self.noted.append(["send", dst, kind, sent, re])

        return post

    def effect(self, slot: Any, what: str, data: Any) -> None:
        self.noted.append([what, data])

    def set_timer(self, slot: Any, name: str, ms: float, data: dict[str, Any]) -> None:
        if not ms >= 0:
            raise DsvizError(f"{slot.name}: timer {name!r} needs ms of 0 or more, not {ms!r}")
        self.noted.append(["timer", name, ms, self._token(name, data)])

    def cancel_timer(self, slot: Any, name: str, data: dict[str, Any]) -> None:
        self.noted.append(["cancel", name, self._token(name, data)])

    def _token(self, name: str, data: dict[str, Any]) -> int | None:
        """Return a number for a timer's data, which stay here: they may hold any object."""
        if not data:
            return None
        key = (name, *sorted(data.items()))
        token = self._tokens.setdefault(key, len(self.timer_data))
        if token == len(self.timer_data):
            self.timer_data.append(data)
        return token

    def sync_disk(
        self,
        slot: Any,
        serial: int,
        names: tuple[str, ...],
        ms: float,
        then: str | None,
        failed: bool,
    ) -> None:
        if then is not None and not hasattr(slot.node, f"on_disk_{then}"):
            raise DsvizError(f"{slot.name}: sync(then={then!r}) needs a method on_disk_{then}")
        self.noted.append(["sync", then, names])
        if then is None and ms == 0 and not self._lead and not self._waits and not names:
            self.unsynced = 0
        elif then is None:
            self._lead += ms
            self._syncs += 1


class Files(disks.Disk):
    """A node's disk: its content is here, what becomes of it is decided by the judge."""

    def _change(self, verb: str, name: str, value: Any) -> None:
        disks._apply(self._files, (0, 0.0, verb, name, value))
        self._kernel.unsynced += 1
        self._kernel.noted.append([verb, name, wire.encode(value)])

    @property
    def unsynced(self) -> int:
        return self._kernel.unsynced


class Place:
    """What a node knows of where it runs."""

    clock = Clock()  # without an error of its own: the judge sends the node's own time

    def __init__(self, name: str, state: str) -> None:
        self.name = name
        self.node: Node | None = None
        self.disk: Files | None = None
        self.post: Any = None
        self._state = state
        self._random: Random | None = None

    def random(self) -> Random:
        if self._random is None:
            words = struct.unpack("<625I", base64.b64decode(self._state))
            self._random = Random()
            self._random.setstate((3, words, None))
        return self._random


class NodeProcess:
    """Runs one start of one node, event by event."""

    def __init__(self, codes: list) -> None:
        self.namespace = executed(codes)
        self.node: Node | None = None
        self.shown: dict[str, Any] = {}

    def find_type(self, name: str) -> Any:
        """Return a type that the submission defines, or None."""
        found = self.namespace.get(name)
        return found if isinstance(found, type) else None

    def describe(self, names: list[str]) -> dict[str, Any]:
        """Say what the judge must know of the classes to put something in their place."""
        found = {}
        for name in names:
            cls = self.namespace.get(name)
            if not (isinstance(cls, type) and issubclass(cls, Node)):
                kind = "is not defined" if cls is None else "is not a subclass of Node"
                found[name] = kind
                continue
            handlers = [word for word in dir(cls) if word.startswith("on_") and word != "on_start"]
            found[name] = {
                "role": cls.role_name(),
                "service": cls.service if type(cls.service) in (int, float) else None,
                "shows": list(cls.shows),
                "options": cls._option_names(),
                "handlers": handlers,
            }
        return found

    def start(self, event: dict[str, Any]) -> None:
        """Become a node."""
        self.kernel = Effects(event["names"], event["roles"], event["sync_ms"])
        place = Place(event["name"], event["random"])
        place.post = self.kernel.post_of(place)
        place.disk = Files(self.kernel, place, event["sync_ms"])
        for name, value in event["disk"].items():
            place.disk._files[name] = wire.decode(value, self.find_type)
        options = {k: wire.decode(v, self.find_type) for k, v in event["options"].items()}
        template = self.namespace[event["class"]](**options)
        self.node = place.node = template._booted(self.kernel, place)

    def handle(self, event: dict[str, Any]) -> dict[str, Any]:
        """Let one event happen; return what the handler did."""
        if event["event"] == "start":
            self.start(event)
        self.node._slot.disk._fail(*event.get("failing", (0,)))
        self.kernel.begin(event)
        error = None
        try:
            self._call(event)
            shown = self._changed()
        except Exception as raised:
            error, shown = explained(raised), {}
        used = time.process_time()
        return {"effects": self.kernel.noted, "shown": shown, "error": error, "cpu": used}

    def _call(self, event: dict[str, Any]) -> None:
        what, node = event["event"], self.node
        if what == "start":
            node.on_start()
        elif what == "message":
            kind, src, dst, number, re, body = event["message"]
            fields = {name: wire.decode(value, self.find_type) for name, value in body.items()}
            getattr(node, f"on_{kind}")(Message.of(kind, src, dst, number, re, fields))
        elif what == "timer":
            data = {} if event["data"] is None else self.kernel.timer_data[event["data"]]
            getattr(node, f"on_timer_{event['name']}")(**data)
        elif what == "disk":
            result = node.disk._error() if event["count"] is None else event["count"]
            getattr(node, f"on_disk_{event['name']}")(result)

    def _changed(self) -> dict[str, Any]:
        """Return the shown attributes that are not as they were told last."""
        changed = {}
        for name in type(self.node).shows:
            value = getattr(self.node, name, None)
            if type(value) not in ATOMS:
                value = frozen(value, f"the shown attribute {name!r}")
            told = wire.encode(value)
            if name not in self.shown or self.shown[name] != told:
                changed[name] = self.shown[name] = told
        return changed


def explained(error: Exception) -> str:
    """Return what went wrong in the words of `dsviz.sim.slot.explained`, without our frames."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).parent not in (SIM, HERE)
    ]
    lines = [f"in {frame.name}, line {frame.lineno}: {frame.line}" for frame in frames]
    return "\n".join([*lines, in_words(error)])


def why_not_loaded(error: BaseException) -> str:
    """Return why a submission's cells could not be run, with the cell and the line."""
    place = ""
    if isinstance(error, SyntaxError):
        place = f"{error.filename or ''}, line {error.lineno}: "
        return f"{place}{type(error).__name__}: {error.msg}"
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.startswith("<cell "):
            place = f"{frame.filename}, line {frame.lineno}: "
    return f"{place}{type(error).__name__}: {error}"
