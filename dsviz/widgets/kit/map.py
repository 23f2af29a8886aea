"""The map of the twenty concepts: what builds on what, and how far the learner is."""

from __future__ import annotations

from html import escape
from typing import Any

import networkx as nx

from dsviz.content import Concept, concepts, lessons
from dsviz.errors import DsvizError
from dsviz.widgets.kit.base import Kit, script
from dsviz.widgets.kit.progress import progress

Place = tuple[int, float]  # (row from the top, column position from 0 to 1)


def graph(all_concepts: tuple[Concept, ...] | None = None) -> nx.DiGraph:
    """Return the concepts as a graph; an edge a → b means that b builds on a.

    The edge's ``hard`` is False where b is only helped by a. Raises DsvizError for a circle.
    """
    made = nx.DiGraph()
    found = concepts() if all_concepts is None else all_concepts
    made.add_nodes_from(one.number for one in found)
    for one in found:
        made.add_edges_from(((a, one.number) for a in one.after), hard=True)
        made.add_edges_from(((a, one.number) for a in one.helped_by), hard=False)
    unknown = set(made) - {one.number for one in found}
    if unknown or not nx.is_directed_acyclic_graph(made):
        raise DsvizError(f"the map has a circle, or names lessons it lacks: {sorted(unknown)}")
    return made


def hard_part(whole: nx.DiGraph) -> nx.DiGraph:
    """Return the graph of what is built on, without what is only helpful."""
    hard = [(a, b) for a, b, is_hard in whole.edges(data="hard") if is_hard]
    only = nx.DiGraph(hard)
    only.add_nodes_from(whole)
    return only


def places(whole: nx.DiGraph) -> dict[str, Place]:
    """Return a place for each concept: its row is the longest way to it, so edges lead down.

    Within a row `networkx.multipartite_layout` spreads them, in the order of what they build on.
    """
    only = hard_part(whole)
    rows = [sorted(row) for row in nx.topological_generations(only)]
    column: dict[str, float] = {}
    for row in rows:
        # Sorting by the mean of the columns above keeps the edges from crossing much.
        row.sort(key=lambda n: (_mean([column[a] for a in only.predecessors(n)], 0.5), n))
        column |= {n: (i + 0.5) / len(row) for i, n in enumerate(row)}
    layers = dict(enumerate(rows))
    spread = nx.multipartite_layout(only, subset_key=layers, align="horizontal")
    widest = max(abs(float(x)) for x, _ in spread.values())
    placed = {}
    for number, row in layers.items():
        # The layout centres each row; it fills a row in the order of its own, which ours replaces.
        columns = sorted(float(spread[n][0]) for n in row)
        placed |= {n: (number, 0.5 + x / widest / 2) for n, x in zip(row, columns, strict=True)}
    return placed


def _mean(values: list[float], empty: float) -> float:
    return sum(values) / len(values) if values else empty


class ConceptMap(Kit):
    """The map: choose a concept to see what it builds on, what it leads to, and your progress."""

    _esm = script("map")
    verbs = ("choose",)

    def __init__(self) -> None:
        self.graph = graph()
        self.places = places(self.graph)
        begun = [c.number for c in concepts() if self._share(c)]
        there = [c.number for c in concepts() if c.slug in lessons()]
        self.chosen = [*begun, *there, "01"][0]
        super().__init__()

    def _share(self, concept: Concept) -> float:
        done = progress(concept.slug)
        return done.share if done else 0.0

    def choose(self, number: str) -> None:
        """Show what is known about the concept of this number."""
        if number not in self.places:
            raise DsvizError(f"there is no concept {number!r}")
        self.chosen = number
        self.refresh()

    def state(self) -> dict[str, Any]:
        return {
            "concepts": [self._concept(one) for one in concepts()],
            "edges": [[a, b, hard] for a, b, hard in self.graph.edges(data="hard")],
            "rows": 1 + max(row for row, _ in self.places.values()),
            "chosen": self.chosen,
        }

    def _concept(self, one: Concept) -> dict[str, Any]:
        row, column = self.places[one.number]
        done = progress(one.slug)
        parts = (
            []
            if done is None
            else [
                ["predictions", *done.predictions],
                ["quiz", *done.quiz],
                ["interview", *done.interview],
            ]
        )
        return {
            "number": one.number,
            "slug": one.slug,
            "title": one.title,
            "line": one.line,
            "row": row,
            "column": column,
            "after": one.after,
            "threads": one.threads,
            "there": one.slug in lessons(),
            "share": self._share(one),
            "parts": parts,
        }

    def __repr__(self) -> str:
        lines = [
            f"{c.number} {c.title}: {c.line}" + (f"; after {', '.join(c.after)}" if c.after else "")
            for c in concepts()
        ]
        return "\n".join(["The twenty concepts:", *lines])

    def static(self) -> str:
        rows = "".join(
            f"<tr><td>{c.number}</td><td>{escape(c.title)}</td><td>{escape(c.line)}</td>"
            f"<td>{', '.join(c.after) or 'nothing'}</td></tr>"
            for c in concepts()
        )
        head = "<tr><th></th><th>concept</th><th>you will see</th><th>builds on</th></tr>"
        return f"<table>{head}{rows}</table>"
