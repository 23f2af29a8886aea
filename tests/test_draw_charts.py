"""Charts: captions made from the data, honest axes, nothing clipped or written over."""

import random

import pytest

from dsviz import laws
from dsviz.check.explore import wilson
from dsviz.draw import charts
from dsviz.draw.plot import Scale, log_ticks, percent, share, ticks
from dsviz.draw.theme import TOKENS, contrast
from dsviz.errors import DsvizError
from dsviz.history import History
from dsviz.sim.faults import Crash, Restart
from dsviz.sim.latency import WARS
from dsviz.systems import quorum, write_ahead_log_runs
from dsviz.trace import Trace
from pictures import check, words

THEMES = pytest.mark.parametrize("theme", list(TOKENS))
CELLS = {(r, w): laws.miss_probability(3, r, w) for r in (1, 2, 3) for w in (1, 2, 3)}


@pytest.fixture(scope="module")
def run():
    return quorum.inversion().run(seed=0)


@pytest.fixture(scope="module")
def strict():
    return quorum.sloppy_quorum(sloppy=False).run(seed=0)


@pytest.fixture(scope="module")
def latencies():
    rate = random.Random(7).expovariate
    return {f"W={w}": [w + rate(1 / w) for _ in range(2000)] for w in (1, 2, 3)}


# Runs -----------------------------------------------------------------------------------------


@THEMES
def test_history(run, theme):
    picture = charts.history(run, highlight=[3, 4], theme=theme)
    check(picture, 30_000)
    assert {"read → v2", "read → v1", "write v1", "write v2 ?", "?"} <= set(words(picture))
    assert picture.caption == (
        "4 operations of 3 clients: 3 answered and 1 with unknown outcome (?). "
        "Marked: A read → v2 and B read → v1."
    )


def test_a_history_without_times_has_an_axis_of_events(run):
    history = run.history()
    timeless = History.from_jsonl(
        "".join(
            line.replace('"time"', '"when"')
            for line in history.to_jsonl().splitlines(keepends=True)
        )
    )
    picture = charts.history(timeless)
    check(picture)
    assert any(word.startswith("order of events") for word in words(picture))


def test_a_crowded_history_leaves_labels_out_instead_of_piling_them_up(strict):
    check(charts.history(strict))


@THEMES
def test_lanes(run, theme):
    picture = charts.lanes(run, theme=theme)
    check(picture, 30_000)
    assert picture.caption == "holds[x] took 2 values; at 500 ms r1 shows v2, r2 and r3 show v1."
    assert words(picture).count("v1") == 3


def test_lanes_of_a_crashed_node_and_of_many_values(strict):
    down = quorum.inversion().run(
        0, [Crash("r2", at=50), Restart("r2", at=150), Crash("r3", at=60)]
    )
    picture = charts.lanes(down)
    check(picture)
    assert picture.caption.endswith("r3 is down.")
    check(charts.lanes(strict))
    check(charts.lanes(run_of_clients(), node_role="client", shown="doing"))


def run_of_clients():
    return quorum.inversion().run(seed=0)


@THEMES
def test_availability(strict, theme):
    picture = charts.availability(strict, theme=theme)
    check(picture, 30_000)
    history = strict.history()
    ok = sum(op.status == "ok" for op in history)
    assert picture.caption.startswith(f"{ok} of {len(history)} operations answered (")
    assert "A target of 99.9 % allows" in picture.caption


def test_a_network_partition_is_named_by_its_groups_as_far_as_there_is_room(strict):
    names = [text for text in words(charts.availability(strict)) if "partition" in text]
    assert names == ["partition", "network partition k2, r1, r2 | h1, h2 + 2"]


def test_availability_without_a_failure(run):
    calm = quorum.inversion().run(0, ())
    assert charts.availability(calm).caption == (
        "4 of 4 operations answered (100 %). A target of 99.9 % allows 0.004 of them to fail: "
        "none of that budget was used."
    )
    check(charts.availability(run))


# Numbers --------------------------------------------------------------------------------------


@THEMES
@pytest.mark.parametrize("nines", [False, True])
def test_cdf(latencies, theme, nines):
    picture = charts.cdf(latencies, nines=nines, theme=theme)
    check(picture, 40_000)
    assert set(latencies) <= set(words(picture)), "each curve has its name beside it"
    assert picture.caption.startswith("W=1: 50 % within 1.")
    assert "(n = 2,000)" in picture.caption


