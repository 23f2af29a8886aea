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


def test_the_picture_does_not_wait_for_a_slow_check(watch: Any) -> None:
    slow = """
import time
def slow_check(trace):
    time.sleep(2 if trace.faults else 0)
    return all_answered(trace)
player = Player(scenario, checks=(slow_check,))
player
"""
    player = watch(SETUP + slow)
    player.scrub(25)
    player.node("r1").click()
    player.menu_item("Crash").click()
    player.page.wait_for_function("() => document.querySelector('.ds-player').dataset.latency")
    assert player.chips() == ["crash r1"]
    assert player.lamp_states() == ["pending"]
    player.scrub(player.duration)
    player.wait_for_run()
    player.wait_for_text("The futures part at 25 ms")
    assert player.time == player.duration, "the verdict does not move the viewer"
    assert player.lamp_states() == ["violated"]


def test_what_differs_between_futures_is_found_flight_by_flight(watch: Any) -> None:
    player = watch()
    player.run("player.inject(Crash('r1', at=125))")
    player.wait_for_text("The futures part at 125 ms")
    found = player.root.evaluate(
        """root => {
          const { run, other, differing } = root.player;
          const key = ({ flights: f, texts }, i) =>
            [f.src[i], f.dst[i], f.sent[i], f.ended[i], f.fate[i], texts[f.label[i]]].join();
          const rows = (r) => [...r.flights.src.keys()];
          const known = new Set(rows(other).map((i) => key(other, i)));
          return [rows(run).map((i) => !known.has(key(run, i))), rows(run).map((i) => differing.own.has(i))];
        }"""  # noqa: E501
    )
    assert found[0] == found[1]
    assert any(found[0])
    assert not all(found[0])


def test_lanes_show_what_a_node_holds_over_time(watch: Any) -> None:
    player = watch()
    before = player.root.locator(".ds-axis canvas").bounding_box()["height"]
    player.button("values …").click()
    player.root.get_by_role("dialog", name="Values over time").get_by_label("r1").check()
    player.page.keyboard.press("Escape")
    after = player.root.locator(".ds-axis canvas").bounding_box()["height"]
    assert after > before + 15
    player.scrub(player.duration)
    told = player.root.locator(".ds-scrub").get_attribute("aria-valuetext")
    assert "r1: total 4" in told


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
    player.wait_for_run()
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


def test_pictures_fit_their_boxes_after_the_page_changed(watch: Any) -> None:
    """JupyterLab takes cells out of the page for a moment when it is resized."""
    player = watch()
    for width in (1700, 900, 1280):
        player.page.set_viewport_size({"width": width, "height": 1000})
        player.page.evaluate(
            """() => {
              const cell = document.querySelector(".ds-player").parentElement;
              cell.style.display = "none";
              requestAnimationFrame(() => { cell.style.display = ""; });
            }"""
        )
        player.page.wait_for_function(
            """() => [...document.querySelectorAll(".ds-player canvas")].every((canvas) =>
                 Math.abs(canvas.width / devicePixelRatio - canvas.clientWidth) <= 1)"""
        )


def test_no_page_errors(watch: Any) -> None:
    player = watch()
    player.button("play").click()
    player.page.wait_for_timeout(500)
    assert player.page.errors == []


def test_what_if_opens_a_third_future_and_any_two_are_compared(watch: Any) -> None:
    player = watch()
    player.run("player.inject(Crash('r1', at=25))")
    player.wait_for_text("The futures part at 25 ms")
    player.root.get_by_role("button", name="+ what if").click()
    player.root.get_by_role("tab", name="C · ").wait_for()
    player.run("player.inject(Crash('r2', at=40))")
    player.root.get_by_role("tab", name="C · crash r2 at 40, 1 more").wait_for()
    heads = player.root.locator(".ds-outcome th[scope=col]").all_inner_texts()
    assert heads[1:3] == ["B", "C"]
    player.root.get_by_role("tab", name="A · as scripted").click()
    player.page.wait_for_function("() => !document.querySelector('.ds-chip')")
    tab = player.root.get_by_role("tab", name="C · ")
    tab.focus()
    player.page.keyboard.press("Delete")
    player.page.wait_for_function(
        "() => document.querySelectorAll('.ds-tab[role=tab]').length === 2"
    )


