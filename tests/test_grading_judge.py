"""The judge and a submission's processes: the same traces as in one process, and no way out."""

import contextlib
import os
import subprocess
import time
from collections import Counter
from itertools import islice

import pytest
from labtools import ROOT, answers

from dsviz.errors import DsvizError
from dsviz.grading import lockstep, nursery, wire
from dsviz.grading.judge import Host, NotLoadedError
from dsviz.grading.lab import lab_named
from dsviz.grading.labs import _quorum_cases as cases
from dsviz.grading.nursery import Channel
from dsviz.grading.run import Stopped, bounded
from dsviz.grading.source import compiled, executed
from dsviz.grading.submission import read_submission
from dsviz.sim.faults import (
    ClockDrift,
    ClockSkew,
    Crash,
    DiskFailure,
    DiskStall,
    Pause,
    PowerLoss,
    Restart,
    Slow,
)
from dsviz.sim.network import Network
from dsviz.sim.node import Client, Op
from dsviz.sim.scenario import Scenario
from dsviz.sim.values import frozen

LAB = lab_named("04-quorum")
SOLUTION = read_submission(ROOT / "solutions/04-quorum/04-quorum.ipynb").code()
SOME = {
    answer.name: answer.code()
    for answer in (*answers("wrong", "04-quorum"), *answers("right", "04-quorum"))
    if answer.name[:2] in ("m1", "m3", "m6", "on", "fo")
} | {"solution": SOLUTION}


# The same traces ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SOME)
def test_traces_are_the_same_as_in_one_process(name):
    """With crashes, restarts, power loss, blocking and other syncs, and skewed clocks."""
    own = executed(compiled(SOME[name]))
    with Host(SOME[name]) as host:
        apart = host.classes(list(LAB.classes))
        pairs = zip(_cases(own), _cases(apart), strict=True)
        for here, there in pairs:
            one, _ = bounded(here.scenario, here.seed)
            other, _ = bounded(there.scenario, there.seed)
            assert one.digest() == other.digest(), str(here)


def _cases(classes):
    for situation in (cases.calm, cases.skewed_clocks, cases.rolling_restart, cases.two_sides):
        yield from situation(classes, 3, 7)
    for situation in (cases.power_after_answer, cases.dying_coordinator, cases.power_everywhere):
        yield from islice(situation(classes, 5, 7), 0, None, 4)
    for random in (cases.loss, cases.duplication, cases.power, cases.coordinator_crash):
        yield random(classes, 3, 8)


@pytest.mark.parametrize("name", SOME)
def test_runs_side_by_side_are_what_they_are_one_by_one(name):
    with Host(SOME[name]) as host:
        classes = host.classes(list(LAB.classes))
        side_by_side = [trace.digest() for _, (trace, _) in host.ahead(one_case, _cases(classes))]
    own = executed(compiled(SOME[name]))
    assert side_by_side == [one_case(case)[0].digest() for case in _cases(own)]


def one_case(case):
    return bounded(case.scenario, case.seed)


def test_a_process_is_sent_what_several_runs_ask(monkeypatch):
    pytest.importorskip("greenlet")
    counts = Counter()
    answers_of = Channel.answers

    def counted(channel, count):
        counts[count] += 1
        return answers_of(channel, count)

    monkeypatch.setattr(Channel, "answers", counted)
    with Host(SOLUTION) as host:
        classes = host.classes(list(LAB.classes))
        runs = [cases.loss(classes, 3, seed) for seed in range(12)]
        assert len(list(host.ahead(one_case, runs))) == 12
    assert max(counts) > 2


def test_without_greenlets_runs_are_made_one_by_one(monkeypatch):
    monkeypatch.setattr(lockstep, "greenlet", None)
    with Host(SOLUTION) as host:
        classes = host.classes(list(LAB.classes))
        (pair,) = host.ahead(one_case, [cases.loss(classes, 3, 8)])
    own = executed(compiled(SOLUTION))
    assert pair[1][0].digest() == one_case(cases.loss(own, 3, 8))[0].digest()


