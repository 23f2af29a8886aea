"""Who hears what, when: links, their latency, and what faults do to them.

Links are directed. Each has random streams of its own, derived from (seed, purpose, sender,
receiver): one for latencies, one for losses, one for duplicates. The n-th message of a link uses
the n-th draw of each stream whatever happens to it, so one more fault, or one more message on
another link, never shifts what happens to this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from dsviz.errors import DsvizError, listed
from dsviz.sim.latency import PRESETS, Constant, Latency

if TYPE_CHECKING:
    from dsviz.sim.slot import Slot


@dataclass(frozen=True)
class Network:
    """The network of a scenario before any fault.

    `latency` is a preset's name (``exact`` = 10 ms without jitter, ``lan`` 0.5 ± 0.2 ms, ``az``
    2 ± 1 ms, ``wan`` 40 ± 10 ms), a number of ms, or a `Latency`. `by_kind` gives message kinds
    their own latency, `by_link` maps (sender, receiver) to theirs; the link wins. `loss` and
    `duplicate` are probabilities for every message.

    Raises DsvizError for an unknown preset and for a probability outside 0 to 1.
    """

    latency: Latency | str | float = "lan"
    by_kind: Mapping[str, Latency] = field(default_factory=dict)
    by_link: Mapping[tuple[str, str], Latency | float] = field(default_factory=dict)
    loss: float = 0.0
    duplicate: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "latency", as_latency(self.latency))
        links = {link: as_latency(latency) for link, latency in self.by_link.items()}
        object.__setattr__(self, "by_link", links)
        for name in ("loss", "duplicate"):
            as_probability(name, getattr(self, name))


def as_latency(value: Latency | str | float) -> Latency:
    """Return `value` as a `Latency`: a preset's name, a number of ms, or one already."""
    if isinstance(value, Latency):
        return value
    if isinstance(value, str):
        if value not in PRESETS:
            raise DsvizError(
                f"latency={value!r} is not a preset; the presets are {listed(PRESETS)}"
            )
        return PRESETS[value]
    return Constant(float(value))


def as_probability(name: str, value: float) -> float:
    """Return `value` when it is a probability; else raise DsvizError naming the argument."""
    if not 0.0 <= value <= 1.0:
        raise DsvizError(f"{name}={value!r} must be a probability between 0 and 1")
    return value


class Stream:
    """A stream of uniform draws that is advanced only when one of them is looked at.

    Losses are rare and most runs have none, so drawing for each message as it is sent would be
    paid for nothing; skipping forward to the draw with a message's number gives the same values.
    """

    __slots__ = ("_random", "_used")

    def __init__(self, seed: int, purpose: str, src: str, dst: str) -> None:
        self._random = Random(f"{seed}/{purpose}/{src}/{dst}").random
        self._used = 0

    def draw(self, number: int) -> float:
        """Return the draw with this number; numbers must not go down."""
        random = self._random
        while self._used < number:
            random()
            self._used += 1
        self._used += 1
        return random()


class Link:
    """One direction between two nodes, with the faults that are on it now."""

    __slots__ = (
        "_affine",
        "_quick",
        "_seed",
        "_sent",
        "_stream",
        "_streams",
        "by_kind",
        "corrupt",
        "cuts",
        "delay",
        "draw",
        "dst",
        "duplicate",
        "faulty",
        "loss",
        "random",
        "src",
        "to",
        "windows",
    )

    def __init__(
        self, network: Network, seed: int, src: str, to: Slot, quick: dict[str, tuple]
    ) -> None:
        dst = to.name
        self.src, self.dst, self.to = src, dst, to
        own = network.by_link.get((src, dst))
        latency: Latency = network.latency if own is None else own  # type: ignore[assignment]
        self.draw = latency.draw
        kinds = network.by_kind if own is None else {}
        self.by_kind = {kind: latency.draw for kind, latency in kinds.items()}
        self._affine = None if kinds else latency.affine
        self._stream = f"{seed}/latency/{src}/{dst}"
        self.random = Random(self._stream).random
        self._quick = quick  # of its sender: the links that need no more than a draw
        self._sent: int | None = 0  # how many messages; None when that must be counted again
        self.cuts = 0  # how many faults cut this link now
        self.delay = 0.0  # extra ms
        self.loss = [network.loss] if network.loss else []
        self.duplicate = [network.duplicate] if network.duplicate else []
        self.corrupt: list[float] = []
        self.windows: list[float] = []  # ms within which messages are shuffled
        self._seed = seed
        self._streams: dict[str, Stream] = {}
        self.touched()

    def _draw(self, purpose: str, number: int) -> float:
        stream = self._streams.get(purpose)
        if stream is None:
            stream = Stream(self._seed, purpose, self.src, self.dst)
            self._streams[purpose] = stream
        return stream.draw(number)

    def touched(self) -> None:
        """To be called after a change: without any fault, sending takes a shorter way."""
        on_contents = self.loss or self.duplicate or self.corrupt
        self.faulty = bool(self.cuts or self.delay or self.windows or on_contents)
        if self.faulty:
            self._quick.pop(self.dst, None)
            return
        self._sent = None
        if self._affine:
            self._quick[self.dst] = (*self._affine, self.random, self.to)

    @property
    def sent(self) -> int:
        """How many messages were sent on this link, that of now included.

        Without a fault nobody counts them. Each takes one draw of the stream of latencies, so that
        stream tells how many there were.
        """
        if self._sent is None:
            self._sent = _draws(self._stream, self.random.__self__.getstate())  # type: ignore[attr-defined]
        return self._sent

    def latency(self, kind: str) -> float:
        """Return how many ms the next message, of this kind, takes; counts the message."""
        if self._sent is not None:
            self._sent += 1
        if self.windows and self._sent is None:
            self._sent = self.sent + 1  # its draw comes below
        late = self._draw("reorder", self.sent) * sum(self.windows) if self.windows else 0.0
        return self.delay + late + self.by_kind.get(kind, self.draw)(self.random())

    def corruption(self) -> float | None:
        """A draw that says what of the message counted last is corrupted, or None for nothing."""
        chance = self._draw("corrupt", 2 * self.sent)
        place = self._draw("corrupt", 2 * self.sent + 1)
        return place if chance < _any_of(self.corrupt) else None

    def loses(self) -> bool:
        """Whether the message counted last is lost (each loss fault tries independently)."""
        return self._draw("loss", self.sent) < _any_of(self.loss)

    def copy_latency(self, kind: str) -> float | None:
        """How many ms a duplicate of the message counted last takes, or None without one."""
        chance = self._draw("duplicate", 2 * self.sent)
        latency = self._draw("duplicate", 2 * self.sent + 1)
        if chance >= _any_of(self.duplicate):
            return None
        return self.delay + self.by_kind.get(kind, self.draw)(latency)


def _draws(stream: str, state: tuple) -> int:
    """Return after how many draws a stream of this name is in this state.

    The generator (Mersenne Twister) makes 624 words at a time, and two of them make a draw; the
    last item of its state says how many are used. So only the blocks need to be compared.
    """
    block, used = state[1][:-1], state[1][-1]
    random, draws = Random(stream), 0
    if random.getstate()[1][:-1] == block:
        return 0
    while True:
        random.random()  # makes the next block
        if random.getstate()[1][:-1] == block:
            return draws + used // 2
        for _ in range(311):
            random.random()
        draws += 312


def _any_of(probabilities: list[float]) -> float:
    """The probability that at least one of these independent events happens."""
    none = 1.0
    for p in probabilities:
        none *= 1.0 - p
    return 1.0 - none
