"""The publisher, which keeps the messages of a transaction until its commit."""

from __future__ import annotations

from collections.abc import Sequence

from brokerkit.core.contract.publisher import PublisherDriver
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.results import PublishResult

from .store import Store


class InmemPublisher(PublisherDriver):
    """A publisher. In a transaction, it keeps messages until the commit."""

    def __init__(self, store: Store, transactional: bool) -> None:
        self._store = store
        self._transactional = transactional
        self._pending: list[tuple[str, OutboundMessage]] = []

    def send(self, batch: Sequence[tuple[str, OutboundMessage]], timeout: float) -> list[PublishResult]:
        try:
            self._store.check(timeout)
        except BrokerError as error:
            return [PublishResult("failed", error=error) for _ in batch]
        if not self._transactional:
            return self._store.publish(batch)
        results = []
        for topic, message in batch:
            try:
                self._store.check_place(topic, message)
                self._pending.append((topic, message))
                results.append(PublishResult("confirmed"))
            except BrokerError as error:
                results.append(PublishResult("failed", error=error))
        return results

    def begin(self, timeout: float) -> None:
        self._store.check(timeout)
        self._pending.clear()

    def commit(self, timeout: float) -> None:
        self._store.check(timeout)
        self._store.publish_transaction(self._pending)
        self._pending.clear()

    def abort(self, timeout: float) -> None:
        self._pending.clear()
