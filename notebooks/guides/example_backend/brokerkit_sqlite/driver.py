"""The driver: a connection to one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brokerkit.core.contract.consumer import ConsumerDriver, ConsumerRequest, SubscriptionRequest
from brokerkit.core.contract.driver import Driver
from brokerkit.core.contract.inspector import InspectorDriver, ReaderDriver
from brokerkit.core.contract.options import NO_OPTIONS
from brokerkit.core.contract.publisher import PublisherDriver
from brokerkit.core.vocabulary.capabilities import Capabilities
from brokerkit.core.vocabulary.errors import BrokerError

from . import admin
from .connection import Database
from .consumer import SqliteConsumer
from .errors import ERRORS
from .inspector import SqliteInspector
from .publisher import SqlitePublisher
from .reader import SqliteReader


class SqliteDriver(Driver):
    """A connection to one file. Each of its drivers opens the file again, in its own thread."""

    def __init__(self, database: Database, capabilities: Capabilities) -> None:
        self._database = database
        self.capabilities = capabilities

    def ping(self, timeout: float) -> None:
        self._database.check(timeout)

    def translate(self, error: BaseException) -> BrokerError:
        return ERRORS.translate(error)

    def consumer(self, request: ConsumerRequest) -> ConsumerDriver:
        return SqliteConsumer(self._database.again(), request)

    def publisher(self, *, transactional_id: str | None = None) -> PublisherDriver:
        return SqlitePublisher(self._database.again())

    def inspector(self) -> InspectorDriver:
        return SqliteInspector(self._database.again())

    def reader(self) -> ReaderDriver:
        return SqliteReader(self._database.again())

    def create_topic(self, topic: str, *, options: Mapping[str, Any], timeout: float) -> None:
        NO_OPTIONS.read(options)
        admin.create_topic(self._database, topic, timeout)

    def delete_topic(self, topic: str, *, timeout: float) -> None:
        admin.delete_topic(self._database, topic, timeout)

    def create_subscription(self, request: SubscriptionRequest, *, timeout: float) -> None:
        admin.create_subscription(self._database, request, timeout)

    def close(self, timeout: float) -> None:
        self._database.close()
