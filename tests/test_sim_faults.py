"""Each fault does what its sentence says, survives JSON, and refuses bad targets and times."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsviz.errors import DsvizError
from dsviz.sim import faults as vocabulary
from dsviz.sim.disk import DiskError
from dsviz.sim.faults import (
    FAULTS,
    BitRot,
    ClockDrift,
    ClockSkew,
    Corrupt,
    Crash,
    Cut,
    Delay,
    DiskFailure,
    DiskStall,
    Duplicate,
    Loss,
    Partition,
    Pause,
    PowerLoss,
    Reorder,
    Restart,
    Slow,
    fault_from_dict,
)
from dsviz.sim.latency import Exponential
from dsviz.sim.network import Network
from dsviz.sim.node import Node
from dsviz.sim.scenario import Scenario

EVERY_KIND = [
    Crash("a", at=10),
    Restart("a", at=20.5),
    PowerLoss(("b", "a"), at=10),
    Pause("a", at=10, duration=5),
    Partition(("a",), ("b", "c"), at=10, duration=30),
    Partition(("a", "b")),
    Cut("a", "b", at=10),
    Loss(0.5, "a", "b", at=10, duration=30),
    Loss(0.25),
    Duplicate(0.5, at=5),
    Delay(30, "a", "b", at=10, duration=30),
    ClockSkew("a", -200, at=10),
    ClockDrift("a", 500_000, at=10, duration=20),
    Reorder(30, "a", "b", at=10, duration=40),
    Corrupt(0.5, at=5),
    Slow("a", 10, at=10, duration=20),
    DiskStall("a", at=10, duration=20),
    DiskFailure("a", at=10),
    DiskFailure("a", at=10, file="log"),
    BitRot("a", "log", at=10, record=3, byte=7),
    PowerLoss("a", at=10, torn=True),
]


class Beacon(Node):
    """Sends its clock to the others every 10 ms."""

    def on_start(self):
        self.on_timer_beat()

    def on_timer_beat(self):
        for other in self.peers:
            self.send(other, "beat", clock=self.now)
        self.set_timer("beat", 10)

    def on_beat(self, msg):
        pass


def beats(*faults, duration=100.0, seed=0, network=None):
    nodes = {"a": Beacon, "b": Beacon, "c": Beacon}
    scenario = Scenario("beacons", nodes, duration, network or Network(1.0), faults)
    return scenario.run(seed)


def heard(trace, src, dst):
    return [e.time for e in trace.select("deliver", node=dst) if e.peer == src]


@pytest.mark.parametrize("fault", EVERY_KIND, ids=repr)
def test_json_and_python_give_the_same_fault_back(fault):
    assert fault_from_dict(fault.to_dict()) == fault
    assert eval(repr(fault), vars(vocabulary)) == fault
    assert str(fault)[-1].isalnum()


def test_every_fault_class_is_tried_here():
    assert {type(fault) for fault in EVERY_KIND} == set(FAULTS.values())


def test_names_are_sorted_so_that_equal_faults_are_equal():
    assert PowerLoss(["b", "a", "b"], at=1) == PowerLoss(("a", "b"), at=1)
    assert PowerLoss("a", at=1).targets == ("a",)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Crash("z", at=1), "there is no node 'z'; the nodes are a, b and c"),
        (Crash("a", at=200), "at=200 is outside the run; choose 0 to 100 ms"),
        (Partition(("a",), ("z",)), "there is no node 'z'"),
    ],
)
def test_bad_targets_and_times_are_refused_when_the_scenario_is_made(fault, message):
    with pytest.raises(DsvizError, match=message):
        beats(fault)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Crash("a", at=-1),
        lambda: Pause("a", at=1, duration=-5),
        lambda: Loss(1.5),
        lambda: Delay(-3, "a", "b"),
        lambda: Reorder(0),
        lambda: Slow("a", 0),
        lambda: Corrupt(-0.1),
        lambda: ClockDrift("a", -1_000_000),
        lambda: Partition(()),
        lambda: Partition(("a",), ("a", "b")),
        lambda: Crash("a", at="soon"),
        lambda: fault_from_dict({"fault": "Meteor", "at": 1}),
        lambda: fault_from_dict({"fault": "Crash", "when": 1}),
    ],
)
def test_nonsense_is_refused_at_once(make):
    with pytest.raises(DsvizError):
        make()


def test_something_else_than_a_fault_is_refused():
    with pytest.raises(DsvizError, match="is not a fault"):
        beats("crash a")


def test_crash_and_restart():
    trace = beats(Crash("b", at=25), Restart("b", at=55))
    assert [t for t in heard(trace, "b", "a") if t < 100] == [
        1,
        11,
        21,
        56,
        66,
        76,
        86,
        96,
    ]
    assert [e.data for e in trace.select("start", node="b")] == [1, 2]


def test_restart_of_a_running_node_changes_nothing():
    assert heard(beats(Restart("b", at=25)), "b", "a") == heard(beats(), "b", "a")


def test_partition_cuts_both_ways_and_heals():
    trace = beats(Partition("a", at=25, duration=40))
    for src, dst in (("a", "b"), ("c", "a")):
        assert heard(trace, src, dst) == [1, 11, 21, 71, 81, 91]
    assert len(heard(trace, "b", "c")) == 10
    assert {e.reason for e in trace.select("drop")} == {"cut"}


def test_a_message_under_way_across_a_new_cut_is_lost():
    trace = beats(Cut("a", "b", at=20.5))
    assert heard(trace, "a", "b") == [1, 11]


def test_a_partition_of_two_groups_leaves_the_third_alone():
    trace = beats(Partition("a", "b"))
    assert not heard(trace, "a", "b")
    assert len(heard(trace, "a", "c")) == 10


def test_a_cut_is_one_way():
    trace = beats(Cut("a", "b", at=0))
    assert not heard(trace, "a", "b")
    assert len(heard(trace, "b", "a")) == 10


def test_two_overlapping_cuts_heal_only_when_both_are_over():
    trace = beats(Cut("a", "b", at=15, duration=30), Cut("a", "b", at=35, duration=40))
    assert heard(trace, "a", "b") == [1, 11, 81, 91]


def test_loss_and_duplication_have_the_asked_for_rate():
    for p in (0.1, 0.5):
        trace = beats(Loss(p, "a", "b"), duration=20_000)
        assert len(trace.select("drop")) / 2000 == pytest.approx(p, abs=0.03)
        trace = beats(Duplicate(p, "a", "b"), duration=20_000)
        assert len(heard(trace, "a", "b")) / 2000 == pytest.approx(1 + p, abs=0.03)
    assert len(beats(Loss(1.0)).select("deliver")) == 0


def test_delay_is_added_while_it_lasts():
    trace = beats(Delay(3, "a", "b", at=15, duration=40))
    assert heard(trace, "a", "b") == [1, 11, 24, 34, 44, 54, 61, 71, 81, 91]


def test_skew_moves_the_nodes_clock_and_not_its_timers():
    trace = beats(ClockSkew("a", -200, at=15))
    clocks = [e.data.clock for e in trace.select("deliver", node="b") if e.peer == "a"]
    assert clocks[:4] == [0, 10, -180, -170]
    assert heard(trace, "a", "b") == heard(beats(), "a", "b")


def test_pause_delays_timers_and_is_in_the_trace():
    trace = beats(Pause("a", at=25, duration=30))
    assert heard(trace, "a", "b") == [1, 11, 21, 56, 66, 76, 86, 96]
    assert [(e.what, e.time) for e in trace.select(("pause", "resume"))] == [
        ("pause", 25.0),
        ("resume", 55.0),
    ]


def test_the_beginning_and_end_of_a_fault_are_in_the_trace():
    trace = beats(Pause("a", at=25, duration=30), Cut("a", "b", at=40, duration=10))
    assert [(e.time, e.what, e.info) for e in trace.select(("fault", "heal"))] == [
        (25.0, "fault", 0),
        (40.0, "fault", 1),
        (50.0, "heal", 1),
        (55.0, "heal", 0),
    ]


def test_reordering_lets_later_messages_overtake_and_loses_none():
    trace = beats(Reorder(35, "a", "b"), duration=2000)
    clocks = [e.data.clock for e in trace.select("deliver", node="b") if e.peer == "a"]
    assert clocks != sorted(clocks)
    assert sorted(clocks) == [10.0 * n for n in range(len(clocks))]
    calm = [e.data.clock for e in trace.select("deliver", node="c") if e.peer == "a"]
    assert calm == sorted(calm)


def test_corruption_changes_one_field_and_says_so():
    trace = beats(Corrupt(0.5, "a", "b"), duration=20_000)
    garbled = trace.select("corrupt")
    assert len(garbled) / 2000 == pytest.approx(0.5, abs=0.03)
    (first,) = trace.select("deliver", node="b", until=garbled[0].time + 2)[-1:] or [None]
    assert garbled[0].data.startswith("clock: ")
    ids = {e.info for e in garbled}
    for e in trace.select("deliver", node="b"):
        if e.peer == "a":
            assert (e.data.clock != e.sent_at) == (e.data.id in ids)
    assert first is not None


def test_drift_moves_the_clock_and_the_timers():
    trace = beats(ClockDrift("a", 1_000_000, at=0, duration=50))  # twice as fast
    assert heard(trace, "a", "b")[:4] == [1, 11, 16, 21]  # the first timer was set before
    clocks = [e.data.clock for e in trace.select("deliver", node="b") if e.peer == "a"]
    assert clocks[:4] == [0, 20, 30, 40]
    assert clocks[-1] - clocks[-2] == 10  # and true again after the fault, though ahead
    assert clocks[-1] > 130


class Journal(Node):
    """Appends and syncs every 10 ms, twice: keeps what is durable, and what a sync said."""

    records = 3

    def on_start(self):
        self.log(f"found {self.disk.read('journal', default=[])}")
        self.count = 0
        self.set_timer("tick", 10)

    def on_timer_tick(self):
        self.count += 1
        self.disk.append("journal", self.count)
        try:
            self.disk.sync()
            self.log(f"synced {self.count} at {self.now:g}")
        except DiskError:
            self.log(f"error {self.count} at {self.now:g}")
        if self.count < self.records:
            self.set_timer("tick", 10)


def journal(*faults, node=None, sync_ms=2.0):
    nodes = {"a": node or Journal()}
    trace = Scenario("journal", nodes, 200.0, Network(1.0), faults, sync_ms=sync_ms).run(0)
    return [e.data for e in trace.select("log")], trace


def test_disk_stall_makes_a_sync_end_after_it():
    told, trace = journal(DiskStall("a", at=11, duration=40))
    assert told == ["found []", "synced 1 at 12", "synced 2 at 63", "synced 3 at 75"]
    assert [e.time for e in trace.select("synced")] == [51.0, 63.0, 75.0]
    assert [e.time for e in trace.select("log")][1:] == [51.0, 63.0, 75.0]


def test_a_failed_sync_raises_and_a_second_one_lies():
    class Retries(Journal):
        records = 1

        def on_timer_tick(self):
            super().on_timer_tick()
            self.disk.sync()
            self.log(f"a second sync says it wrote; the node reads {self.disk.read('journal')}")

    faults = (DiskFailure("a", at=5), PowerLoss("a", at=50), Restart("a", at=60))
    told, trace = journal(*faults, node=Retries())
    assert told[:3] == [
        "found []",
        "error 1 at 12",
        "a second sync says it wrote; the node reads [1]",
    ]
    assert told[3] == "found []"
    assert [e.data for e in trace.select("synced", until=50)] == [0]
    assert len(trace.select("disk error")) == 1


class TwoFiles(Node):
    """Writes two files, syncs one of them, and says what it finds after a restart."""

    def on_start(self):
        found = (self.disk.read("log", []), self.disk.read("page"), self.disk.read("root"))
        self.log(f"found {found}")
        if found != ([], None, None):
            return
        self.disk.append("log", b"one")
        self.disk.write("page", "new")
        self.disk.write("root.new", 1)
        self.set_timer("go", 10)

    def on_timer_go(self):
        for file in ("log", "root.new"):
            try:
                self.disk.sync(file)
            except DiskError:
                self.log(f"error on {file}")
        self.disk.rename("root.new", "root")
        self.disk.sync("root")
        self.log(f"{self.disk.unsynced} left")


def two_files(*faults):
    scenario = Scenario("files", {"a": TwoFiles()}, 100.0, faults=faults, sync_ms=1.0)
    trace = scenario.run(0)
    return [e.data for e in trace.select("log")], trace


def test_a_sync_of_one_file_leaves_the_others():
    told, _ = two_files(PowerLoss("a", at=50), Restart("a", at=60))
    assert told == ["found ([], None, None)", "4 left", "found ([b'one'], None, 1)"]


def test_a_disk_error_may_hit_one_file_only():
    told, _ = two_files(
        DiskFailure("a", at=5, file="root"), PowerLoss("a", at=50), Restart("a", at=60)
    )
    assert told[1] == "error on root.new"
    assert told[-1] == "found ([b'one'], None, None)"
    told, _ = two_files(DiskFailure("a", at=5, file="other"))
    assert told[1] == "4 left"


def test_bit_rot_shows_when_the_disk_is_read_again():
    told, _ = two_files(BitRot("a", "log", at=50), Crash("a", at=55), Restart("a", at=60))
    assert told[-1] == "found ([b'nne'], 'new', 1)"
    for nothing in (
        BitRot("a", "log", at=50, record=1), BitRot("a", "log", at=50, byte=3),
        BitRot("a", "page", at=50), BitRot("a", "nothing", at=50),
    ):  # fmt: skip
        told, _ = two_files(nothing, Crash("a", at=55), Restart("a", at=60))
        assert told[-1] == "found ([b'one'], 'new', 1)"
    with pytest.raises(DsvizError, match="byte=-1 must be 0 or more"):
        BitRot("a", "log", at=1, byte=-1)


def test_a_failed_sync_is_told_to_the_callback():
    class Async(Node):
        def on_start(self):
            self.disk.append("journal", 1)
            self.disk.sync(then="flushed")

        def on_disk_flushed(self, result):
            self.log(type(result).__name__)

    told, _ = journal(DiskFailure("a", at=0), node=Async())
    assert told == ["int"]  # the fault came after the sync began

    class Later(Async):
        def on_start(self):
            self.set_timer("go", 5)

        def on_timer_go(self):
            super().on_start()

    told, _ = journal(DiskFailure("a", at=0), node=Later())
    assert told == ["DiskError"]


def test_every_sync_fails_while_a_lasting_disk_error_lasts():
    told, _ = journal(DiskFailure("a", at=5, duration=20))
    assert [text.split()[0] for text in told] == ["found", "error", "error", "synced"]


def test_a_torn_power_loss_leaves_some_sectors():
    class Writer(Node):
        def on_start(self):
            kept = self.disk.read("page", default=b"")
            self.log(f"{[kept[i] for i in range(0, len(kept), 512)]}")
            self.set_timer("go", 5)

        def on_timer_go(self):
            if self.now < 50:
                self.disk.write("page", b"o" * 4096)
                self.disk.sync()
                self.disk.write("page", b"n" * 4096)

    told, trace = journal(PowerLoss("a", at=30, torn=True), Restart("a", at=60), node=Writer())
    sectors = told[1]
    assert str(ord("o")) in sectors
    assert str(ord("n")) in sectors
    assert trace.select("undone")[0].data == 1


def test_slow_stretches_service_and_disk():
    _, trace = journal(Slow("a", 10, at=0))
    assert trace.select("synced")[0].time == pytest.approx(10 + 0.9 + 20)

    class Server(Node):
        service = 3.0

        def on_beat(self, msg):
            self.reply(msg, "done")

    class Asker(Node):
        def on_start(self):
            for _ in range(3):
                self.send("s", "beat")

        def on_done(self, msg):
            pass

    def served(*faults):
        nodes = {"c": Asker(), "s": Server()}
        trace = Scenario("slow", nodes, 500.0, Network(1.0), faults).run(0)
        return [e.time for e in trace.select("deliver", node="c")], trace

    times, trace = served()
    assert times == [5, 8, 11]  # 1 ms there, 3 ms each one after the other, 1 ms back
    assert [e.time for e in trace.select("queued")] == [1.0, 1.0]
    assert served(Slow("s", 10))[0] == [32, 62, 92]


def test_service_times_can_be_drawn():
    class Server(Node):
        service = Exponential(1.0)

        def on_beat(self, msg):
            self.log(f"{self.now}")

    class Asker(Node):
        def on_start(self):
            self.set_timer("go", 5)

        def on_timer_go(self):
            self.send("s", "beat")
            self.set_timer("go", 5)

    nodes = {"c": Asker(), "s": Server()}
    trace = Scenario("drawn", nodes, 50_000.0, Network(1.0)).run(0)
    took = [float(e.data) - e.time + 0 for e in trace.select("log")]
    starts = [e.time for e in trace.select("deliver", node="s")]
    ends = [float(e.data) for e in trace.select("log")]
    mean = sum(end - start for start, end in zip(starts, ends, strict=False)) / len(ends)
    assert mean == pytest.approx(1.0, abs=0.05)
    assert max(took) <= 1e-9


EVERY_FAULT_SHOWN = {
    "Crash": (Crash("b", at=25), Restart("b", at=45)),
    "Restart": (Restart("b", at=25),),
    "PowerLoss": (PowerLoss(("a", "b"), at=25), Restart("a", at=45)),
    "Pause": (Pause("b", at=15, duration=20),),
    "Slow": (Slow("b", 40, at=15, duration=20),),
    "Partition": (Partition("a", at=15, duration=20),),
    "Cut": (Cut("a", "b", at=15, duration=20),),
    "Loss": (Loss(0.5, at=0),),
    "Duplicate": (Duplicate(0.5, at=0),),
    "Reorder": (Reorder(25, at=0),),
    "Delay": (Delay(7, "a", "b", at=15, duration=20),),
    "ClockSkew": (ClockSkew("a", 500, at=15),),
    "ClockDrift": (ClockDrift("a", 500_000, at=15),),
    "Corrupt": (Corrupt(0.5, at=0),),
}


@pytest.mark.parametrize("name", EVERY_FAULT_SHOWN)
def test_golden_transcript_of_each_fault(name, request):
    text = beats(*EVERY_FAULT_SHOWN[name], duration=60.0).transcript()
    path = Path(__file__).with_name("golden") / "faults" / f"{name}.txt"
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


DISK_FAULTS_SHOWN = {
    "DiskStall": (DiskStall("a", at=11, duration=40),),
    "DiskFailure": (DiskFailure("a", at=5), PowerLoss("a", at=60), Restart("a", at=70)),
    "BitRot": (BitRot("a", "log", at=20), Crash("a", at=25), Restart("a", at=30)),
    "PowerLoss-unsynced": (PowerLoss("a", at=11), Restart("a", at=30)),
}


@pytest.mark.parametrize("name", DISK_FAULTS_SHOWN)
def test_golden_transcript_of_each_disk_fault(name, request):
    run = two_files if name == "BitRot" else journal
    text = run(*DISK_FAULTS_SHOWN[name])[1].transcript()
    path = Path(__file__).with_name("golden") / "faults" / f"{name}.txt"
    if request.config.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_every_fault_has_a_golden_transcript():
    shown = EVERY_FAULT_SHOWN.keys() | DISK_FAULTS_SHOWN.keys()
    assert set(FAULTS) <= shown


@given(st.floats(0, 1e6, allow_nan=False), st.floats(0.001, 1e6, allow_nan=False))
def test_the_python_of_a_fault_makes_the_same_fault(at, duration):
    fault = Pause("a", at, duration)
    assert eval(repr(fault)) == fault
