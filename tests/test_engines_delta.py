"""Delta Lake: versions that stay, writers in conflict. Real with the extra `lake`."""

from __future__ import annotations

import importlib.util
import threading

import pytest
from engines_support import needs

from dsviz.engines import replay
from dsviz.engines.delta import Lake
from dsviz.errors import DsvizError


@needs("delta")
def test_versions_stay_and_the_second_of_two_writers_is_refused():
    with Lake() as lake:
        for n in range(5):
            assert lake.append(2 * n, 2 * n + 1).value == n + 1
        assert [len(lake.read(version=v).value) for v in (1, 3, 5)] == [2, 6, 10]
        lake.look("w2")
        assert lake.overwrite(7, via="w2").value == 6
        refused = lake.overwrite(8, via="w1")
        assert (refused.status, refused.value) == ("fail", None)
        assert "conflict: it built on version 5, and the newest is 6" in repr(refused)
        assert lake.read().value == [7]
        lake.look("w1")
        assert lake.delete(7).ok
        assert lake.read().value == []
        assert lake.read(version=5).value == list(range(10))
        assert lake.restore(5).value == 8, "restoring is a new version"
        assert lake.read().value == list(range(10))
        assert lake.read(version=99).status == "fail"
        assert lake.versions().value[-1] == [8, "RESTORE"]
        assert lake.vacuum().value > 0
        assert lake.read(version=6).text == "read version 6: its files are gone"
        folder = lake._workspace.folder
        statuses = [op.status for op in lake.history() if op.f == "write"]
        assert statuses.count("fail") == 1
    assert not folder.exists()


@needs("delta")
def test_appends_of_many_writers_all_land():
    with Lake(writers=4) as lake:

        def many(name: str) -> None:
            for n in range(5):
                assert lake.append(n, via=name).ok

        threads = [threading.Thread(target=many, args=(name,)) for name in lake.members]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(lake.read().value) == 20
        assert len(lake.versions().value) == 21


def test_without_the_extra_the_same_cells_run_on_the_recording(monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *args: None if name == "deltalake" else find(name, *args),
    )
    with pytest.raises(DsvizError, match=r'run pip install "dsviz\[lake\]"'):
        Lake()
    lake = Lake.open("delta-versions")
    assert "a recording of Delta Lake 1." in capsys.readouterr().out
    assert lake.append(1, 2).value == 1
    assert lake.append(5).status == "unrecorded"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: Lake(writers=0), "writers=0 must be"),
        (lambda lake: lake.append(), "name at least one"),
        (lambda lake: lake.append("1"), "number='1' must be"),
        (lambda lake: lake.read(version=-1), "version=-1 must be"),
        (lambda lake: lake.kill("w1"), "no process"),
        (lambda lake: lake.heal(), "no process"),
        (lambda lake: lake.look("w7"), "no member 'w7'"),
    ],
)
def test_a_bad_argument_is_named_with_what_would_do(call, message):
    with pytest.raises(DsvizError, match=message):
        call(replay.load("delta-versions"))
