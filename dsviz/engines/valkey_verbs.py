"""What can be asked of Valkey servers, real or recorded. All times are milliseconds (ms)."""

from __future__ import annotations

from typing import Any

from dsviz.engines.answers import Answer
from dsviz.engines.face import Face, checked, checked_wait, stored_value, whole
from dsviz.errors import DsvizError, listed

#: Commands that only look, so that a replay may answer them in any order.
LOOKS = frozenset(
    {
        *("GET", "MGET", "EXISTS", "TTL", "TYPE", "STRLEN", "LLEN", "LRANGE", "SCARD", "SMEMBERS"),
        *("SISMEMBER", "HGET", "HGETALL", "ZRANGE", "ZCARD", "DBSIZE", "INFO", "ROLE", "PING"),
        *("KEYS", "XRANGE", "XLEN", "XPENDING", "XINFO"),
    }
)
LOOKS_OF = {"CLUSTER": {"KEYSLOT", "COUNTKEYSINSLOT", "INFO"}, "CONFIG": {"GET"}}
MOST_ROWS = 100_000
#: What can be done to a copy of an append-only file, in words.
DAMAGES = {
    "": "",
    "torn": ", tail torn",
    "value": ", a value flipped",
    "length": ", a length flipped",
}


class ValkeyVerbs(Face):
    """The calls a notebook makes; see `dsviz.engines.valkey.Valkey` and `.ValkeyCluster`."""

    engine, title = "valkey", "Valkey"
    queries = Face.queries | {"look", "audit", "reopen", "check_aof"}

    def put(
        self,
        key: str,
        value: str | int,
        via: str = "p",
        follow: bool = False,
        timeout_ms: float = 3000,
    ) -> Answer:
        """Write through member `via`; no answer within `timeout_ms` ms is an unknown outcome.

        With `follow`, go where a server of a cluster sends us. Raises DsvizError for a bad
        argument.
        """
        text, wait = stored_value(value), checked(key, timeout_ms)
        args = {"key": key, "value": text, "via": via, "follow": bool(follow)}
        return self._ask("put", via, **args, timeout_ms=wait)

    def get(
        self, key: str, via: str = "p", follow: bool = False, timeout_ms: float = 3000
    ) -> Answer:
        """Read what member `via` holds; the answer's `value` is None when nothing is stored.

        A replica may be behind. Raises DsvizError for a bad argument.
        """
        args = {"key": key, "via": via, "follow": bool(follow)}
        return self._ask("get", via, **args, timeout_ms=checked(key, timeout_ms))

    def command(self, *words: str | int, via: str = "p", timeout_ms: float = 5000) -> Answer:
        """Send any command, as in ``command("XADD", "s", "*", "n", 1)``.

        `value` is what came back. The commands of one notebook to one member go through one
        connection, which is what WAIT counts. Raises DsvizError for no command.
        """
        if not words:
            raise DsvizError('name a command, as in command("PING")')
        told = [str(word) for word in words]
        first, second = told[0].upper(), (told[1].upper() if len(told) > 1 else "")
        looks = first in LOOKS or second in LOOKS_OF.get(first, ())
        verb, wait = "look" if looks else "command", checked_wait(timeout_ms)
        return self._ask(verb, via, words=told, via=via, timeout_ms=wait)

    def wait(self, replicas: int, timeout_ms: float = 1000, via: str = "p") -> Answer:
        """Wait until so many replicas have what this notebook wrote last (WAIT).

        `value` is how many have it when the wait ends. Nothing is undone when they are too few.
        """
        whole("replicas", replicas, 0, 100)
        wait = checked_wait(timeout_ms)
        return self._ask("wait", via, replicas=replicas, timeout_ms=wait, via=via)

    def synced(self, timeout_ms: float = 0, via: str = "p") -> Answer:
        """Tell whether what this notebook wrote last is on the disk of member `via` (WAITAOF).

        Waits for it at most `timeout_ms` ms, 0 does not wait; `value` is true or false.
        """
        wait = checked_wait(timeout_ms) if timeout_ms else 0
        return self._ask("synced", via, via=via, timeout_ms=wait)

    def reopen(
        self,
        damage: str = "",
        load_truncated: bool = True,
        fix: bool = False,
        member: str = "p",
    ) -> Answer:
        """Damage a copy of a member's append-only file and start a server on it; count the rows.

        `damage` is ``torn`` (the last command is cut in two), ``value`` or ``length`` (a bit of it
        is flipped in the middle of the file), or nothing. `load_truncated` is Valkey's
        ``aof-load-truncated``; with `fix` the copy goes through ``valkey-check-aof --fix`` first.
        The answer's `present`, `lost` (of what `load` was told), `invented` (rows that it never
        sent) and `state`, which is ``whole``, ``prefix``, ``invented``, ``damaged`` or ``refused``.
        The member itself goes on as it was.
        """
        args = {"damage": _damage(damage), "load_truncated": bool(load_truncated)}
        return self._ask("reopen", member, member=member, **args, fix=bool(fix))

    def check_aof(self, damage: str = "", member: str = "p") -> Answer:
        """Have ``valkey-check-aof`` look at a damaged copy of a member's append-only file.

        The answer's `good_bytes` of its `bytes` are commands that can be read.
        """
        return self._ask("check_aof", member, member=member, damage=_damage(damage))

    def configure(self, member: str = "p", **settings: str | int) -> Answer:
        """Change settings of a running member (CONFIG SET), with _ for -: ``appendonly="yes"``."""
        if not settings:
            raise DsvizError('name a setting, as in configure(appendonly="yes")')
        told = {name.replace("_", "-"): str(value) for name, value in settings.items()}
        return self._ask("configure", member, member=member, settings=told)

    def load(
        self,
        rows: int = 1000,
        via: str = "p",
        wait: int = 0,
        kill_after: int | None = None,
        timeout_ms: float = 3000,
    ) -> Answer:
        """Add numbers to a set one by one and count what was acknowledged.

        With `wait`, a number counts as acknowledged when so many replicas have it within
        `timeout_ms` ms (WAIT), else its outcome is unknown. With `kill_after`, member `via` is
        killed as soon as so many were acknowledged. The answer has `acked`, `failed`,
        `in_doubt` and `per_second`; `audit` compares them with what is there later.
        """
        whole("rows", rows, 1, MOST_ROWS)
        whole("wait", wait, 0, 100)
        if kill_after is not None:
            whole("kill_after", kill_after, 1, rows)
        args = {"rows": rows, "via": via, "wait": wait, "kill_after": kill_after}
        return self._ask("load", via, **args, timeout_ms=checked_wait(timeout_ms))

    def audit(self, via: str = "p") -> Answer:
        """Compare what `load` was told with what member `via` holds.

        Counts: `acked`, `present`, `lost` (acknowledged and not there), `extra` (there without an
        acknowledgement: such an outcome was unknown).
        """
        return self._ask("audit", via, via=via)

    def settle(self, timeout_ms: float = 30_000) -> Answer:
        """Wait until those who run agree: one primary, every replica linked and up to date.

        With Sentinels that takes a failover in, and the return of an old primary; `took_ms` is how
        long it was. Raises DsvizError when it is not so after `timeout_ms` ms.
        """
        return self._ask("settle", timeout_ms=checked_wait(timeout_ms))

    def promote(self, member: str) -> Answer:
        """Make a replica a primary (REPLICAOF NO ONE). Nobody asks the old one, which goes on."""
        return self._ask("promote", member, member=member)

    def follow(self, member: str, to: str) -> Answer:
        """Make a member a replica of `to`; what only this member had is thrown away."""
        return self._ask("follow", member, to, member=member, to=to)

    def move(self, slot: int, to: str, finish: bool = True) -> Answer:
        """Move a hash slot of a cluster with its keys to another primary, key by key.

        Without `finish` it stops with the keys moved and the slot still named after its old owner,
        which then answers ASK; `move` it again to finish. Raises DsvizError outside a cluster.
        """
        whole("slot", slot, 0, 16_383)
        return self._ask("move", to, slot=slot, to=to, finish=bool(finish))

    @classmethod
    def words(cls, verb: str, args: dict[str, Any]) -> str:
        """Return a call in words, as its answer begins."""
        if verb == "put":
            return f"put {args['key']} = {args['value']} via {args['via']}"
        if verb == "get":
            return f"get {args['key']} via {args['via']}"
        if verb in ("look", "command"):
            return f"{' '.join(args['words'])} at {args['via']}"
        if verb == "configure":
            told = ", ".join(f"{name} = {value!r}" for name, value in args["settings"].items())
            return f"configure {args['member']}: {told}"
        if verb == "load":
            ends = f", each on {args['wait']} replica(s)" if args["wait"] else ""
            killed = args["kill_after"]
            ends += "" if killed is None else f", killed after {killed} acknowledgements"
            return f"load {args['rows']} numbers into {args['via']}{ends}"
        if verb in ("audit", "wait"):
            return f"{verb} at {args['via']}"
        if verb == "reopen":
            rule = "" if args["load_truncated"] else ", aof-load-truncated no"
            fixed = ", then valkey-check-aof --fix" if args["fix"] else ""
            return f"reopened{DAMAGES[args['damage']]}{fixed}{rule}"
        if verb == "check_aof":
            return f"valkey-check-aof{DAMAGES[args['damage']]}"
        if verb == "follow":
            return f"{args['member']} follows {args['to']}"
        if verb == "move":
            return f"move slot {args['slot']} to {args['to']}"
        return super().words(verb, args)


def _damage(name: str) -> str:
    if name not in DAMAGES:
        known = listed(one for one in DAMAGES if one)
        raise DsvizError(f"damage={name!r} must be one of {known}, or '' for none")
    return name
