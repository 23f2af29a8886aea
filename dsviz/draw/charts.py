"""Charts of a run or of many: each returns a `Picture` whose caption is made from the data.

>>> from dsviz import charts
>>> charts.history(trace, highlight=verdict)                 # what clients saw
>>> charts.lanes(trace, node_role="replica", shown="holds")  # what each replica held, and when
>>> charts.availability(trace)                               # answered, failed, unknown over time
>>> charts.cdf({"R=1": [0.4, 0.9], "R=2": [1.1, 1.7]})       # latencies in ms
>>> charts.heatmap({(1, 1): 0.5, (1, 2): 0.0})               # a number for each (R, W)
>>> charts.venn({"r1", "r2"}, {"r2", "r3"}, ["r1", "r2", "r3"])
>>> charts.law([1, 2, 3], {"law": [0.3, 0.6, 0.7]}, {"simulated": ([1, 2], [0.3, 0.6], lo, hi)})
>>> charts.shelves(trace, at=2_500)                          # who knows of which record of a log
>>> charts.buses(trace, 100, 150, sync_ms=5)                 # group commit: who took which sync
>>> charts.sectors(old, new, left)                           # what is left of a torn page
>>> charts.gantt({"p0": [(0, 40, "c1"), (50, 90, "c2")]}, 100)  # who owned what, and when
>>> charts.assignment({"a": ["p0", "p1"]}, {"a": ["p0"], "b": ["p1"]})  # who has what, what moved
>>> charts.series({"p0": [(0, 0), (40, 7), (90, 0)]}, y_label="lag")  # a number over time
>>> charts.logs({"s1": [(1, "x=1"), (2, "x=2")], "s2": [(1, "x=1")]}, {"s1": 1})
>>> charts.ring({0.1: "a", 0.45: "b", 0.8: "c"})             # consistent hashing
>>> charts.levels([[(4, 0), (4, 1)], [(30, 6)]])             # runs of an LSM tree
>>> charts.bars({"3 nodes": 0.9997, "4 nodes": 0.9994})

All take ``theme="light"`` or ``"dark"`` and raise `DsvizError` for data they cannot draw.
"""

from __future__ import annotations

from dsviz.draw.chart_availability import availability
from dsviz.draw.chart_curves import cdf, law
from dsviz.draw.chart_disk import buses, sectors, shelves
from dsviz.draw.chart_history import history
from dsviz.draw.chart_lanes import lanes
from dsviz.draw.chart_logs import logs
from dsviz.draw.chart_matrix import assignment
from dsviz.draw.chart_places import levels, ring
from dsviz.draw.chart_series import series
from dsviz.draw.chart_sets import venn
from dsviz.draw.chart_spans import gantt
from dsviz.draw.chart_tables import bars, heatmap

__all__ = [
    "assignment", "availability", "bars", "buses", "cdf", "gantt", "heatmap", "history", "lanes",
    "law", "levels", "logs", "ring", "sectors", "series", "shelves", "venn",
]  # fmt: skip
