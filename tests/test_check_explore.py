"""Hunting: what is found, how small it becomes, and that workers change nothing."""

import dataclasses
import importlib.util
import json
import multiprocessing
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import hunted
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsviz.check import chaos
from dsviz.check.chaos import EVERYTHING, USUAL, Schedule
from dsviz.check.explore import hunt, sweep
from dsviz.check.reduce import parts_of, reduced, smaller
from dsviz.check.verdict import Verdict
from dsviz.errors import DsvizError
from dsviz.hunt_command import targets
from dsviz.sim.faults import FAULTS, Crash, Cut, DiskFailure, Partition, PowerLoss, Restart
from dsviz.sim.node import Client, Node, Op
from dsviz.sim.scenario import Scenario
from dsviz.systems import quorum

# Hunting ----------------------------------------------------------------------------------------


def test_a_planted_bug_is_found_shrunk_and_plays():
    found = hunt(hunted.store(), range(200), Schedule())
    assert found
    assert found.verdict.status == "violated"
    verdict = found.verdict
    assert verdict in found.scenario.judge(found.scenario.run(found.seed))
    assert found.trace.digest() == found.scenario.run(found.seed).digest()
    assert found.first_seed == found.failing[0] == found.runs - 1
    assert str(found).startswith(f"Found at seed {found.first_seed} after ")


def test_what_is_found_is_1_minimal():
    found = hunt(hunted.store(), range(200), Schedule(count=(3, 5)))
    assert found.minimal
    assert len(parts_of(found.original)) > 25
    assert len(parts_of(found.scenario)) < 15
    for part in parts_of(found.scenario):
        rest = tuple(p for p in parts_of(found.scenario) if p != part)
        verdict = hunted.fresh(reduced(found.scenario, rest).run(found.seed))
        assert verdict.status == "ok", f"{part} can be left out"


def test_shrinking_takes_away_and_moves_nothing():
    found = hunt(hunted.store(), range(200), Schedule(count=(3, 5)))
    assert found.scenario.duration == found.original.duration
    kept = {(type(f), f.at) for f in found.faults}
    assert kept <= {(type(f), f.at) for f in found.original.faults}
    for name, node in found.original.nodes.items():
        if isinstance(node, Client):
            assert set(found.scenario.nodes[name].operations) <= set(node.operations)


def test_a_store_that_is_right_is_not_accused():
    result = hunt(hunted.store(R=2, W=2), range(60), Schedule())
    assert not result
    assert (result.runs, result.undecided) == (60, ())
    assert str(result).startswith("Not found in 60 runs of ")


def test_it_stops_at_the_first_or_counts_all():
    first = hunt(hunted.store(), range(100), Schedule())
    every = hunt(hunted.store(), range(100), Schedule(), count_all=True)
    assert first.failing == every.failing[:1]
    assert len(every.failing) > 3
    assert (every.seed, every.scenario.faults) == (first.seed, first.scenario.faults)


def test_the_smallest_of_several_is_kept():
    """From `test_found`: the first run of this system that fails has four parts that it needs."""
    (target,) = targets("quorum", "R+W<=N")
    first, second, *_ = (
        hunt(target.make, [seed], target.schedules)
        for seed in range(20)
        if hunt(target.make, [seed], target.schedules, shrink_budget=1)
    )
    assert (
        second.size
        < first.size
        == len(first.faults)
        + sum(
            len(node.operations)
            for node in first.scenario.nodes.values()
            if isinstance(node, Client)
        )
    )
    best = hunt(target.make, range(20), target.schedules, smallest_of=2)
    assert best.failing == (first.first_seed, second.first_seed)
    assert (best.first_seed, best.size, best.runs) == (
        second.first_seed,
        second.size,
        second.first_seed + 1,
    )
    with pytest.raises(DsvizError, match="smallest_of=0 must be 1 or more"):
        hunt(target.make, [1], smallest_of=0)


