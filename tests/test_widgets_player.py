"""The player without a browser: what each click does, and what is sent to the page."""

from __future__ import annotations

import dataclasses
import gc
import json
from array import array

import pytest
from draw_support import all_answered, everything

from dsviz.draw.columns import columns_of
from dsviz.draw.export import to_html
from dsviz.errors import DsvizError
from dsviz.sim.faults import FAULTS, Crash, Pause
from dsviz.sim.node import Node
from dsviz.sim.scenario import Scenario
from dsviz.widgets.menus import menus, round_to_nice
from dsviz.widgets.player import Player


def calm() -> Scenario:
    return everything((), (all_answered,), hurt=False)


@pytest.fixture
def player() -> Player:
    return Player(calm(), seed=1)


def sent(player: Player, name: str) -> dict:
    """The columns in the bytes that the page gets, read as the page reads them."""
    content = getattr(player, name)
    size = int.from_bytes(content[:4], "little")
    read = json.loads(content[4 : 4 + size])
    for table in read.values():
        for key, column in table.items() if isinstance(table, dict) else ():
            if column[:1] == ["$"]:
                _, code, first, count = column
                at = 4 + size + first
                assert at % 8 == 0
                table[key] = memoryview(content)[at:][: count * array(code).itemsize].cast(code)
    return read


def click(player: Player, **message) -> str:
    """Send what the page would send; return the sentence shown, if any."""
    player._on_message(player, message, [])
    return player._view["problem"]


def test_opens_with_the_run_as_scripted(player):
    assert sent(player, "_scripted")["events"] == len(player.trace)
    assert player._edited == b""
    assert [v.status for v in player.verdicts] == ["ok"]
    assert player._view["live"]


def test_what_is_sent_is_what_the_stills_are_drawn_from(player):
    read, made = sent(player, "_scripted"), columns_of(player.trace)
    for table in ("flights", "steps"):
        assert {name: list(column) for name, column in read[table].items()} == {
            name: list(column) for name, column in made[table].items()
        }
    assert read["texts"] == made["texts"]


def test_the_picture_is_sent_before_the_checks_have_spoken():
    views, judged = [], []

    def slow(trace):
        judged.append(len(views))
        return all_answered(trace)

    player = Player(calm(), checks=[slow])
    player.observe(lambda change: views.append(change.new), "_view")
    player.inject(Crash("k", at=50))
    assert judged == [0, 1], "the first run before it is shown, the second after"
    assert [view["pending"] for view in views] == [True, False]
    assert [view["lamps"][1][0]["status"] for view in views] == ["pending", "violated"]
    assert views[0]["revision"] == views[1]["revision"]
    assert views[0]["tabs"] == views[1]["tabs"]
    player.undo()
    assert len(views) == 3, "what was judged is shown at once"


def test_garbage_is_looked_for_after_a_run_also_after_one_that_fails(monkeypatch):
    player, searched = Player(calm()), []
    run = type(player._scenario).run

    def watched(scenario, *args):
        searched.append(gc.isenabled())
        if len(searched) > 1:
            raise ValueError("no run")
        return run(scenario, *args)

    monkeypatch.setattr(type(player._scenario), "run", watched)
    player.inject(Crash("k", at=50))
    assert gc.isenabled()
    with pytest.raises(ValueError, match="no run"):
        player.inject(Crash("r1", at=50))
    assert gc.isenabled()
    assert searched == [False, False]


def test_lanes_are_of_nodes_that_there_are():
    assert Player(calm(), lanes=("r1", "k"))._view["lanes"] == ["r1", "k"]
    with pytest.raises(DsvizError, match="no node 'r9'; there are"):
        Player(calm(), lanes=("r9",))


def test_inject_runs_again_and_keeps_the_first_future(player):
    before = player.trace
    player.inject(Crash("k", at=50))
    assert player.faults == (Crash("k", at=50),)
    assert player.scripted is before
    assert player.trace.faults == player.faults
    assert player.verdicts[0].status == "violated"
    assert sent(player, "_edited")["faults"][0]["python"] == "Crash('k', at=50)"
    assert player._view["line"] == "player.inject(Crash('k', at=50))"
    assert player._view["parting"] == {"t": 50, "a": None, "b": "k stops"}


