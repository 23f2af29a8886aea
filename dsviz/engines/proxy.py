"""Links between the members of an engine that can be cut, delayed and mended one by one.

Each member dials another through a TCP proxy of that pair, so a fault hits one link in one
direction. The proxies run on one thread of this Python and end with it. All times are ms.

A cut link loses nothing by itself: as in a real partition, TCP keeps what was sent and tries again,
so what is under way arrives once the link is mended, if its receiver is still there. A connection
that is opened over a cut link hangs.

Why none from PyPI: those found (faulty 0.2.1, asyncproxy 1.3.1) cannot fault one direction, or
change a link in use; toxiproxy is a server written in Go and comes in no wheel.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import weakref
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from dsviz.engines.ports import HOST

MOST_HELD = 1 << 20  # bytes that a cut or delayed direction takes in before its sender has to wait


class Links:
    """Proxies between named places; `cut`, `delay` and `mend` work on one direction of one link.

    Use `close` or drop the last reference to end them.
    """

    def __init__(self) -> None:
        self._directions: dict[tuple[str, str], Direction] = {}
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._loop.run_forever, name="dsviz-links", daemon=True)
        thread.start()
        self._doors: dict[str, list[Door]] = {}
        self._sides: weakref.WeakSet[Near] = weakref.WeakSet()
        self._finish = weakref.finalize(
            self, _end, os.getpid(), self._loop, thread, self._doors, self._sides
        )

    def add(self, src: str, dst: str, port: int) -> int:
        """Let `src` reach `dst`, which listens on `port`, through the port that is returned."""
        return self.add_shared(dst, port, lambda _: src)

    def add_shared(self, dst: str, port: int, who: Callable[[int], str]) -> int:
        """Let everybody reach `dst` through one port, where it has to have one address for all.

        ``who(port)`` names the source of a connection by the port that it dialled from.
        """
        loop, sides, directions = self._loop, self._sides, self._directions

        def find(dialled_from: int) -> tuple[Direction, Direction]:
            src = who(dialled_from)
            there = directions.setdefault((src, dst), Direction())
            return there, directions.setdefault((dst, src), Direction())

        def accepted() -> Near:
            near = Near(loop, port, find)
            sides.add(near)
            return near

        door = Door(loop, accepted)
        self._run(door.open())
        self._doors.setdefault(dst, []).append(door)
        return door.port

    def refuse(self, dst: str) -> None:
        """Refuse new connections to `dst`, as the system does for a process that has ended."""
        for door in self._doors.get(dst, []):
            self._run(door.shut())

    def accept(self, dst: str) -> None:
        """Take connections to `dst` again."""
        for door in self._doors.get(dst, []):
            self._run(door.open())

    def cut(self, src: str, dst: str) -> None:
        """Let nothing pass from `src` to `dst`; the other direction still works."""
        self._change(src, dst, is_open=False)

    def delay(self, src: str, dst: str, ms: float) -> None:
        """Have what goes from `src` to `dst` arrive `ms` ms later; 0 ends it."""
        self._change(src, dst, ms=float(ms))

    def lose_reply(self, src: str, dst: str, to: Callable[[bytes], bool]) -> None:
        """Break a connection when `dst` answers the next thing that `src` sends it, once.

        The thing is the next bytes for which ``to(bytes)`` holds: they arrive, their answer does
        not. `src` has to be idle before, so that nothing else is answered first.
        """
        self._change(src, dst, loses_reply=to)

    def mend(self, src: str, dst: str) -> None:
        """End what was done to this direction."""
        self._change(src, dst, is_open=True, ms=0.0, loses_reply=None)

    def mend_all(self) -> None:
        """End everything that was done to any link."""
        for src, dst in list(self._directions):
            self.mend(src, dst)

    def is_open(self, src: str, dst: str) -> bool:
        """Tell whether anything passes from `src` to `dst`."""
        return self._direction(src, dst).is_open

    def close(self) -> None:
        """End the proxies and every connection through them; does nothing the second time."""
        self._finish()

    def _direction(self, src: str, dst: str) -> Direction:
        return self._directions.setdefault((src, dst), Direction())

    def _change(self, src: str, dst: str, **values: object) -> None:
        direction = self._direction(src, dst)

        async def change() -> None:
            vars(direction).update(values)
            for wake in list(direction.wakes):
                wake()

        self._run(change())

    def _run(self, work: Coroutine) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


class Door:
    """A port that takes connections or refuses them; it is held either way, lest others get it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, accepted: Callable[[], Near]) -> None:
        self._loop, self._accepted = loop, accepted
        self._held: socket.socket | None = _bound(0)
        self._server: asyncio.Server | None = None
        self.port: int = self._held.getsockname()[1]

    async def open(self) -> None:
        """Take connections."""
        if self._server is None:
            self._server = await self._loop.create_server(
                self._accepted, sock=self._held, backlog=256
            )
            self._held = None

    async def shut(self) -> None:
        """Refuse connections: a port that is bound and not listened on does."""
        if self._server is not None:
            self._server.close()
            self._server, self._held = None, _bound(self.port)

    def close(self) -> None:
        """Give the port back."""
        for one in (self._server, self._held):
            if one is not None:
                one.close()


def _bound(port: int) -> socket.socket:
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind((HOST, port))
    return one


