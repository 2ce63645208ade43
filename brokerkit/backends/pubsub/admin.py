"""Create and delete topics and subscriptions, and find where a new subscription begins."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from brokerkit.core.contract.options import SECONDS, Option, OptionTable, labels, text, texts
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import AlreadyExists, ConfigError, NotFound, NotSupported
from brokerkit.core.vocabulary.positions import AtId, AtOffset, AtTime, Earliest, Position

from .connection import PubSubConnection, log
from .errors import code_of
from .methods import (
    CREATE_SUBSCRIPTION,
    CREATE_TOPIC,
    DELETE_SUBSCRIPTION,
    DELETE_TOPIC,
    GET_SUBSCRIPTION,
    GET_TOPIC,
    SEEK,
)
from .subscription_options import duration, subscription_fields

TOPIC_OPTIONS = OptionTable(
    {
        "retention": Option(
            SECONDS, "seconds for which messages are kept for later subscriptions (10 minutes to 31 days)"
        ),
        "labels": Option(labels, "a mapping of labels"),
        "kms_key": Option(text, "name of the key that encrypts the messages"),
        "regions": Option(texts, "list of the regions in which messages may be stored"),
    }
)
CLOCK_SECONDS = 60
"""The largest difference allowed between the clocks of the service and of this machine."""


def get_topic(connection: PubSubConnection, topic: str, timeout: float) -> Any:
    """Return the configuration of a topic.

    Raises:
        NotFound: The topic does not exist.
    """
    try:
        return connection.call(GET_TOPIC, timeout, topic=connection.path("topics", topic))
    except grpc.RpcError as error:
        if code_of(error) is StatusCode.NOT_FOUND:
            raise no_topic(connection, topic) from error
        raise


def no_topic(connection: PubSubConnection, topic: str) -> NotFound:
    """Return the NotFound for a missing topic."""
    return NotFound(
        f"project {connection.project!r} has no topic {topic!r}: create it with create_topic({topic!r}), "
        "or choose one of topics()"
    )


def create_topic(
    connection: PubSubConnection, topic: str, options: Mapping[str, Any], timeout: float
) -> None:
    """Create a topic.

    Raises:
        AlreadyExists: The topic exists.
        ConfigError: An option is unknown or has a value of the wrong type.
        NotSupported: `options` asks for partitions.
    """
    if "partitions" in options:
        raise NotSupported("Pub/Sub has no partitions: messages with the same key come in order, give a key")
    given = TOPIC_OPTIONS.read(options)
    fields: dict[str, Any] = {}
    if given["retention"] is not None:
        fields["message_retention_duration"] = duration(given["retention"])
    if given["labels"]:
        fields["labels"] = given["labels"]
    if given["kms_key"]:
        fields["kms_key_name"] = given["kms_key"]
    if given["regions"]:
        fields["message_storage_policy"] = {"allowed_persistence_regions": list(given["regions"])}
    connection.call(CREATE_TOPIC, timeout, name=connection.path("topics", topic), **fields)


def delete_topic(connection: PubSubConnection, topic: str, timeout: float) -> None:
    """Delete a topic. Its subscriptions keep their messages and receive no new ones.

    Raises:
        NotFound: The topic does not exist.
    """
    try:
        connection.call(DELETE_TOPIC, timeout, topic=connection.path("topics", topic))
    except grpc.RpcError as error:
        if code_of(error) is StatusCode.NOT_FOUND:
            raise no_topic(connection, topic) from error
        raise


def get_subscription(connection: PubSubConnection, subscription: str, timeout: float) -> Any | None:
    """Return the configuration of a subscription, or None if it does not exist."""
    try:
        return connection.call(
            GET_SUBSCRIPTION, timeout, subscription=connection.path("subscriptions", subscription)
        )
    except grpc.RpcError as error:
        if code_of(error) is StatusCode.NOT_FOUND:
            return None
        raise


def create_subscription(
    connection: PubSubConnection,
    topic: str,
    subscription: str,
    start: Position,
    options: Mapping[str, Any],
    timeout: float,
) -> Any:
    """Create a subscription and return its configuration.

    Args:
        connection: The connection.
        topic: The topic to subscribe to.
        subscription: The name of the new subscription.
        start: Where the subscription begins. `earliest` and times reach back as far as the topic retains
            its messages.
        options: See `subscription_options.SUBSCRIPTION_OPTIONS`.
        timeout: Seconds for all requests together.

    Raises:
        AlreadyExists: The project has a subscription of this name.
        NotFound: The topic does not exist.
        NotSupported: A subscription of this topic cannot begin at `start`.
    """
    deadline = Deadline(timeout)
    fields = subscription_fields(connection, options)
    name = connection.path("subscriptions", subscription)
    found = get_topic(connection, topic, deadline.remaining())
    back_to = start_of(found, topic, start)
    try:
        made = connection.call(
            CREATE_SUBSCRIPTION, deadline.remaining(), name=name, topic=found.name, **fields
        )
    except grpc.RpcError as error:
        if code_of(error) is StatusCode.ALREADY_EXISTS:
            raise AlreadyExists(
                f"project {connection.project!r} has a subscription {subscription!r} already; all topics "
                "share the names of subscriptions"
            ) from error
        raise
    if back_to is not None:
        try:
            connection.call(SEEK, deadline.remaining(), subscription=name, time=back_to)
        except BaseException:
            # a subscription that begins at the wrong place must not remain
            with contextlib.suppress(grpc.RpcError):
                delete_subscription(connection, subscription, 5.0)
            raise
    return made


def delete_subscription(connection: PubSubConnection, subscription: str, timeout: float) -> None:
    """Delete a subscription with its backlog. Raises NotFound."""
    connection.call(DELETE_SUBSCRIPTION, timeout, subscription=connection.path("subscriptions", subscription))


def retention_seconds(topic: Any) -> int:
    """Return how long a topic keeps its messages for later subscriptions; 0 if it does not keep them."""
    return int(topic.message_retention_duration.seconds)


def start_of(found: Any, topic: str, start: Position) -> Timestamp | None:
    """Return the time to which a new subscription must seek, or None if it begins now.

    Raises:
        ConfigError: `start` lies in the future.
        NotSupported: `start` is an offset or an id, or the topic retains no messages.
    """
    retention = retention_seconds(found)
    match start:
        case AtOffset() | AtId():
            raise NotSupported(
                'Pub/Sub has no offsets: start= may be "earliest", "latest" or a time within the retention'
            )
        case AtTime(microseconds):
            if microseconds > (time.time() + CLOCK_SECONDS) * 1e6:
                raise ConfigError(f"start={start} lies in the future; a subscription begins now or earlier")
            if not retention:
                raise NotSupported(
                    f"topic {topic!r} retains no messages for later subscriptions, so a new one begins now: "
                    'use start="latest", or set the retention of the topic'
                )
            return Timestamp(seconds=microseconds // 1_000_000, nanos=microseconds % 1_000_000 * 1_000)
        case Earliest():
            if retention:
                return Timestamp(seconds=int(time.time()) - retention)
            log.info(
                "topic %r retains no messages for later subscriptions: the new one begins with what is "
                "published from now on",
                topic,
            )
    return None


def delivery_of(found: Any) -> str:
    """Return how a subscription delivers its messages. Only `pull` can be consumed here."""
    if found.push_config.push_endpoint:
        return "push"
    if found.bigquery_config.table:
        return "bigquery"
    return "cloud storage" if found.cloud_storage_config.bucket else "pull"
