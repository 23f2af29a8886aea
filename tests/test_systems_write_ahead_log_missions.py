"""Each mission of the write-ahead log lesson can be achieved, and none before anything is done."""

import pytest

from dsviz.sim.faults import Crash, DiskFailure, PowerLoss, Restart
from dsviz.systems.write_ahead_log_missions import CONTROLS, MISSIONS, numbers, playground
from dsviz.widgets.controls import Playground
from dsviz.widgets.kit.missions import Missions

BACK = Restart("db", at=400)

WAYS = [
    ({"commit": "interval"}, [PowerLoss("db", at=390), BACK]),
    ({"commit": "never"}, [Crash("db", at=390), BACK]),
    ({"transfers_per_s": 5000}, []),
    ({"commit": "no log"}, [PowerLoss("db", at=348), BACK]),
    ({"on_error": "retry"}, [DiskFailure("db", at=380), PowerLoss("db", at=395), BACK]),
]

NOT_YET = [
    ({"commit": "interval"}, [Crash("db", at=390), BACK]),
    ({"commit": "never"}, []),
    ({"commit_delay_ms": 2.0, "transfers_per_s": 5000}, []),
    ({"commit": "no log"}, []),
    ({"on_error": "panic"}, [DiskFailure("db", at=380), PowerLoss("db", at=395), BACK]),
]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DSVIZ_HOME", str(tmp_path))


def achieved(settings, faults):
    play = Playground(playground, numbers, **CONTROLS)
    missions = Missions("18-write-ahead-log", MISSIONS, play)
    for name, value in settings.items():
        play.fields[name].value = value
    for fault in faults:
        play.player.inject(fault)
    return [number for number, done in enumerate(missions.done) if done]


def test_nothing_is_achieved_by_looking():
    assert achieved({}, []) == []


@pytest.mark.parametrize("number", range(len(MISSIONS)))
def test_a_mission_can_be_achieved(number):
    assert achieved(*WAYS[number]) == [number]


@pytest.mark.parametrize("number", range(len(MISSIONS)))
def test_half_of_it_is_not_enough(number):
    assert number not in achieved(*NOT_YET[number])


def test_a_setting_that_is_a_number_says_its_unit():
    numbers = [name for name, spec in CONTROLS.items() if isinstance(spec, tuple)]
    assert all(name.endswith(("_ms", "_s")) for name in numbers), numbers
