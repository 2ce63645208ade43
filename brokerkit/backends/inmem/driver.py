"""The driver: a connection to an in-memory broker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brokerkit.core.contract.consumer import ConsumerDriver, ConsumerRequest, SubscriptionRequest
from brokerkit.core.contract.dead_letters import DeadLettersDriver
from brokerkit.core.contract.driver import Driver
from brokerkit.core.contract.inspector import InspectorDriver, ReaderDriver
from brokerkit.core.contract.options import NO_OPTIONS
from brokerkit.core.contract.publisher import PublisherDriver
from brokerkit.core.contract.purging import PurgingDriver
from brokerkit.core.contract.subscriptions import SubscriptionsDriver
from brokerkit.core.vocabulary.capabilities import Capabilities

from .consumer import InmemConsumer, InmemRecordConsumer
from .dead_letters import InmemDeadLetters
from .inspector import InmemInspector
from .operating import InmemSubscriptions
from .options import SUBSCRIPTION_OPTIONS
from .publisher import InmemPublisher
from .purging import InmemPurging
from .reader import InmemReader
from .store import Store, shared_store


class InmemDriver(Driver):
    """A connection to an in-memory broker."""

    def __init__(self, store: Store, capabilities: Capabilities) -> None:
        self.store = store
        self.capabilities = capabilities

    @classmethod
    def open(cls, name: str, capabilities: Capabilities) -> InmemDriver:
        """Return a driver of the shared broker with a name, or of a new private one without a name."""
        return cls(shared_store(name) if name else Store(), capabilities)

    def ping(self, timeout: float) -> None:
        self.store.check(timeout)

    def consumer(self, request: ConsumerRequest) -> ConsumerDriver:
        if request.model == "record":
            NO_OPTIONS.read(request.options)
            return InmemRecordConsumer(self.store, request)
        SUBSCRIPTION_OPTIONS.read(request.options)
        return InmemConsumer(self.store, request)

    def publisher(self, *, transactional_id: str | None = None) -> PublisherDriver:
        return InmemPublisher(self.store, transactional_id is not None)

    def inspector(self) -> InspectorDriver:
        return InmemInspector(self.store)

    def reader(self) -> ReaderDriver:
        return InmemReader(self.store)

    def create_topic(self, topic: str, *, options: Mapping[str, Any], timeout: float) -> None:
        self.store.check(timeout)
        self.store.create_topic(topic, options)

    def delete_topic(self, topic: str, *, timeout: float) -> None:
        self.store.check(timeout)
        self.store.delete_topic(topic)

    def create_subscription(self, request: SubscriptionRequest, *, timeout: float) -> None:
        self.store.check(timeout)
        place = request.topic, request.subscription
        if request.model == "record":
            NO_OPTIONS.read(request.options)
            self.store.create_group(*place, request.start)
        else:
            self.store.create_subscription(*place, request.start, request.options)

    def subscriptions(self) -> SubscriptionsDriver:
        return InmemSubscriptions(self.store)

    def purging(self) -> PurgingDriver:
        return InmemPurging(self.store)

    def dead_letters(self) -> DeadLettersDriver:
        return InmemDeadLetters(self.store)

    @property
    def native(self) -> Store:
        return self.store
