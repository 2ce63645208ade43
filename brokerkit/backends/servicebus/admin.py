"""Create and delete queues, topics and subscriptions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.servicebus.management import SqlRuleFilter

from brokerkit.core.contract.options import check_options
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import AlreadyExists, ConfigError, NotSupported
from brokerkit.core.vocabulary.positions import AtOffset, AtTime, Earliest, Position

from .connection import ServiceBusConnection, log
from .entities import find, limits, no_entity, no_subscription
from .names import EntityName

DEFAULT_RULE = "$Default"
FILTER_RULE = "filter"

Setting = tuple[str, Callable[[str, Any], Any]]


def _duration(name: str, value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ConfigError(f"{name} must be a number of seconds above 0, not {value!r}")
    return timedelta(seconds=value)


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} must be a positive integer, not {value!r}")
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{name} must be True or False, not {value!r}")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{name} must be a name, not {value!r}")
    return value


_SHARED: Mapping[str, Setting] = {
    "time_to_live": ("default_message_time_to_live", _duration),
    "auto_delete_on_idle": ("auto_delete_on_idle", _duration),
}
_STORED: Mapping[str, Setting] = {
    "duplicate_detection": ("duplicate_detection_history_time_window", _duration),
    "partitioning": ("enable_partitioning", _flag),
    "max_megabytes": ("max_size_in_megabytes", _count),
}
_TAKEN: Mapping[str, Setting] = {
    "sessions": ("requires_session", _flag),
    "lock_seconds": ("lock_duration", _duration),
    "max_delivery_count": ("max_delivery_count", _count),
    "dead_letter_on_expiry": ("dead_lettering_on_message_expiration", _flag),
    "forward_to": ("forward_to", _text),
    "forward_dead_letters_to": ("forward_dead_lettered_messages_to", _text),
}
_FILTERED: Mapping[str, Setting] = {
    "dead_letter_on_filter_error": ("dead_lettering_on_filter_evaluation_exceptions", _flag),
}
QUEUE_SETTINGS = {**_SHARED, **_STORED, **_TAKEN}
TOPIC_SETTINGS = {**_SHARED, **_STORED}
SUBSCRIPTION_SETTINGS = {**_SHARED, **_TAKEN, **_FILTERED}

MEANINGS: Mapping[str, str] = {
    "kind": '"queue" (default) or "topic"',
    "time_to_live": "seconds after which messages expire, unless they say it themselves",
    "auto_delete_on_idle": "seconds without use after which it is deleted (300 at least)",
    "duplicate_detection": "seconds for which a message id is remembered, so that it is stored once",
    "partitioning": "whether it is spread over several brokers",
    "max_megabytes": "how large it may become",
    "sessions": "whether messages are taken by session (by their key)",
    "lock_seconds": "for how long a message is locked for who took it (5 to 300)",
    "max_delivery_count": "deliveries after which a message is dead-lettered",
    "dead_letter_on_expiry": "whether expired messages are dead-lettered",
    "dead_letter_on_filter_error": "whether messages that break a rule's filter are dead-lettered",
    "forward_to": "queue or topic to which messages are passed on",
    "forward_dead_letters_to": "queue or topic to which dead-lettered messages are passed on",
    "filter": "SQL condition on the messages to be had, such as \"kind = 'order' AND total > 100\"",
}


def _settings(options: Mapping[str, Any], known: Mapping[str, Setting], *more: str) -> dict[str, Any]:
    """Return options of brokerkit as arguments of the administration client. Raises ConfigError."""
    given = check_options(options, {name: MEANINGS[name] for name in (*known, *more)})
    made = {}
    for name, (theirs, checked) in known.items():
        if given.get(name) is not None:
            made[theirs] = checked(name, given[name])
    if "duplicate_detection_history_time_window" in made:
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
    kind = options.get("kind", "queue")
    if kind not in ("queue", "topic"):
        raise ConfigError(f'kind must be "queue" or "topic", not {kind!r}')
    name = EntityName.parse(topic)
    if name.subscription is not None or name.sub_queue is not None:
        raise ConfigError(f"{topic!r} is the name of a subscription or sub-queue, not of a queue or topic")
    settings = _settings(options, QUEUE_SETTINGS if kind == "queue" else TOPIC_SETTINGS, "kind")
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
    settings = _settings(options, SUBSCRIPTION_SETTINGS, "filter")
    condition = None if options.get("filter") is None else SqlRuleFilter(_text("filter", options["filter"]))
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