def test_without_schedules_it_finds_what_a_sweep_finds():
    scenario = quorum.inversion("off", network="lnkd-disk")
    swept = sweep(scenario, range(60))
    found = hunt(scenario, range(60), check=scenario.checks[0], count_all=True)
    assert found.failing == swept.failing


def test_a_scenario_may_be_made_for_each_seed():
    found = hunt(hunted.store_of_seed, range(100))
    assert found.original.name == f"store {found.first_seed}"


def test_one_check_can_be_chosen_and_none_is_an_error():
    scenario = hunted.store()
    assert (
        hunt(scenario, range(3), check=lambda trace: Verdict("mine", "violated", "No.")).runs == 1
    )
    with pytest.raises(DsvizError, match="no checks"):
        hunt(dataclasses.replace(scenario, checks=()), range(3))


def test_undecided_runs_and_errors_of_nodes_are_told():
    class Broken(Node):
        def on_start(self):
            raise ValueError("no luck")

    scenario = Scenario("broken", {"a": Broken()}, 10)
    result = hunt(scenario, range(4), check=lambda trace: Verdict("?", "undecided", "Too hard."))
    assert result.undecided == result.raised == (0, 1, 2, 3)
    assert "ValueError: no luck" in str(result)


def test_a_budget_that_runs_out_is_told():
    found = hunt(hunted.store(), range(200), Schedule(count=(3, 5)), shrink_budget=5)
    assert not found.minimal
    assert "not fully shrunk" in str(found)


# Workers ----------------------------------------------------------------------------------------


def told(found):
    return (
        found.seed, found.first_seed, found.runs, found.failing, found.verdict,
        [fault.to_dict() for fault in found.faults], found.trace.digest(),
    )  # fmt: skip


class Backwards(Executor):
    """Works on the latest task first, and only when somebody waits."""

    def __init__(self):
        self.tasks = []
        self.done = 0

    def submit(self, function, /, *args, **kwargs):
        future = Lazy(self)
        self.tasks.append((future, function, args))
        return future


class Lazy(Future):
    def __init__(self, executor):
        super().__init__()
        self.executor = executor

    def result(self, timeout=None):
        while not self.done():
            future, function, args = self.executor.tasks.pop()
            if future.set_running_or_notify_cancel():
                future.set_result(function(*args))
                self.executor.done += 1
        return super().result(timeout)


def test_the_answer_does_not_depend_on_who_is_first():
    alone = hunt(hunted.store(), range(200), Schedule())
    executor = Backwards()
    assert told(hunt(hunted.store(), range(200), Schedule(), executor=executor)) == told(alone)
    assert executor.done > 1


@pytest.mark.parametrize("workers", [1, 2])
def test_processes_give_the_same_answer(workers):
    alone = hunt(hunted.store(), range(40), Schedule(), count_all=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        found = hunt(hunted.store(), range(40), Schedule(), executor=pool, count_all=True)
    assert told(found) == told(alone)


def test_threads_need_nothing_to_travel():
    scenario = dataclasses.replace(hunted.store(), checks=(lambda trace: hunted.fresh(trace),))
    with ThreadPoolExecutor(2) as pool:
        assert hunt(scenario, range(40), Schedule(), executor=pool)


def test_seeds_may_go_on_for_ever():
    def forever():
        seed = 0
        while True:
            yield seed
            seed += 1

    assert hunt(hunted.store(), forever(), Schedule(), executor=Backwards())


def test_what_a_notebook_defines_needs_cloudpickle(monkeypatch):
    class Mine(quorum.Coordinator):
        pass

    monkeypatch.setattr(Mine, "__module__", "__main__")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    scenario = hunted.store().with_nodes(k1=Mine(R=1, W=1))
    with pytest.raises(DsvizError, match=r"executor: .*Mine of this notebook; put .* cloudpickle"):
        hunt(scenario, range(40), Schedule(), executor=Backwards())
    assert hunt(scenario, range(40), Schedule())  # without workers nothing has to travel


def test_with_cloudpickle_it_travels():
    pytest.importorskip(
        "cloudpickle", reason="SKIPPED LOUDLY: cloudpickle is missing; pip install cloudpickle"
    )

    class Mine(quorum.Coordinator):
        pass

    scenario = hunted.store().with_nodes(k1=Mine(R=1, W=1), k2=Mine(R=1, W=1))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        found = hunt(scenario, range(40), Schedule(), executor=pool)
    assert told(found) == told(hunt(scenario, range(40), Schedule()))


def test_a_dask_cluster_gives_the_same_answer():
    distributed = pytest.importorskip(
        "distributed",
        reason="SKIPPED LOUDLY: hunting on a Dask cluster is not tested; pip install distributed",
    )
    alone = hunt(hunted.store(), range(40), Schedule(), count_all=True)
    local = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    )
    with local as cluster, distributed.Client(cluster) as client:
        assert len(client.scheduler_info()["workers"]) == 2
        executor = client.get_executor(pure=False, retries=1)
        found = hunt(hunted.store(), range(40), Schedule(), executor=executor, count_all=True)
    assert told(found) == told(alone)


