"""What notebooks call: predictions are kept, reveals never fail, quizzes answer every mistake."""

import json
import re
from dataclasses import replace
from html import escape

import pytest

from dsviz import Player, content, lesson
from dsviz.check.mission import Mission
from dsviz.draw.theme import TOKENS
from dsviz.errors import DsvizError
from dsviz.sim.faults import Crash
from dsviz.systems import quorum
from dsviz.widgets.controls import Playground
from dsviz.widgets.kit.base import HERE, script
from dsviz.widgets.kit.map import graph, places
from dsviz.widgets.kit.prediction import Prediction


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
    form.commit(90)
    assert form.state()["said"] == "Kept: 90 %. Now run the next cell."
    assert repr(lesson.reveal("x/E1", 43.9, unit="%")) == (
        "You predicted 90 %, 46.1 % off.\nObserved: 43.9 %"
    )


def test_a_choice_is_kept_and_compared():
    form = lesson.predict("x/E2", "Which?", choices=["this", "that"])
    with pytest.raises(DsvizError, match="Choose one of the answers first"):
        form.commit(None)
    assert lesson.answer("x/E2") is None
    form.commit("that")
    assert repr(lesson.reveal("x/E2", "this")).startswith("You predicted “that”: not so.")
    assert repr(lesson.reveal("x/E2", "that")).startswith("You predicted “that”: right.")


def test_a_prediction_survives_a_restart_of_the_kernel(home):
    lesson.keep("x/E1", 12.5)
    assert json.loads((home / "answers.json").read_text()) == {"x/E1": 12.5}
    again = lesson.predict("x/E1", "How many?")
    assert again.state()["kept"] == 12.5
    assert "12.5" in again.state()["said"]


def test_a_kept_choice_that_no_longer_exists_is_not_chosen():
    lesson.keep("x/E2", "gone")
    assert lesson.predict("x/E2", "Which?", choices=["this", "that"]).state()["kept"] is None


def test_a_broken_file_of_answers_is_set_aside_and_nothing_fails(home):
    (home / "answers.json").write_text("{broken")
    assert lesson.answer("x") is None
    lesson.keep("x", 1)
    assert lesson.answer("x") == 1
    assert (home / "answers.broken").read_text() == "{broken"


@pytest.mark.parametrize("kept", [True, {"a": 1}, [], [1, 2], [[1]], [[1, "x"]], "this", 3, None])
@pytest.mark.parametrize("observed", [1, 2.5, "this"])
def test_a_reveal_never_raises_whatever_is_kept(kept, observed):
    lesson.keep("x/E1", kept)
    outcome = lesson.reveal("x/E1", observed)
    assert repr(outcome).startswith("You ")
    assert outcome.static()


def test_where_nothing_can_be_kept_a_click_says_so_and_all_cells_run(monkeypatch):
    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("dsviz.answers.os.replace", full)
    form = lesson.predict("x/E1", "How many?")
    click(form, "commit", value=1)
    assert form._view["problem"] == "No space left on device"
    assert "not predicted yet" in repr(lesson.reveal("x/E1", 1))
    player = Player(quorum.inversion(), seed=1, faults=())
    todo = lesson.missions("x", TASKS, player)
    player.inject(Crash("r1", at=50))
    assert todo.done == [False, True, False]


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
        lambda: lesson.predict("x", "?", x=lesson.axis("load", 0, 1)),
        lambda: lesson.predict(
            "x", "?", x=lesson.axis("load", 0, 1), y=lesson.axis("wait", 0, 1), at=[2]
        ),
        lambda: lesson.axis("load", 1, 1),
        lambda: lesson.axis("load", 0, 1, log=True),
        lambda: lesson.quiz("99-nothing"),
        lambda: lesson.interview("99-nothing"),
        lambda: lesson.missions("x", ()),
        lambda: lesson.glossary("quorumm"),
    ],
)
def test_nonsense_is_refused(call):
    with pytest.raises(DsvizError):
        call()


def test_the_text_of_a_form_does_not_depend_on_what_was_kept():
    form = lesson.predict("x/E2", "Which?", choices=["this", "that"])
    before = repr(form)
    form.commit("that")
    assert repr(form) == before == "Predict: Which? this / that"
    assert isinstance(form, Prediction)


def click(widget, verb, **more):
    """What the page sends when the learner clicks."""
    widget._on_message(widget, {"do": verb, **more})


# Points on a plot -----------------------------------------------------------------------------


def sketched(**more):
    x, y = lesson.axis("load", 50, 5000, "tx/s", log=True), lesson.axis("wait", 0, 20, "ms")
    return lesson.predict("x/L1", "How does it grow?", x=x, y=y, **more), x, y


