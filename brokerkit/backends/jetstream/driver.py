"""The driver: an open connection to a NATS server with JetStream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brokerkit.core.contract.driver import (
    ConsumerDriver,
    ConsumerRequest,
    Driver,
    InspectorDriver,
    PublisherDriver,
    ReaderDriver,
    SubscriptionRequest,
)
from brokerkit.core.vocabulary.capabilities import Capabilities
from brokerkit.core.vocabulary.errors import BrokerError

from . import admin
from .connection import NatsConnection, open_link
from .consumer import JetStreamConsumer
from .errors import translate, translating
from .inspector import JetStreamInspector
from .loop import LoopThread, shared_loop
from .options import Options
from .publisher import JetStreamPublisher
from .reader import JetStreamReader


class JetStreamDriver(Driver):
    """A connection to a NATS server. All consumers, publishers and readers share it."""

    def __init__(self, loop: LoopThread, link: NatsConnection, capabilities: Capabilities) -> None:
        self._loop = loop
        self._link = link
        self.capabilities = capabilities

    @classmethod
    def open(cls, options: Options, capabilities: Capabilities, timeout: float) -> JetStreamDriver:
        """Connect within `timeout` seconds, and return a driver with the server's limit of a message."""
        loop = shared_loop()
        with translating():
            link = loop.run(open_link(options, timeout), timeout)
        limit = link.client.max_payload
        return cls(loop, link, capabilities.but(max_message_bytes=limit))

    def ping(self, timeout: float) -> None:
        self._loop.run(self._link.account(timeout), timeout)

    def translate(self, error: BaseException) -> BrokerError:
        return translate(error)

    def consumer(self, request: ConsumerRequest) -> ConsumerDriver:
        return JetStreamConsumer(self._loop, self._link, request)

    def publisher(self, *, transactional_id: str | None = None) -> PublisherDriver:
        return JetStreamPublisher(self._loop, self._link)

    def inspector(self) -> InspectorDriver:
        return JetStreamInspector(self._loop, self._link)

    def reader(self) -> ReaderDriver:
        return JetStreamReader(self._loop, self._link)

    def create_topic(self, topic: str, *, options: Mapping[str, Any], timeout: float) -> None:
        self._loop.run(admin.create_topic(self._link, topic, options, timeout), timeout)

    def delete_topic(self, topic: str, *, timeout: float) -> None:
        self._loop.run(admin.delete_topic(self._link, topic, timeout), timeout)

    def create_subscription(self, request: SubscriptionRequest, *, timeout: float) -> None:
        self._loop.run(admin.create_subscription(self._link, request, timeout), timeout)

    @property
    def native(self) -> Any:
        """The nats-py client. It lives on a private event loop, not on the caller's."""
        return self._link.client

    def close(self, timeout: float) -> None:
        self._loop.run(self._link.close(), timeout)
