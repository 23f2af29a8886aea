"""What the browser tests share: a small scenario, and a player as the page shows it."""

from __future__ import annotations

from typing import Any

SETUP = """
from dsviz.check.verdict import Verdict
from dsviz.sim.faults import Crash
from dsviz.sim.network import Network
from dsviz.sim.node import Client, Node, Op
from dsviz.sim.scenario import Scenario
from dsviz.widgets.player import Player

class Replica(Node):
    shows = ("total",)

    def on_start(self):
        self.total = 0

    def on_store(self, msg):
        self.total += 1
        self.reply(msg, "stored", version=msg.version)

class Coordinator(Node):
    def on_write(self, msg):
        self.request, self.stored = msg, 0
        self.broadcast(("r1", "r2"), "store", version=msg.value)

    def on_stored(self, msg):
        self.stored += 1
        if self.stored == 2:
            self.reply(self.request, "ok")

def all_answered(trace):
    lost = [op for op in trace.history() if op.status != "ok"]
    if not lost:
        return Verdict("all answered", "ok", "every write was answered")
    return Verdict("all answered", "violated", f"{lost[0]} has no answer", 90.0, (), (lost[0].id,))

writes = tuple(Op("write", "x", i, "k", at=50.0 * i) for i in range(4))
nodes = {"A": Client(operations=writes, timeout=90), "k": Coordinator()}
nodes |= {"r1": Replica(), "r2": Replica()}
scenario = Scenario("two replicas", nodes, 300, Network("exact"), checks=(all_answered,))
"""


class Watched:
    """The player on a page, in words of what a learner sees and does."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.root = page.locator(".ds-player").first
        self.root.wait_for(timeout=60_000)
        self.root.scroll_into_view_if_needed()

    def button(self, name: str) -> Any:
        return self.root.get_by_role("button", name=name, exact=True)

    def node(self, name: str) -> Any:
        return self.root.locator(f".ds-node[data-node='{name}']")

    def menu_item(self, name: str) -> Any:
        return self.root.locator(".ds-menu").get_by_role("button", name=name)

    @property
    def time(self) -> float:
        return float(self.root.locator(".ds-scrub").input_value())

    @property
    def duration(self) -> float:
        return float(self.root.locator(".ds-scrub").get_attribute("max"))

    @property
    def caption(self) -> str:
        return self.root.locator(".ds-caption").inner_text()

    def scrub(self, t: float) -> None:
        self.root.locator(".ds-scrub").evaluate(
            "(range, t) => { range.value = t; range.dispatchEvent(new Event('input')); }", t
        )
        self.page.wait_for_timeout(100)

    def chips(self) -> list[str]:
        return self.root.locator(".ds-chip .ds-grip span").all_inner_texts()

    def lamp_states(self) -> list[str]:
        return self.root.locator(".ds-lamp i").evaluate_all("ls => ls.map(l => l.dataset.state)")

    def violated_at(self) -> float:
        return 90.0

    def step_times(self) -> list[float]:
        """Times at which something happens in the scenario: every 10 ms after a write begins."""
        return [0.0, *(50.0 * i + 10.0 * j for i in range(4) for j in range(5))]

    def wait_for_run(self) -> None:
        """Wait until the picture after a click stands and its checks have spoken."""
        self.page.wait_for_function(
            """() => {
              const { latency, pending } = document.querySelector(".ds-player").dataset;
              return latency && pending === "false";
            }"""
        )
        self.page.wait_for_timeout(100)

    def wait_for_text(self, text: str, gone: bool = False) -> None:
        state = "hidden" if gone else "visible"
        self.root.get_by_text(text).first.wait_for(state=state, timeout=10_000)

    def run(self, source: str) -> None:
        """Run Python in the notebook's kernel."""
        self.page.evaluate(
            """async source => {
              const session = window.jupyterapp.shell.currentWidget.sessionContext.session;
              await session.kernel.requestExecute({ code: source }).done;
            }""",
            source,
        )

    def center(self, name: str) -> tuple[float, float]:
        box = self.node(name).bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def draw_round(self, *names: str) -> None:
        """Draw a closed line round some nodes with the mouse."""
        centers = [self.center(name) for name in names]
        left, right = min(x for x, _ in centers) - 40, max(x for x, _ in centers) + 40
        top, bottom = min(y for _, y in centers) - 34, max(y for _, y in centers) + 36
        self.page.mouse.move(left, top)
        self.page.mouse.down()
        for x, y in ((right, top), (right, bottom), (left, bottom), (left, top + 4)):
            self.page.mouse.move(x, y, steps=5)
        self.page.mouse.up()

    def click_link(self, one: str, other: str) -> None:
        (x1, y1), (x2, y2) = self.center(one), self.center(other)
        self.page.mouse.move(x1 * 0.4 + x2 * 0.6, y1 * 0.4 + y2 * 0.6)
        self.page.mouse.click(x1 * 0.4 + x2 * 0.6, y1 * 0.4 + y2 * 0.6)

    def drag(self, what: Any, dx: float = 0, dy: float = 0) -> None:
        box = what.bounding_box()
        x, y = box["x"] + 12, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + dx / 2, y + dy / 2, steps=4)
        self.page.mouse.move(x + dx, y + dy, steps=4)
        self.page.mouse.up()
