"""The consumer of messages that are acknowledged one by one, with any type of subscription."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from brokerkit.core.contract.driver import Backlog, ConsumerRequest, Fetched, MessageDriver, Outcome
from brokerkit.core.vocabulary.errors import BrokerError

from .admin import Topics
from .codec import to_columns
from .errors import raised
from .subscription_client import Receiving
from .subscriptions import Subscriptions

IDLE_SECONDS = 1.0
"""After this long without a waiting caller or an unsettled message, prefetched messages are given back."""


class PulsarConsumer(MessageDriver):
    """A consumer whose receipts are the library's message ids, each of which knows its batch."""

    def __init__(self, topics: Topics, subscriptions: Subscriptions, request: ConsumerRequest) -> None:
        self._receiving = Receiving(topics, subscriptions, request)
        self._held = 0
        self._wanted_at = time.monotonic()

    def attach(self, wait: float) -> bool:
        return self._receiving.attach(wait)

    def fetch(self, max_messages: int, wait: float) -> Fetched:
        messages = self._receiving.fetch(max_messages, wait)
        self._wanted_at = time.monotonic()
        self._held += len(messages)
        columns = to_columns(
            messages, counts=self._receiving.options.counts, key_bytes=self._receiving.key_bytes
        )
        return Fetched(columns, [message.message_id() for message in messages])

    def backlog(self, mark: Any) -> Backlog | None:
        return self._receiving.backlog(mark)

    def wake(self) -> None:
        self._receiving.wake()

    def idle(self) -> None:
        options = self._receiving.options
        unused = time.monotonic() - self._wanted_at
        if options.counts and self._receiving.open and not self._held and unused >= IDLE_SECONDS:
            self._receiving.let_go()

    def settle(
        self, receipts: Sequence[Any], outcome: Outcome, *, delay: float | None, reason: str | None
    ) -> list[BaseException | None]:
        consumer = self._receiving.native
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
                failures.append(raised(error, "acknowledging"))
        try:
            # the library accepts acknowledgements without a connection, and reports no error
            self._receiving.confirm_reachable()
        except BrokerError as error:
            return [failure or error for failure in failures]
        self._held -= failures.count(None)
        return failures

    def close(self, timeout: float) -> None:
        self._receiving.close(timeout)
