"""``python -m dsviz doctor``: can the course run here, and if not, what to do about it.

Only the standard library is imported at the top: the doctor must speak exactly where the packages
are missing. What is needed and in which version is read from ``pyproject.toml`` or, in an installed
copy, from the package's own metadata, so this file names no version.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

State = Literal["ok", "missing", "old", "broken"]
INSTALL = "run `make course` in the course's folder, which installs it"
# What a kernel says of itself: the environment it runs in and the dsviz that a notebook imports.
WHO_ARE_YOU = (
    "import os, sys, importlib.util as u; s = u.find_spec('dsviz'); "
    "print(sys.prefix); print(os.path.dirname(s.origin) if s and s.origin else '')"
)
# A kernel that writes one of these names means "the Python that starts me".
ANY_PYTHON = {"python", "python3", f"python3.{sys.version_info.minor}"}
CHROMIUMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
MAC_CHROMIUMS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


@dataclass(frozen=True)
class Finding:
    """One line of the table; ``advice`` is one sentence, empty when the state is ``ok``."""

    name: str
    state: State
    detail: str
    advice: str = ""
    optional: bool = False


@dataclass(frozen=True)
class Need:
    """A package that the course imports, and the oldest version it works with."""

    name: str
    oldest: str


def report() -> int:
    """Print the table; return 0 when the course can run, else 1."""
    found = list(examine())
    print(table(found))
    return 0 if can_run(found) else 1


def can_run(found: list[Finding]) -> bool:
    """Tell whether everything that is not optional is there."""
    return all(one.state == "ok" or one.optional for one in found)


def table(found: list[Finding]) -> str:
    """Return the findings as aligned lines, what to do about each problem, and the verdict."""
    width = max(len(_label(one)) for one in found)
    lines = [f"{one.state:<8} {_label(one):<{width}}  {one.detail}".rstrip() for one in found]
    problems = [one for one in found if one.state != "ok"]
    if problems:
        lines += ["", "What to do:"]
        lines += [f"- {_label(one)}: {one.advice}." for one in problems]
    verdict = "The course can run here." if can_run(found) else "The course cannot run here yet."
    return "\n".join([*lines, "", verdict])


def _label(one: Finding) -> str:
    return f"{one.name} (optional)" if one.optional else one.name


def examine() -> Iterator[Finding]:
    """Yield every finding, what the course needs first."""
    try:
        oldest_python, needs = requirements()
    except ModuleNotFoundError:  # tomllib came with Python 3.11, so nothing else can be asked
        yield check_python("3.11")
        return
    yield check_python(oldest_python)
    for need in needs:
        yield check_package(need)
    yield check_kernel()
    yield check_folder(Path.cwd())
    yield check_port()
    yield from check_engines()
    yield check_chromium()


# ---- what is needed --------------------------------------------------------------------------


def requirements() -> tuple[str, list[Need]]:
    """Return the oldest Python and the packages, from pyproject.toml or the installed metadata."""
    import tomllib

    beside = Path(__file__).resolve().parent.parent / "pyproject.toml"
    if beside.is_file():
        project = tomllib.loads(beside.read_text(encoding="utf-8"))["project"]
        return _oldest(project["requires-python"]), _needs(project["dependencies"])
    installed = metadata.metadata("dsviz")
    return _oldest(installed["Requires-Python"]), _needs(metadata.requires("dsviz") or [])


def _needs(lines: list[str]) -> list[Need]:
    plain = [line for line in lines if "extra ==" not in line]
    return [Need(re.split(r"[^\w.-]", line, maxsplit=1)[0], _oldest(line)) for line in plain]


def _oldest(requirement: str) -> str:
    bound = re.search(r">=\s*([\d.]+)", requirement)
    return bound.group(1) if bound else "0"


def older(version: str, oldest: str) -> bool:
    """Tell whether ``version`` comes before ``oldest``: 4.10 is newer than 4.9."""
    return _numbers(version) < _numbers(oldest)


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"[\d.]*", version).group()  # 5.0.0rc1 counts as 5.0.0
    return tuple(int(part) for part in release.split(".") if part)


# ---- what the course needs -------------------------------------------------------------------


def check_python(oldest: str) -> Finding:
    """Compare the running Python with the oldest one the course supports."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    if older(version, oldest):
        advice = f"install Python {oldest} or newer and name it: `make course PYTHON=python3.13`"
        return Finding("Python", "old", f"{version}, needs {oldest}", advice)
    return Finding("Python", "ok", f"{version} in {_short(sys.prefix)}")


