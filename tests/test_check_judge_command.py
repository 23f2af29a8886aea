"""``python -m dsviz judge``: a line a file, and what a broken file does to the others."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from dsviz.check.judge_command import judge_files
from dsviz.check.linearizability import Budget
from dsviz.history import History, Operation


def op(number: int, process: str, f: str, value, begin: int, end: int | None, result=None):
    status = "info" if end is None else "ok"
    return Operation(number, process, f, "x", value, begin, end, status, result)


GOOD = [op(0, "A", "write", 1, 0, 1), op(1, "B", "read", None, 2, 3, 1)]
STALE = [
    op(0, "A", "write", 1, 0, 1),
    op(1, "A", "write", 2, 2, None),
    op(2, "A", "read", None, 4, 5, 2),
    op(3, "B", "read", None, 6, 7, 1),
]


def saved(path: Path, ops: list[Operation]) -> Path:
    path.write_text(History(ops).to_jsonl(), encoding="utf-8")
    return path


def judge(*paths: Path | str, budget: Budget | None = None) -> tuple[int, list[str], list[str]]:
    out, err = io.StringIO(), io.StringIO()
    status = judge_files(paths, out, err, budget)
    return status, out.getvalue().splitlines(), err.getvalue().splitlines()


def test_a_line_a_file(tmp_path: Path):
    good, stale = saved(tmp_path / "good.jsonl", GOOD), saved(tmp_path / "stale.jsonl", STALE)
    assert judge(good, stale) == (
        0,
        [
            f"{good}: linearizable (2 operations, 2 clients)",
            f"{stale}: not linearizable: B read 1 after A had read 2: once a newer value of x is "
            "seen, no later read may return the older one (A read x → 2; B read x → 1)",
        ],
        [],
    )


def test_a_broken_file_does_not_keep_the_others_from_being_judged(tmp_path: Path):
    good = saved(tmp_path / "good.jsonl", GOOD)
    broken = tmp_path / "broken.jsonl"
    broken.write_text(good.read_text()[:-20], encoding="utf-8")
    status, out, err = judge(broken, tmp_path / "nope", good, tmp_path)
    assert status == 2
    assert out == [f"{good}: linearizable (2 operations, 2 clients)"]
    assert len(err) == 3
    assert err[0].startswith(f"{broken}: line 4 is not complete JSON")
    assert err[1] == f"{tmp_path / 'nope'} does not exist; check the path"
    assert err[2].startswith(f"{tmp_path} is a directory")


def test_one_operation_and_none(tmp_path: Path):
    one, none = saved(tmp_path / "one", GOOD[:1]), saved(tmp_path / "none", [])
    _, out, _ = judge(one, none)
    assert out == [
        f"{one}: linearizable (1 operation, 1 client)",
        f"{none}: linearizable (0 operations, 0 clients)",
    ]
    assert judge() == (0, [], [])


def test_jepsen_gives_a_client_a_new_number_after_an_unknown_outcome(tmp_path: Path):
    path = tmp_path / "etcd.log"
    calls = ["0 :invoke :write 1", "1 :invoke :read nil", "0 :info :write :timed-out"]
    calls += ["1 :ok :read 1", "2 :invoke :read nil", "2 :ok :read 1"]
    path.write_text("".join(f"INFO  jepsen.util - {call}\n" for call in calls), encoding="utf-8")
    assert judge(path)[1] == [f"{path}: linearizable (3 operations, 2 clients)"]


def test_a_long_window_is_cut(tmp_path: Path):
    unknown = [op(i, "U", "write", 1 + i % 2, i, None) for i in range(8)]
    reads = [op(8 + i, "A", "read", None, 20 + 2 * i, 21 + 2 * i, 1 + i % 2) for i in range(9)]
    path = saved(tmp_path / "long", unknown + reads)
    (line,) = judge(path)[1]
    assert "no order of these operations explains what x answered from the beginning on" in line
    assert line.count("A read x") == 6
    assert "… and 3 more" in line
    assert "U write x 1 (outcome unknown)" in line


def test_undecided_names_the_budget(tmp_path: Path):
    ops = [op(i, f"c{i}", "cas", [i % 3, (i + 1) % 3], 10 + i, 100 + i) for i in range(12)]
    ops += [op(12, "w", "write", 0, 0, 1), op(13, "r", "read", None, 200, 201, 9)]
    path = saved(tmp_path / "hard", ops)
    status, out, err = judge(path, budget=Budget(steps=5, configurations=4))
    assert (status, err) == (0, [])
    assert out == [f"{path}: undecided (budget: 5 steps, 4 configurations)"]


def test_names_and_values_that_do_not_print_stay_on_one_line(tmp_path: Path):
    odd = Operation(0, "A\nB", "read", "k\ney", None, 0, 1, "ok", "v\n\ud800" * 40)
    path = saved(tmp_path / "a\nb", [odd])
    status, out, err = judge(path)
    assert (status, err, len(out)) == (0, [], 1)
    assert out[0].isprintable()
    assert len(out[0]) < 600


def test_a_terminal_that_does_not_know_the_characters(tmp_path: Path):
    stale = saved(tmp_path / "stale.jsonl", STALE)
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    assert judge_files([stale], out, out) == 0
    assert b"A read x \\u2192 2" in raw.getvalue()


def test_it_prints_to_the_standard_streams(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert judge_files([saved(tmp_path / "good", GOOD), tmp_path / "nope"]) == 2
    captured = capsys.readouterr()
    assert captured.out.endswith("linearizable (2 operations, 2 clients)\n")
    assert captured.err.endswith("does not exist; check the path\n")