def test_cdf_of_few_of_zeros_and_on_a_linear_axis():
    check(charts.cdf({"one": [3.0], "zero": [0.0, 0.0, 1.0]}))
    check(charts.cdf({"alike": [2.0, 2.0], "again": [2.0, 2.0]}, log=False))
    assert (
        str(charts.cdf({"few": [4.0, 2.0]}))
        == "few: 50 % within 2.00 ms and 99 % within 4.00 ms (n = 2)."
    )


def test_cdf_of_the_production_latencies():
    samples = {
        f"R={r}": laws.wars(WARS["lnkd-disk"], 3, r, 1, trials=1000).reads for r in (1, 2, 3)
    }
    check(charts.cdf(samples))


@THEMES
@pytest.mark.parametrize("size", [3, 5, 7])
def test_heatmap(theme, size):
    sides = range(1, size + 1)
    values = {(r, w): laws.miss_probability(size, r, w) for r in sides for w in sides}
    picture = charts.heatmap(values, theme=theme)
    check(picture)
    assert f"R + W = N + 1 = {size + 1}: from here on the sets must intersect" in words(picture)


def test_heatmap_caption_and_cells():
    picture = charts.heatmap(CELLS)
    assert picture.caption == (
        "P(stale read): highest 66.7 % at R = 1, W = 1; 0 % wherever R + W > N = 3."
    )
    assert words(picture).count("33.3 %") == 2
    plain = charts.heatmap({("a", "x"): 1.0, ("b", "x"): 3.0}, labels=("row", "col"), fmt="{:.0f}")
    check(plain)
    assert plain.caption == (
        "P(stale read): highest 3 at row = b, col = x, lowest 1 at row = a, col = x."
    )


@THEMES
def test_numbers_in_cells_can_be_read(theme):
    from dsviz.draw.figure import Sheet

    sheet = Sheet(10, 10, theme=theme)
    for step in range(21):
        fill = sheet.mix("fill_node", "blue", step / 20 * 0.92)
        best = max(contrast(sheet.colour(ink), fill) for ink in ("ink", "background"))
        assert best >= 3.0, (step, fill, best)  # bold, 13 px and more: large text


@THEMES
def test_law(theme):
    x = list(range(1, 11))
    theory = {f"W = {w}": [laws.within_k_versions(3, 1, w, k) for k in x] for w in (1, 2)}
    simulated = {}
    for name, ys in theory.items():
        intervals = [wilson(round(400 * y), 400) for y in ys[:6]]
        shares = [round(400 * y) / 400 for y in ys[:6]]
        simulated[name] = (x[:6], shares, *map(list, zip(*intervals, strict=True)))
    picture = charts.law(x, theory, simulated, x_label="k", y_label="P(fresh)", theme=theme)
    check(picture)
    assert {"W = 1", "W = 2", "law", "simulated, 95 % interval"} <= set(words(picture))
    assert picture.caption == (
        "W = 1: 33.33 % at 1 to 98.27 % at 10; W = 2: 66.67 % at 1 to 100 % at 10; "
        "12 of 12 simulated intervals hold the law; the largest difference is 0.1 percentage "
        "points."
    )


def test_law_counts_in_whole_members():
    members = list(range(1, 15))
    law = {"law": [laws.useful_parallelism(12, n) for n in members]}
    shown = words(charts.law(members, law, x_label="members", shares=False))
    assert set(map(str, members)) <= set(shown)
    assert "2.5" not in shown


def test_law_with_curves_that_end_together_and_with_points_alone():
    same = {f"curve number {i}": [0.1, 0.5, 0.9 + i / 1000] for i in range(5)}
    check(charts.law([1, 2, 3], same))
    alone = charts.law(
        [1, 10, 100], {}, {"s": ([1, 10], [3, 4], [2, 3], [4, 5])}, shares=False, log=True
    )
    check(alone)
    assert alone.caption == "2 simulated points."


def test_law_names_points_that_have_no_curve():
    points = {"other": ([1, 2], [0.2, 0.3], [0.1, 0.2], [0.3, 0.4])}
    picture = charts.law([1, 2, 3], {"known": [0.5, 0.6, 0.7]}, points, shares=False)
    check(picture)
    assert {"known", "other"} <= set(words(picture))
    assert picture.caption.startswith(
        "known: 0.5 at 1 to 0.7 at 3; other, simulated: 0.2 at 1 to 0.3"
    )