def test_points_are_kept_and_drawn_beside_what_was_observed():
    form, x, y = sketched(at=[50, 5000])
    click(form, "commit", value=[[50, 1], [5000, 20]])
    assert lesson.answer("x/L1") == [[50, 1], [5000, 20]]
    outcome = lesson.reveal("x/L1", [(50, 5.6), (5000, 7.5)], x=x, y=y)
    assert repr(outcome) == (
        "You predicted (50, 1), (5,000, 20).\nObserved: (50, 5.6), (5,000, 7.5)"
    )
    assert outcome.state()["predicted"] == [[50, 1], [5000, 20]]
    assert outcome.state()["observed"] == [[50.0, 5.6], [5000.0, 7.5]]


@pytest.mark.parametrize(
    "value",
    [None, [], [[60, 1]], [[60, 1], [70, 2], [80, 3]], [[60], [70, 2]], [[1, 1], [70, 2]], "no"],
)
def test_points_that_are_not_an_answer_are_refused_in_words(value):
    form, _, _ = sketched(at=[60, 70])
    click(form, "commit", value=value)
    assert form._view["problem"]
    assert lesson.answer("x/L1") is None


def test_one_point_anywhere_needs_no_places():
    form, _, _ = sketched()
    click(form, "commit", value=[[100, 3.5]])
    assert form.state()["kept"] == [[100, 3.5]]


def test_a_number_out_of_range_is_refused_in_words():
    form = lesson.predict("x/E1", "How many?", high=50)
    click(form, "commit", value=51)
    assert form._view["problem"] == "Enter a number between 0 and 50."
    click(form, "commit", value=50)
    assert "problem" not in form._view
    click(form, "explode")
    assert form._view["problem"] == "there is no 'explode' here"


# Quiz -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", content.lessons())
def test_every_quiz_has_feedback_for_every_answer(slug):
    items = content.content(slug).questions
    assert len(items) >= 5
    for item in items:
        assert len(item.answers) == len(item.why) >= 3
        assert len(set(item.answers)) == len(item.answers)
        assert all(why.endswith(".") for why in item.why)
        assert len(set(item.why)) == len(item.why)
        assert item.hint.endswith((".", "?"))
    assert len({item.right for item in items}) > 1  # the right one is not always in one place


def wrong_places(item):
    return [place for place in range(len(item.answers)) if place != item.right]


def test_a_quiz_answers_at_once_and_counts():
    quiz = lesson.quiz("04-quorum")
    first = quiz.items[0]
    wrong = wrong_places(first)[0]
    click(quiz, "choose", number=0, place=wrong)
    shown = quiz._view["items"][0]
    assert shown["said"] == [{"place": wrong, "right": False, "why": first.why[wrong]}]
    assert not shown["done"]
    click(quiz, "choose", number=0, place=first.right)
    assert quiz._view["items"][0]["done"]
    assert quiz._view["right"] == 1
    assert lesson.answer("04-quorum/Q1") == [first.answers[wrong], first.answers[first.right]]


def test_a_hint_comes_after_two_wrong_answers_and_not_before():
    quiz = lesson.quiz("04-quorum")
    one, two, *_ = wrong_places(quiz.items[0])
    click(quiz, "choose", number=0, place=one)
    click(quiz, "choose", number=0, place=one)  # the same again is not a second try
    assert quiz._view["items"][0]["hint"] == ""
    click(quiz, "choose", number=0, place=two)
    assert quiz._view["items"][0]["hint"] == quiz.items[0].hint != ""


def test_a_quiz_remembers_and_can_begin_again():
    quiz = lesson.quiz("04-quorum")
    click(quiz, "choose", number=1, place=quiz.items[1].right)
    assert lesson.quiz("04-quorum").right == 1
    click(quiz, "again")
    assert lesson.quiz("04-quorum").right == 0


def test_no_key_is_in_the_page_or_in_the_text_before_it_is_asked_for():
    quiz = lesson.quiz("04-quorum")
    page = json.dumps(quiz.state())
    for item in quiz.items:
        assert not any(why in page for why in item.why)
        assert item.hint not in page
        assert not any(why in repr(quiz) for why in item.why)
    assert "right" not in repr(quiz).lower()


def test_where_no_widget_runs_the_answers_are_folded():
    shown = lesson.quiz("04-quorum").static()
    for item in lesson.quiz("04-quorum").items:
        before, _, folded = shown.partition(escape(item.ask))[2].partition("<details>")
        assert not any(escape(why) in before for why in item.why)
        assert f"<b>Right.</b> {escape(item.why[item.right])}" in folded


# Interview ------------------------------------------------------------------------------------


def test_a_strong_answer_is_not_in_the_page_before_it_is_unfolded():
    corner = lesson.interview("04-quorum")
    card = corner.cards[0]
    assert card.strong not in json.dumps(corner.state(), ensure_ascii=False)
    click(corner, "unfold", id="I1")
    shown = corner._view["cards"][0]
    assert (shown["strong"], shown["trap"], shown["follow"]) == (
        card.strong,
        card.trap,
        card.follow,
    )
    assert "strong" not in corner._view["cards"][1]


