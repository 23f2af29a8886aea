"""Each fault does what its sentence says, survives JSON, and refuses bad targets and times."""

import pytest

from dsviz.errors import DsvizError
from dsviz.sim import faults as vocabulary
from dsviz.sim.faults import (
    FAULTS,
    ClockSkew,
    Crash,
    Cut,
    Delay,
    Duplicate,
    Loss,
    Partition,
    Pause,
    PowerLoss,
    Restart,
    fault_from_dict,
)
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
