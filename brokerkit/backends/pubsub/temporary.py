"""Temporary subscriptions, created to read a topic once.

Labels mark each of them and say until when it may live. If its process was killed, the next reading of
its topic recognizes and removes it; the service itself removes it after a day.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

import grpc
from grpc import StatusCode

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import NotSupported
from brokerkit.core.vocabulary.positions import Position

from .admin import create_subscription, delete_subscription, get_topic, retention_seconds
from .connection import PubSubConnection, log
from .errors import code_of, translate
from .methods import DELETE_SUBSCRIPTION, GET_SUBSCRIPTION, LIST_TOPIC_SUBSCRIPTIONS

PREFIX = "brokerkit-look-"
LABEL = "brokerkit"
LABEL_VALUE = "temporary"
UNTIL = "brokerkit-until"
LIFE_SECONDS = 1_800
"""How long one reading may take. After that, another reading may remove its subscription."""
SERVER_REMOVES_AFTER = 86_400
ACK_DEADLINE = 60


def is_temporary(subscription: Any) -> bool:
    """Return whether a subscription was created for one reading."""
    return bool(subscription.labels.get(LABEL) == LABEL_VALUE)


def is_orphan(subscription: Any, now: float) -> bool:
    """Return whether a subscription was created for a reading that ended without deleting it."""
    until = subscription.labels.get(UNTIL, "")
    return is_temporary(subscription) and until.isdigit() and int(until) < now


def new_name() -> str:
    """Return a unique name for a temporary subscription."""
    return PREFIX + uuid.uuid4().hex[:16]


def create_temporary(
    connection: PubSubConnection, topic: str, name: str, start: Position, timeout: float
) -> Any:
    """Create a temporary subscription and return its configuration. Removes orphans of the topic first.

    Args:
        connection: The connection.
        topic: The topic to read.
        name: The name of the subscription, from `new_name`.
        start: Where the subscription begins.
        timeout: Seconds for all requests together.

    Raises:
        NotSupported: The topic retains no messages.
    """
    deadline = Deadline(timeout)
    found = get_topic(connection, topic, deadline.remaining())
    if not retention_seconds(found):
        raise NotSupported(
            f"topic {topic!r} retains no messages, so a temporary subscription would see none: set the "
            'retention of the topic, or use side_effects="give back" with a subscription that is there'
        )
    remove_orphans(connection, found.name, deadline.remaining())
    options = {
        "labels": {LABEL: LABEL_VALUE, UNTIL: str(int(time.time()) + LIFE_SECONDS)},
        "expiration": SERVER_REMOVES_AFTER,
        "ack_deadline": ACK_DEADLINE,
        "retention": 600,
        # messages that are not settled must not hold back the rest of their key
        "ordering": False,
    }
    return create_subscription(connection, topic, name, start, options, deadline.remaining())


def remove_temporary(connection: PubSubConnection, name: str, timeout: float) -> None:
    """Delete a temporary subscription if it exists."""
    try:
        delete_subscription(connection, name, timeout)
    except grpc.RpcError as error:
        if code_of(error) is StatusCode.NOT_FOUND:
            return
        log.warning(
            "the temporary subscription %r could not be deleted (%s); the next peek at its topic deletes it",
            name,
            translate(error),
        )


def remove_orphans(connection: PubSubConnection, topic_path: str, timeout: float) -> int:
    """Delete the subscriptions that other readings left on a topic, and return how many there were."""
    deadline = Deadline(timeout)
    names = [
        path
        for path in connection.pages(LIST_TOPIC_SUBSCRIPTIONS, "subscriptions", timeout, topic=topic_path)
        if path.rsplit("/", 1)[-1].startswith(PREFIX)
    ]
    removed = 0
    for path in names:
        try:
            if is_orphan(
                connection.call(GET_SUBSCRIPTION, deadline.remaining(), subscription=path), time.time()
            ):
                connection.call(DELETE_SUBSCRIPTION, deadline.remaining(), subscription=path)
                removed += 1
        except grpc.RpcError as error:
            if code_of(error) is not StatusCode.NOT_FOUND:
                log.info("the temporary subscription %s could not be looked at: %s", path, translate(error))
    return removed
