"""Translate errors of the C++ client and of the REST endpoint to BrokerErrors."""

from __future__ import annotations

from typing import Any

import pulsar

from brokerkit.core.contract.error_table import ByCode, ErrorTable, Row
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

_GONE = Row(NotFound, "there is no such topic, subscription, namespace or tenant")
_REFUSED = Row(Unauthorized, "the broker refused the credentials, or they do not permit this")
_AWAY = Row(Unavailable, "the broker cannot be reached, or does not serve this topic now")
_SLOW = Row(Unavailable, "the broker did not answer in time")
_FULL = Row(Unavailable, "too many requests are pending: slow down")
_WRONG = Row(ConfigError, "the client refused the request")
_FAILED = Row(BrokerError, "the broker or the client failed")
_CLOSED = Row(Closed, "it was closed")

_BY_NAME = {
    "TopicNotFound": _GONE,
    "SubscriptionNotFound": _GONE,
    "ConsumerNotFound": _GONE,
    "AuthenticationError": _REFUSED,
    "AuthorizationError": _REFUSED,
    "ErrorGettingAuthenticationData": Row(Unauthorized, "the credentials could not be obtained"),
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
    "BrokerMetadataError": Row(Unavailable, "the broker cannot reach its metadata now"),
    "BrokerPersistenceError": Row(Unavailable, "the broker could not store it now"),
    "ChecksumError": Row(Unavailable, "the message was corrupted in transit"),
    "TooManyLookupRequestException": _FULL,
    "ProducerQueueIsFull": _FULL,
    "MemoryBufferIsFull": _FULL,
    "ProducerBlockedQuotaExceededError": Row(Unavailable, "the backlog quota of the namespace is exhausted"),
    "ProducerBlockedQuotaExceededException": Row(
        Unavailable, "the backlog quota of the namespace is exhausted"
    ),
    "ConsumerBusy": Row(
        BrokerError,
        "the subscription is used by other consumers: an exclusive one has a single consumer, and all "
        "consumers of one have the same subscription_type",
    ),
    "ProducerBusy": Row(BrokerError, "the topic is used by another producer"),
    "ProducerFenced": Row(BrokerError, "another producer took over the topic"),
    "TopicTerminated": Row(BrokerError, "the topic was terminated: it takes no more messages"),
    "IncompatibleSchema": Row(ConfigError, "the topic has a schema that does not allow this"),
    "InvalidTopicName": Row(ConfigError, "this is not a valid name of a topic"),
    "InvalidConfiguration": _WRONG,
    "InvalidUrl": Row(ConfigError, "this is not a valid address of Pulsar"),
    "InvalidMessage": _WRONG,
    "MessageTooBig": Row(
        TooLarge,
        "the message is larger than the broker accepts (5 MiB by default; with chunking, which is the "
        "default, only its key and attributes count)",
    ),
    "OperationNotSupported": Row(NotSupported, "the client cannot do this"),
    "NotAllowedError": Row(NotSupported, "the broker does not allow this"),
    "UnsupportedVersionError": Row(NotSupported, "the broker is too old for this"),
    "CumulativeAcknowledgementNotAllowedError": Row(
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


def _names_of(error: BaseException) -> list[str]:
    return [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "_pulsar"]


_TABLE = ErrorTable(
    {
        pulsar.PulsarException: ByCode(_names_of, _BY_NAME, otherwise=_FAILED),
        ValueError: Row(ConfigError),
    },
    said=lambda error: next(iter(_names_of(error)), str(error)),
)
translate, translating = _TABLE.translate, _TABLE.translating


def named(name: str, about: str = "") -> BrokerError:
    """Return the `BrokerError` for a name that a callback received in place of an exception."""
    return _BY_NAME.get(name, _FAILED).error(name, about)


def result_name(result: Any) -> str:
    """Return the name of a result that a callback received."""
    return str(getattr(result, "name", result)).rpartition(".")[2]
