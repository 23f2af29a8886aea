"""Each classic bug is found in seconds and made small; what was found is stored, and plays.

The files of golden/found say by which tool a bug was found, and how. Those of a hunt hold the run
as data; those of an exhaustive search the schedule, and beside it the same as a trace.
"""

import json
from itertools import islice
from pathlib import Path
from time import process_time

import pytest

from dsviz.check.exhaust import exhaust
from dsviz.check.explore import hunt
from dsviz.hunt_command import targets
from dsviz.recall import recalled, stored
from dsviz.systems.consensus_runs import SAFETY
from dsviz.systems.consensus_search import CASES
from dsviz.trace import Trace

FOUND = Path(__file__).parent / "golden" / "found"
#: CPU seconds within which a bug is found and made small: 5 when idle, thrice that when busy.
SECONDS = 15.0
#: So many failing runs are made small, and the smallest is kept.
SMALLEST_OF = 4
#: States of the correct cluster that are searched: a multiple of what any bug takes.
STATES = 100_000

# (system, variant) -> (name of its files, runs that a hunt may take)
HUNTED = {
    ("consensus", "no randomness"): ("11-consensus-no-randomness", 60),
    ("paxos", "does not adopt"): ("11-consensus-paxos-does-not-adopt", 60),
    ("lease_lock", "no fencing token"): ("03-failover-no-fencing-token", 60),
    ("zombie_consumer", "no fencing"): ("16-consumer-groups-zombie", 60),
    ("zombie_consumer", "fences commits only"): ("16-consumer-groups-fences-commits-only", 60),
    ("high_watermark", "truncates to the high watermark"): ("12-producer-acks-kip-101", 60),
    ("quorum", "R+W<=N"): ("04-quorum-sets-that-do-not-meet", 60),
}


def searched(variant, of=None, max_states=STATES):
    case = CASES[variant]
    return exhaust(case.scenario(of or variant), **case.search, max_states=max_states)


def sought(system, variant, seeds):
    (target,) = targets(system, variant)
    return target, hunt(target.make, seeds, target.schedules, smallest_of=SMALLEST_OF)


def shortened(transcript, most=120):
    """Return a transcript, without its middle when it is long."""
    lines = transcript.splitlines()
    if len(lines) > most:
        half = most // 2
        lines[half:-half] = [f"     … {len(lines) - most} lines …"]
    return "\n".join(lines) + "\n"


def golden(path, text, request):
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("variant", CASES)
def test_an_exhaustive_search_finds_a_bug_of_raft(variant, request):
    begin = process_time()
    result = searched(variant)
    assert process_time() - begin < SECONDS
    found = result.counterexample
    text = f"{variant}: found by exhaust, {result.states:,} states\n{result.bounds}\n"
    text += "".join(f"first: {(stage.__doc__ or '')}\n" for stage in CASES[variant].stages)
    name = f"11-consensus-{variant.replace(' ', '-')}"
    golden(FOUND / f"{name}.txt", f"{text}\n{found}\n", request)
    golden(FOUND / f"{name}.jsonl", found.trace.to_jsonl(), request)


@pytest.mark.parametrize("variant", CASES)
def test_the_same_search_finds_nothing_in_correct_raft(variant):
    result = searched(variant, of="correct")
    assert result.counterexample is None
    assert str(result).startswith(("all", "sampled"))


@pytest.mark.parametrize("variant", CASES)
def test_what_a_search_found_plays_and_is_judged_like_any_other_run(variant):
    trace = Trace.from_jsonl(
        (FOUND / f"11-consensus-{variant.replace(' ', '-')}.jsonl").read_text()
    )
    assert "violated" in [check(trace).status for check in SAFETY]
    assert trace.transcript().count("\n") > 20


@pytest.mark.parametrize(("system", "variant"), HUNTED)
def test_a_hunt_finds_a_bug_and_stores_it(system, variant, request):
    name, runs = HUNTED[system, variant]
    begin = process_time()
    target, found = sought(system, variant, range(runs))
    assert process_time() - begin < SECONDS
    assert found.minimal
    scenario, seed = recalled(json.loads(json.dumps(stored(target, found))))
    assert scenario.run(seed) == found.trace
    text = f"{system}, {variant}: found by hunt\n{found}\n"
    text += f"\n{json.dumps(stored(target, found))}\n"
    text += f"\n{shortened(found.trace.transcript())}"
    golden(FOUND / f"{name}.txt", text, request)


@pytest.mark.parametrize(("system", "variant"), HUNTED)
def test_what_a_hunt_stored_plays_and_breaks_the_same_promise(system, variant):
    text = (FOUND / f"{HUNTED[system, variant][0]}.txt").read_text(encoding="utf-8")
    data = next(line for line in text.splitlines() if line.startswith("{"))
    scenario, seed = recalled(json.loads(data))
    (verdict,) = [v for v in scenario.judge(scenario.run(seed)) if v.status == "violated"][:1]
    assert verdict.sentence.rstrip(".") in text


@pytest.mark.parametrize(("system", "variant"), HUNTED)
def test_the_mended_twin_passes_the_same_hunt(system, variant):
    twin = "R+W>N" if system == "quorum" else "correct"
    assert not sought(system, twin, range(30 if system == "consensus" else 60))[1]


@pytest.mark.slow
@pytest.mark.parametrize(("system", "variant"), HUNTED)
def test_no_other_seed_leads_to_a_much_smaller_run(system, variant):
    """1-minimal is not smallest: so the smallest of many, each shrunk from another seed."""
    (target,) = targets(system, variant)
    failing = (n for n in range(400) if hunt(target.make, [n], target.schedules, shrink_budget=1))
    sizes = [sought(system, variant, [seed])[1].size for seed in islice(failing, 12)]
    first = sought(system, variant, range(HUNTED[system, variant][1]))[1].size
    assert first <= 1.1 * min(sizes)


@pytest.mark.parametrize("variant", [name for name in CASES if not CASES[name].stages])
def test_a_search_without_stages_is_breadth_first_so_nothing_is_shorter(variant):
    length = len(searched(variant).counterexample)
    case = CASES[variant]
    shallower = [
        searched(variant, max_states=states).counterexample for states in (1_000, 5_000, 15_000)
    ]
    assert all(found is None or len(found) >= length for found in shallower)
    assert case.invariant.__doc__
