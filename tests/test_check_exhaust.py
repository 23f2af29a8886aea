"""Every interleaving: published state counts, planted bugs, and what a result may claim."""

import dataclasses
import time
from collections import Counter, OrderedDict, defaultdict, deque
from copy import deepcopy
from itertools import count

import pytest
import small_clusters as small
from hypothesis import given, settings
from hypothesis import strategies as st

from dsviz.check.exhaust import exhaust
from dsviz.check.freezing import freeze, thaw
from dsviz.check.linearizability import linearizable
from dsviz.check.past import Pasts
from dsviz.errors import DsvizError
from dsviz.sim.faults import Crash
from dsviz.sim.node import Client, Node, Op
from dsviz.sim.scenario import Scenario
from dsviz.systems import quorum
from dsviz.trace import Trace

# Golden counts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "states"), [(3, 288), (5, 8_832), pytest.param(7, 296_448, marks=pytest.mark.slow)]
)
def test_two_phase_commit_has_as_many_states_as_tlc_and_stateright_count(count, states):
    result = exhaust(small.two_phase(count), small.consistent, **small.TWO_PHASE)
    assert (result.complete, result.states) == (True, states)
    assert result.verdict.ok


@pytest.mark.parametrize(
    ("clients", "states"), [(2, 16_668), pytest.param(3, 1_194_428, marks=pytest.mark.slow)]
)
def test_paxos_has_as_many_states_as_stateright_counts(clients, states):
    result = exhaust(small.paxos(clients))
    assert (result.complete, result.states) == (True, states)
    assert result.verdict.ok
    assert str(result).startswith(f"all {states:,} states of paxos (bounds: ")


def test_a_handler_runs_once_for_each_local_transition_not_once_a_state():
    result = exhaust(small.paxos(2))
    assert result.handlers < 1_000 < result.states < result.transitions


def test_it_is_much_faster_than_copying_the_cluster_at_each_step():
    began = time.process_time()
    states = naive_count(small.paxos(2), limit=1_500)
    naive = states / (time.process_time() - began)
    began = time.process_time()
    result = exhaust(small.paxos(2), checks=())
    ours = result.states / (time.process_time() - began)
    assert ours > 8 * naive  # about 40 on larger clusters


def naive_count(scenario, limit):
    """Search by copying every node at every step, as one would write it first."""

    class Bench:
        roles = {name: node.role_name() for name, node in scenario.nodes.items()}  # noqa: RUF012
        numbers = count()

        def next_operation_number(self):
            return next(self.numbers)

        def effect(self, *_):
            pass

        set_timer = cancel_timer = effect

    def call(node, act):
        sent = []

        def post(dst, kind, body, re):
            sent.append((dst, node.name, kind, tuple(body.items()), re))
            return hash((dst, kind, node.name)) % 1_000

        node.__dict__.update(_kernel=bench, _slot=None, _post=post)
        act()
        return frozenset(sent)

    def key(nodes, net):
        texts = tuple(repr(sorted(n.__dict__.items(), key=str)) for n in map(bare, nodes.values()))
        return texts, net

    def bare(node):
        copy = object.__new__(type(node))
        own = {k: v for k, v in node.__dict__.items() if k not in ("_kernel", "_slot", "_post")}
        copy.__dict__.update(own)
        return copy

    from dsviz.trace import Message

    bench, nodes, net = Bench(), {}, frozenset()
    for name, template in scenario.nodes.items():
        nodes[name] = bare(template)
        nodes[name].name = name
        net |= call(nodes[name], nodes[name].on_start)
    seen, todo = {key(nodes, net)}, [(nodes, net)]
    while todo and len(seen) < limit:
        nodes, net = todo.pop(0)
        for dst, src, kind, body, re in sorted(net, key=repr):
            after = {name: deepcopy(bare(node)) for name, node in nodes.items()}
            message = Message.of(kind, src, dst, 0, re, dict(body))
            handler = getattr(after[dst], f"on_{kind}")
            more = call(after[dst], lambda h=handler, m=message: h(m))
            left = (net - {(dst, src, kind, body, re)}) | more
            place = key(after, left)
            if place not in seen:
                seen.add(place)
                todo.append((after, left))
    return len(seen)


