"""The lint of the anatomy: every lesson passes, and every rule has a twin that turns it red."""

import copy
from dataclasses import replace

import nbformat
import pytest

from dsviz.authoring import lint
from dsviz.authoring.lesson_files import all_slugs, read, words
from dsviz.authoring.sources import sentences
from dsviz.content import Item
from dsviz.errors import DsvizError

SLUG = "04-quorum"
GOOD = read(SLUG)
RULES = {rule.__name__: rule for rule in (*lint.RULES, lint.everything_is_written)}


@pytest.mark.parametrize("slug", all_slugs())
def test_every_lesson_passes(slug):
    lesson = read(slug)
    left = list(lint.everything_is_written(lesson))
    if left:
        pytest.skip(f"{slug}: {len(left)} places are not yet written; `make lint` lists them")
    assert lint.problems(lesson) == []


def test_every_rule_says_in_a_sentence_what_it_asks():
    for rule in RULES.values():
        sentence = rule.__doc__.split("\n")[0]
        assert sentence[0].isupper(), rule.__name__
        assert sentence.endswith("."), rule.__name__


# Tampering: a copy of a good lesson with one thing wrong ----------------------------------------


def cell(lesson, id):
    return lesson.by_id[id]


def drop(lesson, *ids):
    lesson.notebook.cells = [c for c in lesson.cells if c.id not in ids]


def say(lesson, id, text):
    cell(lesson, id).source += f"\n\n{text}"


def item(lesson, id, **change):
    items = tuple(replace(i, **change) if i.id == id else i for i in lesson.about.items)
    lesson.about = replace(lesson.about, items=items)


def without_item(lesson, id):
    items = tuple(i for i in lesson.about.items if i.id != id)
    lesson.about = replace(lesson.about, items=items)


def more_items(lesson, *ids):
    extra = tuple(Item(id, "something", ("hook",)) for id in ids)
    lesson.about = replace(lesson.about, items=(*lesson.about.items, *extra))


def swap(lesson, one, other):
    cells = lesson.notebook.cells
    i, j = (next(n for n, c in enumerate(cells) if c.id == id) for id in (one, other))
    cells[i], cells[j] = cells[j], cells[i]


def rename(lesson, id, to):
    cell(lesson, id).id = to


def clear(lesson, id):
    cell(lesson, id).outputs = []


def caption(lesson, id, text):
    output = next(o for o in cell(lesson, id).outputs if "image/png" in o.get("data", {}))
    output.data["text/plain"] = text


def edit(lesson, id, old, new):
    assert old in cell(lesson, id).source
    cell(lesson, id).source = cell(lesson, id).source.replace(old, new)


def pad(lesson, count):
    extra = nbformat.v4.new_markdown_cell("More.")
    for number in range(count):
        lesson.notebook.cells.append(extra | {"id": f"sources-{number}"})


LONG = "\n".join(["x = 1"] * 16)
LONGER = "\n".join(["x = 1"] * 9)

