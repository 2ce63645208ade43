"""The connection to a namespace, which opens receivers, senders and the administration client."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from azure.core.exceptions import ServiceResponseTimeoutError
from azure.core.pipeline.transport import RequestsTransport
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusClient, TransportType
from azure.servicebus.exceptions import MessagingEntityNotFoundError, ServiceBusAuthorizationError
from azure.servicebus.management import ServiceBusAdministrationClient

from brokerkit.core.contract.background import call_with_timeout
from brokerkit.core.contract.error_table import CLOSED
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotSupported
from brokerkit.core.vocabulary.secrets import Secret

from .client_internals import SETTINGS, Peeker, Receiver, Sender
from .credentials import credential_of
from .names import EntityName
from .options import Options

log = logging.getLogger("brokerkit.servicebus")

NEXT_SESSION = NEXT_AVAILABLE_SESSION
NOWHERE = "brokerkit-looks-whether-it-may-log-in"
"""A name that no queue has."""
OPEN_SECONDS = 10.0
ADMIN_SECONDS = 30.0
ANSWER_SECONDS = 5.0
"""How long to wait for the outcome of settling, and for other answers on open links."""
FRESH_SECONDS = 60.0
"""After this long without use, the connection of a link may be lost without notice; a new one is opened."""
SEND_SOCKET_SECONDS = 1.0
"""How long one write of a large message may take. A send keeps its timeout to this precision."""


class _InTime(RequestsTransport):
    """A transport that has an answer within the timeout, however slowly it comes."""

    def send(self, request: Any, **options: Any) -> Any:
        seconds = options.get("read_timeout", ADMIN_SECONDS)
        work = partial(super().send, request, **options)
        try:
            return call_with_timeout(work, seconds, "servicebus administration")
        except TimeoutError as error:
            raise ServiceResponseTimeoutError(f"no whole answer within {seconds:.3g} s") from error


class _PlainHttp(_InTime):
    """A transport for emulators, which have no TLS although the administration client always asks for it."""

    def send(self, request: Any, **options: Any) -> Any:
        request.url = "http:" + request.url.removeprefix("https:")
        return super().send(request, **options)


class ServiceBusConnection:
    """A maker of links. Every link has a connection of its own, and is used by one thread.

    Attributes:
        host: The host of the namespace.
        entity: The only entity that the connection string allows, if it names one.
        emulator: Whether the host is an emulator.
    """

    def __init__(self, options: Options) -> None:
        self.host = options.host
        self.entity = options.entity
        self.emulator = options.emulator
        self._options = options
        self._credential = credential_of(options)
        self._admin = self._administration()
        self._lacking: BrokerError | None = None
        self._closed = False

    @property
    def administration(self) -> Any:
        """The administration client, for all threads. Raises NotSupported if it cannot be reached."""
        if self._lacking is not None:
            raise NotSupported(
                f"this needs the administration of {self.host}, which could not be reached when this "
                f"connection was made ({self._lacking}). Publishing, taking and peeking by name work without "
                "it; admin=HOST:PORT says where it is, where that is elsewhere"
            ) from self._lacking
        return self._admin

    @property
    def lacks_administration(self) -> bool:
        """Whether the administration cannot be reached."""
        return self._lacking is not None

    def do_without_administration(self, why: BrokerError) -> None:
        """Stop using the administration, for a connection that works without it."""
        self._lacking = why

    def check_login(self, timeout: float) -> None:
        """Log in by AMQP and disconnect. Raises the error of the client library if that fails.

        The entity need not exist: the service says that it is missing only after a valid login.
        """
        sender = Sender(
            socket_timeout=SEND_SOCKET_SECONDS, **self._settings(EntityName(self.entity or NOWHERE))
        )
        try:
            sender.open(timeout)
        except (MessagingEntityNotFoundError, ServiceBusAuthorizationError):
            log.info("the login to %s succeeded", self.host)
        finally:
            sender.close()

    def _administration(self) -> Any:
        options = self._options
        host = options.admin or options.host
        limits: dict[str, Any] = {"connection_timeout": OPEN_SECONDS, "read_timeout": ADMIN_SECONDS}
        if options.ca is not None:
            limits["connection_verify"] = options.ca
        transport = _PlainHttp(**limits) if options.emulator else _InTime(**limits)
        settings: dict[str, Any] = {"retry_total": 0, **limits, "transport": transport}
        if options.key is not None:
            name, key = options.key
            text = Secret(f"Endpoint=sb://{host}/;SharedAccessKeyName={name};SharedAccessKey={key.reveal()}")
            return ServiceBusAdministrationClient.from_connection_string(text.reveal(), **settings)
        if options.signature is not None:
            text = Secret(f"Endpoint=sb://{host}/;SharedAccessSignature={options.signature.reveal()}")
            return ServiceBusAdministrationClient.from_connection_string(text.reveal(), **settings)
        return ServiceBusAdministrationClient(host, self._credential, **settings)

    def _settings(self, entity: EntityName) -> dict[str, Any]:
        if self._closed:
            raise CLOSED.error("")
        if self.entity is not None and entity.name.lower() != self.entity.lower():
            raise ConfigError(
                f"this connection string is for {self.entity!r} only (EntityPath=), not for {entity.name!r}"
            )
        return {
            **SETTINGS,
            **self._shared,
            "fully_qualified_namespace": self.host,
            "credential": self._credential,
            "queue_name": entity.address,
        }

    @property
    def _shared(self) -> dict[str, Any]:
        """The arguments common to everything that speaks AMQP."""
        options = self._options
        settings: dict[str, Any] = {"use_tls": not options.emulator}
        if options.websockets:
            settings["transport_type"] = TransportType.AmqpOverWebsocket
        if options.ca is not None:
            settings["connection_verify"] = options.ca
        return settings

    def receiver(self, entity: EntityName) -> Receiver:
        """Open a receiver. Raises the error of the client library."""
        made = Receiver(**self._settings(entity), timeout=ANSWER_SECONDS, try_timeout=ANSWER_SECONDS)
        made.open(OPEN_SECONDS)
        return made

    def session(self, entity: EntityName, session: Any, wait: float) -> Receiver:
        """Open a receiver of one session: a named one, or the next that is free (`NEXT_SESSION`).

        Args:
            entity: The queue or subscription.
            session: The session id, or `NEXT_SESSION`.
            wait: How many seconds the service looks for a free session.
        """
        made = Receiver(
            session_id=session,
            max_wait_time=wait,
            **self._settings(entity),
            timeout=ANSWER_SECONDS,
            try_timeout=ANSWER_SECONDS,
        )
        made.open(wait + ANSWER_SECONDS)
        return made

    def peeker(self, entity: EntityName) -> Peeker:
        """Return a peeker, which connects on first use."""
        return Peeker(**self._settings(entity))

    def sender(self, entity: EntityName, timeout: float) -> Sender:
        """Open a sender, within about `timeout` seconds."""
        made = Sender(socket_timeout=SEND_SOCKET_SECONDS, **self._settings(entity))
        made.open(timeout)
        return made

    def client(self) -> ServiceBusClient:
        """Return the client library's own client, with the settings of this connection."""
        return ServiceBusClient(self.host, self._credential, **self._shared)

    @property
    def closed(self) -> bool:
        """Whether the connection was closed."""
        return self._closed

    def close(self) -> None:
        """Close the administration client. Links are closed by their owners."""
        self._closed = True
        self._admin.close()
