"""What can be asked of consumer groups, real or recorded. All times are milliseconds (ms).

A consumer is a process of its own, so that it can stand still or die like one.
"""

from __future__ import annotations

import re
from typing import Any

from dsviz.engines.answers import Answer
from dsviz.engines.face import Face, checked_wait, whole
from dsviz.errors import DsvizError, listed

#: The assignors of each protocol, the one that is taken by default first: those of ``classic`` by
#: librdkafka's names, where members assign, and those of the brokers (KIP-848).
STRATEGIES = {
    "classic": ("range", "roundrobin", "cooperative-sticky"),
    "consumer": ("uniform", "range"),
}
COMMITS = ("never", "batch", "auto")
OFFSETS_PARTITIONS = 50


class KafkaGroupVerbs(Face):
    """The calls on consumer groups; see `dsviz.engines.kafka.Kafka`."""

    queries = Face.queries | {
        "assignment",
        "rebalances",
        "offsets",
        "lag",
        "coordinator",
        "effects",
        "defaults",
        "broker_defaults",
    }

    def join(
        self,
        group: str,
        *consumers: str,
        topic: str,
        protocol: str = "classic",
        strategy: str | None = None,
        session_ms: int = 6000,
        static: bool = False,
        commit: str = "batch",
        poll_records: int = 50,
        work_ms: float = 0,
        max_poll_ms: int = 300_000,
        reset: str = "earliest",
        timeout_ms: float = 60_000,
    ) -> Answer:
        """Start consumers, each a process, one after the other; wait until all have their part.

        `protocol` is ``classic`` or ``consumer``, the one of KIP-848. `strategy` is ``range`` (the
        default), ``roundrobin`` or ``cooperative-sticky``; with ``consumer`` it is ``uniform`` (the
        default) or ``range``, and brokers set the session (``group.consumer.session.timeout.ms``),
        not `session_ms`. `static` gives each its name as ``group.instance.id``. A consumer polls up
        to `poll_records` at once, works `work_ms` on each, and commits its position after each
        batch (``batch``), by librdkafka's own timer every 5 000 ms (``auto``), or only when told to
        (``never``). It is evicted when it is not heard of for `session_ms`, and leaves when it does
        not poll for `max_poll_ms`.

        Prints who has which topic partitions and each rebalance callback; `value` has
        ``assignment`` (by consumer), ``callbacks`` (a list with ``consumer``, ``what``,
        ``partitions``, ``at_ms``), ``took_ms``. Raises DsvizError when the group is not stable
        after `timeout_ms`.
        """
        if protocol not in STRATEGIES:
            raise DsvizError(f"protocol={protocol!r} must be 'classic' or 'consumer'")
        known = STRATEGIES[protocol]
        if strategy is not None and strategy not in known:
            raise DsvizError(f"strategy={strategy!r} must be one of {listed(known)}")
        if commit not in COMMITS:
            raise DsvizError(f"commit={commit!r} must be one of {listed(COMMITS)}")
        if reset not in ("earliest", "latest"):
            raise DsvizError(f"reset={reset!r} must be 'earliest' or 'latest'")
        if not consumers:
            raise DsvizError('name a consumer, as in join("app", "c1", "c2", topic="orders")')
        whole("session_ms", session_ms, 1000, 300_000)
        whole("max_poll_ms", max_poll_ms, session_ms, 3_600_000)
        whole("poll_records", poll_records, 1, 10_000)
        if not isinstance(work_ms, (int, float)) or not 0 <= work_ms <= 10_000:
            raise DsvizError(f"work_ms={work_ms!r} must be between 0 and 10000 ms")
        who = {"group": named("group", group), "consumers": _consumers(consumers, self.members)}
        how = {"topic": named("topic", topic), "protocol": protocol}
        how |= {"strategy": strategy or known[0], "session_ms": session_ms}
        more = {"static": bool(static), "commit": commit, "poll_records": poll_records}
        rest = {"work_ms": work_ms, "max_poll_ms": max_poll_ms, "reset": reset}
        wait = checked_wait(timeout_ms)
        return self._ask("join", **who, **how, **more, **rest, timeout_ms=wait)

    def leave(self, *consumers: str, timeout_ms: float = 60_000) -> Answer:
        """Have consumers close in an orderly way; wait until the others have their parts.

        A static consumer says nothing when it goes: its part waits for it until its session ends,
        and this call does not. Answers like `join`.
        """
        return self._ask(
            "leave", consumers=_consumers(consumers), timeout_ms=checked_wait(timeout_ms)
        )

    def crash(self, consumer: str) -> Answer:
        """End a consumer at once (SIGKILL); its group hears of it when its session is over."""
        return self._ask("crash", consumer=_consumers([consumer])[0])

    def freeze(self, consumer: str, after: int | None = None) -> Answer:
        """Let a consumer stand still (SIGSTOP): neither its work nor its heartbeats go on.

        With `after` it stops in the middle of a batch, when it has worked on so many of its
        records; the rest stays in its memory.
        """
        if after is not None:
            whole("after", after, 0, 10_000)
        return self._ask("freeze", consumer=_consumers([consumer])[0], after=after)

    def thaw(self, consumer: str, commit: bool = False, timeout_ms: float = 10_000) -> Answer:
        """Let a frozen consumer go on; with `commit` the first thing it does is a commit.

        That commit is of the positions it had reached. `value` has its ``error`` by Kafka's name,
        None when it was accepted.
        """
        args = {"consumer": _consumers([consumer])[0], "commit": bool(commit)}
        return self._ask("thaw", **args, timeout_ms=checked_wait(timeout_ms))

    def commit(self, consumer: str, timeout_ms: float = 10_000) -> Answer:
        """Have a consumer commit its position in each of its topic partitions.

        `value` has ``offsets`` (by topic partition) and ``error`` (Kafka's name, or None).
        """
        args = {"consumer": _consumers([consumer])[0]}
        return self._ask("commit", **args, timeout_ms=checked_wait(timeout_ms))

    def regroup(self, group: str, timeout_ms: float = 60_000) -> Answer:
        """Wait until a group has rebalanced to those who are alive, and answer like `join`.

        That is: every consumer that runs has its part, every topic partition an owner among
        them, and those who stand still or are dead have been evicted.
        """
        args = {"group": named("group", group)}
        return self._ask("regroup", **args, timeout_ms=checked_wait(timeout_ms))

    def drain(self, group: str, timeout_ms: float = 60_000) -> Answer:
        """Wait until the consumers of a group that run have worked on all there is.

        Those that commit after each batch have committed it then.
        """
        args = {"group": named("group", group)}
        return self._ask("drain", **args, timeout_ms=checked_wait(timeout_ms))

    # ---- looking ---------------------------------------------------------------------------

    def assignment(self, group: str) -> Answer:
        """Tell who has which topic partitions: as the coordinator sees it, and as they believe.

        A frozen consumer goes on believing what it last heard. `value` has ``coordinator`` and
        ``consumers``, both by consumer, and the ``state`` of the group.
        """
        return self._ask("assignment", group=named("group", group))

    def rebalances(self, group: str) -> Answer:
        """Return every rebalance callback of a group's consumers so far, a line a consumer.

        `value` is a list in the order of time: ``consumer``, ``what`` (``assigned``, ``revoked``,
        ``lost``), ``partitions``, ``at_ms``.
        """
        return self._ask("rebalances", group=named("group", group))

    def offsets(self, group: str) -> Answer:
        """Return the committed offset of each topic partition, the log's end, and the lag.

        `value` is a list of rows: ``topic``, ``partition``, ``committed`` (None for none),
        ``end``, ``lag`` (records).
        """
        return self._ask("offsets", group=named("group", group))

    def lag(self, group: str) -> Answer:
        """Return how many records a group has not committed yet, as `value`."""
        return self._ask("lag", group=named("group", group))

    def effects(self, group: str) -> Answer:
        """Return what the consumers of a group did: each record they worked on is an effect.

        Counts: `done` (effects), `records` (different ones), `twice` (records done more than
        once), `by` (effects by consumer), `as_zombie` (effects of a consumer after it was thawed
        and before it heard that its part was gone), `longest_gap_ms` (by topic partition, the
        longest time without an effect).
        """
        return self._ask("effects", group=named("group", group))

    def coordinator(self, group: str) -> Answer:
        """Tell which broker coordinates a group: the leader of its part of the offsets topic.

        `value` has ``partition`` (`coordinator_partition`) and ``broker``.
        """
        return self._ask("coordinator", group=named("group", group))

    def defaults(self, *names: str) -> Answer:
        """Return the values that this machine's client library uses when nobody sets them.

        As in ``defaults("session.timeout.ms")``; `value` is a mapping.
        """
        if not names:
            raise DsvizError('name an option, as in defaults("session.timeout.ms")')
        return self._ask("defaults", names=[named("option", name) for name in names])

    def broker_defaults(self, *names: str) -> Answer:
        """Return the values that these brokers use when nobody sets them.

        As in ``broker_defaults("group.consumer.session.timeout.ms")``; `value` is a mapping. Raises
        DsvizError for a name that brokers do not know.
        """
        if not names:
            raise DsvizError(
                'name a property, as in broker_defaults("group.consumer.session.timeout.ms")'
            )
        return self._ask("broker_defaults", names=[named("property", name) for name in names])

    @classmethod
    def words(cls, verb: str, args: dict[str, Any]) -> str:
        """Return a call in words, as its answer begins."""
        if verb == "join":
            told = ["protocol consumer"] * (args["protocol"] == "consumer") + [args["strategy"]]
            told += ["static"] * args["static"]
            return f"join {args['group']} ({', '.join(told)}): {', '.join(args['consumers'])}"
        if verb == "leave":
            return f"leave: {', '.join(args['consumers'])}"
        if verb in ("crash", "freeze", "thaw"):
            return f"{verb} {args['consumer']}"
        if verb == "commit":
            return f"commit by {args['consumer']}"
        if verb in ("regroup", "drain"):
            return f"{verb} {args['group']}"
        if verb in ("assignment", "rebalances", "offsets", "lag", "effects", "coordinator"):
            return f"{verb} of {args['group']}"
        if verb in ("defaults", "broker_defaults"):
            return f"{verb.replace('_', ' ')} of {', '.join(args['names'])}"
        return super().words(verb, args)


