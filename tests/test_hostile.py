"""Hostile submissions: the grader finishes, pays nothing, leaves nothing, and grades the next one.

Each file of ``tests/hostile/`` is put before the unsolved classes of the quorum lab, so that no
point is deserved. They run only where a probe has shown that the sandbox holds, and every count in
them is bounded. `make test-long` marks each with every check, `make test` with the first one.
"""

import contextlib
import json
import os
import re
import resource
import socket
import subprocess
import time
from pathlib import Path

import pytest
from labtools import ROOT, notebook, written

from dsviz.classroom.many import grade_folder, notebooks
from dsviz.classroom.work import Task, graded
from dsviz.grading import system_calls as calls
from dsviz.grading.grade import grade, mark
from dsviz.grading.judge import Host
from dsviz.grading.lab import lab_named
from dsviz.grading.run import Stopped, bounded
from dsviz.grading.submission import Submission, parsed, read_submission
from dsviz.sim.node import Client, Op
from dsviz.sim.scenario import Scenario

LAB = lab_named("04-quorum")
FILES = sorted((ROOT / "tests" / "hostile").glob("*.py"))
FIRST = next(check for check in LAB.checks if check.points)
SECRET = "SECRET-of-the-course-0123456789"
UNSOLVED = {
    "replica": "class Replica(Node):\n    def on_start(self):\n        raise NotImplementedError",
    "coordinator": "class Coordinator(Node):\n    replicas = ()\n    def on_start(self):\n"
    "        raise NotImplementedError",
}

PROBE = """
import os, socket
class Probe(Node):
    def on_write(self, msg):
        held = []
        try:
            if os.fork() == 0:
                os._exit(0)
        except OSError:
            held.append("processes")
        try:
            bytearray(700_000_000)
        except MemoryError:
            held.append("memory")
        try:
            socket.create_connection(("127.0.0.1", @PORT@), 1)
        except OSError:
            held.append("network")
        try:
            open("/tmp/probe", "w").write("x")
        except OSError:
            held.append("files")
        if not os.path.exists(@ROOT@) and len([p for p in os.listdir("/proc") if p.isdigit()]) < 40:
            held.append("sight")
        self.log(" ".join(held))
"""


def sandbox_holds() -> str:
    """Return "" when the sandbox holds here, else what is missing."""
    with socket.create_server(("127.0.0.1", 0)) as server:  # somebody would answer
        source = PROBE.replace("@ROOT@", repr(str(ROOT)))
        return missing_in(source.replace("@PORT@", str(server.getsockname()[1])))


def missing_in(source: str) -> str:
    with Host({"probe": source}) as host:
        if host.isolation != "bubblewrap":
            return host.isolation
        probe = host.classes(["Probe"])["Probe"]
        client = Client(operations=(Op("write", "x", "w1", "k", 0),), timeout=50)
        try:
            trace, _ = bounded(Scenario("probe", {"c": client, "k": probe()}, 100), 1)
        except Stopped as stopped:
            return str(stopped)
    held = " ".join(event.data for event in trace.select("log")).split()
    return " ".join({"processes", "memory", "network", "files", "sight"} - set(held))


@pytest.fixture(scope="module")
def sandbox():
    """The probe: nothing hostile runs where it does not hold."""
    missing = sandbox_holds()
    if missing:
        pytest.skip(f"hostile submissions run only where the sandbox holds; here: {missing}")


@pytest.fixture
def canary(tmp_path):
    """What a submission must not find, read, change or add to."""
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "solution.txt").write_text(SECRET)
    yield folder
    assert [path.name for path in folder.iterdir()] == ["solution.txt"]
    assert (folder / "solution.txt").read_text() == SECRET


def cells_of(path, canary) -> dict[str, str]:
    source = path.read_text(encoding="utf-8")
    source = source.replace("@CANARY@", str(canary)).replace("@ROOT@", str(ROOT))
    cells = dict(UNSOLVED)
    for name in ("Replica", "Coordinator"):
        if f"class {name}(" in source:
            cells[name.lower()] = ""
    cells["replica"] = f"{source}\n{cells['replica']}"
    cells["coordinator"] = cells["coordinator"] or "pass"
    return cells


