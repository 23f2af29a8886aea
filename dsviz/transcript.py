"""A trace as text: one event a line, for golden tests, screen readers and diffs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsviz.trace import Event, Trace


def transcript(trace: Trace, **select: Any) -> str:
    """Return the events that match as lines ``time  sentence``; `select` as for `Trace.select`."""
    events = trace.select(**select) if select else list(trace)
    head = f"{trace.name} · seed {trace.seed} · {trace.duration:g} ms"
    return "\n".join([head, *(f"{event.time:10.3f}  {sentence(event)}" for event in events)]) + "\n"


def sentence(event: Event) -> str:
    """Return what happened, in one sentence without its time."""
    write = _SENTENCES.get(event.what)
    return write(event) if write else f"{event.node} {event.what} {event.data!r}"


def milliseconds(ms: float) -> str:
    """Return a time as the player writes it: ``60.8 ms``, with three decimals below 1 ms."""
    digits = f"{ms:,.{3 if abs(ms) < 1 else 1}f}"
    return f"{digits.rstrip('0').rstrip('.')} ms"


def fields(body: dict[str, Any]) -> str:
    """Return a message's fields as ``(key='x', version=2)``, empty for none."""
    return f"({', '.join(f'{k}={v!r}' for k, v in body.items())})" if body else ""


def _message(event: Event) -> str:
    return f"{event.data.kind}{fields(event.data.body)}"


def _dropped(event: Event) -> str:
    why = {
        "cut": "the link is cut",
        "lost": "the network lost it",
        "node down": f"{event.node} is down",
    }[event.reason]
    return f"{event.peer} → {event.node}: {_message(event)} does not arrive: {why}"


def _operation(event: Event) -> str:
    data = event.data
    value = "" if data["value"] is None else f" = {data['value']!r}"
    what = f"{data['f']} {data['key']}{value} at {data['to']}"
    return f"{event.node} begins operation {data['op']}: {what}"


def _ended(event: Event) -> str:
    data = event.data
    if event.what == "info":
        return f"{event.node} gives up on operation {data['op']}: outcome unknown"
    got = "" if data["result"] is None else f": {data['result']!r}"
    if event.what == "fail":
        return f"{event.node} is told that operation {data['op']} failed{got}"
    return f"{event.node} has operation {data['op']} answered{got}"


def _crashed(event: Event) -> str:
    if not event.data:
        return f"{event.node} stops"
    return f"{event.node} stops because its code raised {event.data.splitlines()[-1]}"


_SENTENCES = {
    "start": lambda e: f"{e.node} starts" + ("" if e.data == 1 else f" again ({e.data})"),
    "deliver": lambda e: f"{e.peer} → {e.node}: {_message(e)}",
    "drop": _dropped,
    "flight": lambda e: f"{e.peer} → {e.node}: {_message(e)} is still under way at the end",
    "queued": lambda e: f"{e.node} is busy: message {e.data} waits",
    "corrupt": lambda e: f"the network garbles message {e.info} to {e.node}: {e.data}",
    "disk error": lambda e: f"{e.node}: the disk reports an error on sync",
    "timer": lambda e: f"{e.node}: timer {e.data}",
    "state": lambda e: f"{e.node} shows " + ", ".join(f"{k}={v!r}" for k, v in e.data.items()),
    "invoke": _operation,
    "ok": _ended,
    "fail": _ended,
    "info": _ended,
    "write": lambda e: f"{e.node} writes {e.data} (not durable yet)",
    "synced": lambda e: f"{e.node}: {e.data} write(s) durable",
    "undone": lambda e: f"{e.node} loses {e.data} un-synced write(s)",
    "fault": lambda e: f"FAULT {e.data}",
    "heal": lambda e: f"END OF FAULT {e.data}",
    "crash": _crashed,
    "pause": lambda e: f"{e.node} stands still until {e.data:g} ms",
    "resume": lambda e: f"{e.node} goes on",
    "log": lambda e: f"{e.node}: {e.data}",
}
