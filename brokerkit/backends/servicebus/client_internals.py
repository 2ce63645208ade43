"""All that uses private members of azure-servicebus: links that are used by one thread alone.

`_Transport` holds all that differs from the library's own receivers and senders. The library reads
connections in a thread of its own beside their owner, and waits for that thread on close. It pauses
after every frame while a link is being opened. It resends by itself messages that may have been stored.
It drops the types of received values. It sends one disposition and waits for its outcome before the next.
"""

from __future__ import annotations

import logging
import select
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage, ServiceBusReceiver, ServiceBusSender
from azure.servicebus._pyamqp.constants import LinkState
from azure.servicebus._pyamqp.error import AMQPException, MessageException
from azure.servicebus._pyamqp.outcomes import Accepted, Modified
from azure.servicebus._pyamqp.receiver import check_disposition_outcome, outcome_name
from azure.servicebus._transport._pyamqp_transport import PyamqpTransport

from brokerkit.core.contract.consumer import Outcome
from brokerkit.core.vocabulary.cancellation import Deadline

from .amqp import timestamp

log = logging.getLogger("brokerkit.servicebus")
# the libraries log their errors as well as raising them; without a handler they would be printed
for _library in ("azure.servicebus", "azure.identity"):
    logging.getLogger(_library).addHandler(logging.NullHandler())

SILENCE_SECONDS = 0.1
"""A round of opening a link that took this long received no frame from the service."""
ROUNDS = 100
BATCH_DELETE = b"com.microsoft:batch-delete-messages"
OK = 200
NO_CONTENT = 204
NOT_IMPLEMENTED = 501
REASON_SECONDS = 1.0
"""How long to wait for the reason of a refusal."""
SILENT_SECONDS = 60.0
"""After this long without any frame, a connection on which messages are awaited counts as lost."""
DISPOSITIONS: dict[Outcome, Any] = {
    Outcome.ACK: Accepted(),
    Outcome.NACK: Modified(delivery_failed=True, undeliverable_here=False),
}
"""What settles a message, for the outcomes of which many can be sent at a time."""


class Received(ServiceBusReceivedMessage):
    """A message with its bytes, as far as its first frame held them: at least its properties.

    Attributes:
        wire: The encoded message.
        whole: Whether `wire` is all of it.
    """

    wire: bytes | memoryview = b""
    whole = False


def _promptly_ready(client: Any) -> bool:
    """Continue opening for as long as the service answers at once."""
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


def _refusal(client: Any) -> AMQPException | None:
    """Return why the service refused to open the links for requests; the library keeps it to itself."""
    pairs = [each._mgmt_link for each in client._mgmt_links.values()]
    deadline = Deadline(REASON_SECONDS)
    while not deadline.passed:
        for link in (link for pair in pairs for link in (pair._request_link, pair._response_link)):
            try:
                link.get_state()
            except AMQPException as reason:
                return reason
        try:
            # where the service attaches a link only to refuse it, the reason follows
            client._connection.listen(wait=False)
        except (AMQPException, OSError, ValueError):
            break
    return None


class _Transport(PyamqpTransport):
    @staticmethod
    def create_receive_client(receiver: Any, **options: Any) -> Any:
        options["keep_alive_interval"] = 0
        # the service must send a frame now and then, so that a dead connection is noticed
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
        # fields of a transfer: 5 says whether more frames follow, 11 is the payload
        made.wire, made.whole = frame[11], not frame[5]
        return made

    @staticmethod
    def mgmt_client_request(client: Any, message: Any, *, callback: Any, **options: Any) -> Any:
        # the library passes its own transport to the callbacks that read the answer
        def ours(*answer: Any, amqp_transport: Any) -> Any:
            return callback(*answer, amqp_transport=_Transport)

        try:
            return PyamqpTransport.mgmt_client_request(client, message, callback=ours, **options)
        except (AMQPException, ValueError) as error:
            reason = _refusal(client)
            if reason is None:
                raise
            raise reason from error

    @staticmethod
    def parse_received_message(message: Any, message_type: Any, **options: Any) -> list[Any]:
        made: list[Any] = PyamqpTransport.parse_received_message(message, Received, **options)
        for each, entry in zip(made, message.value[b"messages"] if made else (), strict=True):
            each.wire, each.whole = entry[b"message"], True
        return made


SETTINGS: dict[str, Any] = {"amqp_transport": _Transport, "keep_alive": 0, "retry_total": 0}
"""The arguments of every receiver and sender: no automatic retries, and no thread of its own."""


def error_of(error: BaseException) -> BaseException:
    """Return an error of the library's protocol as one of those that it raises."""
    made: BaseException = _Transport.create_servicebus_exception(log, error)
    return made


