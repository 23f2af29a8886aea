"""The members of a real etcd cluster: their processes, ports, gateways, and how they come up.

All times are milliseconds (ms).
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Iterable
from typing import Any

from dsviz.engines.answers import Member, Status
from dsviz.engines.gateway import Gateway
from dsviz.engines.outcome import NotDone, Unknown
from dsviz.engines.ports import HOST, free_ports, is_free
from dsviz.engines.process import Process, dialler, wait_until
from dsviz.engines.proxy import Links
from dsviz.engines.workspace import Workspace
from dsviz.errors import DsvizError

PORT_TRIES = 5
PROBE_MS = 1000  # how long a member may take over a question about itself
TAKEN = "address already in use"


class EtcdMember:
    """A member `name` that serves clients on the first and its peers on the second of `ports`.

    `peers` maps every member to the port its peers dial; `client` is the one that clients dial.
    With `wal_apart` its write-ahead log is not below its data but in a folder of its own.
    """

    def __init__(
        self,
        name: str,
        binary: str,
        workspace: Workspace,
        ports: tuple[int, int],
        peers: dict[str, int],
        client: int,
        wal_apart: bool = False,
    ) -> None:
        self.name = name
        self.wal_apart = wal_apart
        data = workspace.folder / name
        self.wal_folder = workspace.folder / f"{name}-wal" if wal_apart else data / "member" / "wal"
        self.ports = ports
        self.gateway = Gateway(name, ports[0])  # looks past the links
        self.client = Gateway(name, client)
        client, peer = f"http://{HOST}:{ports[0]}", f"http://{HOST}:{ports[1]}"
        options = {
            "name": name,
            "data-dir": str(data),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": f"http://{HOST}:{peers[name]}",
            "initial-cluster": ",".join(f"{m}=http://{HOST}:{p}" for m, p in peers.items()),
            "initial-cluster-state": "new",
        } | ({"wal-dir": str(self.wal_folder)} if wal_apart else {})
        argv = [binary, *(f"--{option}={value}" for option, value in options.items())]
        # A learner's own ETCD_* settings (certificates, tokens, urls) are not for this cluster.
        env = {k: v for k, v in os.environ.items() if not k.startswith("ETCD_")}
        self.process = Process(
            name, argv, workspace, env, readable=log_words, telling='"level":"(panic|fatal)"'
        )

    def start(self) -> None:
        """Start the process. Raises DsvizError when another program listens on its port."""
        for port in self.ports:
            if not is_free(port):
                raise DsvizError(
                    f"port {port} of {self.name} was taken by another program ({TAKEN}); "
                    "stop that program or make a new cluster: c = EtcdCluster()"
                )
        self.process.start()

    def view(self) -> dict[str, Any] | None:
        """Return the member's view of the cluster, None when it is not running or gives none."""
        if self.process.state != "running":
            return None
        try:
            return self.gateway.status(PROBE_MS)
        except (NotDone, Unknown):
            return None

    def serves(self) -> bool:
        """Tell whether a linearizable read comes through, which needs a majority."""
        try:
            self.gateway.get("dsviz", False, PROBE_MS)
        except (NotDone, Unknown):
            return False
        return True


