"""An open connection to the Pub/Sub service, as the portable half uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from grpc import StatusCode

from brokerkit.core.contract.consumer import ConsumerDriver, ConsumerRequest, SubscriptionRequest
from brokerkit.core.contract.dead_letters import DeadLettersDriver
from brokerkit.core.contract.driver import Driver
from brokerkit.core.contract.error_table import CLOSED
from brokerkit.core.contract.inspector import InspectorDriver, ReaderDriver
from brokerkit.core.contract.publisher import PublisherDriver
from brokerkit.core.contract.purging import PurgingDriver
from brokerkit.core.contract.subscriptions import SubscriptionsDriver
from brokerkit.core.vocabulary.capabilities import Capabilities
from brokerkit.core.vocabulary.errors import BrokerError

from . import admin
from .connection import PubSubConnection, log
from .consumer import PubSubConsumer, TemporaryConsumer
from .dead_letters import PubSubDeadLetters
from .errors import code_of, error_info, translate
from .inspector import PubSubInspector, no_reading
from .methods import LIST_TOPICS
from .operating import PubSubSubscriptions
from .options import Options
from .parking import Parking
from .publisher import PubSubPublisher
from .purging import PubSubPurging
from .subscription_options import SUBSCRIPTION_OPTIONS

NOT_PERMITTED_TO_LIST = ("IAM_PERMISSION_DENIED", "")
"""The reasons of a refusal which mean only that topics may not be listed."""


class Clients:
    """Google's own clients, on the channel of the connection.

    Attributes:
        project: The project id of the connection; paths are written in full,
            ``projects/ID/topics/NAME``.
    """

    def __init__(self, connection: PubSubConnection) -> None:
        self.project = connection.project
        self._channel = connection.channel

    @property
    def publisher(self) -> PublisherClient:
        """The client of topics: ``publisher.get_topic(request={"topic": ...})``."""
        return PublisherClient(transport=PublisherGrpcTransport(channel=self._channel))

    @property
    def subscriber(self) -> SubscriberClient:
        """The client of subscriptions, snapshots and seek: ``subscriber.create_snapshot(request={...})``."""
        return SubscriberClient(transport=SubscriberGrpcTransport(channel=self._channel))


class PubSubDriver(Driver):
    """A driver whose parts share one connection.

    Attributes:
        connection: The connection that sends the requests.
    """

    def __init__(self, connection: PubSubConnection, capabilities: Capabilities) -> None:
        self.connection = connection
        self.capabilities = capabilities
        self._parking = Parking()

    @classmethod
    def open(cls, options: Options, capabilities: Capabilities, timeout: float) -> PubSubDriver:
        return cls(PubSubConnection.open(options, timeout), capabilities)

    def ping(self, timeout: float) -> None:
        """Request one topic. An account that may not list topics may still publish or consume."""
        try:
            self.connection.call(
                LIST_TOPICS, timeout, project=f"projects/{self.connection.project}", page_size=1
            )
        except grpc.RpcError as error:
            info = error_info(error)
            reason = info.reason if info is not None else ""
            if code_of(error) is not StatusCode.PERMISSION_DENIED or reason not in NOT_PERMITTED_TO_LIST:
                raise
            log.info("topics of project %r cannot be listed: %s", self.connection.project, error.details())

    def translate(self, error: BaseException) -> BrokerError:
        if self.connection.closed and code_of(error) is StatusCode.CANCELLED:
            return CLOSED.error("")
        return translate(error)

    def consumer(self, request: ConsumerRequest) -> ConsumerDriver:
        """Return a consumer. The option ``temporary=True`` consumes from a copy that is deleted on close."""
        if request.options.get("temporary"):
            return TemporaryConsumer(self.connection, request, self._parking)
        SUBSCRIPTION_OPTIONS.read(request.options)
        return PubSubConsumer(self.connection, request, self._parking)

    def publisher(self, *, transactional_id: str | None = None) -> PublisherDriver:
        return PubSubPublisher(self.connection)

    def inspector(self) -> InspectorDriver:
        return PubSubInspector(self.connection)

    def reader(self) -> ReaderDriver:
        raise no_reading("a topic")

    def create_topic(self, topic: str, *, options: Mapping[str, Any], timeout: float) -> None:
        admin.create_topic(self.connection, topic, options, timeout)

    def delete_topic(self, topic: str, *, timeout: float) -> None:
        admin.delete_topic(self.connection, topic, timeout)

    def create_subscription(self, request: SubscriptionRequest, *, timeout: float) -> None:
        place = request.topic, request.subscription
        admin.create_subscription(self.connection, *place, request.start, request.options, timeout)

    def subscriptions(self) -> SubscriptionsDriver:
        return PubSubSubscriptions(self.connection)

    def purging(self) -> PurgingDriver:
        return PubSubPurging()

    def dead_letters(self) -> DeadLettersDriver:
        return PubSubDeadLetters(self.connection)

    @property
    def native(self) -> Clients:
        """Google's clients, for snapshots, seek, schemas and everything else that only Pub/Sub has."""
        return Clients(self.connection)

    def close(self, timeout: float) -> None:
        self._parking.close(timeout / 2)
        self.connection.close()
