"""Operating the subscriptions of topics. A queue has none: it is taken from as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from brokerkit.core.contract.subscriptions import SubscriptionsDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import NotFound
from brokerkit.core.vocabulary.messages import to_microseconds
from brokerkit.core.vocabulary.subscriptions import SubscriptionDescription
from brokerkit.core.vocabulary.topics import Setting, SubscriptionInfo

from .admin import delete_topic
from .connection import ServiceBusConnection
from .entities import Counts, counts, find, limits
from .names import EntityName

SHOWN = (
    "status",
    "lock_duration",
    "requires_session",
    "max_delivery_count",
    "default_message_time_to_live",
    "dead_lettering_on_message_expiration",
    "dead_lettering_on_filter_evaluation_exceptions",
    "requires_duplicate_detection",
    "duplicate_detection_history_time_window",
    "enable_partitioning",
    "forward_to",
    "forward_dead_lettered_messages_to",
    "auto_delete_on_idle",
    "max_size_in_megabytes",
    "user_metadata",
)
NEVER = timedelta(days=36500)
"""A longer duration means that there is no limit."""


DEFAULTS: Mapping[str, Any] = {
    "status": "Active",
    "lock_duration_seconds": 60.0,
    "requires_session": False,
    "max_delivery_count": 10,
    "dead_lettering_on_message_expiration": False,
    "dead_lettering_on_filter_evaluation_exceptions": True,
    "requires_duplicate_detection": False,
    "duplicate_detection_history_time_window_seconds": 600.0,
    "enable_partitioning": False,
    "max_size_in_megabytes": 1024,
    # settings that are shown only where they are set
    "default_message_time_to_live_seconds": None,
    "auto_delete_on_idle_seconds": None,
    "forward_to": None,
    "forward_dead_lettered_messages_to": None,
}
"""What the service takes where nothing was chosen."""


def settings_of(properties: Any) -> dict[str, Any]:
    """Return the settings of an entity that are worth showing."""
    shown = {}
    for name in SHOWN:
        value = getattr(properties, name, None)
        if value is None or (isinstance(value, timedelta) and value > NEVER):
            continue
        if isinstance(value, timedelta):
            shown[f"{name}_seconds"] = value.total_seconds()
        else:
            shown[name] = getattr(value, "value", value)
    return shown


def marked_settings(properties: Any) -> tuple[Setting, ...]:
    """Return the settings of an entity, with those marked that differ from the default of the service."""
    return tuple(
        Setting(name, value, None if name not in DEFAULTS else value != DEFAULTS[name])
        for name, value in settings_of(properties).items()
    )


def runtimes_of(connection: ServiceBusConnection, topic: str, deadline: Deadline) -> Iterable[Any]:
    """Yield the current state of each subscription of a topic."""
    found: Iterable[Any] = connection.administration.list_subscriptions_runtime_properties(
        topic, **limits(deadline)
    )
    return found


def rules_of(connection: ServiceBusConnection, name: EntityName, deadline: Deadline) -> dict[str, str]:
    """Return the rules of a subscription, in words."""
    rules = connection.administration.list_rules(name.name, name.subscription, **limits(deadline))
    return {rule.name: _rule(rule) for rule in rules}


def _rule(rule: Any) -> str:
    """Return a rule in words: its condition, and its action if it has one."""
    condition = getattr(rule.filter, "sql_expression", None)
    if condition is None:
        fields = {
            name: value for name, value in vars(rule.filter).items() if value and not name.startswith("_")
        }
        condition = " AND ".join(f"{name} = {value!r}" for name, value in fields.items())
    action = getattr(rule.action, "sql_expression", None)
    return condition if not action else f"{condition}; {action}"


def subscription_infos(
    connection: ServiceBusConnection, name: EntityName, deadline: Deadline
) -> tuple[SubscriptionInfo, ...]:
    """Describe each subscription of a topic, with its rules."""
    listed = connection.administration.list_subscriptions(name.name, **limits(deadline))
    settings = {each.name: settings_of(each) for each in listed}
    return tuple(
        subscription_info(connection, name.name, runtime, settings.get(runtime.name, {}), deadline)
        for runtime in runtimes_of(connection, name.name, deadline)
    )


def subscription_info(
    connection: ServiceBusConnection,
    topic: str,
    runtime: Any,
    settings: Mapping[str, Any],
    deadline: Deadline,
) -> SubscriptionInfo:
    """Describe a subscription from its runtime properties and its settings."""
    known = Counts.of(runtime)
    rules = rules_of(connection, EntityName(topic, runtime.name), deadline)
    status = settings.get("status")
    return SubscriptionInfo(
        runtime.name,
        "subscription",
        lag=known.readable,
        details={**known.details(), **settings, "rules": rules},
        topic=topic,
        state=None if status is None else str(status).lower(),
        last_active=_moment(getattr(runtime, "accessed_at_utc", None)),
    )


def _moment(value: datetime | None) -> int | None:
    # the service says the year 1 for never
    return None if value is None or value.year < 1970 else to_microseconds(value)


class ServiceBusSubscriptions(SubscriptionsDriver):
    """The subscriptions of the topics of a namespace."""

    def __init__(self, connection: ServiceBusConnection) -> None:
        self._connection = connection

    def listed(self, topic: str | None, timeout: float) -> list[SubscriptionInfo]:
        deadline = Deadline(timeout)
        if topic is not None:
            name = EntityName.parse(topic)
            if find(self._connection, EntityName(name.name), deadline).kind == "queue":
                return []
            return list(subscription_infos(self._connection, name, deadline))
        topics = self._connection.administration.list_topics(**limits(deadline))
        found: list[SubscriptionInfo] = []
        for each in topics:
            try:
                found.extend(subscription_infos(self._connection, EntityName(each.name), deadline))
            except ResourceNotFoundError:
                # it was deleted after the list was made
                continue
        return found

    def described(self, topic: str, subscription: str, timeout: float) -> SubscriptionDescription:
        deadline = Deadline(timeout)
        name = EntityName.parse(topic, subscription)
        found = find(self._connection, name, deadline)
        if found.kind != "subscription":
            raise NotFound(f"{topic!r} is a {found.kind}, which has no subscription {subscription!r}")
        runtime = self._connection.administration.get_subscription_runtime_properties(
            name.name, name.subscription, **limits(deadline)
        )
        settings = settings_of(found.properties)
        info = subscription_info(self._connection, name.name, runtime, settings, deadline)
        known = counts(self._connection, name, "subscription", deadline)
        shown = {**settings, "rules": info.details["rules"], "messages": dict(known.details())}
        return SubscriptionDescription(info, settings=shown)

    def delete(self, topic: str, subscription: str, timeout: float) -> None:
        delete_topic(self._connection, str(EntityName.parse(topic, subscription)), timeout)