class EtcdMembers:
    """Members started together in one throw-away folder; every wait is at most `timeout_ms` ms.

    Raises DsvizError when one cannot be started, crashes, or is not ready in time.
    """

    def __init__(
        self, binary: str, names: Iterable[str], timeout_ms: float, wal_apart: bool = False
    ) -> None:
        self.timeout_ms = timeout_ms
        self._wal_apart = wal_apart
        self._binary = binary
        self._names = tuple(names)
        self._ids: dict[str, str] = {}
        self._boot()

    def __getitem__(self, name: str) -> EtcdMember:
        return self._member[name]

    def close(self) -> None:
        """End every member and its links, and remove the folder."""
        self.links.close()
        self._workspace.close()

    def running(self) -> list[str]:
        """Return the members that run and are not paused."""
        return [name for name in self._names if self[name].process.state == "running"]

    def status(self) -> Status:
        """Ask every running member how it sees the cluster."""
        return Status(tuple(self._row(name) for name in self._names))

    def settle(self, leader: str | None = None) -> None:
        """Wait until every running member serves and all name the same leader (`leader`)."""
        names = self.running()
        processes = [self[name].process for name in names]
        goal = f"etcd to serve through {', '.join(names)}"
        wait_until(lambda: self.agree(names, leader), processes, self.timeout_ms, goal)

    def hand_over(self, leader: str) -> None:
        """Make `leader` lead: the leader of the moment is asked to step down in its favour."""
        identity = next(key for key, name in self._ids.items() if name == leader)
        for _ in range(3):  # an election may come in between
            now = self.status().leader
            if now == leader:
                break
            if now is not None:
                with contextlib.suppress(NotDone, Unknown):
                    self[now].gateway.move_leader(identity, 10 * PROBE_MS)
        self.settle(leader)

    def _row(self, name: str) -> Member:
        view, state = self[name].view(), self[name].process.state
        if view is None:
            return Member(name, state)
        leader = self._ids.get(view.get("leader", ""))
        role = "no leader" if leader is None else "leader" if leader == name else "follower"
        return Member(name, state, role, leader, int(view["raftTerm"]), int(view["raftIndex"]))

    def agree(self, names: list[str], leader: str | None = None) -> bool:
        """Tell whether these members name one leader among them (`leader`) and all serve."""
        rows = [self._row(name) for name in names]
        leads = {row.leader for row in rows}
        if len(leads) != 1 or not leads <= ({leader} if leader else set(names)):
            return False
        return all(self[name].serves() for name in names)

    def _boot(self) -> None:
        """Start every member; again on other ports when some program was quicker."""
        for _ in range(PORT_TRIES):
            self._workspace, self.links = Workspace("etcd"), Links()
            try:
                self._launch()
                return
            except BaseException as error:  # a learner's interrupt included: leave nothing behind
                taken = isinstance(error, DsvizError) and self._was_taken(error)
                self.close()
                if not taken:
                    raise
        raise DsvizError(
            f"the ports that etcd was given were taken {PORT_TRIES} times in a row; "
            "stop the programs that keep opening ports and try again"
        )

    def _launch(self) -> None:
        self._member: dict[str, EtcdMember] = {}
        numbers = free_ports(2 * len(self._names))
        ports = dict(zip(self._names, zip(numbers[::2], numbers[1::2], strict=True), strict=True))
        processes: dict[str, Process] = {}
        # All members know each other by one address each, so a peer is told by where it dials from.
        who = functools.partial(dialler, processes)
        peers = {n: self.links.add_shared(n, own[1], who) for n, own in ports.items()}
        for name, own in ports.items():
            client = self.links.add("client", name, own[0])
            place = (self._binary, self._workspace)
            member = EtcdMember(name, *place, own, peers, client, self._wal_apart)
            self._member[name] = member
            processes[name] = member.process
        for member in self._member.values():
            member.start()
        processes = [member.process for member in self._member.values()]
        wait_until(self._identified, processes, self.timeout_ms, "etcd to answer")

    def _was_taken(self, error: DsvizError) -> bool:
        logs = [member.process.logs() for member in self._member.values()]
        return any(TAKEN in text for text in [str(error), *logs])

    def _identified(self) -> bool:
        """Learn which of etcd's random ids is whose; True when all are known."""
        for name in self._names:
            view = None if name in self._ids.values() else self[name].view()
            if view:
                self._ids[view["header"]["member_id"]] = name
        return len(self._ids) == len(self._names)


def log_words(line: str) -> str:
    """Return what an etcd log line (JSON) says, or the line."""
    try:
        fields = json.loads(line)
        words = f"{fields['msg']}: {fields['error']}" if "error" in fields else fields["msg"]
    except (ValueError, KeyError, TypeError):
        return line.strip()
    return str(words)
