"""How a search got there: the deliveries in order, in words, and as a run that plays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsviz.check.freezing import thaw
from dsviz.check.world import Action, Outcome, World
from dsviz.sim.faults import Crash, Fault, PowerLoss, Restart
from dsviz.sim.values import frozen
from dsviz.trace import Event, Trace
from dsviz.transcript import sentence

if TYPE_CHECKING:
    from dsviz.check.search import Search

__all__ = ["Counterexample", "played", "retraced"]

#: Time between two steps of a run that is made of a schedule, in ms: a search knows no time.
STEP_MS = 10.0
_TOLD = ("deliver", "timer", "crash", "start", "synced", "ok", "fail", "info")


@dataclass(frozen=True)
class Counterexample:
    """A schedule of deliveries that ends in a violation; no shorter one was found.

    `sentence` says what is violated, `steps` how it comes to that, one step a line, and `trace`
    is the same as a run that plays and that every judge of traces can look at. Its times only say
    what came before what.
    """

    sentence: str
    steps: tuple[str, ...]
    trace: Trace

    def __len__(self) -> int:
        return len(self.steps)

    def __str__(self) -> str:
        lines = [f"{number:3}. {step}" for number, step in enumerate(self.steps, 1)]
        return "\n".join([f"{self.sentence} In {len(self)} steps:", *lines])

    __repr__ = __str__


def retraced(search: Search, wanted: list[Action]) -> tuple[list[Action], list[int]]:
    """Return those of the actions that are possible one after the other, and the states met.

    An action that is not possible when its turn comes is left out.
    """
    state, _ = search.start()
    taken, states = [], [state]
    for action in wanted:
        for step, new in search.following(state):
            if step.action == action:
                state = new
                taken.append(action)
                states.append(state)
                break
    return taken, states


def played(search: Search, actions: list[Action]) -> tuple[Trace, tuple[str, ...]]:
    """Return the run in which these actions follow one another, and each in words."""
    stage = _Recorder(search.world)
    locals_ = {}
    for action, outcome in search.start()[1]:
        stage.act(action, outcome)
        locals_[action.node] = outcome.local
    steps = []
    for number, action in enumerate(actions, 1):
        stage.now = STEP_MS * number
        outcome = search.world.outcome(locals_[action.node], action)
        first = len(stage.rows)
        stage.act(action, outcome)
        locals_[action.node] = outcome.local
        steps.append(_in_words(stage.rows[first:], action))
    return stage.trace(STEP_MS * (len(actions) + 1)), tuple(steps)


def _in_words(rows: list[tuple], action: Action) -> str:
    events = [Event._make(row) for row in rows]
    told = [sentence(event) for event in events if event.what in _TOLD]
    if action.verb == "restart":
        told = told[:1]
    if action.during:
        told.append("and in the middle of it, while the disk works")
        told[-1], told[-2] = told[-2], told[-1]
    return "; ".join(told) or f"{action.verb}"


class _Recorder:
    """Writes rows of a trace for the actions of a search."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.now = 0.0
        self.rows: list[tuple] = []
        self._faults: list[Fault] = []
        self._starts: dict[int, int] = {}
        self._operations: dict[tuple[int, int], int] = {}
        self._shown: dict[int, dict[str, Any]] = {}
        self._sent: dict[int, list[tuple[float, int]]] = {}  # content -> (when, cause) of copies
        self._last: dict[int, tuple[float, int]] = {}

    def act(self, action: Action, outcome: Outcome) -> None:
        """Record what an action does."""
        name, cause = self.world.names[action.node], -1
        if action.verb == "deliver":
            cause = self._delivered(action)
        elif action.verb == "flushed":
            cause = self._row("synced", name, None, 1)
        elif action.verb == "restart":
            self._starts[action.node] = starts = self._starts.get(action.node, 0) + 1
            if starts > 1:
                cause = self._fault(Restart(name, self.now))
            self._shown[action.node] = {}
            cause = self._row("start", name, None, starts, cause=cause)
        for content in outcome.sends:
            self._sent.setdefault(content, []).append((self.now, cause))
        for what, data in outcome.events:
            self._row(what, name, None, self._numbered(action.node, thaw(data)), cause=cause)
        if action.verb in ("crash", "power loss") or action.during:
            power = action.power or action.verb == "power loss"
            self._fault((PowerLoss if power else Crash)(name, self.now))
            self._row("crash", name, None, None, cause=cause)
        elif outcome.error:
            self._row("crash", name, None, outcome.error, cause=cause)
        else:
            self._show(action.node, outcome.local, cause)

    def trace(self, duration: float) -> Trace:
        """Return the run, with what is still under way at its end."""
        rows = list(self.rows)
        world = self.world
        for content, copies in sorted(self._sent.items()):
            message = world.message(content)
            for when, cause in copies:
                seq = len(rows)
                rows.append(
                    (duration, seq, "flight", message.dst, message.src, message, when, cause)
                )
        faults = tuple(self._faults)
        return Trace(f"{world.scenario.name} (searched)", 0, duration, world.roles, faults, rows)

    def _delivered(self, action: Action) -> int:
        envelope = self.world.envelopes[action.envelope]
        if envelope.what == "timer":
            return self._row("timer", envelope.dst, None, envelope.kind)
        copies = self._sent.setdefault(action.envelope, [])
        when, cause = copies.pop(0) if copies else self._last.get(action.envelope, (0.0, -1))
        self._last[action.envelope] = (when, cause)  # should it arrive once more
        message = self.world.message(action.envelope)
        return self._row("deliver", envelope.dst, envelope.src, message, when, cause)

    def _fault(self, fault: Fault) -> int:
        self._faults.append(fault)
        return self._row("fault", None, None, fault, len(self._faults) - 1)

    def _numbered(self, node: int, data: dict[str, Any]) -> dict[str, Any]:
        number = self._operations.setdefault((node, data["op"]), len(self._operations))
        return data | {"op": number}

    def _show(self, number: int, local: int, cause: int) -> None:
        node = self.world.node(number, local)
        if node is None:
            return
        before = self._shown.setdefault(number, {})
        now = {
            name: frozen(getattr(node, name, None), f"the shown attribute {name!r}")
            for name in node.shows
        }
        changed = {
            name: value
            for name, value in now.items()
            if name not in before or before[name] != value
        }
        if changed:
            before.update(changed)
            self._row("state", self.world.names[number], None, changed, cause=cause)

    def _row(
        self, what: str, node: str | None, peer: str | None, data: Any, info: Any = None,
        cause: int = -1,
    ) -> int:  # fmt: skip
        seq = len(self.rows)
        self.rows.append((self.now, seq, what, node, peer, data, info, cause))
        return seq
