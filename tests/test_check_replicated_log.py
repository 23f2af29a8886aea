"""Every judge of consensus turns red on a planted violation, and says where."""

import pytest

from dsviz.check.amounts import Conserved, Prefix
from dsviz.check.election import one_leader
from dsviz.check.liveness import Liveness, last_fault
from dsviz.check.replicated_log import (
    commit_never_decreases,
    leader_completeness,
    log_matching,
    state_machine_safety,
)
from dsviz.trace import Trace


def trace_of(*shown, duration=100.0):
    """A trace made of what nodes show: (node, {attribute: value}), or (node, "start")."""
    trace = Trace("planted", 0, duration, {"s1": "server", "s2": "server"})
    for seq, (node, data) in enumerate(shown):
        what = "start" if data == "start" else "state"
        trace.rows.append((10.0 * seq, seq, what, node, None, data, None, -1))
    return trace


def boot(node, **more):
    data = {"state": "follower", "term": 1, "commit": 0, "snapshot": 0, "tail": ()} | more
    return node, data


def test_two_leaders_in_one_term_even_when_the_first_has_stopped():
    planted = trace_of(
        boot("s1", state="leader"), ("s1", "start"), boot("s2", term=0), ("s2", {"term": 1}),
        ("s2", {"state": "leader"}),
    )  # fmt: skip
    verdict = one_leader(planted)
    assert verdict.status == "violated"
    assert verdict.sentence == "Term 1 has two leaders: s1 since 0 ms and s2 since 40 ms."
    assert verdict.events == (0, 4)
    fine = trace_of(boot("s1", state="leader"), boot("s2", term=2, state="leader"))
    assert one_leader(fine).ok


def test_a_leader_that_moves_to_a_new_term_without_an_election_counts():
    planted = trace_of(boot("s1", state="leader"), boot("s2", state="leader", term=2),
                       ("s1", {"term": 2}))  # fmt: skip
    assert one_leader(planted).status == "violated"


def test_the_same_place_and_term_with_different_entries():
    verdict = log_matching(trace_of(boot("s1", tail=("1:1 a",)), boot("s2", tail=("1:1 b",))))
    assert verdict.sentence.startswith("s1 holds “a” (index 1, term 1) and s2 “b”")
    assert verdict.events == (0, 1)


def test_the_same_entry_after_different_ones():
    verdict = log_matching(
        trace_of(boot("s1", tail=("1:1 a", "2:3 c")), boot("s2", tail=("1:2 b", "2:3 c")))
    )
    assert "before it entries of terms 1 and 2" in verdict.sentence
    fine = trace_of(
        boot("s1", tail=("1:1 a",)), boot("s2", tail=("1:1 a", "2:1 b")),
        ("s2", {"tail": ("1:1 a", "2:2 c")}), ("s1", {"tail": ("1:1 a", "2:2 c")}),
    )  # fmt: skip
    assert log_matching(fine).ok


def test_different_commands_applied_at_one_index():
    verdict = state_machine_safety(
        trace_of(
            boot("s1", tail=("1:1 a",)),
            ("s1", {"commit": 1}),
            boot("s2", tail=("1:2 b",)),
            ("s2", {"commit": 1}),
        )
    )
    assert verdict.sentence == (
        "At index 1, s1 applied “a” (index 1, term 1) and s2 “b” (index 1, term 2)."
    )
    assert verdict.events == (1, 3)


def test_what_is_below_the_tail_is_known_from_before():
    tail = tuple(f"{i}:1 e{i}" for i in range(2, 4))
    verdict = state_machine_safety(
        trace_of(
            boot("s1", tail=("1:1 a", "2:1 e2")),
            ("s1", {"tail": tail, "commit": 3}),
            boot("s2", tail=("1:2 b",)),
            ("s2", {"commit": 1}),
        )
    )
    assert verdict.status == "violated"


def test_nothing_is_guessed_about_a_log_after_a_restart_or_below_a_snapshot():
    restarted = trace_of(
        boot("s1", tail=("1:1 a",)), ("s1", {"commit": 1}), boot("s2", tail=("1:2 b", "2:2 c")),
        ("s2", "start"), boot("s2", tail=("2:2 c",)), ("s2", {"commit": 2}),
    )  # fmt: skip
    assert state_machine_safety(restarted).ok
    installed = trace_of(
        boot("s1", tail=("1:1 a",)), ("s1", {"commit": 1}), boot("s2", tail=("1:2 b",)),
        ("s2", {"snapshot": 1, "commit": 1, "tail": ()}),
    )  # fmt: skip
    assert state_machine_safety(installed).ok


