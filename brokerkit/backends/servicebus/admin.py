"""Create and delete queues, topics and subscriptions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.servicebus.management import SqlRuleFilter

from brokerkit.core.contract.options import COUNT, POSITIVE_SECONDS, Option, OptionTable, choice, flag, text
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import AlreadyExists, ConfigError, NotSupported
from brokerkit.core.vocabulary.positions import AtOffset, AtTime, Earliest, Position

from .connection import ServiceBusConnection, log
from .entities import find, limits, no_entity, no_subscription
from .names import EntityName

DEFAULT_RULE = "$Default"
FILTER_RULE = "filter"


def _duration(name: str, value: Any) -> timedelta:
    """Check a time above 0. A timedelta may be as long as the service's own "never"."""
    if isinstance(value, timedelta) and value > timedelta(0):
        return value
    return timedelta(seconds=POSITIVE_SECONDS(name, value))


_SHARED = OptionTable(
    {
        "time_to_live": Option(
            _duration, "seconds after which messages expire, unless a message sets its own"
        ),
        "auto_delete_on_idle": Option(_duration, "seconds without use until it is deleted (at least 300)"),
    }
)
_STORED = OptionTable(
    {
        "duplicate_detection": Option(
            _duration, "seconds for which a message id is remembered, so that it is stored once"
        ),
        "partitioning": Option(flag, "whether it is spread over several brokers"),
        "max_megabytes": Option(COUNT, "maximum size in megabytes"),
    }
)
_TAKEN = OptionTable(
    {
        "sessions": Option(flag, "whether messages are received by session (their key)"),
        "lock_seconds": Option(_duration, "for how long a message is locked for its receiver (5 to 300)"),
        "max_delivery_count": Option(COUNT, "deliveries after which a message is dead-lettered"),
        "dead_letter_on_expiry": Option(flag, "whether expired messages are dead-lettered"),
        "forward_to": Option(text, "queue or topic to which messages are forwarded"),
        "forward_dead_letters_to": Option(text, "queue or topic to which dead letters are forwarded"),
    }
)
_KIND = {"kind": Option(choice("queue", "topic"), '"queue" or "topic"', "queue")}
QUEUE_OPTIONS = _SHARED | _STORED | _TAKEN | _KIND
TOPIC_OPTIONS = _SHARED | _STORED | _KIND
SUBSCRIPTION_OPTIONS = (
    _SHARED
    | _TAKEN
    | {
        "dead_letter_on_filter_error": Option(
            flag, "whether messages that break a rule's filter are dead-lettered"
        ),
        "filter": Option(
            text, "SQL condition that selects messages, such as \"kind = 'order' AND total > 100\""
        ),
    }
)
_LIBRARY_NAMES: Mapping[str, str] = {
    "time_to_live": "default_message_time_to_live",
    "auto_delete_on_idle": "auto_delete_on_idle",
    "duplicate_detection": "duplicate_detection_history_time_window",
    "partitioning": "enable_partitioning",
    "max_megabytes": "max_size_in_megabytes",
    "sessions": "requires_session",
    "lock_seconds": "lock_duration",
    "max_delivery_count": "max_delivery_count",
    "dead_letter_on_expiry": "dead_lettering_on_message_expiration",
    "dead_letter_on_filter_error": "dead_lettering_on_filter_evaluation_exceptions",
    "forward_to": "forward_to",
    "forward_dead_letters_to": "forward_dead_lettered_messages_to",
}
"""The argument of the administration client for each option that has one."""


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked options as arguments of the administration client."""
    made = {
        _LIBRARY_NAMES[name]: value
        for name, value in given.items()
        if name in _LIBRARY_NAMES and value is not None
    }
    if given.get("duplicate_detection") is not None:
        made["requires_duplicate_detection"] = True
    return made


def create_topic(
    connection: ServiceBusConnection, topic: str, options: Mapping[str, Any], timeout: float
) -> None:
    """Create a queue, or with ``kind="topic"`` a topic.

    Raises:
        AlreadyExists: There is an entity of this name.
        ConfigError: An option is unknown or has a wrong value.
    """
    if "partitions" in options:
        raise NotSupported(
            "Service Bus has no numbered partitions: messages with the same key come in order where the "
            "queue has sessions, create_topic(..., sessions=True)"
        )
    kind = _KIND["kind"].value("kind", options.get("kind"))
    given = (QUEUE_OPTIONS if kind == "queue" else TOPIC_OPTIONS).read(options)
    name = EntityName.parse(topic)
    if name.subscription is not None or name.sub_queue is not None:
        raise ConfigError(f"{topic!r} is the name of a subscription or sub-queue, not of a queue or topic")
    settings = _settings(given)
    try:
        if kind == "queue":
            connection.administration.create_queue(name.name, **settings, **limits(Deadline(timeout)))
        else:
            # the library would take time limits for settings of the topic
            connection.administration.create_topic(name.name, **settings)
    except ResourceExistsError as error:
        raise AlreadyExists(f"there is a queue or topic {topic!r} already") from error


def delete_topic(connection: ServiceBusConnection, topic: str, timeout: float) -> None:
    """Delete a queue, topic or subscription (``TOPIC/Subscriptions/NAME``) with its messages."""
    deadline = Deadline(timeout)
    name = EntityName.parse(topic)
    if name.sub_queue is not None:
        raise ConfigError(f"{topic!r} is a sub-queue: it goes with its owner; pull its messages to empty it")
    administration = connection.administration
    kind = find(connection, name, deadline).kind
    try:
        if kind == "subscription":
            administration.delete_subscription(name.name, name.subscription, **limits(deadline))
        elif kind == "queue":
            administration.delete_queue(name.name, **limits(deadline))
        else:
            administration.delete_topic(name.name, **limits(deadline))
    except ResourceNotFoundError as error:
        raise (no_entity(name.name) if name.subscription is None else no_subscription(name)) from error


def create_subscription(
    connection: ServiceBusConnection,
    topic: str,
    subscription: str,
    start: Position,
    options: Mapping[str, Any],
    timeout: float,
) -> None:
    """Create a subscription, which begins now.

    Raises:
        AlreadyExists: The topic has a subscription of this name.
        NotFound: The topic does not exist.
        NotSupported: `topic` is a queue, or the subscription cannot begin at `start`.
    """
    deadline = Deadline(timeout)
    name = EntityName.parse(topic, subscription)
    given = SUBSCRIPTION_OPTIONS.read(options)
    settings = _settings(given)
    condition = None if given["filter"] is None else SqlRuleFilter(given["filter"])
    if find(connection, EntityName(name.name), deadline).kind == "queue":
        raise NotSupported(
            f"{topic!r} is a queue and has no subscriptions: take from it without subscription=, or create a "
            f'topic, create_topic({topic!r}, kind="topic")'
        )
    _check_start(topic, start)
    administration = connection.administration
    try:
        administration.create_subscription(name.name, name.subscription, **settings, **limits(deadline))
    except ResourceExistsError as error:
        raise AlreadyExists(f"topic {topic!r} has a subscription {subscription!r} already") from error
    if condition is not None:
        where = (name.name, name.subscription)
        administration.create_rule(*where, FILTER_RULE, filter=condition, **limits(deadline))
        administration.delete_rule(*where, DEFAULT_RULE, **limits(deadline))


def _check_start(topic: str, start: Position) -> None:
    match start:
        case AtOffset() | AtTime():
            raise NotSupported(
                "a topic of Service Bus keeps nothing for later subscriptions: start= may be "
                '"latest" (or "earliest", which is the same)'
            )
        case Earliest():
            log.info("topic %r keeps nothing for later subscriptions: the new one begins now", topic)
