"""The judge's side of the processes that run a submission.

What protects the judge. The kernel, the network, the clocks, the clients and the checks run here.
A submission's code runs nowhere but in processes of its own, one for each start of each node,
which get events and return effects; each effect is validated before it is applied through the
ordinary kernel API. A submission can therefore decide what its own nodes do, and nothing else:
there is no trace, no verdict and no mark on its side of the channel, and nodes share no memory.

What isolates those processes (`isolation`), the best that works on the machine:

* ``bubblewrap``: namespaces of its own (no network, no other processes), an empty environment, a
  read-only view of the system without home directories, solutions and hidden checks; everything
  in it ends with it. Started by root it first becomes a user id of its own, so that the limit on
  processes holds.
* ``limits``: an empty environment, a session of its own, limits on memory, CPU time, files and
  file size; as root also a user id of its own, so that the limit on processes holds. The file
  system is readable and the network reachable: for practice and trusted classes, not for an
  examination.

A system call filter and a group for counting processes are not used yet.
"""

from __future__ import annotations

import base64
import contextlib
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from dsviz.errors import DsvizError
from dsviz.grading import wire
from dsviz.grading.lab import Classes
from dsviz.grading.run import Stopped
from dsviz.sim.node import Node
from dsviz.trace import Message

EVENT_S = 3.0  # in which a handler must return
LOAD_S = 10.0  # in which the first process must be there and have compiled the submission
PATIENCE = 12  # how much longer than its computing a submission may take, on a busy machine
MAX_EFFECTS = 1_000  # of one handler
MAX_EFFECTS_IN_ALL = 200_000  # of one run
SPARES = 7  # processes that are started before they are needed
SYNCS = 16  # for how many blocking syncs in one handler a skewed clock is told in advance

PACKAGE = Path(__file__).resolve().parent.parent
NEEDED = ("__init__.py", "errors.py", "history.py", "trace.py", "transcript.py", "sim")
OURS = ("__init__.py", "wire.py", "source.py", "child.py")
SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives")


class NotLoadedError(DsvizError):
    """The submission's cells could not be run, or do not define what they should."""


class InfrastructureError(DsvizError):
    """The machine, not the submission, is why something could not be judged: try again."""


# How a submission's processes are started -----------------------------------------------------


def _python() -> str:
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


def _plain(fd: int) -> list[str]:
    return [_python(), "-S", "-s", "-P", "-B", str(PACKAGE / "grading" / "child.py"), str(fd)]


def _bubblewrapped(fd: int) -> list[str]:
    words = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    words += ["--setenv", "PYTHONHASHSEED", "0", "--proc", "/proc", "--dev", "/dev"]
    words += ["--tmpfs", "/tmp"]
    for path in dict.fromkeys((*SYSTEM, sys.base_prefix)):
        words += ["--ro-bind-try", path, path]
    for name in NEEDED:
        words += ["--ro-bind", str(PACKAGE / name), f"/judge/dsviz/{name}"]
    for name in OURS:
        words += ["--ro-bind", str(PACKAGE / "grading" / name), f"/judge/dsviz/grading/{name}"]
    inside = ["-S", "-s", "-P", "-B", "/judge/dsviz/grading/child.py", str(fd)]
    return [*words, "--chdir", "/tmp", "--", _python(), *inside]


#: How to start, by level, best first: (level, command, whether to become another user).
def _ways() -> list[tuple[str, Any, bool]]:
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    ways: list[tuple[str, Any, bool]] = []
    if shutil.which("bwrap"):
        ways += [("bubblewrap", _bubblewrapped, True)] if root else []
        ways += [("bubblewrap", _bubblewrapped, False)]
    ways += [("limits", _plain, True)] if root else []
    return [*ways, ("limits", _plain, False)]


_working: list[tuple[str, Any, bool]] = []  # the way that worked last, tried first