TWINS = [
    ("parts_are_named", lambda n: rename(n, "hook", "intro"), "begins with no part"),
    ("parts_are_in_order", lambda n: swap(n, "law", "e1"), "belongs before"),
    ("no_part_is_missing", lambda n: drop(n, "fix"), "the part 'fix' is missing"),
    ("the_length_is_right", lambda n: pad(n, 21), "cells, 25 to 45"),
    ("the_length_is_right", lambda n: n.notebook.cells.__delitem__(slice(20, None)), "25 to 45"),
    ("code_is_short", lambda n: cell(n, "fix").update(source=LONG), "16 lines"),
    (
        "code_is_short",
        lambda n: [c.update(source=LONGER) for c in n.cells if c.cell_type == "code"],
        "code cells have more than 8 lines",
    ),
    ("prose_is_short", lambda n: say(n, "e1-explain", "word " * 80), "at most 80"),
    ("the_hook_says_what_to_expect", lambda n: edit(n, "hook", "Quorum", "Quora"), "first line"),
    ("the_hook_says_what_to_expect", lambda n: edit(n, "hook", "60 minutes", "some"), "minutes"),
    ("the_hook_says_what_to_expect", lambda n: edit(n, "hook", "needs", "asks"), "needs"),
    ("the_hook_says_what_to_expect", lambda n: edit(n, "hook", "leads to", "x"), "leads to"),
    ("the_set_up_is_small", lambda n: say(n, "setup", "import this"), "6 lines"),
    ("the_set_up_is_small", lambda n: edit(n, "setup", "from dsviz import", "x = 1 #"), "import"),
    ("pictures_stand_where_they_help", lambda n: clear(n, "model-venn"), "'model' shows no"),
    ("experiments_are_whole", lambda n: drop(n, "e2-explain"), "no cell 'e2-explain'"),
    ("experiments_are_whole", lambda n: rename(n, "e2-explain", "e4"), "no cell 'e4-predict'"),
    ("predictions_stand_before_reveals", lambda n: swap(n, "e1-predict", "e1-reveal"), "after"),
    ("predictions_stand_before_reveals", lambda n: drop(n, "e1-predict"), "never predicted"),
    ("predictions_stand_before_reveals", lambda n: drop(n, "e1-reveal"), "never revealed"),
    (
        "predictions_stand_before_reveals",
        lambda n: drop(n, "e1-predict", "e2-predict"),
        "1 predictions",
    ),
    ("predictions_stand_before_reveals", lambda n: without_item(n, "E2"), "names no item"),
    ("the_widgets_are_there", lambda n: edit(n, "quiz", "04-quorum", "05-x"), "does not call quiz"),
    ("pictures_have_captions", lambda n: caption(n, "model-venn", "<Figure>"), "caption"),
    ("pictures_have_captions", lambda n: caption(n, "model-venn", "Sets."), "caption"),
    ("pictures_have_captions", lambda n: caption(n, "model-venn", "x" * 30), "caption"),
    ("the_summary_leads_on", lambda n: edit(n, "summary", "../labs", "../lab"), "no link"),
    ("the_summary_leads_on", lambda n: edit(n, "summary", "Next", "Then"), "comes next"),
    ("outputs_are_stored", lambda n: cell(n, "fix").update(execution_count=None), "never run"),
    ("outputs_are_stored", lambda n: setattr(n, "size", 300_001), "300,001 bytes"),
    (
        "outputs_are_stored",
        lambda n: [c.update(outputs=[]) for c in n.cells if c.cell_type == "code"],
        "no cell shows",
    ),
    ("links_lead_somewhere", lambda n: say(n, "hook", "[x](99-x.ipynb)"), "does not exist"),
    ("words_mean_one_thing", lambda n: say(n, "hook", "The master leads."), "leader and follower"),
    ("words_mean_one_thing", lambda n: say(n, "hook", "A partition."), "say network partition"),
    ("words_mean_one_thing", lambda n: say(n, "hook", "It is consistent."), "linearizable"),
    ("words_mean_one_thing", lambda n: say(n, "hook", "Exactly-once delivery."), "effects"),
    (
        "formulas_are_typeset",
        lambda n: edit(n, "law", r"\binom{N}{R}", r"\\binom{N}{R}"),
        "a backslash too many",
    ),
    ("items_are_numbered", lambda n: without_item(n, "P2"), "item P2 is missing"),
    ("items_are_numbered", lambda n: more_items(n, "Z1"), "item Z1"),
    ("no_item_is_missing", lambda n: without_item(n, "m6"), "item m6 is missing"),
    (
        "no_item_is_missing",
        lambda n: setattr(n, "about", replace(n.about, cards=n.about.cards[:-1])),
        "item I6 is missing",
    ),
    ("items_have_a_place", lambda n: item(n, "E1", tests=()), "tests is missing"),
    ("items_have_a_place", lambda n: item(n, "N4", cells=()), "cells or tests"),
    ("places_exist", lambda n: item(n, "E1", cells=("e9",)), "no cell 'e9'"),
    ("places_exist", lambda n: item(n, "E1", tests=("test_laws.py::test_x",)), "no test"),
    ("places_exist", lambda n: item(n, "V1", lab=("nothing",)), "no visible check 'nothing'"),
    (
        "places_exist",
        lambda n: item(n, "H1", lab=("durable across power loss",)),
        "no hidden check",
    ),
    ("places_exist", lambda n: item(n, "X1", lab=("nothing",)), "no question"),
    ("places_exist", lambda n: item(n, "m1", wrong="m1_gone"), "there is no tests/wrong"),
    ("places_exist", lambda n: item(n, "m1", wrong="m2_counts_any_ack"), "is not named m1_"),
    ("sources_are_listed", lambda n: cell(n, "sources").update(source="None."), "lists no sources"),
    ("sources_are_dated", lambda n: edit(n, "sources", "2012", "once"), "neither year nor version"),
    ("names_and_lines_agree", lambda n: say(n, "hook", "It is so [Nobody]."), "is not listed"),
    ("names_and_lines_agree", lambda n: edit(n, "hook", "[PagerDuty]", ""), None),
    (
        "names_and_lines_agree",
        lambda n: say(n, "sources", "- **[Idle]** Idle, 2001"),
        "never named",
    ),
    (
        "published_numbers_have_a_source",
        lambda n: say(n, "e1-explain", "Published were 43.9 % of reads."),
        "a number without its source",
    ),
    (
        "published_numbers_have_a_source",
        lambda n: setattr(n, "about", _with_trap(n.about, "They measured 17 ms.")),
        "I1: a number without",
    ),
    ("incidents_have_a_source", lambda n: say(n, "production", "In 2019 it fell."), "told without"),
    ("everything_is_written", lambda n: say(n, "law", "Not yet written."), "to do: course/"),
    (
        "everything_is_written",
        lambda n: n.texts.update({"tests/x.py": "not yet written\nnot yet written"}),
        "to do: tests/x.py (2 places)",
    ),
]


