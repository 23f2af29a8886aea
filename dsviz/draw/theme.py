"""The one visual language: every colour, shape and dash of the course, for Python and JavaScript.

No other file names a colour. A node's state is shown by colour *and* shape *and* letter, a
message kind by colour *and* dash *and* label, so nothing depends on seeing colours. All marks
reach a contrast of 3:1 on their background, text 4.5:1, in light and dark (WCAG 2.2, 1.4.3 and
1.4.11; a test computes it).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

TOKENS: dict[str, dict[str, str]] = {
    "light": {
        "background": "#ffffff",
        "panel": "#f7f8fa",
        "ink": "#1d2433",
        "soft": "#566074",
        "line": "#d9dee7",
        "edge": "#7d879a",
        "blue": "#0b62b8",
        "vermilion": "#b83a09",
        "green": "#177245",
        "purple": "#8b3f8f",
        "amber": "#8a5a00",
        "teal": "#0f6e7c",
        "down": "#6b7484",
        "fill_node": "#eef1f6",
        "fill_active": "#e3effb",
        "fill_changed": "#fdf0e6",
        "fill_alarm": "#fff4ec",
        "shadow": "#1d243333",
    },
    "dark": {
        "background": "#14171c",
        "panel": "#1b2027",
        "ink": "#e9edf5",
        "soft": "#a3adbf",
        "line": "#333a47",
        "edge": "#7d899c",
        "blue": "#6cb2f7",
        "vermilion": "#ff9466",
        "green": "#5fcf9a",
        "purple": "#d59ada",
        "amber": "#e3b341",
        "teal": "#5cc6d3",
        "down": "#8a94a6",
        "fill_node": "#262c37",
        "fill_active": "#17304b",
        "fill_changed": "#3a2a1e",
        "fill_alarm": "#33231a",
        "shadow": "#00000099",
    },
}

#: Which token each meaning takes. Pictures ask for the meaning, never for the colour.
MEANINGS: dict[str, str] = {
    "ok": "green",
    "violated": "vermilion",
    "undecided": "amber",
    "fault": "vermilion",
    "pause": "amber",
    "skew": "purple",
    "unsynced": "amber",
    "changed": "vermilion",
    "selected": "blue",
    "unknown": "amber",
}

#: The shape of a node tells its role; a role not named here takes the next free of the others.
ROLE_SHAPES: dict[str, str] = {"client": "diamond", "coordinator": "square", "replica": "circle"}
OTHER_SHAPES = ("hexagon", "octagon", "triangle", "pentagon")

#: Message kinds take these colours in the order in which they first appear; a reply is dashed and
#: has the colour of what it answers. Vermilion is not among them: it means that something is wrong.
KIND_COLOURS = ("blue", "purple", "teal", "green", "amber")
REQUEST_DASH: tuple[int, ...] = ()
REPLY_DASH: tuple[int, ...] = (6, 3)


#: The glyph of each fault; the player and the stills draw them as paths, since fonts lack them.
FAULT_ICONS: dict[str, str] = {
    "Crash": "cross",
    "Restart": "restart",
    "PowerLoss": "bolt",
    "Pause": "pause",
    "Partition": "wall",
    "Cut": "cut",
    "Loss": "loss",
    "Duplicate": "duplicate",
    "Delay": "hourglass",
    "ClockSkew": "clock",
    "ClockDrift": "clock",
    "Slow": "hourglass",
    "Reorder": "shuffle",
    "Corrupt": "garble",
    "DiskStall": "disk",
    "DiskFailure": "disk",
    "BitRot": "disk",
}


@dataclass(frozen=True)
class KindStyle:
    """How messages of one kind are drawn: a colour token and a dash pattern in px."""

    colour: str
    dash: tuple[int, ...]


def kind_styles(kinds: Iterable[tuple[str, str | bool]]) -> dict[str, KindStyle]:
    """Map each message kind to its style.

    `kinds` are pairs (kind, what it answers): the kind of the request, or only True for a reply
    and False for a request.
    """
    styles: dict[str, KindStyle] = {}
    used = 0
    for kind, answers in kinds:
        if kind in styles:
            continue
        request = styles.get(answers) if isinstance(answers, str) else None
        if request is None:
            colour = KIND_COLOURS[used % len(KIND_COLOURS)]
            used += 1
        else:
            colour = request.colour
        styles[kind] = KindStyle(colour, REPLY_DASH if answers else REQUEST_DASH)
    return styles


def role_shapes(roles: Iterable[str]) -> dict[str, str]:
    """Map each role to a shape, in the order given."""
    shapes: dict[str, str] = {}
    free = list(OTHER_SHAPES)
    for role in roles:
        if role not in shapes:
            known = ROLE_SHAPES.get(role)
            shapes[role] = known or (free.pop(0) if free else "circle")
    return shapes


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two ``#rrggbb`` colours, 1 to 21 (WCAG 2.2 definition)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
