"""Practice: the visible checks in the learner's own kernel, and the counterexample that plays."""

import pytest
from labtools import ROOT, answers

from dsviz.check.shrink import shrink
from dsviz.grading.practice import check
from dsviz.grading.source import compiled, executed
from dsviz.grading.submission import literal, read_submission
from dsviz.sim.node import Client

SLUG = "04-quorum"
STEPS = ("replica", "write", "read", "resend")


def classes_of(cells: dict[str, str]) -> tuple:
    namespace = executed(compiled(cells))
    return namespace["Replica"], namespace["Coordinator"]


def solution():
    return read_submission(ROOT / "solutions" / SLUG / f"{SLUG}.ipynb")


def unsolved():
    return read_submission(ROOT / "labs" / SLUG / f"{SLUG}.ipynb")


def played(*work, **named):
    shown = []

    def play(scenario, seed, title, at):
        shown.append((scenario, seed, title, at))
        return "the player"

    assert check(*work, play=play, **named) in (None, "the player")
    return shown


def test_the_line_that_raised_ends_where_the_error_begins(capsys):
    right, coordinator = classes_of(solution().code())

    class Replica(right):
        def on_store(self, msg):
            if msg.nothing > 0:
                self.disk.sync()

    played(Replica, coordinator, lab=SLUG, step="write")
    said = " ".join(capsys.readouterr().out.split())
    assert "AttributeError" in said
    assert ":: " not in said


def test_the_solution_passes_and_nothing_plays(capsys):
    assert played(*classes_of(solution().code()), lab=SLUG) == []
    out = capsys.readouterr().out
    assert "6 of 6 points here" in out
    assert "linearizable, 3 replicas" in out
    assert "hidden" not in out.splitlines()[0]


@pytest.mark.parametrize("step", STEPS)
def test_each_step_says_not_yet_or_holds(step, capsys):
    assert played(*classes_of(unsolved().code()), lab=SLUG, step=step) == []
    assert "Not yet: " in capsys.readouterr().out
    assert played(*classes_of(solution().code()), lab=SLUG, step=step) == []
    assert "Holds in 1 run." in capsys.readouterr().out


def test_the_first_step_needs_the_replica_only(capsys):
    replica, _ = classes_of(solution().code())
    check(replica, lab=SLUG, step="replica")
    assert "Holds in 1 run." in capsys.readouterr().out


def test_the_lab_is_known_by_its_classes(capsys):
    check(*classes_of(unsolved().code()))
    assert "Not yet: on_start of" in capsys.readouterr().out


@pytest.mark.parametrize("answer", answers("wrong", SLUG), ids=lambda answer: answer.name)
def test_a_wrong_answer_plays_its_own_counterexample(answer, capsys):
    (shown,) = played(*classes_of(answer.code()), lab=SLUG)
    scenario, seed, title, at = shown
    assert answer.about["message"] in " ".join(capsys.readouterr().out.split())
    verdicts = scenario.judge(scenario.run(seed))
    assert at in [verdict.at for verdict in verdicts if verdict.status == "violated"]
    assert f"seed {seed}" in title
    clients = [node for node in scenario.nodes.values() if isinstance(node, Client)]
    assert sum(len(client.operations) for client in clients) <= 10, (
        "the counterexample is not short"
    )
    for fault in scenario.faults:  # and nothing in it can be spared
        fewer = [other for other in scenario.faults if other is not fault]
        again = scenario.judge(scenario.run(seed, fewer))
        kept = [v.check for v in again if v.status == "violated"]
        first = next(v.check for v in verdicts if v.status == "violated")
        assert kept[:1] != [first] or len(scenario.faults) > 12


def test_answers_are_checked_as_well(capsys):
    check(literal(solution().cells["choices"], "CHOICES"), lab=SLUG)
    assert "2/2" in capsys.readouterr().out
    check(literal(unsolved().cells["choices"], "CHOICES"), lab=SLUG)
    assert "not yet answered" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("work", "named", "said"),
    [
        ((), {}, "say which lab"),
        ((), {"lab": "99-x"}, "does not exist"),
        ((5,), {"lab": SLUG}, "neither a class"),
        ((), {"lab": SLUG}, "there is nothing to check"),
        ((int,), {"lab": SLUG}, "neither a class"),
    ],
)
def test_misuse_is_told_and_never_raises(work, named, said, capsys):
    assert check(*work, **named) is None
    assert said in capsys.readouterr().out


def test_an_unknown_step_names_the_steps(capsys):
    check(*classes_of(unsolved().code()), lab=SLUG, step="first")
    assert "read, replica, resend and write" in capsys.readouterr().out


def test_the_text_is_the_same_every_time(capsys):
    wrong = answers("wrong", SLUG)[0]
    texts = []
    for _ in range(2):
        played(*classes_of(wrong.code()), lab=SLUG)
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]


# Shrinking ------------------------------------------------------------------------------------


@pytest.mark.parametrize("needed", [set(), {3}, {0, 9}, {1, 2, 5}, set(range(10))])
def test_shrinking_keeps_what_is_needed_only(needed):
    assert set(shrink(range(10), lambda parts: needed <= set(parts))) == needed


def test_shrinking_keeps_to_its_budget():
    tries = []
    shrink(range(1000), lambda parts: bool(tries.append(parts)), budget=50)
    assert len(tries) == 50


def test_the_result_cannot_be_made_smaller_by_one_part():
    def fails(parts):
        return sum(parts) >= 100

    kept = shrink(range(40), fails, budget=1000)
    assert fails(kept)
    assert not any(fails([p for p in kept if p != part]) for part in kept)
