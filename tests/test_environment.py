"""The files around the code: one list of dependencies, and nothing that only one machine has."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


# ---- environment.yml cannot drift ------------------------------------------------------------


def drift(text: str) -> list[str]:
    """Return the lines in which an environment.yml is more, or less, than a door to pyproject."""
    wanted = [
        "name: dsviz",
        "channels:",
        "  - conda-forge",
        "dependencies:",
        f"  - python{PROJECT['requires-python']}",
        "  - pip",
        "  - pip:",
        "      - -e .[engines]",
    ]
    lines = [line.split("#")[0].rstrip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    return [line for line in lines if line not in wanted] + [
        f"missing: {line}" for line in wanted if line not in lines
    ]


@pytest.fixture
def environment() -> str:
    return (ROOT / "environment.yml").read_text(encoding="utf-8")


def test_conda_installs_what_pyproject_lists(environment):
    assert drift(environment) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  - pip\n", "  - pip\n  - networkx>=3.2\n"),
        ("      - -e .[engines]\n", "      - -e .[engines]\n      - tqdm\n"),
        ("      - -e .[engines]\n", "      - -e .\n"),
        ("python>=3.11", "python>=3.9"),
        ("  - pip:\n      - -e .[engines]\n", ""),
    ],
)
def test_a_drifted_environment_is_found(environment, old, new):
    assert old in environment
    assert drift(environment.replace(old, new))


def test_the_engines_that_conda_installs_exist():
    assert "engines" in PROJECT["optional-dependencies"]


def test_classifiers_start_at_the_oldest_python():
    versions = [name.rsplit(" ", 1)[1] for name in PROJECT["classifiers"] if ":: 3." in name]
    assert PROJECT["requires-python"] == f">={versions[0]}"


# ---- nothing of one machine, nothing unfinished ----------------------------------------------

# Spelled in pieces, or this file would find itself.
UNFINISHED = "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"))
HOSTS = r"|".join(
    rf"{name}\.{end}"
    for name, end in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "(org|com)"),
        ("crates", "io"),
        ("proxy.golang", "org"),
        ("deb.debian", "org"),
        ("maven", "org"),
    )
)
STRAY = {
    "a path of one machine": re.compile(r"(?<![\w.])/(work|root|home/\w+|Users/\w+)/\w"),
    "a host of a package registry": re.compile(rf"\b({HOSTS})\b"),
    "an unfinished spot": re.compile(rf"\b({UNFINISHED})\b"),
}
# A notebook's output may not show where it was made either.
STRAY_IN_NOTEBOOKS = {"a temporary file": re.compile(r"/tmp/\w")}


def strays(name: str, text: str) -> list[str]:
    """Return what a file should not hold, one sentence each."""
    patterns = dict(STRAY)
    if name.endswith(".ipynb"):
        text = notebook_text(text)
        patterns |= STRAY_IN_NOTEBOOKS
    return [
        f"{name}: {what}: {match.group()}"
        for what, pattern in patterns.items()
        for match in pattern.finditer(text)
    ]


def notebook_text(text: str) -> str:
    """Return what a person reads of a notebook: pictures are noise that can spell anything."""
    lines: list[str] = []
    for cell in json.loads(text)["cells"]:
        lines.append("".join(cell["source"]))
        for output in cell.get("outputs", []):
            shown = {
                kind: data for kind, data in output.get("data", {}).items() if "image" not in kind
            }
            lines += [
                "".join(output.get("text", "")),
                json.dumps(shown),
                *output.get("traceback", []),
            ]
    return "\n".join(lines)


def tracked() -> list[str]:
    """Return the files that are, or are about to be, in the repository."""
    try:
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout, so nobody knows which files belong to the course")
    return sorted(name for name in listing.stdout.split("\0") if name)


def test_no_file_holds_what_only_one_machine_has():
    found = []
    for name in tracked():
        path = ROOT / name
        if not path.is_file():  # deleted, not yet committed
            continue
        try:
            found += strays(name, path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:  # a picture
            continue
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "open('/" + "root/notes.txt')",
        "see /" + "home/ada/course/x.py",
        "cd /" + "work/main",
        "index-url = https://" + "pypi" + ".org/simple",
        "# TO" + "DO: later",
        "pass  # FIX" + "ME",
    ],
)
def test_a_planted_stray_is_found(text):
    assert strays("dsviz/any.py", f"a = 1\n{text}\n")


def test_a_stray_in_a_notebook_is_found_but_pictures_are_not_read():
    output = {"output_type": "display_data", "data": {"image/png": "TO" + "DO"}}
    cell = {"cell_type": "code", "source": ["1"], "outputs": [output]}
    assert not strays("course/x.ipynb", json.dumps({"cells": [cell]}))
    output["data"] = {"text/plain": ["<File '/" + "tmp/abc'>"]}
    assert strays("course/x.ipynb", json.dumps({"cells": [cell]}))


@pytest.mark.parametrize("text", ["https://example.org/home", "a/work/b", "workload", "hack"])
def test_ordinary_words_are_left_alone(text):
    assert not strays("README.md", text)