STOPS = """
import os
class Bad(Node):
    def on_write(self, msg):
        if msg.value == "end":
            os._exit(0)
        self.reply(msg, "ok")
"""


def test_a_run_that_is_stopped_takes_no_other_with_it():
    def case(classes, value):
        client = Client(operations=(Op("write", "x", value, "k1", 0),), timeout=50)
        return Scenario(value, {"c": client, "k1": classes["Bad"]()}, 200)

    values = ["a", "b", "c", "d", "end", "e", "f", "end"]
    with Host({"bad": STOPS}) as host:
        classes = host.classes(["Bad"])
        made = (case(classes, value) for value in values)
        found = list(host.ahead(lambda scenario: bounded(scenario, 1)[0], made))
    assert [scenario.name for scenario, _ in found] == values
    for scenario, result in found:
        if scenario.name == "end":
            assert "process ended" in str(result)
        else:
            assert [row[2] for row in result.rows].count("ok") == 1


def test_what_the_list_of_cases_raises_comes_after_the_cases_before_it():
    def items():
        yield from "abcde"
        raise DsvizError("no sixth")

    batches, found = lockstep.batches(items(), 4), []
    with pytest.raises(DsvizError, match="no sixth"):
        found.extend(batches)
    assert found == [["a"], ["b", "c"], ["d", "e"]]


def test_whoever_draws_from_pythons_own_random_numbers_gets_the_same_ones_again():
    cells = {
        "bad": "import random\nclass Bad(Node):\n    def on_start(self):\n"
        "        self.log(str(random.random()))"
    }
    scenarios = []
    with Host(cells) as host:
        bad = host.classes(["Bad"])["Bad"]
        for seed in (1, 2, 1):
            scenario = Scenario("lot", {"k1": bad(), "k2": bad()}, 50)
            scenarios.append((scenario, seed))
        found = [trace for _, (trace, _) in host.ahead(lambda one: bounded(*one), scenarios)]
    drawn = [[event.data for event in trace.select("log")] for trace in found]
    assert drawn[0] == drawn[2]
    assert len({*drawn[0], *drawn[1]}) == 4


EVERYTHING = """
import enum
from dataclasses import dataclass
from typing import NamedTuple

class Colour(enum.Enum):
    RED = 1
    BLUE = 2

class Level(enum.IntEnum):
    LOW = 1

class Version(NamedTuple):
    counter: int
    name: str

@dataclass(frozen=True)
class Entry:
    version: Version
    tags: frozenset

class Echo(Node):
    shows = ("state", "missing", "seen")
    partner = ""
    limit = 3

    def on_start(self):
        self.seen = self.disk.read("seen", default=0)
        self.state = {"boots": self.seen, 2: (1.5, None, b"x")}
        drawn = self.random.random()
        self.log(f"{self.name} starts at {self.now} beside {self.peers}, draws {drawn}")
        self.disk.append("journal", {"boot": self.seen, "colour": Colour.RED})
        self.disk.sync(then="flushed")
        self.set_timer("tick", 3)

    def on_disk_flushed(self, result):
        self.log(f"flushed {result}, {self.disk.unsynced} left")

    def on_timer_tick(self, n=0):
        entry = Entry(Version(self.seen, self.name), frozenset({"a", "b"}))
        self.send(self.partner, "hello", entry=entry, colour=Colour.BLUE, level=Level.LOW,
                  far=float("inf"), nested=[1, [2, {"k": (3,)}]], version=entry.version)
        if n < self.limit:
            self.set_timer("tick", 2.5, n=n + 1)
            self.set_timer("tick", 50, n=99)
            self.cancel_timer("tick", n=99)

    def on_hello(self, msg):
        assert type(msg.entry) is Entry and msg.colour is Colour.BLUE and msg.entry.version[0] >= 0
        before = self.now
        self.seen += 1
        self.disk.write("seen", self.seen)
        self.disk.write("version", msg.version)
        self.disk.sync()
        self.log(f"{before} {self.now} {self.disk.unsynced} {self.disk.read('journal')}")
        self.disk.rename("version", "newest")
        self.disk.truncate("journal", 1)
        self.reply(msg, "thanks", again=msg.entry, drawn=self.random.randrange(100))
        self.disk.sync()
        self.log(f"later {self.now}")

    def on_thanks(self, msg):
        self.state = {"boots": self.seen, "last": msg.drawn}
        if msg.drawn % 5 == 0:
            self.send("nobody", "hello")
        if msg.drawn % 7 == 0:
            self.send(self.partner, "unknown")
        if msg.drawn % 11 == 0:
            raise ValueError(f"drew {msg.drawn}")
        if msg.drawn % 13 == 0:
            self.set_timer("nothing", 1)
"""


