"""The player in a real JupyterLab: from a click to the new picture, and frames a second.

In a headless Chromium without a graphics card, the page in front. A click counts from the moment at
which the player asks Python until the first frame with the new run has been painted: the way to the
kernel and back, JupyterLab's own work (a widget that only answers takes it too), the run, its
columns, layout and painting are all within.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

from benchmarks.table import Row, reaching

ROOT = Path(__file__).resolve().parents[1]
#: (events, clicks, most ms that half of the clicks may take)
CLICKS = ((800, 24, 60.0), (10_000, 12, 120.0), (50_000, 6, 300.0))
#: (messages under way, least frames a second, and the same with a CPU that is 4 times slower)
FLIGHTS = ((10, 58.0, None), (200, 58.0, 40.0), (1000, None, None))

CELL = """
from benchmarks.messages import cluster
from dsviz.widgets.player import Player
player = Player(cluster({deliveries}, nodes={nodes}, tokens={tokens}), seed=1)
player
"""


def player(quick: bool) -> list[Row]:
    """Return the rows of the player; without Chromium or JupyterLab one row that says so."""
    why = _missing()
    if why:
        return [Row("player in a browser", "ms", None, goal="≤ 60", note=why)]
    with _lab() as open_page:
        rows: list[Row] = []
        for events, clicks, most in CLICKS[:1] if quick else CLICKS:
            rows += _injections(open_page, events, 3 if quick else clicks, most)
        for tokens, least, slowed in FLIGHTS[:1] if quick else FLIGHTS:
            rows += _frames(open_page, tokens, least, slowed, 1.0 if quick else 4.0)
    return rows


def _missing() -> str | None:
    for module in ("playwright", "jupyterlab", "anywidget"):
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed: pip install -e .[test]"
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        return "there is no Chromium here: apt install chromium"
    return None


def _of_the_tests() -> ModuleType:
    """The browser tests' own JupyterLab."""
    path = ROOT / "tests" / "browser" / "conftest.py"
    spec = importlib.util.spec_from_file_location("browser_tests", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def _lab() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    tests = _of_the_tests()
    program = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    )
    with tempfile.TemporaryDirectory(prefix="dsviz-bench-") as folder, sync_playwright() as started:
        lab = tests.Lab(Path(folder))
        browser = started.chromium.launch(
            executable_path=program, args=[*tests.CHROMIUM_FLAGS, "--no-sandbox"]
        )
        count = 0

        def open_page(cell: str) -> Any:
            nonlocal count
            count += 1
            name = f"bench-{count}.ipynb"
            tests._write(lab.folder / name, [cell])
            page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
            address = f"{lab.url}/lab/workspaces/{name[:-6]}/tree/{name}?token={tests.TOKEN}&reset"
            page.goto(address)
            tests._run_all(page)
            page.locator(".ds-player").wait_for(timeout=120_000)
            page.locator(".ds-player").scroll_into_view_if_needed()
            page.wait_for_timeout(500)
            return page

        try:
            yield open_page
        finally:
            browser.close()
            lab.stop()


def _injections(open_page: Any, events: int, clicks: int, most: float) -> list[Row]:
    page = open_page(CELL.format(deliveries=events, nodes=9, tokens=20))
    found = [page.evaluate(INJECT, [f"n{number % 9}", 5 + number]) for number in range(clicks)]
    page.context.close()
    taken = sorted(picture for picture, _ in found)
    judged = median(verdicts for _, verdicts in found)
    p95 = taken[min(len(taken) - 1, round(0.95 * (len(taken) - 1)))]
    note = (
        f"{clicks} clicks, 95 % within {p95:.0f} ms, verdicts after {judged:.0f} ms; "
        "wall time, until it is painted, in headless Chromium"
    )
    name = f"player: click to new picture, {events:,} events"
    return [reaching(name, "ms", median(taken), "≤", most, note)]


INJECT = """async ([node, at]) => {
  const root = document.querySelector(".ds-player");
  delete root.dataset.latency;
  delete root.dataset.judged;
  root.player.send({ do: "inject", fault: { fault: "Pause", node, at, duration: 1 } });
  const { dataset } = root;
  while (!dataset.latency || !dataset.judged) await new Promise((r) => requestAnimationFrame(r));
  return [Number(dataset.latency), Number(dataset.judged)];
}"""


def _frames(
    open_page: Any, tokens: int, least: float | None, slowed: float | None, seconds: float
) -> list[Row]:
    page = open_page(CELL.format(deliveries=tokens * 60, nodes=9, tokens=tokens))
    rows = []
    for factor, goal in ((1, least), (4, slowed)):
        session = page.context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": factor})
        found = page.evaluate(PLAY, seconds * 1000)
        slow = "" if factor == 1 else ", CPU slowed 4 times"
        name = f"player: frames with {tokens:,} messages under way{slow}"
        if goal is None:
            rows.append(Row(name, "frames/s", found))
        else:
            rows.append(reaching(name, "frames/s", found, "≥", goal))
    page.context.close()
    return rows


PLAY = """async (ms) => {
  const { player } = document.querySelector(".ds-player");
  player.goTo(player.run.duration / 4);
  player.setSpeed(0.5);
  player.play();
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  for (let i = 0; i < 20; i += 1) await frame();
  const begin = performance.now();
  let count = 0;
  while (performance.now() - begin < ms) { await frame(); count += 1; }
  player.pause();
  return (1000 * count) / (performance.now() - begin);
}"""


if __name__ == "__main__":
    from benchmarks.table import printed

    print(printed(player("--quick" in sys.argv)))
