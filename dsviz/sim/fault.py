"""What all faults are: data that says when something goes wrong, for how long, and what it hits.

A fault is a frozen dataclass: when it begins (`at`, in ms of true time), how long it lasts
(`duration` in ms, None for the rest of the run) and what it hits. Because faults are data, every
click of a learner can be replayed, shared, shrunk and undone. ``str(fault)`` is one sentence,
``repr(fault)`` the Python that makes it, `to_dict` and `fault_from_dict` its JSON form.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, ClassVar

from dsviz.errors import DsvizError, listed

if TYPE_CHECKING:
    from dsviz.sim.kernel import Kernel


class Fault(ABC):
    """What all faults share. Subclasses are frozen dataclasses with a field `at`."""

    label: ClassVar[str] = "fault"  # what menus and chips call it
    hits_links: ClassVar[bool] = False  # else it hits nodes
    at: float

    def __post_init__(self) -> None:
        for name in ("at", "duration"):
            value = getattr(self, name, None)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
                raise DsvizError(
                    f"{type(self).__name__}: {name}={value!r} must be a number of ms, 0 or more"
                )
        self.validate()

    def validate(self) -> None:  # noqa: B027 (most have no more to check)
        """Raise DsvizError when a field of this kind of fault makes no sense; tidy the fields."""

    @property
    def ends(self) -> float | None:
        """When it ends by itself, in ms, or None."""
        duration = getattr(self, "duration", None)
        return None if duration is None else self.at + duration

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes it names."""
        names: list[str] = []
        for name in ("node", "src", "dst"):
            value = getattr(self, name, None)
            names += [value] if value is not None else []
        return tuple(names)

    @abstractmethod
    def begin(self, kernel: Kernel) -> None:
        """Do to the running cluster what this fault does."""

    def end(self, kernel: Kernel) -> None:  # noqa: B027 (faults without an end need none)
        """Undo it, when its duration is over."""

    def check(self, nodes: Iterable[str], duration: float) -> None:
        """Raise DsvizError unless every node exists and the fault begins within the run."""
        known = list(nodes)
        for name in self.nodes:
            if name not in known:
                raise DsvizError(
                    f"{self!r}: there is no node {name!r}; the nodes are {listed(known)}"
                )
        if not 0 <= self.at <= duration:
            raise DsvizError(
                f"{self!r}: at={self.at:g} is outside the run; choose 0 to {duration:g} ms"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: the class name as ``fault``, and what differs from defaults."""
        stored: dict[str, Any] = {"fault": type(self).__name__}
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if item.default is MISSING or value != item.default:
                stored[item.name] = list(value) if isinstance(value, tuple) else value
        return stored

    def __repr__(self) -> str:
        parts = []
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if item.default is not MISSING and value == item.default:
                continue
            text = exact(value) if isinstance(value, float) else repr(value)
            leading = item.name in (
                "node",
                "targets",
                "a",
                "b",
                "src",
                "dst",
                "p",
                "ms",
                "factor",
                "ppm",
            )
            parts.append(text if leading and len(parts) < 3 else f"{item.name}={text}")
        return f"{type(self).__name__}({', '.join(parts)})"


def check_positive(fault: Any, name: str, value: float) -> None:
    if not value > 0:
        raise DsvizError(f"{type(fault).__name__}: {name}={value!r} must be more than 0")


def span(fault: Any) -> str:
    if fault.duration is None:
        return f"from {fault.at:g} ms on"
    return f"from {fault.at:g} to {fault.at + fault.duration:g} ms"


def names_of(value: str | Iterable[str]) -> tuple[str, ...]:
    """Return names sorted and without repeats, whatever they were given as."""
    return (value,) if isinstance(value, str) else tuple(sorted(set(value)))


def exact(value: float) -> str:
    """Return the shortest Python for a number that reads back as the same number."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
