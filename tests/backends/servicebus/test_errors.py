"""Each error of Azure's libraries as the right one of our tree, and what is known of a refused message."""

from __future__ import annotations

import pytest
from azure.core import exceptions as core_errors
from azure.servicebus import exceptions as bus_errors

from brokerkit.backends.servicebus.errors import surely_not_done, translate
from brokerkit.core import (
    AckFailed,
    AlreadyExists,
    BrokerError,
    ConfigError,
    Connection,
    LockLost,
    NotFound,
    NotSupported,
    OutboundMessage,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from brokerkit.sandbox.servicebus.server import ServiceBusServer

from .conftest import new_queue
from .test_consumer import counts


def status(code: int) -> core_errors.HttpResponseError:
    error = core_errors.HttpResponseError(message="said")
    error.status_code = code
    return error


def condition(name: str) -> bus_errors.ServiceBusError:
    return bus_errors.ServiceBusError("said", condition=name.encode())


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        (bus_errors.MessageLockLostError(), LockLost, False),
        (bus_errors.SessionLockLostError(), LockLost, False),
        (bus_errors.MessageAlreadySettled(), AckFailed, False),
        (bus_errors.SessionCannotBeLockedError(), Unavailable, True),
        (bus_errors.MessagingEntityNotFoundError(), NotFound, False),
        (bus_errors.MessageNotFoundError(), NotFound, False),
        (bus_errors.MessagingEntityDisabledError(), BrokerError, False),
        (bus_errors.MessagingEntityAlreadyExistsError(), AlreadyExists, False),
        (bus_errors.ServiceBusAuthenticationError(), Unauthorized, False),
        (bus_errors.ServiceBusAuthorizationError(), Unauthorized, False),
        (bus_errors.ServiceBusQuotaExceededError(), Unavailable, True),
        (bus_errors.ServiceBusServerBusyError(), Unavailable, True),
        (bus_errors.MessageSizeExceededError(), TooLarge, False),
        (bus_errors.OperationTimeoutError(), Unavailable, True),
        (bus_errors.ServiceBusConnectionError(), Unavailable, True),
        (bus_errors.ServiceBusCommunicationError(), Unavailable, True),
        (condition("amqp:not-allowed"), ConfigError, False),
        (condition("amqp:not-implemented"), NotSupported, False),
        (condition("com.microsoft:argument-error"), ConfigError, False),
        (condition("amqp:internal-error"), Unavailable, True),
        (core_errors.ServiceRequestError("x"), Unavailable, True),
        (core_errors.ServiceResponseTimeoutError("x"), Unavailable, True),
        (core_errors.ResourceNotFoundError("x"), NotFound, False),
        (core_errors.ClientAuthenticationError("x"), Unauthorized, False),
        (status(400), ConfigError, False),
        (status(401), Unauthorized, False),
        (status(409), AlreadyExists, False),
        (status(429), Unavailable, True),
        (status(503), Unavailable, True),
        (status(418), BrokerError, False),
        (TimeoutError("x"), Unavailable, True),
        (ConnectionResetError("x"), Unavailable, True),
        (core_errors.ServiceRequestError("[SSL: CERTIFICATE_VERIFY_FAILED]"), Unavailable, False),
        (KeyError("x"), BrokerError, False),
    ],
    ids=lambda value: getattr(value, "__name__", None) or type(value).__name__,
)
def test_errors_are_translated(error: BaseException, kind: type[BrokerError], retryable: bool) -> None:
    made = translate(error)
    assert type(made) is kind
    assert made.retryable is retryable
    assert translate(made) is made


def test_it_is_known_whether_a_failed_message_may_be_stored() -> None:
    for refused in (
        bus_errors.ServiceBusServerBusyError(),
        bus_errors.ServiceBusQuotaExceededError(),
        bus_errors.MessagingEntityNotFoundError(),
        bus_errors.MessageSizeExceededError(),
    ):
        assert surely_not_done(refused)
    for unclear in (
        bus_errors.OperationTimeoutError(),
        bus_errors.ServiceBusConnectionError(),
        condition("amqp:internal-error"),
    ):
        assert not surely_not_done(unclear)


@pytest.mark.broker
@pytest.mark.parametrize("why", ["com.microsoft:server-busy", "amqp:resource-limit-exceeded"])
def test_a_message_that_is_refused_for_the_moment_is_sent_again(
    servicebus_server: ServiceBusServer, broker: Connection, why: str
) -> None:
    queue = new_queue(broker)
    with broker.publisher() as publisher:
        servicebus_server.refuse_sends(2, why)
        results = publisher.topic(queue).publish_batch([OutboundMessage(b"a"), OutboundMessage(b"b")])
    assert [result.status for result in results] == ["confirmed", "confirmed"]
    assert counts(broker, queue)["active"] == 2


@pytest.mark.broker
@pytest.mark.parametrize(
    ("why", "status", "kind"),
    [
        ("com.microsoft:entity-disabled", "failed", BrokerError),
        ("amqp:unauthorized-access", "failed", Unauthorized),
        ("amqp:not-allowed", "failed", ConfigError),
        ("amqp:link:message-size-exceeded", "failed", TooLarge),
        ("amqp:internal-error", "unknown", Unavailable),
    ],
)
def test_a_message_that_is_refused_says_why_and_the_next_is_sent(
    servicebus_server: ServiceBusServer, broker: Connection, why: str, status: str, kind: type[BrokerError]
) -> None:
    queue = new_queue(broker)
    with broker.publisher() as publisher:
        servicebus_server.refuse_sends(1, why)
        (result,) = publisher.topic(queue).publish_batch([OutboundMessage(b"x")], timeout=10)
        assert result.status == status
        assert type(result.error) is kind
        assert publisher.topic(queue).publish(OutboundMessage(b"y")).ok
    assert counts(broker, queue)["active"] == 1
