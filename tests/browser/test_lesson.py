"""The quorum lesson in a real JupyterLab: its own player cell, a click, another verdict."""

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


def test_the_playground_follows_its_controls(lesson: Any) -> None:
    player = lesson("playground")
    page = player.page
    page.get_by_text("R + W > N: every read meets every write").wait_for()
    assert "N=3 R=1 W=1" in player.root.inner_text()
    handle = page.locator(".widget-slider").nth(1).locator(".noUi-handle")
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("N=3 R=2 W=1").first.wait_for(timeout=15_000)


def test_a_prediction_is_kept_and_shown_beside_the_outcome(lesson: Any) -> None:
    page = lesson("e2-predict", "e2-run", "e2-reveal").page
    page.locator(".widget-radio-box label", has_text="A: v2, B: v1").click()
    page.get_by_role("button", name="Keep my prediction").click()
    page.get_by_text("Now run the next cell").wait_for()
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.get_by_text("You predicted “A: v2, B: v1”: right.").wait_for(timeout=30_000)
