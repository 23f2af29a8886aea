"""Delivery, convergence, queues and logs: each with a planted fault of every kind."""

import pytest

from dsviz.check.collections_models import log, queue
from dsviz.check.convergence import Converged, converged_at
from dsviz.check.delivery import KINDS, Delivery, messages, operations, shown_by
from dsviz.check.linearizability import linearizable
from dsviz.check.race import Budget
from dsviz.errors import DsvizError
from dsviz.history import HistoryBuilder
from dsviz.sim.faults import Crash, Cut, Partition
from dsviz.sim.network import Network
from dsviz.sim.node import Client, Node, Op
from dsviz.sim.scenario import Scenario
from dsviz.trace import Trace

# Delivery ---------------------------------------------------------------------------------------


def run(sent, seen, duration=1000.0):
    """Return a trace in which a producer sent and a sink showed these pairs (key, value)."""
    rows = []

    def row(time, what, node, data):
        rows.append((float(time), len(rows), what, node, None, data, None, -1))

    for number, (key, value) in enumerate(sent):
        begin = {"op": number, "f": "send", "key": key, "value": value, "to": "q"}
        row(number, "invoke", "p", begin)
        row(number, "ok", "p", {"op": number, "result": None})
    shown = ()
    for number, pair in enumerate(seen):
        shown = (*shown, pair)
        row(100 + number, "state", "c", {"done": shown})
    return Trace("delivery", 0, duration, {"p": "client", "c": "sink"}, (), rows)


CHECK = Delivery(operations("send"), shown_by("c", "done"))
X = [("x", value) for value in range(4)]


@pytest.mark.parametrize(
    ("sent", "seen", "kinds"),
    [
        (X, X, set()),
        (X, X[:3], {"lost"}),
        (X, [X[0], X[2], X[3]], {"lost", "skipped"}),
        (X, [*X, X[1]], {"duplicate"}),
        (X, [X[0], X[2], X[1], X[3]], {"reordered"}),
        (X, [*X, ("x", 9)], {"invented"}),
        ([("x", 1), ("y", 1)], [("y", 1), ("x", 1)], set()),  # no order between keys
        ([("x", 1), ("x", 2)], [("x", 2), ("x", 1), ("x", 2)], {"reordered", "duplicate"}),
        ([], [], set()),
    ],
)
def test_each_fate_is_seen(sent, seen, kinds):
    trace = run(sent, seen)
    assert {kind for kind, count in CHECK.counts(trace).items() if count} == kinds
    for kind in KINDS:
        only = Delivery(operations("send"), shown_by("c", "done"), (kind,))
        assert only(trace).status == ("violated" if kind in kinds else "ok")
    assert CHECK(trace).ok == (not kinds)


def test_the_sentence_names_the_item_and_the_events():
    trace = run(X, [X[0], X[2], X[1], X[3]])
    verdict = CHECK(trace)
    assert verdict.sentence == (
        "Reordered: 1 of x was sent before 2 of x, and took effect after it, at 102 ms."
    )
    assert verdict.at == 102.0
    assert [trace.event(seq).what for seq in verdict.events] == ["invoke", "state", "state"]
    lost = CHECK(run(X, X[:2]))
    assert "acknowledged and never took effect" in lost.sentence
    assert "(In all: 2 lost.)" in lost.sentence


def test_what_was_not_acknowledged_may_be_lost():
    trace = run(X, X[:3])
    trace.rows = [row for row in trace.rows if row[2] != "ok"]
    assert CHECK(trace).ok


def test_what_was_sent_at_the_very_end_need_not_have_arrived():
    trace = run(X, X[:3], duration=10.0)
    assert not CHECK(trace).ok
    assert Delivery(operations("send"), shown_by("c", "done"), end_ms=8.0)(trace).ok


def test_copies_that_cannot_be_told_apart_are_undecided():
    assert CHECK(run([X[0], X[0]], [X[0]])).status == "undecided"


def test_an_unknown_fate_is_refused():
    with pytest.raises(DsvizError, match="duplicate"):
        Delivery(operations("send"), shown_by("c", "done"), ("twice",))


