"""The player: watch a run, break it, and see the other future beside the first.

A click never touches a running simulation. It adds a fault to a list; the scenario runs again
from the start with that list and the new picture replaces the old one. So every click is a line
of Python, can be undone, and the run as scripted stays beside it for comparison.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from dsviz.draw import frames
from dsviz.draw.export import to_html
from dsviz.draw.layout import layout
from dsviz.draw.theme import FAULT_ICONS, TOKENS
from dsviz.errors import DsvizError
from dsviz.sim.faults import Fault, fault_from_dict
from dsviz.sim.scenario import Scenario
from dsviz.trace import Trace
from dsviz.widgets.menus import menus

_HERE = Path(__file__).parent

Faults = tuple[Fault, ...]


class _Future:
    """One run with its verdicts and columns."""

    def __init__(self, trace: Trace, verdicts: list[Any], kinds: dict[str, str]) -> None:
        self.trace = trace
        self.verdicts = verdicts
        self.columns = frames.columns(trace, verdicts, layout(trace.nodes), kinds)
        self.json = frames.as_json(self.columns).encode()


class Player(anywidget.AnyWidget):
    """Plays a scenario and lets its viewer inject faults.

    `faults` is the script; by default the scenario's own. `at` is the moment (ms) to show first,
    `speed` a factor (0.1 to 16), `height` the stage's height in px, `checks` functions from a
    trace to a `Verdict` (default: the scenario's). What a click does is also a method: `inject`,
    `remove`, `move`, `undo`, `redo`, `reset`, `seed`.

    Raises DsvizError for a fault that does not fit the scenario.
    """

    _esm = _HERE / "player.js"
    _css = _HERE / "player.css"
    _scripted = traitlets.Bytes().tag(sync=True)
    _edited = traitlets.Bytes().tag(sync=True)
    _view = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        scenario: Scenario,
        seed: int = 0,
        faults: Iterable[Fault] | Fault | None = None,
        *,
        title: str | None = None,
        at: float | None = None,
        speed: float = 1.0,
        height: int | None = None,
        checks: Iterable[Callable[[Trace], Any]] | None = None,
    ) -> None:
        if not isinstance(scenario, Scenario):
            raise DsvizError(f"scenario={scenario!r} is not a Scenario; for a trace use Player.of")
        self._scenario: Scenario | None = scenario
        self._checks = None if checks is None else tuple(checks)
        faults = (faults,) if isinstance(faults, Fault) else faults
        script = scenario.faults if faults is None else tuple(faults)
        self._prepare(script, seed, title or scenario.name, at, speed, height)
        self._first = self._run(script, seed)
        self._second: _Future | None = None
        self._open()

    @classmethod
    def of(
        cls,
        trace: Trace,
        verdicts: Iterable[Any] = (),
        *,
        title: str | None = None,
        at: float | None = None,
        speed: float = 1.0,
        height: int | None = None,
    ) -> Player:
        """Return a player of a trace alone: it plays, but faults cannot be injected."""
        player = cls.__new__(cls)
        player._scenario, player._checks = None, None
        player._prepare((), trace.seed, title or trace.name, at, speed, height)
        player._first = _Future(trace, list(verdicts), player._kinds)
        player._second = None
        player._open()
        return player

    def _prepare(
        self,
        script: Faults,
        seed: int,
        title: str,
        at: float | None,
        speed: float,
        height: int | None,
    ) -> None:
        if not 0.1 <= speed <= 16:
            raise DsvizError(f"speed={speed!r} must be between 0.1 and 16")
        self._script = script
        self._seed = seed
        self._faults = script
        self._past: list[tuple[Faults, int]] = []
        self._future: list[tuple[Faults, int]] = []
        self._kinds: dict[str, str] = {}  # every message kind seen, so that its colour stays
        self._settings = {"title": title, "at": at, "speed": speed, "height": height}
        self._line = ""
        self._problem = ""
        self._revision = getattr(self, "_revision", -1) + 1

    def _open(self) -> None:
        super().__init__(**self._state())
        self.on_msg(self._on_message)

    # What happened ------------------------------------------------------------------------------

    @property
    def trace(self) -> Trace:
        """The run with the faults as they are now."""
        return (self._second or self._first).trace

    @property
    def scripted(self) -> Trace:
        """The run as scripted, before any click."""
        return self._first.trace

    @property
    def faults(self) -> Faults:
        """The faults as they are now."""
        return self._faults if self._scenario else tuple(self.trace.faults)

    @property
    def verdicts(self) -> list[Any]:
        """What the checks say about `trace`."""
        return (self._second or self._first).verdicts

    # What a click does --------------------------------------------------------------------------

    def inject(self, fault: Fault) -> None:
        """Add a fault and run again. Raises DsvizError when it does not fit the scenario."""
        self._change((*self._faults, fault), self._seed, f"player.inject({fault!r})")

    def remove(self, index: int) -> None:
        """Take away the fault with this number in `faults` and run again."""
        self._known(index)
        rest = self._faults[:index] + self._faults[index + 1 :]
        self._change(rest, self._seed, f"player.remove({index})")

    def move(self, index: int, at: float) -> None:
        """Let the fault with this number begin at `at` ms instead and run again."""
        fault = self._known(index)
        moved = fault_from_dict(fault.to_dict() | {"at": at})
        faults = (*self._faults[:index], moved, *self._faults[index + 1 :])
        self._change(faults, self._seed, f"player.move({index}, at={at:g})")

    def seed(self, n: int) -> None:
        """Run both futures with another seed."""
        if isinstance(n, bool) or not isinstance(n, int):
            raise DsvizError(f"seed={n!r} must be a whole number")
        self._change(self._faults, n, f"player.seed({n})")

    def reset(self) -> None:
        """Go back to the run as scripted."""
        self._change(self._script, self._seed, "player.reset()")

    def undo(self) -> None:
        """Take back the last change. Does nothing when there is none."""
        self._travel(self._past, self._future, "player.undo()")

    def redo(self) -> None:
        """Do again what was taken back. Does nothing when there is nothing."""
        self._travel(self._future, self._past, "player.redo()")

    def load(self, scenario: Scenario, title: str | None = None) -> None:
        """Show another scenario, with its own faults and the same seed.

        What was injected so far belongs to the old scenario and is forgotten.
        """
        kept = (self._scenario, self._kinds)
        self._scenario, self._kinds = scenario, {}
        try:
            first = self._run(scenario.faults, self._seed)
        except Exception:
            self._scenario, self._kinds = kept
            raise
        self._script = self._faults = scenario.faults
        self._first, self._second = first, None
        self._past, self._future = [], []
        self._settings = self._settings | {"title": title or scenario.name}
        self._line = self._problem = ""
        self._publish()

    def _known(self, index: int) -> Fault:
        if isinstance(index, bool) or not isinstance(index, int):
            raise DsvizError(f"index={index!r} must be the number of a fault")
        if not 0 <= index < len(self._faults):
            raise DsvizError(f"there is no fault {index}; this run has {len(self._faults)}")
        return self._faults[index]

    def _change(self, faults: Faults, seed: int, line: str) -> None:
        before = (self._faults, self._seed)
        self._show(faults, seed, line)
        self._past.append(before)
        self._future.clear()
        self._publish()

    def _travel(self, source: list, target: list, line: str) -> None:
        if not source:
            return
        before = (self._faults, self._seed)
        self._show(*source[-1], line)
        source.pop()
        target.append(before)
        self._publish()

    def _show(self, faults: Faults, seed: int, line: str) -> None:
        """Run with these faults and seed; when that raises, everything stays as it was."""
        if self._scenario is None:
            raise DsvizError("this player shows a recorded trace; faults need a scenario")
        first = self._first if seed == self._seed else self._run(self._script, seed)
        second = None if faults == self._script else self._run(faults, seed)
        self._first, self._second = first, second
        self._faults, self._seed, self._line = faults, seed, line
        self._problem = ""

    def _run(self, faults: Faults, seed: int) -> _Future:
        scenario = self._scenario
        assert scenario is not None
        trace = scenario.run(seed, faults)
        checks = scenario.checks if self._checks is None else self._checks
        return _Future(trace, [check(trace) for check in checks], self._kinds)

    # What JavaScript asks for and is told -------------------------------------------------------

    def _on_message(self, _: Any, content: Any, buffers: Any = None) -> None:
        """A click. Whatever goes wrong becomes one sentence in the player."""
        try:
            self._do(content)
        except DsvizError as error:
            self._problem = str(error)
            self._publish()
        except Exception as error:  # the learner's own code, for example a check
            self._problem = f"The run could not be made: {type(error).__name__}: {error}"
            self._publish()

    def _do(self, content: Any) -> None:
        verbs = {
            "inject": lambda: self.inject(fault_from_dict(_a_dict(content.get("fault")))),
            "remove": lambda: self.remove(content.get("index")),
            "move": lambda: self.move(content.get("index"), content.get("at")),
            "seed": lambda: self.seed(content.get("n")),
            "undo": self.undo,
            "redo": self.redo,
            "reset": self.reset,
        }
        verb = content.get("do") if isinstance(content, dict) else None
        if not isinstance(verb, str) or verb not in verbs:
            raise DsvizError(f"the player cannot do {verb!r}; it can do {', '.join(verbs)}")
        verbs[verb]()

    def _publish(self) -> None:
        self._revision += 1
        with self.hold_sync():
            for name, value in self._state().items():
                setattr(self, name, value)

    def _state(self) -> dict[str, Any]:
        second = self._second
        return {
            "_scripted": self._first.json,
            "_edited": second.json if second else b"",
            "_view": self._settings
            | {
                "revision": self._revision,
                "live": self._scenario is not None,
                "tokens": TOKENS,
                "icons": FAULT_ICONS,
                "menus": self._menus(),
                "undo": bool(self._past),
                "redo": bool(self._future),
                "line": self._line,
                "script": self._as_python(),
                "problem": self._problem,
                "outcome": self._outcome(),
                "parting": self._parting(),
            },
        }

    def _menus(self) -> dict[str, Any]:
        if self._scenario is None:
            return {}
        return menus(self.trace.duration, self._first.columns["pace"])

    def _as_python(self) -> str:
        faults = "".join(f"{fault!r}, " for fault in self._faults).rstrip()
        return f"Player(scenario, seed={self._seed}, faults=[{faults.rstrip(',')}])"

    def _outcome(self) -> list[dict[str, Any]]:
        before = frames.measures(self._first.trace, self._first.verdicts)
        if self._second is None:
            return [row | {"b": ""} for row in frames.compare(before, before)]
        return frames.compare(before, frames.measures(self._second.trace, self._second.verdicts))

    def _parting(self) -> dict[str, Any] | None:
        parted = self._second and frames.first_divergence(self._first.trace, self._second.trace)
        return parted and {"t": parted.time, "a": parted.before, "b": parted.after}

    # What is shown where no widget runs ---------------------------------------------------------

    def __repr__(self) -> str:
        said = [f"{v.check} {v.status}" for v in self.verdicts]
        faults = [repr(fault) for fault in self.faults]
        parts = [f"seed {self._seed}", f"{len(self.trace)} events", *said]
        parts.append("faults " + ", ".join(faults) if faults else "no faults")
        return f"Player({self._settings['title']!r}: {'; '.join(parts)})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        if os.environ.get("DSVIZ_STATIC") == "html":
            return {"text/plain": repr(self), "text/html": self._iframe()}, {}
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return bundle
        data, metadata = bundle
        data["text/plain"] = repr(self)
        strip = _film_strip(self.trace, self.verdicts)
        if strip:
            data["image/png"] = strip
        return data, metadata

    def _iframe(self) -> str:
        page = escape(to_html(self.trace, verdicts=self.verdicts), quote=True)
        title = escape(repr(self), quote=True)
        return (
            f'<iframe srcdoc="{page}" title="{title}" sandbox="allow-scripts" '
            'style="width:100%;height:720px;border:0"></iframe>'
        )


def _a_dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DsvizError(f"fault={value!r} is not a fault")
    return value


def _film_strip(trace: Trace, verdicts: list[Any]) -> bytes | None:
    """Two key frames as a picture, or None where matplotlib is missing (JupyterLite)."""
    try:
        from dsviz.draw.cluster import film_strip_png
    except ImportError:
        return None
    return film_strip_png(trace, verdicts, n=2)  # a notebook stores one for each player
