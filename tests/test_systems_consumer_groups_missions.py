"""Each mission of the consumer-groups lesson can be achieved, and none before anything is done."""

import pytest

from dsviz.sim.faults import Crash, Pause
from dsviz.systems.consumer_groups_missions import CONTROLS, MISSIONS, numbers, playground
from dsviz.widgets.controls import Playground
from dsviz.widgets.kit.missions import Missions

ZOMBIE = Pause("c2", at=13_000, duration=15_000)
SAFE = {"generation_check": True, "token": True}
SPARE = {"members": 3, "partitions": 2, "assignor": "sticky"}

WAYS = [
    ({"generation_check": True}, [ZOMBIE]),
    ({}, [ZOMBIE]),
    (SAFE, [ZOMBIE]),
    ({"work": 200, "partitions": 60, "members": 1}, []),
    (SPARE, [Crash("c1", at=5000)]),
]

NOT_YET = [
    ({}, [Pause("c2", at=13_000, duration=5000)]),
    ({"generation_check": True}, [ZOMBIE]),
    ({"generation_check": True}, [ZOMBIE]),
    ({"max_poll_interval": 30_000, "work": 200, "partitions": 60, "members": 1}, []),
    (SPARE, []),
]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DSVIZ_HOME", str(tmp_path))


def achieved(settings, faults):
    play = Playground(playground, numbers, **CONTROLS)
    missions = Missions("16-consumer-groups", MISSIONS, play)
    for name, value in settings.items():
        play.fields[name].value = value
    for fault in faults:
        play.player.inject(fault)
    return [number for number, done in enumerate(missions.done) if done]


def test_nothing_is_achieved_by_looking():
    assert achieved({}, []) == []


@pytest.mark.parametrize("number", range(len(MISSIONS)))
def test_a_mission_can_be_achieved(number):
    assert number in achieved(*WAYS[number])


@pytest.mark.parametrize("number", range(len(MISSIONS)))
def test_half_of_it_is_not_enough(number):
    assert number not in achieved(*NOT_YET[number])


def test_one_member_is_told_in_the_singular():
    play = Playground(playground, numbers, **CONTROLS)
    assert playground(**play.values).name == "4 members, 12 partitions, eager"
    play.fields["members"].value = play.fields["partitions"].value = 1
    assert playground(**play.values).name == "1 member, 1 partition, eager"


def test_the_numbers_of_the_settings_that_the_lesson_begins_with():
    play = Playground(playground, numbers, **CONTROLS)
    assert dict(play.rows) == {
        "times as fast as one member": "4",
        "members without work": "0",
        "a full poll takes": "250 ms of 5,000",
        "nobody reads a crashed member's share for": "8 to 11 s",
        "records worked on again after a crash": "15 on average",
        "silence of a rolling restart, 5 s each": "96 partition-seconds",
    }
