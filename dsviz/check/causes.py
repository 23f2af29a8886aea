"""Who took part in a client's operation: read from what caused what, for any system.

Each event of a trace names the event whose handling made it happen. So what happened on behalf of
an operation are the descendants of its request, until the client has its answer.
"""

from __future__ import annotations

from dsviz.errors import DsvizError
from dsviz.history import Operation
from dsviz.trace import Event, Message, Trace

_MESSAGES = ("deliver", "drop", "flight")


def contacted(trace: Trace, operation: int | Operation) -> dict[str, list[str]]:
    """Return whom the node that served an operation asked, and whose answers it counted.

    `operation` is an operation of ``trace.history()`` or its id. The result has two lists of node
    names without repeats: ``asked``, in order of sending, whether or not the message arrived, and
    ``answered``, in order of arrival, those whose messages had been handled when the answer to the
    client was sent; for an operation without an answer, up to the end of the run. Raises
    DsvizError when the run has no such operation.
    """
    number = operation.id if isinstance(operation, Operation) else operation
    began = _invocation(trace, number)
    request = _request(trace, began)
    if request is None or request.what != "deliver":
        return {"asked": [], "answered": []}
    client, server = began.node, request.node
    answer = _answer(trace, number)
    last = float("inf") if answer is None else answer.data.id  # no later message belongs to it
    done = -2 if answer is None else answer.cause  # the event whose handling sent the answer
    causes, open_ = {request.seq}, True
    asked, answered = {}, {}
    if done == request.seq:
        open_ = False  # answered at once: nobody else was needed
    for event in _in_order(trace, request):
        if event.cause not in causes:
            continue
        causes.add(event.seq)
        if event.what not in _MESSAGES or client in (event.node, event.peer):
            continue
        if event.peer == server and event.data.id < last:
            asked[event.node] = min(event.data.id, asked.get(event.node, event.data.id))
        elif event.node == server and event.what == "deliver" and open_:
            answered[event.peer] = event.seq
            open_ = event.seq != done
    return {"asked": sorted(asked, key=asked.__getitem__), "answered": list(answered)}


def _invocation(trace: Trace, number: int) -> Event:
    for row in trace.rows:
        if row[2] == "invoke" and row[5]["op"] == number:
            return Event._make(row)
    raise DsvizError(
        f"operation={number!r} is not in this run; see [op.id for op in trace.history()]"
    )


def _request(trace: Trace, began: Event) -> Event | None:
    """The message with which the client asked: sent at the same time, by the same cause."""
    found: Event | None = None
    for row in trace.rows:
        if row[2] not in _MESSAGES or row[4] != began.node or row[7] != began.cause:
            continue
        event = Event._make(row)
        if event.sent_at != began.time or event.node != began.data["to"]:
            continue
        if event.what == "deliver":
            return event  # a duplicated request arrives twice; the first one counts
        found = event
    return found


def _answer(trace: Trace, number: int) -> Event | None:
    """The message that told the client how the operation ended."""
    for row in trace.rows:
        if row[2] in ("ok", "fail", "info") and row[5]["op"] == number and row[7] >= 0:
            cause = trace.event(row[7])
            return cause if isinstance(cause.data, Message) and cause.what == "deliver" else None
    return None


def _in_order(trace: Trace, request: Event) -> list[Event]:
    """The events after the request, in the order in which they happened."""
    return [Event._make(row) for row in trace.rows if row[0] >= request.time]
