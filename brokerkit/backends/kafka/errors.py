"""Translation of error codes of librdkafka and the broker to a `BrokerError`."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException

from brokerkit.core.contract.error_table import ByCode, ByText, ErrorTable, Row
from brokerkit.core.vocabulary.errors import (
    AlreadyExists,
    BrokerError,
    Closed,
    ConfigError,
    LockLost,
    NotFound,
    NotSupported,
    StaleAck,
    TooLarge,
    Unauthorized,
    Unavailable,
)


def codes(*names: str) -> frozenset[int]:
    """Return the error codes with these names. Names that the installed client does not know are left out."""
    return frozenset(getattr(KafkaError, name) for name in names if hasattr(KafkaError, name))


TLS_HINT = (
    "the TLS handshake failed: check that the port speaks TLS (security.protocol=SSL or SASL_SSL) "
    "and that ssl.ca.location names the authority that signed the broker's certificate"
)
_STALE = (
    "the group was rebalanced and this member no longer owns the partitions it read; nothing was committed"
)
_LAPSED = (
    "a lock had expired: nothing that was settled together with that message in its partition took effect"
)
_FENCED = "another publisher with the same transactional_id took over; use one id per running publisher"
_ROWS: tuple[tuple[frozenset[int], Row], ...] = (
    (
        codes("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION", "UNKNOWN_TOPIC_ID",
               "GROUP_ID_NOT_FOUND", "RESOURCE_NOT_FOUND"),
        Row(NotFound),
    ),
    (codes("TOPIC_ALREADY_EXISTS"), Row(AlreadyExists)),
    (
        codes("_AUTHENTICATION", "SASL_AUTHENTICATION_FAILED"),
        Row(Unauthorized, hint="check user, password, sasl.mechanism and security.protocol"),
    ),
    (
        codes("UNSUPPORTED_SASL_MECHANISM", "ILLEGAL_SASL_STATE", "SECURITY_DISABLED"),
        Row(Unauthorized, hint="check sasl.mechanism and security.protocol"),
    ),
    (
        codes("TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED",
               "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "DELEGATION_TOKEN_AUTHORIZATION_FAILED"),
        Row(Unauthorized, hint="the user lacks an ACL for this"),
    ),
    (
        codes("MSG_SIZE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"),
        Row(TooLarge, hint="the topic's max.message.bytes is the limit"),
    ),
    (
        codes("REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "FENCED_INSTANCE_ID",
               "FENCED_MEMBER_EPOCH", "STALE_MEMBER_EPOCH", "UNRELEASED_INSTANCE_ID", "_ASSIGNMENT_LOST",
               "_MAX_POLL_EXCEEDED"),
        Row(StaleAck, hint=_STALE),
    ),
    (
        codes("INVALID_RECORD_STATE"),
        Row(LockLost, hint=_LAPSED),
    ),
    (
        codes("_FENCED", "PRODUCER_FENCED", "INVALID_PRODUCER_EPOCH"),
        Row(Closed, hint=_FENCED),
    ),
    (codes("_DESTROY"), Row(Closed, hint="the client is closed")),
    (
        codes("_INVALID_ARG", "_CONFLICT", "INVALID_CONFIG", "TOPIC_EXCEPTION", "INVALID_PARTITIONS",
               "INVALID_REPLICATION_FACTOR", "INVALID_REPLICA_ASSIGNMENT", "POLICY_VIOLATION",
               "INVALID_REQUEST", "INVALID_GROUP_ID", "INVALID_TIMESTAMP",
               "INCONSISTENT_GROUP_PROTOCOL", "INVALID_SESSION_TIMEOUT", "INVALID_TRANSACTION_TIMEOUT"),
        Row(ConfigError),
    ),
    (
        codes("INVALID_RECORD"),
        Row(
            ConfigError,
            hint="does the topic need a key (cleanup.policy=compact), or is the time out of its bounds?",
        ),
    ),
    (
        codes("UNSUPPORTED_VERSION", "UNSUPPORTED_FOR_MESSAGE_FORMAT", "_UNSUPPORTED_FEATURE",
               "UNSUPPORTED_COMPRESSION_TYPE", "TOPIC_DELETION_DISABLED"),
        Row(NotSupported),
    ),
    (codes("_SSL"), Row(Unavailable, hint=TLS_HINT, retryable=False)),
    (
        codes("_TRANSPORT", "_ALL_BROKERS_DOWN", "_TIMED_OUT", "_TIMED_OUT_QUEUE", "_MSG_TIMED_OUT",
               "_RESOLVE", "_WAIT_COORD", "_WAIT_CACHE", "_QUEUE_FULL", "_RETRY", "_PURGE_QUEUE",
               "_PURGE_INFLIGHT", "_NOENT", "_NO_OFFSET", "_STATE", "_IN_PROGRESS", "_PREV_IN_PROGRESS",
               "SHARE_SESSION_NOT_FOUND", "INVALID_SHARE_SESSION_EPOCH", "LEADER_NOT_AVAILABLE",
               "NOT_LEADER_FOR_PARTITION", "REQUEST_TIMED_OUT", "BROKER_NOT_AVAILABLE",
               "REPLICA_NOT_AVAILABLE", "NETWORK_EXCEPTION", "COORDINATOR_LOAD_IN_PROGRESS",
               "COORDINATOR_NOT_AVAILABLE", "NOT_COORDINATOR", "NOT_ENOUGH_REPLICAS",
               "NOT_ENOUGH_REPLICAS_AFTER_APPEND", "NOT_CONTROLLER", "KAFKA_STORAGE_ERROR",
               "FENCED_LEADER_EPOCH", "UNKNOWN_LEADER_EPOCH", "OFFSET_NOT_AVAILABLE",
               "PREFERRED_LEADER_NOT_AVAILABLE", "CONCURRENT_TRANSACTIONS", "UNSTABLE_OFFSET_COMMIT",
               "THROTTLING_QUOTA_EXCEEDED", "INCONSISTENT_TOPIC_ID"),
        Row(Unavailable),
    ),
)  # fmt: skip

TLS = codes("_SSL")
PERMISSION = codes(
    "TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED",
    "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
)  # fmt: skip
"""The codes of a missing ACL. The user is known; what is refused is this one request."""
AUTHENTICATION = codes("_AUTHENTICATION", "SASL_AUTHENTICATION_FAILED", "UNSUPPORTED_SASL_MECHANISM")

SURELY_NOT_STORED = codes(
    "MSG_SIZE_TOO_LARGE", "UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION",
    "TOPIC_EXCEPTION", "TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED",
    "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "INVALID_MSG", "INVALID_MSG_SIZE", "INVALID_RECORD",
    "INVALID_TIMESTAMP", "INVALID_REQUIRED_ACKS", "POLICY_VIOLATION", "NOT_ENOUGH_REPLICAS",
    "UNSUPPORTED_FOR_MESSAGE_FORMAT", "UNSUPPORTED_COMPRESSION_TYPE", "_INVALID_ARG", "_QUEUE_FULL",
    "_FENCED", "PRODUCER_FENCED", "INVALID_PRODUCER_EPOCH", "INVALID_TXN_STATE",
)  # fmt: skip
"""Delivery errors that mean a message was refused. With any other error its outcome is unknown."""


def kafka_error(error: BaseException) -> KafkaError | None:
    """Return the `KafkaError` inside an exception of confluent-kafka, or None for other exceptions."""
    inner = error.args[0] if isinstance(error, KafkaException) and error.args else None
    return inner if isinstance(inner, KafkaError) else None


def _codes_of(error: BaseException) -> Iterable[int | str]:
    inner = kafka_error(error)
    if inner is not None:
        yield inner.code()
        if inner.retriable():
            yield "retriable"


def _said(error: BaseException) -> str:
    inner = kafka_error(error)
    if inner is None:
        return str(error)
    row = _RULES.get(inner.code())
    # what has no meaning of ours is named, so that it can be looked up
    return f"{inner.str()} [{inner.name()}]" if row is None or row.kind is Unavailable else str(inner.str())


_RULES = {code: row for numbers, row in reversed(_ROWS) for code in numbers}
_TABLE = ErrorTable(
    {
        KafkaException: ByCode(
            _codes_of, {**_RULES, "retriable": Row(BrokerError, retryable=True)}, otherwise=Row(BrokerError)
        ),
        RuntimeError: ByText({"closed": Row(Closed)}),
        ValueError: Row(ConfigError),
        TypeError: Row(ConfigError),
    },
    said=_said,
)
translating = _TABLE.translating


def translate(error: BaseException | KafkaError, about: str = "") -> BrokerError:
    """Return what a call of confluent-kafka raised or listed as a `BrokerError`.

    A `KafkaError` is no exception, although it is accepted as a cause: a traceback of such a cause cannot be
    printed. It is wrapped in a `KafkaException`.

    Args:
        error: What was raised or listed.
        about: What was being done; the message begins with it.
    """
    return _TABLE.translate(KafkaException(error) if isinstance(error, KafkaError) else error, about)


def lacks_permission(error: BrokerError) -> bool:
    """Return whether an error means that the user lacks an ACL, and nothing else."""
    inner = None if error.__cause__ is None else kafka_error(error.__cause__)
    return inner is not None and inner.code() in PERMISSION
