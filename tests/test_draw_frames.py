"""Trace to columns and frames: what is drawn is what happened."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from draw_support import FAULTS, all_answered, everything, gossip

from dsviz.check.verdict import Verdict
from dsviz.draw.frames import (
    FATES,
    STEPS,
    as_json,
    columns,
    compare,
    first_divergence,
    frame,
    key_moments,
    measures,
    outcome,
)
from dsviz.draw.labels import label_lines, message_label, short
from dsviz.draw.layout import layout
from dsviz.sim.faults import Crash
from dsviz.trace import Message, Trace


@pytest.fixture(scope="module")
def trace() -> Trace:
    return everything().run(1)


@pytest.fixture(scope="module")
def data(trace):
    return columns(trace, [all_answered(trace)], layout(trace.nodes))


def test_every_message_of_the_trace_is_a_flight(trace, data):
    sent = trace.select(["deliver", "drop", "flight"])
    flights = data["flights"]
    assert len(flights["src"]) == len(sent)
    names = [node["name"] for node in data["nodes"]]
    for row, event in enumerate(sent):
        assert names[flights["src"][row]] == event.peer
        assert names[flights["dst"][row]] == event.node
        assert flights["sent"][row] == pytest.approx(event.sent_at, abs=0.001)
        fate = {"deliver": "delivered", "flight": "under way"}.get(event.what, event.reason)
        assert FATES[flights["fate"][row]] == fate


def test_columns_of_one_table_have_one_length(data):
    for table in ("flights", "spans", "shown", "unsynced", "skew", "links", "ops", "steps"):
        assert len({len(column) for column in data[table].values()}) == 1, table


def test_columns_are_json_and_equal_in_every_process(trace, data):
    assert json.loads(as_json(data)) == json.loads(as_json(columns_again(trace)))
    code = (
        "import sys; sys.path[:0] = ['tests', '.']\n"
        "from draw_support import everything\n"
        "from dsviz.draw.frames import as_json, columns\n"
        "import hashlib; t = everything().run(1)\n"
        "print(hashlib.sha256(as_json(columns(t)).encode()).hexdigest())"
    )
    results = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(results) == 1


def columns_again(trace):
    return columns(trace, [all_answered(trace)], layout(trace.nodes))


def test_ten_thousand_events_take_less_than_a_megabyte():
    trace = gossip(11, 455).run(3)
    assert len(trace) >= 10_000
    assert len(as_json(columns(trace, positions=layout(trace.nodes))).encode()) <= 1_000_000


def test_nodes_are_down_paused_and_up_again(trace):
    states = {t: state_of(trace, "r1", t) for t in (120.4, 120.5, 199, 200.1, 470)}
    assert states[120.5] == states[199] == states[470] == "down"
    assert states[120.4] != "down"
    assert states[200.1] != "down"
    assert state_of(trace, "r2", 230) == "paused"
    assert state_of(trace, "r2", 290) == "normal"


def state_of(trace, name, t):
    return next(node.state for node in frame(trace, t).nodes if node.name == name)


def test_unsynced_writes_are_counted_until_synced_or_lost(trace):
    def unsynced(t):
        return next(node.unsynced for node in frame(trace, t).nodes if node.name == "r1")

    assert unsynced(20.5) == 1  # written at 20 ms, the disk takes 1 ms
    assert unsynced(22) == 0
    assert unsynced(120.2) == 1
    assert unsynced(120.5) == 0  # the power went


def test_walls_cuts_loss_and_skew_have_their_times(trace):
    assert frame(trace, 330).walls == ((("r1",), ("A", "k", "r2")),)
    assert frame(trace, 361).walls == ()
    assert [(link.src, link.dst, link.what) for link in frame(trace, 330).links] == [
        ("k", "r2", "cut")
    ]
    assert {link.what for link in frame(trace, 420).links} == {"loss", "duplicate", "delay"}
    assert next(node.skew for node in frame(trace, 420).nodes if node.name == "r2") == 25


def test_messages_move_from_sender_to_receiver(trace):
    early, late = frame(trace, 2).messages, frame(trace, 8).messages
    assert [m.label for m in early] == ["write 0"]
    assert early[0].position == pytest.approx(0.2)
    assert late[0].position == pytest.approx(0.8)
    assert not early[0].reply


def test_an_error_in_a_handler_is_kept_with_the_learners_lines(data):
    (error,) = data["errors"]
    assert error["error"] == "KeyError: 'poison'"
    assert 'raise KeyError("poison")' in "\n".join(error["lines"])


def test_faults_are_told_in_words_python_and_json(data):
    assert len(data["faults"]) == len(FAULTS)
    first = data["faults"][0]
    assert first["text"] == "r1 loses power at 120.5 ms; un-synced writes are gone"
    assert first["python"] == "PowerLoss(('r1',), at=120.5)"
    assert first["chip"] == "power loss r1"
    assert data["faults"][2]["chip"] == "pause r2 · 50 ms"
    assert data["faults"][3]["chip"] == "partition r1 | rest · 60 ms"
    assert data["faults"][5]["chip"] == "loss k → r1 · 50 %"


def test_a_fault_read_from_a_file_is_drawn_too(trace):
    again = Trace.from_jsonl(trace.to_jsonl())
    again.faults = tuple(fault.to_dict() for fault in again.faults)
    assert columns(again)["faults"][2]["ends"] == 265


def test_verdicts_point_at_steps_and_operations(trace, data):
    (verdict,) = data["verdicts"]
    assert verdict["status"] == "violated"
    assert [STEPS[data["steps"]["what"][i]] for i in verdict["steps"]] == ["info"]
    assert data["steps"]["t"][verdict["steps"][0]] == verdict["at"]
    assert data["ops"]["status"][verdict["ops"][0]] == "info"


def test_kinds_keep_their_style_from_run_to_run(trace):
    kinds = {}
    first = columns(trace, kinds=kinds)["kinds"]
    other = columns(everything(()).run(1), kinds=kinds)["kinds"]
    assert other[: len(first)] == first
    by_name = {kind["name"]: kind for kind in first}
    assert by_name["stored"]["reply"]
    assert by_name["stored"]["colour"] == by_name["store"]["colour"], (
        "a reply looks like its request"
    )
    assert by_name["stored"]["dash"] != by_name["store"]["dash"]


def test_caption_says_what_is_to_be_seen(trace):
    assert frame(trace, 130).caption == (
        "At 130 ms: r1 is down; A waits for write x = 1; under way: stored 1 (r2 → k)."
    ).replace("stored 1", "stored v1")
    assert "paused" in frame(trace, 230).caption
    assert "a partition separates r1 from A, k and r2" in frame(trace, 330).caption
    assert frame(everything(()).run(1), 60).caption == "At 60 ms: all is quiet."


def test_key_moments_are_in_order_and_within_the_run(trace):
    moments = key_moments(trace, [all_answered(trace)], n=6)
    assert moments == sorted(moments)
    assert 1 <= len(moments) <= 6
    assert all(0 <= t <= trace.duration for t in moments)
    assert all_answered(trace).at in moments


def test_key_moments_of_an_empty_run():
    assert key_moments(Trace("empty", 0, 100.0, {"a": "node"})) == [0.0]


def test_outcome_in_words(trace):
    rows = dict(outcome(trace, [all_answered(trace)]))
    history = trace.history()
    assert rows["operations answered"] == str(sum(op.status == "ok" for op in history))
    assert rows["outcome unknown"] == str(sum(op.status == "info" for op in history))
    assert rows["messages lost"] == str(len(trace.select("drop")))
    assert rows["all answered"].startswith("violated at")


def test_a_moment_in_the_outcome_is_rounded_as_the_player_rounds_it(trace):
    at = Verdict("fine", "violated", "It is not.", at=60.7852)
    assert dict(outcome(trace, [at]))["fine"] == "violated at 60.8 ms"


def test_two_futures_are_compared():
    before, after = everything(()).run(1), everything((Crash("k", at=50),)).run(1)
    rows = {row["label"]: row for row in compare(measures(before), measures(after))}
    assert rows["operations answered"]["difference"] == "−4"
    assert rows["operations answered"]["worse"]
    assert rows["outcome unknown"]["worse"]
    same = compare(measures(before), measures(before))
    assert {row["difference"] for row in same} == {"same"}
    assert not any(row["worse"] for row in same)


def test_first_divergence_is_the_first_effect_of_the_fault():
    before, after = everything(()).run(1), everything((Crash("k", at=50),)).run(1)
    parted = first_divergence(before, after)
    assert (parted.time, parted.before, parted.after) == (50, None, "k stops")
    assert first_divergence(before, everything(()).run(1)) is None


def test_a_fault_without_effect_parts_nothing():
    before, after = everything(()).run(1), everything((Crash("k", at=559),)).run(1)
    assert first_divergence(before, after).time == 559
    quiet = everything((FAULTS[8],)).run(1)  # a skewed clock that nobody reads
    assert first_divergence(before, quiet) is None


@pytest.mark.parametrize(
    ("body", "label"),
    [
        ({"key": "x", "version": 2}, "store v2"),
        ({"version": (3, "k1")}, "store v3.k1"),
        ({"key": "x"}, "store x"),
        ({"key": "x", "value": None}, "store x"),
        ({"count": 7}, "store count 7"),
        ({}, "store"),
        ({"value": "a very long text indeed, of many words"}, "store a very long tex…"),
    ],
)
def test_labels_of_messages(body, label):
    assert message_label(Message.of("store", "a", "b", 1, None, body)) == label


@pytest.mark.parametrize(
    ("shown", "lines"),
    [
        ({}, []),
        ({"versions": {}}, []),
        ({"doing": ""}, []),
        ({"versions": {"x": 1, "y": 2}}, ["x=1 y=2"]),
        ({"term": 3, "leader": True}, ["term 3 · leader"]),
        ({"leader": False}, ["not leader"]),
        ({"voted": None}, ["voted –"]),
        ({"log": [1, 2]}, ["log [1, 2]"]),
        ({"a": "x" * 15, "b": "y" * 15}, ["x" * 15, "y" * 15]),
        ({"a": "x" * 50}, ["x" * 21 + "…"]),
    ],
)
def test_lines_under_a_node(shown, lines):
    assert label_lines(shown) == lines


def test_sets_are_written_in_order():
    assert short({"c", "a", "b"}) == "{a, b, c}"
