"""What a notebook stores of a player, for where no widget runs."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from dsviz.draw.export import to_html
from dsviz.trace import Trace


def film_strip(trace: Trace, verdicts: Sequence[Any]) -> bytes | None:
    """Return two key frames as a picture, or None where matplotlib is missing (JupyterLite)."""
    try:
        from dsviz.draw.cluster import film_strip_png
    except ImportError:
        return None
    return film_strip_png(trace, verdicts, n=2)  # a notebook stores one for each player


def iframe(trace: Trace, verdicts: Sequence[Any], title: str) -> str:
    """Return the player of a trace as a frame in a page, which plays without a kernel."""
    page = escape(to_html(trace, verdicts=verdicts), quote=True)
    return (
        f'<iframe srcdoc="{page}" title="{escape(title, quote=True)}" sandbox="allow-scripts" '
        'style="width:100%;height:720px;border:0"></iframe>'
    )