def condition_of(error: Any) -> str:
    """Return the AMQP condition that a failure was reported with, or "" if there is none."""
    condition = getattr(error, "_condition", None)
    value = getattr(condition, "value", condition) or ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class _Opened:
    """The operations added to the library's receivers and senders."""

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
    """A receiver of messages from a queue, a subscription, a sub-queue or a session."""

    def rest(self) -> None:
        """Stop receiving, and return to the broker what was not asked for. The connection stays."""
        if self.is_open:
            self._amqp_transport.drain_and_release_messages(self._handler)

    def stay(self) -> None:
        """Process frames from the service and renew the token. Raises the error that ended the connection."""
        if self.is_open:
            self._handler.client_ready()
            self._handler._connection.listen(wait=False)

    def may_settle(self, message: Any) -> bool:
        """Return whether a message came by the open link, and its lock has not ended by the local clock."""
        if message._settled or message._is_deferred_message or (not self._session and message._lock_expired):
            return False
        link = self._handler._link if self.is_open else None
        return link is not None and message._delivery_tag in link._received_delivery_tags

    def settle_together(
        self, messages: Mapping[int, Any], outcome: Outcome, deadline: Deadline
    ) -> dict[int, BaseException | None]:
        """Send the dispositions of messages that it `may_settle`, and wait for their outcomes.

        Args:
            messages: The messages by their place.
            outcome: A key of `DISPOSITIONS`.
            deadline: How long to wait.

        Returns:
            The error of each message by its place, or None. A message that is left out was not settled,
            or its outcome is unknown.
        """
        link, state = self._handler._link, DISPOSITIONS[outcome]
        outcomes = link._pending_dispositions
        try:
            for message in messages.values():
                outcomes[message._delivery_id] = {"settled": False, "outcome": None}
                link._outgoing_disposition(
                    message._delivery_id, None, message._delivery_tag, False, state, True
                )
            while not all(outcomes[each._delivery_id]["settled"] for each in messages.values()):
                if deadline.passed or link.state in (LinkState.DETACHED, LinkState.ERROR):
                    break
                link._session._connection.listen(wait=False)
        except Exception as error:
            # the connection failed: what was answered is known, the rest is settled again
            log.info("settling was interrupted: %s", error)
        results: dict[int, BaseException | None] = {}
        for place, message in messages.items():
            answer = outcomes.pop(message._delivery_id, None)
            if answer is None or not answer["settled"]:
                continue
            try:
                check_disposition_outcome(message._delivery_id, answer["outcome"], outcome_name(state))
            except MessageException as error:
                results[place] = error_of(error)
            else:
                message._settled = True
                results[place] = None
        return results

    def renew(self, messages: list[Any], timeout: float) -> None:
        """Renew the locks of many messages in one request. Raises an error if one of them is lost."""
        answer = self._renew_locks(*[message.lock_token for message in messages], timeout=timeout)
        for message, expires in zip(messages, answer[b"expirations"], strict=True):
            # the client library checks its own clock before it settles anything
            message._expiry = timestamp(expires)


class Peeker(ServiceBusReceiver):
    """A peeker at messages. It attaches no link to the entity, so it cannot take any."""

    def _create_handler(self, auth: Any) -> None:
        self._handler = self._amqp_transport.create_mgmt_client(
            config=self._config,
            auth=auth,
            properties=self._properties,
            retry_policy=self._error_policy,
            client_name=self._name,
        )

    def delete_batch(self, count: int, before: int, timeout: float) -> int | None:
        """Delete active messages without a lock, oldest first, and return how many.

        The library offers no request for it. Nothing is repeated if there is no answer.

        Args:
            count: At most so many.
            before: Only those that were enqueued before it, in milliseconds since 1970.
            timeout: Seconds to wait for the answer.

        Returns:
            None if the service does not know the request.
        """
        wanted = {
            "message-count": self._amqp_transport.AMQP_INT_VALUE(count),
            "enqueued-time-utc": self._amqp_transport.AMQP_TIMESTAMP_VALUE(before),
        }

        def read(status: int, answer: Any, description: Any, amqp_transport: Any) -> int | None:
            if status == NO_CONTENT:
                return 0
            if status == NOT_IMPLEMENTED:
                return None
            if status == OK:
                return int(answer.value[b"message-count"])
            condition = answer.application_properties.get(b"errorCondition")
            amqp_transport.handle_amqp_mgmt_error(
                log, "Messages were not deleted.", condition, description, status
            )
            raise AssertionError("the library raises what the service said")

        found: int | None = self._mgmt_request_response(BATCH_DELETE, wanted, read, timeout=timeout)
        return found


class Sender(_Opened, ServiceBusSender):
    """A sender to a queue or topic."""

    def still_open(self) -> bool:
        """Return whether the service has kept the link and the connection open since the last message."""
        if not self.is_open:
            return False
        connection, link = self._handler._connection, self._handler._link
        try:
            while select.select([connection._transport.sock], [], [], 0)[0]:
                connection.listen(wait=False)
                link.get_state()
        except (AMQPException, OSError, ValueError, TypeError):
            # select() does not accept a closed socket
            return False
        return bool(link.state is LinkState.ATTACHED)

    @property
    def max_message_bytes(self) -> int:
        """The largest encoded message that the link accepts."""
        return int(self._max_message_size_on_link)

    def encoded_size(self, message: Any) -> int:
        """Return the bytes of an encoded message."""
        transport = self._amqp_transport
        return int(transport.get_message_encoded_size(transport.to_outgoing_amqp_message(message)))
