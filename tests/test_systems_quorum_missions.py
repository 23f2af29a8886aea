"""Each mission of the quorum lesson can be achieved, and none is before anything is done."""

import pytest

from dsviz.sim.faults import Crash, Partition
from dsviz.systems import quorum
from dsviz.systems.quorum_missions import CONTROLS, MISSIONS
from dsviz.widgets.controls import Playground
from dsviz.widgets.kit.missions import Missions

CUT = Partition(("r1", "r2"), ("A", "h1", "h2", "k1", "r3"), at=10, duration=55)

WAYS = [
    ({"N": 5, "R": 3, "W": 3}, []),
    ({"read_delay": 57}, []),
    ({"N": 4, "R": 3, "W": 3}, []),
    ({"W": 3}, [Crash("r1", at=5)]),
    ({"R": 2, "W": 2, "sloppy": True}, [CUT]),
]

NOT_YET = [
    ({"N": 5, "R": 3, "W": 4}, []),
    ({"read_delay": 30}, []),
    ({"N": 4, "R": 2, "W": 3}, []),
    ({"W": 3}, []),
    ({"R": 2, "W": 2, "sloppy": True}, []),
]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DSVIZ_HOME", str(tmp_path))


def achieved(settings, faults):
    play = Playground(quorum.playground, quorum.numbers, **CONTROLS)
    missions = Missions("04-quorum", MISSIONS, play)
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