def test_why_tells_the_chain_and_marks_it(watch: Any) -> None:
    player = watch(SETUP + "player = Player(scenario, faults=Crash('r1', at=25))\nplayer")
    player.root.get_by_role("button", name="why …").click()
    assert player.page.evaluate("() => document.activeElement.textContent").startswith("A: write")
    player.page.keyboard.press("Enter")
    player.wait_for_text("did not arrive: r1 is down")
    steps = player.root.locator(".ds-why .ds-step")
    assert steps.count() >= 3
    steps.first.click()
    assert player.time == float(steps.first.locator("b").inner_text().split()[0])
    marked = player.root.evaluate("root => root.player.marked.flights.size")
    assert marked >= 1


def test_a_click_on_an_operation_asks_why(watch: Any) -> None:
    player = watch(SETUP + "player = Player(scenario, faults=Crash('r1', at=25))\nplayer")
    spot = player.root.evaluate(
        """root => {
          const { axis, run } = root.player;
          const box = axis.surface.canvas.getBoundingClientRect();
          const row = run.ops.status.findIndex((status) => status !== "ok");
          return [box.left + axis.x(run.ops.call[row]) + 4, box.top + axis.opsTop + 8];
        }"""
    )
    player.page.mouse.click(*spot)
    player.wait_for_text("Why?")


def test_a_copied_link_opens_the_same_moment_elsewhere(
    watch: Any, chromium: Any, tmp_path: Any
) -> None:
    player = watch()
    player.run("player.inject(Crash('r1', at=25))")
    player.wait_for_text("The futures part at 25 ms")
    player.scrub(62)
    player.root.get_by_role("button", name="copy link").click()
    link = player.root.get_attribute("data-link")
    assert link.endswith("@62")
    assert len(link) <= 2_000
    other = watch(SETUP + f"player = Player(scenario, link={link!r})\nplayer")
    assert other.time == 62
    assert other.chips() == ["crash r1"]
    page_file = tmp_path / "futures.html"
    other.run(f"player.to_html({str(page_file)!r})")
    context = chromium.new_context()
    context.set_offline(True)
    page = context.new_page()
    page.goto(f"file://{page_file}#{link}")
    saved = Watched(page)
    assert saved.time == 62
    assert saved.chips() == ["crash r1"]
    assert saved.root.get_by_role("tab").count() == 2
    saved.root.get_by_role("tab").first.click()
    assert saved.chips() == []
    assert saved.root.get_by_role("button", name="+ what if").count() == 0
    context.close()


@pytest.mark.parametrize("dark", [False, True])
def test_an_accessibility_audit_finds_nothing_serious(watch: Any, dark: bool) -> None:
    """axe-core looks at the player in several states; anything serious or critical fails."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core here")
    player = watch(
        SETUP + "player = Player(scenario, faults=Crash('r1', at=25))\nplayer", dark=dark
    )
    player.run("player.inject(Crash('r2', at=120))")
    player.wait_for_text("The futures part at 120 ms")
    player.scrub(130)
    audit(axe, player, "two futures")
    player.node("k").click()
    audit(axe, player, "the menu of a node")
    player.page.keyboard.press("Escape")
    player.root.get_by_role("button", name="why …").click()
    player.page.keyboard.press("Enter")
    player.wait_for_text("Had one of these arrived")
    audit(axe, player, "an explanation")


def test_the_audit_can_fail(watch: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core here")
    player = watch()
    player.root.evaluate("root => root.querySelector('.ds-scrub').removeAttribute('aria-label')")
    with pytest.raises(AssertionError, match="label"):
        audit(axe, player, "a slider without a name")


def audit(axe: Any, player: Watched, state: str) -> None:
    results = axe.Axe().run(
        player.page, context=".ds-player", options={"resultTypes": ["violations"]}
    )
    bad = [
        f"{state}: {found['id']} ({found['impact']}): {found['help']}: {node['html'][:120]}"
        for found in results.response["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]
    assert not bad, "\n".join(bad)


def test_ten_players_on_a_page_all_play(watch: Any) -> None:
    cell = (
        SETUP + "from ipywidgets import VBox\nVBox([Player(scenario, seed=n) for n in range(10)])"
    )
    player = watch(cell)
    player.page.wait_for_function("() => document.querySelectorAll('.ds-player').length === 10")
    player.button("play").click()
    player.page.wait_for_timeout(400)
    assert player.time > 0
    last = Watched(player.page)
    last.root = player.page.locator(".ds-player").last
    last.root.scroll_into_view_if_needed()
    last.button("play").click()
    player.page.wait_for_timeout(400)
    assert last.time > 0
    assert player.page.errors == []