def test_the_line_shown_does_the_same(player):
    click(player, do="inject", fault={"fault": "Pause", "node": "r1", "at": 5, "duration": 90})
    line = player._view["line"]
    other = Player(calm(), seed=1)
    eval(line, {"player": other, "Pause": Pause})
    assert other.trace.digest() == player.trace.digest()


def test_move_remove_undo_redo_reset(player):
    player.inject(Crash("k", at=50))
    player.inject(Crash("r1", at=60))
    player.move(0, 70)
    assert player.faults == (Crash("k", at=70), Crash("r1", at=60))
    player.remove(1)
    assert player.faults == (Crash("k", at=70),)
    player.undo()
    player.undo()
    assert player.faults == (Crash("k", at=50), Crash("r1", at=60))
    player.redo()
    assert player.faults[0].at == 70
    assert player._view["redo"]
    player.reset()
    assert player.faults == ()
    assert player._edited == b""
    player.undo()
    assert len(player.faults) == 2


def test_undo_with_nothing_to_undo_does_nothing(player):
    player.undo()
    player.redo()
    assert player.faults == ()


def test_a_scripted_fault_can_be_taken_away():
    player = Player(everything((Crash("k", at=50),)), seed=1)
    player.remove(0)
    assert player.faults == ()
    assert player.scripted.faults == (Crash("k", at=50),)
    assert sent(player, "_edited")["faults"] == []


def test_seed_runs_both_futures_again(player):
    player.inject(Crash("k", at=50))
    player.seed(9)
    assert player.trace.seed == player.scripted.seed == 9
    assert player.faults == (Crash("k", at=50),)
    player.undo()
    assert player.trace.seed == 1


def test_load_shows_another_scenario_and_forgets_the_old_ones_faults(player):
    player.inject(Crash("k", at=50))
    player.load(everything((Crash("r1", at=7),)), title="other")
    assert player.faults == player.scripted.faults == (Crash("r1", at=7),)
    assert player._edited == b""
    assert repr(player).startswith("Player('other'")
    assert not player._view["undo"]
    player.inject(Crash("k", at=9))
    assert player.faults == (Crash("r1", at=7), Crash("k", at=9))


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda p: p.inject(Crash("zz", at=5)), "there is no node 'zz'"),
        (lambda p: p.inject(Crash("k", at=5000)), "outside the run"),
        (lambda p: p.remove(0), "there is no fault 0; this run has 0"),
        (lambda p: p.remove("x"), "must be the number of a fault"),
        (lambda p: p.seed(1.5), "must be a whole number"),
    ],
)
def test_mistakes_raise_in_python_and_change_nothing(player, act, sentence):
    before = player._scripted
    with pytest.raises(DsvizError, match=sentence):
        act(player)
    assert player.faults == ()
    assert player._scripted == before
    assert not player._view["undo"]


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ({"do": "inject", "fault": {"fault": "Crash", "node": "zz", "at": 5}}, "no node 'zz'"),
        ({"do": "inject", "fault": {"fault": "Fire", "at": 5}}, "'Fire' is not known"),
        ({"do": "inject", "fault": {"fault": "Crash", "at": 5}}, "Crash:"),
        ({"do": "inject", "fault": {"fault": "Crash", "node": "k", "at": "soon"}}, "at='soon'"),
        ({"do": "inject", "fault": None}, "is not a fault"),
        ({"do": "inject"}, "is not a fault"),
        ({"do": "move", "index": 0, "at": 5}, "there is no fault 0"),
        ({"do": "remove", "index": -1}, "there is no fault -1"),
        ({"do": "explode"}, "the player cannot do 'explode'"),
        ({"do": ["inject"]}, "the player cannot do"),
        ({}, "the player cannot do None"),
        ("inject", "the player cannot do None"),
        (None, "the player cannot do None"),
    ],
)
def test_a_bad_message_is_one_sentence_in_the_player(player, message, sentence):
    before = (player._scripted, player._edited)
    player._on_message(player, message, [])
    assert sentence in player._view["problem"]
    assert "\n" not in player._view["problem"]
    assert (player._scripted, player._edited) == before
    assert click(player, do="inject", fault={"fault": "Crash", "node": "k", "at": 5}) == ""


