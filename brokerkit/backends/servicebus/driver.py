"""An open connection to a Service Bus namespace, as the portable half uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.servicebus import ServiceBusClient

from brokerkit.core.contract.consumer import ConsumerDriver, ConsumerRequest, SubscriptionRequest
from brokerkit.core.contract.dead_letters import DeadLettersDriver
from brokerkit.core.contract.driver import Driver
from brokerkit.core.contract.inspector import InspectorDriver, ReaderDriver
from brokerkit.core.contract.publisher import PublisherDriver
from brokerkit.core.contract.purging import PurgingDriver
from brokerkit.core.contract.subscriptions import SubscriptionsDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.capabilities import Capabilities
from brokerkit.core.vocabulary.errors import BrokerError, NotSupported, Unauthorized, Unavailable

from . import admin
from .connection import ServiceBusConnection, log
from .consumer import ServiceBusConsumer
from .dead_letters import ServiceBusDeadLetters
from .entities import LEAST_SECONDS, REFUSED, limits
from .errors import translate, translating
from .inspector import ServiceBusInspector
from .operating import ServiceBusSubscriptions
from .options import Options
from .publisher import ServiceBusPublisher
from .purging import ServiceBusPurging
from .reader import ServiceBusReader

NOT_PERMITTED = ("claim", "authorization failed", "not authorized")
"""Parts of a refusal's text which mean that the login is valid, but without the right to administrate."""
UNAUTHORIZED = 401


def _known_and_refused(error: BaseException) -> bool:
    return (
        isinstance(error, HttpResponseError)
        and error.status_code in REFUSED
        and any(sign in str(error).lower() for sign in NOT_PERMITTED)
    )


def _out_of_reach(error: BaseException, problem: BrokerError) -> bool:
    """Return whether the administration did not answer, or a firewall or proxy answered in its place."""
    if "CERTIFICATE_VERIFY_FAILED" in str(problem):
        return False
    if isinstance(error, HttpResponseError):
        return bool(error.status_code != UNAUTHORIZED)
    return isinstance(problem, Unavailable)


class Clients:
    """The client library's own clients, with the settings of the connection.

    Attributes:
        client: Opens receivers and senders: deferring, cancelling scheduled messages, session state.
        administration: Manages entities and rules.
    """

    def __init__(self, connection: ServiceBusConnection) -> None:
        self._connection = connection
        self._client: ServiceBusClient | None = None

    @property
    def client(self) -> ServiceBusClient:
        """The client: ``with native.client.get_queue_sender("q") as s: s.cancel_scheduled_messages(17)``."""
        if self._client is None:
            self._client = self._connection.client()
        return self._client

    @property
    def administration(self) -> Any:
        """The client of entities and rules: ``administration.create_rule(topic, subscription, name)``."""
        return self._connection.administration

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


class ServiceBusDriver(Driver):
    """A driver for one namespace."""

    def __init__(self, connection: ServiceBusConnection, capabilities: Capabilities) -> None:
        self._connection = connection
        self.capabilities = capabilities
        self._clients = Clients(connection)

    @classmethod
    def open(cls, options: Options, capabilities: Capabilities) -> ServiceBusDriver:
        return cls(ServiceBusConnection(options), capabilities)

    def ping(self, timeout: float) -> None:
        """Send a request to the administration.

        If it does not answer, log in by AMQP, which may still work.

        An account that may not use the administration may still publish or consume.
        """
        deadline = Deadline(timeout)
        try:
            self._connection.administration.get_namespace_properties(**limits(Deadline(timeout / 2)))
        except NotSupported:
            self._connection.check_login(max(LEAST_SECONDS, deadline.remaining()))
        except Exception as error:
            if _known_and_refused(error):
                log.info("the namespace cannot be described: %s", error)
                return
            problem = translate(error)
            if not _out_of_reach(error, problem):
                raise
            try:
                with translating():
                    self._connection.check_login(max(LEAST_SECONDS, deadline.remaining()))
            except Unauthorized:
                raise
            except BrokerError:
                # neither answers, and the administration explains it better
                raise problem from error
            log.warning(
                "the administration of %s cannot be reached, AMQP can: %s", self._connection.host, problem
            )
            self._connection.do_without_administration(problem)

    def translate(self, error: BaseException) -> BrokerError:
        return translate(error)

    def consumer(self, request: ConsumerRequest) -> ConsumerDriver:
        return ServiceBusConsumer(self._connection, request)

    def publisher(self, *, transactional_id: str | None = None) -> PublisherDriver:
        return ServiceBusPublisher(self._connection)

    def inspector(self) -> InspectorDriver:
        return ServiceBusInspector(self._connection)

    def reader(self) -> ReaderDriver:
        return ServiceBusReader(self._connection)

    def create_topic(self, topic: str, *, options: Mapping[str, Any], timeout: float) -> None:
        admin.create_topic(self._connection, topic, options, timeout)

    def delete_topic(self, topic: str, *, timeout: float) -> None:
        admin.delete_topic(self._connection, topic, timeout)

    def create_subscription(self, request: SubscriptionRequest, *, timeout: float) -> None:
        place = request.topic, request.subscription
        admin.create_subscription(self._connection, *place, request.start, request.options, timeout)

    def subscriptions(self) -> SubscriptionsDriver:
        return ServiceBusSubscriptions(self._connection)

    def purging(self) -> PurgingDriver:
        return ServiceBusPurging(self._connection)

    def dead_letters(self) -> DeadLettersDriver:
        return ServiceBusDeadLetters(self._connection)

    @property
    def native(self) -> Clients:
        """The client library's own clients, for everything that only Service Bus has."""
        return self._clients

    def close(self, timeout: float) -> None:
        self._clients.close()
        self._connection.close()