@pytest.mark.parametrize("held", [(), ("1:2 b",)], ids=["missing", "other"])
def test_a_leader_without_a_committed_entry(held):
    leader = ("s2", {"state": "leader", "term": 3})
    commit = ("s1", {"commit": 1})
    begin = (boot("s1", tail=("1:1 a",)), boot("s2", tail=held, term=2))
    for order in ((commit, leader), (leader, commit)):  # it may be elected before we know
        verdict = leader_completeness(trace_of(*begin, *order))
        assert verdict.status == "violated"
        assert "s1 committed “a” (index 1, term 1) in term 1, but s2, leader of term 3" in (
            verdict.sentence
        )
        assert verdict.events == (2, 3)
    fine = trace_of(
        boot("s1", tail=("1:1 a",)), boot("s2", tail=("1:1 a",), term=2), commit, leader
    )
    assert leader_completeness(fine).ok


def test_an_entry_committed_in_a_later_term_is_not_asked_of_an_earlier_leader():
    trace = trace_of(
        boot("s1", term=1, state="leader"), boot("s2", term=2, tail=("1:2 b",)),
        ("s2", {"commit": 1}),
    )  # fmt: skip
    assert leader_completeness(trace).ok


def test_a_commit_index_that_goes_down():
    planted = trace_of(boot("s1", commit=5), ("s1", {"commit": 3}))
    verdict = commit_never_decreases(planted)
    assert verdict.sentence == "s1 had committed up to 5 and now only to 3."
    assert verdict.events == (0, 1)
    assert commit_never_decreases(trace_of(boot("s1", commit=5), ("s1", "start"), boot("s1"))).ok


def operations(*ops, faults_at=(), duration=5000.0):
    """A trace of operations (begin, end or None, status), and of faults."""
    trace = Trace("planted", 0, duration, {"c1": "client"})
    rows = []
    for number, (begin, end, status) in enumerate(ops, 1):
        call = {"op": number, "f": "read", "key": "x", "value": None, "to": "s1"}
        rows.append((begin, "invoke", call))
        if end is not None:
            rows.append((end, status, {"op": number, "result": None}))
    rows += [(at, "fault", None) for at in faults_at]
    rows.sort(key=lambda row: row[0])
    for seq, (time, what, data) in enumerate(rows):
        trace.rows.append((time, seq, what, "c1", None, data, None, -1))
    return trace


def test_liveness_counts_from_the_last_fault():
    assert last_fault(operations(faults_at=(50, 900))) == 900
    early = operations((100, 2900, "ok"), (1000, 1100, "ok"), faults_at=(900,))
    assert Liveness(500)(early).ok
    late = operations((100, 200, "ok"), (1000, 2100, "ok"), faults_at=(900,))
    verdict = Liveness(500)(late)
    assert verdict.status == "violated"
    assert "ended at 2,100 ms only; 500 ms are allowed" in verdict.sentence
    assert verdict.operations == (2,)
    assert len(verdict.events) == 2


def test_liveness_gave_up_and_never_answered_are_violations_and_too_short_a_run_decides_nothing():
    assert Liveness(500)(operations((1000, 1400, "info"))).status == "violated"
    assert Liveness(500)(operations((1000, None, ""))).status == "violated"
    assert Liveness(500)(operations((4800, None, ""))).status == "undecided"
    assert Liveness(500)(operations((100, 200, "ok"), faults_at=(900,))).status == "undecided"
    assert Liveness(500)(operations((100, 200, "fail"))).ok


def test_conserved():
    start = (("s1", {"money": {"a": 60}}), ("s2", {"money": {"b": 40}}))
    moving = (*start, ("s1", {"money": {"a": 50}}))
    done = (*moving, ("s2", {"money": {"b": 50}}))
    assert Conserved("money stays", "money", 100)(trace_of(*done)).ok
    verdict = Conserved("money stays", "money", 100)(trace_of(*moving))
    assert verdict.status == "violated"
    assert "adds up to 90 instead of 100" in verdict.sentence
    assert Conserved("money stays", "money", 100, always=True)(trace_of(*done)).at == 20.0


def test_prefix():
    fine = trace_of(("s1", {"seen": (1, 2)}), ("s2", {"seen": (1,)}), ("s2", {"seen": (1, 2, 3)}))
    assert Prefix("one order", "seen")(fine).ok
    planted = trace_of(("s1", {"seen": (1, 2)}), ("s2", {"seen": (1, 3)}))
    verdict = Prefix("one order", "seen")(planted)
    assert verdict.sentence == "At place 2, s2 has 3 and s1 had 2."
    assert verdict.events == (0, 1)
