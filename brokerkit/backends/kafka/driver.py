"""The driver: an open connection to a Kafka cluster."""

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
from brokerkit.core.vocabulary.errors import BrokerError, PreviewWarning
from brokerkit.core.vocabulary.notes import note

from . import admin
from .connection import KafkaConnection
from .consumer import KafkaConsumer
from .dead_letters import KafkaDeadLetters
from .errors import translate, translating
from .inspector import KafkaInspector
from .operating import KafkaSubscriptions
from .options import Properties, ReaderChoice, check_c_text
from .publisher import KafkaPublisher
from .purging import KafkaPurging
from .reader import KafkaReader
from .share_consumer import KafkaShareConsumer


class KafkaDriver(Driver):
    """A connection to a Kafka cluster.

    It holds one admin client. Each consumer, publisher and reader has its own client.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        properties: Properties,
        capabilities: Capabilities,
        reader: ReaderChoice,
    ) -> None:
        self.capabilities = capabilities
        self._connection = connection
        self._properties = properties
        self._reader = reader
        self._preview_told = False

    @classmethod
    def open(cls, options: Properties, capabilities: Capabilities, reader: ReaderChoice) -> KafkaDriver:
        """Prepare the connection, and return a driver. Sends no request to the brokers."""
        with translating():
            connection = KafkaConnection(options)
        return cls(connection, options, capabilities, reader)

    def ping(self, timeout: float) -> None:
        self._connection.ping(timeout)

    def translate(self, error: BaseException) -> BrokerError:
        return translate(error)

    def consumer(self, request: ConsumerRequest) -> ConsumerDriver:
        check_c_text(request.topic, "topic")
        check_c_text(request.subscription, "group")
        if request.model == "message":
            self._tell_of_the_preview()
            return KafkaShareConsumer(self._connection, self._properties, request)
        return KafkaConsumer(self._connection, self._properties, request)

    def _tell_of_the_preview(self) -> None:
        """Warn that share groups are a preview, once for each connection."""
        if self._preview_told:
            return
        self._preview_told = True
        note(
            "reading from share groups is a preview in confluent-kafka: it may change, and is not "
            "recommended for production",
            PreviewWarning,
        )

    def publisher(self, *, transactional_id: str | None = None) -> PublisherDriver:
        check_c_text(transactional_id, "transaction")
        return KafkaPublisher(self._connection, self._properties, transactional_id)

    def inspector(self) -> InspectorDriver:
        return KafkaInspector(self._connection, self._properties, self._reader)

    def reader(self) -> ReaderDriver:
        return KafkaReader(self._connection, self._properties, self._reader)

    def create_topic(self, topic: str, *, options: Mapping[str, Any], timeout: float) -> None:
        check_c_text(topic, "topic")
        admin.create_topic(self._connection, topic, options, timeout)

    def delete_topic(self, topic: str, *, timeout: float) -> None:
        check_c_text(topic, "topic")
        admin.delete_topic(self._connection, topic, timeout)

    def create_subscription(self, request: SubscriptionRequest, *, timeout: float) -> None:
        check_c_text(request.topic, "topic")
        check_c_text(request.subscription, "group")
        admin.create_subscription(self._connection, self._properties, request, timeout)

    def subscriptions(self) -> SubscriptionsDriver:
        return KafkaSubscriptions(self._connection, self._properties)

    def purging(self) -> PurgingDriver:
        return KafkaPurging(self._connection)

    def dead_letters(self) -> DeadLettersDriver:
        return KafkaDeadLetters(self._connection, self._properties)

    @property
    def native(self) -> Any:
        """The `confluent_kafka.admin.AdminClient`."""
        return self._connection.client
