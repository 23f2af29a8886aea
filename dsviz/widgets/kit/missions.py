"""Numbered missions beside a player: each ticks itself off when the run shows it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from html import escape
from typing import Any

from dsviz.answers import answer, keep
from dsviz.check.mission import Look, Mission
from dsviz.errors import DsvizError
from dsviz.widgets.kit.base import Kit, script


class Missions(Kit):
    """A list that watches a player or a playground; what was achieved is kept."""

    _esm = script("missions")
    verbs = ("tick", "hint")

    def __init__(self, lesson: str, missions: Sequence[Mission], of: Any = None) -> None:
        if not missions:
            raise DsvizError(f"missions({lesson!r}): give at least one mission")
        self.lesson, self.missions, self.of = lesson, tuple(missions), of
        self.player = getattr(of, "player", of)
        self.hinted: set[int] = set()
        self._achieved: set[int] = set()
        self.fresh: int | None = None  # the one achieved last, to be announced
        super().__init__()
        if self.player is not None:
            # Not while the checks have not spoken: looking would make the picture wait for them.
            self.player.observe(lambda it: it.new.get("pending") or self.look(), "_view")

    @property
    def done(self) -> list[bool]:
        """Which missions are achieved."""
        kept = [answer(self._name(n)) is True for n in range(len(self.missions))]
        return [on or n in self._achieved for n, on in enumerate(kept)]

    def _name(self, number: int) -> str:
        return f"{self.lesson}/M{number + 1}"

    def look(self) -> None:
        """Tick off what the run shown now achieves. A predicate that raises achieves nothing."""
        seen = self._seen()
        before = self.done
        for number, mission in enumerate(self.missions):
            if not before[number] and mission.done is not None and _shows(mission, seen):
                self._achieved.add(number)
                self.fresh = number
                with suppress(OSError):  # it counts, also where nothing can be kept
                    keep(self._name(number), True)
        if self.done != before:
            self.refresh()

    def _seen(self) -> Look:
        player = self.player
        return Look(
            player.trace,
            tuple(player.verdicts),
            tuple(player.faults),
            dict(getattr(self.of, "values", {})),
            dict(getattr(self.of, "rows", ())),
        )

    def tick(self, number: int, done: bool = True) -> None:
        """Tick mission `number` (from 0) off by hand, or take the tick away."""
        if not 0 <= number < len(self.missions):
            raise DsvizError(f"there is no mission {number + 1}")
        if self.missions[number].done is not None and done:
            raise DsvizError(f"mission {number + 1} ticks itself off when the run shows it")
        keep(self._name(number), bool(done))
        self.refresh()

    def hint(self, number: int) -> None:
        """Show the hint of mission `number` (from 0)."""
        self.hinted.add(number)
        self.refresh()

    def state(self) -> dict[str, Any]:
        done = self.done
        return {
            "items": [
                {
                    "text": mission.text,
                    "done": done[number],
                    "own": mission.done is None,
                    "hint": mission.hint if number in self.hinted else "",
                    "hinted": not mission.hint or number in self.hinted,
                }
                for number, mission in enumerate(self.missions)
            ],
            "fresh": self.fresh,
        }

    def __repr__(self) -> str:
        lines = [f"{number}. {mission.text}" for number, mission in enumerate(self.missions, 1)]
        return "\n".join(["Missions:", *lines])

    def static(self) -> str:
        items = "".join(
            f"<li>{escape(mission.text)}"
            + (
                f"<details><summary>Hint</summary>{escape(mission.hint)}</details>"
                if mission.hint
                else ""
            )
            + "</li>"
            for mission in self.missions
        )
        return f"<p><b>Missions</b></p><ol>{items}</ol>"


def _shows(mission: Mission, seen: Look) -> bool:
    assert mission.done is not None
    try:
        return bool(mission.done(seen))
    except Exception:  # a run without what the mission looks for
        return False
