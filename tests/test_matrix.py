"""The kill matrix is as stored; right answers pass everywhere, mutants of the solution nowhere."""

import pytest
from labtools import answers
from matrix import GOLDEN, as_text, equivalent, killed, lines, mutants, paid, text

from dsviz.grading.lab import all_labs

LABS = all_labs()
every_lab = pytest.mark.parametrize("lab", LABS.values(), ids=list(LABS))


def test_the_matrix_is_as_stored():
    assert text() == GOLDEN.read_text(encoding="utf-8"), "run: make matrix"


@pytest.mark.slow
@every_lab
def test_with_all_hidden_seeds(lab):
    found = list(lines(lab, len(lab.hidden_seeds)))
    visible = {check.name for check in paid(lab) if check.visible}
    for line in found:
        if line.kind in ("solution", "right"):
            assert not line.refused, line
        elif line.kind == "stronger":
            [about] = [a.about for a in answers("stronger", lab.slug) if a.name == line.name]
            assert line.refused == (about["loses"],)
        else:
            assert line.refused, f"{line.name} is a wrong answer, and passes"
    wrong = [line for line in found if line.kind == "wrong"]
    assert sum(bool(visible & set(line.refused)) for line in wrong) >= 0.6 * len(wrong)


@every_lab
def test_a_matrix_with_a_wrong_answer_that_passes_looks_different(lab):
    found = list(lines(lab, 1))
    tampered = [
        line if line.kind != "wrong" else type(line)("wrong", line.name, found[0].marks)
        for line in found
    ]
    assert as_text(lab, tampered) != as_text(lab, found)


@every_lab
def test_some_mutants_of_the_solution_are_killed(lab):
    made = mutants(lab)
    assert len(made) >= 30
    excused = equivalent(lab)
    for mutant in made[:: len(made) // 5]:
        assert killed(mutant) or mutant.name in excused, mutant.name


@pytest.mark.slow
@every_lab
def test_every_mutant_is_killed_or_equivalent_for_a_reason(lab):
    made, excused = mutants(lab), equivalent(lab)
    alive = [mutant.name for mutant in made if mutant.name not in excused and not killed(mutant)]
    assert not alive, "\n".join(alive)
    assert set(excused) <= {mutant.name for mutant in made}, "an excuse for no mutant"
    assert all(excused.values())
