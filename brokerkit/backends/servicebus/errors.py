"""Translate errors of Azure's libraries to BrokerErrors."""

from __future__ import annotations

from typing import Any

from azure.core import exceptions as core_errors
from azure.servicebus import exceptions as bus_errors

from brokerkit.core.contract.error_table import ByCode, ByText, ErrorTable, Row, Rule
from brokerkit.core.vocabulary.errors import (
    AckFailed,
    AlreadyExists,
    BrokerError,
    ConfigError,
    LockLost,
    NotFound,
    NotSupported,
    TooLarge,
    Unauthorized,
    Unavailable,
)

from .client_internals import condition_of

_LOG_IN = "check the connection string's key, or what the identity may do (Azure Service Bus Data ... roles)"

_GET_SOME = (
    "run `az login`, set the variables of azure-identity (AZURE_CLIENT_ID ...), give credential=, or connect "
    "with a connection string"
)


def _away(meaning: str) -> Rule:
    """Return the rule for a lost connection. Trying again does not help if the certificate is not trusted."""
    untrusted = Row(Unavailable, meaning, retryable=False)
    return ByText({"CERTIFICATE_VERIFY_FAILED": untrusted}, otherwise=Row(Unavailable, meaning))


_BY_CLASS: dict[type[BaseException], Rule] = {
    bus_errors.MessageLockLostError: Row(
        LockLost,
        "the lock of the message was lost: it will be, or was, delivered again",
    ),
    bus_errors.SessionLockLostError: Row(
        LockLost,
        "the lock of the session was lost: its messages will be, or were, delivered again",
    ),
    bus_errors.MessageAlreadySettled: Row(AckFailed, "the message was settled already"),
    bus_errors.SessionCannotBeLockedError: Row(
        Unavailable,
        "the session is held by another receiver: wait until that one is done, or take another session",
    ),
    bus_errors.MessagingEntityNotFoundError: Row(NotFound, "there is no such queue, topic or subscription"),
    bus_errors.MessageNotFoundError: Row(
        NotFound, "there is no message with that sequence number to receive"
    ),
    bus_errors.MessagingEntityDisabledError: Row(BrokerError, "the queue, topic or subscription is disabled"),
    bus_errors.MessagingEntityAlreadyExistsError: Row(AlreadyExists, "it already exists"),
    bus_errors.ServiceBusAuthenticationError: Row(
        Unauthorized, f"the service refused the credentials: {_LOG_IN}"
    ),
    bus_errors.ServiceBusAuthorizationError: Row(Unauthorized, f"this is not permitted: {_LOG_IN}"),
    bus_errors.ServiceBusQuotaExceededError: Row(
        Unavailable,
        "a quota is exhausted: the queue or topic is full, or there are too many connections",
    ),
    bus_errors.ServiceBusServerBusyError: Row(Unavailable, "the service is busy: slow down"),
    bus_errors.MessageSizeExceededError: Row(TooLarge, "the message is larger than the entity accepts"),
    bus_errors.OperationTimeoutError: Row(Unavailable, "the service did not answer in time"),
    bus_errors.ServiceBusConnectionError: _away("the connection failed"),
    bus_errors.ServiceBusCommunicationError: _away("the service cannot be reached"),
    core_errors.ServiceRequestError: _away("the administration cannot be reached"),
    core_errors.ServiceResponseError: _away("the administration did not answer"),
    core_errors.ResourceNotFoundError: Row(NotFound, "there is no such queue, topic, subscription or rule"),
    core_errors.ResourceExistsError: Row(AlreadyExists, "it already exists"),
    core_errors.ClientAuthenticationError: ByCode(
        lambda error: [error.response is None],
        {True: Row(Unauthorized, f"there are no credentials: {_GET_SOME}")},
        otherwise=Row(Unauthorized, f"the service refused the credentials: {_LOG_IN}"),
    ),
}

_BY_CONDITION = {
    "amqp:not-allowed": Row(ConfigError, "the entity does not allow this"),
    "amqp:not-implemented": Row(NotSupported, "this server does not offer it"),
    "amqp:decode-error": Row(ConfigError, "the service cannot read the message"),
    "amqp:invalid-field": Row(ConfigError, "the service refused the request"),
    "amqp:precondition-failed": Row(BrokerError, "the service refuses this in its current state"),
    "com.microsoft:precondition-failed": Row(BrokerError, "the service refuses this in its current state"),
    "com.microsoft:argument-error": Row(ConfigError, "the service refused the request"),
    "com.microsoft:argument-out-of-range": Row(ConfigError, "the service refused the request"),
}

_BY_STATUS = {
    400: Row(ConfigError, "the administration refused the request"),
    401: Row(Unauthorized, f"the administration refused the credentials: {_LOG_IN}"),
    403: Row(Unauthorized, f"this is not permitted, or a quota is exhausted: {_LOG_IN}"),
    404: Row(NotFound, "there is no such queue, topic, subscription or rule"),
    409: Row(AlreadyExists, "it already exists, or is being changed by another client"),
    413: Row(TooLarge, "the request is larger than the administration accepts"),
    429: Row(Unavailable, "the administration is busy or failed"),
    "5xx": Row(Unavailable, "the administration is busy or failed"),
}

_NOT_NOW = (bus_errors.ServiceBusQuotaExceededError, bus_errors.ServiceBusServerBusyError)


def _statuses_of(error: Any) -> list[int | str]:
    status = error.status_code or 0
    return [status, f"{status // 100}xx"]


def _said(error: BaseException) -> str:
    if isinstance(error, core_errors.HttpResponseError) and error.status_code:
        return f"status {error.status_code}: {error}"
    return str(error)


_TABLE = ErrorTable(
    {
        **_BY_CLASS,
        # any other end of a link or a connection: a new one may work
        bus_errors.ServiceBusError: ByCode(
            lambda error: [condition_of(error)],
            _BY_CONDITION,
            otherwise=_away("the service or the connection to it failed"),
        ),
        core_errors.HttpResponseError: ByCode(
            _statuses_of, _BY_STATUS, otherwise=Row(BrokerError, "the administration failed")
        ),
        OSError: _away("the connection failed"),
    },
    said=_said,
)
translate, translating = _TABLE.translate, _TABLE.translating


def surely_not_done(error: BaseException) -> bool:
    """Return whether the service itself refused, so that certainly nothing was stored or changed."""
    row = _TABLE.row(error)
    return isinstance(error, _NOT_NOW) or row is None or not issubclass(row.kind, Unavailable)
