"""What every running engine does alike: its processes, its links, its journal, its recording.

`Live` stands before an engine's face: ``class Postgres(Live, PostgresVerbs)``. The class gives
`_launch`, which starts the processes of one try, and a method ``_verb`` for each verb of its own.
All times are milliseconds (ms).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from dsviz.engines import replay
from dsviz.engines.answers import Answer, Status
from dsviz.engines.face import Face
from dsviz.engines.journal import CLIENT, Journal, trace_of
from dsviz.engines.outcome import NotDone, Unknown
from dsviz.engines.ports import is_free
from dsviz.engines.process import Process
from dsviz.engines.proxy import Links
from dsviz.engines.workspace import Workspace
from dsviz.errors import DsvizError
from dsviz.trace import Trace

PORT_TRIES = 5
#: What engines log when another program listens on a port that was free a moment ago.
TAKEN = ("address already in use", "could not bind", "failed listening on port")
#: Set to 1, or to a folder, to record what `open_engine` opens; `engines record` does.
RECORD = "DSVIZ_RECORD"


class Live(Face):
    """A running engine of several members, each one process; see the module."""

    #: The face alone, for the recorder and the replay.
    face: ClassVar[type[Face]]

    @classmethod
    def available(cls) -> str | None:
        """Return None when it can be started here, else one sentence that says what to do."""
        raise NotImplementedError

    @classmethod
    def open(cls, recording: str, **options: Any) -> Face:
        """Return a running engine or, where none can run, the recording after saying so once.

        `options` are those of the class. With the environment variable ``DSVIZ_RECORD`` set, the
        run is recorded under this name. Raises DsvizError when there is no such recording.
        """
        return open_engine(cls, recording, options)

    # ---- coming up and going down ----------------------------------------------------------

    def _boot(self, label: str, launch: Callable[[], None]) -> None:
        """Start every process in a throw-away folder; again on other ports when some were taken."""
        for _ in range(PORT_TRIES):
            self._workspace, self._links = Workspace(label), Links()
            self._processes: dict[str, Process] = {}
            self._ports: dict[str, int] = {}
            self._dial: dict[tuple[str, str], int] = {}
            try:
                launch()
                break
            except BaseException as error:  # a learner's interrupt included: leave nothing behind
                taken = isinstance(error, DsvizError) and self._was_taken(error)
                self._close()
                if not taken:
                    raise
        else:
            raise DsvizError(
                f"the ports that {self.title} was given were taken {PORT_TRIES} times in a row; "
                "stop the programs that keep opening ports and try again"
            )
        self._begin()

    def _begin(self) -> None:
        """Let the time of the trace begin: every member has started."""
        self._journal = Journal()
        self._until = 0.0
        self._starts = dict.fromkeys(self.members, 0)
        self._up: set[str] = set()
        for name in self.members:
            self._note_start(name)

    def _was_taken(self, error: DsvizError) -> bool:
        texts = [str(error), *(process.logs() for process in self._processes.values())]
        return any(words in text.lower() for text in texts for words in TAKEN)

    def _link_up(self, ports: dict[str, int]) -> None:
        """Put a proxy on every link: client and members to each member, by `ports`."""
        self._ports = dict(ports)
        for dst, port in ports.items():
            for src in self.links:
                if src != dst:
                    self._dial[src, dst] = self._links.add(src, dst, port)

    def _close(self) -> None:
        self._links.close()
        self._workspace.close()

    def _end(self) -> None:
        if not self.stopped:
            self._note_deaths()
            self._until = self._journal.now()
            self._close()

    def trace(self) -> Trace:
        """Return the run so far; time 0 is when the engine was ready."""
        until = self._until if self.stopped else self._journal.now()
        return trace_of(f"{self.title} {self.version}", self.members, self._journal.rows, until)

    # ---- one call --------------------------------------------------------------------------

    def _do(self, verb: str, args: dict[str, Any]) -> Answer | Status:
        try:
            return getattr(self, f"_{verb}")(**args)
        finally:
            self._note_deaths()

    def _operate(
        self, words: str, f: str, key: str, value: Any, via: str, act: Callable[[], Any]
    ) -> Answer:
        """Let a client do one operation, note it, and put its outcome in words."""
        op, found = self._journal.invoke(f, key, value, via), None
        write = value is not None
        try:
            if not self._processes[via].alive:
                raise NotDone(f"{via} is not reachable")
            found = act()
            status = "ok"
            text = "ok" if write else "nothing is stored" if found is None else str(found)
        except NotDone as error:
            status, text = "fail", f"{error}, nothing was written" if write else str(error)
        except Unknown as error:
            status, text = "info", f"{error}, outcome unknown" if write else str(error)
        result = None if write else found
        took = self._journal.complete(op, status, result)
        return Answer(f"{words}: {text}", status, result, took)

    def _note_start(self, name: str) -> None:
        self._up.add(name)
        self._starts[name] += 1
        self._journal.note("start", name, self._starts[name])

    def _note_deaths(self) -> None:
        """Have members that ended, killed or by themselves, in the trace once."""
        for name in sorted(self._up):
            if not self._processes[name].alive:
                self._up.discard(name)
                self._links.refuse(name)
                self._journal.note("crash", name)

    def _note(self, text: str, node: str = CLIENT) -> None:
        self._journal.note("log", node, text)

    # ---- processes -------------------------------------------------------------------------

    def _logs(self, member: str, tail: int) -> Answer:
        return Answer(self._processes[member].logs(tail), "ok")

    def _kill(self, member: str) -> Answer:
        done = self._processes[member].kill()  # the trace learns of it in _note_deaths
        return did("kill", member, done, "it was not alive")

    def _stop(self, member: str) -> Answer:
        done = self._processes[member].stop(60_000)
        return did("stop", member, done, "it was not running")

    def _pause(self, member: str) -> Answer:
        done = self._processes[member].pause()
        if done:
            self._journal.note("pause", member)
        return did("pause", member, done, "it was not running")

    def _resume(self, member: str) -> Answer:
        done = self._processes[member].resume()
        if done:
            self._journal.note("resume", member)
        return did("resume", member, done, "it was not paused")

    def _start(self, member: str) -> Answer:
        process = self._processes[member]
        if process.alive:
            return did("start", member, False, "it is alive already")
        self._note_deaths()
        self._launch_again(member)
        self._note_start(member)
        return did("start", member, True)

    def _launch_again(self, member: str) -> None:
        """Start one member with the data it left and wait until it serves."""
        self._start_process(member)
        self._wait_ready(member)

    def _start_process(self, member: str) -> None:
        self._check_port(member)
        self._processes[member].start()

    def _check_port(self, member: str) -> None:
        """Open the way to a member that starts. Raises DsvizError when its port was taken."""
        port = self._ports[member]
        if not is_free(port):
            raise DsvizError(
                f"port {port} of {member} was taken by another program (address already in use); "
                f"stop that program or make a new {self.title}"
            )
        self._links.accept(member)

    def _wait_ready(self, member: str) -> None:
        raise NotImplementedError

    # ---- network ---------------------------------------------------------------------------

    def _partition(self, groups: list[list[str]]) -> Answer:
        for number, one in enumerate(groups):
            for other in groups[number + 1 :]:
                for a in one:
                    for b in other:
                        self._links.cut(a, b)
                        self._links.cut(b, a)
                self._journal.fault({"fault": "Partition", "a": one, "b": other})
        return Answer(f"{self.words('partition', {'groups': groups})}: ok", "ok")

    def _cut(self, src: str, dst: str) -> Answer:
        self._links.cut(src, dst)
        self._journal.fault({"fault": "Cut", "src": src, "dst": dst})
        return Answer(f"cut {src} → {dst}: ok", "ok")

    def _delay(self, src: str, dst: str, ms: float) -> Answer:
        self._links.delay(src, dst, ms)
        self._journal.fault({"fault": "Delay", "ms": ms, "src": src, "dst": dst})
        return Answer(f"delay {src} → {dst} by {ms:g} ms: ok", "ok")

    def _heal(self) -> Answer:
        self._links.mend_all()
        self._journal.heal()
        return Answer("heal: ok", "ok")


def did(verb: str, member: str, done: bool, otherwise: str = "") -> Answer:
    """Return the answer to a verb on a member: ``kill s1: ok``, or why not."""
    return Answer(f"{verb} {member}: {'ok' if done else otherwise}", "ok" if done else "fail")


def eventually(condition: Callable[[], bool], timeout_ms: float, pause_ms: float = 20) -> bool:
    """Ask until `condition` holds, at most `timeout_ms` ms; tell whether it did."""
    deadline = time.monotonic() + timeout_ms / 1000
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause_ms / 1000)
    return True


def open_engine(engine: type[Live], recording: str, options: dict[str, Any]) -> Face:
    """Do what `Live.open` says; apart from it for engines that are no `Live`."""
    problem = engine.available()
    if problem is None:
        try:
            real = engine(**options)
        except DsvizError as error:
            problem = str(error)
        else:
            folder = os.environ.get(RECORD)
            return real if not folder else _recorded(engine, real, recording, options, folder)
    found = replay.load(recording)
    if found.engine != engine.face.engine:
        raise DsvizError(
            f"the recording {recording!r} is of {found.title}, not of {engine.face.title}; "
            "give another name"
        )
    if found.options != json.loads(json.dumps(options)):
        raise DsvizError(
            f"the recording {recording!r} was made with other options, {found.options!r}; "
            "record it again with python -m dsviz engines record NOTEBOOK"
        )
    print(f"These answers are a recording of {found.title} {found.version}, because {problem}")
    return found


def _recorded(engine: type[Live], real: Face, name: str, options: dict, folder: str) -> Face:
    place = Path(str(replay.FOLDER)) if folder == "1" else Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{name}.txt").unlink(missing_ok=True)
    return replay.recorder_class(engine.face)(real, place / f"{name}.jsonl", options)
