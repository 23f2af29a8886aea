"""Nodes that are not deterministic, each in its own way, and one that is. They say who they are."""

import itertools
import random
import time
import uuid
from random import random as chance
from time import monotonic as stopwatch

from dsviz.sim.network import Network
from dsviz.sim.node import Node
from dsviz.sim.scenario import Scenario

SEEN = []
NAMES = ("anna", "berta", "carl", "dora", "emil", "fritz", "gustav")


class Clean(Node):
    """Sends what it has to say by the rules; `what` is where the leaks of the others go."""

    shows = ("heard",)

    def on_start(self):
        self.heard = ()
        self.set_timer("tick", 10)

    def on_timer_tick(self):
        self.send("b", "word", what=self.what())
        self.send("b", "word", what=self.what())

    def what(self):
        return self.random.random()

    def on_word(self, msg):
        self.heard = (*self.heard, str(msg.what))


class Listener(Node):
    """Only listens."""

    def on_word(self, msg):
        self.last = str(msg.what)


class Sets(Clean):
    def what(self):
        return ",".join({*NAMES})


class GlobalRandom(Clean):
    def what(self):
        return random.random()


class ImportedRandom(Clean):
    def what(self):
        return chance()


class Clock(Clean):
    def what(self):
        return int(time.time())


class ImportedClock(Clean):
    def what(self):
        return stopwatch()


class Unique(Clean):
    def what(self):
        return str(uuid.uuid4())


class Hashes(Clean):
    def what(self):
        return hash("anna")


class ClassCounter(Clean):
    count = 0

    def what(self):
        type(self).count += 1
        return type(self).count


class SharedList(Clean):
    numbers = itertools.count()
    kept: list = []  # noqa: RUF012

    def what(self):
        self.kept.append(1)
        return len(self.kept)


class GlobalList(Clean):
    def what(self):
        SEEN.append(self.name)
        return len(SEEN)


LEAKS = {
    Sets: "set",
    GlobalRandom: "self.random",
    ImportedRandom: "self.random",
    Clock: "self.now",
    ImportedClock: "self.now",
    Unique: "uuid",
    Hashes: "hash",
    ClassCounter: "ClassCounter.count",
    SharedList: "SharedList.kept",
    GlobalList: "outside its own attributes",
}


def scenario(kind=Clean):
    """Two nodes; only `a` leaks."""
    return Scenario(f"leaky {kind.__name__}", {"a": kind(), "b": Listener()}, 100, Network("lan"))
