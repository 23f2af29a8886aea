"""``python -m benchmarks``: measure everything, print the table, write ``build/bench.json``."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.grading import classes
from benchmarks.growth import growth, plot
from benchmarks.judging import long, recorded
from benchmarks.pictures import pictures
from benchmarks.player import player
from benchmarks.searching import hunts, searches
from benchmarks.simulating import memory, simulators
from benchmarks.table import Row, printed, store

BUILD = Path(__file__).resolve().parents[1] / "build"
#: The parts by name: (quick, pairs, with peers) -> rows.
PARTS: dict[str, Callable[[bool, int, bool], list[Row]]] = {
    "simulators": simulators,
    "memory": lambda quick, pairs, peers: memory(quick),
    "recorded": lambda quick, pairs, peers: recorded(pairs, peers),
    "long": lambda quick, pairs, peers: long(1_000 if quick else 10_000, pairs, peers),
    "hunt": lambda quick, pairs, peers: hunts(5 if quick else 100, pairs),
    "exhaust": lambda quick, pairs, peers: searches(quick),
    "pictures": lambda quick, pairs, peers: pictures(quick),
    "player": lambda quick, pairs, peers: player(quick),
    "grading": lambda quick, pairs, peers: classes(10 if quick else 40, peers),
    "growth": lambda quick, pairs, peers: growth(quick, pairs),
}
#: Takes an hour: `make bench ARGS=grading`.
ON_REQUEST = ("grading",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts that were asked for. Returns 0 also when a goal was missed."""
    options = _parser().parse_args(arguments)
    pairs = options.pairs or (1 if options.quick else 3)
    rows: list[Row] = []
    for name in options.parts or [name for name in PARTS if name not in ON_REQUEST]:
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            rows += PARTS[name](options.quick, pairs, not options.ours_only)
        except Exception as error:  # what the other parts have measured must not be lost
            traceback.print_exc()
            rows.append(Row(name, "", None, note=f"failed: {type(error).__name__}: {error}"))
    print(printed(rows))
    store(rows, options.out)
    print(f"\n{_summary(rows)} The rows are in {options.out}.")
    if not options.parts or "growth" in options.parts:
        print(plot(rows, options.out.with_name("bench-growth.png")))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="little work: does it run at all?")
    parser.add_argument("--ours-only", action="store_true", help="leave out the peers")
    parser.add_argument("--pairs", type=int, help="how often each pair is measured (default: 3)")
    parser.add_argument("--out", type=Path, default=BUILD / "bench.json", help="where the rows go")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}")
    return parser


def _summary(rows: Sequence[Row]) -> str:
    reached, missed = (sum(row.ok is said for row in rows) for said in (True, False))
    absent = sum(row.ok is None and row.goal is not None for row in rows)
    return f"{reached} rows reach their goal, {missed} miss it, {absent} could not be measured."


if __name__ == "__main__":
    sys.exit(main())
