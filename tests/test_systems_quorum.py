"""Every number of the quorum lesson, at its default seed and over a sweep of seeds."""

from collections import Counter
from pathlib import Path

import pytest

from dsviz import laws
from dsviz.check.explore import sweep, wilson
from dsviz.check.invariants import fresh_reads
from dsviz.check.measures import latencies, stale_between
from dsviz.errors import DsvizError
from dsviz.sim.faults import Crash
from dsviz.systems import quorum
from dsviz.transcript import milliseconds
from dsviz.widgets.differences import differences

GOLDEN = Path(__file__).with_name("golden")


def fresh_share(preset, seed=0, trials=10_000, **options):
    trace = quorum.staleness(preset, trials=trials, **options).run(seed)
    behind = quorum.versions_behind(trace.history())
    assert len(behind) == trials
    return 100 * behind.count(0) / trials


@pytest.mark.parametrize("preset", ["lnkd-disk", "lnkd-ssd"])
def test_experiment_1_reproduces_the_published_share_of_fresh_reads(preset):
    published = laws.PBS_AT_ONCE[preset].value
    assert fresh_share(preset) == pytest.approx(published, abs=1.5)
    for seed in range(1, 4):
        assert fresh_share(preset, seed, trials=4000) == pytest.approx(published, abs=2.5)


def test_experiment_1_fix_every_read_is_fresh_and_costs_about_a_millisecond():
    fast = quorum.staleness("lnkd-disk", trials=10_000).run(0)
    safe = quorum.staleness("lnkd-disk", R=2, W=2, trials=10_000).run(0)
    assert set(quorum.versions_behind(safe.history())) == {0}
    assert fresh_reads(safe).ok
    before = laws.percentile(latencies(fast, "read"), 0.999)
    after = laws.percentile(latencies(safe, "read"), 0.999)
    assert (before, after) == (pytest.approx(0.66, rel=0.08), pytest.approx(1.64, rel=0.08))


def test_simulator_and_wars_model_agree():
    for R, W in ((1, 1), (1, 2), (2, 1)):
        model = 100 * laws.wars(tuple(quorum.wars("lnkd-disk").values()), 3, R, W).consistent()
        assert fresh_share("lnkd-disk", R=R, W=W, trials=5000) == pytest.approx(model, abs=2.0)


def test_a_stale_read_is_told_with_the_time_that_the_player_shows():
    verdict = fresh_reads(quorum.staleness("lnkd-disk", trials=8, pause=12, duration=120).run(2))
    assert verdict.sentence.startswith(f"A read nothing at {verdict.at:.1f} ms, although")
    assert "acknowledged at 3.1 ms" in verdict.sentence


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0, "0 ms"),
        (0.4257, "0.426 ms"),
        (3.54, "3.5 ms"),
        (10, "10 ms"),
        (60.7852, "60.8 ms"),
        (2070, "2,070 ms"),
    ],
)
def test_times_are_written_as_the_player_writes_them(ms, said):
    assert milliseconds(ms) == said


def test_two_futures_say_that_a_read_returned_nothing():
    scenario = quorum.staleness("lnkd-disk", trials=8, pause=12, duration=120)
    told = differences(scenario.run(2), scenario.run(2, (Crash("k1", at=3.2),)))
    assert any("A's read x: in A it returns nothing at 3.5 ms" in sentence for sentence in told)


def test_a_read_that_waits_is_fresh_more_often():
    shares = [fresh_share("lnkd-disk", read_delay=t, trials=2000) for t in (0, 10, 50)]
    assert shares == sorted(shares)
    # Bailis et al. 2012, section 5.6: 92.5 % ten ms after the commit.
    assert shares[1] == pytest.approx(92.5, abs=2.0)


def test_experiment_2_is_the_new_old_inversion():
    scenario = quorum.inversion()
    trace = scenario.run(1)
    assert [str(op) for op in trace.history()] == [
        "C write x 'v1'",
        "C write x 'v2' (outcome unknown)",
        "A read x → 'v2'",
        "B read x → 'v1'",
    ]
    linearizable, fresh, versions = scenario.judge(trace)
    assert linearizable.status == "violated"
    assert linearizable.at == 340.0
    assert "v1" in linearizable.sentence
    assert "v2" in linearizable.sentence
    assert fresh.ok
    assert versions.ok