class Direction:
    """What a link does in one direction, to all its connections; `wakes` hear of a change."""

    def __init__(self) -> None:
        self.is_open = True
        self.ms = 0.0
        self.loses_reply: Callable[[bytes], bool] | None = None
        self.wakes: set[Callable[[], None]] = set()


class Stream:
    """One direction of one connection: takes what `source` sends to `target` in time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, direction: Direction) -> None:
        self.direction = direction
        self.source: asyncio.Transport | None = None
        self.target: asyncio.Transport | None = None
        self.twin: Stream | None = None  # the other direction of the connection
        self.breaks = False  # with the next bytes that come
        self._loop = loop
        self._held: deque[tuple[float, bytes]] = deque()  # when it is due, what (b"": the end)
        self._size = 0
        self._full = False  # the target takes no more for now
        direction.wakes.add(self.flush)

    def feed(self, data: bytes) -> None:
        """Take what arrived from the source; b"" when it has ended."""
        if self.breaks and data:
            self._break()
            return
        loses = self.direction.loses_reply
        if loses is not None and self.twin is not None and data and loses(data):
            self.direction.loses_reply = None
            self.twin.breaks = True
        direct = self.target and direction_is_clear(self.direction) and not self._held
        if direct and data and self.target:
            self.target.write(data)
            return
        self._held.append((self._loop.time() + self.direction.ms / 1000, data))
        self._size += len(data)
        self.flush()
        self._press()

    def flush(self) -> None:
        """Pass on what is due, and come back for the rest."""
        while self._held and self.target is not None and self.direction.is_open:
            due, data = self._held[0]
            wait = due - self._loop.time()
            if wait > 0:
                self._loop.call_later(wait, self.flush)
                break
            self._held.popleft()
            self._size -= len(data)
            if data:
                self.target.write(data)
            else:
                self.target.close()
        self._press()

    def press(self, full: bool) -> None:
        """Note that the target's buffer is full, or has room again."""
        self._full = full
        self._press()

    def _press(self) -> None:
        if self.source is not None and not self.source.is_closing():
            stop = self._full or self._size > MOST_HELD
            (self.source.pause_reading if stop else self.source.resume_reading)()

    def _break(self) -> None:
        for transport in (self.source, self.target):
            if transport is not None:
                transport.abort()

    def close(self) -> None:
        """Hear of changes no more."""
        self.direction.wakes.discard(self.flush)


def direction_is_clear(direction: Direction) -> bool:
    """Tell whether bytes pass at once."""
    return direction.is_open and not direction.ms


class Side(asyncio.Protocol):
    """One end of a connection: feeds `out` with what arrives and slows `into` when it is full."""

    def __init__(self, out: Stream, into: Stream) -> None:
        self.out, self.into = out, into

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Have the streams know this end."""
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.out.source = self.into.target = transport
        self.into.flush()

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        self.out.feed(data)

    def pause_writing(self) -> None:
        """This end takes no more for now."""
        self.into.press(True)

    def resume_writing(self) -> None:
        """This end takes more again."""
        self.into.press(False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the other end know, in its time: behind what is still held, after a cut."""
        self.out.feed(b"")
        self.into.close()


class Near(Side):
    """The end that dialled the proxy; it dials on when the link is open in both directions.

    ``find(port)`` returns the two directions of a connection that was dialled from this port.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        port: int,
        find: Callable[[int], tuple[Direction, Direction]],
    ) -> None:
        self._loop, self._port, self._find = loop, port, find
        self._dialling: asyncio.Task | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Dial the far end now, or when the link is mended."""
        there, back = self._directions = self._find(transport.get_extra_info("peername")[1])
        super().__init__(Stream(self._loop, there), Stream(self._loop, back))
        self.out.twin, self.into.twin = self.into, self.out
        super().connection_made(transport)
        for direction in self._directions:
            direction.wakes.add(self._wake)
        self._wake()

    def _wake(self) -> None:
        if self._dialling is None and all(one.is_open for one in self._directions):
            self._dialling = self._loop.create_task(self._dial())
            self._forget()

    async def _dial(self) -> None:
        try:
            await self._loop.create_connection(lambda: Side(self.into, self.out), HOST, self._port)
        except OSError:
            self.into.target.abort()  # nobody listens there

    def connection_lost(self, exc: Exception | None) -> None:
        """Dial no more."""
        self._forget()
        super().connection_lost(exc)

    def abort(self) -> None:
        """End both ends at once."""
        for transport in (self.out.source, self.out.target):
            if transport is not None:
                transport.abort()

    def _forget(self) -> None:
        for direction in self._directions:
            direction.wakes.discard(self._wake)


def _end(
    owner: int,
    loop: asyncio.AbstractEventLoop,
    thread: threading.Thread,
    doors: dict[str, list[Door]],
    sides: weakref.WeakSet[Near],
) -> None:
    if os.getpid() != owner:
        return  # a forked child of the kernel ends: the links are its parent's

    async def stop() -> None:
        for door in (door for several in doors.values() for door in several):
            door.close()
        for side in list(sides):
            side.abort()
        dialling = asyncio.all_tasks() - {asyncio.current_task()}
        for task in dialling:
            task.cancel()
        await asyncio.gather(*dialling, return_exceptions=True)
        loop.call_soon(loop.stop)

    with contextlib.suppress(RuntimeError):  # the loop ended with its interpreter
        asyncio.run_coroutine_threadsafe(stop(), loop)
        thread.join(5)
        loop.close()
