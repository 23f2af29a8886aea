"""Reading recorded histories: the corpus with its verdicts, every format, every broken file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from random import Random

import pytest
from histories_support import KINDS, Dice, legal

from dsviz.check import edn
from dsviz.check.linearizability import judged, linearizable
from dsviz.check.recorded import read_history
from dsviz.check.wgl import wgl
from dsviz.errors import DsvizError
from dsviz.history import History
from dsviz.trace import Trace

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "histories"
needs_corpus = pytest.mark.skipif(
    not (CORPUS / "verdicts.tsv").is_file(),
    reason=f"the recorded histories are not here: {CORPUS} (they may not be copied into the "
    "repository)",
)

ETCD = """\
INFO  jepsen.util - 0\t:invoke\t:write\t3
INFO  jepsen.util - 1\t:invoke\t:cas\t[3 4]
INFO  jepsen.util - 0\t:ok\t:write\t3
INFO  jepsen.util - 1\t:fail\t:cas\t[3 4]
INFO  jepsen.util - 2   :invoke :read   nil
INFO  jepsen.util - 2   :ok     :read   3
INFO  jepsen.util - 0\t:invoke\t:cas\t[3 1]
INFO  jepsen.util - 0\t:info\t:cas\t:timed-out
INFO  jepsen.util - 1\t:invoke\t:read\tnil
INFO  jepsen.util - 1\t:fail\t:read\t:timed-out
INFO  jepsen.util - 2\t:invoke\t:write\t5
"""
EDN = """\
{:process 0, :type :invoke, :f :append, :key "x", :value "a", :time 1500000}
{:process 1, :type :invoke, :f :get, :key "x", :value nil}
{:process 0, :type :ok, :f :append, :key "x", :value "a", :time 4000000}
{:process 1, :type :ok, :f :get, :key "x", :value ""}
{:process 1, :type :invoke, :f :put, :key "y", :value "q \\"b\\" "}
{:process 1, :type :info, :f :put, :key "y", :value "q \\"b\\" "}
"""


def written(path: Path, content: str | bytes) -> Path:
    data = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(data)
    return path


# ---- the corpus


def corpus() -> list[tuple[str, str]]:
    table = CORPUS / "verdicts.tsv"
    if not table.is_file():
        return []
    rows = [line.split("\t") for line in table.read_text().splitlines()[1:] if line.strip()]
    return [(name, "ok" if verdict == "linearizable" else "violated") for name, verdict in rows]


@needs_corpus
def test_every_recorded_verdict_is_right_and_explained():
    wrong, seconds = [], {}
    assert len(corpus()) > 50
    for name, expected in corpus():
        history, model = read_history(CORPUS / name)
        begin = time.process_time()
        verdict = linearizable(history, model)
        seconds[name] = time.process_time() - begin
        found = judged(history, model)
        if not verdict.status == found.status == expected:
            wrong.append((name, expected, verdict.status, found.status))
        elif expected == "violated":
            assert verdict.operations
            assert len(found.window.operations) <= 6
    assert not wrong
    etcd = [s for name, s in seconds.items() if name.startswith("etcd")]
    # 0.05 s and 0.005 s on a quiet machine
    assert sum(etcd) < 0.5
    assert max(etcd) < 0.05


@needs_corpus
def test_the_second_opinion_agrees_on_the_corpus():
    for name, expected in corpus():
        history, model = read_history(CORPUS / name)
        assert wgl(history, model, 300_000) in (expected, "undecided"), name


@needs_corpus
def test_our_own_formats_keep_the_verdicts(tmp_path: Path):
    for name, expected in corpus()[::9] + corpus()[-4:]:
        history, _ = read_history(CORPUS / name)
        again, model = read_history(written(tmp_path / "h.jsonl", history.to_jsonl()))
        assert len(again) == len(history)
        assert linearizable(again, model).status == expected, name


# ---- the formats


def test_a_jepsen_log(tmp_path: Path):
    history, model = read_history(written(tmp_path / "a.log", ETCD))
    assert model.name == "cas_register"
    assert [str(op) for op in history] == [
        "0 write 3",
        "1 cas (3, 4) failed",
        "2 read → 3",
        "0 cas (3, 1) (outcome unknown)",
        "1 read failed",
        "2 write 5 (outcome unknown)",
    ]
    assert linearizable(history, model).status == "ok"


def test_windows_line_ends_a_byte_order_mark_and_the_nemesis_do_not_matter(tmp_path: Path):
    lines = "INFO  jepsen.util - :nemesis\t:info\t:start\tnil\n" + ETCD + "\n\n"
    history, _ = read_history(
        written(tmp_path / "a.log", b"\xef\xbb\xbf" + lines.replace("\n", "\r\n").encode())
    )
    assert len(history) == 6


def test_a_key_value_log(tmp_path: Path):
    history, model = read_history(written(tmp_path / "kv.txt", EDN))
    assert (model.name, model.init) == ("key_value", "")
    assert [(op.key, op.f, op.status) for op in history] == [
        ("x", "append", "ok"), ("x", "get", "ok"), ("y", "put", "info"),
    ]  # fmt: skip
    assert (history[0].call_ms, history[0].return_ms) == (1.5, 4.0)
    assert history[2].value == 'q "b" '
    assert linearizable(history, model).status == "ok"


def test_a_log_in_edn_of_reads_and_writes_is_a_register(tmp_path: Path):
    text = (
        "{:process 0, :type :invoke, :f :cas, :value [1 2]}\n"
        "{:process 0, :type :fail, :f :cas, :value [1 2], :error :timed-out}\n"
        "{:process :nemesis, :type :info, :f :start, :value nil}\n"
    )
    history, model = read_history(written(tmp_path / "r.edn", text))
    assert model.name == "cas_register"
    assert [op.result for op in history] == ["timed-out"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_json_lines(kind, tmp_path: Path):
    for seed in range(20):
        history = History(legal(Dice(seed), kind, 8, ("x", "y")))
        again, model = read_history(written(tmp_path / "h.jsonl", history.to_jsonl()))
        assert len(again) == len(history)
        assert again.to_jsonl() == history.to_jsonl()
        assert linearizable(again, model).status == "ok"


def test_the_word_dsviz_in_a_value_makes_no_trace(tmp_path: Path):
    history, _ = read_history(written(tmp_path / "h", READ.replace('"x"', '"dsviz"')))
    assert history[0].key == "dsviz"


def test_a_whole_trace(tmp_path: Path):
    call = {"op": 0, "f": "read", "key": "x", "value": None, "to": "r"}
    rows = [
        (0.0, 0, "start", "r", None, 1, None, -1),
        (1.0, 1, "invoke", "A", None, call, None, -1),
        (2.0, 2, "ok", "A", None, {"op": 0, "result": 7}, None, 1),
    ]
    trace = Trace("one read", 1, 3.0, {"A": "client", "r": "replica"}, (), rows)
    history, model = read_history(written(tmp_path / "t.jsonl", trace.to_jsonl()))
    assert [str(op) for op in history] == ["A read x → 7"]
    assert (history[0].call_ms, history[0].return_ms) == (1.0, 2.0)
    assert linearizable(history, model).status == "violated"
    empty = Trace("nothing", 1, 3.0, {}, (), [])
    assert len(read_history(written(tmp_path / "e.jsonl", empty.to_jsonl()))[0]) == 0


@pytest.mark.parametrize("content", ["", "\n", " \n\t\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_an_empty_history(content, tmp_path: Path):
    history, model = read_history(written(tmp_path / "empty.log", content))
    assert len(history) == 0
    assert linearizable(history, model).status == "ok"


def test_edn():
    assert edn.parse('{:a [1 -2 "x\\ty"], :b nil, :c true :d 1.5}') == {
        "a": (1, -2, "x\ty"), "b": None, "c": True, "d": 1.5,
    }  # fmt: skip
    for text in ("", "[1", "]", "{:a}", '"x', "1 2", "{{} 1}", "[" * 200, "9" * 500, "#inst"):
        with pytest.raises(ValueError, match=r"\w"):
            edn.parse(text)


# ---- broken files

HEAD = json.dumps({"dsviz": 1, "name": "t", "seed": 1, "duration": 9, "nodes": {}, "faults": []})
READ = '{"type": "invoke", "op": 0, "process": "A", "f": "read", "key": "x", "value": null}\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        # Jepsen logs
        (ETCD + "INFO  jepsen.ut", "line 12 is not a whole event of a Jepsen log"),
        (ETCD + "INFO  jepsen.util - 3\t:invoke\t:rea\tnil", "line 12: unknown operation 'rea'"),
        (ETCD + "INFO  jepsen.util - 3\t:invoke\t:read", "line 12 is not a whole event"),
        (ETCD + "INFO  jepsen.util - 3\t:invoke\t:cas\t[1 ", r"line 12 cannot be read: \[ is not"),
        (ETCD + "INFO  jepsen.util - 3\t:invoke\t:cas\t7", r"line 12: a cas needs the value \[exp"),
        (ETCD + "INFO  jepsen.util - 3\t:start\t:cas\t[1 2]", "line 12: 'start' is none of fail"),
        (ETCD + "INFO  jepsen.util - 3\t:ok\t:read\t1", "line 12: process 3 returns from an oper"),
        (ETCD + "INFO  jepsen.util - 2\t:invoke\t:read\tnil", "but the one of line 11 has not ret"),
        (ETCD + "INFO  jepsen.util - 2\t:ok\t:read\t1", "at line 11 it began write"),
        (ETCD + "INFO  jepsen.util - 2\t:ok\t:write\t6", "with 6, but at line 11 it began with 5"),
        (ETCD + "some other line", "line 12 is not a whole event"),
        # key-value logs
        (EDN + "{:process 0, :type :inv", "line 7 cannot be read"),
        (EDN + '{:process 0, :type :invoke, :f :get, :key "x', "line 7 cannot be read: a text is"),
        (EDN + "{:process 0, :type :invoke}", "line 7 is not a whole event"),
        (EDN + "{:process 0, :type :invoke, :f :pop}", "line 7: unknown operation 'pop'"),
        (EDN + '{:process 0, :type :ok, :f :get, :key "x"}', "line 7 has no :value"),
        (EDN + "{:process 0, :type :invoke, :f :get, :time :now}", "line 7: :time must be"),
        (EDN + "[1 2]", "line 7 is not a whole event"),
        # our own
        (READ + '{"type": "ok", "op"', "line 2 is not complete JSON"),
        (READ + '{"type": "ok"}', "line 2 is not an event of a history"),
        (READ + "[]", "line 2 is not an event of a history"),
        (READ + READ, "line 2: operation 0 is invoked twice"),
        (READ + '{"type": "done", "op": 0, "process": "A"}', 'line 2: "type" must be one of'),
        (READ + '{"type": "ok", "op": 5, "process": "A"}', "line 2: operation 5 returns without"),
        (READ.replace("read", "pop"), "line 1: unknown operation 'pop'"),
        (READ.replace('"read"', "[1]"), "line 1: unknown operation"),
        (READ.replace("read", "cas"), "line 1: a cas needs the value"),
        (READ.replace('"op": 0', '"op": [0]'), 'line 1: "op" must be a number'),
        (READ.replace("null}", 'null, "time": "now"}'), "line 1: the time must be a number"),
        (READ + "[" * 100_000, "line 2 is not complete JSON"),
        # traces
        (HEAD.replace('"dsviz": 1', '"dsviz": 2'), "a trace of version 2"),
        (HEAD + "\n[1.0, 0, ", "line 2 is not part of a trace"),
        (HEAD + '\n[1.0, 0, "ok", "A", null, {"op": 3, "result": 1}, null, -1]', "operation 3 ret"),
        (HEAD + '\n[1.0, 0, "ok", "A", null, null, null, -1]', "line 2: the operation has no num"),
        (HEAD + '\n[1, 0, "invoke", "A", null, {"op": 0, "f": "pop"}, null, -1]', "unknown operat"),
        (HEAD.replace('"faults": []', '"faults": 5'), "line 1 is not part of a trace"),
        # no history at all
        ("hello\n", "line 1 begins with 'hello', which no known history does"),
        ("[1, 2]", "which no known history does"),
        (b"INFO  jepsen\nabc \xff\xfe", "line 2 is not text in UTF-8"),
        (b"\x00\x01\x02", "line 1 is not text in UTF-8"),
        ("INFO\n\n\0", "line 3 is not text in UTF-8"),
    ],
)
def test_a_broken_file_is_told_in_one_sentence(content, message: str, tmp_path: Path):
    path = written(tmp_path / "broken.log", content)
    with pytest.raises(DsvizError, match=message) as caught:
        read_history(path)
    text = str(caught.value)
    assert text.startswith(f"{path}")
    assert text.isprintable()
    assert len(text) < 400 + len(str(path))


def test_what_is_no_file(tmp_path: Path):
    with pytest.raises(DsvizError, match="does not exist; check the path"):
        read_history(tmp_path / "nope.log")
    with pytest.raises(DsvizError, match="is a directory; name the files in it"):
        read_history(tmp_path)
    with pytest.raises(DsvizError, match="is not a regular file"):
        read_history("/dev/zero")
    with pytest.raises(DsvizError, match="cannot be read"):
        read_history("a\0b")
    with pytest.raises(DsvizError, match=r"'a\\nb' does not exist"):
        read_history("a\nb")


def test_a_file_that_is_too_large(tmp_path: Path):
    path = tmp_path / "large.log"
    with path.open("wb") as file:
        file.truncate(65 * 1024 * 1024)  # sparse: takes no room
    with pytest.raises(DsvizError, match="has 68 MB, more than 67 MB that can be judged; split"):
        read_history(path)


def test_damaged_files_never_raise_anything_else(tmp_path: Path):
    jsonl = History(legal(Dice(1), KINDS[1], 8)).to_jsonl()
    call = '[1.0, 1, "invoke", "A", null, {"op": 0, "f": "read", "key": "x", "value": 1}, null, -1]'
    done = '[2.0, 2, "ok", "A", null, {"op": 0, "result": 1}, null, 1]'
    sources = [ETCD, EDN, jsonl, "\n".join([HEAD, call, done])]
    path, outcomes = tmp_path / "damaged", set()
    for seed in range(900):
        random = Random(seed)
        data = bytearray(random.choice(sources).encode())
        for _ in range(random.randint(1, 3)):
            at = random.randrange(len(data))
            cut = random.random()
            if cut < 0.3:
                del data[at : at + random.randint(1, 30)]
            elif cut < 0.4:
                del data[at:]
            else:
                data[at] = random.choice(b'0179nul[]{}":,-\t\n :xe\xff\x00')
            data = data or bytearray(b"x")
        path.write_bytes(data)
        outcomes.add(outcome(path))
    assert outcomes == {"ok", "violated", "refused"}


def outcome(path: Path) -> str:
    """Return the verdict on a file, or "refused" when it is refused in one line that names it."""
    try:
        history, model = read_history(path)
    except DsvizError as error:
        told = str(error)
    else:
        return linearizable(history, model).status
    assert told.startswith(str(path)), path.read_bytes()
    assert "\n" not in told, path.read_bytes()
    return "refused"