def processes() -> set[str]:
    """The processes that this one has started, and theirs."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(os.getpid())],
        capture_output=True,
        text=True,
        check=False,
    )
    return set(listed.stdout.split())


@contextlib.contextmanager
def nothing_left():
    """Check that no process, no file and no open descriptor stays behind."""
    before, files = processes(), len(os.listdir("/proc/self/fd"))
    yield
    end = time.monotonic() + 10
    while time.monotonic() < end and len(processes() - before) > 1:  # ps is one of them
        time.sleep(0.1)
    assert len(processes() - before) <= 1
    assert len(os.listdir("/proc/self/fd")) <= files
    for folder in ("/tmp", "/dev/shm", "/var/tmp"):
        assert not [name for name in os.listdir(folder) if name.startswith("hostile_")]


by_name = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@by_name
def test_nothing_is_gained_and_nothing_is_left(path, sandbox, canary, monkeypatch):
    monkeypatch.setenv("COURSE_SECRET", SECRET)
    submission = Submission(LAB, cells_of(path, canary))
    with nothing_left():
        given = told(lambda: mark(submission, FIRST))
    assert (given.points if given else 0) == 0
    if given:
        assert "FOUND" not in given.sentence
        assert SECRET not in given.sentence


def told(ask):
    """Return the mark, or None where the machine would not judge: that is no mark either."""
    from dsviz.grading.nursery import InfrastructureError

    try:
        return ask()
    except InfrastructureError:
        return None


@pytest.mark.slow
@by_name
def test_the_whole_lab_pays_nothing_and_the_next_submission_gets_its_due(path, sandbox, canary):
    task = Task("eve", "eve.ipynb", LAB.slug, cells_of(path, canary), ())
    with nothing_left():
        row = graded(task)
    assert not row["points"]
    text = json.dumps({k: v for k, v in row.items() if k != "html"})
    assert "FOUND" not in text
    assert SECRET not in text + row.get("html", "")
    assert "<script>alert" not in row.get("html", "")
    next_one = read_submission(ROOT / "solutions/04-quorum/04-quorum.ipynb")
    assert mark(next_one, FIRST).ok


def test_after_some_of_them_the_next_submission_gets_its_due(sandbox, canary):
    for name in ("patches_builtins", "kills_parent", "forges_answers", "memory_at_once"):
        path = ROOT / "tests" / "hostile" / f"{name}.py"
        told(lambda path=path: mark(Submission(LAB, cells_of(path, canary)), FIRST))
    solution = read_submission(ROOT / "solutions/04-quorum/04-quorum.ipynb")
    given = mark(solution, FIRST)
    assert given.ok, given.sentence


def test_there_are_forty_and_each_says_what_it_tries():
    assert len(FILES) >= 40
    for path in FILES:
        assert path.read_text(encoding="utf-8").startswith("# tries: "), path.name


MEETING = """
import ctypes, os, signal, socket

def others():
    return [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]

def abstract(first):
    s = socket.socket(socket.AF_UNIX)
    s.bind("\\0meeting") if first else s.connect("\\0meeting")
    s.listen() if first else None
    KEPT.append(s)

def loopback(first):
    s = socket.socket()
    s.bind(("127.0.0.1", 4711)) if first else s.connect(("127.0.0.1", 4711))
    s.listen() if first else None
    KEPT.append(s)

def name(first, folder="/tmp"):
    os.mkdir(folder + "/hostile_meeting") if first else os.stat(folder + "/hostile_meeting")

def shared_name(first):
    name(first, "/dev/shm")

def segment(first):
    if ctypes.CDLL(None).shmget(4242, 4096, 0o1666 if first else 0o666) < 0:
        raise OSError

def signals(first):
    if not [pid for pid in others() if os.kill(pid, 0) is None]:
        raise OSError

def memory(first):
    for pid in others():
        try:
            open(f"/proc/{pid}/mem", "rb", 0).close()
            return
        except OSError:
            pass
    raise OSError

def priority(first):
    os.setpriority(os.PRIO_PROCESS, others()[-1], 5)