# Shrinking --------------------------------------------------------------------------------------


def script(*faults):
    nodes = {name: hunted.Idle() for name in "abcd"}
    return Scenario("script", nodes, 1000, faults=faults)


def test_only_what_is_needed_is_kept():
    everything = [Crash("a", at=float(t)) for t in range(0, 100, 5)]
    everything += [Cut("b", "c", at=float(t), duration=7) for t in range(0, 100, 5)]

    def fails(candidate):
        ats = {(type(f), f.at) for f in candidate.faults}
        return {(Crash, 35.0), (Cut, 60.0)} <= ats

    result = smaller(script(*everything), fails)
    assert result.minimal
    assert {(type(f), f.at) for f in result.scenario.faults} == {(Crash, 35.0), (Cut, 60.0)}
    assert result.runs < 80


@pytest.mark.parametrize(("lasts", "needed"), [(500.0, 120.0), (None, 300.0), (80.0, 33.0)])
def test_faults_become_shorter(lasts, needed):
    def fails(candidate):
        return any((f.duration or 1000) >= needed for f in candidate.faults)

    [fault] = smaller(script(Partition("a", at=0, duration=lasts)), fails).scenario.faults
    assert needed <= fault.duration <= needed * 1.05


def test_a_failure_of_the_next_sync_is_not_made_a_longer_one():
    [fault] = smaller(script(DiskFailure("a", at=5)), lambda c: bool(c.faults)).scenario.faults
    assert fault == DiskFailure("a", at=5)


def test_a_power_loss_hits_no_more_machines_than_it_must():
    def fails(candidate):
        return any({"a", "c"} <= set(getattr(f, "targets", ())) for f in candidate.faults)

    [fault] = smaller(script(PowerLoss(("a", "b", "c", "d"), at=5)), fails).scenario.faults
    assert fault.targets == ("a", "c")


def test_a_restart_stays_with_its_crash_and_goes_with_it():
    faults = (Crash("a", at=5), Restart("a", at=50), Crash("b", at=6), Restart("b", at=60))

    def fails(candidate):
        return any(isinstance(f, Crash) and f.node == "b" for f in candidate.faults)

    assert smaller(script(*faults), fails).scenario.faults == faults[2:]
    assert parts_of(script(*faults)) == [("fault", 0), ("fault", 2)]
    assert smaller(script(*faults), lambda candidate: True).scenario.faults == ()


def test_a_restart_stays_with_the_error_it_recovers_from():
    faults = (DiskFailure("a", at=5), Restart("a", at=50), Restart("b", at=50))
    assert smaller(script(*faults), lambda c: bool(c.faults)).scenario.faults == faults[:2]


def test_clients_keep_their_class_and_options():
    operations = tuple(Op("read", "x", to="a", at=float(t)) for t in range(6))
    client = hunted.Special(operations=operations, timeout=33.0)
    scenario = dataclasses.replace(script(), nodes={"a": hunted.Idle(), "c": client})
    small = reduced(scenario, (("c", 1), ("c", 4)))
    assert [op.at for op in small.nodes["c"].operations] == [1.0, 4.0]
    assert (type(small.nodes["c"]), small.nodes["c"].timeout) == (hunted.Special, 33.0)
    assert len(client.operations) == 6


