"""Feedback on one submission: a page with every mark, and each counterexample to play.

One file that needs no network and no other file, so that it can be mailed or put onto a learning
platform. What a submission wrote reaches it as text only.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from dsviz.draw.columns import as_json
from dsviz.draw.export import payload, player_script
from dsviz.draw.theme import TOKENS
from dsviz.grading.lab import Mark, Result

WIDGETS = Path(__file__).parent.parent / "widgets"
MOST_EVENTS = 4_000  # of a counterexample that is played; larger ones are told in words

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{css}
{style}
</style>
</head>
<body>
<main>
<p class="who">{who}</p>
<h1>{heading}</h1>
<p class="points"><strong>{points}</strong> of {most} points<meter value="{points}" max="{most}">\
</meter></p>
{notes}
<h2>What was checked</h2>
<ul class="marks">
{marks}
</ul>
{players}
<footer>{footer}</footer>
</main>
<script type="application/json" id="runs">{runs}</script>
<script type="module">
{script}
const runs = JSON.parse(document.getElementById("runs").textContent);
for (const [i, run] of runs.entries()) {{
  const box = document.getElementById("run-" + i);
  const show = () => {{
    if (box.open && !box.dataset.shown) {{
      box.dataset.shown = "yes";
      mount(box.querySelector(".play"), run);
    }}
  }};
  box.addEventListener("toggle", show);
  show();
}}
for (const link of document.querySelectorAll("a[href^='#run-']")) {{
  link.addEventListener("click", () => {{ document.querySelector(link.hash).open = true; }});
}}
</script>
</body>
</html>
"""

_STYLE = """
:root {{ {light} color-scheme: light dark; }}
@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}
body {{ margin: 0; background: var(--background); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }}
main {{ max-width: 1080px; margin: 0 auto; padding: 24px 20px 48px; }}
.who, footer {{ color: var(--soft); font-size: 14px; margin: 0; overflow-wrap: anywhere; }}
h1 {{ font-size: 26px; line-height: 1.25; margin: 2px 0 8px; }}
h2 {{ font-size: 19px; margin: 32px 0 10px; }}
.points {{ display: flex; align-items: center; gap: 8px; font-size: 18px; margin: 0 0 16px; }}
.points strong {{ font-size: 26px; }}
meter {{ width: 160px; height: 14px; margin-left: 8px; }}
.note {{ border-left: 4px solid var(--amber); padding: 4px 12px; margin: 8px 0;
  background: var(--panel); }}
.marks {{ list-style: none; margin: 0; padding: 0; border-top: 1px solid var(--line); }}
.marks li {{ display: grid; grid-template-columns: 28px minmax(160px, 260px) 52px 1fr;
  gap: 4px 12px; padding: 10px 0; border-bottom: 1px solid var(--line); }}
.marks .sign {{ font-weight: 700; text-align: center; }}
.marks .name {{ font-weight: 600; }}
.marks .got {{ font-variant-numeric: tabular-nums; white-space: nowrap; }}
.marks .why {{ overflow-wrap: anywhere; }}
.marks .why a {{ white-space: nowrap; }}
.yes .sign {{ color: var(--green); }}
.no .sign {{ color: var(--vermilion); }}
a {{ color: var(--blue); }}
details {{ border: 1px solid var(--line); border-radius: 8px; margin: 12px 0;
  background: var(--background); }}
summary {{ cursor: pointer; padding: 10px 14px; font-weight: 600; }}
details > p {{ margin: 0; padding: 0 14px 10px; }}
.play {{ padding: 0 8px 8px; }}
footer {{ margin-top: 40px; }}
@media (max-width: 640px) {{
  .marks li {{ grid-template-columns: 28px 1fr 52px; }}
  .marks .why {{ grid-column: 2 / -1; }}
}}
"""


def page(result: Result, title: str, student: str, file: str) -> str:
    """Return the page as HTML. `title` is the lab's; `student` and `file` say whose it is."""
    played = [mark for mark in result.marks if _plays(mark)]
    runs = [_run(mark) for mark in played]
    tokens = {name: "".join(f"--{k}: {v};" for k, v in TOKENS[name].items()) for name in TOKENS}
    return _PAGE.format(
        title=escape(f"{title} · {student}"),
        css=(WIDGETS / "player.css").read_text(encoding="utf-8"),
        style=_STYLE.format(**tokens),
        who=escape(f"{student} · {file}"),
        heading=escape(title),
        points=result.points,
        most=result.max,
        notes="\n".join(f'<p class="note">{escape(note)}.</p>' for note in result.notes),
        marks="\n".join(_row(mark, played) for mark in result.marks),
        players=_players(played),
        footer=escape(_footer(result)),
        # No "<" at all in the data, so nothing in it can end the element.
        runs=as_json(runs).replace("<", "\\u003c"),
        script=player_script().replace("</script", "<\\/script"),
    )


def _run(mark: Mark) -> dict[str, Any]:
    """Return what the player's ``mount`` takes; it opens where the run went wrong."""
    verdict = mark.verdict
    run = payload(mark.trace, [verdict] if verdict else [])
    if verdict is not None and verdict.at is not None:
        run["view"]["at"] = verdict.at
    return run


def _plays(mark: Mark) -> bool:
    return mark.trace is not None and len(mark.trace.rows) <= MOST_EVENTS


def _row(mark: Mark, played: Sequence[Mark]) -> str:
    kind, sign, said = ("yes", "✓", "passed") if mark.ok else ("no", "✗", "not passed")
    link = ""
    if mark in played:
        link = f' <a href="#run-{played.index(mark)}">Play it</a>'
    sentence = mark.sentence[:1].upper() + mark.sentence[1:]
    return (
        f'<li class="{kind}"><span class="sign" role="img" aria-label="{said}">{sign}</span>'
        f'<span class="name">{escape(mark.name)}</span>'
        f'<span class="got">{mark.points} / {mark.max}</span>'
        f'<span class="why">{escape(sentence)}{link}</span></li>'
    )


def _players(played: Sequence[Mark]) -> str:
    if not played:
        return ""
    parts = [
        "<h2>Your code, failing</h2>",
        "<p>Each of these is one execution of your own code, made as short as possible. "
        "It opens where it went wrong: step back and forth with the arrow keys.</p>",
    ]
    for i, mark in enumerate(played):
        case = mark.counterexample
        about = f"{mark.name}: {case.name} (seed {case.seed})" if case else mark.name
        parts.append(
            f'<details id="run-{i}"{" open" if i == 0 else ""}><summary>{escape(about)}</summary>'
            f'<div class="play"></div></details>'
        )
    return "\n".join(parts)


def _footer(result: Result) -> str:
    if not result.isolation:
        return "Nothing of it was run."
    return f"Each node ran in a process of its own; isolation: {result.isolation}."