class Producer(Node):
    def on_start(self):
        self.left = 5
        self.set_timer("send", 10)

    def on_timer_send(self):
        self.send("c", "record", key="x", value=self.left)
        self.send("k", "sent", key="x", value=self.left)
        self.left -= 1
        if self.left:
            self.set_timer("send", 10)


class Keep(Node):
    def on_sent(self, msg):
        pass


class Consumer(Node):
    shows = ("done",)
    done = ()

    def on_record(self, msg):
        self.done = (*self.done, (msg.key, msg.value))


def test_a_run_is_judged_by_its_messages_and_by_what_is_shown():
    nodes = {"p": Producer(), "c": Consumer(), "k": Keep()}
    scenario = Scenario("pipe", nodes, 200, Network(1.0))
    sent = messages("sent", to="k")
    for seen in (messages("record"), shown_by("c", "done")):
        assert Delivery(sent, seen)(scenario.run(0)).ok
        cut = scenario.run(0, [Cut("p", "c", at=25, duration=10)])
        assert Delivery(sent, seen).counts(cut) == {
            "lost": 1, "duplicate": 0, "reordered": 0, "skipped": 1, "invented": 0,
        }  # fmt: skip


# Convergence ------------------------------------------------------------------------------------


class Copy(Node):
    shows = ("has",)

    def on_start(self):
        self.has = self.name if self.name == "a" else ""
        if self.has:
            self.set_timer("spread", 50)

    def on_timer_spread(self):
        self.broadcast(self.peers, "has", what=self.has)
        self.set_timer("spread", 50)

    def on_has(self, msg):
        self.has = msg.what


def copies(*faults):
    nodes = {"a": Copy(), "b": Copy(), "c": Copy()}
    return Scenario("copies", nodes, 300, Network(1.0)).run(0, faults)


def test_replicas_that_agree_in_the_end_converge():
    assert Converged("copy", "has", calm=100)(copies()).ok
    assert converged_at(copies(), "copy", "has") == 51.0


def test_replicas_that_differ_when_all_is_quiet_do_not():
    verdict = Converged("copy", "has", calm=50)(copies(Partition("c", at=0)))
    assert verdict.status == "violated"
    assert "nothing changed in the last 50 ms" in verdict.sentence
    assert len(verdict.events) == 3
    assert converged_at(copies(Partition("c", at=0)), "copy", "has") is None


def test_a_run_that_is_not_quiet_is_undecided():
    late = Converged("copy", "has", calm=100)(copies(Partition("c", at=0, duration=260)))
    assert late.status == "undecided"
    assert "watch longer" in late.sentence


def test_a_replica_that_is_down_need_not_agree():
    assert Converged("copy", "has", calm=100)(copies(Crash("c", 10))).ok


# Queues and logs --------------------------------------------------------------------------------


def history(*lines):
    """Return a history of operations one after the other: (client, f, value, result[, status])."""
    builder, waiting = HistoryBuilder(), []
    for number, (client, f, value, result, *status) in enumerate(lines):
        builder.invoke(number, client, f, "q", value, 10.0 * number)
        if status == ["open"]:
            waiting.append((number, result))
            continue
        builder.complete(number, *(status or ["ok"]), result, 10.0 * number + 5)
        for op, old in waiting:
            builder.complete(op, "ok", old, 10.0 * number + 6)
        waiting = []
    return builder.history()


