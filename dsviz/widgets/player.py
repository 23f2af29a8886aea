"""The player: watch a run, break it, and see the other future beside the first.

A click never touches a running simulation. It adds a fault to a list; the scenario runs again
from the start with that list and the new picture replaces the old one. So every click is a line
of Python, can be undone, and the run as scripted stays beside it for comparison.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from dsviz.check.why import Why, why
from dsviz.draw import frames
from dsviz.draw.export import page, player_script, save, to_html
from dsviz.draw.theme import FAULT_ICONS, TOKENS
from dsviz.errors import DsvizError, listed
from dsviz.sim.faults import Fault, fault_from_dict
from dsviz.sim.scenario import Scenario
from dsviz.trace import Trace
from dsviz.widgets.differences import differences
from dsviz.widgets.futures import Faults, Future, State, changed, letter
from dsviz.widgets.links import decoded, encoded
from dsviz.widgets.menus import menus

_HERE = Path(__file__).parent

#: Runs that are kept to be shown again at once.
_KEPT_RUNS = 8


class Player(anywidget.AnyWidget):
    """Plays a scenario and lets its viewer inject faults.

    `faults` is the script; by default the scenario's own. `at` is the moment (ms) to show first,
    `speed` a factor (0.1 to 16), `height` the stage's height in px, `lanes` the nodes whose values
    are shown over time below the axis (the button "values …" changes it), `checks` functions from a
    trace to a `Verdict` (default: the scenario's). `link` is what "copy link" copied: the same
    futures of this scenario at the same moment. What a click does is also a method: `inject`,
    `remove`, `move`, `what_if`, `show`, `close`, `undo`, `redo`, `reset`, `seed`, `why`.

    Beside the run as scripted, which is future A, there are as many as are opened: B, C and so
    on. Two are compared at a time. Raises DsvizError for a fault that does not fit the scenario,
    and for a link of another one.
    """

    _esm = player_script()
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
        lanes: Iterable[str] = (),
        checks: Iterable[Callable[[Trace], Any]] | None = None,
        link: str | None = None,
    ) -> None:
        if not isinstance(scenario, Scenario):
            raise DsvizError(f"scenario={scenario!r} is not a Scenario; for a trace use Player.of")
        self._scenario: Scenario | None = scenario
        self._checks = None if checks is None else tuple(checks)
        faults = (faults,) if isinstance(faults, Fault) else faults
        script = scenario.faults if faults is None else tuple(faults)
        opened = None if link is None else self._opened(scenario, link)
        if opened is not None:
            script, seed, at = opened["script"], opened["seed"], opened["at"] if at is None else at
        look = {"at": at, "speed": speed, "height": height, "lanes": lanes}
        self._prepare(script, seed, title or scenario.name, list(scenario.nodes), look)
        if opened is not None:
            self._futures, self._shown = opened["futures"], opened["shown"]
        self._rerun()
        self._open()

    @staticmethod
    def _opened(scenario: Scenario, link: str) -> dict[str, Any]:
        opened = decoded(link)
        if opened["of"] != scenario.name:
            raise DsvizError(
                f"link: it shows {opened['of']!r}, but this scenario is {scenario.name!r}; give "
                "the player the scenario that the link was copied from"
            )
        if not 0 <= opened["shown"] <= len(opened["futures"]):
            raise DsvizError("link: it shows a future that it does not hold; copy it again")
        return opened

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
        lanes: Iterable[str] = (),
    ) -> Player:
        """Return a player of a trace alone: it plays, but faults cannot be injected."""
        player = cls.__new__(cls)
        player._scenario, player._checks = None, None
        look = {"at": at, "speed": speed, "height": height, "lanes": lanes}
        player._prepare((), trace.seed, title or trace.name, list(trace.nodes), look)
        player._first = Future(trace, list(verdicts), player._kinds)
        player._second = None
        player._open()
        return player

    def _prepare(
        self,
        script: Faults,
        seed: int,
        title: str,
        nodes: Sequence[str],
        look: dict[str, Any],
    ) -> None:
        if not 0.1 <= look["speed"] <= 16:
            raise DsvizError(f"speed={look['speed']!r} must be between 0.1 and 16")
        lanes = list(look["lanes"])
        for name in lanes:
            if name not in nodes:
                raise DsvizError(f"lanes: there is no node {name!r}; there are {listed(nodes)}")
        self._script = script
        self._seed = seed
        self._futures: list[Faults] = []  # beside the script: B, C, ...
        self._shown = 0  # which is on show: 0 for the script
        self._beside = 0  # which it is compared with
        self._past: list[State] = []
        self._undone: list[State] = []
        self._runs: dict[tuple[Faults, int], Future] = {}  # the last few, by what made them
        self._why: dict[str, Any] | None = None
        self._kinds: dict[str, str] = {}  # every message kind seen, so that its colour stays
        self._settings = {"title": title, **look, "lanes": lanes}
        self._line = ""
        self._problem = ""
        self._revision = getattr(self, "_revision", -1) + 1

    def _open(self) -> None:
        super().__init__(**self._state())
        self.on_msg(self._on_message)

    # What happened ------------------------------------------------------------------------------

    @property
    def trace(self) -> Trace:
        """The run of the future on show."""
        return (self._second or self._first).trace

    @property
    def scripted(self) -> Trace:
        """The run as scripted, before any click."""
        return self._first.trace

    @property
    def faults(self) -> Faults:
        """The faults of the future on show."""
        return self._faults if self._scenario else tuple(self.trace.faults)

    @property
    def _faults(self) -> Faults:
        return self._futures[self._shown - 1] if self._shown else self._script

    @property
    def futures(self) -> list[Faults]:
        """The faults of every future, the run as scripted first."""
        return [self._script, *self._futures]

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

    def what_if(self) -> None:
        """Open one more future: for now the same as the one on show."""
        futures = [*self._futures, self._faults]
        state = State(futures, len(futures), self._shown, self._seed)
        self._become(state, "player.what_if()")

    def show(self, future: int, beside: int | None = None) -> None:
        """Show a future (0 is the run as scripted), compared with the one numbered `beside`.

        Raises DsvizError for a number that no future has.
        """
        for number in (future, *([] if beside is None else [beside])):
            if isinstance(number, bool) or not isinstance(number, int):
                raise DsvizError(f"future={number!r} must be the number of a future")
            if not 0 <= number <= len(self._futures):
                raise DsvizError(f"there is no future {number}; there are {len(self._futures) + 1}")
        compared = self._beside if beside is None else beside
        compared = (self._beside if compared == future else compared) if future else compared
        compared = 0 if compared == future else compared
        line = f"player.show({future}" + ("" if beside is None else f", beside={beside}") + ")"
        self._settle(State(self._futures, future, compared, self._seed), line)
        self._publish()

    def close_future(self, future: int) -> None:
        """Forget a future. The run as scripted stays. Raises DsvizError for no such future."""
        if isinstance(future, bool) or not isinstance(future, int):
            raise DsvizError(f"future={future!r} must be the number of a future")
        if not 1 <= future <= len(self._futures):
            raise DsvizError(f"there is no future {future} to close; the script stays")
        futures = self._futures[: future - 1] + self._futures[future:]
        shown = self._shown - (self._shown >= future)
        state = State(futures, min(max(shown, 0), len(futures)), 0, self._seed)
        self._become(state, f"player.close_future({future})")

    def reset(self) -> None:
        """Go back to the run as scripted, and forget all other futures."""
        self._become(State([], 0, 0, self._seed), "player.reset()")

    def why(self, operation: int) -> Why:
        """Explain an operation of the run on show: what led to its end, and what was missing.

        Raises DsvizError when there is no operation with this id.
        """
        found = why(self.trace, operation)
        self._why = self._explained(found)
        self._line = f"player.why({operation})"
        self._publish()
        return found

    def undo(self) -> None:
        """Take back the last change. Does nothing when there is none."""
        self._travel(self._past, self._undone, "player.undo()")

    def redo(self) -> None:
        """Do again what was taken back. Does nothing when there is nothing."""
        self._travel(self._undone, self._past, "player.redo()")

    @property
    def link(self) -> str:
        """The futures as text: ``Player(scenario, link=...)`` opens them in another notebook."""
        if self._scenario is None:
            raise DsvizError("this player shows a recorded trace; a link needs a scenario")
        name = self._scenario.name
        return encoded(name, self._seed, self._script, self._futures, self._shown)

    def to_html(self, path: str | Path | None = None, theme: str = "auto") -> str:
        """Return the futures on show as one page that plays without a kernel or a network.

        Writes it to `path` if given. An address that ends in ``#`` and a copied link opens the
        page at the same moment.
        """
        runs = [self._first, *([self._second] if self._second else [])]
        view = self._state()["_view"] | {"live": False, "theme": theme, "menus": {}}
        return page(
            self._settings["title"], {"runs": [r.columns for r in runs], "view": view}, path
        )

    def save(self, path: str | Path, theme: str = "light") -> Path:
        """Write the run on show to a file: ``.html``, ``.gif``, ``.png``, ``.txt`` or ``.jsonl``.

        The page holds both futures that are compared, the others the one on show. Returns the
        path; raises DsvizError for another ending and for a folder that does not exist.
        """
        if Path(path).suffix == ".html" and Path(path).parent.is_dir():
            self.to_html(path, theme)
            return Path(path)
        return save(self.trace, path, self.verdicts, theme)

    def load(self, scenario: Scenario, title: str | None = None) -> None:
        """Show another scenario, with its own faults and the same seed.

        What was injected so far belongs to the old scenario and is forgotten.
        """
        kept = (self._scenario, self._kinds, self._runs)
        self._scenario, self._kinds, self._runs = scenario, {}, {}
        try:
            first = self._run(scenario.faults, self._seed)
        except Exception:
            self._scenario, self._kinds, self._runs = kept
            raise
        self._script = scenario.faults
        self._futures, self._shown, self._beside = [], 0, 0
        self._first, self._second = first, None
        self._past, self._undone = [], []
        self._settings = self._settings | {"title": title or scenario.name}
        self._line = self._problem = ""
        self._why = None
        self._publish()

    def _known(self, index: int) -> Fault:
        if isinstance(index, bool) or not isinstance(index, int):
            raise DsvizError(f"index={index!r} must be the number of a fault")
        if not 0 <= index < len(self._faults):
            raise DsvizError(f"there is no fault {index}; this run has {len(self._faults)}")
        return self._faults[index]

    def _change(self, faults: Faults, seed: int, line: str) -> None:
        """Give the future on show other faults; the script's own change opens a future."""
        futures, shown = list(self._futures), self._shown
        if faults == self._faults:
            pass
        elif not shown:
            futures.append(faults)
            shown = len(futures)
        else:
            futures[shown - 1] = faults
        beside = 0 if self._beside == shown else self._beside
        if shown and faults == self._script and len(futures) == 1:
            futures, shown, beside = [], 0, 0  # nothing differs any more
        self._become(State(futures, shown, beside, seed), line)

    def _become(self, state: State, line: str) -> None:
        before = self._now()
        self._settle(state, line)
        self._past.append(before)
        self._undone.clear()
        self._publish()

    def _travel(self, source: list, target: list, line: str) -> None:
        if not source:
            return
        before = self._now()
        self._settle(source[-1], line)
        source.pop()
        target.append(before)
        self._publish()

    def _now(self) -> State:
        return State(list(self._futures), self._shown, self._beside, self._seed)

    def _settle(self, state: State, line: str) -> None:
        """Take over a state; when a run raises, everything stays as it was."""
        if self._scenario is None:
            raise DsvizError("this player shows a recorded trace; faults need a scenario")
        before = self._now()
        self._futures, self._shown, self._beside, self._seed = state
        try:
            self._rerun()
        except Exception:
            self._futures, self._shown, self._beside, self._seed = before
            raise
        self._line, self._problem, self._why = line, "", None

    def _rerun(self) -> None:
        base = self.futures[self._beside]
        first = self._run(base, self._seed)
        self._second = None if self._shown == self._beside else self._run(self._faults, self._seed)
        self._first = first

    def _run(self, faults: Faults, seed: int) -> Future:
        scenario = self._scenario
        assert scenario is not None
        known = self._runs.pop((faults, seed), None)
        if known is None:
            trace = scenario.run(seed, faults)
            checks = scenario.checks if self._checks is None else self._checks
            known = Future(trace, [check(trace) for check in checks], self._kinds)
        self._runs[faults, seed] = known
        while len(self._runs) > _KEPT_RUNS:
            del self._runs[next(iter(self._runs))]
        return known

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
            "what if": self.what_if,
            "show": lambda: self.show(content.get("future"), content.get("beside")),
            "close": lambda: self.close_future(content.get("future")),
            "why": lambda: self.why(content.get("operation")),
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
                "redo": bool(self._undone),
                "line": self._line,
                "script": self._as_python(),
                "problem": self._problem,
                "outcome": self._outcome(),
                "parting": self._parting(),
                "tabs": self._tabs(),
                "letters": [letter(self._beside), letter(self._shown)],
                "differences": self._differences(),
                "why": self._why,
                "link": self.link if self._scenario else "",
            },
        }

    def _tabs(self) -> list[dict[str, Any]]:
        """The futures by name: a letter, and what was changed of the script."""
        if not self._futures:
            return []
        tabs = []
        for number, faults in enumerate(self.futures):
            name = changed(self._script, faults) if number else "as scripted"
            tabs.append({
                "name": f"{letter(number)} · {name}", "number": number,
                "shown": number == self._shown, "beside": number == self._beside,
            })  # fmt: skip
        return tabs

    def _differences(self) -> list[str]:
        if self._second is None:
            return []
        letters = (letter(self._beside), letter(self._shown))
        return differences(self._first.trace, self._second.trace, letters)

    def _explained(self, found: Why) -> dict[str, Any]:
        """An explanation as the page shows it; events by their places in the columns."""
        told = [
            {"t": round(event.time, 3), "text": frames.event_words(event)} for event in found.steps
        ]
        return {
            "summary": found.summary,
            "steps": told,
            "missing": [frames.event_words(event) for event in found.missing],
            "rows": (self._second or self._first).rows_of(found.steps),
            "missing_rows": (self._second or self._first).rows_of(found.missing),
            "operation": found.operation.id,
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