# Planted bugs -----------------------------------------------------------------------------------


def test_paxos_that_does_not_adopt_is_found_at_the_least_depth():
    result = exhaust(small.paxos(2, small.Stubborn))
    assert result.verdict.status == "violated"
    found = result.counterexample
    assert len(found) == 17  # breadth first: no shorter one exists
    assert found.steps[0] == "c0 → s0: write(key='x', value='A')"
    assert "had read" in found.sentence
    assert str(result).startswith("violated after ")


def test_a_counterexample_plays_and_every_judge_of_traces_agrees():
    trace = exhaust(small.paxos(2, small.Stubborn)).counterexample.trace
    assert linearizable(trace).status == "violated"
    assert [event.time for event in trace.select("deliver")] == [10.0 * i for i in range(1, 18)]
    again = Trace.from_jsonl(trace.to_jsonl())
    assert again.digest() == trace.digest()


def test_a_commit_without_all_promises_is_found():
    result = exhaust(small.two_phase(3, needed=2), small.consistent, **small.TWO_PHASE)
    assert result.counterexample.sentence == (
        "no participant commits while another aborts does not hold."
    )
    assert len(result.counterexample) == 7
    assert not result.complete


@pytest.mark.parametrize(
    ("syncs", "event", "violated"),
    [
        ("before", "power_losses", False),
        ("after", "power_losses", True),
        ("never", "power_losses", True),
        ("never", "crashes", False),  # the page cache survives a crash of the process
    ],
)
def test_a_write_that_is_not_durable_when_it_is_answered(syncs, event, violated):
    result = exhaust(small.keeper(syncs=syncs), **{event: 1})
    assert result.verdict.status == ("violated" if violated else "ok")
    if violated:
        assert any("power" in str(fault) for fault in result.counterexample.trace.faults)
        assert linearizable(result.counterexample.trace).status == "violated"


def test_a_node_also_dies_in_the_middle_of_a_handler():
    result = exhaust(small.keeper(syncs="after"), power_losses=1)
    assert any("while the disk works" in step for step in result.counterexample.steps)


def test_an_error_of_the_nodes_code_is_a_violation():
    result = exhaust(small.twins(fails=True))
    assert result.counterexample.sentence == (
        "b stops because its code raised ValueError: two is too many."
    )
    assert len(result.counterexample) == 2


def test_a_message_without_a_handler_is_one():
    scenario = Scenario("deaf", {"a": small.Repeater(), "b": Node()}, 100)
    assert "no on_word" in exhaust(scenario).counterexample.sentence


def test_quorums_that_do_not_meet():
    def store(R, W):
        nodes = {
            "C": Client(operations=(Op("write", "x", "v1", "k1"),)),
            "A": Client(operations=(Op("read", "x", to="k2"), Op("read", "x", to="k2"))),
            "k1": quorum.Coordinator(R=R, W=W),
            "k2": quorum.Coordinator(R=R, W=W),
        }
        nodes |= dict.fromkeys(quorum.replicas_named(2), quorum.Replica())
        nodes["k1"] = quorum.Coordinator(R=R, W=W, replicas=("r1", "r2"))
        nodes["k2"] = quorum.Coordinator(R=R, W=W, replicas=("r1", "r2"))
        return Scenario("store", nodes, 100)

    assert exhaust(store(1, 1)).verdict.status == "violated"
    assert exhaust(store(2, 2)).verdict.ok


# What is under way ------------------------------------------------------------------------------


def test_identical_messages_are_two():
    heard = []
    exhaust(small.twins(), lambda view: heard.append(view["b"].heard))
    assert set(heard) == {0, 1, 2}