@given(st.sets(st.integers(0, 19), max_size=4))
@settings(max_examples=40, deadline=None)
def test_any_combination_is_reached(needed):
    faults = [Crash("a", at=float(t)) for t in range(20)]

    def fails(candidate):
        return {float(t) for t in needed} <= {f.at for f in candidate.faults}

    result = smaller(script(*faults), fails)
    assert {f.at for f in result.scenario.faults} == {float(t) for t in needed}


# Schedules --------------------------------------------------------------------------------------


def test_a_schedule_is_a_function_of_scenario_and_seed():
    scenario = hunted.store()
    made = [Schedule()(scenario, seed) for seed in range(30)]
    assert made == [Schedule()(scenario, seed) for seed in range(30)]
    assert len(set(made)) > 25


@pytest.mark.parametrize("kind", EVERYTHING)
def test_every_kind_of_fault_can_be_made(kind):
    scenario = hunted.store()
    for seed in range(20):
        faults = Schedule(kinds=(kind,), count=(2, 3))(scenario, seed)
        assert {type(f).__name__ for f in faults} <= {kind, "Restart"}
        trace = scenario.branch(*faults).run(seed)
        assert len(trace.select("fault")) == len(faults)
        for fault in faults:
            assert fault.at <= 0.7 * scenario.duration + 1
            assert fault.ends is None or fault.ends <= 0.7 * scenario.duration + 1
            assert not {"A", "B", "C"} & set(fault.nodes)


def test_a_restart_follows_every_crash():
    scenario = hunted.store()
    for seed in range(50):
        faults = Schedule(kinds=("Crash", "PowerLoss"))(scenario, seed)
        for fault in faults:
            if not isinstance(fault, Restart):
                later = {f.node for f in faults if isinstance(f, Restart) and f.at >= fault.at}
                assert set(fault.nodes) <= later
        trace = scenario.branch(*faults).run(0)
        up = dict.fromkeys(scenario.nodes, 0)
        for event in trace.select(["start", "crash"]):
            up[event.node] = event.what == "start"
        assert all(up.values())


def test_one_more_fault_changes_none_of_the_others():
    scenario = hunted.store()
    few = Schedule(kinds=("Cut",), count=(2, 2))(scenario, 7)
    many = Schedule(kinds=("Cut",), count=(3, 3))(scenario, 7)
    assert set(few) < set(many)


def test_it_hits_whom_it_is_told_to():
    faults = Schedule(count=(9, 9), nodes=("r1", "r2"))(hunted.store(), 3)
    assert {name for fault in faults for name in fault.nodes} == {"r1", "r2"}
    alone = Schedule(count=(9, 9), nodes=("r1",))(hunted.store(), 3)
    assert not any(fault.hits_links for fault in alone)


def test_all_usual_faults_exist_and_clocks_are_not_among_them():
    assert set(USUAL) <= set(FAULTS)
    assert {"Slow", "Reorder", "DiskStall"} <= set(USUAL)
    assert not {"ClockSkew", "ClockDrift", "Corrupt", "DiskFailure"} & set(USUAL)
    assert chaos.of_kinds([Crash("a", 1), Crash("b", 2)]) == ("Crash",)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"kinds": ("Crahs",)}, "Crash"),
        ({"kinds": ("Restart",)}, "follows"),
        ({"kinds": ()}, "choose"),
        ({"count": (3, 1)}, "fewest"),
        ({"since": 0.9}, "shares"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(options, word):
    with pytest.raises(DsvizError, match=word):
        Schedule(**options)
    with pytest.raises(DsvizError, match="there is no z"):
        Schedule(nodes=("z",))(hunted.store(), 0)


def test_found_can_be_written_as_json():
    found = hunt(partial(hunted.store_of_seed), range(100))
    assert json.dumps([fault.to_dict() for fault in found.faults])
