"""The small classics: each bug shows in its script at every seed, and the correct one passes it."""

import pytest

from dsviz.check.explore import hunt
from dsviz.systems import high_watermark, lease_lock, paxos, zombie_consumer

CLASSICS = {
    ("paxos", "does not adopt"): paxos.duel,
    ("lease lock", "no fencing token"): lease_lock.paused_holder,
    ("zombie consumer", "no fencing"): zombie_consumer.zombie,
    ("zombie consumer", "fences commits only"): zombie_consumer.zombie,
    ("KIP-101", "truncates to the high watermark"): high_watermark.kip101,
}
SENTENCES = {
    "does not adopt": "p1 learned that red is chosen, and p2 blue.",
    "no fencing token": "h1 wrote under token 1 after h2 had written under token 2: both believed "
    "that they held the lock.",
    "no fencing": "Record 0 took effect 2 times.",
    "fences commits only": "Record 0 took effect 2 times.",
}


@pytest.mark.parametrize(("name", "bug"), CLASSICS)
def test_a_classic_bug_and_its_mended_twin(name, bug):
    make = CLASSICS[name, bug]
    for seed in range(20):
        broken, mended = make(bug), make("correct")
        trace = broken.run(seed)
        (verdict,) = broken.judge(trace)
        assert verdict.status == "violated"
        assert verdict.sentence == SENTENCES.get(bug, verdict.sentence)
        assert all(trace.event(seq) for seq in verdict.events)
        right = mended.run(seed)
        assert [v.status for v in mended.judge(right)] == ["ok"]
        assert not [e for t in (trace, right) for e in t.select("crash") if e.data]


@pytest.mark.parametrize(("name", "bug"), [pair for pair in CLASSICS if pair[0] != "paxos"])
def test_without_the_fault_nothing_goes_wrong(name, bug):
    scenario = CLASSICS[name, bug](bug, faults=())
    assert [v.status for v in scenario.judge(scenario.run(1))] == ["ok"]


def test_kip_101_names_the_write_that_is_gone():
    scenario = high_watermark.kip101("truncates to the high watermark")
    trace = scenario.run(0)
    (verdict,) = scenario.judge(trace)
    assert verdict.sentence.startswith("The write of m2 was acknowledged at 122 ms, but b1")
    assert [str(op) for op in trace.history()][-1] == "c2 read t → 'm1'"
    mended = high_watermark.kip101().run(0)
    assert [str(op) for op in mended.history()][-1] == "c2 read t → 'm2'"


def test_paxos_decides_whatever_the_seed():
    for seed in range(50):
        scenario = paxos.duel()
        trace = scenario.run(seed)
        learned = [e.data["chosen"] for e in trace.select("state") if e.data.get("chosen")]
        assert len(learned) == 2
        assert len(set(learned)) == 1


@pytest.mark.parametrize("module", [paxos, lease_lock, zombie_consumer, high_watermark])
def test_a_hunt_without_the_script_finds_each_bug_and_nothing_in_the_correct_one(module):
    for variant, scenario_of in module.HUNTS.items():
        found = hunt(scenario_of, range(80), module.SCHEDULE)
        assert bool(found) == (variant != "correct"), variant