@THEMES
def test_bars(theme):
    values = {f"N = {n}": 100 * (1 - laws.majority_availability(n, 0.99)) for n in range(1, 8)}
    picture = charts.bars(values, unit="%", title="Unavailable", highlight=["N = 4"], theme=theme)
    check(picture, 30_000)
    assert "N = 4: 0.0592 %" in picture.caption
    based = charts.bars({"a": 10, "b": 11}, base=9)
    check(based)
    assert "the axis begins at 9, not at 0" in words(based)
    check(charts.bars({"nothing": 0.0, "a name that is much too long for its place": 0.0}))


# Sets -----------------------------------------------------------------------------------------


@THEMES
@pytest.mark.parametrize(
    ("write", "read", "count"),
    [
        ("12", "23", 3),
        ("1", "23", 4),
        ("1234", "2347", 7),
        ("123", "123", 3),
        ("", "", 2),
        ("12", "", 3),
    ],
)
def test_venn(write, read, count, theme):
    nodes = [f"r{i}" for i in range(1, count + 1)]
    picture = charts.venn({f"r{i}" for i in write}, {f"r{i}" for i in read}, nodes, theme=theme)
    check(picture, 30_000)
    assert set(nodes) <= set(words(picture))


def test_venn_captions():
    nodes = ["r1", "r2", "r3"]
    assert str(charts.venn({"r1", "r2"}, {"r2", "r3"}, nodes)) == (
        "Last write {r1, r2}, read {r2, r3}: r2 is in both, so the two meet."
    )
    picture = charts.venn({"r1"}, {"r3"}, nodes, names=("write of v2", "B's read"))
    assert str(picture) == (
        "Write of v2 {r1}, B's read {r3}: no node is in both, so the two miss each other."
    )
    assert "no node in common" in words(picture)


# Bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: charts.history(History([])), "the history is empty"),
        (lambda: charts.availability(Trace("t", 0, 10, {"a": "node"})), "has no operations"),
        (lambda: charts.availability(run_of_clients(), target=1), "between 0 and 1"),
        (lambda: charts.lanes(run_of_clients(), node_role="leader"), "the roles are client"),
        (lambda: charts.lanes(run_of_clients(), shown="log"), "they show holds"),
        (lambda: charts.cdf({}), "samples is empty"),
        (lambda: charts.cdf({"a": []}), r"samples\['a'\] is empty"),
        (lambda: charts.cdf({"a": [0.0]}), "use log=False"),
        (lambda: charts.heatmap({}), "values is empty"),
        (lambda: charts.heatmap(CELLS, rows=[9]), "is empty"),
        (lambda: charts.venn({"r9"}, set(), ["r1"]), "write_set: there is no node r9"),
        (lambda: charts.venn(set(), set(), []), "all_nodes is empty"),
        (lambda: charts.law([1, 2], {"a": [1.0]}), "has 1 values for 2 of x"),
        (lambda: charts.law([1], {}), "both empty"),
        (lambda: charts.law([1], {}, {"a": ([1], [1])}), "must be"),
        (lambda: charts.bars({}), "values is empty"),
        (lambda: charts.bars({"a": 1}, theme="pink"), "the themes are dark and light"),
    ],
)
def test_bad_input(draw, message):
    with pytest.raises(DsvizError, match=message):
        draw()


# Axes -----------------------------------------------------------------------------------------


def test_ticks_are_round_and_inside():
    assert ticks(0, 500, 6) == [0, 100, 200, 300, 400, 500]
    assert ticks(0.31, 0.94, 5) == [0.4, 0.6, 0.8]
    assert log_ticks(0.05, 20) == [0.1, 1, 10]
    assert log_ticks(0.4, 6) == [0.5, 1, 2, 5]


def test_scales_map_ends_to_ends_and_keep_what_is_outside_at_the_edge():
    linear, log = Scale(0, 10, 100, 200), Scale(1, 100, 0, 100, log=True)
    assert (linear(0), linear(5), linear(10), linear(99)) == (100, 150, 200, 200)
    assert log(10) == pytest.approx(50)
    assert log(0) == 0


def test_percentages():
    assert (percent(0.9999), percent(0.5), share(0.0), share(1.0), share(1 / 3)) == (
        "99.99 %", "50 %", "0 %", "100 %", "33.3 %",
    )  # fmt: skip


