"""Removing messages from the topics of an in-memory broker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from brokerkit.core.contract.purging import PurgingDriver
from brokerkit.core.vocabulary.errors import BrokerError, NotFound

from .store import Store
from .subscriptions import Place


class InmemPurging(PurgingDriver):
    """A remover of messages of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def cut(self, topic: str, targets: Mapping[int | None, int], timeout: float) -> int | None:
        self._store.check(timeout)
        removed = 0
        with self._store.changed:
            for number, position in targets.items():
                assert number is not None
                partition = self._store.topic(topic).partition(number)
                removed += len(partition.range(partition.start, position))
                partition.trim(position)
            self._forget(topic, lambda place: place[1] < targets.get(place[0], 0))
        return removed

    def remove(
        self, topic: str, places: Sequence[tuple[int | None, int]], timeout: float
    ) -> list[BrokerError | None]:
        self._store.check(timeout)
        errors: list[BrokerError | None] = []
        gone: set[Place] = set()
        with self._store.changed:
            for number, offset in places:
                assert number is not None
                partition = self._store.topic(topic).partition(number)
                there = partition.get(offset) is not None
                partition.delete(offset)
                gone.add((number, offset))
                errors.append(None if there else NotFound(f"{number}-{offset} is not there any more"))
            self._forget(topic, gone.__contains__)
        return errors

    def _forget(self, topic: str, gone: Callable[[Place], bool]) -> None:
        for (name, _), subscription in self._store.subscriptions.items():
            if name == topic:
                subscription.forget(gone)
        self._store.changed.notify_all()
