"""Raft: the lesson's numbers, every bug by its script and in chaos, and chaos without a bug."""

from pathlib import Path

import pytest

from dsviz.check.explore import hunt
from dsviz.check.measures import stale_between
from dsviz.errors import DsvizError
from dsviz.sim.faults import Crash, Partition, Restart
from dsviz.systems import consensus_chaos, consensus_runs
from dsviz.systems.consensus_chaos import CALM, CHAOS, WHERE_TO_LOOK, chaos
from dsviz.systems.consensus_runs import DIRECTED, SAFETY, VARIANTS, cluster

GOLDEN = Path(__file__).with_name("golden")
BUGS = [name for name in VARIANTS if name != "correct"]

# Which judge sees the bug in its script.
SEEN_BY = {
    "counts old terms": "leaders have all that is committed",
    "forgets vote": "one leader a term",
    "forgets term": "one leader a term",
    "forgets log": "linearizable",
    "answers before durable": "linearizable",
    "reads locally": "linearizable",
    "votes blindly": "leaders have all that is committed",
    "no randomness": "everything ends after the faults",
}


def broken(scenario, seed, trace=None):
    """Return the verdicts that are not ok, and what made a server's own code stop it."""
    trace = trace or scenario.run(seed)
    stops = [e.data for e in trace.select("crash") if e.data and "DiskError" not in e.data]
    return [v for v in scenario.judge(trace) if not v.ok] + stops


def assert_survives(seeds):
    """Chaos on three servers for odd seeds and on five for even ones breaks no promise."""
    for seed in seeds:
        scenario = chaos(seed, n=3 if seed % 2 else 5)
        assert broken(scenario, seed) == [], scenario


def test_a_calm_cluster_elects_one_leader_and_answers_everything():
    scenario = cluster(clients=2)
    for seed in range(20):
        trace = scenario.run(seed)
        assert broken(scenario, seed, trace) == []
        assert {op.status for op in trace.history()} == {"ok"}


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7])
def test_any_size_of_cluster_works(n):
    scenario = cluster(n, duration=1500)
    assert broken(scenario, 1) == []


@pytest.mark.parametrize(
    "options",
    [
        {"prevote": True},
        {"sticky": True},
        {"check_quorum": True},
        {"prevote": True, "check_quorum": True, "sticky": True},
        {"reads": "log"},
        {"snapshot_every": 3},
        {"batch": 1},
    ],
    ids=str,
)
def test_options_keep_every_promise_in_chaos(options):
    for seed in range(12):
        scenario = chaos(seed, n=3, **{"noop": True, **options})
        bad = broken(scenario, seed)
        assert bad == [], (seed, bad)


def test_a_follower_that_was_away_for_long_gets_a_snapshot():
    scenario = cluster(3, duration=4000, every=20, snapshot_every=10)
    scenario = scenario.branch(Partition(("s3",), at=500, duration=2000))
    trace = scenario.run(1)
    assert trace.select("deliver", kind="install")
    assert broken(scenario, 1, trace) == []
    shown = [e.data["commit"] for e in trace.select("state", node="s3") if "commit" in e.data]
    assert shown[-1] > 80


def test_a_write_that_was_asked_for_twice_is_done_once():
    """The leader stops after it committed and before it answered; the client asks the next one."""
    scenario = cluster(3, duration=3000, every=300, clients=1)
    plain = scenario.run(1)
    done = next(e for e in plain.select("deliver", kind="ok"))
    leader = done.peer
    stop = Crash(leader, at=round(done.sent_at - 0.05, 3))
    trace = scenario.run(1, [stop, Restart(leader, at=900)])
    attempts = [e for e in trace.select("deliver", kind="write") if e.data.value == "c1.0"]
    assert len(attempts) >= 2
    assert broken(scenario, 1, trace) == []


def test_experiment_1_the_deposed_leader_answers():
    for seed in range(3):
        local = consensus_runs.deposed_leader_reads().run(seed)
        mended = consensus_runs.deposed_leader_reads("correct").run(seed)
        assert stale_between(local, 9000, 16_000) == pytest.approx(95, abs=3)
        assert stale_between(mended, 9000, 16_000) == 0
        inside = [op for op in mended.history() if op.process == "c1" and 10e3 < op.call_ms < 15e3]
        assert {op.status for op in inside} == {"info"}


