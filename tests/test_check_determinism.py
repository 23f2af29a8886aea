"""The second run: every leak is found and named, and nothing else is."""

import random
import re
import subprocess
import sys
from pathlib import Path

import leaky_nodes
import pytest

from dsviz.check.culprit import guess
from dsviz.check.determinism import deterministic
from dsviz.check.exhaust import exhaust
from dsviz.errors import DsvizError
from dsviz.sim.faults import Crash, Restart
from dsviz.systems import quorum

PAGE = Path(__file__).resolve().parent.parent / "docs" / "determinism.md"


def test_a_node_that_keeps_the_rules_passes():
    verdict = deterministic(leaky_nodes.scenario())
    assert verdict.ok, verdict
    assert "3 other processes" in verdict.sentence


def test_the_quorum_store_passes():
    assert deterministic(quorum.inversion("async", "lan"), seed=3, hash_seeds=(1,)).ok


def test_a_function_that_makes_the_scenario_will_do():
    assert deterministic(leaky_nodes.scenario, hash_seeds=(1,)).ok


@pytest.mark.parametrize(("kind", "named"), leaky_nodes.LEAKS.items(), ids=lambda v: str(v)[:30])
def test_each_leak_is_found_and_named(kind, named):
    scenario = leaky_nodes.scenario(kind)
    verdict = deterministic(scenario, seed=5)
    assert verdict.status == "violated", verdict
    assert named in verdict.sentence
    assert f"{kind.__name__}" in verdict.sentence
    assert " of a: " in verdict.sentence
    assert verdict.at is not None
    assert "\n" not in verdict.sentence


def test_the_event_it_names_is_the_first_that_differs():
    scenario = leaky_nodes.scenario(leaky_nodes.Unique)
    verdict = deterministic(scenario, hash_seeds=(1,))
    [event] = verdict.events
    found = scenario.run(0).event(event)
    assert (found.what, found.peer) == ("deliver", "a")


def test_faults_and_restarts_do_not_disturb_it():
    scenario = leaky_nodes.scenario().branch(Crash("a", 5), Restart("a", 20))
    assert deterministic(scenario, hash_seeds=(1,)).ok


def test_a_process_that_does_not_answer_leaves_it_undecided():
    verdict = deterministic(leaky_nodes.scenario(), timeout_s=0.001)
    assert verdict.status == "undecided"
    assert "0.001 s" in verdict.sentence


def test_what_a_notebook_defines_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(leaky_nodes.Clean, "__module__", "__main__")
    with pytest.raises(DsvizError, match=r"scenario: .*Clean.*\.py"):
        deterministic(leaky_nodes.scenario())


# The order of a set and the hash of a text are fixed within one process, and two runs of a handler
# are over within the same second.
NOT_IN_ONE_PROCESS = {leaky_nodes.Sets, leaky_nodes.Hashes, leaky_nodes.Clock}
IN_ONE_PROCESS = {k: n for k, n in leaky_nodes.LEAKS.items() if k not in NOT_IN_ONE_PROCESS}


@pytest.mark.parametrize(("kind", "named"), IN_ONE_PROCESS.items(), ids=lambda v: str(v)[:30])
def test_a_search_refuses_the_leaks_that_show_in_one_process(kind, named):
    with pytest.raises(DsvizError) as refusal:
        exhaust(leaky_nodes.scenario(kind))
    assert "a: " in str(refusal.value)
    assert "on_timer_tick" in str(refusal.value)
    assert named in str(refusal.value)


def test_the_guess_looks_at_the_handler_first():
    class Two(leaky_nodes.Clean):
        def on_a(self, msg):
            return random.random()

        def on_b(self, msg):
            return sorted({1, 2})

    class One(leaky_nodes.Clean):
        on_b = Two.on_b

    assert "random" in guess(Two, "on_a")
    assert "it uses a set" in guess(One, "on_b")
    assert "outside" in guess(leaky_nodes.Clean)


def test_the_examples_of_the_page_run(tmp_path):
    text = PAGE.read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, re.S)
    assert examples
    (tmp_path / "page.py").write_text("\n".join(examples), encoding="utf-8")
    code = "import page; page.main()"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert run.returncode == 0, run.stderr
    for printed in re.findall(r"```text\n(.*?)```", text, re.S):
        assert printed.strip() in run.stdout
