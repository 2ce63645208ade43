"""Taking messages of one partition from the client library, as columns."""

from __future__ import annotations

from typing import Any, Protocol

from confluent_kafka import Message, TopicPartition

from brokerkit.core.contract.garbage_collection import gc_paused
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.secrets import revealed

from .clients import Consumer
from .codec import PartitionColumns, Reported, split_errors
from .options import Properties

PART = 1_000
"""Messages that are taken from the client at once."""


class Fetcher(Protocol):
    """A client that reads one partition after the other. Its methods may raise KafkaException."""

    def find_leaders(self, topic: str, timeout: float) -> None:
        """Ask for the leaders of a topic."""

    def assign(self, topic: str, partition: int, offset: int) -> None:
        """Begin to read a partition at an offset."""

    def unassign(self) -> None:
        """Stop to read."""

    def take(
        self, topic: str, partition: int, wait: float, rows: int, size: int, *, attributes: bool
    ) -> tuple[Columns | None, list[Reported]]:
        """Return the messages that are here, or else the first to arrive within `wait`, and the errors.

        None as the first stands for nothing at all.

        Args:
            topic: The topic that is assigned.
            partition: Its partition.
            wait: Seconds.
            rows: The most rows.
            size: About the most bytes.
            attributes: Whether to read the headers, which is expensive.
        """

    def close(self) -> None:
        """Close the client, which can take half a minute if the broker is gone."""


class ClientFetcher:
    """The consumer of confluent-kafka."""

    def __init__(self, settings: Properties) -> None:
        self._consumer = Consumer(revealed(settings))

    def find_leaders(self, topic: str, timeout: float) -> None:
        self._consumer.list_topics(topic, timeout)

    def assign(self, topic: str, partition: int, offset: int) -> None:
        self._consumer.assign([TopicPartition(topic, partition, offset)])

    def unassign(self) -> None:
        self._consumer.unassign()

    def take(
        self, topic: str, partition: int, wait: float, rows: int, size: int, *, attributes: bool
    ) -> tuple[Columns | None, list[Reported]]:
        first = self._consumer.poll(wait)
        if first is None:
            return None, []
        columns = PartitionColumns(topic, partition, attributes=attributes)
        errors: list[Message] = []
        # thousands of messages at once would trigger the garbage collector several times
        with gc_paused():
            part, room = [first], size
            while part:
                good, bad = split_errors(part)
                columns.add(good)
                errors += bad
                room -= len(part) * (len(part[-1]) + 1)
                wanted = min(PART, rows - len(columns), room // (len(part[-1]) + 1))
                part = self._consumer.consume(wanted, 0) if wanted > 0 and not bad else []
        return columns.columns(), [Reported(_error_of(each), each.offset()) for each in errors]

    def close(self) -> None:
        self._consumer.close()


def _error_of(message: Message) -> Any:
    error = message.error()
    assert error is not None
    return error