def lock(first):
    import fcntl
    KEPT.append(open("/usr/bin/env", "rb"))
    fcntl.flock(KEPT[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)

def child(first):
    if os.fork() == 0:
        os._exit(0)

KEPT = []
TRICKS = (abstract, loopback, name, shared_name, segment, signals, memory, priority, lock, child)

class Meeting(Node):
    def on_write(self, msg):
        for trick in TRICKS:
            try:
                trick(self.name == "k1")
                self.log(trick.__name__)
            except OSError:
                pass
        self.log("tried")
"""


def test_nodes_of_a_submission_do_not_reach_each_other(sandbox):
    """Else a quorum is one variable that all replicas share, and passes."""
    with Host({"meeting": MEETING}) as host:
        made = host.classes(["Meeting"])["Meeting"]
        ops = (Op("write", "x", "w1", "k1", 0), Op("write", "x", "w2", "k2", 60))
        nodes = {"c": Client(operations=ops, timeout=50), "k1": made(), "k2": made()}
        trace, _ = bounded(Scenario("meeting", nodes, 200), 1)
    assert [event.data for event in trace.select("log")] == ["tried", "tried"]


def headers(path: str) -> dict[str, int]:
    text = Path(path).read_text(encoding="utf-8")
    found = re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", text)
    return {name: int(number) for name, number in found}


@pytest.mark.parametrize(
    ("place", "path"),
    [
        (0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        (1, "/usr/include/asm-generic/unistd.h"),
    ],
)
def test_system_calls_have_the_numbers_of_linux(place, path):
    if not Path(path).exists():
        pytest.skip(f"{path} is not here (Debian, Ubuntu: the package linux-libc-dev)")
    known = headers(path)
    single = ("clone", "kill", "tgkill", "open", "openat", "fcntl")
    ours = calls.REFUSED | calls.REFUSED_TO_NODES | calls.UNKNOWN
    ours |= {name: getattr(calls, name.upper()) for name in single} | {"prlimit64": calls.PRLIMIT}
    wrong = {n: both for n, both in ours.items() if both[place] != known.get(n, 0)}
    assert not wrong


@pytest.mark.parametrize("machine", calls.ARCHITECTURES)
@pytest.mark.parametrize("pid", [None, 4321])
def test_the_filter_jumps_to_its_own_steps_only(machine, pid):
    """Each path ends with a verdict; the kernel would refuse a program that runs out."""
    steps = calls.program(machine, pid)
    assert len(steps) < 4096  # BPF_MAXINSNS
    for place, (what, yes, no, _) in enumerate(steps):
        if what != calls.RETURN:
            assert place + 1 + max(yes, no) < len(steps)
    assert steps[-1][0] == calls.RETURN


# Notebooks that are hostile as files ----------------------------------------------------------


class AtOnce:
    """An executor that does everything in this process."""

    def submit(self, work, *given):
        from concurrent.futures import Future

        future: Future = Future()
        future.set_result(work(*given))
        return future


def deep() -> bytes:
    return b'{"cells": ' + b"[" * 200_000 + b"]" * 200_000 + b', "nbformat": 4}'


def no_text() -> bytes:
    return b"\xff\xfe{\x00}\x00"


def huge(path):
    """200 MB that take no room on the disk."""
    with open(path, "wb") as file:
        file.truncate(200_000_000)


def test_hostile_files_get_a_sentence_and_no_memory(tmp_path):
    root = tmp_path / "submitted"
    for student in ("deep", "text", "huge", "link", "pipe", "folder", "zip"):
        (root / student).mkdir(parents=True)
    name = "04-quorum.ipynb"
    (root / "deep" / name).write_bytes(deep())
    (root / "text" / name).write_bytes(no_text())
    huge(root / "huge" / name)
    (root / "link" / name).symlink_to(ROOT / "solutions/04-quorum/04-quorum.ipynb")
    (root / "folder-link").symlink_to(ROOT / "solutions", target_is_directory=True)
    os.mkfifo(root / "pipe" / name)
    (root / "folder" / name).mkdir()
    (root / "zip" / name).write_bytes(b"PK\x03\x04" + b"\0" * 1000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = grade_folder(notebooks(root), root, tmp_path / "out", AtOnce())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KB
    assert {row["student"] for row in rows} == {"deep", "text", "huge", "link", "pipe", "zip"}
    for row in rows:
        assert row["points"] == 0, row
        assert row["reason"], row
        assert str(tmp_path) not in row["reason"]


def cell(made, name):
    return next(cell for cell in made["cells"] if cell["id"] == name)


def test_hostile_notebooks_get_what_they_deserve(tmp_path):
    made = notebook(LAB.slug, {})
    cell(made, "replica")["source"] = {"a": 5}
    cell(made, "coordinator")["metadata"] = "none"
    cell(made, "choices")["source"] = ["CHOICES = __import__('os').system('true')"]
    made["cells"] += [None, 5, {"cell_type": "code"}, {"cell_type": ["code"], "id": []}]
    for item in made["cells"]:
        if isinstance(item, dict) and item.get("cell_type") == "code":
            item["outputs"] = [
                {"output_type": "stream", "name": "stdout", "text": "10 of 10 points"}
            ]
    submission = read_submission(written(tmp_path, made))
    result = grade(submission)
    assert result.points == 0
    assert "nothing in it is computed" in result.marks[-1].sentence


def test_marks_in_the_notebook_are_not_believed(tmp_path):
    made = notebook(LAB.slug, {})
    made["metadata"] |= {"points": 10, "dsviz": {"lab": LAB.slug, "points": 10}}
    for item in made["cells"]:
        item["metadata"] = {**item["metadata"], "points": 10, "tags": ["skip-execution"]}
    submission = parsed(json.dumps(made).encode(), tmp_path / "a.ipynb")
    given = mark(submission, FIRST)
    assert given.points == 0