def test_experiment_2_on_a_majority_and_still_erased():
    scenario = consensus_runs.figure8()
    trace = scenario.run(1)
    verdicts = {v.check: v for v in scenario.judge(trace)}
    assert verdicts["logs match"].ok  # no server misbehaved
    lost = verdicts["leaders have all that is committed"]
    assert lost.sentence == (
        "s1 committed “write x=x cx#186” (index 1, term 1) in term 3, but s5, leader of term 4, "
        "holds “write y=y cy#342” (index 1, term 2) there."
    )
    assert [trace.event(seq).node for seq in lost.events] == ["s1", "s5"]
    assert not verdicts["linearizable"].ok
    for seed in range(200):
        assert broken(consensus_runs.figure8("correct"), seed) == []


def leaders(trace, since, until):
    """Return (the share of the time in which some server led, elections won) between two times."""
    state, led, last, won = {}, 0.0, since, 0
    for event in trace.select("state"):
        if "state" not in event.data:
            continue
        at = min(max(event.time, since), until)
        led += (at - last) * ("leader" in state.values())
        state[event.node], last = event.data["state"], at
        won += event.data["state"] == "leader" and since < event.time < until
    led += (until - last) * ("leader" in state.values())
    return led / (until - since), won


def term_at(trace, at):
    return max(e.data["term"] for e in trace.select("state", until=at) if "term" in e.data)


def test_experiment_3_a_follower_that_cannot_hear_deposes_every_leader():
    trace = consensus_runs.cannot_hear().run(1)
    share, won = leaders(trace, 10e3, 70e3)
    assert share == pytest.approx(0.66, abs=0.03)
    assert won / 60 == pytest.approx(2.1, abs=0.2)
    assert term_at(trace, 70e3) - term_at(trace, 10e3) == pytest.approx(266, abs=10)
    mended = consensus_runs.cannot_hear(prevote=True, length=20e3).run(1)
    assert leaders(mended, 10e3, 30e3) == (1.0, 0)
    assert term_at(mended, 30e3) == term_at(mended, 10e3)
    sticky = consensus_runs.cannot_hear(sticky=True, length=20e3).run(1)
    assert leaders(sticky, 10e3, 30e3) == (1.0, 0)


def test_experiment_3_a_leader_that_cannot_hear_needs_the_check_for_a_quorum():
    def answered(**options):
        trace = consensus_runs.cannot_hear(leads=True, length=20e3, **options).run(1)
        done = [op for op in trace.history() if op.status == "ok" and op.return_ms > 10_100]
        return min(op.return_ms for op in done)

    assert answered() > 30_000
    assert answered(prevote=True) > 30_000
    assert answered(check_quorum=True) < 11_000
    assert answered(check_quorum=True, prevote=True) < 11_000


def test_experiment_3_who_was_away_comes_back_with_a_high_term():
    trace = consensus_runs.cannot_hear(rejoin=True, length=10e3).run(1)
    assert term_at(trace, 19_999) - term_at(trace, 10e3) == pytest.approx(45, abs=4)
    assert leaders(trace, 20e3, 21e3)[0] < 0.9
    mended = consensus_runs.cannot_hear(rejoin=True, length=10e3, prevote=True).run(1)
    assert leaders(mended, 20e3, 21e3) == (1.0, 0)


def test_the_law_of_election_time():
    """After a crash of the leader: T + R/5 - heartbeat/2 + a round trip (four servers remain)."""
    quick = cluster(5, duration=900, latency=0.5).with_nodes(
        s1=consensus_runs.server("correct", eager=True)
    )
    times = []
    for seed in range(300):
        at = 300 + seed / 6  # anywhere between two heartbeats
        trace = quick.run(seed, [Crash("s1", at=at)])
        won = [e.time for e in trace.select("state", since=at) if e.data.get("state") == "leader"]
        times.append(won[0] - at)
    assert sum(times) / len(times) == pytest.approx(150 + 150 / 5 - 50 / 2 + 1, rel=0.05)