# A log and its disk -----------------------------------------------------------------------------


@THEMES
def test_shelves_show_what_only_the_page_cache_knows(theme):
    run = write_ahead_log_runs.stopped("interval", rate=20, at=2_500).run(0)
    picture = charts.shelves(run, at=2_499, theme=theme)
    check(picture, 30_000)
    assert picture.caption == (
        "At 2,499 ms record 50 is the newest, and the log is durable up to 40: 10 records are in "
        "the page cache only, and clients were told of 10."
    )
    assert words(picture).count("50") == 2  # told the client, page cache
    assert words(picture).count("40") == 2  # told the client, on the disk


def test_shelves_of_a_log_that_is_all_durable(run):
    group = write_ahead_log_runs.stopped("group", rate=20, at=2_500).run(0)
    assert charts.shelves(group, at=2_480).caption.endswith("durable up to 50: all of it.")
    waits = charts.shelves(group, at=2_452).caption
    assert waits.endswith("1 record is in the page cache only, and no client was told of it.")
    with pytest.raises(DsvizError, match="outside the run"):
        charts.shelves(group, at=9_999)
    with pytest.raises(DsvizError, match="shows no lsn"):
        charts.shelves(run, at=10)


@THEMES
def test_buses_take_who_waits(theme):
    run = write_ahead_log_runs.group_commit_run(1000, count=300).run(0)
    picture = charts.buses(run, 100, 150, sync_ms=5, theme=theme)
    check(picture, 40_000)
    assert "took 10 syncs of 5 ms" in picture.caption
    counts = [int(word) for word in words(picture) if word.isdigit() and int(word) < 100]
    assert sum(counts) == pytest.approx(50, abs=12)  # a record each ms
    with pytest.raises(DsvizError, match="no sync of db ends"):
        charts.buses(run, 1, 2, sync_ms=5)


@THEMES
def test_sectors_of_a_torn_page(theme):
    picture = charts.sectors(*write_ahead_log_runs.torn_sectors(), theme=theme)
    check(picture, 20_000)
    assert picture.caption == "Of 16 sectors of the page: 1 old, 1 new, 14 the same in both."
    empty = charts.sectors(b"", b"x" * 1024, b"x" * 512 + b"\0" * 512, what="record")
    assert empty.caption == "Of 2 sectors of the record: 1 new, 1 never written."
    with pytest.raises(DsvizError, match="nothing was being written"):
        charts.sectors(b"a", b"", b"")


# Owners, logs, places ---------------------------------------------------------------------------

OWNERS = {
    "p0": [(0, 13_000, "c1"), (14_000, 30_000, "c1")],
    "p1": [(0, 22_000, "c2"), (20_000, 30_000, "c10")],
}


@THEMES
def test_gantt_hatches_nobody_and_frames_two_at_once(theme):
    picture = charts.gantt(OWNERS, 30_000, title="Consumers", theme=theme)
    check(picture, 30_000)
    assert picture.caption == (
        "2 rows, owned by c1, c2 and c10: nobody for 1,000 ms in all, two at once for 2,000 ms."
    )
    assert words(picture).count("c1") == 2


def test_gantt_of_one_owner_and_of_nonsense():
    said = charts.gantt({"lease": [(0, 10, "a")]}, 10).caption
    assert said == "1 row, owned by a: always by somebody, never two at once."
    with pytest.raises(DsvizError, match="rows is empty"):
        charts.gantt({}, 10)
    with pytest.raises(DsvizError, match="a ends at 1, before 5"):
        charts.gantt({"lease": [(5, 1, "a")]}, 10)


@THEMES
def test_logs_show_where_they_differ(theme):
    entries = {"s1": [(1, "x=1"), (2, "x=9"), (4, "z")], "s2": [(1, "x=1"), (3, "q=7")], "s3": []}
    picture = charts.logs(entries, {"s1": 1, "s2": 1}, theme=theme)
    check(picture, 30_000)
    assert picture.caption == (
        "Entries: s1 3, s2 2, s3 0; committed: s1 1, s2 1. They differ at 1 place, first at 2."
    )
    assert {"x=9", "q=7", "4"} <= set(words(picture))


def test_long_logs_show_their_ends():
    log = [(1, f"e{i}") for i in range(40)]
    picture = charts.logs({"a": log, "b": log[:30]})
    check(picture, 30_000)
    assert picture.caption == "Entries: a 40, b 30. Each is a prefix of the longest."
    assert "e39" in words(picture)
    assert "e0" not in words(picture)
    with pytest.raises(DsvizError, match="entries is empty"):
        charts.logs({})


