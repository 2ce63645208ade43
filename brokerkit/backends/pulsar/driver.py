"""An open connection to Pulsar, as the portable half uses it."""

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
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.capabilities import Capabilities
from brokerkit.core.vocabulary.errors import BrokerError

from .admin import Subscriptions, create_topic, delete_topic
from .connection import PulsarConnection
from .consumer import PulsarConsumer, PulsarRecordConsumer
from .dead_letters import PulsarDeadLetters
from .errors import translate
from .inspector import PulsarInspector
from .operating import PulsarSubscriptions
from .options import Options
from .publisher import PulsarPublisher
from .purging import PulsarPurging
from .reader import PulsarReader
from .rest import RestEndpoint
from .subscription_options import SubscriptionOptions
from .topics import Topics


class PulsarDriver(Driver):
    """A driver whose parts share one client of the library."""

    def __init__(
        self, connection: PulsarConnection, rest: RestEndpoint | None, capabilities: Capabilities
    ) -> None:
        self.capabilities = capabilities
        self._connection = connection
        self._rest = rest
        self._topics = Topics(connection, rest)
        self._subscriptions = Subscriptions(self._topics)

    @classmethod
    def open(cls, options: Options, capabilities: Capabilities, timeout: float) -> PulsarDriver:
        deadline = Deadline(timeout)
        rest = None if options.admin is None else RestEndpoint(options)
        connection = PulsarConnection.open(options, timeout)
        try:
            # this runs before the portable layer exists, so close it here
            connection.ping(deadline.remaining())
            if rest is not None:
                rest.ping(max(0.1, deadline.remaining()))
        except BaseException:
            connection.close(1.0)
            raise
        return cls(connection, rest, capabilities)

    def ping(self, timeout: float) -> None:
        self._connection.ping(timeout)

    def translate(self, error: BaseException) -> BrokerError:
        return translate(error)

    def consumer(self, request: ConsumerRequest) -> ConsumerDriver:
        kind = PulsarRecordConsumer if request.model == "record" else PulsarConsumer
        return kind(self._topics, self._subscriptions, request)

    def publisher(self, *, transactional_id: str | None = None) -> PublisherDriver:
        return PulsarPublisher(self._topics)

    def inspector(self) -> InspectorDriver:
        return PulsarInspector(self._topics)

    def reader(self) -> ReaderDriver:
        return PulsarReader(self._topics)

    def create_topic(self, topic: str, *, options: Mapping[str, Any], timeout: float) -> None:
        create_topic(self._topics, topic, options, timeout)

    def delete_topic(self, topic: str, *, timeout: float) -> None:
        delete_topic(self._topics, topic, timeout)

    def create_subscription(self, request: SubscriptionRequest, *, timeout: float) -> None:
        checked = SubscriptionOptions(self._connection, request.model, request.options)
        self._subscriptions.create(request.topic, request.subscription, request.start, checked, timeout)

    def subscriptions(self) -> SubscriptionsDriver:
        return PulsarSubscriptions(self._topics, self._subscriptions)

    def purging(self) -> PurgingDriver:
        return PulsarPurging(self._topics)

    def dead_letters(self) -> DeadLettersDriver:
        return PulsarDeadLetters(self._topics, self._subscriptions)

    @property
    def native(self) -> Any:
        """The library's own client. Close everything made with it before the session."""
        return self._connection.client

    def close(self, timeout: float) -> None:
        self._connection.close(timeout)
        if self._rest is not None:
            self._rest.close()
