import pytest
from browser_support import Watched
CELL='''
from dsviz.systems import quorum
from dsviz.widgets.player import Player
from dsviz.sim.faults import *
scenario = quorum.inversion()
player = Player(scenario, seed=7, title="Quorum: a read that goes back in time")
player
'''
LOAD='''
from dsviz.sim.faults import *
from dsviz.sim.network import Network
from dsviz.sim.node import Client, Node, Op
from dsviz.sim.scenario import Scenario
from dsviz.widgets.player import Player
class Server(Node):
    service = 9.0
    shows = ("done",)
    def on_start(self): self.done = 0
    def on_read(self, msg):
        self.done += 1
        self.disk.append("log", self.done)
        self.disk.sync()
        self.reply(msg, "ok", value=self.done)
nodes = {f"c{i}": Client(operations=tuple(Op("read","x",to=f"s{1+(i+j)%2}",at=4.0*j) for j in range(12)), timeout=400) for i in range(5)}
nodes |= {"s1": Server(), "s2": Server(), "a rather long name": Server(), "another-name-9": Server()}
scenario = Scenario("two desks", nodes, 300, Network("lan"), (ClockDrift("s2", 50000, at=10), Slow("s1", 3, at=20, duration=80), ClockSkew("s1", 30, at=15), Pause("another-name-9", at=10, duration=100)), sync_ms=2)
player = Player(scenario, title="Queues, a slow node, a clock that drifts")
player
'''
@pytest.mark.parametrize("dark",[False,True])
def test_shots(open_notebook, dark):
    name="dark" if dark else "light"
    page=open_notebook([CELL],dark=dark,width=1180,height=1500)
    p=Watched(page)
    page.wait_for_timeout(600)
    page.evaluate("()=>{window.jupyterapp.shell.collapseLeft()}")
    p.run("player.inject(Crash('r2', at=212))")
    page.wait_for_timeout(900)
    p.run("player.show(0, beside=1)")
    page.wait_for_timeout(900)
    p.run("player.why([o for o in player.trace.history() if o.process=='B'][0].id)")
    page.wait_for_timeout(1200)
    p.root.screenshot(path=f"/tmp/lead/shots/player-{name}.png")
    page=open_notebook([LOAD],dark=dark,width=1280,height=1200)
    p=Watched(page)
    page.evaluate("()=>{window.jupyterapp.shell.collapseLeft()}")
    page.wait_for_timeout(700)
    p.scrub(60)
    p.root.screenshot(path=f"/tmp/lead/shots/{name}-load.png")
