"""Child processes of an engine: whatever happens to Python, none is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from dsviz.engines import ports
from dsviz.engines.process import Process, wait_until
from dsviz.engines.workspace import Workspace, unsupported
from dsviz.errors import DsvizError

ROOT = Path(__file__).resolve().parent.parent
SH = "/bin/sh"
SLEEP = [SH, "-c", "exec sleep 60"]

# Starts a sleeper in a workspace, says who and where, and then ends as told.
HEAD = """
import os, sys, threading, time
from dsviz.engines.process import Process
from dsviz.engines.workspace import Workspace

def begin():
    global w
    w = Workspace("orphan")
    p = Process("sleeper", ["/bin/sh", "-c", "exec sleep 60"], w)
    p.start()
    print(p.pid, w.folder, flush=True)
"""


def gone(pid: int) -> bool:
    """Tell whether a process is dead (an orphan nobody waits for stays listed as a zombie)."""
    listing = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return listing.stdout.strip()[:1] in ("", "Z")


def eventually(condition, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def child(script: str, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HEAD) + textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        **options,
    )


def announced(python: subprocess.Popen) -> tuple[int, Path]:
    pid, folder = python.stdout.readline().split(maxsplit=1)
    return int(pid), Path(folder.strip())


@pytest.fixture
def workspace():
    with Workspace("test") as one:
        yield one


def test_a_process_is_started_paused_resumed_killed_and_started_again(workspace):
    process = Process("sleeper", SLEEP, workspace)
    assert process.state == "not started"
    assert not process.alive
    assert process.pid is None
    process.start()
    first = process.pid
    assert process.state == "running"
    assert process.pause()
    assert not process.pause()
    assert process.state == "paused"
    assert process.alive
    assert process.resume()
    assert not process.resume()
    assert process.state == "running"
    process.pause()
    assert process.kill(), "a frozen process can be killed"
    assert not process.kill()
    assert process.state == "killed"
    assert gone(first)
    process.start()
    process.start()  # alive already: nothing happens
    assert process.pid not in (None, first)


def test_a_paused_process_does_nothing_until_it_is_resumed(workspace):
    beat = "while true; do echo beat; sleep 0.02; done"
    process = Process("heart", [SH, "-c", beat], workspace)
    process.start()
    assert eventually(lambda: "beat" in process.logs())
    process.pause()
    time.sleep(0.1)  # what was under way has been written
    before = process.log_file.stat().st_size
    time.sleep(0.2)
    assert process.log_file.stat().st_size == before
    process.resume()
    assert eventually(lambda: process.log_file.stat().st_size > before)


def test_the_log_survives_a_restart_and_is_read_from_its_end(workspace):
    process = Process("counter", [SH, "-c", "seq 1 500; exec sleep 60"], workspace)
    assert process.logs() == ""
    process.start()
    assert eventually(lambda: process.logs(1) == "500")
    assert process.logs(3) == "498\n499\n500"
    process.kill()
    process.start()
    assert eventually(lambda: process.log_file.read_text().count("500") == 2)


def test_a_crash_while_starting_is_told_with_the_last_log_line(workspace):
    process = Process("e1", [SH, "-c", "echo starting; echo no space left; exit 3"], workspace)
    process.start()
    with pytest.raises(DsvizError, match=r"e1 stopped by itself.*no space left"):
        wait_until(lambda: False, [process], 10_000, "e1")
    assert process.state == "ended"


def test_a_start_that_takes_too_long_is_told_with_the_last_log_line(workspace):
    process = Process("e1", [SH, "-c", "echo waiting for godot; exec sleep 60"], workspace)
    process.start()
    assert eventually(lambda: process.logs() != "")
    with pytest.raises(DsvizError, match=r"longer than 50 ms.*start_timeout_ms.*for godot"):
        wait_until(lambda: False, [process], 50, "e1 to serve")


def test_a_long_log_line_is_cut_in_the_message(workspace):
    process = Process("e1", [SH, "-c", "printf %2000s x; exit 1"], workspace)
    process.start()
    assert eventually(lambda: not process.alive)
    assert len(process.last_words) < 300


@pytest.mark.parametrize("mode", [None, 0o600])
def test_what_is_not_executable_is_refused_by_name(workspace, mode):
    binary = workspace.folder / "engine"
    if mode is not None:
        binary.write_text("not a program")
        binary.chmod(mode)
    with pytest.raises(DsvizError, match=r"engine is not an executable file.*pip install"):
        Process("e1", [str(binary)], workspace).start()


def test_windows_is_sent_to_wsl2():
    assert unsupported("posix") is None
    assert "WSL2" in unsupported("nt")


def test_free_ports_are_different_and_below_the_ports_that_clients_are_lent():
    chosen = ports.free_ports(20)
    assert len(set(chosen)) == 20
    assert all(20_000 <= port < 32_768 for port in chosen)
    assert all(ports.is_free(port) for port in chosen)


def test_a_port_that_somebody_listens_on_is_not_free():
    (port,) = ports.free_ports(1)
    with socket.create_server((ports.HOST, port)):
        assert not ports.is_free(port)
    assert ports.is_free(port)


def test_when_all_ports_are_taken_the_message_says_so(monkeypatch):
    with socket.create_server((ports.HOST, 0)) as server:
        taken = server.getsockname()[1]
        monkeypatch.setattr(ports, "PORTS", range(taken, taken + 1))
        with pytest.raises(DsvizError, match="no 1 free ports"):
            ports.free_ports(1)


def test_closing_ends_processes_and_removes_the_folder_once():
    workspace = Workspace("test")
    process = Process("sleeper", SLEEP, workspace)
    process.start()
    pid = process.pid
    workspace.close()
    workspace.close()
    assert workspace.closed
    assert gone(pid)
    assert not workspace.folder.exists()


def test_dropping_the_last_reference_closes():
    workspace = Workspace("test")
    process = Process("sleeper", SLEEP, workspace)
    process.start()
    pid, folder = process.pid, workspace.folder
    del process, workspace
    assert eventually(lambda: gone(pid))
    assert not folder.exists()


def test_a_workspace_without_its_guard_starts_nothing_and_still_closes(workspace):
    os.kill(workspace._guard.pid, signal.SIGKILL)
    workspace._guard.wait(10)
    process = Process("sleeper", SLEEP, workspace)
    with pytest.raises(DsvizError, match="ended from outside"):
        process.start()
    assert not process.alive
    workspace.close()
    assert not workspace.folder.exists()


ENDINGS = {
    "killed": "begin(); time.sleep(60)",
    # PR_SET_PDEATHSIG would fire here, when the thread ends: the process must stay until the end.
    "started in a thread that has ended": """
        thread = threading.Thread(target=begin); thread.start(); thread.join(); time.sleep(60)
    """,
    # The grandchild holds a copy of the guard's pipe, so the pipe alone would never end.
    "with a forked child that lives on": """
        begin()
        if os.fork() == 0:
            time.sleep(8)
        time.sleep(60)
    """,
}


@pytest.mark.parametrize("script", ENDINGS.values(), ids=ENDINGS)
def test_nothing_outlives_a_python_that_is_killed(script):
    with child(script) as python:
        pid, folder = announced(python)
        time.sleep(0.3)
        assert not gone(pid)
        assert folder.exists()
        python.kill()
        assert eventually(lambda: gone(pid))
        assert eventually(lambda: not folder.exists())


@pytest.mark.parametrize("script", ["begin()", "begin(); sys.exit(3)", "begin(); 1 / 0"])
def test_nothing_outlives_a_python_that_ends(script):
    with child(f"sys.stderr = None\n{script}") as python:
        pid, folder = announced(python)
        python.wait(30)
        assert eventually(lambda: gone(pid))
        assert eventually(lambda: not folder.exists())


def test_a_forked_child_that_ends_leaves_its_parents_processes_alone():
    script = """
        begin()
        if os.fork() == 0:
            sys.exit()
        os.wait()
        print("child ended", flush=True)
        sys.stdin.readline()
    """
    with child(script) as python:
        pid, folder = announced(python)
        assert python.stdout.readline() == "child ended\n"
        assert not gone(pid)
        assert folder.exists()
        python.stdin.write("\n")
        python.stdin.flush()
        python.wait(30)
        assert eventually(lambda: gone(pid) and not folder.exists())


def test_an_interrupted_kernel_keeps_its_processes():
    """Jupyter's stop button signals the kernel's whole process group."""
    script = """
        begin()
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        sys.stdin.readline()
    """
    with child(script, start_new_session=True) as python:
        pid, folder = announced(python)
        time.sleep(0.2)
        os.killpg(python.pid, signal.SIGINT)
        assert python.stdout.readline() == "interrupted\n"
        assert not gone(pid)
        python.kill()
        assert eventually(lambda: gone(pid) and not folder.exists())


def test_a_process_unknown_to_the_guard_does_nothing_and_ends_with_its_python(workspace):
    """The launcher waits for the line that says it is guarded; no line, no engine."""
    from dsviz.engines.process import LAUNCH

    mark = workspace.folder / "ran"
    launched = subprocess.Popen(
        [*LAUNCH, SH, "-c", f"touch {mark}"], stdin=subprocess.PIPE, start_new_session=True
    )
    launched.stdin.close()  # what the end of Python does
    assert launched.wait(10) != 0
    assert not mark.exists()
