"""A real Valkey Cluster on this machine: 16 384 hash slots over several primaries. Times are ms.

::

    from dsviz.engines import ValkeyCluster
    c = ValkeyCluster.open("lesson-20")           # primaries a, b, c; or the recording
    c.put("foo", 1, via="a")                      # MOVED 12182 c
    c.put("foo", 1, via="a", follow=True)
"""

from __future__ import annotations

import time

from dsviz.engines.answers import Answer, Member, Status
from dsviz.engines.live import eventually
from dsviz.engines.outcome import NotDone, Unknown
from dsviz.engines.ports import HOST, free_ports
from dsviz.engines.process import wait_until
from dsviz.engines.valkey_members import binary, server
from dsviz.engines.valkey_servers import PROBE_MS, ValkeyServers
from dsviz.errors import DsvizError

SLOTS = 16_384
NODE_TIMEOUT_MS = 1000  # after how much silence the others call a node down


class ValkeyCluster(ValkeyServers):
    """Primaries ``a``, ``b``, … that share the slots evenly, each with `replicas` (0 or 1).

    The replica of ``a`` is ``ra``; it takes over when the majority of primaries misses ``a``. The
    servers tell each other their own addresses, so only the client's links can be cut. Raises
    DsvizError when the engine is missing, crashes, or takes longer than `start_timeout_ms` ms.
    """

    def __init__(
        self,
        primaries: int = 3,
        replicas: int = 0,
        settings: dict[str, str] | None = None,
        start_timeout_ms: float = 60_000,
    ) -> None:
        if not isinstance(primaries, int) or not 3 <= primaries <= 6 or replicas not in (0, 1):
            raise DsvizError(
                f"primaries={primaries!r} must be 3 to 6 and replicas={replicas!r} must be 0 or 1"
            )
        self._primaries = tuple("abcdef"[:primaries])
        self._standins = tuple(f"r{name}" for name in self._primaries * replicas)
        self.members = self._primaries + self._standins
        self._prepare(settings, start_timeout_ms)

    def _launch(self) -> None:
        numbers = free_ports(2 * len(self.members))
        ports = dict(zip(self.members, numbers[::2], strict=True))
        bus = dict(zip(self.members, numbers[1::2], strict=True))
        for name in self.members:
            own = {
                "cluster-enabled": "yes",
                "cluster-port": str(bus[name]),
                "cluster-node-timeout": str(NODE_TIMEOUT_MS),
            }
            self._processes[name] = server(
                name, binary(), self._workspace, ports[name], self._settings | own
            )
        self._link_up(ports)
        for process in self._processes.values():
            process.start()
        for name in self.members:
            self._wait_ready(name)
        self._ids = {name: self._tell(name, "CLUSTER", "MYID") for name in self.members}
        self._meet(ports, bus)
        processes = list(self._processes.values())
        wait_until(self._agreed, processes, self._timeout_ms, "the cluster to agree on its slots")

    def _meet(self, ports: dict[str, int], bus: dict[str, int]) -> None:
        first = self.members[0]
        for number, name in enumerate(self.members):
            self._tell(name, "CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
        for number, name in enumerate(self._primaries):
            low, high = (SLOTS * n // len(self._primaries) for n in (number, number + 1))
            self._tell(name, "CLUSTER", "ADDSLOTSRANGE", str(low), str(high - 1))
        for name in self.members[1:]:
            words = ("CLUSTER", "MEET", HOST, str(ports[name]), str(bus[name]))
            self._tell(first, *words)
        for name in self._standins:
            mine = self._ids[name[1:]]
            known = [self._processes[name]]
            goal = f"{name} to know {name[1:]}"
            wait_until(lambda n=name, i=mine: i in self._nodes(n), known, self._timeout_ms, goal)
            self._tell(name, "CLUSTER", "REPLICATE", mine)

    def _nodes(self, member: str) -> dict[str, list[str]]:
        """Return how a running member sees the nodes: by id, the fields of CLUSTER NODES."""
        if self._processes[member].state != "running":
            return {}
        try:
            said = self._tell(member, "CLUSTER", "NODES")
        except DsvizError:
            return {}
        return {line.split()[0]: line.split() for line in said.splitlines()}

    def _agreed(self) -> bool:
        """Tell whether every slot is served, and all who run say so."""
        return self._verdict() == "ok"

    def _verdict(self) -> str | None:
        """Return ``ok``, ``fail`` when slots are lost for good, None while that is open."""
        running = [n for n in self.members if self._processes[n].state == "running"]
        views = [self._owners(name) for name in running]
        states = {self._cluster_state(name) for name in running}
        if not views or any(view != views[0] for view in views) or len(states) != 1:
            return None
        if any(slots and not self._processes[name].alive for name, slots in views[0].items()):
            return None  # they have not noticed yet
        served = sum(map(_slots, views[0].values())) == SLOTS
        if served or any(self._can_take_over(name) for name in running):
            return "ok" if served and states == {"ok"} else None
        return "fail" if states == {"fail"} else None

    def _can_take_over(self, member: str) -> bool:
        own = self._nodes(member).get(self._ids[member])
        if own is None or "master" in own[2]:
            return False
        leader = next((name for name, identity in self._ids.items() if identity == own[3]), None)
        return leader is not None and not self._processes[leader].alive

    def _cluster_state(self, member: str) -> str:
        try:
            said = self._tell(member, "CLUSTER", "INFO")
        except DsvizError:
            return "no answer"
        return dict(line.split(":") for line in said.split())["cluster_state"]

    def _owners(self, member: str) -> dict[str, tuple[str, ...]]:
        """Return whose slots are whose according to one member."""
        names = {identity: name for name, identity in self._ids.items()}
        return {
            names[i]: tuple(w for w in fields[8:] if not w.startswith("["))
            for i, fields in self._nodes(member).items()
            if i in names and "master" in fields[2] and "fail" not in fields[2].split(",")
        }

    # ---- looking ---------------------------------------------------------------------------

    def _status(self) -> Status:
        return Status(tuple(self._row(name) for name in self.members))

    def _row(self, name: str) -> Member:
        state, nodes = self._processes[name].state, self._nodes(name)
        own = nodes.get(self._ids[name])
        if own is None:
            return Member(name, state)
        epoch = int(own[6])
        if "master" in own[2]:
            slots = [word for word in own[8:] if not word.startswith("[")]
            words = f"primary of {', '.join(slots)}" if slots else "primary of no slot"
            words += "" if self._cluster_state(name) == "ok" else ", cluster down"
            return Member(name, state, words, None, epoch, None, {"slots": slots})
        of = next((who for who, identity in self._ids.items() if identity == own[3]), None)
        return Member(name, state, f"replica of {of}", None, epoch, None, {"of": of})

    def _settle(self, timeout_ms: int) -> Answer:
        began = time.monotonic()
        if not eventually(lambda: self._verdict() is not None, timeout_ms):
            raise DsvizError(
                f"the cluster does not agree after {timeout_ms} ms; resume() or start() who is "
                "missing, or give a larger timeout_ms"
            )
        took = round(1000 * (time.monotonic() - began), 3)
        if self._verdict() == "ok":
            return Answer("settle: every slot is served", "ok", None, took)
        return Answer("settle: nobody serves some slots, so nobody serves any", "fail", None, took)

    # ---- slots -----------------------------------------------------------------------------

    def _move(self, slot: int, to: str, finish: bool) -> Answer:
        source = self._owner(slot)
        if source is None or to not in self._owners(to):
            raise DsvizError(f"slot {slot} can move from one running primary to another only")
        number = str(slot)
        if source != to:
            self._tell(to, "CLUSTER", "SETSLOT", number, "IMPORTING", self._ids[source])
            self._tell(source, "CLUSTER", "SETSLOT", number, "MIGRATING", self._ids[to])
            moved = self._move_keys(number, source, to)
        else:
            moved = 0
        if finish:
            for name in (to, source, *(n for n in self._primaries if n not in (to, source))):
                if self._processes[name].state == "running":
                    self._tell(name, "CLUSTER", "SETSLOT", number, "NODE", self._ids[to])
        state = "done" if finish else f"{source} still owns it"
        self._note(f"slot {slot}: {moved} keys moved from {source} to {to}, {state}")
        words = f"move slot {slot} from {source} to {to}: {moved} keys moved, {state}"
        return Answer(words, "ok", {"keys": moved})

    def _owner(self, slot: int) -> str | None:
        for name in self.members:
            for owner, ranges in self._owners(name).items():
                if any(slot in _range(words) for words in ranges):
                    return owner
        return None

    def _move_keys(self, slot: str, source: str, to: str) -> int:
        moved = 0
        while keys := self._tell(source, "CLUSTER", "GETKEYSINSLOT", slot, "100"):
            words = ("MIGRATE", HOST, str(self._ports[to]), "", "0", "5000", "KEYS", *keys)
            try:
                self._client("dsviz", source).ask(*words, timeout_ms=5 * PROBE_MS)
            except (NotDone, Unknown) as error:
                raise DsvizError(f"the keys of slot {slot} did not move: {error}") from None
            moved += len(keys)
        return moved

    def _promote(self, member: str) -> Answer:
        self._tell(member, "CLUSTER", "FAILOVER")
        return Answer(f"promote {member}: asked", "ok")

    def _follow(self, member: str, to: str) -> Answer:
        self._tell(member, "CLUSTER", "REPLICATE", self._ids[to])
        return Answer(f"{member} follows {to}: ok", "ok")

    def _do(self, verb, args):
        if verb in ("partition", "cut", "delay"):
            places = args.get("groups") or [[args["src"]], [args["dst"]]]
            if ["client"] not in places:
                raise DsvizError(
                    "the servers of a cluster tell each other their own addresses, so only the "
                    'client\'s links can be cut: part it as in partition("client", …), or kill()'
                )
        return super()._do(verb, args)


def _range(words: str) -> range:
    """Return the slots of ``0-5460`` or of ``12182``."""
    low, _, high = words.partition("-")
    return range(int(low), int(high or low) + 1)


def _slots(ranges: tuple[str, ...]) -> int:
    return sum(len(_range(words)) for words in ranges)
