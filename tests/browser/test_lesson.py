"""The quorum lesson in a real JupyterLab: its own cells, clicked and typed into like a learner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from browser_support import Watched

LESSON = Path(__file__).parents[2] / "course" / "04-quorum.ipynb"


def cell(name: str) -> str:
    """Return the source of the lesson's cell with this id."""
    cells = nbformat.read(LESSON, as_version=4).cells
    return next(cell.source for cell in cells if cell.id == name)


@pytest.fixture
def lesson(open_notebook: Any) -> Any:
    def open_cells(*names: str, **options: Any) -> Watched:
        return Watched(open_notebook([cell("setup"), *map(cell, names)], **options))

    return open_cells


@pytest.fixture
def page(open_notebook: Any) -> Any:
    """Return ``page(*cells)``: a page with these cells of the lesson and their kit widgets."""

    def opened(*names: str, forget: bool = True, **options: Any) -> Any:
        first = cell("setup") + ("\nfrom dsviz.lesson import forget\nforget()" if forget else "")
        shown = open_notebook([first, *map(cell, names)], **options)
        shown.locator(".ds-kit").nth(len(names) - 1).wait_for(timeout=60_000)
        return shown

    return opened


def cells_of(page: Any) -> int:
    """Return how many cells the notebook on the page has."""
    return page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length")


def test_crashing_a_replica_by_a_click_changes_the_verdict(lesson: Any) -> None:
    player = lesson("e2-run")
    player.scrub(player.duration)
    assert player.lamp_states() == ["violated", "ok", "ok"]
    player.scrub(180)
    player.node("r1").click()
    player.menu_item("Crash").click()
    player.wait_for_run()
    assert "player.inject(Crash('r1', at=180))" in player.root.inner_text()
    player.scrub(player.duration)
    assert player.lamp_states() == ["ok", "ok", "ok"]  # nobody saw v2, so nothing went back
    assert not player.page.errors


def test_the_lamp_leads_to_the_moment_of_violation(lesson: Any) -> None:
    player = lesson("e2-run")
    player.root.locator(".ds-lamp").first.click()
    player.page.wait_for_timeout(200)
    assert player.time == pytest.approx(340, abs=1)


def test_the_playground_follows_its_controls_and_a_mission_ticks_itself_off(lesson: Any) -> None:
    player = lesson("missions-play")
    page = player.page
    page.get_by_text("R + W > N: every read meets every write").wait_for()
    assert "N=3 R=1 W=1" in player.root.inner_text()
    sliders = page.locator(".widget-slider .noUi-handle")
    for slider, times, name in ((0, 2, "N=5 R=1"), (1, 2, "N=5 R=3"), (2, 2, "N=5 R=3 W=3")):
        for _ in range(times):
            sliders.nth(slider).focus()
            page.keyboard.press("ArrowRight")
        page.get_by_text(name).first.wait_for(timeout=15_000)
    page.locator(".dk-missions li[data-done='true']").first.wait_for(timeout=15_000)
    assert page.get_by_text("1 of 5 done").is_visible()
    assert "Mission 1 done" in page.locator(".dk-live").first.inner_text()


def test_a_prediction_is_kept_and_shown_beside_the_outcome(lesson: Any) -> None:
    page = lesson("e2-predict", "e2-run", "e2-reveal").page
    page.get_by_label("A: v2, B: v1").check()
    page.get_by_role("button", name="Keep my prediction").click()
    page.get_by_text("Now run the next cell").first.wait_for()
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.get_by_text("You predicted “A: v2, B: v1”: right.").wait_for(timeout=30_000)
    assert page.get_by_label("A: v2, B: v1").is_checked()


def test_what_is_said_to_screen_readers_makes_no_scrollbar(page: Any) -> None:
    shown = page("e1-predict")
    output = shown.locator(".jp-OutputArea-output:has(.ds-kit)").first
    assert output.evaluate("it => it.querySelectorAll('.dk-live').length") == 1
    # Wherever on the page it stands: whether a pixel is too much depends on the rounding.
    for top in (0, 0.25, 0.5, 0.75):
        more = output.evaluate(
            "(it, top) => { it.style.marginTop = `${top}px`;"
            " return it.scrollHeight - it.clientHeight; }",
            top,
        )
        assert more == 0, top


