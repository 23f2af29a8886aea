"""The player: watch a run, break it, and see the other future beside the first.

A click never touches a running simulation. It adds a fault to a list; the scenario runs again
from the start with that list and the new picture replaces the old one. So every click is a line
of Python, can be undone, and the run as scripted stays beside it for comparison.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from dsviz.check.why import Why, why
from dsviz.draw.export import page, player_script, save
from dsviz.draw.theme import FAULT_ICONS, TOKENS
from dsviz.errors import DsvizError, listed
from dsviz.sim.faults import Fault, fault_from_dict
from dsviz.sim.scenario import Scenario
from dsviz.trace import Trace
from dsviz.widgets.branches import Branches
from dsviz.widgets.futures import Faults, Future, Runs, State, letter, pending
from dsviz.widgets.links import decoded, encoded
from dsviz.widgets.menus import menus
from dsviz.widgets.stored import film_strip, iframe
from dsviz.widgets.told import NOT_COMPARED, compared, explained, tabs

_HERE = Path(__file__).parent


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
        self._runs: Runs | None = Runs(scenario, self._checks)
        faults = (faults,) if isinstance(faults, Fault) else faults
        script = scenario.faults if faults is None else tuple(faults)
        branches = Branches(script, seed)
        if link is not None:
            opened = self._opened(scenario, link)
            at = opened["at"] if at is None else at
            branches = Branches(*(opened[k] for k in ("script", "seed", "futures", "shown")))
        look = {"at": at, "speed": speed, "height": height, "lanes": lanes}
        self._prepare(branches, title or scenario.name, list(scenario.nodes), look)
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
        player._scenario = player._checks = player._runs = None
        look = {"at": at, "speed": speed, "height": height, "lanes": lanes}
        branches = Branches((), trace.seed)
        player._prepare(branches, title or trace.name, list(trace.nodes), look)
        known = list(verdicts)
        checks = [lambda _, verdict=verdict: verdict for verdict in known]
        player._first, player._second = Future(trace, checks, {}), None
        player._open()
        return player

    def _prepare(
        self, branches: Branches, title: str, nodes: Sequence[str], look: dict[str, Any]
    ) -> None:
        if not 0.1 <= look["speed"] <= 16:
            raise DsvizError(f"speed={look['speed']!r} must be between 0.1 and 16")
        lanes = list(look["lanes"])
        for name in lanes:
            if name not in nodes:
                raise DsvizError(f"lanes: there is no node {name!r}; there are {listed(nodes)}")
        self._branches = branches
        self._why: dict[str, Any] | None = None
        self._settings = {"title": title, **look, "lanes": lanes}
        self._line = ""
        self._problem = ""
        self._revision = 0

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
        return self._branches.faults if self._scenario else tuple(self.trace.faults)

    @property
    def futures(self) -> list[Faults]:
        """The faults of every future, the run as scripted first."""
        return self._branches.all

    @property
    def verdicts(self) -> list[Any]:
        """What the checks say about `trace`."""
        return (self._second or self._first).verdicts

    # What a click does --------------------------------------------------------------------------

    def inject(self, fault: Fault) -> None:
        """Add a fault and run again. Raises DsvizError when it does not fit the scenario."""
        self._change((*self._branches.faults, fault), f"player.inject({fault!r})")

    def remove(self, index: int) -> None:
        """Take away the fault with this number in `faults` and run again."""
        self._branches.fault(index)
        faults = self._branches.faults
        self._change(faults[:index] + faults[index + 1 :], f"player.remove({index})")

    def move(self, index: int, at: float) -> None:
        """Let the fault with this number begin at `at` ms instead and run again."""
        moved = fault_from_dict(self._branches.fault(index).to_dict() | {"at": at})
        faults = self._branches.faults
        changed = (*faults[:index], moved, *faults[index + 1 :])
        self._change(changed, f"player.move({index}, at={at:g})")

    def seed(self, n: int) -> None:
        """Run both futures with another seed."""
        if isinstance(n, bool) or not isinstance(n, int):
            raise DsvizError(f"seed={n!r} must be a whole number")
        branches = self._branches
        self._become(branches.with_faults(branches.faults, n), f"player.seed({n})")

    def what_if(self) -> None:
        """Open one more future: for now the same as the one on show."""
        self._become(self._branches.one_more(), "player.what_if()")

    def show(self, future: int, beside: int | None = None) -> None:
        """Show a future (0 is the run as scripted), compared with the one numbered `beside`.

        Raises DsvizError for a number that no future has.
        """
        state = self._branches.showing(future, beside)
        line = f"player.show({future}" + ("" if beside is None else f", beside={beside}") + ")"
        self._become(state, line, undoable=False)

    def close_future(self, future: int) -> None:
        """Forget a future. The run as scripted stays. Raises DsvizError for no such future."""
        self._become(self._branches.without(future), f"player.close_future({future})")

    def reset(self) -> None:
        """Go back to the run as scripted, and forget all other futures."""
        self._become(self._branches.as_scripted(), "player.reset()")

    def why(self, operation: int) -> Why:
        """Explain an operation of the run on show: what led to its end, and what was missing.

        Raises DsvizError when there is no operation with this id.
        """
        found = why(self.trace, operation)
        self._why = explained(found, self._second or self._first)
        self._line = f"player.why({operation})"
        self._revision += 1
        self._publish()
        return found

    def undo(self) -> None:
        """Take back the last change. Does nothing when there is none."""
        self._travel(self._branches.past, self._branches.undone, "player.undo()")

    def redo(self) -> None:
        """Do again what was taken back. Does nothing when there is nothing."""
        self._travel(self._branches.undone, self._branches.past, "player.redo()")

    @property
    def link(self) -> str:
        """The futures as text: ``Player(scenario, link=...)`` opens them in another notebook."""
        if self._scenario is None:
            raise DsvizError("this player shows a recorded trace; a link needs a scenario")
        now = self._branches.now
        script = self._branches.script
        return encoded(self._scenario.name, now.seed, script, now.futures, now.shown)

    def to_html(self, path: str | Path | None = None, theme: str = "auto") -> str:
        """Return the futures on show as one page that plays without a kernel or a network.

        Writes it to `path` if given. An address that ends in ``#`` and a copied link opens the
        page at the same moment.
        """
        runs = [self._first, *([self._second] if self._second else [])]
        view = self._state()["_view"] | {"live": False, "theme": theme, "menus": {}}
        columns = [run.columns | {"verdicts": run.lamps} for run in runs]
        return page(self._settings["title"], {"runs": columns, "view": view}, path)

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
        kept = self._kept()
        self._scenario, self._runs = scenario, Runs(scenario, self._checks)
        self._branches = Branches(scenario.faults, self._branches.now.seed)
        try:
            self._rerun()
            self._settings = self._settings | {"title": title or scenario.name}
            self._line, self._problem, self._why = "", "", None
            self._picture_then_verdicts()
        except Exception:
            self._restore(kept)
            raise

    def _change(self, faults: Faults, line: str) -> None:
        self._become(self._branches.with_faults(faults), line)

    def _become(self, state: State, line: str, undoable: bool = True) -> None:
        """Take over a state and show it."""
        before = self._branches.now

        def note() -> None:
            if undoable:
                self._branches.past.append(before)
                self._branches.undone.clear()

        self._settle(state, line, note)

    def _travel(self, source: list[State], target: list[State], line: str) -> None:
        if not source:
            return
        before = self._branches.now

        def note() -> None:
            source.pop()
            target.append(before)

        self._settle(source[-1], line, note)

    def _settle(self, state: State, line: str, note: Callable[[], None]) -> None:
        """Run what a state needs, `note` the way back, and show it.

        When a run or a check raises, everything is as it was before.
        """
        if self._scenario is None:
            raise DsvizError("this player shows a recorded trace; faults need a scenario")
        kept = self._kept()
        try:
            self._branches.now = state
            self._rerun()
            note()
            self._line, self._problem, self._why = line, "", None
            self._picture_then_verdicts()
        except Exception:
            self._restore(kept)
            raise

    def _kept(self) -> dict[str, Any]:
        branches = self._branches
        ways = (branches.now, list(branches.past), list(branches.undone))
        names = (
            "_scenario", "_runs", "_settings", "_branches", "_first", "_second", "_line",
            "_problem", "_why",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names} | {"ways": ways}

    def _restore(self, kept: dict[str, Any]) -> None:
        ways = kept.pop("ways")
        for name, value in kept.items():
            setattr(self, name, value)
        self._branches.now, self._branches.past, self._branches.undone = ways
        if self._view["pending"]:  # the other picture is out already
            self._revision += 1
            self._publish()

    def _rerun(self) -> None:
        now = self._branches.now
        assert self._runs is not None
        first = self._runs.of(self._branches.base, now.seed)
        same = now.shown == now.beside
        self._second = None if same else self._runs.of(self._branches.faults, now.seed)
        self._first = first

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

    def _picture_then_verdicts(self) -> None:
        """Send the picture at once; a moment later what the checks say and what differs."""
        self._revision += 1
        if not all(run.judged for run in self._on_show):
            self._publish(judged=False)
        self._publish()

    @property
    def _on_show(self) -> list[Future]:
        return [self._first, *([self._second] if self._second else [])]

    def _publish(self, judged: bool = True) -> None:
        with self.hold_sync():
            for name, value in self._state(judged).items():
                setattr(self, name, value)

    def _state(self, judged: bool = True) -> dict[str, Any]:
        branches, second = self._branches, self._second
        letters = [letter(branches.now.beside), letter(branches.now.shown)]
        found = compared(self._first, second, letters) if judged else NOT_COMPARED
        if judged:
            self._lamps = self._first.lamps
        lamps = [run.lamps if run.judged else pending(self._lamps) for run in self._on_show]
        return {
            "_scripted": self._first.packed,
            "_edited": second.packed if second else b"",
            "_view": self._settings
            | {
                "revision": self._revision,
                "pending": not judged,
                "live": self._scenario is not None,
                "tokens": TOKENS,
                "icons": FAULT_ICONS,
                "menus": self._menus(),
                "undo": bool(branches.past),
                "redo": bool(branches.undone),
                "line": self._line,
                "script": self._as_python(),
                "problem": self._problem,
                "tabs": tabs(branches.script, branches.now),
                "letters": letters,
                "lamps": lamps,
                "why": self._why,
                "link": self.link if self._scenario else "",
            }
            | found,
        }

    def _menus(self) -> dict[str, Any]:
        if self._scenario is None:
            return {}
        return menus(self.trace.duration, self._first.columns["pace"])

    def _as_python(self) -> str:
        faults = "".join(f"{fault!r}, " for fault in self._branches.faults).rstrip()
        seed = self._branches.now.seed
        return f"Player(scenario, seed={seed}, faults=[{faults.rstrip(',')}])"

    # What is shown where no widget runs ---------------------------------------------------------

    def __repr__(self) -> str:
        said = [f"{v.check} {v.status}" for v in self.verdicts]
        faults = [repr(fault) for fault in self.faults]
        parts = [f"seed {self._branches.now.seed}", f"{len(self.trace)} events", *said]
        parts.append("faults " + ", ".join(faults) if faults else "no faults")
        return f"Player({self._settings['title']!r}: {'; '.join(parts)})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        if os.environ.get("DSVIZ_STATIC") == "html":
            text = repr(self)
            return {"text/plain": text, "text/html": iframe(self.trace, self.verdicts, text)}, {}
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return bundle
        data, metadata = bundle
        data["text/plain"] = repr(self)
        strip = film_strip(self.trace, self.verdicts)
        if strip:
            data["image/png"] = strip
        return data, metadata


def _a_dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DsvizError(f"fault={value!r} is not a fault")
    return value
