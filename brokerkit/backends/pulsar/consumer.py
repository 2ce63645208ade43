"""The consumers: of messages, which are acknowledged one by one, and of records, up to a position.

Any type of subscription yields messages; failover and exclusive ones also yield records.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from brokerkit.core.contract.consumer import (
    Backlog,
    ConsumerRequest,
    Fetched,
    MessageDriver,
    Outcome,
    Partition,
    RecordDriver,
)
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.positions import Position

from .admin import Subscriptions
from .codec import to_columns
from .errors import translate
from .subscription_client import SubscriptionClient
from .topics import Topics

IDLE_SECONDS = 1.0
"""After this long without a waiting caller or an unsettled message, prefetched messages are returned."""


class PulsarConsumer(MessageDriver):
    """A consumer whose receipts are the library's message ids, each of which knows its batch."""

    def __init__(self, topics: Topics, subscriptions: Subscriptions, request: ConsumerRequest) -> None:
        self._client = SubscriptionClient(topics, subscriptions, request)
        self._held = 0
        self._wanted_at = time.monotonic()

    def attach(self, wait: float) -> bool:
        return self._client.attach(wait)

    def create_subscription(self, start: Position, timeout: float) -> None:
        self._client.create_subscription(start, timeout)

    def fetch(self, max_messages: int, wait: float) -> Fetched:
        messages = self._client.fetch(max_messages, wait)
        self._wanted_at = time.monotonic()
        self._held += len(messages)
        columns = to_columns(messages, counts=self._client.options.counts, schemas=self._client.schemas)
        return Fetched(columns, [message.message_id() for message in messages])

    def backlog(self, mark: Any) -> Backlog | None:
        return self._client.backlog(mark)

    def wake(self) -> None:
        self._client.wake()

    def idle(self) -> None:
        options = self._client.options
        unused = time.monotonic() - self._wanted_at
        if options.counts and self._client.open and not self._held and unused >= IDLE_SECONDS:
            self._client.let_go()

    def settle(
        self, receipts: Sequence[Any], outcome: Outcome, *, delay: float | None, reason: str | None
    ) -> list[BaseException | None]:
        consumer = self._client.native
        if outcome is Outcome.NACK:
            for each in receipts:
                consumer.negative_acknowledge(each)
            self._held -= len(receipts)
            return [None] * len(receipts)
        failures: list[BaseException | None] = []
        for each in receipts:
            try:
                consumer.acknowledge(each)
                failures.append(None)
            except Exception as error:
                failures.append(translate(error, "acknowledging"))
        try:
            # the library accepts acknowledgements without a connection, and reports no error
            self._client.confirm_reachable()
        except BrokerError as error:
            return [failure or error for failure in failures]
        self._held -= failures.count(None)
        return failures

    def close(self, timeout: float) -> None:
        self._client.close(timeout)


class PulsarRecordConsumer(RecordDriver):
    """A consumer of records.

    The broker continues after the last acknowledged record whenever a consumer attaches or reconnects.
    Records that were returned before are then left out, unless they were sought.
    """

    def __init__(self, topics: Topics, subscriptions: Subscriptions, request: ConsumerRequest) -> None:
        self._client = SubscriptionClient(topics, subscriptions, request)
        self._next: dict[Partition, int] = {}
        self._ids: dict[Partition, dict[int, Any]] = {}

    def attach(self, wait: float) -> bool:
        return self._client.attach(wait)

    def create_subscription(self, start: Position, timeout: float) -> None:
        self._client.create_subscription(start, timeout)

    def fetch(self, max_messages: int, wait: float) -> Fetched:
        messages = self._client.fetch(max_messages, wait)
        columns = to_columns(messages, schemas=self._client.schemas)
        new = []
        rows = zip(columns.values("topic"), columns.values("partition"), columns.positions(), strict=True)
        for row, (topic, number, position) in enumerate(rows):
            partition = (topic, number)
            if position >= self._next.get(partition, 0):
                self._next[partition] = position + 1
                self._ids.setdefault(partition, {})[position] = messages[row].message_id()
                new.append(row)
        return Fetched(columns if len(new) == len(messages) else columns.take(new))

    def backlog(self, mark: Any) -> Backlog | None:
        return self._client.backlog(mark)

    def wake(self) -> None:
        self._client.wake()

    def commit(self, positions: Mapping[Partition, int]) -> Mapping[Partition, BaseException | None]:
        failures: dict[Partition, BaseException | None] = {}
        for partition, position in positions.items():
            try:
                message_id = self._ids[partition][position - 1]
                self._client.native.acknowledge_cumulative(message_id)
                failures[partition] = None
            except Exception as error:
                failures[partition] = translate(error, "acknowledging")
        try:
            self._client.confirm_reachable()
        except BrokerError as error:
            return {partition: failure or error for partition, failure in failures.items()}
        for partition, position in positions.items():
            if failures[partition] is None:
                kept = {at: each for at, each in self._ids[partition].items() if at >= position}
                self._ids[partition] = kept
        return failures

    def seek(self, positions: Mapping[Partition, int]) -> None:
        """Make the broker begin again after the last acknowledged record."""
        self._next.update(positions)
        self._client.let_go()

    def close(self, timeout: float) -> None:
        self._client.close(timeout)