def test_typing_and_arrows_stay_in_the_widget(page: Any) -> None:
    shown = page("e1-predict")
    before = cells_of(shown)
    field = shown.get_by_label("How many of 100 such reads")
    field.focus()
    shown.keyboard.type("b43")  # alone, "b" would insert a cell
    shown.keyboard.press("Enter")
    shown.get_by_text("Kept: 43 of 100").first.wait_for(timeout=15_000)
    assert cells_of(shown) == before
    assert not shown.errors


def test_the_quiz_by_keyboard_with_feedback_and_a_hint(page: Any) -> None:
    shown = page("quiz")
    before = cells_of(shown)
    first = shown.locator(".dk-question").first
    wrong = [first.get_by_role("button", name=text) for text in ("a) 1", "b) 3", "d) 2")]
    wrong[1].focus()
    shown.keyboard.press("Enter")
    first.get_by_text("One replica alone can never know").wait_for(timeout=15_000)
    assert shown.get_by_text("Hint.").count() == 0
    shown.keyboard.press("ArrowDown")  # the focus is kept after the answer
    shown.keyboard.press("ArrowDown")
    shown.keyboard.press("Space")
    first.get_by_text("How many of four replicas are a majority?").wait_for(timeout=15_000)
    wrong[0].click()
    shown.get_by_text("1 of 5 right").wait_for(timeout=15_000)
    assert "Right." in shown.locator(".dk-live").first.inner_text()
    assert cells_of(shown) == before
    assert not shown.errors


def test_interview_cards_fold_and_ratings_stay(page: Any) -> None:
    shown = page("interview-cards")
    assert shown.get_by_text("Any two majorities").count() == 0
    shown.get_by_role("button", name="Why a majority?").click()
    shown.get_by_text("Any two majorities").wait_for(timeout=15_000)
    shown.get_by_label("a number").check()
    shown.get_by_text("1 of 5").wait_for(timeout=15_000)
    shown.get_by_role("button", name="Why a majority?").click()
    assert shown.get_by_text("Any two majorities").count() == 0
    shown.get_by_role("button", name="session store").click()
    shown.get_by_label("Level 3").check()
    shown.get_by_text("level 3", exact=True).wait_for(timeout=15_000)
    assert not shown.errors


SKETCH = """
from dsviz.lesson import axis, predict, reveal
load, wait = axis("load", 0, 100, "tx/s"), axis("wait", 0, 20, "ms")
predict("x/L1", "How does it grow?", x=load, y=wait, at=[0, 50, 100])
"""
SHOWN = 'reveal("x/L1", [[0, 5], [50, 10], [100, 15]], x=load, y=wait)'


def test_points_are_dragged_and_moved_by_keys_and_drawn_beside_the_outcome(
    open_notebook: Any,
) -> None:
    page = open_notebook([SKETCH, SHOWN])
    plot = page.locator(".dk-prediction .dk-plot")
    plot.wait_for(timeout=60_000)
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.06)
    page.mouse.up()
    points = page.get_by_role("slider")
    assert float(points.nth(2).get_attribute("aria-valuenow")) == pytest.approx(20, abs=0.5)
    points.nth(0).focus()
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    assert float(points.nth(0).get_attribute("aria-valuenow")) == pytest.approx(8, abs=0.01)
    page.get_by_role("button", name="Keep my prediction").click()
    page.get_by_text("Now run the next cell").first.wait_for(timeout=15_000)
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.get_by_text("● predicted").wait_for(timeout=30_000)
    assert page.locator(".dk-outcome circle").count() == 3
    assert page.locator(".dk-outcome rect").count() == 3
    assert not page.errors


def test_the_map_is_walked_by_arrow_keys(open_notebook: Any) -> None:
    page = open_notebook(["from dsviz.lesson import concept_map, forget\nforget()\nconcept_map()"])
    page.get_by_role("button", name="01 Immutability").wait_for(timeout=60_000)
    page.get_by_role("button", name="01 Immutability").focus()
    for key, then in (("Right", "03"), ("Right", "04"), ("Down", "07")):
        page.keyboard.press(f"Arrow{key}")
        chosen = page.locator(f".dk-station[aria-pressed=true][data-key='{then}']:focus")
        chosen.wait_for(timeout=30_000)
        link = page.get_by_role("link", name="Open the lesson")
        assert link.is_visible() == (then == "04")
    page.get_by_text("07 Eventual consistency:").wait_for(timeout=30_000)
    assert not page.errors