class Nursery:
    """Forks processes for nodes. It has compiled the submission's cells and never runs them."""

    def __init__(self, cells: Mapping[str, str]) -> None:
        self.isolation = ""
        self._process: subprocess.Popen | None = None
        self._count = 0
        for way in [*_working, *_ways()]:
            if self._starts(way, cells):
                _working[:] = [way]
                return
        raise InfrastructureError(
            "no process for the submission could be started; try again, and if that does not "
            "help look at `python -m dsviz doctor`"
        )

    def _starts(self, way: tuple[str, Any, bool], cells: Mapping[str, str]) -> bool:
        self.isolation, command, other_user = way
        ours, theirs = socket.socketpair()
        who: dict[str, Any] = {}
        if other_user:
            number = random.SystemRandom().randrange(1_000_000, 2_000_000)
            who = {"user": number, "group": number, "extra_groups": []}
        try:
            self._process = subprocess.Popen(
                command(theirs.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PYTHONHASHSEED": "0"},
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                **who,
            )
        except (OSError, subprocess.SubprocessError):
            ours.close()
            return False
        finally:
            theirs.close()
        self._control = ours
        return self._shakes_hands(cells)

    def _shakes_hands(self, cells: Mapping[str, str]) -> bool:
        """Hand over the cells; whether an answer came. No code of the submission has run by then."""
        self._control.settimeout(LOAD_S)
        try:
            self._control.sendall(wire.dump({"cells": dict(cells)}))
            if self._control.recv(6) == b"ready\n":
                return True
        except OSError:
            pass
        self.close()
        return False

    def fork(self) -> Channel:
        """Return a channel to a fresh process that is loading the submission."""
        ours, theirs = socket.socketpair()
        self._count += 1
        try:
            socket.send_fds(self._control, [b"F%07d" % self._count], [theirs.fileno()])
        except OSError:
            ours.close()
            raise InfrastructureError("the process that starts the submission's is gone") from None
        finally:
            theirs.close()
        return Channel(ours, self, self._count)

    def kill(self, number: int) -> None:
        """End the process with this number, whatever it is doing."""
        with contextlib.suppress(OSError):
            self._control.sendall(b"K%07d" % number)

    def close(self) -> None:
        """End every process, by its id."""
        self._control.close()  # it ends its children, then itself
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.wait(1.0)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()


class Channel:
    """The line to one node's process: a question, an answer, a deadline."""

    def __init__(self, line: socket.socket, nursery: Nursery, number: int) -> None:
        self._line = line
        self._nursery = nursery
        self._number = number
        self.used_s = 0.0
        # The system's own timeout: nothing has to be set or polled for each of 100,000 events.
        for which, seconds in ((socket.SO_RCVTIMEO, EVENT_S), (socket.SO_SNDTIMEO, EVENT_S)):
            line.setsockopt(socket.SOL_SOCKET, which, struct.pack("ll", int(seconds), 0))

    def ask(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to an event. Raises Stopped when none comes that can be read."""
        try:
            self._line.sendall(wire.dump(event))
            answer = wire.load(self._answer())
        except (TimeoutError, BlockingIOError):
            self._nursery.kill(self._number)
            raise Stopped("did not come back within 3 seconds: is there an endless loop?") from None
        except OSError:
            raise Stopped(GONE) from None
        except wire.WireError as error:
            raise Stopped(f"wrote {error} where the judge listens") from None
        if type(answer) is not dict:
            raise Stopped("wrote something onto the channel that the judge listens to")
        return answer

    def _answer(self) -> bytes:
        """Return one line. Most come in one piece, so the clock is only read from the second on."""
        line = self._line.recv(PIECE)
        deadline = time.monotonic() + EVENT_S
        while not line.endswith(b"\n"):
            if not line or time.monotonic() > deadline:
                raise TimeoutError if line else OSError
            if len(line) > wire.MAX_LINE:
                raise wire.WireError(f"more than {wire.MAX_LINE:,} bytes at once")
            piece = self._line.recv(PIECE)
            if not piece:
                raise OSError
            line += piece
        return line

    def close(self) -> None:
        """Let the process end; kill it if it does not."""
        self._line.close()
        self._nursery.kill(self._number)


PIECE = 262_144  # bytes read at once
GONE = "its process ended: it exited, was killed, or needed too much memory"


# What stands for a learner's node in the judge ------------------------------------------------


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
        self._began = time.monotonic()

    @property
    def isolation(self) -> str:
        """How the submission's processes are isolated: ``bubblewrap`` or ``limits``."""
        return self._nursery.isolation

    def classes(self, names: Sequence[str]) -> Classes:
        """Return a stand-in for each class. Raises NotLoadedError when the cells do not define it."""
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
        except (KeyError, TypeError, wire.WireError):
            raise NotLoadedError(f"{name} could not be read") from None
        reserved = [w for w in (*shows, *options) if hasattr(StandIn, w) or w in StandIn._OWN]
        if reserved:
            raise NotLoadedError(f"{name}: {reserved[0]!r} is a name of Node's own; use another one")
        body: dict[str, Any] = dict.fromkeys(options)
        body |= {word: _forwarding(word) for word in handlers if word.startswith("on_")}
        return type(name, (StandIn,), {**body, "shows": shows, "role": role, "_host": self})

    def begin(self, kernel: Any, name: str) -> Channel:
        """Return a process for a start of node `name`; the first start of a run ends the last run."""
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

    def spent(self) -> float:
        """How many seconds the submission has used: what its processes say, within reason."""
        return max(self._used_s, (time.monotonic() - self._began) / PATIENCE)

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
                "options": {n: wire.encode(_plain_value(v)) for n, v in self._options().items()},
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
        if slot.clock_offset:
            asked["times"] = self._times()
        try:
            self._do(self._channel.ask(asked))
        except wire.WireError as error:
            raise Stopped(f"{slot.name} sent {error}") from None
        except Stopped as stopped:
            raise Stopped(f"{slot.name} at {kernel.now:,.0f} ms: {stopped}") from None

    def _times(self) -> list[float]:
        """The node's clock now, and after each sync that blocks: computed as the kernel does."""
        kernel, slot = self._kernel, self._slot
        lead, times = 0.0, []
        for _ in range(SYNCS):
            times.append(kernel.now + lead + slot.clock_offset)
            lead += slot.disk._sync_ms
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
        self._kernel.send(self._slot, _text(dst, 60), _text(kind, 60), fields, re)

    def _set(self, name: str, ms: float, token: int | None) -> None:
        self.set_timer(_text(name, 60), _number(ms), **_timer_data(token))

    def _cancel(self, name: str, token: int | None) -> None:
        self.cancel_timer(_text(name, 60), **_timer_data(token))

    def _change(self, verb: str, name: str, value: Any) -> None:
        value = wire.decode(value)
        if verb in ("truncate", "rename") and type(value) is not (int if verb[0] == "t" else str):
            raise TypeError
        self._slot.disk._change(verb, _text(name, 200), value)

    def _sync(self, then: str | None) -> None:
        self._slot.disk.sync(None if then is None else _text(then, 60))

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

        def on_disk(self: StandIn, count: int) -> None:
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


def _plain_value(value: Any) -> Any:
    from dsviz.sim.values import frozen

    return frozen(value)


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
