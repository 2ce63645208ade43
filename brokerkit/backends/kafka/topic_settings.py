"""The settings of a topic and the places of its partitions. The admin client does not tell their sizes."""

from __future__ import annotations

from typing import Any

from confluent_kafka import TopicCollection
from confluent_kafka.admin import ConfigSource

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.topics import Placement, Setting

from .connection import KafkaConnection


def topic_settings(connection: KafkaConnection, topic: str, deadline: Deadline) -> tuple[Setting, ...]:
    """Return the settings of a topic, without sensitive ones. Those that were set for it are changed.

    Others may differ from Kafka's own default by the configuration of the brokers, as `is_default` says of
    some that were never touched.
    """
    entries = connection.topic_entries(topic, deadline)
    chosen = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    return tuple(
        Setting(name, entry.value, entry.source == chosen)
        for name, entry in sorted(entries.items())
        if entry.value is not None and not entry.is_sensitive
    )


def placements(connection: KafkaConnection, topic: str, deadline: Deadline) -> dict[int | None, Placement]:
    """Return where each partition of a topic is."""
    found = _described(connection, topic, deadline)
    return {
        each.id: Placement(_node(each.leader), _nodes(each.replicas), _nodes(each.isr))
        for each in found.partitions
    }


def topic_id(connection: KafkaConnection, topic: str, deadline: Deadline) -> str:
    """Return the id that the cluster gave a topic when it was created."""
    return str(_described(connection, topic, deadline).topic_id)


def _described(connection: KafkaConnection, topic: str, deadline: Deadline) -> Any:
    names = TopicCollection([topic])
    return connection.call_again(
        lambda seconds: connection.client.describe_topics(names, request_timeout=seconds)[topic],
        deadline,
        f"describing topic {topic!r}",
    )


def _node(node: Any) -> str | None:
    return None if node is None else f"{node.id} ({node.host}:{node.port})"


def _nodes(nodes: Any) -> tuple[str, ...]:
    return tuple(str(node.id) for node in nodes)