@pytest.mark.parametrize("seed", range(12))
def test_everything_a_node_can_do_crosses_to_its_process_and_back(seed):
    faults = (
        Crash("b", at=9.3),
        Restart("b", at=14),
        ClockSkew("a", -777.123, at=5),
        Pause("a", at=11, duration=4.2),
        PowerLoss(("a", "b"), at=25.2),
        Restart("a", at=27),
        Restart("b", at=28),
    )
    cells = {"everything": EVERYTHING}

    def scenario(echo):
        nodes = {"a": echo(partner="b"), "b": echo(partner="a", limit=5)}
        return Scenario("echo", nodes, 60, Network("az"), faults, sync_ms=0.7)

    here, _ = bounded(scenario(executed(compiled(cells))["Echo"]), seed)
    with Host(cells) as host:
        there, _ = bounded(scenario(host.classes(["Echo"])["Echo"]), seed)
    assert here.transcript() == there.transcript()
    assert here.digest() == there.digest()
    assert len(here) > 60


# What the disk and the clock of a lab can do besides -------------------------------------------

DISK = """
from dsviz import DiskError, Message, Node

class Store(Node):
    shows = ("kept",)
    service = 0.4
    sync_first = True

    def on_start(self):
        self.kept = len(self.disk.read("log", default=[]))
        self.errors = 0
        self.log(f"{self.disk.read('log')} {self.disk.read('blob')} {self.disk.read('new')}")

    def on_write(self, msg):
        before = self.now
        self.disk.append("log", (msg.value, CODE[msg.value[-1]], b"r" * 3))
        self.disk.write("blob", bytes([65 + self.kept % 26]) * 1300)
        self.disk.write("tmp", {"n": self.kept})
        self.disk.rename("tmp", "new")
        self.log(f"{self.disk.unsynced} {self.now - before:.3f}")
        self.kept += 1
        if self.kept % 3 == 0:
            self.disk.truncate("log", self.kept // 2)
        try:
            if self.sync_first:
                self.disk.sync()
        except DiskError as error:
            self.errors += 1
            self.log(f"{error} at {self.now}")
        self.disk.sync(then="flushed")
        self.set_timer("later", 4, op=msg.id, who=msg.src)
        self.log(f"{self.disk.unsynced} {self.now - before:.3f}")

    def on_disk_flushed(self, result):
        if isinstance(result, DiskError):
            self.log(f"not flushed: {result}")
        else:
            self.log(f"flushed {result}, {self.disk.unsynced} left at {self.now}")

    def on_timer_later(self, op, who):
        self.reply(Message("write", who, self.name, op, None, {}), "ok", value=self.errors)
        self.broadcast(self.peers, "hint", kept=self.kept)

    def on_hint(self, msg):
        self.cancel_timer("later", op=-1, who="nobody")
"""
GIVEN_CODE = "CODE = {str(digit): digit * digit for digit in range(10)}"


