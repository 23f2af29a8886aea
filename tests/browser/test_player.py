"""The player in a real JupyterLab: what a learner does with mouse and keyboard, and what shows."""

from __future__ import annotations

from typing import Any

import pytest
from browser_support import SETUP, Watched

CELL = SETUP + "player = Player(scenario)\nplayer"


@pytest.fixture
def watch(open_notebook: Any) -> Any:
    """Return a function that opens a notebook with a player and waits until it stands."""

    def open_player(cell: str = CELL, **options: Any) -> Watched:
        return Watched(open_notebook([cell], **options))

    return open_player


def test_plays_and_pauses_with_messages_moving(watch: Any) -> None:
    player = watch()
    player.button("play").click()
    player.page.wait_for_timeout(600)
    player.button("pause").click()
    stopped = player.time
    assert stopped > 0
    player.page.wait_for_timeout(300)
    assert player.time == stopped
    assert "Under way" in player.caption or "ms" in player.caption


def test_steps_from_event_to_event_and_back(watch: Any) -> None:
    player = watch()
    player.button("Next event").click()
    first = player.time
    player.button("Next event").click()
    assert player.time > first > 0
    player.button("Previous event").click()
    assert player.time == first
    player.button("Go to the start").click()
    assert player.time == 0


def test_scrubs_with_mouse_and_keyboard(watch: Any) -> None:
    player = watch()
    box = player.root.locator(".ds-scrub").bounding_box()
    player.page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2)
    assert player.time == pytest.approx(player.duration / 2, rel=0.05)
    player.root.locator(".ds-scrub").press("End")
    assert player.time == player.duration
    player.root.locator(".ds-scrub").press("ArrowLeft")
    assert 0 < player.time < player.duration


def test_crash_by_click_changes_the_verdict(watch: Any) -> None:
    player = watch()
    assert player.lamp_states() == ["ok"]
    player.scrub(25)
    player.node("r1").click()
    player.menu_item("Crash").click()
    player.wait_for_run()
    assert player.chips() == ["crash r1"]
    assert "player.inject(Crash('r1', at=25))" in player.root.inner_text()
    player.scrub(player.duration)
    assert player.lamp_states() == ["violated"]
    assert "down since 25 ms" in player.node("r1").get_attribute("aria-label")


def test_everything_by_keyboard(watch: Any) -> None:
    player = watch()
    player.scrub(25)
    player.node("r1").focus()
    player.page.keyboard.press("Enter")
    assert player.menu_item("Crash").evaluate("e => e === document.activeElement")
    player.page.keyboard.press("ArrowDown")
    player.page.keyboard.press("ArrowUp")
    player.page.keyboard.press("Enter")
    player.wait_for_run()
    assert player.chips() == ["crash r1"]
    assert player.node("r1").evaluate("e => e === document.activeElement"), "focus is kept"
    chip = player.root.locator(".ds-chip .ds-grip")
    chip.focus()
    player.page.keyboard.press("Shift+ArrowRight")
    player.wait_for_text("player.move(0, at=35)")
    player.page.keyboard.press("Delete")
    player.wait_for_text("The futures", gone=True)
    assert player.chips() == []
    assert player.page.locator(".jp-Notebook .jp-Cell").count() == 1, "no key reached the notebook"


def test_keys_of_the_notebook_are_left_alone(watch: Any) -> None:
    player = watch()
    player.node("r1").focus()
    for key in ("b", "a", "x"):
        player.page.keyboard.press(key)
    assert player.page.locator(".jp-Notebook .jp-Cell").count() == 1


def test_lasso_makes_a_partition(watch: Any) -> None:
    player = watch()
    player.scrub(15)
    player.draw_round("r1", "r2")
    menu = player.root.get_by_role("dialog", name="Partition")
    checked = menu.locator("input[type=checkbox]:checked")
    assert sorted(checked.evaluate_all("boxes => boxes.map(b => b.value)")) == ["r1", "r2"]
    player.menu_item("Cut off from the rest").click()
    player.wait_for_run()
    assert player.chips()[0].startswith("partition r1, r2 | rest")


def test_link_menu_cuts_one_way(watch: Any) -> None:
    player = watch()
    player.scrub(15)
    player.click_link("k", "r1")
    player.menu_item("Cut").first.click()
    player.wait_for_run()
    assert player.chips()[0].startswith("cut k → r1")


def test_chip_is_dragged_along_and_off_the_axis(watch: Any) -> None:
    player = watch(SETUP + "player = Player(scenario, faults=Crash('r1', at=25))\nplayer")
    grip = player.root.locator(".ds-chip .ds-grip")
    player.drag(grip, dx=120)
    player.wait_for_text("player.move(0, at=")
    player.drag(grip, dy=90)
    player.wait_for_text("player.remove(0)")
    assert player.chips() == []
    player.button("Undo the last change").click()
    player.wait_for_text("player.undo()")
    assert player.chips() == ["crash r1"]


def test_chip_is_removed_by_its_cross(watch: Any) -> None:
    player = watch(SETUP + "player = Player(scenario, faults=Crash('r1', at=25))\nplayer")
    player.root.get_by_label("Remove: r1 crashes").click()
    player.wait_for_text("player.remove(0)")
    assert player.chips() == []


def test_lamp_jumps_to_its_moment(watch: Any) -> None:
    player = watch(SETUP + "player = Player(scenario, faults=Crash('r1', at=25))\nplayer")
    lamp = player.root.locator(".ds-lamp")
    lamp.click()
    assert player.time == pytest.approx(player.violated_at(), abs=0.01)
    assert lamp.get_attribute("aria-pressed") == "true"
    assert player.lamp_states() == ["violated"]


def test_two_futures_as_tabs_with_an_outcome_table(watch: Any) -> None:
    player = watch()
    assert player.root.get_by_role("tab").count() == 0
    player.run("player.inject(Crash('r1', at=25))")
    player.wait_for_text("The futures part at 25 ms")
    assert player.root.get_by_role("tab").count() == 2
    assert player.root.locator(".ds-outcome th", has_text="difference").count() == 1
    player.root.get_by_role("tab", name="A · as scripted").click()
    assert player.chips() == []


def test_new_seed_and_bad_faults(watch: Any) -> None:
    player = watch()
    player.root.get_by_label("Seed").fill("3")
    player.root.get_by_label("Seed").press("Enter")
    player.page.wait_for_function("() => document.querySelector('.ds-player').dataset.latency")
    player.run("player._on_message(None, {'do': 'inject', 'fault': {'fault': 'Fire'}})")
    player.wait_for_text("Not done. fault='Fire' is not known")


def test_dark_theme(watch: Any) -> None:
    player = watch(dark=True)
    player.page.wait_for_selector(".ds-player[data-theme=dark]")
    background = player.root.evaluate("e => getComputedStyle(e).backgroundColor")
    assert background == "rgb(20, 23, 28)"


def test_reduced_motion_plays_in_steps(watch: Any) -> None:
    player = watch(reduced_motion=True)
    player.button("play").click()
    player.page.wait_for_timeout(1300)
    player.button("pause").click()
    assert player.time in player.step_times()


def test_error_of_the_learners_code_is_shown(watch: Any) -> None:
    player = watch(SETUP.replace("self.total += 1", "self.totl += 1") + "Player(scenario)")
    player.scrub(30)
    player.wait_for_text("own code raised an error")
    assert "self.totl += 1" in player.root.inner_text()


def test_no_page_errors(watch: Any) -> None:
    player = watch()
    player.button("play").click()
    player.page.wait_for_timeout(500)
    assert player.page.errors == []
