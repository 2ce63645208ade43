"""The consumers: of messages, each with a lease of its own, and of records, up to a position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from brokerkit.core.contract.consumer import (
    BACKLOG_SECONDS,
    Backlog,
    ConsumerRequest,
    Fetched,
    MessageDriver,
    Outcome,
    Partition,
    RecordDriver,
    SubscriptionNotFound,
)
from brokerkit.core.vocabulary.errors import BrokerError, NotFound
from brokerkit.core.vocabulary.positions import Position

from .codec import to_columns
from .store import Store
from .subscriptions import Group, Receipt, Subscription

ANSWER_SECONDS = 10.0
"""Seconds that the broker may take to answer one question."""


class InmemConsumer(MessageDriver):
    """A consumer that leases messages of a subscription."""

    def __init__(self, store: Store, request: ConsumerRequest) -> None:
        self._store = store
        self._request = request
        self._subscription: Subscription | None = None
        self._woken = False

    def attach(self, wait: float) -> bool:
        self._store.check(wait)
        request = self._request
        assert request.subscription is not None
        place = (request.topic, request.subscription)
        with self._store.changed:
            self._store.topic(request.topic)
            if place not in self._store.subscriptions:
                raise SubscriptionNotFound(f"topic {place[0]!r} has no subscription {place[1]!r}", *place)
            self._subscription = self._store.subscriptions[place]
            self.lock_seconds = self._subscription.ack_deadline
        return True

    def create_subscription(self, start: Position, timeout: float) -> None:
        request = self._request
        assert request.subscription is not None
        self._store.create_subscription(request.topic, request.subscription, start, request.options)

    def _current(self) -> Subscription:
        subscription = self._subscription
        assert subscription is not None
        place = (subscription.topic.name, subscription.name)
        if self._store.subscriptions.get(place) is not subscription:
            raise NotFound(f"the subscription {place[1]!r} of {place[0]!r} was deleted")
        return subscription

    def fetch(self, max_messages: int, wait: float) -> Fetched:
        with self._store.changed:
            subscription = self._current()

            def ready() -> Any:
                entries, receipts, counts = subscription.fetch(max_messages, id(self))
                return (entries, receipts, counts) if entries or self._woken else None

            found = self._store.wait(ready, wait, subscription.next_event)
            self._woken = False
        entries, receipts, counts = found or ([], [], [])
        return Fetched(to_columns(subscription.topic.name, entries, counts), receipts)

    def wake(self) -> None:
        with self._store.changed:
            self._woken = True
            self._store.changed.notify_all()

    def backlog(self, mark: Any) -> Backlog | None:
        self._store.check(BACKLOG_SECONDS)
        with self._store.changed:
            subscription = self._current()
            ends = mark or {each.number: each.end for each in subscription.topic.partitions}
            return Backlog(ends, subscription.due(ends))

    def settle(
        self, receipts: Sequence[Receipt], outcome: Outcome, *, delay: float | None, reason: str | None
    ) -> list[BaseException | None]:
        self._store.check(ANSWER_SECONDS)
        results: list[BaseException | None] = []
        with self._store.changed:
            subscription = self._current()
            for receipt in receipts:
                results.append(self._settle_one(subscription, receipt, outcome, delay, reason))
            self._store.changed.notify_all()
        return results

    def _settle_one(
        self,
        subscription: Subscription,
        receipt: Receipt,
        outcome: Outcome,
        delay: float | None,
        reason: str | None,
    ) -> BrokerError | None:
        fault = self._store.faults.ack_fault() if outcome is Outcome.ACK else None
        if fault is not None:
            return fault
        try:
            if outcome is Outcome.ACK:
                subscription.ack(receipt)
            elif outcome is Outcome.NACK:
                subscription.nack(receipt, delay)
            else:
                place = (receipt.partition, receipt.offset)
                deliveries = subscription.counts.get(place, 1)
                # a topic that is missing, or a message that is too large for it, leaves the lease as it is
                subscription.check(receipt)
                self._store.dead_letter(subscription, *place, deliveries, reason)
                subscription.reject(receipt)
        except BrokerError as error:
            return error
        return None

    def extend(self, receipts: Sequence[Receipt]) -> list[BaseException | None]:
        self._store.check(ANSWER_SECONDS)
        results: list[BaseException | None] = []
        with self._store.changed:
            subscription = self._current()
            for receipt in receipts:
                try:
                    subscription.extend(receipt)
                    results.append(None)
                except BrokerError as error:
                    results.append(error)
        return results


class InmemRecordConsumer(RecordDriver):
    """A consumer that reads the partitions assigned to this member of a group."""

    def __init__(self, store: Store, request: ConsumerRequest) -> None:
        self._store = store
        self._request = request
        self._group: Group | None = None
        self._member = 0
        self._positions: dict[int, int] = {}
        self._woken = False

    def attach(self, wait: float) -> bool:
        self._store.check(wait)
        request = self._request
        assert request.subscription is not None
        place = (request.topic, request.subscription)
        with self._store.changed:
            self._store.topic(request.topic)
            if place not in self._store.groups:
                raise SubscriptionNotFound(f"topic {place[0]!r} has no group {place[1]!r}", *place)
            self._group = self._store.groups[place]
            self._member = self._group.join()
            self._store.changed.notify_all()
        return True

    def create_subscription(self, start: Position, timeout: float) -> None:
        assert self._request.subscription is not None
        self._store.create_group(self._request.topic, self._request.subscription, start)

    def _rebalance(self, group: Group) -> None:
        """Update the positions after partitions were assigned or revoked."""
        assigned = group.assigned.get(self._member, set())
        lost = set(self._positions) - assigned
        for number in lost:
            del self._positions[number]
        if lost:
            self.on_lost([(group.topic.name, number) for number in lost])
        for number in assigned - set(self._positions):
            partition = group.topic.partitions[number]
            self._positions[number] = max(group.committed.get(number, partition.start), partition.start)

    def _current(self) -> Group:
        group = self._group
        assert group is not None
        if self._store.groups.get((group.topic.name, group.name)) is not group:
            raise NotFound(f"the topic {group.topic.name!r} was deleted")
        return group

    def fetch(self, max_messages: int, wait: float) -> Fetched:
        with self._store.changed:
            group = self._current()

            def ready() -> Any:
                self._rebalance(group)
                entries = [
                    (number, entry)
                    for number in sorted(self._positions)
                    for entry in self._next_entries(group, number, max_messages)
                ]
                return entries or self._woken

            found = self._store.wait(ready, wait, lambda: float("inf"))
            self._woken = False
            entries = found if isinstance(found, list) else []
            for number, entry in entries:
                self._positions[number] = entry.offset + 1
        return Fetched(to_columns(group.topic.name, entries, None))

    def backlog(self, mark: Any) -> Backlog | None:
        self._store.check(BACKLOG_SECONDS)
        with self._store.changed:
            partitions = self._current().topic.partitions
            ends = mark or {number: partitions[number].end for number in self._positions}
            left = any(
                partitions[number].range(position, ends[number])
                for number, position in self._positions.items()
                if number in ends
            )
            return Backlog(ends, left)

    def _next_entries(self, group: Group, number: int, limit: int) -> list[Any]:
        partition = group.topic.partitions[number]
        position = self._positions[number]
        while position < partition.end:
            entries = partition.range(position, position + limit)
            if entries:
                return entries
            position += limit
        return []

    def wake(self) -> None:
        with self._store.changed:
            self._woken = True
            self._store.changed.notify_all()

    def idle(self) -> None:
        with self._store.changed:
            self._rebalance(self._current())

    def commit(self, positions: Mapping[Partition, int]) -> Mapping[Partition, BaseException | None]:
        self._store.check(ANSWER_SECONDS)
        results: dict[Partition, BaseException | None] = {}
        with self._store.changed:
            group = self._current()
            for place, position in positions.items():
                results[place] = self._store.faults.ack_fault()
                if results[place] is None:
                    try:
                        group.commit(self._member, place[1], position)
                    except BrokerError as error:
                        results[place] = error
        return results

    def seek(self, positions: Mapping[Partition, int]) -> None:
        for (_, number), position in positions.items():
            if number in self._positions:
                self._positions[number] = position

    def close(self, timeout: float) -> None:
        with self._store.changed:
            if self._group is not None:
                self._group.leave(self._member)
                self._store.changed.notify_all()