@pytest.mark.parametrize("sync_ms", [0.0, 0.9])
@pytest.mark.parametrize("seed", range(4))
def test_failing_stalled_torn_and_slow_disks_are_the_same_in_a_process_of_their_own(seed, sync_ms):
    faults = (
        DiskFailure("a", at=3.1),
        DiskStall("b", at=6.5, duration=7),
        ClockDrift("a", 0.02, at=0),
        Slow("b", 3.0, at=2, duration=25),
        PowerLoss(("a",), at=17.5, torn=True),
        Restart("a", at=20),
        PowerLoss(("a", "b"), at=41.3, torn=True),
        Restart("a", at=44),
        Restart("b", at=45),
    )
    cells = {"given": GIVEN_CODE, "store": DISK}

    def scenario(store):
        ops = {c: [Op("write", "x", f"w{i}", c, 1 + 3.3 * i) for i in range(9)] for c in "ab"}
        clients = {f"c{c}": Client(operations=tuple(ops[c]), timeout=9) for c in ops}
        nodes = {"a": store(service=0.2), "b": store(sync_first=False)}
        return Scenario("disk", nodes | clients, 80, Network("az"), faults, sync_ms=sync_ms)

    here, _ = bounded(scenario(executed(compiled(cells))["Store"]), seed)
    with Host(cells) as host:
        there, _ = bounded(scenario(host.classes(["Store"])["Store"]), seed)
    assert here.transcript() == there.transcript()
    assert here.digest() == there.digest()
    assert {"disk error", "undone", "synced"} <= {row[2] for row in here.rows}


# What a submission may try --------------------------------------------------------------------

START = "class Bad(Node):\n    def on_write(self, msg):\n"


def run(body: str, before: str = "", **limits):
    """Run one node with this handler; return the trace. Raises Stopped when the judge ends it."""
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    with Host({"bad": before + START + lines}) as host:
        classes = host.classes(["Bad"])
        client = Client(operations=(Op("write", "x", "w1", "k1", 0),), timeout=50)
        scenario = Scenario("bad", {"c": client, "k1": classes["Bad"]()}, 200)
        return bounded(scenario, 1)[0]


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(nursery, "EVENT_S", 1)


def test_an_endless_handler_is_ended(impatient):
    began = time.monotonic()
    with pytest.raises(Stopped, match="endless loop"):
        run("while True: pass")
    assert time.monotonic() - began < 60  # on a machine that does much else


def test_an_endless_cell_is_ended(impatient):
    with pytest.raises(Stopped, match="endless loop"):
        run("pass", before="while True: pass\n")


@pytest.mark.parametrize(
    "body",
    [
        "import os; os._exit(0)",
        "raise SystemExit",
        "import os; os.kill(os.getpid(), 9)",
        "import os; os.close(3); os.close(4); os.close(5); os.closerange(0, 64)",
    ],
)
def test_a_process_that_ends_itself_is_noticed(body):
    with pytest.raises(Stopped, match="process ended"):
        run(body)


@pytest.mark.parametrize(
    "line",
    [
        "not json\\n",
        "[1, 2]\\n",
        "{}\\n",
        '{"effects": 5, "shown": {}, "error": null}\\n',
        '{"effects": [["send"]], "shown": {}, "error": null}\\n',
        '{"effects": [["fly", 1]], "shown": {}, "error": null}\\n',
        '{"effects": [["send", "nobody", "ok", {}, 1]], "shown": {}, "error": null}\\n',
        '{"effects": [["send", "c", "ok", {"value": {"z": 1}}, 1]], "shown": {}, "error": null}\\n',
        '{"effects": [["timer", "x", 1, null]], "shown": {}, "error": null}\\n',
        '{"effects": [["write", 5, 5]], "shown": {}, "error": null}\\n',
        '{"effects": [["rename", "a", 5]], "shown": {}, "error": null}\\n',
        '{"effects": [], "shown": [], "error": null}\\n',
        '{"effects": [], "shown": {}, "error": 5}\\n',
        "[" * 100_000 + "\\n",
        '{"effects": [["send", "c", "ok", {"value": NaN}, 1]], "shown": {}, "error": null}\\n',
    ],
)
def test_garbage_on_the_channel_is_refused(line):
    write = f"import os, socket\nline = {line!r}.replace(chr(92) + 'n', chr(10)).encode()"
    write += "\nfor fd in range(3, 16):\n    try: os.write(fd, line)\n    except OSError: pass"
    with pytest.raises(Stopped):
        run(write)


