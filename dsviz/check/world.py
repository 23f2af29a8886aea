"""A small cluster taken apart: what one node does with one message, and nothing else.

The state of a cluster is the local state of each node and the set of what is under way. A
handler sees its own node only, so what it does is found out once for each (local state, message)
and looked up ever after: a million states of a cluster need a few thousand calls of handlers.

Time does not exist here. Whatever is under way may happen next, timers included; a message that
is never delivered stands for one that was lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dsviz.check.culprit import guess
from dsviz.check.freezing import freeze, thaw
from dsviz.check.stage import Crashed, Envelope, Local, Outcome, Stage
from dsviz.errors import DsvizError
from dsviz.sim.node import Client, Node, Op
from dsviz.sim.scenario import Scenario
from dsviz.sim.slot import explained
from dsviz.trace import Message

__all__ = ["Action", "Bound", "World"]

Bound = int | None  # None: any number of times


class Action(NamedTuple):
    """What may happen next at a node.

    `verb` is ``deliver`` (also for a timer), ``flushed`` (a sync in the background ends),
    ``crash``, ``power loss`` or ``restart``; `envelope` is the number of what is delivered. With
    `during` the node crashes in the n-th blocking sync of the handler.
    """

    node: int
    verb: str
    envelope: int = -1
    during: int = 0
    power: bool = False


@dataclass
class World:
    """The nodes of a scenario, their local states and all that may ever be under way."""

    scenario: Scenario
    timers: Bound | Mapping[str, Bound] = 1
    names: list[str] = field(init=False)
    locals: list[list[Local]] = field(init=False)
    envelopes: list[Envelope] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.names = list(self.scenario.nodes)
        self.templates = [_untimed(node) for node in self.scenario.nodes.values()]
        self.roles = {name: node.role_name() for name, node in self.scenario.nodes.items()}
        self.locals = [[] for _ in self.names]
        self._local_ids: list[dict[Local, int]] = [{} for _ in self.names]
        self._envelope_ids: dict[Envelope, int] = {}
        # Numbers are ids of messages, and code may take an id of 0 for none: so 0 is nobody's.
        self.envelopes.append(Envelope("", "", "nothing", "", (), ()))
        self._memo: dict[tuple[int, Action], Outcome] = {}
        self._bound: list[dict[str, Any]] = []
        for number, template in enumerate(self.templates):
            bare = template._booted(None, Stage(self, number, Local(True, (), {}, ())))  # type: ignore[arg-type]
            self._bound.append(set(bare.__dict__) - set(template.__dict__))  # type: ignore[arg-type]

    # Names for things -------------------------------------------------------------------------

    def local_id(self, node: int, local: Local) -> int:
        """Return the number of a local state of a node."""
        ids = self._local_ids[node]
        number = ids.get(local)
        if number is None:
            number = ids[local] = len(ids)
            self.locals[node].append(local)
        return number

    def envelope_id(self, envelope: Envelope) -> int:
        """Return the number of an envelope. It is also the id of the message in it."""
        key = envelope._replace(values=freeze(envelope.values))
        number = self._envelope_ids.get(key)
        if number is None:
            number = self._envelope_ids[key] = len(self.envelopes)
            self.envelopes.append(envelope)
        return number

    def message(self, number: int) -> Message:
        """Return the message in an envelope."""
        e = self.envelopes[number]
        body = dict(zip(e.names, e.values, strict=True))
        return Message.of(e.kind, e.src, e.dst, number, e.re, body)

    def bound_of(self, node: int, timer: str) -> Bound:
        """Return how often a node may see this timer fire."""
        if isinstance(self.timers, Mapping):
            if timer in self.timers:
                return self.timers[timer]
        elif not isinstance(self.templates[node], Client):
            return self.timers
        if isinstance(self.templates[node], Client):
            return {"begin": None, "timeout": 0}.get(timer, 1)
        return 1

    def node(self, node: int, local: int) -> Node | None:
        """Return a node as it is in a local state, to be looked at; None when it is down."""
        state = self.locals[node][local]
        return self._revived(node, state, Stage(self, node, state)) if state.up else None

    def _revived(self, node: int, local: Local, stage: Stage) -> Node:
        made = object.__new__(type(self.templates[node]))
        made.__dict__.update(thaw(local.fields, stage.again))
        made.__dict__.update(stage.bindings())
        return made

    # What happens -----------------------------------------------------------------------------

    def boot(self, node: int) -> Outcome:
        """Return what a node does when it starts for the first time."""
        down = Local(False, (), freeze({}), ())
        return self._checked(node, down, Action(node, "restart"))

    def outcome(self, local: int, action: Action) -> Outcome:
        """Return what an action does to a node in a local state."""
        made = self._memo.get((local, action))
        if made is None:
            state = self.locals[action.node][local]
            if action.verb in ("crash", "power loss"):
                made = Outcome(self._stopped(action.node, state, action.verb == "power loss"))
            else:
                made = self._checked(action.node, state, action)
            self._memo[local, action] = made
        return made

    @property
    def calls(self) -> int:
        """How many local transitions there have been."""
        return len(self._memo)

    def _stopped(self, node: int, local: Local, power: bool) -> int:
        changes = () if power else local.changes
        return self.local_id(node, Local(False, (), local.durable, changes, (), *local[5:]))

    def _checked(self, node: int, local: Local, action: Action) -> Outcome:
        """Run a handler twice, under conditions that must not matter, and compare."""
        first = self._run(node, local, action, Stage(self, node, local))
        again = Stage(self, node, local, again=True)
        second = self._run(node, local, action, again)
        if first != second and not _same(first, second):
            raise DsvizError(self._differs(node, action, again))
        return first

    def _differs(self, node: int, action: Action, stage: Stage) -> str:
        name, kind = self.names[node], type(self.templates[node])
        handler = self.handler(action)
        if stage.looked_at:
            used = " and ".join(sorted(stage.looked_at))
            why = (
                f"it lets {used} decide, and a search has neither time nor chance; "
                "try hunt, which has both"
            )
        else:
            why = guess(kind, handler)
        return f"{name}: {kind.__name__}.{handler} does not do the same when it is run twice: {why}"

    def handler(self, action: Action) -> str:
        """Return the name of the method that an action calls."""
        if action.verb == "restart":
            return "on_start"
        if action.verb == "flushed":
            return "on_disk_…"
        envelope = self.envelopes[action.envelope]
        return f"on_timer_{envelope.kind}" if envelope.what == "timer" else f"on_{envelope.kind}"

    def _run(self, node: int, local: Local, action: Action, stage: Stage) -> Outcome:
        stage.crash_at = action.during
        error = None
        try:
            if action.verb == "restart":
                stage.node = self.templates[node]._booted(stage, stage)  # type: ignore[arg-type]
                stage.node.on_start()
            else:
                stage.node = self._revived(node, local, stage)
                self._handle(stage.node, local, action, stage)
        except Crashed:
            return stage.outcome(self._stopped(node, stage.local(()), action.power))
        except DsvizError as problem:
            error = explained(problem)
        except Exception as problem:
            error = explained(problem)
        if error is not None:
            stopped = self._stopped(node, stage.local(()), False)
            made = stage.outcome(stopped)
            made.error = error
            return made
        own = stage.node.__dict__
        fields = {name: value for name, value in own.items() if name not in self._bound[node]}
        where = f"an attribute of {self.names[node]}"
        return stage.outcome(self.local_id(node, stage.local(freeze(fields, where))))

    def _handle(self, node: Node, local: Local, action: Action, stage: Stage) -> None:
        if action.verb == "flushed":
            then, covers = local.pending[0]
            stage.disk.settle(covers)
            stage.disk.pending.pop(0)
            getattr(node, f"on_disk_{then}")(covers)
            return
        envelope = self.envelopes[action.envelope]
        if envelope.what == "message":
            handler = getattr(node, f"on_{envelope.kind}", None)
            if handler is None:
                handler = stage.handlers(node)[envelope.kind]
            handler(self.message(action.envelope))
            return
        if self.bound_of(action.node, envelope.kind) is not None:
            stage.fired[envelope.kind] = stage.fired.get(envelope.kind, 0) + 1
        data = dict(zip(envelope.names, envelope.values, strict=True))
        getattr(node, f"on_timer_{envelope.kind}")(**data)


def _same(first: Outcome, second: Outcome) -> bool:
    """Whether two outcomes are equal but for the order of what was sent."""
    return (
        first.local == second.local
        and Counter(first.sends) == Counter(second.sends)
        and first.events == second.events
        and set(first.timers) == set(second.timers)
        and first.syncs == second.syncs
        and (first.error is None) == (second.error is None)
    )


def _untimed(node: Node) -> Node:
    """A client does its operations in order, but at no given time."""
    ops = getattr(node, "operations", ())
    if not isinstance(node, Client) or not any(isinstance(op, Op) and op.at for op in ops):
        return node
    copy = object.__new__(type(node))
    copy.__dict__.update(node.__dict__)
    copy.__dict__["operations"] = tuple(Op(op.f, op.key, op.value, op.to) for op in ops)
    return copy
