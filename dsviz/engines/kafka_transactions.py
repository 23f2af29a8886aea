"""Transactions of producers, and how one fences another. All times are milliseconds (ms)."""

from __future__ import annotations

from typing import Any

from dsviz.engines.answers import Answer
from dsviz.engines.kafka_clients import SILENT, outcome, producer_settings, send_all
from dsviz.engines.kafka_records import KafkaRecords
from dsviz.engines.live import eventually
from dsviz.errors import DsvizError, listed

FENCED = ("_FENCED", "INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED")


class KafkaTransactions(KafkaRecords):
    """The calls on transactions; see `dsviz.engines.kafka.Kafka`."""

    def _forget_clients(self) -> None:
        super()._forget_clients()
        self._transactions: dict[str, tuple[str, Any]] = {}  # (id, client), by producer
        self._written: dict[str, dict[tuple[str, int], int]] = {}  # last offsets, by producer

    def _drop_clients(self) -> None:
        for _, producer in self._transactions.values():
            producer.purge()
        super()._drop_clients()

    def _txn_begin(self, producer: str, id: str, timeout_ms: int) -> Answer:
        from confluent_kafka import KafkaException, Producer

        words = self.words("txn_begin", {"producer": producer})
        try:
            if producer not in self._transactions:
                told = producer_settings(self._doors(), "all", True, timeout_ms) | {
                    "client.id": producer,
                    "transactional.id": id,
                    "transaction.timeout.ms": 60_000,
                }
                made = Producer(told, logger=SILENT)
                made.init_transactions(timeout_ms / 1000)
                self._transactions[producer] = (id, made)
            known, client = self._transactions[producer]
            if known != id:
                raise DsvizError(f"{producer} has the id {known!r} already: use another producer")
            client.begin_transaction()
        except KafkaException as error:
            return self._refused(words, error.args[0])
        self._note(words)
        return Answer(f"{words}: ok", "ok", {"error": None})

    def _txn_send(self, producer: str, topic: str, records: list) -> Answer:
        client = self._transactional(producer)
        words = self.words("txn_send", {"producer": producer, "topic": topic, "records": records})
        self._check_partition(topic, None)
        from confluent_kafka import KafkaException

        try:
            rows = send_all(client, topic, records, None, 10_000)
        except KafkaException as error:
            return self._refused(words, error.args[0])
        bad = next((row for row in rows if row["status"] != "ok"), None)
        if bad is None:
            last = {(topic, row["partition"]): row["offset"] for row in rows}
            self._written.setdefault(producer, {}).update(last)
        text = "written" if bad is None else self._reason(bad["error"])
        self._note(f"{words}: {text}")
        return Answer(f"{words}: {text}", "ok" if bad is None else "fail", rows)

    def _txn_end(self, producer: str, commit: bool, timeout_ms: int) -> Answer:
        from confluent_kafka import KafkaException

        client = self._transactional(producer)
        words = self.words("txn_end", {"producer": producer, "commit": commit})
        try:
            (client.commit_transaction if commit else client.abort_transaction)(timeout_ms / 1000)
        except KafkaException as error:
            return self._refused(words, error.args[0])
        # Kafka says ok when the outcome is certain; the topics hear of it a moment later.
        written = self._written.pop(producer, {})
        eventually(lambda: all(self._decided(*one) for one in written.items()), 1000)
        self._note(words)
        return Answer(f"{words}: ok", "ok", {"error": None})

    def _decided(self, place: tuple[str, int], offset: int) -> bool:
        """Tell whether a topic partition has no open transaction up to an offset."""
        from confluent_kafka import IsolationLevel

        last = self._end_of(*place, isolation_level=IsolationLevel.READ_COMMITTED)
        return last is not None and last > offset

    def _transactional(self, producer: str) -> Any:
        if producer not in self._transactions:
            known = listed(self._transactions) or "none"
            raise DsvizError(f"{producer!r} has begun no transaction; the producers are {known}")
        return self._transactions[producer][1]

    def _refused(self, words: str, error: Any) -> Answer:
        name = error.name()
        text = f"{words}: {self._reason(name)}"
        self._note(text)
        status = "fail" if name in FENCED else outcome(error)
        return Answer(text, status, {"error": name})

    def _reason(self, name: str) -> str:
        if name in FENCED:
            return "refused, a newer producer has this id (fenced)"
        return f"refused, {name}"
