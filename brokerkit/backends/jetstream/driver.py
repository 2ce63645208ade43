"""The driver: an open connection to a NATS server with JetStream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brokerkit.core.contract.consumer import ConsumerDriver, ConsumerRequest, SubscriptionRequest
from brokerkit.core.contract.dead_letters import DeadLettersDriver
from brokerkit.core.contract.driver import Driver
from brokerkit.core.contract.inspector import InspectorDriver, ReaderDriver
from brokerkit.core.contract.publisher import PublisherDriver
from brokerkit.core.contract.purging import PurgingDriver
from brokerkit.core.contract.subscriptions import SubscriptionsDriver
from brokerkit.core.vocabulary.capabilities import Capabilities
from brokerkit.core.vocabulary.errors import BrokerError

from . import admin
from .connection import JetStreamConnection, open_connection
from .consumer import JetStreamConsumer
from .dead_letters import JetStreamDeadLetters
from .errors import translate, translating
from .inspector import JetStreamInspector
from .loop import LoopThread, shared_loop
from .operating import JetStreamSubscriptions, why_not_reset
from .options import Options
from .publisher import JetStreamPublisher
from .purging import JetStreamPurging
from .reader import JetStreamReader


class JetStreamDriver(Driver):
    """A connection to a NATS server. All consumers, publishers and readers share it."""

    def __init__(self, loop: LoopThread, connection: JetStreamConnection, capabilities: Capabilities) -> None:
        self._loop = loop
        self._connection = connection
        self.capabilities = capabilities

    @classmethod
    def open(cls, options: Options, capabilities: Capabilities, timeout: float) -> JetStreamDriver:
        """Connect within `timeout` seconds, and return a driver that knows what the server can do."""
        loop = shared_loop()
        with translating():
            connection = loop.run(open_connection(options, timeout), timeout)
        lacks = dict(capabilities.lacks)
        why = why_not_reset(connection)
        if why is not None:
            lacks["reset"] = why
        limit = connection.client.max_payload
        return cls(loop, connection, capabilities.but(max_message_bytes=limit, lacks=lacks))

    def ping(self, timeout: float) -> None:
        self._loop.run(self._connection.account(timeout), timeout)

    def translate(self, error: BaseException) -> BrokerError:
        return translate(error)

    def consumer(self, request: ConsumerRequest) -> ConsumerDriver:
        return JetStreamConsumer(self._loop, self._connection, request)

    def publisher(self, *, transactional_id: str | None = None) -> PublisherDriver:
        return JetStreamPublisher(self._loop, self._connection)

    def inspector(self) -> InspectorDriver:
        return JetStreamInspector(self._loop, self._connection)

    def reader(self) -> ReaderDriver:
        return JetStreamReader(self._loop, self._connection)

    def create_topic(self, topic: str, *, options: Mapping[str, Any], timeout: float) -> None:
        self._loop.run(admin.create_topic(self._connection, topic, options, timeout), timeout)

    def delete_topic(self, topic: str, *, timeout: float) -> None:
        self._loop.run(admin.delete_topic(self._connection, topic, timeout), timeout)

    def create_subscription(self, request: SubscriptionRequest, *, timeout: float) -> None:
        self._loop.run(admin.create_subscription(self._connection, request, timeout), timeout)

    def subscriptions(self) -> SubscriptionsDriver:
        return JetStreamSubscriptions(self._loop, self._connection)

    def purging(self) -> PurgingDriver:
        return JetStreamPurging(self._loop, self._connection)

    def dead_letters(self) -> DeadLettersDriver:
        return JetStreamDeadLetters(self._loop, self._connection)

    @property
    def native(self) -> Any:
        """The nats-py client. It lives on a private event loop, not on the caller's."""
        return self._connection.client

    def close(self, timeout: float) -> None:
        self._loop.run(self._connection.close(), timeout)