def test_the_own_rating_is_kept():
    corner = lesson.interview("04-quorum")
    click(corner, "score", id="I2", met=[3, 0, 3])
    click(corner, "level", id="W1", level=3)
    again = lesson.interview("04-quorum").state()
    assert again["cards"][1]["met"] == [0, 3]
    assert again["boards"][0]["level"] == 3
    click(corner, "score", id="I99", met=[])
    assert corner._view["problem"] == "there is no 'I99' here"
    click(corner, "level", id="W1", level=5)
    assert "1, 2, 3 or 4" in corner._view["problem"]


# Missions -------------------------------------------------------------------------------------

TASKS = (
    Mission("Make the reads disagree.", lambda seen: seen.status("linearizable") == "violated"),
    Mission(
        "Crash r1.", lambda seen: any(f == Crash("r1", at=50) for f in seen.faults), "Click it"
    ),
    Mission("Tell somebody."),
)


def test_missions_tick_themselves_off_when_the_run_shows_it():
    player = Player(quorum.inversion(), seed=1, faults=())
    todo = lesson.missions("x", TASKS, player)
    assert todo.done == [False, False, False]
    player.inject(Crash("r1", at=50))
    assert todo.done == [False, True, False]
    assert todo._view["fresh"] == 1
    for fault in quorum.inversion().faults:
        player.inject(fault)
    player.remove(0)
    assert todo.done == [True, True, False]  # what was achieved stays
    assert lesson.missions("x", TASKS, player).done == [True, True, False]


def test_a_mission_without_a_look_is_ticked_by_hand_and_only_such_a_one():
    todo = lesson.missions("x", TASKS)
    click(todo, "tick", number=2, done=True)
    click(todo, "tick", number=0, done=True)
    assert "ticks itself off" in todo._view["problem"]
    assert todo.done == [False, False, True]
    click(todo, "tick", number=2, done=False)
    assert todo.done == [False, False, False]


def test_a_look_that_raises_achieves_nothing_and_stops_nothing():
    def broken(seen):
        raise KeyError("nothing there")

    player = Player(quorum.inversion(), seed=1)
    todo = lesson.missions("x", (Mission("Impossible.", broken), *TASKS), player)
    player.remove(0)
    assert todo.done[0] is False


def test_a_hint_is_shown_on_request():
    todo = lesson.missions("x", TASKS)
    assert "Click it" not in json.dumps(todo.state())
    click(todo, "hint", number=1)
    assert todo._view["items"][1]["hint"] == "Click it"


def test_missions_of_a_playground_see_its_settings_and_numbers():
    play = Playground(
        quorum.playground,
        quorum.numbers,
        N=(1, 7, 1, 3),
        R=(1, 7, 1, 1),
        W=(1, 7, 1, 1),
        latencies=["lnkd-disk"],
        read_delay=(0, 100, 1, 0),
        p_up=(0.9, 0.9999, 0.0001, 0.99),
        repair=["off"],
        sloppy=[False],
    )
    meets = Mission("Let the sets meet.", lambda seen: seen.settings["R"] + seen.settings["W"] > 3)
    todo = lesson.missions("x", (meets,), play)
    play.fields["R"].value = 2
    assert todo.done == [False]
    play.fields["W"].value = 2
    assert todo.done == [True]


# Map, progress, glossary ----------------------------------------------------------------------


def test_the_map_has_twenty_concepts_and_every_arrow_leads_down():
    found = content.concepts()
    assert [one.number for one in found] == [f"{n:02}" for n in range(1, 21)]
    whole = graph()
    assert sum(hard for _, _, hard in whole.edges(data="hard")) == 35
    placed = places(whole)
    assert len(set(placed.values())) == 20
    for one in found:
        assert all(placed[needed][0] < placed[one.number][0] for needed in one.after)


def test_a_circle_in_the_map_would_be_seen():
    one, two, *rest = content.concepts()
    assert two.after == (one.number,)
    with pytest.raises(DsvizError, match="circle"):
        graph((replace(one, after=(two.number,)), two, *rest))
    with pytest.raises(DsvizError, match="lacks"):
        graph((replace(one, after=("21",)), two, *rest))


def test_the_order_that_the_course_suggests_respects_every_arrow():
    suggested = "01 02 18 05 08 03 04 07 09 10 11 19 12 13 06 14 15 16 17 20"
    order = suggested.split()
    for one in content.concepts():
        before = order[: order.index(one.number)]
        assert set(one.after) | set(one.helped_by) <= set(before), one.slug


