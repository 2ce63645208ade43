"""Links of the client library, as one thread alone uses them.

What the library's own receivers and senders do otherwise, and what is changed here, is all in
`_Transport`: it reads connections in a thread of its own beside their owner (and waits for that thread
on close), pauses after every frame while a link is being opened, resends by itself what may have been
stored, and forgets the types of what it received.
"""

from __future__ import annotations

import logging
import select
import time
from functools import partial
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage, ServiceBusReceiver, ServiceBusSender
from azure.servicebus._pyamqp.constants import LinkState
from azure.servicebus._pyamqp.error import AMQPException
from azure.servicebus._transport._pyamqp_transport import PyamqpTransport

from .amqp import timestamp

log = logging.getLogger("brokerkit.servicebus")
# the library tells its troubles to its logger as well as to us: without a handler they would be printed
logging.getLogger("azure.servicebus").addHandler(logging.NullHandler())

SILENCE_SECONDS = 0.1
"""A round of opening a link that took so long met no frame from the service."""
ROUNDS = 100
SILENT_SECONDS = 60.0
"""After so long without any frame a connection on which messages are awaited counts as lost."""


class Received(ServiceBusReceivedMessage):
    """A message with its bytes, as far as they came in its first frame: at least its properties.

    wire: the encoded message. whole: whether that is all of it.
    """

    wire: bytes | memoryview = b""
    whole = False


def _promptly_ready(client: Any) -> bool:
    """Go on opening for as long as the service answers at once."""
    ready = type(client).client_ready
    for _ in range(ROUNDS):
        began = time.monotonic()
        if ready(client):
            return True
        if time.monotonic() - began > SILENCE_SECONDS:
            break
    return False


def _prompt(client: Any) -> Any:
    client.client_ready = partial(_promptly_ready, client)
    return client


class _Transport(PyamqpTransport):
    @staticmethod
    def create_receive_client(receiver: Any, **options: Any) -> Any:
        options["keep_alive_interval"] = 0
        # the service is asked to send a frame now and then, so that a dead connection is noticed
        options["idle_timeout"] = SILENT_SECONDS
        return _prompt(PyamqpTransport.create_receive_client(receiver, **options))

    @staticmethod
    def create_send_client(config: Any, **options: Any) -> Any:
        return _prompt(PyamqpTransport.create_send_client(config, **options))

    @staticmethod
    def create_mgmt_client(config: Any, **options: Any) -> Any:
        return _prompt(PyamqpTransport.create_mgmt_client(config, **options))

    @staticmethod
    def build_received_message(receiver: Any, message_type: Any, received: Any) -> Any:
        made = PyamqpTransport.build_received_message(receiver, Received, received)
        frame = received[0]
        # fields of a transfer: 5 is whether more frames follow, 11 what it carries
        made.wire, made.whole = frame[11], not frame[5]
        return made

    @staticmethod
    def mgmt_client_request(client: Any, message: Any, *, callback: Any, **options: Any) -> Any:
        # the library hands its own transport to those who read the answer
        def ours(*answer: Any, amqp_transport: Any) -> Any:
            return callback(*answer, amqp_transport=_Transport)

        return PyamqpTransport.mgmt_client_request(client, message, callback=ours, **options)

    @staticmethod
    def parse_received_message(message: Any, message_type: Any, **options: Any) -> list[Any]:
        made: list[Any] = PyamqpTransport.parse_received_message(message, Received, **options)
        for each, entry in zip(made, message.value[b"messages"] if made else (), strict=True):
            each.wire, each.whole = entry[b"message"], True
        return made


SETTINGS: dict[str, Any] = {"amqp_transport": _Transport, "keep_alive": 0, "retry_total": 0}
"""What every receiver and sender is made with: no retries of its own, no thread of its own."""


def error_of(error: BaseException) -> BaseException:
    """An error of the library's protocol as one of those that it raises."""
    made: BaseException = _Transport.create_servicebus_exception(log, error)
    return made


class _Opened:
    """What ours can do beside the library's."""

    _do_retryable_operation: Any
    _open: Any
    _running: bool

    def open(self, timeout: float) -> None:
        """Connect and attach, within about `timeout` seconds."""
        self._do_retryable_operation(self._open, timeout=timeout, operation_requires_timeout=True)

    @property
    def is_open(self) -> bool:
        return self._running


class Receiver(_Opened, ServiceBusReceiver):
    """Takes messages from a queue, a subscription, a sub-queue or a session."""

    def rest(self) -> None:
        """Take no more messages, and give back those that came unasked; stay connected."""
        if self.is_open:
            self._amqp_transport.drain_and_release_messages(self._handler)

    def stay(self) -> None:
        """Answer what the service sent meanwhile, renew the token. Raises what ended the connection."""
        if self.is_open:
            self._handler.client_ready()
            self._handler._connection.listen(wait=False)

    @property
    def link(self) -> Any:
        """The link by which messages come; None when there is none."""
        return self._handler._link if self.is_open else None

    def may_settle(self, message: Any) -> bool:
        """Whether a message came by the link that is open now, and its lock has not ended by our clock."""
        if message._settled or message._is_deferred_message or (not self._session and message._lock_expired):
            return False
        return self.link is not None and message._delivery_tag in self.link._received_delivery_tags

    def renew(self, messages: list[Any], timeout: float) -> None:
        """Renew the locks of many messages in one request. Raises when one of them is lost."""
        answer = self._renew_locks(*[message.lock_token for message in messages], timeout=timeout)
        for message, expires in zip(messages, answer[b"expirations"], strict=True):
            # the client library looks at its own clock before it settles anything
            message._expiry = timestamp(expires)


class Peeker(ServiceBusReceiver):
    """Looks at messages. It attaches no link to the entity, so it cannot take any."""

    def _create_handler(self, auth: Any) -> None:
        self._handler = self._amqp_transport.create_mgmt_client(
            config=self._config,
            auth=auth,
            properties=self._properties,
            retry_policy=self._error_policy,
            client_name=self._name,
        )


class Sender(_Opened, ServiceBusSender):
    """Sends to a queue or topic."""

    def still_open(self) -> bool:
        """Whether the service has not closed the link or the connection since the last message."""
        if not self.is_open:
            return False
        connection, link = self._handler._connection, self._handler._link
        try:
            while select.select([connection._transport.sock], [], [], 0)[0]:
                connection.listen(wait=False)
                link.get_state()
        except (AMQPException, OSError, ValueError, TypeError):
            # of a socket that is closed nothing can be selected
            return False
        return bool(link.state is LinkState.ATTACHED)

    @property
    def max_message_bytes(self) -> int:
        """The largest encoded message that the link takes."""
        return int(self._max_message_size_on_link)

    def encoded_size(self, message: Any) -> int:
        """The bytes of an encoded message."""
        transport = self._amqp_transport
        return int(transport.get_message_encoded_size(transport.to_outgoing_amqp_message(message)))
