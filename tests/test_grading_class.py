"""A synthetic class a lab: what is handed in is varied, and marked alike here and on a cluster."""

import json
from collections import Counter

import pytest

from benchmarks import grading as bench
from dsviz.classroom.command import lacking
from dsviz.grading.lab import all_labs

LABS = all_labs()
every_lab = pytest.mark.parametrize("lab", LABS.values(), ids=list(LABS))
WHOLE = {"solution", "doubled", "split", "huge_outputs", "other_kernel", "right"}


@every_lab
def test_three_hundred_different_ones_of_every_kind(lab):
    made = list(bench.submissions(lab))
    assert len({text for _, text in made}) == len(made) == bench.COUNT
    kinds = Counter(kind for kind, _ in made)
    assert set(kinds) >= WHOLE | {"wrong", "stronger", "unfinished", "hostile", "no notebook"}
    assert min(kinds.values()) >= 5
    assert kinds["wrong"] >= 80
    assert list(bench.submissions(lab)) == made


@every_lab
def test_a_split_cell_is_no_python_until_it_is_joined(lab):
    text = next(text for kind, text in bench.submissions(lab) if kind == "split")
    first = next(iter(lab.classes.values()))
    parts = ["".join(c["source"]) for c in json.loads(text)["cells"] if c["id"] == first]
    assert len(parts) == 2
    with pytest.raises(IndentationError):
        compile(parts[1], "second half", "exec")
    compile("\n".join(parts), "both", "exec")


@pytest.mark.slow
@pytest.mark.timeout(0)  # hours on a slow machine
@every_lab
def test_the_whole_class_gets_what_it_deserves_here_and_on_dask(lab, tmp_path):
    from distributed import LocalCluster

    bench.hand_in(tmp_path, lab, bench.COUNT)
    kinds = [kind for kind, _ in bench.submissions(lab)]
    with bench.local(2) as executor:
        _, here = bench.marked(tmp_path, executor)
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    )
    address = cluster.scheduler_address.replace("tcp", "dask")
    with cluster, bench.executor_of(address, 2) as executor:
        _, there = bench.marked(tmp_path, executor)
    assert bench.told(here) == bench.told(there)
    for kind, row, other in zip(kinds, here, there, strict=True):
        if kind != "hostile":  # how much of its garbage is read at once is a matter of time
            assert row["checks"] == other["checks"]
        assert row["status"] == "marked", row["reason"]
        if kind in WHOLE:
            assert row["points"] == row["max"], (kind, row["checks"])
        elif kind in ("wrong", "missing", "no_python"):
            assert row["points"] <= 6, (kind, row["checks"])
        elif kind == "stronger":
            assert row["points"] < row["max"], row["checks"]
        else:
            assert row["points"] == 0, (kind, row["checks"])


@pytest.mark.parametrize(
    ("isolation", "said", "unsaid"),
    [
        ("limits", "can read files", "network"),
        ("limits, without a filter of system calls", "reach the network", "each other"),
        ("limits, bubblewrap is installed but does not start here", "AppArmor", "network"),
        ("bubblewrap, without a filter of system calls", "each other in secret", "read files"),
        ("bubblewrap, as root: processes are not limited", "number of processes", "files"),
    ],
)
def test_it_is_said_what_protection_is_missing(isolation, said, unsaid):
    assert said in lacking(isolation)
    assert unsaid not in lacking(isolation)