def test_a_message_may_be_duplicated_as_often_as_allowed():
    def at_most(limit):
        return lambda view: view["b"].heard <= limit

    assert exhaust(small.twins(), at_most(2)).verdict.ok
    assert exhaust(small.twins(), at_most(3), duplicates=1).verdict.ok
    assert exhaust(small.twins(), at_most(2), duplicates=1).verdict.status == "violated"


class Ticker(Node):
    def on_start(self):
        self.ticks = 0
        self.set_timer("tick", 5)
        self.set_timer("never", 5)
        self.cancel_timer("never")

    def on_timer_tick(self):
        self.ticks += 1
        self.set_timer("tick", 5)

    def on_timer_never(self):
        raise AssertionError("it was cancelled")


@pytest.mark.parametrize(("timers", "most"), [(1, 1), (3, 3), ({"tick": 2}, 2), ({}, 1)])
def test_timers_fire_as_often_as_allowed(timers, most):
    ticks = set()
    result = exhaust(
        Scenario("t", {"a": Ticker()}, 10), lambda v: ticks.add(v["a"].ticks), timers=timers
    )
    assert ticks == set(range(most + 1))
    assert (result.states, result.complete) == (most + 1, True)


def test_a_client_gives_up_only_where_that_is_asked_for():
    statuses = set()

    def look(view):
        statuses.update(op.status for op in view.history if op.returned is None)
        statuses.update(row[2] for row in view.trace.rows)

    exhaust(small.keeper(), look)
    assert "info" in statuses  # operations that have not ended yet
    assert exhaust(small.keeper(), timers={"timeout": 1}).states > exhaust(small.keeper()).states


class Flusher(Node):
    def on_start(self):
        self.done = 0
        self.disk.write("a", 1)
        self.disk.sync(then="flushed")

    def on_disk_flushed(self, result):
        self.done = result


def test_a_sync_in_the_background_ends_some_time():
    done = set()
    result = exhaust(Scenario("f", {"a": Flusher()}, 10), lambda v: done.add(v["a"].done))
    assert done == {0, 1}
    assert result.states == 2


# What a result may claim ------------------------------------------------------------------------


def test_a_search_that_met_its_limit_never_claims_all():
    result = exhaust(small.paxos(2), max_states=500)
    assert not result.complete
    assert result.verdict.status == "undecided"
    text = str(result)
    assert text.startswith("sampled 50")
    assert "nothing is known" in text
    assert "all " not in text.split("(bounds")[0]


def test_histories_that_could_not_be_decided_are_no_proof():
    from dsviz.check.verdict import Verdict

    result = exhaust(small.keeper(), checks=lambda trace: Verdict("?", "undecided", "too hard"))
    assert result.complete
    assert result.verdict.status == "undecided"
    assert "could not be decided" in str(result)


def decided(view):
    """a server has decided"""
    return any(node.decided for node in view.of_role("paxos").values())


def test_stages_reach_deep_states_and_say_where_they_began():
    plain = exhaust(small.paxos(2, small.Stubborn))
    staged = exhaust(small.paxos(2, small.Stubborn), stages=[decided])
    assert staged.states < plain.states / 10
    assert "from the first state where a server has decided" in str(staged)
    assert len(staged.counterexample) == len(plain.counterexample)


def test_a_stage_that_is_never_reached_is_an_error():
    with pytest.raises(DsvizError, match=r"no state of all 16,668 states reaches stage 1"):
        exhaust(small.paxos(2), stages=[lambda view: view["s0"].ballot == 17])


def test_the_same_search_finds_the_same():
    first = exhaust(small.paxos(2, small.Stubborn))
    assert str(first) == str(exhaust(small.paxos(2, small.Stubborn)))


def test_a_fault_script_is_refused():
    with pytest.raises(DsvizError, match="no times"):
        exhaust(small.keeper().branch(Crash("k", 1)))


