"""Creation of topics and groups and deletion of topics, with waiting until the cluster shows the change."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka.admin import NewTopic

from brokerkit.core.contract.consumer import SubscriptionRequest
from brokerkit.core.contract.options import COUNT, NO_OPTIONS, Option, OptionTable, mapping, whole
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import AlreadyExists, BrokerError, ConfigError, NotFound, Unavailable

from .connection import KafkaConnection
from .group_positions import create_group, positions_of
from .options import Properties
from .share_groups import create_share_group

POLL_SECONDS = 0.02
TOPIC_OPTIONS = OptionTable(
    {
        "partitions": Option(COUNT, "number of partitions", 1),
        "replication_factor": Option(
            whole(least=-1), "replicas of each partition; -1: the broker's default", -1
        ),
        "config": Option(mapping, 'topic configuration, for example {"cleanup.policy": "compact"}'),
    }
)


def create_topic(connection: KafkaConnection, topic: str, options: Mapping[str, Any], timeout: float) -> None:
    """Create a topic and wait until every partition has a leader.

    Raises:
        AlreadyExists: The topic already exists.
        ConfigError: An option is wrong or was refused by the broker.
        Unavailable: A partition has no leader when the time is up.
    """
    given = TOPIC_OPTIONS.read(options)
    config = {name: _text(value) for name, value in (given["config"] or {}).items()}
    new = NewTopic(topic, given["partitions"], given["replication_factor"], config=config)
    deadline = Deadline(timeout)
    try:
        futures = connection.client.create_topics([new], operation_timeout=timeout, request_timeout=timeout)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"topic {topic!r} cannot be created: {error}") from error
    try:
        connection.wait(futures[topic], deadline, f"creating topic {topic!r}")
    except AlreadyExists as error:
        raise AlreadyExists(f"topic {topic!r} already exists") from error.__cause__
    while not _led(connection, topic, deadline):
        if deadline.passed:
            raise Unavailable(f"topic {topic!r} was created, but not every partition has a leader yet")
        time.sleep(POLL_SECONDS)


def delete_topic(connection: KafkaConnection, topic: str, timeout: float) -> None:
    """Delete a topic and wait until the cluster no longer shows it.

    Raises:
        NotFound: The topic does not exist.
        Unavailable: The topic is still there when the time is up.
    """
    deadline = Deadline(timeout)
    futures = connection.client.delete_topics([topic], operation_timeout=timeout, request_timeout=timeout)
    try:
        connection.wait(futures[topic], deadline, f"deleting topic {topic!r}")
    except NotFound as error:
        raise NotFound(f"there is no topic {topic!r}") from error.__cause__
    while True:
        try:
            connection.partitions(topic, deadline)
        except NotFound:
            return
        if deadline.passed:
            raise Unavailable(f"topic {topic!r} is marked for deletion, but still there")
        time.sleep(POLL_SECONDS)


def create_subscription(
    connection: KafkaConnection, properties: Properties, request: SubscriptionRequest, timeout: float
) -> None:
    """Create a share group, or a consumer group by committing the positions at which it starts.

    Raises:
        AlreadyExists: There is a group of this name, of either kind.
        NotFound: The topic does not exist.
    """
    deadline = Deadline(timeout)
    if request.model == "message":
        create_share_group(connection, request, deadline)
        return
    NO_OPTIONS.read(request.options)
    topic, group = request.topic, request.subscription
    # report a missing topic before a client is opened for the group
    connection.partitions(topic, deadline)
    with positions_of(connection, properties, group, topic) as positions:
        create_group(connection, positions, topic, group, request.start, deadline)


def _led(connection: KafkaConnection, topic: str, deadline: Deadline) -> bool:
    try:
        leaders = connection.leaders(topic, deadline)
    except NotFound:
        return False
    except BrokerError as error:
        if not error.retryable:
            raise
        return False
    return bool(leaders) and min(leaders.values()) >= 0


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
