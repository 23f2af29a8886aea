"""Every number of the consumer groups' experiments, at the default seed and over a sweep."""

from random import Random

import pytest

from dsviz import laws
from dsviz.check.chaos import Schedule
from dsviz.check.explore import hunt
from dsviz.sim.faults import Crash, Loss, Pause, PowerLoss, Restart
from dsviz.systems import consumer_groups_runs as runs
from dsviz.systems.consumer_groups import Coordinator
from dsviz.systems.consumer_groups_member import Member
from dsviz.systems.consumer_groups_runs import names

OLD = names(3, 4, 5)  # what c2 has at first


def evicted(trace):
    return {e.data.split()[1]: e.time for e in trace.select("log", node="coord", until=1e9)
            if e.data.startswith("evicts")}  # fmt: skip


def no_handler_raised(trace):
    return not [e for e in trace.select("crash") if e.data]


def violated(scenario):
    return [v.check for v in scenario.judge(scenario.run(0)) if not v.ok]


# Experiment 1 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_experiment_1_a_crash_is_heard_of_after_a_session(seed):
    trace = runs.unheard().run(seed)
    assert evicted(trace) == {"c2": pytest.approx(22_000, abs=5)}
    for partition in OLD:
        assert runs.resumed(trace, partition, 13_050) == pytest.approx(23_000, abs=250)
    assert runs.repeated(trace) == 90  # 3 s of 3 partitions with 10 records a second
    assert no_handler_raised(trace)


def test_experiment_1_what_waits_is_worked_off_within_a_second():
    trace = runs.unheard().run(0)
    behind = [one for one in runs.executions(trace) if one.partition in OLD and one.time > 23_000]
    late = [one.time for one in behind if one.time - 100 * one.offset > 500]
    assert 23_500 < max(late) < 25_000
    waited = max(one.time - (100 * one.offset + 50) for one in behind if one.offset >= 130)
    assert waited == pytest.approx(10_000, abs=500)


def test_experiment_1_fixes():
    left = runs.unheard("leave").run(0)
    assert runs.repeated(left) == 0
    assert runs.resumed(left, OLD[0], 13_050) == pytest.approx(14_000, abs=250)
    quick = runs.unheard(session=3000.0, heartbeat=1000.0).run(0)
    assert evicted(quick)["c2"] == pytest.approx(16_000, abs=1001)


def test_experiment_1_a_short_session_evicts_who_only_paused():
    patient = runs.unheard("pause").run(0)
    assert not evicted(patient)
    assert runs.repeated(patient) == 0
    nervous = runs.unheard("pause", session=3000.0, heartbeat=1000.0).run(0)
    assert list(evicted(nervous)) == ["c2"]
    assert runs.generations(nervous)[-1][2] == "3", "out, and in again"
    assert runs.silence(nervous) > 20


# Experiment 2 -----------------------------------------------------------------------------------


def test_experiment_2_nine_polls_and_nothing_committed():
    trace = runs.slow_polls(50).run(0)
    assert runs.handed_out(trace) == (9, 450)
    assert runs.committed(trace) == {"orders-0": 0}
    assert {one.offset for one in runs.executions(trace)} == set(range(50))


def test_experiment_2_a_second_member_takes_turns_on_the_same_records():
    trace = runs.slow_polls(50, members=2).run(0)
    assert {one.offset for one in runs.executions(trace)} == set(range(50))
    assert {one.member for one in runs.executions(trace)} == {"c1", "c2"}
    assert runs.committed(trace) == {"orders-0": 0}


def test_experiment_2_fix_fewer_records_a_poll():
    trace = runs.slow_polls(40).run(0)
    assert runs.committed(trace) == {"orders-0": 480}
    assert runs.repeated(trace) == 0


# Experiment 3 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_experiment_3_a_late_commit_moves_offsets_back(seed):
    trace = runs.zombie(check=False).run(seed)
    assert runs.moved_back(trace) == dict.fromkeys(OLD, 120)
    # 480, less the three that the zombie had in hand, worked on and committed.
    assert runs.repeated(trace, 29_100, OLD) == 480 - 3
    assert runs.zombie_effects(trace) == 3


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_experiment_3_the_generation_check_keeps_offsets_and_not_the_sink(seed):
    trace = runs.zombie(check=True).run(seed)
    assert not runs.moved_back(trace)
    assert runs.repeated(trace, 29_100, OLD) == 120
    assert runs.zombie_effects(trace) == 3
    assert trace.select("log", node="c2")[-1].data.startswith(("polled", "commit refused"))
    assert any(e.data.startswith("commit refused") for e in trace.select("log", node="c2"))


def test_experiment_3_a_token_at_the_sink_refuses_the_zombie():
    trace = runs.zombie(check=True, fenced=True).run(0)
    last = [row[5] for row in trace.rows if row[2] == "state" and row[3] == "db"]
    assert {k: v for state in last for k, v in state.items()}["refused"] == 3


def test_experiment_3_at_most_a_poll_of_zombie_effects_whenever_it_pauses():
    for at in range(12_000, 14_000, 400):
        faults = (Pause("c2", at=at, duration=15_000), Crash("c3", at=29_000))
        assert 0 <= runs.zombie_effects(runs.zombie().run(0, faults)) <= 50


