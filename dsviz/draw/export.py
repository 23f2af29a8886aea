"""A run as a file: the player as one HTML page without a kernel or a network, and other forms."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from dsviz.draw.columns import as_json, columns
from dsviz.draw.layout import layout
from dsviz.draw.outcome import compare, measures
from dsviz.draw.theme import FAULT_ICONS, TOKENS
from dsviz.errors import DsvizError
from dsviz.trace import Trace

_WIDGETS = Path(__file__).parent.parent / "widgets"

PLAYER_PARTS = (
    "helpers", "icons", "canvas", "geometry", "run", "links", "swarm", "messages", "nodes",
    "pointer", "stage", "diagram", "spacetime", "lanes", "chips", "axis", "menu", "head", "legend",
    "caption", "controls", "foot", "playback", "surroundings", "view", "entry",
)  # fmt: skip

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
html {{ color-scheme: light dark; }}
body {{ margin: 12px; }}
{css}
</style>
</head>
<body>
<div id="player"></div>
<noscript><p>{title}: this page plays a run of a cluster, for which it needs JavaScript. It loads
nothing from anywhere.</p></noscript>
<script type="application/json" id="run">{payload}</script>
<script type="module">
{script}
mount(document.getElementById("player"), JSON.parse(document.getElementById("run").textContent));
</script>
</body>
</html>
"""


@cache
def player_script() -> str:
    """Return the player's JavaScript: ``mount``, and the widget as its default export.

    One module made of parts, put together in this order and not by a bundler, so that an installed
    package, a notebook and a saved page all run the same text. No part imports another.
    """
    parts = (_WIDGETS / "player_parts" / f"{part}.js" for part in PLAYER_PARTS)
    return "\n".join(part.read_text(encoding="utf-8") for part in parts)


def to_html(
    trace: Trace,
    path: str | Path | None = None,
    verdicts: Iterable[Any] = (),
    theme: str = "auto",
) -> str:
    """Return the player of a trace as one self-contained page; write it to `path` if given.

    `theme` is ``light``, ``dark`` or ``auto`` (what the reader's system prefers). Faults are
    shown but cannot be injected: that needs a kernel.
    """
    if theme not in ("light", "dark", "auto"):
        raise DsvizError(f"theme={theme!r} must be light, dark or auto")
    return page(trace.name, payload(trace, verdicts, theme), path)


def save(
    trace: Trace, path: str | Path, verdicts: Iterable[Any] = (), theme: str = "light"
) -> Path:
    """Write a run to a file, in the form that its ending names; return the path.

    ``.html``: the player, which needs no kernel and no network. ``.gif``: an animation, where
    nothing else plays. ``.png``: a strip of the moments that tell the story. ``.txt``: what
    happened, line by line. ``.jsonl``: the trace itself. Raises DsvizError for another ending and
    for a folder that does not exist.
    """
    path, verdicts = Path(path), list(verdicts)
    if not path.parent.is_dir():
        raise DsvizError(f"path={str(path)!r}: there is no folder {str(path.parent)!r}")
    if path.suffix == ".html":
        to_html(trace, path, verdicts, theme)
    elif path.suffix == ".gif":
        from dsviz.draw.film import Film

        Film(trace, theme=theme).gif(path)
    elif path.suffix == ".png":
        from dsviz.draw.cluster import film_strip

        film_strip(trace, verdicts, theme=theme).save(path)
    elif path.suffix == ".txt":
        path.write_text(trace.transcript(), encoding="utf-8")
    elif path.suffix == ".jsonl":
        path.write_text(trace.to_jsonl(), encoding="utf-8")
    else:
        raise DsvizError(f"path={str(path)!r} must end in .html, .gif, .png, .txt or .jsonl")
    return path


def page(title: str, data: Any, path: str | Path | None = None) -> str:
    """Return a page that plays what the player's ``mount`` takes; write it to `path` if given."""
    made = _PAGE.format(
        title=escape(title),
        css=(_WIDGETS / "player.css").read_text(encoding="utf-8"),
        script=player_script().replace("</script", "<\\/script"),
        # No "<" at all in the data, so nothing in it can end the element.
        payload=as_json(data).replace("<", "\\u003c"),
    )
    if path is not None:
        Path(path).write_text(made, encoding="utf-8")
    return made


def payload(trace: Trace, verdicts: Iterable[Any] = (), theme: str = "auto") -> dict[str, Any]:
    """Return what the player's ``mount`` takes, for a player without a kernel."""
    verdicts = list(verdicts)
    rows = measures(trace, verdicts)
    return {
        "runs": [columns(trace, verdicts, layout(trace.nodes))],
        "view": {
            "title": trace.name,
            "live": False,
            "theme": theme,
            "tokens": TOKENS,
            "icons": FAULT_ICONS,
            "outcome": [row | {"b": ""} for row in compare(rows, rows)],
        },
    }