def test_a_check_that_raises_is_a_sentence_and_the_old_picture_stays():
    def broken(trace):
        if trace.faults:
            raise ZeroDivisionError("learner")
        return all_answered(trace)

    player = Player(calm(), checks=[broken])
    problem = click(player, do="inject", fault={"fault": "Crash", "node": "k", "at": 5})
    assert problem == "The run could not be made: ZeroDivisionError: learner"
    assert player.faults == ()


def test_every_menu_entry_makes_a_fault_that_runs(player):
    for target, entries in player._view["menus"].items():
        for entry in entries:
            names = {field.name for field in dataclasses.fields(FAULTS[entry["fault"]])}
            where = {
                "node": {"node": "r1", "targets": ["r1"]},
                "link": {"src": "k", "dst": "r1"},
                "group": {"a": ["r1"]},
            }[target]
            fault = {"fault": entry["fault"], "at": 30}
            fault |= {name: value for name, value in where.items() if name in names}
            fault |= {field["name"]: field["default"] for field in entry["fields"]}
            assert click(player, do="inject", fault=fault) == "", entry


def test_repr_is_a_short_caption_and_always_the_same(player):
    assert repr(player) == repr(Player(calm(), seed=1))
    assert repr(player) == (
        f"Player('everything': seed 1; {len(player.trace)} events; all answered ok; no faults)"
    )
    player.inject(Crash("k", at=50))
    assert "all answered violated" in repr(player)
    assert repr(player).endswith("faults Crash('k', at=50))")


def test_mimebundle_has_widget_text_and_picture(player):
    data, _ = player._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == repr(player)
    assert data.get("image/png", b"\x89PNG")[:4] in (b"\x89PNG", "iVBO")


def test_static_build_emits_a_sandboxed_page(player, monkeypatch):
    monkeypatch.setenv("DSVIZ_STATIC", "html")
    data, _ = player._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"}
    assert 'sandbox="allow-scripts"' in data["text/html"]
    assert data == Player(calm(), seed=1)._repr_mimebundle_()[0]


def test_a_recorded_trace_plays_but_cannot_be_changed():
    trace = calm().run(1)
    player = Player.of(trace, [all_answered(trace)])
    assert not player._view["live"]
    assert player.trace is trace
    assert (
        "needs a scenario"
        in click(player, do="inject", fault={"fault": "Crash", "node": "k", "at": 5})
        or "faults need a scenario" in player._view["problem"]
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [({"scenario": "quorum"}, "is not a Scenario"), ({"speed": 99}, "speed=99 must be between")],
)
def test_the_constructor_says_what_is_wrong(arguments, sentence):
    with pytest.raises(DsvizError, match=sentence):
        Player(**{"scenario": calm()} | arguments)


def test_exported_page_is_self_contained():
    trace = everything().run(1)
    page = to_html(trace, verdicts=[all_answered(trace)])
    assert page == to_html(trace, verdicts=[all_answered(trace)])
    assert "http://www.w3.org/2000/svg" in page  # a name, never fetched
    assert "https://" not in page
    assert page.count("</script>") == 2


def test_hostile_text_cannot_leave_the_script():
    class Speaker(Node):
        def on_start(self):
            self.log("</script><script>alert(1)</script><!-- ")

    page = to_html(Scenario("<b>", {"a": Speaker}, 5).run())
    assert page.count("</script>") == 2
    assert "<script>alert" not in page
    assert "<title>&lt;b&gt;</title>" in page


def test_export_writes_a_file_and_knows_its_themes(tmp_path):
    trace = calm().run(1)
    page = to_html(trace, tmp_path / "run.html", theme="dark")
    assert (tmp_path / "run.html").read_text(encoding="utf-8") == page
    assert '"theme":"dark"' in page
    with pytest.raises(DsvizError, match="theme='pink'"):
        to_html(trace, theme="pink")