def check_package(need: Need) -> Finding:
    """Import a package, because one that is installed can still be broken."""
    try:
        version = metadata.version(need.name)
    except metadata.PackageNotFoundError:
        return Finding(need.name, "missing", f"needs {need.oldest}", INSTALL)
    if older(version, need.oldest):
        advice = f"run `{sys.executable} -m pip install --upgrade {need.name}`"
        return Finding(need.name, "old", f"{version}, needs {need.oldest}", advice)
    try:
        importlib.import_module(need.name)
    except Exception as error:  # a broken binary can raise anything
        advice = "remove the environment with `make clean` and run `make course` again"
        return Finding(need.name, "broken", f"{version}: {_first_line(error)}", advice)
    return Finding(need.name, "ok", version)


def check_kernel() -> Finding:
    """Ask the Python that notebooks run on whether it is this environment with this dsviz."""
    name = "notebook kernel"
    try:
        from jupyter_client.kernelspec import KernelSpecManager

        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except Exception as error:  # not installed, or no kernel registered
        return Finding(name, "missing", _first_line(error), INSTALL)
    python = sys.executable if command in ANY_PYTHON else command
    try:
        prefix, package = _ask(python)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        advice = "remove the kernel with `jupyter kernelspec remove python3`, then `make course`"
        return Finding(name, "broken", f"{_short(python)}: {_first_line(error)}", advice)
    return _judge_kernel(name, prefix, package)


def _judge_kernel(name: str, prefix: str, package: str) -> Finding:
    if not _same(prefix, sys.prefix):
        advice = "start JupyterLab with `make course`, or choose its kernel in the notebook"
        detail = f"runs in {_short(prefix)}, not in {_short(sys.prefix)}"
        return Finding(name, "broken", detail, advice)
    if not package:
        return Finding(name, "missing", "finds no dsviz to import", INSTALL)
    if not _same(package, str(Path(__file__).parent)):
        advice = "run `make clean` and `make course`: the environment belongs to another copy"
        return Finding(name, "broken", f"imports dsviz from {_short(package)}", advice)
    return Finding(name, "ok", "same environment, same dsviz")


def _ask(python: str) -> tuple[str, str]:
    # From an empty folder, as a notebook does: started here, Python would find ./dsviz anyway.
    with tempfile.TemporaryDirectory() as nowhere:
        answer = subprocess.run(
            [python, "-c", WHO_ARE_YOU],
            cwd=nowhere,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    prefix, package = (answer.stdout + "\n").splitlines()[:2]
    return prefix, package


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def check_folder(folder: Path) -> Finding:
    """Write a file into the course's folder, where notebooks are saved, and one for the engines."""
    for place in (str(folder), tempfile.gettempdir()):
        try:
            with tempfile.TemporaryFile(dir=place):
                pass
        except OSError as error:
            advice = "copy the course to a folder of your own, or free some space on the disk"
            return Finding(
                "writable folder", "missing", f"{_short(place)}: {error.strerror}", advice
            )
    return Finding("writable folder", "ok", _short(folder))


def check_port() -> Finding:
    """Open a port on this machine, as JupyterLab and the engines will."""
    try:
        with socket.create_server(("127.0.0.1", 0)):
            pass
    except OSError as error:
        advice = "allow programs to listen on 127.0.0.1 (a firewall or a sandbox forbids it)"
        return Finding("free port", "missing", f"127.0.0.1: {error.strerror}", advice)
    return Finding("free port", "ok", "on 127.0.0.1")


# ---- what a part of it can use ---------------------------------------------------------------


def check_engines() -> Iterator[Finding]:
    """Ask each engine whether it can start."""
    try:
        from dsviz.engines.capabilities import available, providers, state_of, version_of

        for provider, flag in providers():
            found = available(flag)
            name, problem = provider.title, found.problem
            if found:
                words = f"{version_of(provider)}, {state_of(provider)}".lstrip(", ")
                yield Finding(name, "ok", words, "", True)
            else:
                advice = problem.rstrip(".")
                yield Finding(name, "missing", "cells show a recorded run", advice, True)
    except ImportError as error:
        advice = f"run `make course` again ({_first_line(error)})"
        yield Finding("engines", "missing", "cells show recorded runs", advice, True)


def check_chromium() -> Finding:
    """Look for the browser that the tests drive; lessons run in any browser."""
    path = find_chromium()
    if path is None:
        advice = "install Chromium or Chrome if you want `make test` to click through the player"
        return Finding("Chromium", "missing", "browser tests skip", advice, optional=True)
    return Finding("Chromium", "ok", _short(path), optional=True)


def find_chromium() -> str | None:
    """Return the path of an installed Chromium or Chrome, or None."""
    on_path = (shutil.which(name) for name in CHROMIUMS)
    on_mac = (path for path in MAC_CHROMIUMS if os.access(path, os.X_OK))
    return next((path for path in (*on_path, *on_mac) if path), None)


def _short(path: str | Path) -> str:
    # The table is shown in a notebook and pasted into issues: nobody's name needs to be in it.
    for folder, sign in ((Path(__file__).resolve().parent.parent, ""), (Path.home(), "~/")):
        with contextlib.suppress(ValueError):
            return sign + str(Path(path).relative_to(folder))
    return str(path)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
