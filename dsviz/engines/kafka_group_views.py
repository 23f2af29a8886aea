"""What there is to see of consumer groups: who has what, what was committed, what was done.

All times are milliseconds (ms).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from dsviz.engines.answers import Answer
from dsviz.engines.kafka_defaults import default
from dsviz.engines.kafka_group_verbs import OFFSETS_PARTITIONS, coordinator_partition
from dsviz.engines.kafka_members import Member
from dsviz.engines.kafka_records import PROBE_S, KafkaRecords
from dsviz.errors import DsvizError, listed

OFFSETS_TOPIC = "__consumer_offsets"
DEFAULT_CONFIG = 5  # where a value comes from, in Kafka's protocol: nobody has set it
CALLBACKS = ("assigned", "revoked", "lost")


class KafkaGroupViews(KafkaRecords):
    """The calls that look at consumer groups; see `dsviz.engines.kafka.Kafka`."""

    def _forget_groups(self) -> None:
        self._consumers: dict[str, Member] = {}

    def _of(self, group: str) -> list[Member]:
        """Return all consumers that ever were in a group. Raises DsvizError for none."""
        found = [one for one in self._consumers.values() if one.group == group]
        if not found:
            known = {one.group for one in self._consumers.values()}
            more = f"; the groups are {listed(known)}" if known else ""
            raise DsvizError(f"nobody has joined a group {group!r}{more}")
        return found

    def _running(self, group: str) -> list[Member]:
        return [one for one in self._of(group) if one.process.state == "running"]

    def _one(self, consumer: str) -> Member:
        if consumer not in self._consumers:
            known = f"; the consumers are {listed(self._consumers)}" if self._consumers else ""
            raise DsvizError(f"there is no consumer {consumer!r}{known}")
        return self._consumers[consumer]

    def _make_offsets_topic(self) -> None:
        """Make the topic of the groups' offsets, with leaders that are the same in every run.

        Kafka makes it when it is first needed, with leaders that chance chooses.
        """
        if OFFSETS_TOPIC in self._topics():
            return
        config = {"cleanup.policy": "compact", "compression.type": "producer"}
        copies = int(self._settings.get("offsets.topic.replication.factor", len(self.members)))
        count = int(self._settings.get("offsets.topic.num.partitions", OFFSETS_PARTITIONS))
        error = self._make_topic(OFFSETS_TOPIC, count, copies, config)
        if error not in (None, "TOPIC_ALREADY_EXISTS"):
            raise DsvizError(f"the topic of the groups' offsets could not be made: {error}")

    # ---- looking ---------------------------------------------------------------------------

    def _events(self, group: str, kinds: Iterable[str]) -> list[dict[str, Any]]:
        """Return what a group's consumers said of these kinds, in the order of time."""
        found = [e for one in self._of(group) for e in one.events() if e["what"] in kinds]
        return sorted(found, key=lambda event: event["at"])

    def _callbacks(self, group: str, since: float = 0.0) -> list[dict[str, Any]]:
        zero = 1000 * self._journal.zero
        return [
            {
                "consumer": event["consumer"],
                "what": event["what"],
                "partitions": event["partitions"],
                "at_ms": round(event["at"] - zero, 3),
            }
            for event in self._events(group, CALLBACKS)
            if event["partitions"] and event["at"] >= 1000 * since
        ]

    def _rebalances(self, group: str) -> Answer:
        callbacks = self._callbacks(group)
        rows = [
            (one.name, story([c for c in callbacks if c["consumer"] == one.name]))
            for one in self._of(group)
        ]
        text = "\n".join([self.words("rebalances", {"group": group}), *table(rows)])
        return Answer(text, "ok", callbacks)

    def _assignment(self, group: str) -> Answer:
        words = self.words("assignment", {"group": group})
        seen = self._seen(group)
        if seen is None:
            return Answer(f"{words}: the coordinator gives no answer", "info")
        state, theirs = seen
        believed = {one.name: one.owned() for one in self._of(group) if one.process.alive}
        lines = [("consumer", "the coordinator says", "it believes")]
        for name in sorted({*theirs, *believed}):
            own = parts_of(theirs[name]) if name in theirs else "not a member"
            lines.append((name, own, parts_of(believed[name]) if name in believed else "-"))
        text = "\n".join(table(lines))
        value = {"coordinator": theirs, "consumers": believed, "state": state}
        return Answer(f"{words}\n{text}", "ok", value)

    def _offsets(self, group: str) -> Answer:
        words = self.words("offsets", {"group": group})
        rows = self._committed_rows(group)
        if rows is None:
            return Answer(f"{words}: the coordinator gives no answer", "info")
        lines = [("topic partition", "committed", "end", "lag in records")]
        for row in rows:
            told = (row["committed"], row["end"], row["lag"])
            none = ("none" if one is None else str(one) for one in told)
            lines.append((f"{row['topic']}-{row['partition']}", *none))
        text = "\n".join(table(lines))
        return Answer(f"{words}\n{text}", "ok", rows)

    def _committed_rows(self, group: str) -> list[dict[str, Any]] | None:
        from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException

        known = [one.topic for one in self._consumers.values() if one.group == group]
        try:
            asked = ConsumerGroupTopicPartitions(group)
            found = self._admin().list_consumer_group_offsets([asked], request_timeout=PROBE_S)
            parts = found[group].result(PROBE_S + 1).topic_partitions
        except KafkaException:
            return None
        stored = {(p.topic, p.partition): p.offset for p in parts if p.offset >= 0}
        topics = sorted({topic for topic, _ in stored} | set(known))
        if not topics:
            self._of(group)  # says that nobody has joined
        rows = []
        for topic, part in ((t, p) for t in topics for p in sorted(self._partitions(t))):
            low, end = self._ends(topic, part)
            at = stored.get((topic, part))
            lag = None if end is None else end - (low if at is None else at)
            rows.append(
                {"topic": topic, "partition": part, "committed": at, "end": end, "lag": lag}
            )
        return rows

    def _lag(self, group: str) -> Answer:
        words = self.words("lag", {"group": group})
        rows = self._committed_rows(group)
        if rows is None or any(row["lag"] is None for row in rows):
            return Answer(f"{words}: unknown, a broker gives no answer", "info")
        lag = sum(row["lag"] for row in rows)
        return Answer(f"{words}: {lag} records", "ok", lag)

    def _effects(self, group: str) -> Answer:
        effects = self._events(group, ("did",))
        places = [(e["partition"], e["offset"]) for e in effects]
        by: dict[str, int] = {one.name: 0 for one in self._of(group)}
        for event in effects:
            by[event["consumer"]] += 1
        value = {
            "done": len(effects),
            "records": len(set(places)),
            "twice": sum(times > 1 for times in Counter(places).values()),
            "by": by,
            "as_zombie": self._as_zombie(group),
            "longest_gap_ms": _gaps(effects),
        }
        words = self.words("effects", {"group": group})
        twice = "some records were done twice" if value["twice"] else "no record was done twice"
        return Answer(f"{words}: {twice}", "ok", value)

    def _as_zombie(self, group: str) -> int:
        """Count the effects on topic partitions that had been given to another consumer."""
        owner: dict[int, str] = {}
        count = 0
        for event in self._events(group, ("assigned", "did")):
            if event["what"] == "assigned":
                owner |= dict.fromkeys(event["partitions"], event["consumer"])
            else:
                count += owner.get(event["partition"]) != event["consumer"]
        return count

    def _coordinator(self, group: str) -> Answer:
        self._make_offsets_topic()
        parts = self._partitions(OFFSETS_TOPIC)
        partition = coordinator_partition(group, len(parts))
        leader = parts[partition].leader
        broker = self._broker(leader)
        words = self.words("coordinator", {"group": group})
        text = f"{words}: {broker or 'nobody'}, who leads {OFFSETS_TOPIC}-{partition}"
        return Answer(text, "ok", {"partition": partition, "broker": broker})

    def _defaults(self, names: list[str]) -> Answer:
        value = {name: default(name) for name in names}
        text = "\n".join(f"{name} = {found}" for name, found in value.items())
        return Answer(text, "ok", value)

    def _broker_defaults(self, names: list[str]) -> Answer:
        from confluent_kafka.admin import ConfigResource, ResourceType

        one = ConfigResource(ResourceType.BROKER, "1")
        found = self._admin().describe_configs([one], request_timeout=PROBE_S)[one]
        entries = found.result(PROBE_S + 1)
        unknown = [name for name in names if name not in entries]
        if unknown:
            raise DsvizError(f"brokers have no property {listed(unknown)}; see Kafka's manual")
        value = {name: built_in(entries[name]) for name in names}
        text = "\n".join(f"{name} = {found}" for name, found in value.items())
        return Answer(text, "ok", value)

    def _seen(self, group: str) -> tuple[str, dict[str, list[int]]] | None:
        """Return the coordinator's (state, topic partitions by consumer), None for no answer."""
        from confluent_kafka import KafkaException

        try:
            asked = self._admin().describe_consumer_groups([group], request_timeout=PROBE_S)
            found = asked[group].result(PROBE_S + 1)
        except KafkaException:
            return None
        owned = {
            member.client_id: sorted(p.partition for p in member.assignment.topic_partitions)
            for member in found.members
        }
        return found.state.name, owned


