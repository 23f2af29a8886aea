"""Same scenario, seed and faults: the same trace, byte for byte. One more fault shifts only what
it causes."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsviz.sim.faults import ClockSkew, Crash, Cut, Delay, Duplicate, Loss, Pause
from dsviz.sim.network import Network
from dsviz.sim.node import Node
from dsviz.sim.scenario import Scenario
from dsviz.systems import quorum
from dsviz.trace import Message, Trace

ROOT = Path(__file__).resolve().parent.parent

#: Prints a digest for each run that has a golden transcript, and for some with many faults.
DIGESTS = """
import json, pathlib, sys
from dsviz.recall import recalled
from dsviz.sim.faults import Duplicate, Loss, PowerLoss, Restart
from dsviz.systems import consensus_chaos, consensus_runs, quorum
faults = (Loss(0.1), Duplicate(0.2, at=50), PowerLoss(("r1", "r2"), at=80), Restart("r1", at=150))
runs = [
    quorum.staleness("ymmr", trials=50).run(3),
    quorum.inversion("write-back", "az").run(5),
    quorum.inversion("async", "lan").run(7, faults),
    quorum.sloppy_quorum().run(1),
    consensus_runs.cluster(3, duration=900, every=300).run(1),
    consensus_runs.figure8().run(1),
    consensus_chaos.chaos(4).run(4),
]
for path in sorted(pathlib.Path("tests/golden/found").glob("*.txt")):
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("{"):
            scenario, seed = recalled(json.loads(line))
            runs.append(scenario.run(seed))
print(*[run.digest() for run in runs])
"""


def digests_under(hash_seed: str, python: str = sys.executable) -> list[str]:
    env = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [python, "-c", DIGESTS], env=env, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def pythons() -> list[str]:
    """Return the interpreters here that can run the package: this one and any newer one."""
    found = {sys.version_info[:2]: sys.executable}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for minor in range(11, 20):
        installed = sorted(pyenv.glob(f"versions/3.{minor}.*/bin/python"))
        for path in (shutil.which(f"python3.{minor}"), *map(str, installed)):
            if path and subprocess.run([path, "-c", ""], capture_output=True).returncode == 0:
                found.setdefault((3, minor), path)
    return [found[version] for version in sorted(found)]


def test_digests_are_the_ones_of_every_machine():
    """Golden: a change here changes every trace of the course. Make sure that it is meant."""
    here = digests_under("random")
    assert len(set(here)) > 12
    assert here[: len(GOLDEN)] == GOLDEN


GOLDEN = [
    "b72de5c7c49d4087",
    "9b3a5ef2adbabb03",
    "c393c56a2b1d3b78",
    "d2233baa58694d00",
    "3579b6e5fe498fad",
    "da49fa49c74439bf",
    "6f240fda7297facf",
]


def test_digests_are_equal_under_five_hash_seeds_on_the_oldest_and_the_newest_python():
    """One after the other, and several at the same time."""
    first, *_, last = [*pythons(), pythons()[-1]]
    expected = digests_under("0", first)
    with ThreadPoolExecutor(4) as pool:
        work = [(seed, python) for seed in ("0", "1", "42", "4242", "random")
                for python in {first, last}]  # fmt: skip
        assert all(
            digests == expected for digests in pool.map(lambda job: digests_under(*job), work)
        )


def test_different_seeds_give_different_runs():
    scenario = quorum.inversion(network="az")
    assert scenario.run(1).digest() != scenario.run(2).digest()


class Chatter(Node):
    """Every 5 ms sends its count to the others; `extra` adds messages to c."""

    extra = 0

    def on_start(self):
        self.count = 0
        self.on_timer_go()

    def on_timer_go(self):
        self.count += 1
        for other in self.peers:
            self.send(other, "count", count=self.count)
        for _ in range(self.extra):
            self.send("c", "extra")
        self.set_timer("go", 5)

    def on_count(self, msg):
        pass

    def on_extra(self, msg):
        pass


def latencies(faults=(), extra=0, seed=0):
    nodes = {"a": Chatter(extra=extra), "b": Chatter(), "c": Chatter()}
    trace = Scenario("chatter", nodes, 200.0, Network("wan"), tuple(faults)).run(seed)
    return {
        (e.peer, e.node, e.data.count): e.time - e.sent_at
        for e in trace
        if e.what in ("deliver", "flight") and e.data.kind == "count"
    }


FAULTS = st.sampled_from(
    [
        Loss(0.5, "a", "b", at=20),
        Loss(0.3),
        Duplicate(0.5, at=33),
        Cut("b", "c", at=50, duration=60),
        Pause("b", at=70, duration=9),
        ClockSkew("c", 500, at=10),
        Crash("c", at=90),
    ]
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(FAULTS, max_size=4, unique=True), st.integers(0, 3))
def test_one_more_fault_never_shifts_the_latency_of_a_message(faults, seed):
    plain, faulty = latencies(seed=seed), latencies(faults, seed=seed)
    shared = plain.keys() & faulty.keys()
    # A copy may be handled first, and a paused node handles late: neither is the network's doing.
    copies = any(isinstance(fault, Duplicate) for fault in faults)
    paused = {fault.node for fault in faults if isinstance(fault, Pause)}
    for message in shared:
        if not copies and message[1] not in paused:
            assert faulty[message] == pytest.approx(plain[message], abs=1e-9)


def test_more_messages_on_one_link_leave_the_other_links_alone():
    plain, more = latencies(), latencies(extra=2)
    for src, dst, count in plain.keys() & more.keys():
        if (src, dst) != ("a", "c"):
            assert more[src, dst, count] == plain[src, dst, count]
    assert any(more[m] != plain[m] for m in plain.keys() & more.keys())


def test_loss_decisions_of_a_link_do_not_depend_on_when_the_fault_began():
    def lost(at):
        nodes = {"a": Chatter(), "b": Chatter()}
        scenario = Scenario("loss", nodes, 500.0, Network(1.0), (Loss(0.4, "a", "b", at=at),))
        return {e.data.count for e in scenario.run(0).select("drop")}

    early, late = lost(0), lost(250)
    assert late == {count for count in early if (count - 1) * 5 >= 250}
    assert late


def test_a_delay_moves_only_its_link():
    plain, delayed = latencies(), latencies([Delay(7, "a", "b")])
    for (src, dst, count), latency in plain.items():
        expected = latency + 7 if (src, dst) == ("a", "b") else latency
        if (src, dst, count) in delayed:
            assert delayed[src, dst, count] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", ["inversion", "sloppy_quorum"])
def test_json_lines_give_the_same_trace_back(name):
    trace = getattr(quorum, name)().run(0)
    again = Trace.from_jsonl(trace.to_jsonl())
    assert again.digest() == trace.digest()
    assert again.faults == trace.faults
    assert [str(op) for op in again.history()] == [str(op) for op in trace.history()]
    assert isinstance(again.select("deliver")[0].data, Message)


@pytest.mark.parametrize(
    "text", ["", "{}", "not json", '{"dsviz": 1}', None], ids=["empty", "{}", "text", "head", "row"]
)
def test_a_broken_trace_file_gets_a_sentence(text):
    from dsviz.errors import DsvizError

    if text is None:
        text = quorum.inversion().run(0).to_jsonl() + "[1, 2\n"
    with pytest.raises(DsvizError, match=r"line \d+ is not part of a trace"):
        Trace.from_jsonl(text)