def test_judges_read_a_trace_from_its_file_as_well():
    scenario = consensus_runs.figure8()
    trace = scenario.run(1)
    read = type(trace).from_jsonl(trace.to_jsonl())
    assert [str(v) for v in scenario.judge(read)] == [str(v) for v in scenario.judge(trace)]
    assert sum(bool(chaos(seed).run(seed).select("deliver", kind="install")) for seed in range(9))


@pytest.mark.parametrize("bug", BUGS)
def test_each_bug_shows_in_its_script_and_the_correct_servers_pass_it(bug):
    for seed in range(5):
        scenario = DIRECTED[bug](bug)
        assert SEEN_BY[bug] in [getattr(v, "check", v) for v in broken(scenario, seed)]
        assert broken(DIRECTED[bug]("correct"), seed) == []


# Seeds until the first violation, measured: 44, 10, 10, 7, 7, 6, 0, 0.
@pytest.mark.parametrize("bug", BUGS)
def test_each_bug_is_found_by_a_short_sweep_of_chaos(bug):
    options = WHERE_TO_LOOK.get(bug, {})
    for seed in range(60):
        scenario = chaos(seed, bug, **options)
        trace = scenario.run(seed)
        checks = scenario.checks[-1:] if bug == "no randomness" else SAFETY
        if any(check(trace).status == "violated" for check in checks):
            break
    else:
        pytest.fail(f"{bug}: not found in 60 seeds")
    twin = chaos(seed, "correct", **options)
    assert all(check(twin.run(seed)).ok for check in SAFETY)


def test_the_correct_servers_survive_200_seeds_of_chaos():
    assert_survives(range(200))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_correct_servers_survive_10_000_seeds_of_chaos():
    assert_survives(range(10_000))


def test_a_hunt_makes_figure_8_small():
    found = hunt(consensus_chaos.HUNTS["counts old terms"], range(60))
    assert found.verdict.check == "leaders have all that is committed"
    assert len(found.faults) <= 8
    assert consensus_chaos.HUNTS.keys() == VARIANTS.keys()


def test_chaos_is_drawn_from_its_seed_and_leaves_nothing_broken():
    used = set()
    for seed in range(60):
        one, other = chaos(seed), chaos(seed)
        assert one.faults == other.faults
        assert all((fault.ends or fault.at) <= CALM + 1e-6 for fault in one.faults)
        assert {f.node for f in one.faults if isinstance(f, Restart) and f.at == CALM} == {
            "s1", "s2", "s3", "s4", "s5",
        }  # fmt: skip
        used |= {type(fault).__name__ for fault in one.faults}
    assert len(used) >= 14
    assert chaos(1).run(1).digest() == chaos(1).run(1).digest()
    assert chaos(1).faults != chaos(2).faults


def test_unknown_names_are_refused_with_those_that_exist():
    with pytest.raises(DsvizError, match="variant='none' does not exist; there are"):
        cluster(variant="none")
    with pytest.raises(DsvizError, match="flap"):
        chaos(kinds=("earthquake",))
    assert "flap" in CHAOS
    with pytest.raises(DsvizError, match="has no option 'quick'"):
        cluster(quick=True)


@pytest.mark.parametrize("name", ["calm", "figure-8"])
def test_golden_transcripts(name, request):
    """Readable traces: after a change look at the diff, and commit only what you understand."""
    scenario, until = {
        "calm": (cluster(3, duration=900, every=300), 600),
        "figure-8": (consensus_runs.figure8(), 2000),
    }[name]
    text = scenario.run(1).transcript(until=until)
    path = GOLDEN / f"11-consensus-{name}.txt"
    if request.config.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_a_crashed_schedule_can_be_given_by_hand():
    scenario = consensus_chaos.chaos(3, n=3)
    assert broken(scenario, 3, scenario.run(3, [Crash("s1", at=500), Restart("s1", at=600)])) == []
