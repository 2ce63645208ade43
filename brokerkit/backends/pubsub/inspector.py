"""Describe topics and their subscriptions. Messages cannot be read without consuming them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import grpc
from grpc import StatusCode

from brokerkit.core.contract.inspector import InspectorDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import NotFound, NotSupported
from brokerkit.core.vocabulary.schemas import ANY_BYTES, SystemSchema
from brokerkit.core.vocabulary.topics import Bounds, SubscriptionInfo, TopicDescription, TopicInfo

from .admin import delivery_of, get_topic, retention_seconds
from .connection import PubSubConnection
from .errors import code_of
from .methods import (
    GET_SCHEMA,
    GET_SUBSCRIPTION,
    LIST_SCHEMA_REVISIONS,
    LIST_TOPIC_SUBSCRIPTIONS,
    LIST_TOPICS,
)
from .temporary import is_temporary

_SCHEMA = re.compile(r"projects/[^/@]+/schemas/[^/@]+(?:@[^/@]+)?")
_WITH_DEFINITION = 2
_SCHEMA_TYPES = {1: "PROTOBUF", 2: "AVRO"}
_ENCODINGS = {1: "JSON", 2: "BINARY"}
AT_ONCE = 50
"""How many subscriptions are requested at the same time."""


def no_reading(topic: str) -> NotSupported:
    """Return the error that says why messages cannot be read without side effects, and what to do instead."""
    return NotSupported(
        f"Pub/Sub cannot show messages of {topic!r} without consuming them. The choices: "
        f'peek({topic!r}, n, subscription=..., side_effects="give back") delivers them and gives '
        "them back, which raises their delivery attempts where a dead-letter policy counts them; "
        f'peek({topic!r}, n, side_effects="temporary subscription") reads a copy through a subscription of '
        "its own, on a topic that retains its messages, and deletes it afterwards"
    )


class PubSubInspector(InspectorDriver):
    """An inspector that reads the configuration only.

    Backlogs are known to Cloud Monitoring, not to Pub/Sub.
    """

    def __init__(self, connection: PubSubConnection) -> None:
        self._connection = connection

    def topics(self, timeout: float) -> list[TopicInfo]:
        found = self._connection.pages(
            LIST_TOPICS, "topics", timeout, project=f"projects/{self._connection.project}"
        )
        return [TopicInfo(self._connection.shown(each.name), details=_topic_details(each)) for each in found]

    def describe(self, topic: str, timeout: float) -> TopicDescription:
        deadline = Deadline(timeout)
        found = get_topic(self._connection, topic, deadline.remaining())
        names = list(
            self._connection.pages(
                LIST_TOPIC_SUBSCRIPTIONS, "subscriptions", deadline.remaining(), topic=found.name
            )
        )
        subscriptions = [
            info
            for start in range(0, len(names), AT_ONCE)
            for info in self._subscriptions(names[start : start + AT_ONCE], deadline)
        ]
        details = {**_topic_details(found), "confirmation": _confirmation(found, self._connection.emulator)}
        return TopicDescription(topic, (), tuple(subscriptions), details=details)

    def _subscriptions(self, names: Iterable[str], deadline: Deadline) -> list[SubscriptionInfo]:
        calls = [
            (name, self._connection.submit(GET_SUBSCRIPTION, deadline.remaining(), subscription=name))
            for name in names
        ]
        infos = []
        for name, call in calls:
            try:
                found = call.result()
            except grpc.RpcError as error:
                if code_of(error) is StatusCode.NOT_FOUND:
                    continue
                if code_of(error) is not StatusCode.PERMISSION_DENIED:
                    raise
                # the topic may belong to another project; all that is known is that it exists
                infos.append(SubscriptionInfo(self._connection.shown(name), "subscription"))
                continue
            infos.append(subscription_info(self._connection, found))
        return infos

    def bounds(self, topic: str, timeout: float) -> list[Bounds]:
        get_topic(self._connection, topic, timeout)
        raise no_reading(topic)

    def schema(self, name: str, *, key: bool, timeout: float) -> SystemSchema:
        """Return a revision of a schema of the schema service, the newest if the name has none."""
        if _SCHEMA.fullmatch(name) is None:
            raise NotFound(f"{name!r:.200} does not name a schema: expected projects/P/schemas/S@REVISION")
        if key:
            return ANY_BYTES
        found = self._connection.call(GET_SCHEMA, timeout, name=name, view=_WITH_DEFINITION)
        return SystemSchema(_SCHEMA_TYPES.get(found.type_, str(found.type_)), found.definition)

    def schema_names(self, topic: str, timeout: float) -> list[str]:
        """Return the names of all revisions of the schema of a topic; the newest alone without a list."""
        settings = get_topic(self._connection, topic, timeout).schema_settings
        if not settings.schema or _SCHEMA.fullmatch(settings.schema) is None:
            return []
        pages = self._connection.pages(LIST_SCHEMA_REVISIONS, "schemas", timeout, name=settings.schema)
        try:
            found = sorted(pages, key=lambda each: each.revision_create_time.ToNanoseconds())
        except NotSupported:
            # the emulator has no list of revisions
            return [settings.schema]
        return [f"{settings.schema}@{each.revision_id}" for each in found]


def subscription_info(connection: PubSubConnection, found: Any) -> SubscriptionInfo:
    """Describe a subscription from its configuration. The service tells neither lag nor members."""
    return SubscriptionInfo(
        connection.shown(found.name),
        "subscription",
        details=subscription_details(connection, found),
        topic=connection.shown(found.topic),
        state="detached" if found.detached else "temporary" if is_temporary(found) else None,
    )


def _topic_details(topic: Any) -> dict[str, Any]:
    details: dict[str, Any] = {"retention_seconds": retention_seconds(topic) or None}
    if topic.labels:
        details["labels"] = dict(topic.labels)
    if topic.kms_key_name:
        details["kms_key"] = topic.kms_key_name
    if topic.schema_settings.schema:
        details["schema"] = topic.schema_settings.schema
        details["schema_encoding"] = _ENCODINGS.get(topic.schema_settings.encoding, "unknown")
    regions = list(topic.message_storage_policy.allowed_persistence_regions)
    if regions:
        details["regions"] = regions
    return details


def _confirmation(topic: Any, emulator: bool) -> str:
    """Return what a confirmation of a topic means, as far as the service tells."""
    if emulator:
        return "in the memory of an emulator; lost when it stops"
    policy = topic.message_storage_policy
    regions = ", ".join(policy.allowed_persistence_regions)
    where = f"in one of {regions}" if regions else "in a region that the service chooses"
    return f"stored by the service on several disks in at least two zones, {where}"


def subscription_details(connection: PubSubConnection, found: Any) -> dict[str, Any]:
    """Return the settings of a subscription."""
    policy = found.dead_letter_policy
    details: dict[str, Any] = {
        "ack_deadline_seconds": found.ack_deadline_seconds,
        "ordering": found.enable_message_ordering,
        "exactly_once": found.enable_exactly_once_delivery,
        "filter": found.filter or None,
        "retention_seconds": found.message_retention_duration.seconds or None,
        "retain_acked": found.retain_acked_messages,
        "expiration_seconds": found.expiration_policy.ttl.seconds or None,
        "dead_letter_topic": connection.shown(policy.dead_letter_topic) if policy.dead_letter_topic else None,
        "max_delivery_attempts": policy.max_delivery_attempts or None,
        "delivery": delivery_of(found),
        "detached": found.detached,
        "temporary": is_temporary(found),
    }
    if found.HasField("retry_policy"):
        details["min_backoff_seconds"] = found.retry_policy.minimum_backoff.ToTimedelta().total_seconds()
        details["max_backoff_seconds"] = found.retry_policy.maximum_backoff.ToTimedelta().total_seconds()
    if found.labels:
        details["labels"] = dict(found.labels)
    return details
