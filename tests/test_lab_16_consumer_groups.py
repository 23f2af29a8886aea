"""Lab 16: its questions, what it gives, and what its judges see. All that holds for every lab is in
test_labs.py."""

import dataclasses
import json
from pathlib import Path

import pytest
from labtools import ROOT, answers

from dsviz import laws
from dsviz.grading.lab import lab_named
from dsviz.grading.labs import _groups_cases as cases
from dsviz.grading.labs._groups_nodes import HEARTBEAT, SESSION
from dsviz.grading.labs._groups_properties import ALL
from dsviz.grading.labs._groups_story import acts
from dsviz.grading.run import bounded, judged, run_check
from dsviz.grading.source import compiled, executed
from dsviz.grading.submission import code_of, read_submission

LAB = lab_named("16-consumer-groups")
MASTER = ROOT / "solutions" / LAB.slug / f"{LAB.slug}.ipynb"


@pytest.fixture(scope="module")
def solution():
    return executed(compiled(read_submission(MASTER).code()))


@pytest.mark.parametrize(
    ("answer", "remark"),
    [
        (24, None),
        (24.0, None),
        (144, "when all 24 stop"),
        (72, "nobody takes over"),
        (12, "a restart is two changes"),
        (6, "how many partitions stop"),
        (True, "not a number"),
        (None, "not yet answered"),
    ],
)
def test_feedback_on_the_cooperative_protocol(answer, remark):
    said = LAB.questions[0].items[0].wrong(answer)
    assert said is None if remark is None else remark in said


@pytest.mark.parametrize(
    ("answer", "remark"),
    [
        (1, None),
        (1.0, None),
        (0.5, "once when it is back"),
        (3, "for how long"),
        ("1 s", "not a number"),
        (None, "not yet answered"),
    ],
)
def test_feedback_on_the_break_even(answer, remark):
    said = LAB.questions[0].items[1].wrong(answer)
    assert said is None if remark is None else remark in said


def test_static_ids_break_even_where_the_question_says():
    silence = laws.restart_silence(24, 6, 0.5, 1.0)
    assert silence["static"] == silence["cooperative"]


def test_the_notebook_gives_what_the_judge_gives():
    cells = json.loads(Path(MASTER).read_text(encoding="utf-8"))["cells"]
    given = next("".join(cell["source"]) for cell in cells if cell["id"] == "given")
    assert given.strip() == LAB.given.strip()


def test_the_judge_and_the_lab_mean_the_same_times(solution):
    assert (solution["HEARTBEAT"], solution["SESSION"]) == (HEARTBEAT, SESSION)


def test_every_situation_is_there_once(solution):
    names = [case.name for case in cases.directed(solution, 1)]
    assert len(set(names)) >= 25
    swept = {name for name in names if names.count(name) > 1}
    assert swept == {
        "the coordinator loses power as a generation begins",
        "the coordinator loses power as members commit",
    }


def test_the_situations_are_what_they_are_called(solution):
    """Each directed case brings about what it is named after, or it would judge nothing."""
    zombie = bounded(cases.zombie(solution, 1).scenario, 1)[0]
    refused = [
        act
        for act in acts(zombie)
        if act.what == "sent" and act.msg.kind == "committed" and act.msg.status != "ok"
    ]
    assert refused
    dead = bounded(cases.dies_in_barrier(solution, 1).scenario, 1)[0]
    [crash] = [act.time for act in acts(dead) if act.what == "crash"]
    asked = [a.time for a in acts(dead) if a.what == "sent" and a.msg.kind == "revoke"]
    assert any(crash - 1000 < at < crash for at in asked)
    lost = bounded(cases.unheard(solution, 1, "coord", "c4").scenario, 1)[0]
    assert any(row[2] == "drop" and row[5].kind == "assign" for row in lost.rows)


def test_a_storm_has_fourteen_members_and_many_generations(solution):
    trace = bounded(cases.storm(solution, 3).scenario, 3)[0]
    assert sum(role == "member" for role in trace.nodes.values()) == 14
    generations = {
        a.msg.generation for a in acts(trace) if a.what == "sent" and a.msg.kind == "assign"
    }
    assert len(generations) >= 10


