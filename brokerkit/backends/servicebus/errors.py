"""Translate errors of Azure's libraries to BrokerErrors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azure.core import exceptions as core_errors
from azure.servicebus import exceptions as bus_errors

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

_LOG_IN = "check the connection string's key, or what the identity may do (Azure Service Bus Data ... roles)"

_BY_CLASS: Mapping[type[BaseException], tuple[type[BrokerError], str]] = {
    bus_errors.MessageLockLostError: (
        LockLost,
        "the lock of the message was lost: it will be, or was, delivered again",
    ),
    bus_errors.SessionLockLostError: (
        LockLost,
        "the lock of the session was lost: its messages will be, or were, delivered again",
    ),
    bus_errors.MessageAlreadySettled: (AckFailed, "the message was settled already"),
    bus_errors.SessionCannotBeLockedError: (
        Unavailable,
        "the session is held by another receiver: wait until that one is done, or take another session",
    ),
    bus_errors.MessagingEntityNotFoundError: (NotFound, "there is no such queue, topic or subscription"),
    bus_errors.MessageNotFoundError: (NotFound, "there is no message with that sequence number to be taken"),
    bus_errors.MessagingEntityDisabledError: (BrokerError, "the queue, topic or subscription is disabled"),
    bus_errors.MessagingEntityAlreadyExistsError: (AlreadyExists, "it exists already"),
    bus_errors.ServiceBusAuthenticationError: (Unauthorized, f"the service did not let us in: {_LOG_IN}"),
    bus_errors.ServiceBusAuthorizationError: (Unauthorized, f"this is not permitted: {_LOG_IN}"),
    bus_errors.ServiceBusQuotaExceededError: (
        Unavailable,
        "a quota is used up: the queue or topic is full, or there are too many connections",
    ),
    bus_errors.ServiceBusServerBusyError: (Unavailable, "the service is busy: slow down"),
    bus_errors.MessageSizeExceededError: (TooLarge, "the message is larger than the entity takes"),
    bus_errors.OperationTimeoutError: (Unavailable, "the service did not answer in time"),
    bus_errors.ServiceBusConnectionError: (Unavailable, "the connection failed"),
    bus_errors.ServiceBusCommunicationError: (Unavailable, "the service cannot be reached"),
    core_errors.ServiceRequestError: (Unavailable, "the administration cannot be reached"),
    core_errors.ServiceResponseError: (Unavailable, "the administration did not answer"),
    core_errors.ResourceNotFoundError: (NotFound, "there is no such queue, topic, subscription or rule"),
    core_errors.ResourceExistsError: (AlreadyExists, "it exists already"),
    core_errors.ClientAuthenticationError: (Unauthorized, f"the service did not let us in: {_LOG_IN}"),
}

_BY_CONDITION: Mapping[str, tuple[type[BrokerError], str]] = {
    "amqp:not-allowed": (ConfigError, "the entity does not allow this"),
    "amqp:not-implemented": (NotSupported, "this server does not offer it"),
    "amqp:decode-error": (ConfigError, "the service cannot read the message"),
    "amqp:invalid-field": (ConfigError, "the service refused the request"),
    "amqp:precondition-failed": (BrokerError, "the service refuses this in the present state"),
    "com.microsoft:precondition-failed": (BrokerError, "the service refuses this in the present state"),
    "com.microsoft:argument-error": (ConfigError, "the service refused the request"),
    "com.microsoft:argument-out-of-range": (ConfigError, "the service refused the request"),
}

_BY_STATUS: Mapping[int, tuple[type[BrokerError], str]] = {
    400: (ConfigError, "the administration refused the request"),
    401: (Unauthorized, f"the administration did not let us in: {_LOG_IN}"),
    403: (Unauthorized, f"this is not permitted, or a quota is used up: {_LOG_IN}"),
    404: (NotFound, "there is no such queue, topic, subscription or rule"),
    409: (AlreadyExists, "it exists already, or is being changed by somebody else"),
    413: (TooLarge, "the request is larger than the administration takes"),
}


_NOT_NOW = (bus_errors.ServiceBusQuotaExceededError, bus_errors.ServiceBusServerBusyError)


def translate(error: BaseException) -> BrokerError:
    """Return an exception of Azure's libraries as a BrokerError. The caller sets the cause."""
    if isinstance(error, BrokerError):
        return error
    said = " ".join(str(error).split())[:1000]
    kind, text = _kind(error)
    made = kind(f"{text} ({said})")
    if isinstance(made, Unavailable) and "CERTIFICATE_VERIFY_FAILED" in said:
        made.retryable = False
    return made


def _kind(error: BaseException) -> tuple[type[BrokerError], str]:
    for kind in type(error).__mro__:
        if kind in _BY_CLASS:
            return _BY_CLASS[kind]
    if isinstance(error, bus_errors.ServiceBusError):
        found = _BY_CONDITION.get(condition_of(error))
        # anything else that ends a link or a connection: a new one may work
        return found or (Unavailable, "the service or the connection to it failed")
    if isinstance(error, core_errors.HttpResponseError):
        status = error.status_code or 0
        if status == 429 or status >= 500:
            return Unavailable, "the administration is busy or failed"
        return _BY_STATUS.get(status, (BrokerError, f"the administration answered with status {status}"))
    if isinstance(error, OSError):
        return Unavailable, "the connection failed"
    return BrokerError, type(error).__name__


def condition_of(error: Any) -> str:
    """Return the AMQP condition that a failure was reported with, or "" if there is none."""
    condition = getattr(error, "_condition", None)
    value = getattr(condition, "value", condition) or ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def surely_not_done(error: BaseException) -> bool:
    """Return whether the service itself refused, so that certainly nothing was stored or changed."""
    kind, _ = _kind(error)
    return isinstance(error, _NOT_NOW) or not issubclass(kind, Unavailable)
