"""The linearizability judge against a second algorithm, brute force and cases told by hand."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from histories_support import KINDS, Dice, Kind, Tape, explained, legal, spoilt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsviz.check.linearizability import Budget, judged, linearizable, refuting_window
from dsviz.check.model import Model
from dsviz.check.models import cas_register, fitting, key_value, register
from dsviz.check.parts import objects
from dsviz.check.race import Race
from dsviz.check.wgl import wgl
from dsviz.errors import DsvizError
from dsviz.history import History, Operation
from dsviz.trace import Trace

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = 140  # of each kind, each giving one legal and two spoilt histories
QUICK = {"derandomize": True, "deadline": None, "database": None}

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def told(*lines: str, key: str | None = "x") -> History:
    """Return a history told in lines: ``A write 1 0-3`` or ``A read 1 4-5``, or ``… 4-?``.

    The last word says when it was invoked and when it returned, in ms; ``?`` never. A cas is
    ``A cas 1>2 0-3``, and ``A cas! 1>2 0-3`` when it failed, like ``A write! 1 0-3``.
    """
    ops = []
    for number, line in enumerate(lines):
        process, f, value, span = line.split()
        begin, end = span.split("-")
        status = "info" if end == "?" else "fail" if f.endswith("!") else "ok"
        f = f.rstrip("!")
        argument = result = None
        if f == "cas":
            argument = [int(v) for v in value.split(">")]
        elif f in ("read", "get"):
            result = None if value == "nothing" else int(value) if value.isdigit() else value
        else:
            argument = int(value) if value.isdigit() else value
        returned = None if end == "?" else int(end)
        ms = None if returned is None else float(returned)
        where = (int(begin), returned, status, result, float(begin), ms)
        ops.append(Operation(number, process, f, key, argument, *where))
    return History(ops)


# ---- two algorithms, one answer


def test_at_least_two_thousand_histories_are_compared():
    assert EXAMPLES * 3 * len(KINDS) >= 2_000


@each_kind
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), **QUICK)
@given(data=st.binary(min_size=12, max_size=110), two_keys=st.booleans())
def test_the_two_searches_agree(kind: Kind, data: bytes, two_keys: bool):
    tape = Tape(data)
    ops = legal(tape, kind, 24, ("x", "y") if two_keys else (None,))
    assert linearizable(ops, kind.model).status == "ok"
    assert wgl(ops, kind.model, 20_000) != "violated"
    again = Tape(data[::-1])
    for _ in range(2):
        ops = spoilt(again, ops, kind)
        second = wgl(ops, kind.model, 20_000)
        assert second in (linearizable(ops, kind.model).status, "undecided")


@each_kind
def test_they_agree_on_longer_histories_and_both_verdicts_occur(kind: Kind):
    seen = Counter()
    for seed in range(80):
        dice = Dice(seed)
        ops = legal(dice, kind, 30)
        assert linearizable(ops, kind.model).status == "ok", seed
        ops = spoilt(dice, spoilt(dice, ops, kind), kind)
        first, second = linearizable(ops, kind.model).status, wgl(ops, kind.model, 5_000)
        assert second in (first, "undecided"), seed
        seen[first, second == "undecided"] += 1
    assert seen["ok", False] >= 10
    assert seen["violated", False] >= 10
    assert seen["ok", True] + seen["violated", True] <= 40


@each_kind
def test_positions_need_not_start_at_zero(kind: Kind):
    for seed in range(40):
        dice = Dice(seed)
        ops = spoilt(dice, legal(dice, kind, 12), kind)
        moved = [
            replace(op, invoked=3 * op.invoked - 500, returned=_moved(op.returned)) for op in ops
        ]
        first, second = linearizable(ops, kind.model), linearizable(moved, kind.model)
        assert first == second, seed


def _moved(position: int | None) -> int | None:
    return None if position is None else 3 * position - 500


# ---- against brute force


@each_kind
def test_status_moment_and_window_against_brute_force(kind: Kind):
    sizes = Counter()
    for seed in range(300):
        dice = Dice(seed)
        ops = spoilt(dice, legal(dice, kind, 3 + seed % 5), kind)
        certain = [op for op in ops if op.returned is not None]
        certain = [op for op in certain if op.status == "ok" or op.f == "cas"]
        found, verdict = judged(ops, kind.model), linearizable(ops, kind.model)
        ends = sorted(op.returned for op in certain)
        moment = next((end for end in ends if not possible_until(end, certain, ops, kind)), None)
        assert found.status == verdict.status == ("ok" if moment is None else "violated"), seed
        assert verdict.at == moment, seed
        if moment is None:
            assert refuting_window(ops, kind.model) == ()
            continue
        window = refuting_window(ops, kind.model)
        assert [op.id for op in window] == [op.id for op in found.window.operations]
        check_window(window, ops, kind, found.window.from_start)
        of_verdict = [op for op in ops if op.id in verdict.operations]
        assert max(op.returned for op in of_verdict) == moment
        assert len(window) <= len(of_verdict)
        sizes[len(window)] += 1
    assert sizes.keys() >= {1, 2}
    assert sum(sizes.values()) > 40


def possible_until(end: int, certain: list, ops: list, kind: Kind) -> bool:
    return explained([op for op in certain if op.returned <= end], ops, kind, from_start=True)


def check_window(window: tuple, ops: list, kind: Kind, from_start: bool) -> None:
    """It refutes from every state, whatever else took effect; and none can be spared."""
    assert not explained(window, ops, kind, from_start)
    assert list(window) == sorted(window, key=lambda op: op.invoked)
    for op in window:
        assert explained([o for o in window if o is not op], ops, kind, from_start)


def test_a_window_of_two_is_preferred_to_a_longer_one():
    history = told(
        "W write 1 0-1", "W write 2 2-3", "R read 2 4-5", "R read 1 6-7", "R read 2 8-9",
        "S read 1 10-11",
    )  # fmt: skip
    assert [op.id for op in refuting_window(history)] == [2, 3]


def test_a_shorter_window_may_end_after_the_first_violation():
    unknown = ["U write 1 0-?", "V write 2 1-?", "W write 3 2-?"]
    reads = ["A read 1 10-11", "A read 2 12-13", "A read 1 14-15", "A read 9 16-17"]
    history = told(*unknown, *reads)
    assert linearizable(history).operations == (3, 4, 5)
    assert linearizable(history).at == 15.0
    assert [op.id for op in refuting_window(history)] == [6]


def test_windows_of_two_hundred_operations_take_less_than_a_second():
    kind = KINDS[1]
    for seed in range(6):
        dice = Dice(seed)
        ops = legal(dice, kind, 200)
        for _ in range(3):
            ops = spoilt(dice, ops, kind)
        begin = time.process_time()
        refuting_window(ops, kind.model)
        assert time.process_time() - begin < 1.0


# ---- cases told by hand


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            ["W write 1 0-1", "W write 2 2-?", "A read 2 5-6", "B read 1 7-8"],
            "B read 1 after A had read 2: once a newer value of x is seen, no later read may "
            "return the older one.",
        ),
        (
            ["W write 1 0-1", "W write 2 2-3", "B read 1 7-8"],
            "B read 1 after W's write of 2 had completed: a read must return the newest value "
            "whose write had completed, or a newer one.",
        ),
        (
            ["W write 1 0-1", "B read nothing 7-8"],
            "B read nothing after W's write of 1 had completed: a read must return the newest "
            "value whose write had completed, or a newer one.",
        ),
        (["W write 1 0-1", "B read 7 7-8"], "B read 7 from x, but nobody ever wrote 7 to x."),
        (
            ["B read 7 0-1", "W write 7 2-3"],
            "B read 7 from x before anybody had begun to write 7: nothing is seen before it "
            "happens.",
        ),
        (
            ["W write! 7 0-1", "B read 7 7-8"],
            "B read 7 from x, although W's write of 7 failed: what failed must never be seen.",
        ),
        (
            ["W write 1 0-1", "B cas 2>3 2-3"],
            "B's cas of x from 2 to 3 succeeded, but nobody ever wrote 2 to x.",
        ),
        (
            ["V write 2 0-1", "W write 1 2-3", "B cas 2>3 4-5"],
            "B's cas of x from 2 to 3 succeeded after W's write of 1 had completed: a cas "
            "succeeds only if x holds the expected value.",
        ),
        (
            ["W write 1 0-1", "B cas! 1>3 2-3"],
            "B's cas of x from 1 to 3 failed after W's write of 1 had completed: a cas fails "
            "only if x holds another value than expected.",
        ),
    ],
)
def test_the_sentence_says_what_is_wrong(lines: list[str], sentence: str):
    verdict = linearizable(told(*lines))
    assert (verdict.check, verdict.status, verdict.ok) == ("linearizable", "violated", False)
    assert verdict.sentence == sentence
    assert verdict.at == float(lines[-1 if "before anybody" not in sentence else 0].split("-")[-1])


def test_a_longer_window_is_listed_with_what_cannot_help():
    later = ["A read 1 3-4", "W write 2 5-6", "A read 1 7-8"]
    verdict = linearizable(told("U write 1 0-?", "W write 2 1-2", *later))
    assert verdict.sentence == (
        "No order of these operations explains what x answered from the beginning on: "
        "A read x → 1; W write x 2; A read x → 1 (and taking in any of these does not help: "
        "U write x 1 (outcome unknown))."
    )
    assert verdict.at == 8.0


@pytest.mark.parametrize(
    "lines",
    [
        # Counting a write of the value that is there as "done, it changes nothing" is unsound:
        # A's write of 1 takes effect a second time round.
        ["W write 1 0-1", "A write 1 2-20", "B write 2 3-4", "C read 2 5-6", "C read 1 7-8"],
        # Outcome unknown: it may take effect late, or never.
        ["A write 1 0-?", "B read nothing 1-2", "B read nothing 3-4", "B read 1 5-6"],
        ["A write 1 0-?", "B write 2 1-2", "B read 2 3-4"],
        ["A cas 2>3 0-?", "B write 2 1-2", "B read 3 3-4"],
        ["A cas 5>6 0-?", "B write 2 1-2", "B read 2 3-4"],
        # Two equal ones of unknown outcome can be used twice.
        ["A write 1 0-?", "B write 1 1-?", "C read 1 2-3", "D write 2 4-5", "C read 1 6-7"],
        # A write that failed did not happen; a cas that failed saw another value.
        ["A write 1 0-1", "B write! 2 2-3", "C read 1 4-5"],
        ["A write 1 0-1", "B cas! 2>3 2-3", "C read 1 4-5"],
        # Overlapping operations may take effect in either order.
        ["A write 1 0-9", "B read 1 1-2", "C read 1 3-4"],
        ["A write 1 0-9", "B write 2 1-8", "C read 1 2-3", "C read 2 4-5"],
        [],
    ],
)
def test_what_is_linearizable(lines: list[str]):
    history = told(*lines)
    assert linearizable(history).status == "ok"
    assert wgl(history, fitting(history)) == "ok"


def test_a_failed_cas_that_gives_another_reason_tells_nothing():
    write, cas = told("A write 1 0-1", "B cas! 1>3 2-3")
    assert linearizable([write, cas]).status == "violated"
    assert linearizable([write, replace(cas, result="not equal")]).status == "violated"
    assert linearizable([write, replace(cas, result="timed-out")]).status == "ok"


def test_a_cas_may_also_return_false():
    write, cas = told("A write 1 0-1", "B cas 1>3 2-3")
    read = told("C read 1 4-5")[0]
    assert linearizable([write, cas, read]).status == "violated"
    assert linearizable([write, replace(cas, result=False)]).status == "violated"
    elsewhere = replace(cas, value=(7, 3), result=False)
    assert linearizable([write, elsewhere, read]).status == "ok"


def test_the_initial_value_is_a_parameter():
    history = told("A read 5 0-1")
    assert linearizable(history).status == "violated"
    assert linearizable(history, register(initial=5)).status == "ok"


def test_missing_keys_read_as_nothing_or_as_the_initial_value():
    history = told("A get nothing 0-1", "A append ab 2-3", "A get ab 4-5")
    assert linearizable(history, key_value()).status == "ok"
    assert linearizable(history, key_value("")).status == "ok"
    assert linearizable(told("A get b 0-1"), key_value("b")).status == "ok"


def test_an_append_that_is_missing_from_a_later_get():
    verdict = linearizable(told("A append a 0-1", "B append b 2-3", "A get a 4-5"))
    assert verdict.sentence.startswith("A read a after B's append of b had completed")


def test_values_may_be_lists_and_dicts():
    value = {"versions": [1, 2]}
    write = replace(told("A write 1 0-1")[0], value=value)
    read = replace(told("B read 1 2-3")[0], result={"versions": [1, 2]})
    assert linearizable([write, read]).status == "ok"
    assert linearizable([write, replace(read, result={"versions": [1]})]).status == "violated"


def test_keys_are_objects_of_their_own():
    x = told("A write 1 0-1", "A read 1 2-3")
    y = told("B read nothing 10-11", key="y")
    both = [*x, replace(y[0], id=2)]
    assert linearizable(both).status == "ok"
    together = replace(register(), by_key=False)
    assert linearizable(both, together).status == "violated"


def test_the_key_that_is_violated_first_is_reported():
    x = told("A write 1 0-1", "A write 2 2-3", "A read 1 40-41", key="x")
    y = [replace(op, id=op.id + 3) for op in told("B write 1 4-5", "B read 2 6-7", key="y")]
    verdict = linearizable([*x, *y])
    assert verdict.at == 7.0
    assert verdict.operations == (4,)


# ---- traces


def test_a_trace_is_judged_with_its_events():
    rows = []
    for seq, (time_ms, what, node, data) in enumerate(
        [
            (0.0, "invoke", "W", {"op": 10, "f": "write", "key": "x", "value": 1, "to": "r"}),
            (1.0, "log", "r", "busy"),
            (2.0, "ok", "W", {"op": 10, "result": None}),
            (3.0, "invoke", "W", {"op": 11, "f": "write", "key": "x", "value": 2, "to": "r"}),
            (9.0, "info", "W", {"op": 11, "result": None}),
            (10.0, "invoke", "A", {"op": 12, "f": "read", "key": "x", "value": None, "to": "r"}),
            (12.5, "ok", "A", {"op": 12, "result": 2}),
            (13.0, "invoke", "B", {"op": 13, "f": "read", "key": "x", "value": None, "to": "r"}),
            (15.5, "ok", "B", {"op": 13, "result": 1}),
        ]
    ):
        rows.append((time_ms, seq, what, node, None, data, None, -1))
    trace = Trace("stale", 1, 20.0, {"W": "client", "r": "replica"}, (), rows)
    verdict = linearizable(trace)
    assert verdict.at == 15.5
    assert verdict.operations == (12, 13)
    assert verdict.events == (5, 6, 7, 8)
    assert verdict.sentence.startswith("B read 1 after A had read 2")
    assert linearizable(Trace("none", 1, 20.0, {}, (), [])).status == "ok"


# ---- models are data


def _queue_step(state: tuple, f: str, value, result, status: str) -> tuple[bool, tuple]:
    if f == "push":
        return True, (*state, value)
    if status == "info":
        return bool(state), state[1:]
    return (bool(state) and state[0] == result), state[1:]


def test_a_queue_is_one_step_function():
    queue = Model("queue", (), frozenset({"push", "pop"}), _queue_step)

    def ops(*results: str) -> list[Operation]:
        pushes = [
            Operation(i, "P", "push", "q", v, 2 * i, 2 * i + 1, "ok") for i, v in enumerate("abc")
        ]
        pops = [
            Operation(3 + i, "C", "pop", "q", None, 6 + 2 * i, 7 + 2 * i, "ok", r)
            for i, r in enumerate(results)
        ]
        return [*pushes, *pops]

    for results, status in (("abc", "ok"), ("ab", "ok"), ("ba", "violated"), ("aa", "violated")):
        assert linearizable(ops(*results), queue).status == status
        assert wgl(ops(*results), queue) == status
    window = refuting_window(ops(*"ba"), queue)
    assert window
    assert window[-1].result == "b"
    assert "C pop q" in linearizable(ops(*"ba"), queue).sentence


# ---- budgets


BARE = Model("bare register", None, frozenset({"read", "write"}), register().step)


def hard(writers: int, key: str = "x") -> list[Operation]:
    """Return a history whose model promises nothing, so that every order must be tried."""
    ops = [Operation(i, f"p{i}", "write", key, i, i, 100 + i, "ok") for i in range(writers)]
    return [*ops, Operation(writers, "r", "read", key, None, 300, 301, "ok", -1)]


def test_a_hard_history_is_undecided_quickly_and_in_little_memory():
    tracemalloc.start()
    begin = time.process_time()
    verdict = linearizable(hard(25), BARE, Budget(configurations=20_000))
    seconds = time.process_time() - begin
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert verdict.status == "undecided"
    assert not verdict.ok
    assert "20,000 configurations" in verdict.sentence
    assert seconds < 2.0
    assert peak < 20_000 * 600 + 4_000_000


def test_few_steps_are_undecided_at_once():
    verdict = linearizable(hard(25), BARE, Budget(steps=1_000))
    assert verdict.status == "undecided"
    assert verdict.at is None
    assert refuting_window(hard(25), BARE, Budget(steps=1_000)) == ()
    assert wgl(hard(25), BARE, 1_000) == "undecided"


def test_the_steps_used_stay_near_the_budget():
    race = Race(objects(hard(25), BARE), BARE, Budget(steps=10_000))
    assert race.first_refuted() is None
    assert race.steps < 30_000


def test_long_states_count_for_more_memory():
    ops = [
        Operation(i, f"p{i}", "append", "x", f"{i:02}" * 200, i, 100 + i, "ok") for i in range(20)
    ]
    ops.append(Operation(20, "r", "get", "x", None, 300, 301, "ok", "never"))
    bare = Model("bare store", "", frozenset({"append", "get"}), key_value("").step)
    tracemalloc.start()
    assert linearizable(ops, bare, Budget(configurations=5_000)).status == "undecided"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12_000_000


def test_a_hard_key_hides_no_easy_one():
    easy = told("A read 7 400-401", key="y")[0]
    history = [*hard(25, key="x"), replace(easy, id=99)]
    verdict = linearizable(history, BARE, Budget(configurations=20_000))
    assert verdict.status == "violated"
    assert verdict.operations == (99,)


def test_ten_thousand_operations_by_ten_clients_take_few_steps():
    ops = busy_register(10_000, 10)
    race = Race(objects(ops, register()), register(), Budget())
    begin = time.process_time()
    assert race.first_refuted() is None
    assert time.process_time() - begin < 2.0  # 0.15 s on a quiet machine
    assert not race.undecided
    assert race.steps < 250_000


def busy_register(count: int, clients: int) -> list[Operation]:
    """Return a linearizable history in which every client always has an operation running."""
    random, value, position, ops = Random(1), None, 0, []
    running: list[dict] = []
    while len(ops) < count or running:
        if len(ops) + len(running) < count and len(running) < clients:
            write = random.random() < 0.5
            running.append({"write": write, "at": position, "took": False, "value": position})
        else:
            one = random.choice(running)
            if not one["took"]:
                one["took"] = True
                value = one["value"] if one["write"] else value
                one["result"] = None if one["write"] else value
                continue
            running.remove(one)
            f, argument = ("write", one["value"]) if one["write"] else ("read", None)
            span = (one["at"], position, "ok", one["result"])
            ops.append(Operation(one["at"], "c", f, "x", argument, *span))
        position += 1
    return ops


# ---- the same everywhere


def test_verdict_and_steps_do_not_depend_on_the_hash_seed():
    code = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from histories_support import *\n"
        "from dsviz.check.linearizability import *\n"
        "from dsviz.check.linearizability import Race, objects\n"
        "for kind in KINDS[3:]:\n"
        "    for seed in range(30):\n"
        "        dice = Dice(seed)\n"
        "        ops = spoilt(dice, legal(dice, kind, 20), kind)\n"
        "        race = Race(objects(ops, kind.model), kind.model, Budget())\n"
        "        print(race.first_refuted(), race.steps, linearizable(ops, kind.model))\n"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert "violated" in outputs[0]


# ---- what cannot be judged


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linearizable(told("A push 1 0-1")), "unknown operation 'push'"),
        (lambda: linearizable(told("A cas 1>2 0-1"), register()), "knows read and write"),
        (lambda: linearizable([replace(told("A cas 1>2 0-1")[0], value=5)]), r"\[expected, new\]"),
        (lambda: linearizable([replace(told("A read 1 3-4")[0], returned=1)]), "before it was inv"),
        (lambda: linearizable(5), "give a Trace, a History"),
        (lambda: linearizable(["read"]), "give a Trace, a History"),
        (lambda: wgl(told("A push 1 0-1"), register()), "unknown operation 'push'"),
        (lambda: Budget(steps=0), r"Budget\(steps=0\): give a whole number"),
        (lambda: Budget(configurations=1.5), "give a whole number"),
    ],
)
def test_a_clear_error(call, message: str):
    with pytest.raises(DsvizError, match=message):
        call()


def test_models_print_briefly():
    assert repr(cas_register(3)) == "Model('cas_register', init=3)"


@pytest.mark.parametrize("right", [True, False])
def test_a_judgement_leaves_nothing_for_the_garbage_collector(right):
    """Else judging many histories in a row would spend its time in the collector."""
    history = told("A write 1 0-3", "B write 2 1-4", f"A read {1 if right else 7} 5-6")
    judge = Race(objects(history.operations, cas_register()), cas_register(), Budget())
    gc.collect()
    gc.disable()
    try:
        assert (judge.first_refuted() is None) is right
        del judge
        assert gc.collect() == 0
    finally:
        gc.enable()