def test_a_forged_verdict_is_only_garbage():
    with pytest.raises(Stopped):
        run(
            "import os\nfor fd in range(3, 16):\n"
            '    try: os.write(fd, b\'{"points": 10, "ok": true}\\n\')\n    except OSError: pass'
        )


def test_too_much_on_the_channel_is_refused():
    with pytest.raises(Stopped, match="at once"):
        run("self.log('x')\nfor _ in range(900): self.send('c', 'ok', value='x' * 2000)")


def test_too_many_effects_are_refused():
    with pytest.raises(Stopped, match="1,000 effects"):
        run("for _ in range(1100): self.log('x')")


def test_too_much_memory_is_refused():
    trace = run("keep = bytearray(700_000_000)")
    assert "MemoryError" in trace.transcript()


def test_prints_go_nowhere_and_cost_nothing():
    trace = run("print('x' * 1_000_000)\nself.reply(msg, 'ok')")
    assert [op.status for op in trace.history()] == ["ok"]


def test_files_cannot_be_written_and_the_environment_is_empty(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_SECRET", "s3cret")
    target = tmp_path / "mark"
    body = (
        "import os\n"
        "self.log(str('COURSE_SECRET' in os.environ))\n"
        f"open({str(target)!r}, 'w').write('10')"
    )
    trace = run(body)
    assert [event.data for event in trace.select("log")] == ["False"]
    assert not target.exists() or target.read_text() == ""


def test_nodes_and_runs_share_no_memory():
    cells = {
        "bad": "seen = []\nclass Bad(Node):\n    shared = []\n    def on_write(self, msg):\n"
        "        seen.append(1); Bad.shared.append(1)\n"
        "        self.log(f'{len(seen)} {len(self.shared)}')\n        self.reply(msg, 'ok')"
    }
    with Host(cells) as host:
        bad = host.classes(["Bad"])["Bad"]
        ops = (Op("write", "x", "w1", "k1", 0), Op("write", "x", "w2", "k2"))
        nodes = {"c": Client(operations=ops), "k1": bad(), "k2": bad()}
        for _ in range(2):
            trace, _ = bounded(Scenario("shared", nodes, 200), 1)
            assert [event.data for event in trace.select("log")] == ["1 1", "1 1"]


def test_a_restart_forgets_what_is_in_memory():
    cells = {
        "bad": "seen = []\nclass Bad(Node):\n    def on_start(self):\n        seen.append(1)\n"
        "        self.log(str(len(seen)))"
    }
    with Host(cells) as host:
        node = host.classes(["Bad"])["Bad"]()
        faults = (Crash("k1", at=10), Restart("k1", at=20))
        trace, _ = bounded(Scenario("again", {"k1": node}, 50, faults=faults), 1)
    assert [event.data for event in trace.select("log")] == ["1", "1"]


HOARDS = """
import sys
def hoard(what):
    kept = sys.modules.setdefault("hoard", [])
    kept.append(what)
    return len(kept)
class Bad(Node):
    def on_start(self):
        self.log(str(hoard(self.name)))
    def on_write(self, msg):
        self.log(str(hoard(msg.value)))
        self.reply(msg, "ok")
"""


def test_not_even_what_is_hidden_from_a_new_run_reaches_another_node_or_survives_a_crash():
    """It reaches the same start of the same node in later runs of the check, and nothing else."""
    ops = tuple(Op("write", "x", f"w{n}", f"k{n}") for n in (1, 2))
    faults = (Crash("k1", at=50), Restart("k1", at=60), Crash("k1", at=70), Restart("k1", at=80))
    with Host({"bad": HOARDS}) as host:
        bad = host.classes(["Bad"])["Bad"]
        nodes = {"c": Client(operations=ops), "k1": bad(), "k2": bad()}
        scenario = Scenario("hoard", nodes, 100, faults=faults)
        counts = []
        for check in range(2):
            for _ in range(2):
                trace, _ = bounded(scenario, 1)
                counts.append([(event.node, event.data) for event in trace.select("log")])
            if not check:
                host.end_check()
    first, again, other, last = counts
    assert sorted(first) == sorted(
        [("k1", "1"), ("k2", "1"), ("k1", "2"), ("k2", "2"), ("k1", "1"), ("k1", "1")]
    )
    assert again != first
    assert (other, last) == (first, again)


def test_a_run_without_rest_is_cut_short():
    cells = {
        "bad": "class Bad(Node):\n    def on_start(self):\n        self.set_timer('now', 0)\n"
        "    def on_timer_now(self):\n        self.set_timer('now', 0)"
    }
    node = executed(compiled(cells))["Bad"]()
    trace, rests = bounded(Scenario("busy", {"k1": node}, 50), 1)
    assert not rests
    assert len(trace) < 30_000


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("class Bad(Node:\n    pass", "<cell bad>, line 1: SyntaxError"),
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("from dsviz import check", "ImportError"),
        ("1 / 0", "<cell bad>, line 1: ZeroDivisionError"),
        ("x = 1", "Bad is not defined"),
        ("class Bad: pass", "Bad is not a subclass of Node"),
        ("class Bad(Node):\n    shows = ('disk',)", "'disk' is a name of Node's own"),
        ("class Bad(Node):\n    shows = ('_kernel',)", "'_kernel' is a name of Node's own"),
        ("class Bad(Node):\n    shows = 5", ""),
        ("x = '\\ud800'\nraise ValueError(x)", "ValueError"),
        ("(" * 300 + ")" * 300, "Error"),
    ],
)
def test_a_cell_that_cannot_be_used_gets_a_sentence(source, said):
    with Host({"bad": source}) as host, pytest.raises((NotLoadedError, Stopped)) as raised:
        host.classes(["Bad"])
    assert said in str(raised.value)


