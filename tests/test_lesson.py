"""What notebooks call: predictions are kept, reveals never fail, quizzes answer every mistake."""

import json

import pytest

from dsviz import lesson
from dsviz.errors import DsvizError
from dsviz.systems import quorum
from dsviz.widgets.prediction import Prediction
from dsviz.widgets.quiz import Quiz, lessons_with_quiz, questions


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DSVIZ_HOME", str(tmp_path))
    return tmp_path


def test_without_a_prediction_the_reveal_nudges_and_goes_on():
    text = repr(lesson.reveal("x/E1", 43.9, unit="%", because="Because."))
    assert text == (
        "You have not predicted yet: go back and commit to an answer first.\n"
        "Observed: 43.9 %\nBecause."
    )


def test_a_number_is_kept_and_compared():
    form = lesson.predict("x/E1", "How many?", unit="%")
    form.field.value = 90
    form.commit()
    assert "Kept" in form.said.value
    assert repr(lesson.reveal("x/E1", 43.9, unit="%")) == (
        "You predicted 90 %, 46.1 % off.\nObserved: 43.9 %"
    )


def test_a_choice_is_kept_and_compared():
    form = lesson.predict("x/E2", "Which?", choices=["this", "that"])
    form.commit()
    assert form.said.value == "Choose an answer first."
    assert lesson.answer("x/E2") is None
    form.field.value = "that"
    form.commit()
    assert repr(lesson.reveal("x/E2", "this")).startswith("You predicted “that”: not so.")
    assert repr(lesson.reveal("x/E2", "that")).startswith("You predicted “that”: right.")


def test_a_prediction_survives_a_restart_of_the_kernel(home):
    lesson.keep("x/E1", 12.5)
    assert json.loads((home / "answers.json").read_text()) == {"x/E1": 12.5}
    again = lesson.predict("x/E1", "How many?")
    assert again.field.value == 12.5
    assert "12.5" in again.said.value


def test_a_kept_choice_that_no_longer_exists_is_not_chosen():
    lesson.keep("x/E2", "gone")
    assert lesson.predict("x/E2", "Which?", choices=["this", "that"]).field.value is None


def test_a_broken_file_of_answers_is_set_aside_and_nothing_fails(home):
    (home / "answers.json").write_text("{broken")
    assert lesson.answer("x") is None
    lesson.keep("x", 1)
    assert lesson.answer("x") == 1
    assert (home / "answers.broken").read_text() == "{broken"


def test_predictions_can_be_forgotten_by_lesson():
    for name in ("04-quorum/E1", "04-quorum/E2", "18-write-ahead-log/E1"):
        lesson.keep(name, 1)
    assert lesson.forget("04-quorum") == 2
    assert lesson.answer("18-write-ahead-log/E1") == 1
    assert lesson.forget("nothing") == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: lesson.predict("x", "?", choices=["only one"]),
        lambda: lesson.predict("x", "?", low=5, high=5),
        lambda: lesson.quiz("99-nothing"),
    ],
)
def test_nonsense_is_refused(call):
    with pytest.raises(DsvizError):
        call()


def test_the_text_of_a_form_does_not_depend_on_what_was_kept():
    form = lesson.predict("x/E2", "Which?", choices=["this", "that"])
    before = repr(form)
    form.field.value = "that"
    form.commit()
    assert repr(form) == before == "Predict: Which? this / that"
    assert isinstance(form, Prediction)


@pytest.mark.parametrize("slug", lessons_with_quiz())
def test_every_quiz_has_feedback_for_every_answer(slug):
    items = questions(slug)
    assert len(items) >= 5
    for item in items:
        assert len(item.answers) == len(item.why) >= 3
        assert len(set(item.answers)) == len(item.answers)
        assert all(why.endswith(".") for why in item.why)
    assert len({item.right for item in items}) > 1  # the right one is not always in one place


def test_a_quiz_answers_at_once_and_counts():
    quiz = lesson.quiz("04-quorum")
    assert isinstance(quiz, Quiz)
    first = quiz.items[0]
    wrong = next(i for i in range(len(first.answers)) if i != first.right)
    quiz.fields[0].value = first.answers[wrong]
    assert quiz.feedback[0].value.startswith("<b>Not quite.</b>")
    quiz.fields[0].value = first.answers[first.right]
    assert quiz.feedback[0].value.startswith("<b>Right.</b>")
    assert quiz.score.value == "1 of 5 right"
    assert lesson.answer("04-quorum/quiz") == 1


def test_the_text_of_a_quiz_does_not_tell_the_key():
    assert "✓" not in repr(lesson.quiz("04-quorum"))


def test_source_is_shown_from_where_it_lives():
    text = repr(lesson.source(quorum.Coordinator.on_value))
    assert text.startswith("def on_value(self, msg: Message) -> None:\n    request =")
    assert lesson.source(quorum.Replica)._repr_markdown_().startswith("```python\nclass Replica")