def test_experiment_2_fix_holds_in_200_of_200_seeds_and_only_the_fix_does():
    broken = sweep(quorum.inversion("off", network="lnkd-disk"), range(200))
    better = sweep(quorum.inversion("async", network="lnkd-disk"), range(200))
    mended = sweep(quorum.inversion("write-back", network="lnkd-disk"), range(200))
    assert len(mended.failing) == len(mended.undecided) == 0
    assert mended.runs == 200
    assert len(broken.failing) > len(better.failing) > 0
    assert str(mended) == (
        "linearizable: violated in 0 of 200 runs (0.0%, 95 % interval 0.0% to 1.9%)"
    )


def test_experiment_2_fix_costs_one_round_trip_and_one_disk_write():
    plain = latencies(quorum.inversion().run(1), "read")
    mended = latencies(quorum.inversion("write-back").run(1), "read")
    assert plain == [40.0, 40.0]
    assert mended == [61.0, 60.0]  # B's write-back finds the version stored already


def test_experiment_3_every_read_is_stale_until_the_hints_drain():
    scenario = quorum.sloppy_quorum()
    for seed in (0, 1, 2):
        trace = scenario.run(seed)
        assert stale_between(trace, 2000, 7000) == 50
        assert stale_between(trace, 0, 2000) == stale_between(trace, 7600, 9000) == 0
        assert scenario.judge(trace)[-1].ok  # the replicas agree at the end
    counts = Counter((op.f, op.status) for op in trace.history())
    assert counts["write", "ok"] == 89


def test_experiment_3_fix_no_stale_read_but_no_write_either():
    trace = quorum.sloppy_quorum(sloppy=False).run(0)
    assert fresh_reads(trace).ok
    writes = Counter(
        op.status for op in trace.history() if op.f == "write" and 1000 <= op.call_ms < 6900
    )
    assert writes == {"info": 59}


@pytest.mark.parametrize(("N", "R", "W"), [(3, 1, 1), (3, 1, 2), (5, 2, 2)])
def test_law_k_staleness_within_a_point(N, R, W):
    ks, shares, lows, highs = quorum.measured_within(N, R, W, [1, 2, 3, 5, 10], trials=20_000)
    for k, share, low, high in zip(ks, shares, lows, highs, strict=True):
        assert share == pytest.approx(laws.within_k_versions(N, R, W, k), abs=0.01)
        assert low < share <= high + 1e-9


def test_replicas_never_go_back_even_when_they_crash():
    scenario = quorum.staleness("lnkd-disk", trials=50)
    trace = scenario.run(0, [Crash("r1", at=20)])
    assert quorum.versions_never_go_back(trace).ok


def test_a_regression_would_be_seen():
    class Forgetful(quorum.Replica):
        def on_fetch(self, msg):
            super().on_fetch(msg)
            self.versions.clear()

    scenario = quorum.inversion().with_nodes(r2=Forgetful())
    verdict = quorum.versions_never_go_back(scenario.run(1))
    assert verdict.status == "violated"
    assert verdict.sentence.startswith("r2 sent version")


def test_disagreement_at_the_end_would_be_seen():
    scenario = quorum.inversion()
    verdict = quorum.replicas_agree(scenario.run(1))
    assert (verdict.status, verdict.at) == ("violated", 500)
    assert verdict.sentence == (
        "At the end of the run they differ: r1 x = v2; r2 x = v1; r3 x = v1."
    )


def test_wilson_interval():
    # Worked example in Wilson's style: 8 of 10 at 95 %.
    assert wilson(8, 10) == (pytest.approx(0.4902, abs=1e-3), pytest.approx(0.9433, abs=1e-3))
    assert wilson(0, 0) == (0.0, 1.0)


def test_unknown_names_are_refused_with_those_that_exist():
    with pytest.raises(DsvizError, match="lnkd-disk, lnkd-ssd and ymmr"):
        quorum.staleness("floppy")
    with pytest.raises(DsvizError, match="there is no node 'k9'"):
        quorum.inversion().with_nodes(k9=quorum.Coordinator())


@pytest.mark.parametrize("name", ["inversion", "inversion-write-back", "sloppy"])
def test_golden_transcripts(name, request):
    """Readable traces: after a change look at the diff, and commit only what you understand."""
    scenario, until = {
        "inversion": (quorum.inversion(), 500),
        "inversion-write-back": (quorum.inversion("write-back"), 500),
        "sloppy": (quorum.sloppy_quorum(), 2200),
    }[name]
    text = scenario.run(1).transcript(until=until)
    path = GOLDEN / f"04-quorum-{name}.txt"
    if request.config.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
