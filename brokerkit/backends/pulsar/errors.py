"""Translate errors of the C++ client and of the REST endpoint to BrokerErrors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brokerkit.core.vocabulary.errors import (
    BrokerError,
    Closed,
    ConfigError,
    NotFound,
    NotSupported,
    TooLarge,
    Unauthorized,
    Unavailable,
)

_GONE = (NotFound, "there is no such topic, subscription, namespace or tenant")
_REFUSED = (Unauthorized, "the broker refused the credentials, or they do not permit this")
_AWAY = (Unavailable, "the broker cannot be reached, or does not serve this topic now")
_SLOW = (Unavailable, "the broker did not answer in time")
_FULL = (Unavailable, "too much is under way: slow down")
_WRONG = (ConfigError, "the client refused it")
_CLOSED = (Closed, "it was closed")

BY_NAME: Mapping[str, tuple[type[BrokerError], str]] = {
    "TopicNotFound": _GONE,
    "SubscriptionNotFound": _GONE,
    "ConsumerNotFound": _GONE,
    "AuthenticationError": _REFUSED,
    "AuthorizationError": _REFUSED,
    "ErrorGettingAuthenticationData": (Unauthorized, "the credentials could not be had"),
    "Timeout": _SLOW,
    "TimeOut": _SLOW,
    "ConnectError": _AWAY,
    "NotConnected": _AWAY,
    "Disconnected": _AWAY,
    "Retryable": _AWAY,
    "ServiceUnitNotReady": _AWAY,
    "LookupError": _AWAY,
    "ReadError": _AWAY,
    "ConsumerNotInitialized": _AWAY,
    "ProducerNotInitialized": _AWAY,
    "BrokerMetadataError": (Unavailable, "the broker cannot reach its metadata now"),
    "BrokerPersistenceError": (Unavailable, "the broker could not store it now"),
    "ChecksumError": (Unavailable, "it was damaged on the way"),
    "TooManyLookupRequestException": _FULL,
    "ProducerQueueIsFull": _FULL,
    "MemoryBufferIsFull": _FULL,
    "ProducerBlockedQuotaExceededError": (Unavailable, "the backlog quota of the namespace is used up"),
    "ProducerBlockedQuotaExceededException": (Unavailable, "the backlog quota of the namespace is used up"),
    "ConsumerBusy": (
        BrokerError,
        "other consumers hold the subscription: an exclusive one has a single consumer, and all consumers of "
        "one have the same subscription_type",
    ),
    "ProducerBusy": (BrokerError, "another producer holds the topic"),
    "ProducerFenced": (BrokerError, "another producer took over the topic"),
    "TopicTerminated": (BrokerError, "the topic was terminated: it takes no more messages"),
    "IncompatibleSchema": (ConfigError, "the topic has a schema that does not allow this"),
    "InvalidTopicName": (ConfigError, "that is not a name of a topic"),
    "InvalidConfiguration": _WRONG,
    "InvalidUrl": (ConfigError, "that is not an address of Pulsar"),
    "InvalidMessage": _WRONG,
    "MessageTooBig": (
        TooLarge,
        "the message is larger than the broker takes (5 MiB by default; with chunking, which is the default, "
        "only its key and attributes count)",
    ),
    "OperationNotSupported": (NotSupported, "the client cannot do this"),
    "NotAllowedError": (NotSupported, "the broker does not allow this"),
    "UnsupportedVersionError": (NotSupported, "the broker is too old for this"),
    "CumulativeAcknowledgementNotAllowedError": (
        NotSupported,
        "records need a subscription_type of exclusive or failover",
    ),
    "AlreadyClosed": _CLOSED,
}
SURELY_NOT_STORED = frozenset(
    {"MessageTooBig", "InvalidMessage", "IncompatibleSchema", "ProducerQueueIsFull", "MemoryBufferIsFull",
     "ProducerBlockedQuotaExceededError", "ProducerBlockedQuotaExceededException", "TopicTerminated",
     "AlreadyClosed"}
)  # fmt: skip


def named(name: str, what: str = "") -> BrokerError:
    """Return the BrokerError for an error name of the client."""
    kind, text = BY_NAME.get(name, (BrokerError, "the broker or the client failed"))
    return kind(f"{what + ': ' if what else ''}{text} ({name})")


def translate(error: BaseException, what: str = "") -> BrokerError:
    """Return an exception of the library as a BrokerError. The caller sets the cause."""
    if isinstance(error, BrokerError):
        return error
    if isinstance(error, TimeoutError):
        return Unavailable(f"{what + ': ' if what else ''}the broker did not answer in time")
    if type(error).__module__ == "_pulsar":
        return named(type(error).__name__, what)
    if isinstance(error, ValueError):
        return ConfigError(f"{what + ': ' if what else ''}{error}")
    return BrokerError(f"{what + ': ' if what else ''}{type(error).__name__}: {error}")


def raised(error: BaseException, what: str) -> BrokerError:
    """Return the same with its cause, ready to be raised."""
    made = translate(error, what)
    if made is not error:
        made.__cause__ = error
    return made


def result_name(result: Any) -> str:
    """Return the name of a result that a callback received."""
    return str(getattr(result, "name", result)).rpartition(".")[2]