def test_a_node_whose_clock_or_chance_decides_is_refused():
    class Late(small.Counter):
        def on_word(self, msg):
            self.heard = self.now

    class Lucky(small.Counter):
        def on_word(self, msg):
            self.heard = self.random.random()

    for kind, named in ((Late, "self.now"), (Lucky, "self.random")):
        with pytest.raises(DsvizError, match=named):
            exhaust(small.twins().with_nodes(b=kind()))


def test_a_node_whose_chance_decides_durations_only_is_fine():
    class Patient(small.Counter):
        def on_word(self, msg):
            self.set_timer("wait", 100 + self.random.random())

        def on_timer_wait(self):
            self.heard += 1

    assert exhaust(small.twins().with_nodes(b=Patient())).complete


def test_a_node_that_depends_on_the_order_of_a_dictionary_is_refused():
    class First(small.Counter):
        def on_start(self):
            self.heard, self.by = 0, {"x": 1, "a": 2}

        def on_word(self, msg):
            self.heard = next(iter(self.by))

    with pytest.raises(DsvizError, match="order of a dictionary or set"):
        exhaust(small.twins().with_nodes(b=First()))


# Frozen states ----------------------------------------------------------------------------------


@dataclasses.dataclass
class Box:
    content: object


@dataclasses.dataclass(frozen=True)
class Label:
    text: str


ATOMS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
ATOMS |= st.builds(Label, st.text())
VALUES = st.recursive(
    ATOMS | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(ATOMS, inner, max_size=3)
        | st.sets(ATOMS, max_size=3)
        | st.builds(Box, inner)
        | st.tuples(inner, inner)
    ),
    max_leaves=8,
)


@given(VALUES, st.booleans())
@settings(max_examples=100, deadline=None)
def test_what_is_thawed_equals_what_was_frozen(value, backwards):
    frozen = freeze(value)
    hash(frozen)
    assert thaw(frozen, backwards) == value
    assert freeze(thaw(frozen, backwards)) == frozen


@pytest.mark.parametrize(
    "value",
    [deque([1, 2], 5), defaultdict(list, a=[1]), Counter("abba"), OrderedDict(a=1, b=2)],
    ids=lambda value: type(value).__name__,
)
def test_collections_come_back_as_what_they_are(value):
    back = thaw(freeze(value))
    assert type(back) is type(value)
    assert back == value


def test_what_is_shared_stays_shared():
    inner = [1]
    first, second = thaw(freeze({"a": inner, "b": inner})).values()
    assert first is second
    loop: list = []
    loop.append(loop)
    back = thaw(freeze(loop))
    assert back[0] is back


def test_different_values_differ():
    assert freeze([1]) != freeze((1,))
    assert freeze(True) != freeze(1)
    assert freeze({1: 2, 3: 4}) == freeze({3: 4, 1: 2})
    assert freeze(Box([1])) != freeze(Box([2]))


def test_a_lock_in_a_node_is_refused_by_name():
    import threading

    class Locked(small.Counter):
        def on_start(self):
            self.heard, self.lock = 0, threading.Lock()

    with pytest.raises(DsvizError, match="an attribute of b is a lock"):
        exhaust(small.twins().with_nodes(b=Locked()))


def test_pasts_are_equal_when_no_judge_could_tell_them_apart():
    pasts = Pasts("p", {"a": "client", "b": "client"})
    begin = {"op": 1, "f": "read", "key": "x", "value": None, "to": "k"}
    a, b = (("invoke", name, freeze(begin)) for name in "ab")
    end = ("ok", "a", freeze({"op": 1, "result": 1}))
    assert pasts.after(pasts.after(0, (a,)), (b,)) == pasts.after(pasts.after(0, (b,)), (a,))
    before = pasts.after(pasts.after(0, (a, b)), (end,))
    assert before != pasts.after(pasts.after(0, (a, end)), (b,))
    assert [op.status for op in pasts.trace(before).history()] == ["ok", "info"]
