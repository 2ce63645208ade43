"""The inspector: topics, their ranges and the groups that read them, without joining a group."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import TopicPartition

from brokerkit.core.contract.inspector import InspectorDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.topics import (
    Bounds,
    PublishTerms,
    Setting,
    TopicDescription,
    TopicInfo,
)
from brokerkit.core.vocabulary.windows import TimeOrder

from .connection import KafkaConnection, Offsets
from .consumer_groups import groups_of
from .operating import INTERNAL, group_info, share_group_info
from .options import Properties, ReaderChoice, log
from .reader import described_reader
from .share_state import share_states
from .terms import terms_of
from .topic_settings import placements, topic_id, topic_settings

CONFIG_SECONDS = 5.0
SHOWN_CONFIG = ("cleanup.policy", "retention.ms", "retention.bytes", "max.message.bytes", "compression.type")


class KafkaInspector(InspectorDriver):
    """An inspector of a Kafka cluster. It changes nothing."""

    def __init__(self, connection: KafkaConnection, properties: Properties, reader: ReaderChoice) -> None:
        self._connection = connection
        self._properties = properties
        self._reader = reader

    def topics(self, timeout: float) -> list[TopicInfo]:
        deadline = Deadline(timeout)
        found = self._connection.topics(timeout)
        counts = {name: len(topic.partitions) for name, topic in found.items()}
        everything = [TopicPartition(name, n) for name, count in counts.items() for n in range(count)]
        starts = self._connection.starts(everything, deadline)
        ends = self._connection.ends(everything, deadline)
        return [
            TopicInfo(
                name,
                partitions=count,
                messages=_messages(name, count, starts, ends),
                internal=name in INTERNAL,
                counted="at most",
                lacking=sum(len(each.isrs) < len(each.replicas) for each in found[name].partitions.values()),
            )
            for name, count in counts.items()
        ]

    def describe(self, topic: str, timeout: float) -> TopicDescription:
        deadline = Deadline(timeout)
        bounds = self._connection.bounds_of(topic, deadline)
        numbers = [each.partition for each in bounds if each.partition is not None]
        groups, unseen = groups_of(self._connection, self._properties, {topic: numbers}, deadline)
        shared, hidden = share_states(self._connection, self._properties, [topic], deadline)
        settings, refused = self._settings(topic, deadline)
        config = {each.name: str(each.value) for each in settings}
        return TopicDescription(
            topic,
            partitions=tuple(bounds),
            subscriptions=(
                *(group_info(group, topic, bounds) for group in groups[topic]),
                *(
                    share_group_info(name, topic, states, bounds)
                    for name, states in sorted(shared[topic].items())
                ),
            ),
            details={
                **{name: config[name] for name in SHOWN_CONFIG if name in config},
                "confirmation": self._confirmation(topic, config, deadline),
                "reader": described_reader(self._properties, self._reader),
            },
            placements=placements(self._connection, topic, deadline),
            settings=settings,
            not_shown=(*unseen, *hidden, *refused),
        )

    def _settings(self, topic: str, deadline: Deadline) -> tuple[tuple[Setting, ...], tuple[str, ...]]:
        """Return the settings of a topic, and a sentence if they are refused to the user."""
        try:
            return topic_settings(self._connection, topic, deadline), ()
        except BrokerError as error:
            if error.retryable:
                raise
            # permission to read a topic does not include permission to see its configuration
            return (), (f"the settings are not shown, since they are refused ({error})",)

    def _confirmation(self, topic: str, config: Mapping[str, str], deadline: Deadline) -> str:
        """Describe what a confirmation (acks=all) of this topic means, as far as the cluster tells."""
        replicas, in_sync = self._connection.replicas(topic, deadline)
        least = config.get("min.insync.replicas", "?")
        flush = config.get("flush.messages", "")
        when = f"after {flush} messages" if flush and int(flush) < 2**62 else "when its operating system does"
        return (
            f"in memory of the in-sync replicas: {in_sync} of {replicas} now, at least {least} "
            f"(min.insync.replicas); each broker writes to its disk {when}"
        )

    def bounds(self, topic: str, timeout: float) -> list[Bounds]:
        return self._connection.bounds_of(topic, Deadline(timeout))

    def terms(self, topic: str, timeout: float) -> PublishTerms:
        return terms_of(self._connection, topic, self._properties, Deadline(timeout))

    def identity(self, topic: str, timeout: float) -> str:
        return topic_id(self._connection, topic, Deadline(timeout))

    def at_time(self, topic: str, microseconds: int, timeout: float) -> dict[int | None, int]:
        return self._connection.offsets_at(topic, microseconds, Deadline(timeout))

    def time_order(self, topic: str, timeout: float) -> TimeOrder:
        deadline = Deadline(min(CONFIG_SECONDS, timeout))
        try:
            stamped = self._connection.topic_config(topic, deadline).get("message.timestamp.type")
        except BrokerError as error:
            log.info("configuration of %r: %s", topic, error)
            return "first"
        return "sorted" if stamped == "LogAppendTime" else "first"


def _messages(name: str, count: int, starts: Offsets, ends: Offsets) -> int | None:
    """Return the number of offsets in a topic, or None if a partition has no leader to ask."""
    keys = [(name, number) for number in range(count)]
    if not all(key in starts and key in ends for key in keys):
        return None
    return sum(ends[key] - starts[key] for key in keys)
