"""A reader for the part of EDN (Clojure's data notation) that Jepsen's histories use."""

from __future__ import annotations

import re
from typing import Any

_TOKEN = re.compile(
    r'[\s,]*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<bracket>[\[\](){}])|(?P<atom>[^\s,\[\](){}"]+))'
)
_ATOMS = {"nil": None, "true": True, "false": False}
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_DEEPEST = 50


def parse(text: str) -> Any:
    """Return the one value that `text` holds.

    Numbers, texts, nil, true and false become Python's; a keyword ``:name`` becomes the text
    ``name``; vectors and lists become tuples, maps dicts. Raises ValueError with a reason.
    """
    tokens = list(_tokens(text))
    if not tokens:
        raise ValueError("there is no value")
    value, end = _value(tokens, 0, 0)
    if end != len(tokens):
        raise ValueError(f"something follows the value: {tokens[end][1][:20]!r}")
    return value


def _tokens(text: str):
    at = 0
    text = text.rstrip(" \t\r\n,")
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError("a text is not closed with a quotation mark")
        yield match.lastgroup, match[match.lastgroup]
        at = match.end()


def _value(tokens: list[tuple[str, str]], at: int, depth: int) -> tuple[Any, int]:
    """Return (the value that begins at token `at`, the token after it)."""
    kind, token = tokens[at]
    if kind == "text":
        return _unescaped(token[1:-1]), at + 1
    if kind == "atom":
        return _atom(token), at + 1
    if token not in _CLOSING:
        raise ValueError(f"{token} closes nothing")
    if depth > _DEEPEST:
        raise ValueError(f"values are nested more than {_DEEPEST} deep")
    items, at = [], at + 1
    while at < len(tokens) and tokens[at][1] != _CLOSING[token]:
        item, at = _value(tokens, at, depth + 1)
        items.append(item)
    if at == len(tokens):
        raise ValueError(f"{token} is not closed")
    return (_map(items) if token == "{" else tuple(items)), at + 1


def _map(items: list[Any]) -> dict[Any, Any]:
    if len(items) % 2:
        raise ValueError("a map has a key without a value")
    try:
        return dict(zip(items[::2], items[1::2], strict=True))
    except TypeError:
        raise ValueError("a map has another map as a key") from None


def _atom(token: str) -> Any:
    if token in _ATOMS:
        return _ATOMS[token]
    if token.startswith(":") and len(token) > 1:
        return token[1:]
    if re.fullmatch(r"[+-]?\d{1,400}N?", token):
        return int(token.rstrip("N"))
    if re.fullmatch(r"[+-]?\d{1,400}\.\d*(?:[eE][+-]?\d{1,3})?", token):
        return float(token)
    raise ValueError(f"{token[:20]!r} is no value")


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text, flags=re.DOTALL)
