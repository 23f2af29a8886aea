"""Who gets which partition: the numbers of the consumer groups lesson, and what is always true."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsviz import laws
from dsviz.errors import DsvizError
from dsviz.systems.consumer_groups_assignors import (
    ASSIGNORS,
    assign,
    loads,
    moved,
    partitions,
)

MEMBERS = [f"c{number:02}" for number in range(1, 15)]


def test_as_kafkas_own_documentation_deals_two_topics_of_three():
    """The example in the Javadoc of RangeAssignor and RoundRobinAssignor, Kafka 4.0."""
    topics, members = {"t0": 3, "t1": 3}, ["C0", "C1"]
    assert assign("range", members, topics) == {
        "C0": ["t0-0", "t0-1", "t1-0", "t1-1"],
        "C1": ["t0-2", "t1-2"],
    }
    assert assign("roundrobin", members, topics) == {
        "C0": ["t0-0", "t0-2", "t1-1"],
        "C1": ["t0-1", "t1-0", "t1-2"],
    }


@pytest.mark.parametrize(
    ("count", "members", "expected"),
    [(12, 3, {"roundrobin": 9, "range": 6, "sticky": 3}),
     (60, 10, {"roundrobin": 50, "range": 15, "sticky": 5})],
)  # fmt: skip
def test_how_many_move_when_one_more_joins(count, members, expected):
    for assignor in ASSIGNORS:
        topics = {"orders": count}
        before = assign(assignor, MEMBERS[:members], topics)
        after = assign(assignor, MEMBERS[: members + 1], topics, before)
        assert moved(before, after) == expected[assignor], assignor


def test_range_leaves_a_member_without_anything_when_topics_are_small():
    topics = {f"t{number}": 3 for number in range(10)}
    assert loads(assign("range", MEMBERS[:4], topics)) == [10, 10, 10, 0]
    assert loads(assign("roundrobin", MEMBERS[:4], topics)) == [8, 8, 7, 7]


SOME = st.sets(st.sampled_from(MEMBERS), min_size=1)
GROUPS = st.tuples(st.integers(1, 40), SOME, SOME)


@given(GROUPS)
def test_everybody_gets_a_fair_share_and_everything_has_one_owner(group):
    count, members, others = group
    topics = {"orders": count}
    before = None
    for who in (members, others):
        for assignor in ASSIGNORS:
            made = assign(assignor, sorted(who), topics, before)
            assert sorted(p for mine in made.values() for p in mine) == sorted(partitions(topics))
            assert max(loads(made)) - min(loads(made)) <= 1
        before = assign("sticky", sorted(who), topics, before)


@given(GROUPS)
def test_sticky_moves_only_what_has_to_move(group):
    count, members, others = group
    topics = {"orders": count}
    before = assign("sticky", sorted(members), topics)
    after = assign("sticky", sorted(others), topics, before)
    stay = members & others
    kept = sum(len(set(before[m]) & set(after[m])) for m in stay)
    # Nobody may keep more than its share, and of that everybody keeps what there is.
    shares = sorted((len(mine) for mine in after.values()), reverse=True)
    had = sorted((len(before[m]) for m in stay), reverse=True)
    assert kept == sum(min(pair) for pair in zip(had, shares, strict=False))


def test_an_unknown_assignor_and_an_empty_group():
    with pytest.raises(DsvizError, match="there are range, roundrobin, sticky"):
        assign("fair", ["a"], {"t": 1})
    assert all(assign(assignor, [], {"t": 3}) == {} for assignor in ASSIGNORS)


# Laws -------------------------------------------------------------------------------------------


def test_useful_parallelism():
    found = {n: laws.useful_parallelism(12, n) for n in range(1, 15)}
    assert (found[4], found[5], found[12], found[14]) == (4, 4, 12, 12)
    assert {found[n] for n in range(6, 12)} == {6}


def test_replay_barrier_and_silence():
    assert laws.mean_replay(30, 5000) == 75
    assert [round(laws.mean_barrier(n, 1), 2) for n in (4, 10, 100)] == [2.08, 2.93, 5.19]
    assert laws.restart_silence(12, 4, barrier_s=1, down_s=5) == {
        "eager": 96, "cooperative": 24, "static": 60,
    }  # fmt: skip
    with pytest.raises(DsvizError, match="members=0 must be more than 0"):
        laws.mean_barrier(0, 1)
