"""Lab 04: what its questions say. All that holds for every lab is in test_labs.py."""

import pytest

from dsviz.grading.lab import lab_named

LAB = lab_named("04-quorum")


@pytest.mark.parametrize(
    ("answer", "remark"),
    [
        ((1, 5), None),
        ([1, 5], None),
        ((1, 1), "1 + 1 is not more than 5"),
        ((1, 4), "1 + 4 is not more than 5"),
        ((3, 3), "with fewer than 3 answers"),
        ((0, 5), "not a pair"),
        ((True, 5), "not a pair"),
        ("1, 5", "not a pair"),
        (None, "not yet answered"),
        ({1, 5}, "not a pair"),
    ],
)
def test_feedback_on_the_quickest_reads(answer, remark):
    said = LAB.questions[0].items[0].wrong(answer)
    assert said is None if remark is None else remark in said


@pytest.mark.parametrize(
    ("answer", "remark"),
    [
        ((3, 3), None),
        ((2, 4), "writes that need 4"),
        ((4, 2), "reads that need 4"),
        ((1, 5), "writes that need 5"),
        ((2, 3), "2 + 3 is not more than 5"),
    ],
)
def test_feedback_on_two_replicas_down(answer, remark):
    said = LAB.questions[0].items[1].wrong(answer)
    assert said is None if remark is None else remark in said
