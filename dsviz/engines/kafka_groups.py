"""Consumer groups whose consumers are processes, and what they did. All times are ms."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsviz.engines.answers import Answer
from dsviz.engines.kafka_clients import common
from dsviz.engines.kafka_defaults import default
from dsviz.engines.kafka_group_verbs import OFFSETS_PARTITIONS, coordinator_partition
from dsviz.engines.kafka_records import PROBE_S, KafkaRecords
from dsviz.engines.live import eventually
from dsviz.engines.process import Process
from dsviz.errors import DsvizError, listed

OFFSETS_TOPIC = "__consumer_offsets"
CALLBACKS = ("assigned", "revoked", "lost")
HEARTBEATS_A_SESSION = 6  # more than the usual 3: a member hears of a rebalance by its heartbeat


@dataclass
class Member:
    """A consumer of a group: its process, and where it is told what to do."""

    name: str
    group: str
    topic: str
    static: bool
    process: Process
    commands: Path
    _events: list[dict[str, Any]] = field(default_factory=list)
    _read: int = 0
    _asked: int = 0

    def tell(self, **command: Any) -> None:
        """Have it do something as soon as it can."""
        with open(self.commands, "a", encoding="utf-8") as file:
            file.write(json.dumps(command) + "\n")

    def ask_commit(self) -> int:
        """Have it commit; return the number of its answer."""
        self._asked += 1
        self.tell(do="commit", number=self._asked)
        return self._asked

    def events(self) -> list[dict[str, Any]]:
        """Return everything it has said so far."""
        with open(self.process.log_file, "rb") as log:
            log.seek(self._read)
            new = log.read()
        end = new.rfind(b"\n") + 1
        self._read += end
        lines = (line for line in new[:end].decode().splitlines() if line.startswith("{"))
        self._events += [{**json.loads(line), "consumer": self.name} for line in lines]
        return self._events

    def answer(self, number: int) -> dict[str, Any] | None:
        """Return what came of a commit that was asked for, None while nothing did."""
        found = (e for e in self.events() if e["what"] == "answer" and e["number"] == number)
        return next(found, None)

    def owned(self) -> list[int]:
        """Return the topic partitions that it believes to have."""
        held: set[int] = set()
        for event in self.events():
            if event["what"] == "assigned":
                held |= set(event["partitions"])
            elif event["what"] in ("revoked", "lost"):
                held -= set(event["partitions"])
        return sorted(held)


class KafkaGroups(KafkaRecords):
    """The calls on consumer groups; see `dsviz.engines.kafka.Kafka`."""

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

    # ---- coming and going ------------------------------------------------------------------

    def _join(self, group: str, consumers: list[str], timeout_ms: int, **options: Any) -> Answer:
        taken = [n for n in consumers if n in self._consumers and self._consumers[n].process.alive]
        if taken:
            raise DsvizError(f"{listed(taken)} runs already; give another name")
        self._partitions(options["topic"])
        self._make_offsets_topic()
        words = self.words("join", {"group": group, "consumers": consumers, **options})
        began = time.monotonic()
        for name in consumers:
            self._start_consumer(name, group, options)
            self._wait_stable(group, timeout_ms)
        return self._told(words, group, began)

    def _start_consumer(self, name: str, group: str, options: dict[str, Any]) -> None:
        folder = self._workspace.folder
        old = self._consumers.get(name)
        if old is not None and old.group != group:
            raise DsvizError(f"{name} was in the group {old.group!r}; give another name")
        commands = folder / f"{name}.commands"
        commands.write_text("", encoding="utf-8")
        told = {
            "consumer": self._consumer_settings(name, group, options),
            "commands": str(commands),
            **{key: options[key] for key in ("topic", "commit", "poll_records", "work_ms")},
        }
        file = folder / f"{name}.json"
        file.write_text(json.dumps(told), encoding="utf-8")
        script = str(Path(__file__).with_name("kafka_consumer.py"))
        if old is None:
            process = Process(name, [sys.executable, "-u", script, str(file)], self._workspace)
            self._processes[name] = process
            self._starts[name] = 0
            topic, static = options["topic"], options["static"]
            self._consumers[name] = Member(name, group, topic, static, process, commands)
        self._processes[name].start()
        self._note_start(name)

    def _consumer_settings(self, name: str, group: str, options: dict) -> dict[str, Any]:
        session = options["session_ms"]
        told = common(self._doors(), name) | {
            "auto.offset.reset": options["reset"],
            "enable.auto.commit": options["commit"] == "auto",
            "fetch.wait.max.ms": 50,
            "group.id": group,
            "heartbeat.interval.ms": min(3000, session // HEARTBEATS_A_SESSION),
            "max.poll.interval.ms": options["max_poll_ms"],
            "partition.assignment.strategy": options["strategy"],
            "session.timeout.ms": session,
        }
        return told | ({"group.instance.id": name} if options["static"] else {})

    def _leave(self, consumers: list[str], timeout_ms: int) -> Answer:
        words = self.words("leave", {"consumers": consumers})
        began = time.monotonic()
        going = [self._one(name) for name in consumers]
        frozen = [one.name for one in going if one.process.state != "running"]
        if frozen:
            raise DsvizError(
                f"{listed(frozen)} does not run, so it cannot leave; thaw() or crash()"
            )
        for one in going:
            one.tell(do="leave")
            ended = eventually(lambda one=one: not one.process.alive, timeout_ms)
            if not ended:
                raise DsvizError(f"{one.name} has not left within {timeout_ms} ms; crash() it")
            if not one.static and self._running(one.group):
                self._wait_stable(one.group, timeout_ms)
        groups = list(dict.fromkeys(one.group for one in going))
        told = [self._told(words, group, began) for group in groups]
        value = {k: v for one in told for k, v in one.value.items()}
        rest = (line for one in told for line in one.text.splitlines()[1:])
        return Answer("\n".join([words, *rest]), "ok", value, told[0].took_ms)

    def _crash(self, consumer: str) -> Answer:
        words = self.words("crash", {"consumer": consumer})
        done = self._one(consumer).process.kill()
        return Answer(f"{words}: {'ok' if done else 'it was not alive'}", "ok" if done else "fail")

    def _freeze(self, consumer: str, after: int | None) -> Answer:
        one, words = self._one(consumer), self.words("freeze", {"consumer": consumer})
        if one.process.state != "running":
            return Answer(f"{words}: it was not running", "fail")
        if after is not None:
            import psutil

            known = psutil.Process(one.process.pid)
            one.tell(do="freeze", after=after)
            if not eventually(lambda: known.status() == psutil.STATUS_STOPPED, 15_000):
                one.tell(do="freeze", after=None)
                raise DsvizError(
                    f"{consumer} had no batch with more than {after} records within 15 s; "
                    "load() more, or give a smaller after"
                )
        one.process.pause()
        self._journal.note("pause", consumer)
        end = "" if after is None else f", {after} records into a batch"
        return Answer(f"{words}: ok{end}", "ok", {"owned": one.owned()})

    def _thaw(self, consumer: str, commit: bool, timeout_ms: int) -> Answer:
        one, words = self._one(consumer), self.words("thaw", {"consumer": consumer})
        if one.process.state != "paused":
            return Answer(f"{words}: it was not frozen", "fail")
        number = one.ask_commit() if commit else None
        one.process.resume()
        self._journal.note("resume", consumer)
        if number is None:
            return Answer(f"{words}: ok", "ok")
        return self._committed(one, number, f"{words}, it commits at once", timeout_ms)

    def _commit(self, consumer: str, timeout_ms: int) -> Answer:
        one, words = self._one(consumer), self.words("commit", {"consumer": consumer})
        if one.process.state != "running":
            return Answer(f"{words}: it does not run", "fail")
        return self._committed(one, one.ask_commit(), words, timeout_ms)

    def _committed(self, one: Member, number: int, words: str, timeout_ms: int) -> Answer:
        if not eventually(lambda: one.answer(number) is not None, timeout_ms):
            return Answer(f"{words}: no answer within {timeout_ms} ms, outcome unknown", "info")
        found = one.answer(number)
        value = {"offsets": found["offsets"], "error": found["error"]}
        if found["error"] is None:
            at = ", ".join(f"{p}: {offset}" for p, offset in found["offsets"].items())
            text, status = (f"ok, {at}" if at else "nothing to commit"), "ok"
        else:
            text, status = f"refused, {found['error']}", "fail"
        self._note(f"{words}: {text}", one.name)
        return Answer(f"{words}: {text}", status, value)

    def _regroup(self, group: str, timeout_ms: int) -> Answer:
        began = time.monotonic()
        self._wait_stable(group, timeout_ms)
        return self._told(self.words("regroup", {"group": group}), group, began)

    def _drain(self, group: str, timeout_ms: int) -> Answer:
        words = self.words("drain", {"group": group})
        topic = self._of(group)[0].topic
        if not eventually(lambda: self._drained(group, topic), timeout_ms, 100):
            return Answer(f"{words}: not everything within {timeout_ms} ms", "fail")
        return Answer(f"{words}: every record was worked on", "ok")

    def _drained(self, group: str, topic: str) -> bool:
        ends = {part: self._ends(topic, part)[1] for part in self._partitions(topic)}
        done = {}
        for event in self._events(group, ("did",)):
            part = event["partition"]
            done[part] = max(done.get(part, 0), event["offset"] + 1)
        return all(end is not None and done.get(part, 0) >= end for part, end in ends.items())

    # ---- when a group is stable ------------------------------------------------------------

    def _wait_stable(self, group: str, timeout_ms: float) -> None:
        def stable() -> bool:
            for one in self._running(group):
                if not one.process.alive:
                    break
            return self._is_stable(group)

        if not eventually(stable, timeout_ms, 50):
            raise DsvizError(
                f"the group {group!r} is not stable after {timeout_ms:g} ms; thaw() or crash() who "
                "stands still, or give a larger timeout_ms"
            )

    def _is_stable(self, group: str) -> bool:
        """Tell whether those who run have everything, and both sides agree on who has what."""
        seen = self._seen(group)
        if seen is None:
            return False
        state, theirs = seen
        running = {one.name: one for one in self._running(group)}
        # A static member that is gone keeps its part until its session ends.
        away = {o.name for o in self._of(group) if o.static and o.name not in running}
        if state != "STABLE" or set(theirs) - away != set(running):
            return False
        parts = sorted(p for owned in theirs.values() for p in owned)
        if parts != sorted(self._partitions(self._of(group)[0].topic)):
            return False
        return all(one.owned() == theirs[name] for name, one in running.items())

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

    def _told(self, words: str, group: str, since: float) -> Answer:
        """Return the answer of a call that made a group rebalance: who has what, and how."""
        callbacks = self._callbacks(group, since)
        rows, assignment = [], {}
        for one in self._of(group):
            own = [c for c in callbacks if c["consumer"] == one.name]
            if one.process.alive:
                assignment[one.name] = one.owned()
            elif not own:
                continue  # it left or died earlier
            for callback in own:
                self._note(f"{callback['what']} {_parts(callback['partitions'])}", one.name)
            rows.append((one.name, self._has(one), _story(own)))
        took = round(1000 * (time.monotonic() - since), 3)
        value = {"assignment": assignment, "callbacks": callbacks, "took_ms": took}
        return Answer("\n".join([words, *_table(rows)]), "ok", value, took)

    def _has(self, one: Member) -> str:
        state = one.process.state
        if state == "running":
            return f"has {_parts(one.owned())}"
        return {"paused": "frozen", "killed": "dead"}.get(state, "gone")

    def _rebalances(self, group: str) -> Answer:
        callbacks = self._callbacks(group)
        rows = [
            (one.name, _story([c for c in callbacks if c["consumer"] == one.name]))
            for one in self._of(group)
        ]
        text = "\n".join([self.words("rebalances", {"group": group}), *_table(rows)])
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
            own = _parts(theirs[name]) if name in theirs else "not a member"
            lines.append((name, own, _parts(believed[name]) if name in believed else "-"))
        text = "\n".join(_table(lines))
        value = {"coordinator": theirs, "consumers": believed, "state": state}
        return Answer(f"{words}\n{text}", "ok", value)

    def _offsets(self, group: str) -> Answer:
        words = self.words("offsets", {"group": group})
        rows = self._committed_rows(group)
        if rows is None:
            return Answer(f"{words}: the coordinator gives no answer", "info")
        table = [("topic partition", "committed", "end", "lag in records")]
        for row in rows:
            told = (row["committed"], row["end"], row["lag"])
            none = ("none" if one is None else str(one) for one in told)
            table.append((f"{row['topic']}-{row['partition']}", *none))
        text = "\n".join(_table(table))
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


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    """Return rows as lines with columns that are as wide as they need to be."""
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{c:<{w}}" for c, w in zip(row, wide, strict=True)) for row in rows)
    return [f"  {line}".rstrip() for line in lines]


def _parts(numbers: Iterable[int]) -> str:
    return " ".join(map(str, numbers)) or "nothing"


def _story(callbacks: list[dict[str, Any]]) -> str:
    told = ", ".join(f"{c['what']} {_parts(c['partitions'])}" for c in callbacks)
    return told or "nothing changed"


def _gaps(effects: list[dict[str, Any]]) -> dict[str, float]:
    last: dict[int, float] = {}
    gaps: dict[str, float] = {}
    for event in effects:
        part = event["partition"]
        gap = event["at"] - last.get(part, event["at"])
        gaps[str(part)] = round(max(gap, gaps.get(str(part), 0.0)), 3)
        last[part] = event["at"]
    return gaps
