"""The settings of a topic and the places of its partitions. The admin client does not tell their sizes."""

from __future__ import annotations

from typing import Any

from confluent_kafka import TopicCollection
from confluent_kafka.admin import ConfigResource, ConfigSource, ResourceType

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.topics import Placement, Setting

from .connection import KafkaConnection
from .options import check_c_text, log


def topic_settings(connection: KafkaConnection, topic: str, deadline: Deadline) -> tuple[Setting, ...]:
    """Return the settings of a topic, without sensitive ones. Those that were set for it are changed.

    Others may differ from Kafka's own default by the configuration of the brokers, as `is_default` says of
    some that were never touched.
    """
    check_c_text(topic, "topic")
    resource = ConfigResource(ResourceType.TOPIC, topic)
    futures = connection.client.describe_configs(
        [resource], request_timeout=max(1.0, deadline.remaining() + 1.0)
    )
    entries = connection.wait(futures[resource], deadline, f"the configuration of {topic!r}")
    chosen = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    return tuple(
        Setting(name, entry.value, entry.source == chosen)
        for name, entry in sorted(entries.items())
        if entry.value is not None and not entry.is_sensitive
    )


def placements(connection: KafkaConnection, topic: str, deadline: Deadline) -> dict[int | None, Placement]:
    """Return where each partition of a topic is. Empty if the brokers do not say."""
    asked = connection.client.describe_topics(
        TopicCollection([topic]), request_timeout=max(1.0, deadline.remaining() + 1.0)
    )
    try:
        found = connection.wait(asked[topic], deadline, f"describing topic {topic!r}")
    except BrokerError as error:
        # permission to read a topic does not include permission to describe it
        log.info("the places of %r: %s", topic, error)
        return {}
    return {
        each.id: Placement(_node(each.leader), _nodes(each.replicas), _nodes(each.isr))
        for each in found.partitions
    }


def _node(node: Any) -> str | None:
    return None if node is None else f"{node.id} ({node.host}:{node.port})"


def _nodes(nodes: Any) -> tuple[str, ...]:
    return tuple(str(node.id) for node in nodes)