def built_in(entry: Any) -> str | None:
    """Return what a broker's property is when nobody sets it, among all that is said of it."""
    told = [entry, *(entry.synonyms or {}).values()]
    return next((one.value for one in told if one.source == DEFAULT_CONFIG), None)


def table(rows: list[tuple[str, ...]]) -> list[str]:
    """Return rows as lines with columns that are as wide as they need to be."""
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{c:<{w}}" for c, w in zip(row, wide, strict=True)) for row in rows)
    return [f"  {line}".rstrip() for line in lines]


def parts_of(numbers: Iterable[int]) -> str:
    return " ".join(map(str, numbers)) or "nothing"


def story(callbacks: list[dict[str, Any]]) -> str:
    """Return callbacks in words, one after the other; pieces that come in a row are one."""
    steps: list[tuple[str, list[int]]] = []
    for what, parts in ((c["what"], c["partitions"]) for c in callbacks):
        # Where members keep what does not move, each topic partition comes as soon as its last
        # owner has let go of it: in how many pieces is chance.
        if what == "assigned" and steps and steps[-1][0] == "assigned":
            parts = sorted([*steps.pop()[1], *parts])
        steps.append((what, parts))
    return ", ".join(f"{what} {parts_of(parts)}" for what, parts in steps) or "nothing changed"


def _gaps(effects: list[dict[str, Any]]) -> dict[str, float]:
    last: dict[int, float] = {}
    gaps: dict[str, float] = {}
    for event in effects:
        part = event["partition"]
        gap = event["at"] - last.get(part, event["at"])
        gaps[str(part)] = round(max(gap, gaps.get(str(part), 0.0)), 3)
        last[part] = event["at"]
    return gaps