@THEMES
def test_ring_says_who_owns_what(theme):
    tokens = {0.1: "a", 0.3: "b", 0.45: "c", 0.7: "a", 0.93: "b"}
    picture = charts.ring(tokens, moved=[(0.45, 0.55)], theme=theme)
    check(picture, 30_000)
    assert picture.caption == (
        "3 nodes and 5 tokens: b owns most, 43.0%, c least, 15.0%; 10.0% of the ring has changed "
        "hands."
    )
    assert charts.ring({0.5: "a"}).caption.startswith("1 node and 1 token: a owns most, 100.0%")
    with pytest.raises(DsvizError, match="not a place from 0 to 1"):
        charts.ring({1.5: "a"})
    with pytest.raises(DsvizError, match="tokens is empty"):
        charts.ring({})


@THEMES
def test_levels_say_how_much_is_dead(theme):
    picture = charts.levels([[(4, 0), (4, 1)], [(30, 6)], [(200, 60)]], theme=theme)
    check(picture, 30_000)
    assert picture.caption == (
        "3 levels with 4 runs: 238 MB live and 67 MB dead, 1.28 times the live data."
    )
    for wrong, said in (([], "runs is empty"), ([[(1, -1)]], "an amount is negative")):
        with pytest.raises(DsvizError, match=said):
            charts.levels(wrong)


# Owners, matrices, series ------------------------------------------------------------------------


@THEMES
def test_gantt_with_epochs_and_marks(theme):
    rows = {"p0": [(0, 40, "c1"), (30, 90, "c2")], "p1": [(10, 100, "c1")]}
    ribbon = ("generation", [(0, 30, "1"), (30, 100, "2")])
    marks = {12.0: "c1 pauses", 13.0: "c1 wakes"}
    picture = charts.gantt(rows, 100, ribbon=ribbon, marks=marks, theme=theme)
    check(picture)
    assert {"generation", "1", "2", "c1 pauses", "c1 wakes"} <= set(words(picture))
    assert picture.caption == (
        "2 rows, owned by c1 and c2: nobody for 20 ms in all, two at once for 10 ms."
    )


@THEMES
def test_assignment_sets_off_what_moved(theme):
    before = {"a": ["p-0", "p-1"], "b": ["p-2"]}
    after = {"a": ["p-0"], "b": ["p-2"], "c": ["p-1"]}
    picture = charts.assignment(before, after, theme=theme)
    check(picture)
    assert picture.caption == "a, b and c have 1 / 1 / 1; 1 partition moved when c came."
    assert charts.assignment({}, after).caption == "a, b and c have 1 / 1 / 1."
    assert "nothing moved" in charts.assignment(after, after).caption
    with pytest.raises(DsvizError, match="a and b both have p-0"):
        charts.assignment({}, {"a": ["p-0"], "b": ["p-0"]})
    wide = {f"m{i}": [f"p-{j}" for j in range(i, 60, 11)] for i in range(11)}
    check(charts.assignment({}, wide, theme=theme))


@THEMES
def test_series_of_lags(theme):
    lines = {"p0": [(0, 0), (40, 7), (90, 0)], "p1": [(0, 0), (90, 0)]}
    marks = {40.0: "evicted", 41.0: "and back again"}
    picture = charts.series(lines, marks=marks, y_label="records that wait", theme=theme)
    check(picture)
    assert picture.caption == (
        "records that wait: p0: at most 7 at 40 ms; p1: at most 0 at 0 ms; "
        "evicted at 40 ms and and back again at 41 ms."
    )
    with pytest.raises(DsvizError, match="is empty"):
        charts.series({"p0": []})


def test_a_moment_without_room_for_its_name_is_a_line_in_both_charts():
    names = ("c2 wakes up again", "c3 is told of it", "and c4, too late")
    marks = dict(zip((970.0, 980.0, 990.0), names, strict=True))
    for picture in (
        charts.gantt({"p0": [(0, 1000, "c1")]}, 1000, marks=marks),
        charts.series({"p0": [(0, 1), (1000, 2)]}, marks=marks),
    ):
        check(picture)
        assert [name for name in names if name in words(picture)] == ["c2 wakes up again"]
