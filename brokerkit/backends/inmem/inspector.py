"""The inspector, which looks at the store and changes nothing."""

from __future__ import annotations

from brokerkit.core.contract.inspector import InspectorDriver
from brokerkit.core.vocabulary.topics import (
    Bounds,
    Placement,
    PublishTerms,
    Setting,
    TopicDescription,
    TopicInfo,
)
from brokerkit.core.vocabulary.windows import TimeOrder

from .operating import info_of
from .store import DURABILITY, Store


class InmemInspector(InspectorDriver):
    """An inspector of an in-memory broker. It changes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def topics(self, timeout: float) -> list[TopicInfo]:
        self._store.check(timeout)
        with self._store.changed:
            return [
                TopicInfo(
                    topic.name,
                    len(topic.partitions),
                    sum(each.messages for each in topic.partitions),
                    sum(each.size for each in topic.partitions),
                )
                for topic in self._store.topics.values()
            ]

    def describe(self, topic: str, timeout: float) -> TopicDescription:
        self._store.check(timeout)
        with self._store.changed:
            found = self._store.topic(topic)
            readers = [info_of(each) for each in self._store.readers if each.topic is found]
            return TopicDescription(
                topic,
                tuple(self._store.bounds(topic)),
                tuple(readers),
                sum(each.size for each in found.partitions),
                {"confirmation": DURABILITY},
                placements={each.number: Placement(bytes=each.size) for each in found.partitions},
                settings=(
                    _limit("retention_seconds", found.retention_seconds),
                    _limit("retention_messages", found.retention_messages),
                    Setting("max_message_bytes", found.max_message_bytes, False),
                ),
            )

    def bounds(self, topic: str, timeout: float) -> list[Bounds]:
        self._store.check(timeout)
        return self._store.bounds(topic)

    def terms(self, topic: str, timeout: float) -> PublishTerms:
        self._store.check(timeout)
        return self._store.terms(topic)

    def identity(self, topic: str, timeout: float) -> str:
        self._store.check(timeout)
        with self._store.changed:
            return self._store.topic(topic).identity

    def at_time(self, topic: str, microseconds: int, timeout: float) -> dict[int | None, int]:
        self._store.check(timeout)
        return self._store.at_time(topic, microseconds)

    def time_order(self, topic: str, timeout: float) -> TimeOrder:
        with self._store.changed:
            return "sorted" if all(each.sorted for each in self._store.topic(topic).partitions) else "first"


def _limit(name: str, value: float | None) -> Setting:
    return Setting(name, "unlimited" if value is None else value, value is not None)