def test_the_map_shows_the_own_progress():
    before = lesson.concept_map().state()["concepts"][3]
    assert (before["there"], before["share"]) == (True, 0.0)
    lesson.keep("04-quorum/E1", 90)
    quiz = lesson.quiz("04-quorum")
    click(quiz, "choose", number=0, place=quiz.items[0].right)
    click(quiz, "choose", number=1, place=wrong_places(quiz.items[1])[0])
    click(lesson.interview("04-quorum"), "score", id="I1", met=[0])
    after = lesson.concept_map().state()
    assert after["concepts"][3]["parts"] == [
        ["predictions", 1, 3],
        ["quiz", 1, 5],
        ["interview", 1, 7],
    ]
    assert after["chosen"] == "04"
    assert "04 Quorum" in repr(lesson.concept_map())


def test_the_glossary_knows_long_and_short_names():
    assert repr(lesson.glossary("quorum")).startswith("quorum: set large enough")
    assert repr(lesson.glossary("ISR")).startswith("in-sync replica (ISR):")
    assert len(lesson.glossary().terms) == 85
    with pytest.raises(DsvizError, match=r"near it are .*quorum"):
        lesson.glossary("quorumm")


# The data beside a lesson ---------------------------------------------------------------------


def test_numbers_of_cards_and_questions_follow_the_file():
    about = content.content("04-quorum")
    assert [item.id for item in about.questions] == ["Q1", "Q2", "Q3", "Q4", "Q5"]
    assert [card.id for card in about.cards] == ["I1", "I2", "I3", "I4", "I5", "I6"]
    assert {card.level for card in about.cards} == set(content.LEVELS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", "lessons/x.toml: "),
        ("", "lessons/x.toml: 'title'"),
        ("title = 'X'\n[[card]]\nask = 'Why?'", "missing"),
        ("title = 'X'\n[[whiteboard]]\nask = 'Draw'\nlevels = ['one']", "1 levels, not 4"),
        ("title = 'X'\n[items.E1]\nwhat = 'x'\nwhere = 'y'", "where"),
    ],
)
def test_a_bad_file_is_named(text, said):
    with pytest.raises(DsvizError, match=re.escape(said)):
        content.parse("x", text)


@pytest.mark.parametrize(
    "make",
    [
        lambda: lesson.predict("x/E1", "How many?", unit="%"),
        lambda: sketched()[0],
        lambda: lesson.reveal("x/E1", 43.9),
        lambda: lesson.quiz("04-quorum"),
        lambda: lesson.interview("04-quorum"),
        lambda: lesson.missions("x", TASKS),
        lambda: lesson.concept_map(),
        lambda: lesson.glossary("quorum"),
    ],
)
def test_what_is_stored_is_the_same_every_time_and_readable_without_a_kernel(make):
    first, second = make(), make()
    data, _ = first._repr_mimebundle_()
    assert data["text/plain"] == repr(first) == repr(second)
    assert data["text/html"] == first.static() == second.static()
    assert "0x" not in data["text/plain"] + data["text/html"]
    assert not re.search("<script|<style| style=|onclick", data["text/html"])
    json.dumps(first._view)


def test_source_is_shown_from_where_it_lives():
    text = repr(lesson.source(quorum.Coordinator.on_value))
    assert text.startswith("def on_value(self, msg: Message) -> None:\n    request =")
    assert lesson.source(quorum.Replica)._repr_markdown_().startswith("```python\nclass Replica")


# The look -------------------------------------------------------------------------------------


def strays(css):
    """Return the colours that a style sheet names itself, and the tokens that do not exist."""
    known = {f"--ds-{name.replace('_', '-')}" for name in TOKENS["light"]} | {"--rows", "--share"}
    named = re.findall(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl)a?\(|:\s*(?:white|black|red|gray)\b", css)
    return named + [name for name in re.findall(r"var\((--[\w-]+)", css) if name not in known]


def test_the_kit_takes_its_colours_from_the_one_theme():
    css = (HERE / "kit.css").read_text(encoding="utf-8")
    assert strays(css) == []
    assert strays("a { color: #fff } b { color: var(--ds-blu) }") == ["#fff", "--ds-blu"]
    assert all(line.startswith((".ds-kit", ".dk-live")) for line in selectors(css))


def selectors(css):
    """Return the selectors of a style sheet."""
    plain = re.sub(r"/\*.*?\*/|\{[^}]*\}", "", css, flags=re.DOTALL)
    return [part.strip() for part in re.split(r"[,\n]+", plain) if part.strip()]


@pytest.mark.parametrize("name", ["prediction", "outcome", "quiz", "interview", "missions", "map"])
def test_scripts_load_nothing_from_elsewhere(name):
    assert not re.search(r"https?://(?!www\.w3\.org)|\bimport\b|innerHTML|eval\(", script(name))
