"""The glossary: some terms beside a text, or all of them to search."""

from __future__ import annotations

from difflib import get_close_matches
from html import escape
from typing import Any

from dsviz.content import Term, terms
from dsviz.errors import DsvizError, listed
from dsviz.widgets.kit.base import Kit, script


class Glossary(Kit):
    """Terms, one line each and where they are defined; many of them with a field to search."""

    _esm = script("glossary")

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self.terms = tuple(map(term, names)) if names else terms()
        super().__init__()

    def state(self) -> dict[str, Any]:
        return {"terms": [[t.name, t.meaning, t.source] for t in self.terms]}

    def __repr__(self) -> str:
        return "\n".join(f"{t.name}: {t.meaning} ({t.source})" for t in self.terms)

    def static(self) -> str:
        rows = "".join(
            f"<li><b>{escape(t.name)}</b>: {escape(t.meaning)} <i>({escape(t.source)})</i></li>"
            for t in self.terms
        )
        listed_ = f"<ul>{rows}</ul>"
        if len(self.terms) <= 8:
            return listed_
        return f"<details><summary>Glossary, {len(self.terms)} terms</summary>{listed_}</details>"


def term(name: str) -> Term:
    """Return the term of that name, or of which it is the short form in brackets.

    Raises DsvizError, with the nearest ones, when there is none.
    """
    wanted = name.lower()
    for one in terms():
        whole = one.name.lower()
        if wanted in (whole, whole.split(" (")[0]) or f"({wanted})" in whole:
            return one
    names = [one.name for one in terms()]
    near = get_close_matches(name, names, 3, 0.3) or names[:3]
    raise DsvizError(f"the glossary has no {name!r}; near it are {listed(near)}")
