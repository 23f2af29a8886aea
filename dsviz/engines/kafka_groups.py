"""Consumer groups whose consumers are processes: they come, go, stand still. All times are ms."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from dsviz.engines.answers import Answer
from dsviz.engines.kafka_clients import common
from dsviz.engines.kafka_group_views import KafkaGroupViews, parts_of, story, table
from dsviz.engines.kafka_members import Member
from dsviz.engines.live import eventually
from dsviz.engines.process import Process
from dsviz.errors import DsvizError, listed

HEARTBEATS_A_SESSION = 6  # more than the usual 3: a member hears of a rebalance by its heartbeat


class KafkaGroups(KafkaGroupViews):
    """The calls that change consumer groups; see `dsviz.engines.kafka.Kafka`."""

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
            self._wait_stable(group, timeout_ms, self._consumers[name])
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
            commits = options["commit"] == "batch"
            self._consumers[name] = Member(name, group, topic, static, commits, process, commands)
        self._processes[name].start()
        self._note_start(name)

    def _consumer_settings(self, name: str, group: str, options: dict) -> dict[str, Any]:
        told = common(self._doors(), name) | {
            "auto.offset.reset": options["reset"],
            "enable.auto.commit": options["commit"] == "auto",
            "fetch.wait.max.ms": 50,
            "group.id": group,
            "group.protocol": options["protocol"],
            "max.poll.interval.ms": options["max_poll_ms"],
        }
        if options["protocol"] == "consumer":
            told["group.remote.assignor"] = options["strategy"]
        else:
            session = options["session_ms"]
            told["heartbeat.interval.ms"] = min(3000, session // HEARTBEATS_A_SESSION)
            told["partition.assignment.strategy"] = options["strategy"]
            told["session.timeout.ms"] = session
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
        return self._committed(one, number, f"{words}: its commit is", timeout_ms)

    def _commit(self, consumer: str, timeout_ms: int) -> Answer:
        one, words = self._one(consumer), self.words("commit", {"consumer": consumer})
        if one.process.state != "running":
            return Answer(f"{words}: it does not run", "fail")
        return self._committed(one, one.ask_commit(), f"{words}:", timeout_ms)

    def _committed(self, one: Member, number: int, words: str, timeout_ms: int) -> Answer:
        """Wait for the answer to a commit; `words` are what stands before its outcome."""
        if not eventually(lambda: one.answer(number) is not None, timeout_ms):
            return Answer(f"{words} unknown, no answer within {timeout_ms} ms", "info")
        found = one.answer(number)
        value = {"offsets": found["offsets"], "error": found["error"]}
        if found["error"] is None:
            at = ", ".join(f"{p}: {offset}" for p, offset in found["offsets"].items())
            text, status = (f"ok ({at})" if at else "empty, it has done nothing"), "ok"
        else:
            text, status = f"refused ({found['error']})", "fail"
        self._note(f"{words} {text}", one.name)
        return Answer(f"{words} {text}", status, value)

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
        worked = all(end is not None and done.get(part, 0) >= end for part, end in ends.items())
        return worked and all(one.is_done() for one in self._running(group))

    # ---- when a group is stable ------------------------------------------------------------

    def _wait_stable(self, group: str, timeout_ms: float, *new: Member) -> None:
        def stable() -> bool:
            for one in new:
                if not one.process.alive:
                    raise DsvizError(f"{one.name} ended by itself: {one.process.last_words}")
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

    # ---- the answer -------------------------------------------------------------------------

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
                self._note(f"{callback['what']} {parts_of(callback['partitions'])}", one.name)
            rows.append((one.name, self._has(one), story(own)))
        took = round(1000 * (time.monotonic() - since), 3)
        value = {"assignment": assignment, "callbacks": callbacks, "took_ms": took}
        return Answer("\n".join([words, *table(rows)]), "ok", value, took)

    def _has(self, one: Member) -> str:
        state = one.process.state
        if state == "running":
            return f"has {parts_of(one.owned())}"
        return {"paused": "frozen", "killed": "dead"}.get(state, "gone")