FULL = [("A", "enqueue", 1, None), ("A", "enqueue", 2, None)]
QUEUES = [
    ("in order", [*FULL, ("B", "dequeue", None, 1), ("B", "dequeue", None, 2)], "ok"),
    ("empty in the end", [*FULL[:1], ("B", "dequeue", None, 1),
                          ("B", "dequeue", None, None)], "ok"),
    ("out of order", [*FULL, ("B", "dequeue", None, 2)], "violated"),
    ("twice", [*FULL, ("B", "dequeue", None, 1), ("C", "dequeue", None, 1)], "violated"),
    ("invented", [*FULL, ("B", "dequeue", None, 3)], "violated"),
    ("lost", [*FULL, ("B", "dequeue", None, None)], "violated"),
    ("taken by who never heard", [*FULL, ("B", "dequeue", None, None, "info"),
                                  ("C", "dequeue", None, 2)], "ok"),
    ("or not taken", [*FULL, ("B", "dequeue", None, None, "info"),
                      ("C", "dequeue", None, 1)], "ok"),
    ("at the same time", [("A", "enqueue", 1, None, "open"), ("D", "enqueue", 2, None),
                          ("B", "dequeue", None, 2)], "ok"),
]  # fmt: skip
TOLD = [("A", "append", "a", 0), ("A", "append", "b", 1)]
LOGS = [
    ("offsets", [*TOLD, ("B", "read", 1, "b"), ("B", "read", 2, None)], "ok"),
    ("fetched", [*TOLD, ("B", "fetch", 0, ["a"]), ("B", "fetch", 1, ["b"])], "ok"),
    ("fetched at once", [*TOLD, ("B", "fetch", 0, ["a", "b"]), ("B", "fetch", 2, [])], "ok"),
    ("not told", [("A", "append", "a", None), ("B", "read", 0, "a")], "ok"),
    ("an offset twice", [*TOLD[:1], ("C", "append", "c", 0)], "violated"),
    ("a gap", [*TOLD[:1], ("C", "append", "c", 2)], "violated"),
    ("skipped", [*TOLD, ("B", "fetch", 0, ["b"])], "violated"),
    ("lost", [*TOLD, ("B", "read", 0, None)], "violated"),
    ("an acknowledged record that is gone", [*TOLD, ("B", "fetch", 1, [])], "violated"),
    ("rewritten", [*TOLD, ("B", "read", 0, "b")], "violated"),
]


@pytest.mark.parametrize(("name", "lines", "status"), QUEUES, ids=[case[0] for case in QUEUES])
def test_queues(name, lines, status):
    assert linearizable(history(*lines), queue()).status == status


@pytest.mark.parametrize(("name", "lines", "status"), LOGS, ids=[case[0] for case in LOGS])
def test_logs(name, lines, status):
    assert linearizable(history(*lines), log()).status == status


def test_a_violation_is_one_sentence_and_names_its_operations():
    verdict = linearizable(history(*FULL, ("B", "dequeue", None, 2)), queue())
    assert verdict.operations
    assert verdict.sentence.count(".") == 1


def test_a_budget_that_runs_out_is_undecided():
    lines = [(f"c{n}", "enqueue", n, None, "open") for n in range(12)]
    lines += [("d", "dequeue", None, 11), ("d", "dequeue", None, 99)]
    assert linearizable(history(*lines), queue(), Budget(steps=20)).status == "undecided"


@pytest.mark.parametrize(
    ("model", "line", "word"),
    [
        (queue(), ("A", "enqueue", None, None), "needs a value"),
        (log(), ("A", "read", "first", None), "offset"),
        (log(), ("A", "append", None, 0), "needs a value"),
        (queue(), ("A", "append", 1, None), "unknown operation"),
    ],
)
def test_operations_that_make_no_sense_are_refused(model, line, word):
    with pytest.raises(DsvizError, match=word):
        linearizable(history(line), model)


def test_clients_of_a_run_can_use_them():
    class Queue(Node):
        def on_start(self):
            self.items = []

        def on_enqueue(self, msg):
            self.items.append(msg.value)
            self.reply(msg, "ok")

        def on_dequeue(self, msg):
            self.reply(msg, "ok", value=self.items.pop() if self.items else None)  # a stack!

    work = (Op("enqueue", "q", 1, "q"), Op("enqueue", "q", 2, "q"), Op("dequeue", "q", to="q"))
    trace = Scenario("stack", {"q": Queue(), "A": Client(operations=work)}, 100).run(0)
    verdict = linearizable(trace, queue())
    assert verdict.status == "violated"
    assert verdict.events