def test_nothing_is_left_behind():
    with Host(SOLUTION) as host:
        host.classes(list(LAB.classes))
        process = host._nursery._process
    assert process.poll() is not None
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def _bubbles() -> bool:
    """Whether bubblewrap can make a sandbox on this machine at all."""
    words = ["bwrap", "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "true"]
    with contextlib.suppress(OSError):
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    return False


@pytest.mark.skipif(not _bubbles(), reason="bubblewrap does not work here")
def test_where_bubblewrap_works_it_is_used():
    """A module that the sandbox lacks would make it fall back to less, in silence."""
    with Host(SOLUTION) as host:
        assert host.isolation.split(",")[0] == "bubblewrap"


def test_the_sandbox_has_what_it_loads_and_no_judge():
    files = nursery.needed()
    assert {"grading/child.py", "grading/wire.py", "sim/node.py", "sim/disk.py"} <= set(files)
    assert not [file for file in files if file.startswith(("check/", "systems/", "grading/labs"))]
    assert "grading/judge.py" not in files


def test_a_bubblewrap_that_does_not_start_is_named(monkeypatch):
    broken = ("bubblewrap", lambda fd: ["/bin/false"])
    monkeypatch.setattr(nursery.shutil, "which", lambda name: "/usr/bin/bwrap")
    monkeypatch.setattr(nursery, "_ways", lambda: [broken, ("limits", nursery._plain)])
    monkeypatch.setattr(nursery, "_working", [])
    with Host(SOLUTION) as host:
        assert nursery.NO_BUBBLE in host.isolation


def test_isolation_says_what_it_is():
    with Host(SOLUTION) as host:
        assert host.isolation.split(",")[0] in ("bubblewrap", "limits")


def test_a_node_starts_no_processes():
    with Host(SOLUTION) as host:
        if host.isolation.endswith("not limited"):
            pytest.skip(f"not limited here: {host.isolation}")
    body = "import os\ntry:\n    if os.fork() == 0: os._exit(0)\n    self.log('forked')"
    trace = run(body + "\nexcept OSError: self.log('refused')")
    assert [event.data for event in trace.select("log")] == ["refused"]


@pytest.mark.skipif(not nursery.shutil.which("bwrap"), reason="bubblewrap is not installed")
def test_in_bubblewrap_there_is_no_network_and_no_course_and_no_home():
    body = (
        "import os, socket\n"
        f"self.log(str([os.path.exists(p) for p in ({str(ROOT)!r}, '/judge/dsviz/systems')]))\n"
        "try: socket.create_connection(('127.0.0.1', 22), 1); self.log('connected')\n"
        "except OSError as error: self.log(type(error).__name__)\n"
        "self.log(str(len([p for p in os.listdir('/proc') if p.isdigit()]) < 40))"
    )
    logs = [event.data for event in run(body).select("log")]
    assert logs[0] == "[False, False]"
    assert logs[1] != "connected"
    assert logs[2] == "True"


def test_without_bubblewrap_it_works_as_well(monkeypatch):
    monkeypatch.setattr(nursery.shutil, "which", lambda name: None)
    monkeypatch.setattr(nursery, "_working", [])
    with Host(SOLUTION) as host:
        assert host.isolation.startswith("limits")
        classes = host.classes(list(LAB.classes))
        case = next(cases.calm(classes, 3, 1))
        trace, _ = bounded(case.scenario, case.seed)
    assert all(op.status == "ok" for op in trace.history())


def test_when_nothing_can_be_started_it_is_no_mark(monkeypatch):
    monkeypatch.setattr(nursery, "_ways", lambda: [("limits", lambda fd: ["/nowhere"])])
    monkeypatch.setattr(nursery, "_working", [])
    with pytest.raises(nursery.InfrastructureError, match="could be started"):
        Host(SOLUTION)


# The wire -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(10**30),
        1.5,
        float("-inf"),
        "ü\ud800",
        b"\x00\xff",
        (),
        (1, (2, ("x",))),
        {"a": 1, 2: (3,), (4, 5): None},
        {1, "a"},
    ],
)
def test_plain_values_cross_unchanged(value):
    cold = frozen(value)
    back = wire.decode(wire.load(wire.dump(wire.encode(cold))))
    assert back == cold
    assert type(back) is type(cold)