def _with_trap(about, text):
    first, *rest = about.cards
    return replace(about, cards=(replace(first, trap=text), *rest))


def tampered(change):
    lesson = replace(GOOD, notebook=copy.deepcopy(GOOD.notebook), texts=dict(GOOD.texts))
    change(lesson)
    lesson.__dict__.pop("by_id", None)
    return lesson


@pytest.mark.parametrize(
    ("rule", "change", "said"), TWINS, ids=lambda v: getattr(v, "lower", str)()
)
def test_a_tampered_twin_turns_the_rule_red(rule, change, said):
    found = list(RULES[rule](tampered(change)))
    if said is None:  # a twin that must stay green: the name stands elsewhere too
        assert found == []
    else:
        assert any(said in problem for problem in found), found


def test_every_rule_has_a_twin():
    assert {rule for rule, _, said in TWINS if said} == set(RULES)


def test_a_lesson_that_is_not_written_is_told_what_is_left_and_not_what_follows_from_it():
    lesson = tampered(lambda n: (say(n, "law", "Not yet written."), drop(n, "quiz")))
    assert lint.problems(lesson) == ["to do: course/04-quorum.ipynb, cell law"]


def test_the_command_says_what_is_wrong_and_ends_with_1(capsys):
    assert lint.main([SLUG]) == 0
    assert f"1 lesson, {len(RULES)} rules, no problems" in capsys.readouterr().out
    assert lint.main(["99-nothing"]) == 1
    assert "99-nothing" in capsys.readouterr().out
    with pytest.raises(DsvizError, match="no notebook"):
        read("99-nothing")


def test_prose_is_what_is_read_as_prose():
    assert words("Two *words*\n| a | table |\n$$x = y$$\n[three](http://long.example/a b)") == [
        "Two",
        "*words*",
        "[three",
    ]
    assert sentences("One `a. B` two. Three\n\n- Four 4\n- Five") == [
        "One   two.",
        "Three",
        "Four 4",
        "Five",
    ]
