"""Lab 18: its questions, and what it gives. All that holds for every lab is in test_labs.py."""

import json
from pathlib import Path

import pytest

from dsviz.grading.lab import lab_named

LAB = lab_named("18-write-ahead-log")
MASTER = Path(__file__).parents[1] / "solutions" / LAB.slug / f"{LAB.slug}.ipynb"


@pytest.mark.parametrize(
    ("answer", "remark"),
    [
        (12, None),
        (12.0, None),
        (11.5, None),
        (3, "how many transfers come while one sync is under way"),
        (True, "not a number"),
        ("12", "not a number"),
        (None, "not yet answered"),
    ],
)
def test_feedback_on_the_size_of_a_batch(answer, remark):
    said = LAB.questions[0].items[0].wrong(answer)
    assert said is None if remark is None else remark in said


@pytest.mark.parametrize(
    ("answer", "remark"),
    [
        (6, None),
        (6.2, None),
        (4, "waits first"),
        (8, "half a sync on average"),
        ((6,), "not a number"),
    ],
)
def test_feedback_on_the_latency(answer, remark):
    said = LAB.questions[0].items[1].wrong(answer)
    assert said is None if remark is None else remark in said


def test_the_notebook_gives_what_the_judge_gives():
    cells = {
        cell["id"]: "".join(cell["source"]) for cell in json.loads(MASTER.read_text())["cells"]
    }
    assert cells["given"].strip() == LAB.given.strip()