@pytest.mark.parametrize(
    "data",
    [
        [1],
        {},
        {"t": 1},
        {"t": [1], "d": []},
        {"d": [[1]]},
        {"d": [[{"d": []}, 1, 2]]},
        {"b": "xyz"},
        {"f": "1"},
        {"f": ["inf"]},
        {"n": ["x; import os", ["a"], [1]]},
        {"n": ["Version", ["class"], [1]]},
        {"n": ["Version", ["a", "b"], [1]]},
        {"c": ["__import__('os')", [], []]},
        {"c": ["C", ["a"] * 100, [1] * 100]},
        {"e": ["", "Colour", "mro()", 1]},
        {"s": [{"d": [[1, {"x": 1}]]}]},
    ],
)
def test_anything_else_is_refused(data):
    with pytest.raises(wire.WireError):
        wire.decode(data)


def test_deep_values_are_refused():
    deep = 1
    for _ in range(100):
        deep = {"t": [deep]}
    with pytest.raises(wire.WireError, match="deeply"):
        wire.decode(deep)


# Time -----------------------------------------------------------------------------------------


def spent_by(body: str) -> tuple[float, float]:
    """Return what the judge says that a handler used, and how long it took, in seconds."""
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    with Host({"bad": START + lines}) as host:
        bad = host.classes(["Bad"])["Bad"]
        client = Client(operations=(Op("write", "x", "w1", "k1", 0),), timeout=50)
        before, began = host.spent(), time.monotonic()
        bounded(Scenario("bad", {"c": client, "k1": bad()}, 200), 1)
        return host.spent() - before, time.monotonic() - began


LIE = "\nimport dsviz, time; time.process_time = lambda: 0.0"


@pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="the system does not tell")
def test_what_a_submission_uses_is_measured_not_believed():
    used, _ = spent_by("import time\nwhile time.process_time() < 0.8: pass" + LIE)
    assert 0.7 < used < 2


@pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="the system does not tell")
def test_sleep_counts_and_waiting_for_a_processor_does_not():
    used, took = spent_by("import time; time.sleep(1.2)")
    assert 0.5 < used <= took
    used, _ = spent_by("pass")
    assert used < 0.4
