"""``python -m dsviz hunt``: what it prints, where, and with which exit status."""

import json
import subprocess
import sys

import pytest

from dsviz import cli, hunt_command
from dsviz.errors import DsvizError
from dsviz.sim.faults import fault_from_dict


def test_it_finds_a_planted_bug_and_exits_with_1(capsys):
    assert cli.main(["hunt", "quorum", "--variant", "R+W<=N", "--seeds", "100"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("quorum, R+W<=N: Found at seed ")
    assert "no fault or operation can be left out" in out
    assert err == ""


def test_the_smallest_of_several_can_be_asked_for(capsys):
    words = ["hunt", "quorum", "--variant", "R+W<=N", "--seeds", "20", "--json"]
    sizes = []
    for more in ([], ["--smallest-of", "2"]):
        assert cli.main([*words, *more]) == 1
        [result] = json.loads(capsys.readouterr().out)
        sizes.append(len(result["faults"]) + json.dumps(result["run"]).count('"f": '))
    assert sizes[1] < sizes[0]


def test_it_finds_nothing_in_the_mended_twin_and_exits_with_0(capsys):
    assert cli.main(["hunt", "quorum", "--variant", "R+W>N", "--seeds", "15"]) == 0
    assert "Not found in 15 runs" in capsys.readouterr().out


def test_json_can_be_read_and_its_faults_made_again(capsys):
    words = ["hunt", "quorum", "--variant", "inversion", "--seeds", "60", "--json"]
    assert cli.main(words) == 1
    [result] = json.loads(capsys.readouterr().out)
    assert result["found"] is result["minimal"] is True
    assert result["check"] == "linearizable"
    [target] = hunt_command.targets("quorum", "inversion")
    scenario = target.make(result["seed"])
    faults = [fault_from_dict(fault) for fault in result["faults"]]
    assert len(scenario.run(result["seed"], faults).select("fault")) == len(faults)


def test_all_variants_are_hunted_without_a_name(capsys):
    assert cli.main(["hunt", "quorum", "--seeds", "10", "--json"]) in (0, 1)
    results = json.loads(capsys.readouterr().out)
    assert [r["variant"] for r in results] == [t.variant for t in hunt_command.targets("quorum")]


def test_jobs_change_nothing(capsys):
    words = ["hunt", "quorum", "--variant", "R+W<=N", "--seeds", "40", "--json"]
    cli.main(words)
    alone = capsys.readouterr().out
    cli.main([*words, "--jobs", "2"])
    assert capsys.readouterr().out == alone


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hunt", "quroum"], "the systems are"),
        (["hunt", "quorum", "--variant", "R"], "its variants are"),
        (["hunt", "quorum", "--seeds", "0"], "must be 1 or more"),
    ],
)
def test_a_wrong_word_is_one_sentence_and_status_2(words, said, capsys):
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


def test_a_progress_bar_is_for_terminals_only():
    command = [sys.executable, "-m", "dsviz", "hunt", "quorum", "--variant", "R+W>N"]
    run = subprocess.run([*command, "--seeds", "3"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_terminal_gets_one(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    hunt_command.hunt_system("quorum", "R+W>N", seeds=3)
    assert "hunting" in capsys.readouterr().err


def test_a_system_offers_a_table_of_its_own(monkeypatch):
    from dsviz.systems import quorum

    monkeypatch.setattr(quorum, "HUNTS", {"mine": lambda seed: None}, raising=False)
    [target] = hunt_command.targets("quorum")
    assert (target.variant, target.schedules) == ("mine", None)


def test_every_variant_that_is_offered_makes_a_scenario_with_checks():
    assert "quorum" in hunt_command.hunting_grounds()
    for system in hunt_command.hunting_grounds():
        for target in hunt_command.targets(system):
            assert target.make(0).checks
    with pytest.raises(DsvizError):
        hunt_command.targets("laws")
