"""The command line: what it says, where it says it, and with which exit status."""

import subprocess
import sys
import types

import pytest

from dsviz import __version__, cli
from dsviz.errors import DsvizError


@pytest.fixture
def stand_in(monkeypatch):
    """Put a module with one function in place of a command's own part."""

    def put(module: str, function: str, answer):
        fake = types.ModuleType(module)
        setattr(fake, function, answer)
        monkeypatch.setitem(sys.modules, module, fake)

    return put


def test_help_shows_the_commands_and_an_example_of_each(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    text = capsys.readouterr().out
    assert stop.value.code == 0
    for command in ("doctor", "judge", "grade"):
        assert f"python -m dsviz {command}" in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_no_command_shows_the_help_and_is_an_error(capsys):
    assert cli.main([]) == 2
    assert "examples:" in capsys.readouterr().err


def test_an_unknown_command_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["docter"])
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert "docter" in message
    assert "doctor" in message
    assert "grade" in message


def test_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"dsviz {__version__}\n"


def test_judge_gets_every_file_and_returns_its_status(stand_in):
    seen = []
    stand_in("dsviz.check.judge_command", "judge_files", lambda paths: seen.extend(paths) or 1)
    assert cli.main(["judge", "a.log", "b.jsonl"]) == 1
    assert [str(path) for path in seen] == ["a.log", "b.jsonl"]


@pytest.mark.parametrize(("words", "as_json"), [([], False), (["--json"], True)])
def test_grade_gets_the_notebook_and_the_format(stand_in, words, as_json):
    seen = []
    stand_in("dsviz.classroom.command", "grade_file", lambda *given: seen.append(given) or 0)
    assert cli.main(["grade", "lab.ipynb", *words]) == 0
    [(path, json, *_)] = seen
    assert str(path) == "lab.ipynb"
    assert json is as_json


def test_a_dsviz_error_is_one_sentence_and_status_2(stand_in, capsys):
    def refuse(*_given):
        raise DsvizError("lab.ipynb is not a notebook: give a file that Jupyter saved")

    stand_in("dsviz.classroom.command", "grade_file", refuse)
    assert cli.main(["grade", "lab.ipynb"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "dsviz grade: lab.ipynb is not a notebook: give a file that Jupyter saved\n"


def test_the_module_runs_as_a_program():
    run = subprocess.run(
        [sys.executable, "-m", "dsviz", "judge"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "FILE" in run.stderr
