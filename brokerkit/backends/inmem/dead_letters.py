"""The dead letters of an in-memory broker: topics that subscriptions name, or by a usual name."""

from __future__ import annotations

from collections.abc import Sequence

from brokerkit.core.contract.dead_letters import DeadLettersDriver
from brokerkit.core.vocabulary.dead_letters import DeadLetterPlace
from brokerkit.core.vocabulary.errors import BrokerError

from .store import Store


class InmemDeadLetters(DeadLettersDriver):
    """The dead letters of the store. They are deleted one by one."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def places(self, topic: str, timeout: float) -> list[DeadLetterPlace]:
        self._store.check(timeout)
        with self._store.changed:
            self._store.topic(topic)
            found: dict[str, DeadLetterPlace] = {}
            for each in self._store.subscriptions.values():
                name = each.dead_letter_topic
                if name == topic:
                    return [DeadLetterPlace(topic, "dead letters", "delete")]
                if name is not None and each.topic.name == topic:
                    by = None if name in found else each.name
                    found[name] = DeadLetterPlace(name, "dead letters", "delete", topic, by)
            return list(found.values())

    def place(self, name: str, timeout: float) -> DeadLetterPlace:
        self._store.check(timeout)
        with self._store.changed:
            self._store.topic(name)
        return DeadLetterPlace(name, "dead letters", "delete")

    def remove(self, place: DeadLetterPlace, ids: Sequence[str], timeout: float) -> list[BrokerError | None]:
        self._store.check(timeout)
        with self._store.changed:
            topic = self._store.topic(place.name)
            for each in ids:
                number, _, offset = each.partition("-")
                topic.partition(int(number)).delete(int(offset))
            self._store.changed.notify_all()
        return [None] * len(ids)
