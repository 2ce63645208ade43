"""The driver of the in-memory broker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from brokerkit.core.contract.driver import (
    Backlog,
    ConsumerDriver,
    ConsumerRequest,
    Driver,
    Fetched,
    InspectorDriver,
    MessageDriver,
    Outcome,
    Partition,
    PublisherDriver,
    ReaderDriver,
    RecordDriver,
    SubscriptionNotFound,
    SubscriptionRequest,
)
from brokerkit.core.contract.options import NO_OPTIONS
from brokerkit.core.vocabulary.capabilities import Capabilities
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotFound
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.positions import Position
from brokerkit.core.vocabulary.results import PublishResult
from brokerkit.core.vocabulary.topics import (
    Bounds,
    PublishTerms,
    Slice,
    SubscriptionInfo,
    TopicDescription,
    TopicInfo,
)
from brokerkit.core.vocabulary.windows import TimeOrder

from .log import columns_of
from .options import SUBSCRIPTION_OPTIONS
from .store import DURABILITY, Store
from .subscriptions import Group, Receipt, Subscription

ANSWER_SECONDS = 10.0
BACKLOG_SECONDS = 2.0
READ_ROWS = 2_000
READ_BYTES = 8 * 1024 * 1024
"""Most bytes of one fetch of a reader. A fetch has at least one row, even if that is larger."""


class InmemDriver(Driver):
    """A connection to an in-memory broker."""

    def __init__(self, store: Store, capabilities: Capabilities) -> None:
        self.store = store
        self.capabilities = capabilities

    def ping(self, timeout: float) -> None:
        self.store.check(timeout)

    def consumer(self, request: ConsumerRequest) -> ConsumerDriver:
        if request.model == "record":
            NO_OPTIONS.read(request.options)
            return InmemRecords(self.store, request)
        SUBSCRIPTION_OPTIONS.read(request.options)
        return InmemMessages(self.store, request)

    def publisher(self, *, transactional_id: str | None = None) -> PublisherDriver:
        return InmemPublisher(self.store, transactional_id is not None)

    def inspector(self) -> InspectorDriver:
        return InmemInspector(self.store)

    def reader(self) -> ReaderDriver:
        return InmemReader(self.store)

    def create_topic(self, topic: str, *, options: Mapping[str, Any], timeout: float) -> None:
        self.store.check(timeout)
        self.store.create_topic(topic, options)

    def delete_topic(self, topic: str, *, timeout: float) -> None:
        self.store.check(timeout)
        self.store.delete_topic(topic)

    def create_subscription(self, request: SubscriptionRequest, *, timeout: float) -> None:
        self.store.check(timeout)
        place = request.topic, request.subscription
        if request.model == "record":
            NO_OPTIONS.read(request.options)
            self.store.create_group(*place, request.start)
        else:
            self.store.create_subscription(*place, request.start, request.options)

    @property
    def native(self) -> Store:
        return self.store


class InmemMessages(MessageDriver):
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
        return Fetched(columns_of(subscription.topic.name, entries, counts), receipts)

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
                results.append(self._settle_one(subscription, receipt, outcome, delay))
            self._store.changed.notify_all()
        return results

    def _settle_one(
        self, subscription: Subscription, receipt: Receipt, outcome: Outcome, delay: float | None
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


class InmemRecords(RecordDriver):
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
        return Fetched(columns_of(group.topic.name, entries, None))

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

    def _next_entries(self, group: Group, number: int, most: int) -> list[Any]:
        partition = group.topic.partitions[number]
        position = self._positions[number]
        while position < partition.end:
            entries = partition.range(position, position + most)
            if entries:
                return entries
            position += most
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


class InmemPublisher(PublisherDriver):
    """A publisher. In a transaction, it keeps messages until the commit."""

    def __init__(self, store: Store, transactional: bool) -> None:
        self._store = store
        self._transactional = transactional
        self._pending: list[tuple[str, OutboundMessage]] = []

    def send(self, batch: Sequence[tuple[str, OutboundMessage]], timeout: float) -> list[PublishResult]:
        try:
            self._store.check(timeout)
        except BrokerError as error:
            return [PublishResult("failed", error=error) for _ in batch]
        if not self._transactional:
            return self._store.publish(batch)
        results = []
        for topic, message in batch:
            try:
                self._store.check_place(topic, message)
                self._pending.append((topic, message))
                results.append(PublishResult("confirmed"))
            except BrokerError as error:
                results.append(PublishResult("failed", error=error))
        return results

    def begin(self, timeout: float) -> None:
        self._store.check(timeout)
        self._pending.clear()

    def commit(self, timeout: float) -> None:
        self._store.check(timeout)
        self._store.publish_transaction(self._pending)
        self._pending.clear()

    def abort(self, timeout: float) -> None:
        self._pending.clear()


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
            readers = [
                SubscriptionInfo(each.name, "subscription", each.waiting, len(each.leases))
                for (name, _), each in self._store.subscriptions.items()
                if name == topic
            ] + [
                SubscriptionInfo(
                    each.name,
                    "group",
                    each.lag(),
                    members=len(each.assigned),
                    position=dict(each.committed.items()),
                )
                for (name, _), each in self._store.groups.items()
                if name == topic
            ]
            return TopicDescription(
                topic,
                tuple(self._store.bounds(topic)),
                tuple(readers),
                sum(each.size for each in found.partitions),
                {"confirmation": DURABILITY},
            )

    def bounds(self, topic: str, timeout: float) -> list[Bounds]:
        self._store.check(timeout)
        return self._store.bounds(topic)

    def terms(self, topic: str, timeout: float) -> PublishTerms:
        self._store.check(timeout)
        return self._store.terms(topic)

    def at_time(self, topic: str, microseconds: int, timeout: float) -> dict[int | None, int]:
        self._store.check(timeout)
        return self._store.at_time(topic, microseconds)

    def time_order(self, topic: str, timeout: float) -> TimeOrder:
        with self._store.changed:
            return "sorted" if all(each.sorted for each in self._store.topic(topic).partitions) else "first"


class InmemReader(ReaderDriver):
    """A reader of one slice after the other."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._piece: Slice | None = None
        self._position = 0

    def start(self, piece: Slice, *, attributes: bool) -> None:
        if piece.partition is None:
            raise ConfigError(f"a slice of {piece.topic!r} needs a partition")
        self._piece = piece
        self._position = piece.start

    def fetch(self, wait: float) -> Columns | None:
        self._store.check(wait)
        piece = self._piece
        assert piece is not None
        assert piece.partition is not None
        with self._store.changed:
            partitions = self._store.topic(piece.topic).partitions
            if not 0 <= piece.partition < len(partitions):
                raise NotFound(f"{piece.topic!r} has no partition {piece.partition}")
            partition = partitions[piece.partition]
            position = max(self._position, partition.start)
            end = min(piece.end, partition.end)
            if position >= end:
                return None
            entries, self._position = partition.some(position, min(position + READ_ROWS, end), READ_BYTES)
        return columns_of(piece.topic, [(piece.partition, entry) for entry in entries], None)