@pytest.mark.parametrize("fields", [{"generation": 1}, {"generation": "1", "offsets": {}}])
def test_a_message_without_its_fields_is_named(fields):
    code = dict(answers("right", LAB.slug)[0].code())
    body = ", ".join(f"{name}={value!r}" for name, value in fields.items())
    code["coordinator"] = code["coordinator"].replace(
        "generation=self.generation, offsets=begin", body
    )
    check = next(check for check in LAB.checks if check.name == "one owner in each generation")
    given = run_check(LAB, check, executed(compiled(code)), hidden=False)
    assert "a message 'assign' that coord sent to c1" in given.sentence
    assert "Compare it with the table of messages." in given.sentence


def test_a_coordinator_that_gives_nothing_gets_nothing():
    """Nobody is robbed where nobody owns anything: every check asks that partitions go on."""
    code = dict(answers("right", LAB.slug)[0].code())
    code["coordinator"] = code["coordinator"].replace("        self.deal()\n", "", 1)
    classes = executed(compiled(code))
    lab = dataclasses.replace(LAB, hints=(), hidden_seeds=(1,), visible_seeds=(1,))
    for check in lab.checks:
        if check.points:
            assert not run_check(lab, check, classes, hidden=True).ok, check.name


OFF = "            self.buffer = self.off = [1]\n"
ON = "            self.buffer = self.off = []\n"
MORE = {
    "Who still knows it after a restart?": (
        "coordinator",
        ('read("group", default=(0, {}))', 'read("group", default=0), {}'),
        ('write("group", (self.generation, self.offsets))', 'write("group", self.generation)'),
    ),
    "Who would give it to you again?": (
        "member",
        ("        if msg.generation == self.generation:", "        if msg.generation >= 1:"),
    ),
    "Who else would work on those that it keeps?": (
        "member",
        ("            self.drop()\n            self.send", OFF + "            self.send"),
        ("if not self.buffer:", "if not self.buffer or self.__dict__.get('off'):"),
        ("            self.generation = msg", ON + "            self.generation = msg"),
    ),
}


@pytest.mark.parametrize("advice", MORE)
def test_more_misconceptions_have_a_hint_of_their_own(advice):
    code = dict(read_submission(MASTER).code())
    cell, *changes = MORE[advice]
    for before, after in changes:
        assert code[cell].count(before) == 1, before
        code[cell] = code[cell].replace(before, after)
    names = ("every partition goes on", "the coordinator restarts")
    checks = [check for check in LAB.checks if check.name in names]
    classes = executed(compiled(code))
    said = [run_check(LAB, check, classes, hidden=False).sentence for check in checks]
    assert any(advice in sentence for sentence in said), said


def test_a_member_that_joins_at_the_moment_a_generation_begins_is_of_the_next_one(solution):
    """Here c2's request comes in the same millisecond fraction in which generation 8 begins."""
    check = dataclasses.replace(LAB.checks[-1], properties=ALL)
    _, verdict = judged(check, cases.bad_links(solution, 30331))
    assert verdict.ok, verdict.sentence


@pytest.mark.slow
@pytest.mark.parametrize("name", ["solution", "tables"])
def test_right_answers_hold_in_thousands_of_runs(name, solution):
    """Every situation and every kind of random case, at many more seeds than are marked."""
    classes = solution
    if name != "solution":
        [answer] = [a for a in answers("right", LAB.slug) if a.name == name]
        classes = executed(compiled(code_of(LAB, answer.cells)))
    check = dataclasses.replace(LAB.checks[-1], properties=ALL)
    pairs = 0
    for seed in range(3000, 3050):
        made = [*cases.directed(classes, seed)]
        for more in range(4):
            number = 10 * seed + more
            made += [make(classes, number) for make in (cases.storm, cases.stalls, cases.bad_links)]
        for case in made:
            _, verdict = judged(check, case)
            assert verdict.ok, f"{case}: {verdict.sentence}"
        pairs += len(made)
    assert pairs >= 2000
