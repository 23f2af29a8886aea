"""The rules a learner's code relies on: order, messages, timers, disk, crashes."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from dsviz.errors import DsvizError
from dsviz.sim.faults import Crash, Pause, PowerLoss, Restart
from dsviz.sim.kernel import Kernel
from dsviz.sim.latency import Uniform
from dsviz.sim.network import Network
from dsviz.sim.node import Client, Node, Op
from dsviz.sim.scenario import Scenario

EXACT = Network("exact")  # 10 ms, no jitter


def run(nodes, duration=500.0, faults=(), network=EXACT, sync_ms=1.0, seed=0):
    return Scenario("test", nodes, duration, network, tuple(faults), sync_ms=sync_ms).run(seed)


class Pinger(Node):
    """Sends n numbered messages to `to` at the start."""

    to = "b"
    count = 1

    def on_start(self):
        for number in range(self.count):
            self.send(self.to, "ping", number=number)

    def on_pong(self, msg):
        self.log(f"pong {msg.number} at {self.now:g}")


class Ponger(Node):
    def on_ping(self, msg):
        self.reply(msg, "pong", number=msg.number)


def test_a_message_and_its_reply_take_the_network_latency():
    trace = run({"a": Pinger(), "b": Ponger()})
    ping, pong = trace.select("deliver")
    assert (ping.time, ping.data.kind, ping.sent_at) == (10.0, "ping", 0.0)
    assert (pong.time, pong.data.re) == (20.0, ping.data.id)
    assert trace.select("log")[0].data == "pong 0 at 20"


def test_equal_times_keep_the_order_of_sending():
    trace = run({"a": Pinger(count=5), "b": Ponger()})
    assert [e.data.number for e in trace.select("deliver", node="b")] == [0, 1, 2, 3, 4]


class Chatterer(Node):
    """Sends itself and others messages, and sets timers: near, far, and many at equal times."""

    def on_start(self):
        self.set_timer("tick", 0)
        for number in range(40):
            self.set_timer("far", 5.0 * (number % 8), number=number)

    def on_timer_tick(self):
        wait = self.random.choice([0, 0.001, 1, 5, 30])
        self.set_timer("tick", wait)
        self.send(self.random.choice(["a", "b", "c"]), "word")

    def on_timer_far(self, number):
        self.set_timer("far", 5.0 * (1 + number % 3), number=number)

    def on_word(self, msg):
        if self.random.random() < 0.3:
            self.send(msg.src, "word")


@pytest.mark.parametrize("network", [EXACT, Network(Uniform(0.0, 12.0)), Network(0.0)])
def test_whatever_is_set_and_sent_happens_in_order_of_time_then_of_number(network):
    faults = [Pause("b", at=20, duration=5), Crash("c", at=50), Restart("c", at=50)]
    nodes = {"a": Chatterer(), "b": Chatterer(), "c": Chatterer()}
    trace = run(nodes, 100.0, faults, network, seed=3)
    times = [event.time for event in trace]
    assert len(times) > 500
    assert times == sorted(times)
    # What waits while a node is paused happens later than planned: so only the others.
    events = trace.select(["deliver", "timer"], node="a")
    places = [(event.time, event.seq) for event in events]
    assert places == sorted(places)


def test_what_is_far_away_waits_for_thousands_of_near_events():
    class Busy(Node):
        def on_start(self):
            self.ticks = 0
            self.set_timer("tick", 1)
            self.set_timer("alarm", 30)

        def on_timer_tick(self):
            self.ticks += 1
            self.set_timer("tick", 0.01)

        def on_timer_alarm(self):
            self.log(f"after {self.ticks}")

    trace = run({"a": Busy()}, 50.0)
    assert trace.select("log")[0].time == 30
    assert trace.select("log")[0].data in ("after 2900", "after 2901")  # by rounding
    assert len(trace.select("timer")) in (4901, 4902)


def test_stepping_and_running_come_to_the_same_trace():
    def made():
        nodes = {"a": Chatterer(), "b": Chatterer(), "c": Chatterer()}
        faults = (Crash("c", at=30), Restart("c", at=40))
        return Kernel(nodes, Network("lan"), 5, faults, 1.0)

    whole, stepped = made(), made()
    whole.run(60.0)
    while stepped.peek() <= 45.0:
        stepped.step()
    stepped.run(60.0)
    assert len(whole.records) > 500
    assert stepped.records == whole.records


def test_a_message_is_caused_by_the_event_that_sent_it():
    trace = run({"a": Pinger(), "b": Ponger()})
    ping, pong = trace.select("deliver")
    assert pong.cause == ping.seq
    assert trace.event(ping.cause).what == "start"


def test_a_message_is_a_copy_and_read_only():
    class Sender(Node):
        def on_start(self):
            self.items = [1, 2]
            self.send("b", "take", items=self.items, table={"k": [3]})
            self.items.append(99)

    class Taker(Node):
        shows = ("got",)

        def on_take(self, msg):
            with pytest.raises(DsvizError, match="read-only"):
                msg.items = ()
            with pytest.raises(DsvizError, match="read-only"):
                msg.table["k"] = 0
            self.got = (msg.items, msg.table["k"])

    trace = run({"a": Sender(), "b": Taker()})
    assert trace.select("state", node="b")[-1].data["got"] == ((1, 2), (3,))


def test_what_cannot_cross_a_network_is_refused_by_name():
    class Sender(Node):
        def on_start(self):
            self.send("a", "take", thing=object())

    crash = run({"a": Sender()}).select("crash")[0]
    assert "field 'thing' of message 'take' is a object" in crash.data


def test_an_unknown_kind_names_the_node_the_kind_and_the_handlers():
    crash = run({"a": Pinger(), "b": Pinger(to="a", count=0)}).select("crash")[0]
    assert crash.node == "b"
    assert "b got a message of kind 'ping' but Pinger has no on_ping; it handles pong" in crash.data


def test_sending_to_an_unknown_node_names_those_that_exist():
    crash = run({"a": Pinger(to="z")}).select("crash")[0]
    assert "sends to 'z', which does not exist; the nodes are a" in crash.data


def test_who_asks_for_a_field_that_a_message_lacks_is_told_which_it_has():
    class Curious(Node):
        def on_ping(self, msg):
            self.log(str(msg.nmuber))

    trace = run({"a": Pinger(), "b": Curious()})
    (crash,) = trace.select("crash")
    assert crash.data.endswith(
        "AttributeError: message 'ping' has no field 'nmuber'; its fields are number"
    )


@pytest.mark.parametrize(("kind", "fields"), [("one", {"v": 1}), ("two", {"v": 1, "w": [2]})])
def test_a_message_may_have_other_fields_than_the_last_of_its_kind(kind, fields):
    class Sender(Node):
        def on_start(self):
            for some in ({}, fields, {"w": 2}, {"w": 3, "v": 4, "u": 5}, fields):
                self.send("b", kind, **some)

    class Receiver(Node):
        def on_one(self, msg):
            self.log(repr(msg.body))

        on_two = on_one

    trace = run({"a": Sender(), "b": Receiver()})
    kept = {name: tuple(value) if isinstance(value, list) else value
            for name, value in fields.items()}  # fmt: skip
    told = [event.data for event in trace.select("log")]
    assert told == [repr(b) for b in ({}, kept, {"w": 2}, {"w": 3, "v": 4, "u": 5}, kept)]


def test_a_handler_that_raises_crashes_its_node_and_keeps_the_learners_lines():
    class Broken(Node):
        def on_start(self):
            self.set_timer("boom", 5)

        def on_timer_boom(self):
            return 1 // 0

    crash = run({"a": Broken(), "b": Ponger()}).select("crash")[0]
    assert (crash.time, crash.node) == (5.0, "a")
    assert "in on_timer_boom" in crash.data
    assert crash.data.endswith("ZeroDivisionError: integer division or modulo by zero")
    assert "kernel" not in crash.data


def test_an_option_that_does_not_exist_names_the_options():
    with pytest.raises(DsvizError, match="Pinger has no option 'R'; its options are count and to"):
        Pinger(R=2)


class Timers(Node):
    def on_start(self):
        self.set_timer("tick", 10)
        self.set_timer("tick", 20)  # replaces the first
        self.set_timer("retry", 30, op=1)
        self.set_timer("retry", 30, op=2)
        self.set_timer("gone", 5)
        self.cancel_timer("gone")
        self.cancel_timer("retry", op=2)

    def on_timer_tick(self):
        self.log(f"tick {self.now:g}")

    def on_timer_retry(self, op):
        self.log(f"retry {op}")

    def on_timer_gone(self):
        self.log("never")


def test_timers_are_replaced_cancelled_and_told_apart_by_their_data():
    trace = run({"a": Timers()})
    assert [(e.time, e.data) for e in trace.select("log")] == [(20.0, "tick 20"), (30.0, "retry 1")]


def test_a_timer_without_handler_is_refused():
    class Wrong(Node):
        def on_start(self):
            self.set_timer("tock", 1)

    assert "has no on_timer_tock" in run({"a": Wrong()}).select("crash")[0].data


def test_timers_die_with_their_process_and_a_restart_begins_afresh():
    trace = run({"a": Timers()}, faults=[Crash("a", at=15), Restart("a", at=100)])
    assert [e.time for e in trace.select("log")] == [120.0, 130.0]


class Store(Node):
    """Appends what it is sent, syncs, answers."""

    shows = ("kept",)

    def on_start(self):
        self.kept = self.disk.read("log", default=[])

    def on_put(self, msg):
        self.disk.append("log", msg.value)
        self.kept.append(msg.value)
        self.disk.sync()
        self.log(f"durable at {self.now:g}")
        self.reply(msg, "ok")


PUT = {"c": Client(operations=(Op("put", "x", 7, "s", 0),), timeout=200.0), "s": Store()}


def test_a_blocking_sync_takes_time_and_what_follows_happens_after_it():
    trace = run(PUT, sync_ms=5.0)
    assert trace.select("write")[0].time == 10.0
    assert trace.select("synced")[0].time == 15.0
    assert trace.select("log")[0].data == "durable at 15"
    assert trace.select("state", node="s")[-1].time == 15.0
    assert trace.select("ok")[0].time == 25.0


@pytest.mark.parametrize("fault", [Crash("s", at=12), PowerLoss("s", at=12)])
def test_a_crash_during_a_sync_unsends_the_reply(fault):
    trace = run(PUT, sync_ms=5.0, faults=[fault])
    assert not trace.select(("synced", "log", "ok"))
    assert [op.status for op in trace.history()] == ["info"]


def test_a_crash_keeps_the_page_cache_and_a_power_loss_does_not():
    for fault, kept in ((Crash("s", at=12), [7]), (PowerLoss("s", at=12), [])):
        trace = run(PUT, sync_ms=5.0, faults=[fault, Restart("s", at=100)])
        assert list(trace.select("state", node="s")[-1].data["kept"]) == kept
        assert len(trace.select("undone")) == (not kept)


def test_what_was_synced_survives_a_power_loss():
    trace = run(PUT, sync_ms=5.0, faults=[PowerLoss("s", at=50), Restart("s", at=100)])
    assert list(trace.select("state", node="s")[-1].data["kept"]) == [7]


def test_power_loss_after_a_crash_still_loses_what_was_in_the_page_cache():
    faults = [Crash("s", at=12), PowerLoss("s", at=20), Restart("s", at=100)]
    trace = run(PUT, sync_ms=5.0, faults=faults)
    assert list(trace.select("state", node="s")[-1].data["kept"]) == []


class GroupCommit(Node):
    """Answers when the disk calls back."""

    def on_start(self):
        self.waiting = []

    def on_put(self, msg):
        self.disk.append("log", msg.value)
        self.waiting.append(msg)
        if len(self.waiting) == 1:
            self.disk.sync(then="flushed")

    def on_disk_flushed(self, result):
        self.log(f"{result} durable")
        for msg in self.waiting:
            self.reply(msg, "ok")


def test_sync_with_then_does_not_block_and_covers_only_what_was_written_before():
    clients = {
        name: Client(operations=(Op("put", "x", name, "s", at),))
        for name, at in (("c", 0.0), ("d", 2.0))
    }
    trace = run(clients | {"s": GroupCommit()}, sync_ms=5.0)
    assert [e.time for e in trace.select("deliver", node="s")] == [10.0, 12.0]
    assert trace.select("log")[0].data == "1 durable"
    assert trace.select("log")[0].time == 15.0


def test_messages_wait_while_a_node_waits_for_its_disk():
    clients = {name: Client(operations=(Op("put", "x", name, "s", 0),)) for name in "cd"}
    trace = run(clients | {"s": Store()}, sync_ms=5.0)
    assert [e.time for e in trace.select("deliver", node="s")] == [10.0, 15.0]
    assert [e.time for e in trace.select("ok")] == [25.0, 30.0]


def test_a_paused_node_handles_messages_and_timers_late_and_in_order():
    trace = run(
        {"a": Pinger(count=2), "b": Ponger(), "t": Timers()},
        faults=[Pause("b", at=5, duration=50), Pause("t", at=5, duration=20)],
    )
    assert [e.time for e in trace.select("deliver", node="b")] == [55.0, 55.0]
    assert [e.data.number for e in trace.select("deliver", node="a")] == [0, 1]
    assert [(e.time, e.data) for e in trace.select("log", node="t")] == [
        (25.0, "tick 25"),
        (30.0, "retry 1"),
    ]


def test_a_pause_during_a_sync_delays_what_follows_it():
    trace = run(PUT, sync_ms=5.0, faults=[Pause("s", at=12, duration=30)])
    assert trace.select("log")[0].time == 42.0
    assert trace.select("ok")[0].time == 52.0


def test_a_crashed_node_receives_nothing():
    trace = run({"a": Pinger(), "b": Ponger()}, faults=[Crash("b", at=3)])
    assert [e.reason for e in trace.select("drop")] == ["node down"]


def test_a_message_that_waited_in_a_paused_node_is_lost_when_it_crashes():
    faults = [Pause("b", at=5, duration=50), Crash("b", at=20)]
    trace = run({"a": Pinger(), "b": Ponger()}, faults=faults)
    assert [(e.time, e.reason) for e in trace.select("drop")] == [(20.0, "node down")]


def test_what_is_under_way_at_the_end_is_in_the_trace():
    trace = run({"a": Pinger(), "b": Ponger()}, duration=15)
    assert [(e.time, e.sent_at) for e in trace.select("flight")] == [(20.0, 10.0)]


def test_a_client_that_gets_no_answer_records_an_unknown_outcome():
    trace = run(PUT, faults=[Crash("s", at=1)])
    (operation,) = trace.history()
    assert (operation.status, operation.returned) == ("info", None)
    assert trace.select("info")[0].time == 200.0


def test_a_client_ignores_the_late_answer_of_an_earlier_operation():
    class Slow(Node):
        def on_start(self):
            self.asked = []

        def on_read(self, msg):
            self.asked.append(msg)
            if len(self.asked) == 2:
                self.reply(self.asked[0], "ok", value="late")
                self.reply(self.asked[1], "ok", value="right")

    reads = tuple(Op("read", "x", to="s") for _ in range(2))
    trace = run({"c": Client(operations=reads, timeout=50.0), "s": Slow()})
    assert [(op.status, op.result) for op in trace.history()] == [("info", None), ("ok", "right")]


def test_operations_of_one_client_never_overlap():
    ops = tuple(Op("put", "x", i, "s", at=1.0 * i) for i in range(10))
    trace = run({"c": Client(operations=ops), "s": Store()}, network=Network(Uniform(1, 9)))
    history = trace.history()
    assert len(history) == 10
    for one, following in pairwise(history):
        assert one.returned < following.invoked


def test_a_node_that_keeps_itself_busy_ends_the_run_with_a_sentence(monkeypatch):
    class Busy(Node):
        def on_start(self):
            self.set_timer("again", 0)

        def on_timer_again(self):
            self.set_timer("again", 0)

    monkeypatch.setattr("dsviz.sim.clockwork.MAX_EVENTS", 1000)
    with pytest.raises(DsvizError, match=r"stopped at 0 ms after 1,000 events"):
        run({"a": Busy()})


RUNS = """
import gc
from dsviz.sim import kernel
from test_sim_kernel import Pinger, Ponger, run

kernel.MANY = 100_000
for seed in range({runs}):
    run({{"a": Pinger(to="b", count={pings}), "b": Ponger()}}, seed=seed)
print(sum(type(thing) is kernel.Kernel for thing in gc.get_objects()))
"""


@pytest.mark.parametrize(("pings", "runs"), [(50, 200), (10_000, 12)])
def test_runs_that_are_over_do_not_fill_the_memory(pings, runs):
    """A kernel and its nodes refer to each other, so only the collector can take them away.

    In a Python of its own: in this one it comes the later, the more others have left.
    """
    words = [sys.executable, "-c", RUNS.format(pings=pings, runs=runs)]
    tests = Path(__file__).parent
    path = os.pathsep.join([str(tests), str(tests.parent)])
    done = subprocess.run(
        words, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < runs / 2
