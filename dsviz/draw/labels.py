"""Short texts for pictures: the label of a message, the lines under a node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from dsviz.trace import Message

#: Fields that tell most about a message, best first, and what their value is prefixed with.
TELLING = {
    "version": "v", "ver": "v", "term": "t", "epoch": "e", "offset": "@", "index": "#",
    "counter": "", "value": "", "key": "", "txn": "", "id": "", "seq": "#",
}  # fmt: skip

LABEL_CHARS = 16  # of a message's pill
LINE_CHARS = 22  # of one line under a node


def short(value: Any, limit: int = LABEL_CHARS) -> str:
    """Return a value in few characters: no quotes, no type names, an ellipsis where cut."""
    if type(value) is int:
        text = str(value)
        return text if len(text) <= limit else text[: limit - 1] + "…"
    if isinstance(value, str):
        text = value
    elif isinstance(value, float):
        text = f"{value:g}"
    elif isinstance(value, Mapping):
        text = " ".join(f"{short(k)}={short(v)}" for k, v in value.items()) or "–"
    elif isinstance(value, (set, frozenset)):
        text = "{" + ", ".join(sorted(short(v) for v in value)) + "}"
    elif isinstance(value, (list, tuple)):
        text = ".".join(short(v) for v in value) if _is_version(value) else _listed(value)
    else:
        text = str(value)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _listed(values: Sequence) -> str:
    return "[" + ", ".join(short(v) for v in values) + "]"


def _is_version(value: Sequence) -> bool:
    """Whether this is (counter, writer), which reads best as ``3.k1``."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and isinstance(value[0], int)
        and isinstance(value[1], (int, str))
    )


def message_label(message: Message) -> str:
    """Return a message's pill: its kind and its most telling field."""
    telling, others = _fields_to_try(message.fields)
    for name, prefix in telling:
        value = getattr(message, name)
        if value is not None:
            return f"{message.kind} {prefix}{short(value)}"
    for name in others:
        value = getattr(message, name)
        if isinstance(value, (int, str)) and not isinstance(value, bool):
            return f"{message.kind} {name} {short(value)}"
    return message.kind


def telling_field(fields: tuple[str, ...]) -> tuple[str, str] | None:
    """Return the field that `message_label` looks at first, and what it puts before its value."""
    telling, others = _fields_to_try(fields)
    return telling[0] if telling else (others[0], f"{others[0]} ") if others else None


@lru_cache(maxsize=4096)
def _fields_to_try(fields: tuple[str, ...]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return (telling fields with their prefixes, best first; the fields in their own order)."""
    return [(name, prefix) for name, prefix in TELLING.items() if name in fields], list(fields)


def label_lines(shown: Mapping[str, Any]) -> list[str]:
    """Return what a node shows as at most two short lines."""
    return lines_of(attribute_text(name, value) for name, value in shown.items())


def lines_of(texts: Iterable[str]) -> list[str]:
    """Return texts of attributes as at most two short lines."""
    parts = [text for text in texts if text]
    if not parts:
        return []
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines) == 1 and len(lines[0]) + 3 + len(part) > LINE_CHARS:
            lines.append(part)
        else:
            lines[-1] = f"{lines[-1]} · {part}"
    return [short(line, LINE_CHARS) for line in lines]


def attribute_text(name: str, value: Any) -> str:
    """Return an attribute that a node shows in few characters, or nothing when it says nothing."""
    if isinstance(value, Mapping) and not value:
        return ""  # nothing to show yet
    if isinstance(value, (str, Mapping)):
        return short(value, LINE_CHARS)  # these name themselves
    if value is None:
        return f"{name} –"
    if isinstance(value, bool):
        return name if value else f"not {name}"
    return short(f"{name} {short(value, LINE_CHARS)}", LINE_CHARS)