def test_suggested_numbers_are_round():
    assert [round_to_nice(x) for x in (0, 0.3, 83, 160, 1400)] == [1.0, 0.2, 100, 200, 1000]
    assert menus(500, 10)["node"][0]["fault"] == "Crash"


# Several futures, links, explanations ----------------------------------------------------------


def test_what_if_opens_a_future_that_can_be_changed_alone(player):
    player.inject(Crash("k", at=50))
    player.what_if()
    player.inject(Pause("r1", at=60, duration=20))
    assert [len(faults) for faults in player.futures] == [0, 1, 2]
    assert [tab["name"] for tab in player._view["tabs"]] == [
        "A · as scripted",
        "B · crash k at 50",
        "C · pause r1 · 20 ms at 60, 1 more",
    ]
    assert player._view["letters"] == ["B", "C"]
    player.show(1, beside=0)
    assert player.faults == (Crash("k", at=50),)
    assert player._view["letters"] == ["A", "B"]


def test_a_future_that_is_closed_comes_back_with_undo(player):
    player.inject(Crash("k", at=50))
    player.what_if()
    player.close_future(2)
    assert player.futures == [(), (Crash("k", at=50),)]
    player.undo()
    assert len(player.futures) == 3
    player.reset()
    assert player.futures == [()]
    player.undo()
    assert len(player.futures) == 3


def test_showing_a_future_again_runs_nothing(player, monkeypatch):
    player.inject(Crash("k", at=50))
    runs = []
    run = Scenario.run
    monkeypatch.setattr(Scenario, "run", lambda *a, **k: runs.append(a) or run(*a, **k))
    player.show(0)
    player.show(1)
    assert runs == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda p: p.show(3), "there is no future 3; there are 1"),
        (lambda p: p.show("B"), "must be the number of a future"),
        (lambda p: p.close_future(0), "no future 0 to close"),
        (lambda p: p.why(99), "is not in this run"),
    ],
)
def test_futures_and_operations_that_do_not_exist(player, wrong, sentence):
    with pytest.raises(DsvizError, match=sentence):
        wrong(player)
    assert player.futures == [()]


def test_a_link_opens_the_same_futures_in_another_player(player):
    player.inject(Crash("k", at=50))
    player.what_if()
    player.inject(Pause("r1", at=60, duration=20))
    player.seed(4)
    other = Player(calm(), link=f"https://host/page.html#{player.link}@75.5")
    assert other.trace.digest() == player.trace.digest()
    assert other.futures == player.futures
    assert other._view["at"] == 75.5
    assert other.link == player.link


def test_a_link_stays_below_2_kb(player):
    for number in range(40):
        player.inject(Crash("r1", at=float(number) + 0.125))
    assert len(player.link) <= 2_000


@pytest.mark.parametrize("spoil", [lambda x: x[:-9], lambda x: x[7:], lambda x: "", lambda x: None])
def test_a_spoilt_link_is_one_sentence(player, spoil):
    with pytest.raises(DsvizError, match=r"no link of a player|shows a future"):
        Player(calm(), link=spoil(player.link) if spoil(player.link) is not None else 7)


def test_a_link_of_another_scenario_is_refused(player):
    other = dataclasses.replace(calm(), name="another")
    with pytest.raises(DsvizError, match="this scenario is 'another'"):
        Player(other, link=player.link)


def test_why_names_what_stopped_the_answer_and_marks_it(player):
    player.inject(Crash("k", at=50))
    op = next(op for op in player.trace.history() if op.status != "ok")
    found = player.why(op.id)
    assert "k" in found.summary
    shown = player._view["why"]
    assert shown["operation"] == op.id
    assert shown["steps"]
    assert shown["rows"]["flights"]
    player.undo()
    assert player._view["why"] is None


def test_the_page_of_a_player_holds_both_futures(player, tmp_path):
    player.inject(Crash("k", at=50))
    page = player.to_html(tmp_path / "futures.html")
    assert page.count('"steps":') >= 2
    assert player.link in page
    assert '"live":false' in page