def test_the_judges_of_the_experiments():
    back, zombies, stuck = "offsets never go back", "no zombie's effects", "the group gets on"
    assert violated(runs.unheard()) == violated(runs.unheard("leave")) == []
    assert violated(runs.slow_polls(50)) == [stuck]
    assert violated(runs.slow_polls(40)) == []
    assert violated(runs.zombie(check=False)) == [back, zombies]
    assert violated(runs.zombie(check=True)) == [zombies]
    assert violated(runs.zombie(check=True, fenced=True)) == []


def test_a_record_that_the_sink_never_applied_is_missed():
    lossy = runs.late_joiner().branch(Loss(1.0, "c1", "db", at=9000, duration=2000))
    verdict = lossy.judge(lossy.run(0))[2]
    assert verdict.status == "violated"
    assert "the sink has never applied record" in verdict.sentence


# Branch: a rolling restart ----------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["eager", "cooperative", "static"])
def test_a_rolling_restart_is_as_silent_as_the_law_says(protocol):
    trace = runs.rolling_restart(protocol).run(0)
    law = laws.restart_silence(12, 4, barrier_s=1, down_s=5)[protocol]
    assert runs.silence(trace) == pytest.approx(law, rel=0.03)
    assert no_handler_raised(trace)


def test_the_next_protocol_waits_for_heartbeats_instead_of_a_barrier():
    trace = runs.rolling_restart("next").run(0)
    barrier = laws.restart_silence(12, 4, barrier_s=1, down_s=5)["cooperative"]
    heartbeats = 8 * 3 * Member.heartbeat / 1000  # each of eight changes moves three partitions
    assert barrier < runs.silence(trace) <= barrier + heartbeats
    assert no_handler_raised(trace)


# Invariants -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_one_assignee_a_generation_and_offsets_that_never_go_back(seed):
    trace = runs.unheard().run(
        seed, faults=(PowerLoss("coord", at=9_000 + 400 * seed), Restart("coord", at=15_000))
    )
    given = {}
    for row in trace.rows:
        if row[2] == "deliver" and row[5].kind == "assign":
            for partition in row[5].offsets:
                owner = given.setdefault((row[5].generation, partition), row[3])
                assert owner == row[3], "two assignees in one generation"
    generations = [g for g, _ in given]
    assert generations == sorted(generations)
    assert not runs.moved_back(trace)
    assert no_handler_raised(trace)


def test_the_mean_replay_after_a_crash_is_half_a_commit_interval():
    found = []
    for number in range(12):
        crash = Crash("c2", at=10_000.0 + 416 * number + 210)
        found.append(runs.repeated(runs.unheard().run(0, faults=(crash,))))
    assert sum(found) / len(found) == pytest.approx(laws.mean_replay(30, 5000), rel=0.1)


@pytest.mark.slow
def test_the_mean_replay_over_200_random_moments():
    draw = Random("replay")
    found = []
    for _ in range(200):
        crash = Crash("c2", at=10_000.0 + 5000 * draw.random())
        found.append(runs.repeated(runs.unheard().run(0, faults=(crash,))))
    assert sum(found) / len(found) == pytest.approx(laws.mean_replay(30, 5000), rel=0.1)


def test_owners_show_the_gap_and_the_overlap():
    spans = runs.owners(runs.zombie().run(0))[OLD[0]]
    assert [member for _, _, member in spans][:2] == ["c2", "c3"]
    assert spans[0][1] > spans[1][0], "the zombie still thinks that it is the owner"


def test_ownership_gaps_generations_and_lag_are_read_off_the_trace():
    trace = runs.unheard().run(0)
    assert [number for _, _, number in runs.generations(trace)] == ["0", "1", "2"]
    waiting = dict(runs.lag(trace, "orders-3"))
    assert waiting[12_000.0] <= 1
    assert waiting[22_000.0] == pytest.approx(90, abs=2)


# Break it ---------------------------------------------------------------------------------------

MISHAPS = Schedule(kinds=("Crash", "Pause"), nodes=("coord", "c1", "c2"))


class Forgets(Coordinator):
    remembers = False


def test_a_coordinator_that_forgets_its_generation_is_found_and_made_small():
    found = hunt(runs.late_joiner(Forgets(partitions=6)), range(200), MISHAPS)
    assert found.verdict.check == "one assignee"
    assert [type(fault).__name__ for fault in found.faults] == ["Crash", "Restart"]
    assert {fault.node for fault in found.faults} == {"coord"}


def test_one_that_remembers_is_not_found():
    assert not hunt(runs.late_joiner(), range(40), MISHAPS)


# Laws -------------------------------------------------------------------------------------------


def test_a_group_is_as_slow_as_its_most_loaded_member():
    for size, times in runs.speedups((4, 5, 6, 8, 11, 12, 14), partitions=12).items():
        assert times == pytest.approx(laws.useful_parallelism(12, size), rel=0.01)


@pytest.mark.parametrize("members", [4, 10, 100])
def test_a_barrier_lasts_as_long_as_the_slowest(members):
    draws = 20_000 if members < 100 else 4000
    assert runs.barriers(members, 1.0, draws) == pytest.approx(
        laws.mean_barrier(members, 1.0), rel=0.03
    )


def test_moves_and_loads():
    assert runs.moves(12, 3) == {"range": 6, "roundrobin": 9, "sticky": 3}
    assert runs.moves(60, 10) == {"range": 15, "roundrobin": 50, "sticky": 5}
    assert runs.loads_of_small_topics("range") == [10, 10, 10, 0]
    assert runs.loads_of_small_topics("roundrobin") == [8, 8, 7, 7]