def coordinator_partition(group: str, partitions: int = OFFSETS_PARTITIONS) -> int:
    """Return which partition of ``__consumer_offsets`` a group's offsets live in.

    ``abs(group.hashCode()) mod partitions``, Java's hash of a string over its UTF-16 units; the
    smallest whole number, whose absolute value Java cannot hold, counts as 0 (Kafka 4.4.0,
    ``Utils.abs`` and ``GroupCoordinatorService.partitionFor``). The leader of that partition
    coordinates the group.
    """
    units = named("group", group).encode("utf-16-be")
    value = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & 0xFFFFFFFF
    signed = value - (1 << 32) if value >> 31 else value
    return (0 if signed == -(1 << 31) else abs(signed)) % partitions


def named(what: str, name: object) -> str:
    """Return a name. Raises DsvizError unless Kafka would take it as a topic's."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9._-]{1,200}", name):
        raise DsvizError(f"{what}={name!r} must be letters, digits, '.', '_' and '-'")
    return name


def _consumers(names: Any, brokers: tuple[str, ...] = ()) -> list[str]:
    found = [named("consumer", name) for name in names]
    if not found or len(found) != len(set(found)):
        raise DsvizError(f"consumers {list(names)!r}: name at least one, each once")
    if set(found) & set(brokers):
        raise DsvizError(f"{listed(set(found) & set(brokers))} is a broker; give another name")
    return found
