"""Transactions: registering, committing, aborting, and the positions of groups as part of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from brokerkit.core.contract.background import close_with_timeout
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.secrets import revealed
from brokerkit.core.vocabulary.settled_offsets import SettledOffsets

from .clients import Consumer, Producer
from .errors import translating
from .group_positions import CLOSE_SECONDS, group_settings
from .options import Properties, check_c_text
from .watch import Watch


class Transactions:
    """The transactions of one publisher."""

    def __init__(self, properties: Properties, watch: Watch) -> None:
        self._properties = properties
        self._watch = watch
        self._initialised = False
        self._groups: dict[str, Consumer] = {}

    def begin(self, producer: Producer, timeout: float) -> None:
        """Begin a transaction. The first also registers the transactional id."""
        if not self._initialised:
            self._transact(producer, producer.init_transactions, timeout, "registering the transactional id")
            self._initialised = True
        with translating("beginning the transaction"):
            producer.begin_transaction()

    def send_positions(
        self,
        producer: Producer,
        topic: str,
        group: str,
        settled: Mapping[int | None, SettledOffsets],
        timeout: float,
    ) -> None:
        """Make positions of a group, with their notes, part of the transaction."""
        check_c_text(group, "group")
        if group not in self._groups:
            with translating(f"group {group!r}"):
                # it never joins the group: only the name is needed
                self._groups[group] = Consumer(
                    revealed(group_settings(self._properties, group, Watch.of(self._properties)))
                )
        about = self._groups[group].consumer_group_metadata()
        offsets = [
            TopicPartition(topic, number, each.next, each.note)
            for number, each in settled.items()
            if number is not None
        ]
        self._transact(
            producer,
            lambda seconds: producer.send_offsets_to_transaction(offsets, about, seconds),
            timeout,
            f"positions of group {group!r}",
        )

    def commit(self, producer: Producer, timeout: float) -> None:
        """Commit the transaction."""
        self._transact(producer, producer.commit_transaction, timeout, "committing the transaction")

    def abort(self, producer: Producer, timeout: float) -> None:
        """Abort the transaction."""
        self._transact(producer, producer.abort_transaction, timeout, "aborting the transaction")

    def _transact(self, producer: Producer, work: Callable[[float], Any], timeout: float, what: str) -> None:
        """Call a function of the producer until it succeeds or the time is up.

        When it is called again, librdkafka continues the same operation.
        """
        deadline = Deadline(timeout)
        while True:
            try:
                work(max(0.1, min(1.0, deadline.remaining())))
            except KafkaException as error:
                producer.poll(0)
                self._watch.raise_if_refused()
                found: KafkaError = error.args[0]
                if found.code() == KafkaError._TIMED_OUT and deadline.passed:
                    raise self._watch.unavailable(what) from error
                if deadline.passed or not found.retriable():
                    problem = self._watch.translate(error, what)
                    raise problem from problem.__cause__
            else:
                return

    def close(self) -> None:
        """Let go of the groups."""
        for each in self._groups.values():
            close_with_timeout(each.close, CLOSE_SECONDS, "close")
        self._groups.clear()
