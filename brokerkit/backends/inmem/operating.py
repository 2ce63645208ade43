"""Operating the subscriptions and groups of an in-memory broker."""

from __future__ import annotations

from brokerkit.core.contract.consumer import SubscriptionNotFound
from brokerkit.core.contract.subscriptions import SubscriptionsDriver
from brokerkit.core.vocabulary.errors import InUse
from brokerkit.core.vocabulary.subscriptions import Member, Progress, ResetPlan, SubscriptionDescription
from brokerkit.core.vocabulary.topics import Bounds, SubscriptionInfo

from .store import Store
from .subscriptions import Group, Subscription


def info_of(found: Subscription | Group) -> SubscriptionInfo:
    """Return what a list shows of a subscription or group. Called with the store locked."""
    if isinstance(found, Group):
        return SubscriptionInfo(
            found.name,
            "group",
            found.lag(),
            members=len(found.assigned),
            position=dict(found.committed.items()),
            topic=found.topic.name,
            state="stable" if found.assigned else "empty",
        )
    return SubscriptionInfo(
        found.name,
        "subscription",
        found.waiting + len(found.leases),
        len(found.leases),
        members=len(found.owners),
        position=dict(found.settled.items()),
        topic=found.topic.name,
        state="in use" if found.owners else "idle",
    )


class InmemSubscriptions(SubscriptionsDriver):
    """The subscriptions and groups of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def listed(self, topic: str | None, timeout: float) -> list[SubscriptionInfo]:
        self._store.check(timeout)
        with self._store.changed:
            if topic is not None:
                self._store.topic(topic)
            return [info_of(each) for each in self._store.readers if topic in (None, each.topic.name)]

    def described(self, topic: str, subscription: str, timeout: float) -> SubscriptionDescription:
        self._store.check(timeout)
        with self._store.changed:
            found = self._find(topic, subscription)
            info = info_of(found)
            bounds = self._store.bounds(topic)
            progress = tuple(_progress(found, each) for each in bounds)
            if isinstance(found, Group):
                members = tuple(
                    Member(str(number), f"member {number}", partitions=tuple(sorted(partitions)))
                    for number, partitions in found.assigned.items()
                )
                return SubscriptionDescription(info, progress, members)
            settings = {"ack_deadline_seconds": found.ack_deadline, "ordered": found.ordered}
            members = tuple(Member(str(each), f"consumer {each}") for each in sorted(found.owners))
            return SubscriptionDescription(info, progress, members, settings)

    def _find(self, topic: str, name: str) -> Subscription | Group:
        self._store.topic(topic)
        place = (topic, name)
        found = self._store.groups.get(place) or self._store.subscriptions.get(place)
        if found is None:
            raise SubscriptionNotFound(f"topic {topic!r} has no subscription {name!r}", *place)
        return found

    def check_reset(self, plan: ResetPlan, timeout: float) -> tuple[str, ...]:
        self._store.check(timeout)
        with self._store.changed:
            found = self._find(plan.topic, plan.subscription)
            if isinstance(found, Group):
                _refuse_members(found, "be moved")
                return ()
            if not found.leases:
                return ()
            return (f"{len(found.leases)} messages in flight are given up: acknowledging them will fail",)

    def reset(self, plan: ResetPlan, timeout: float) -> None:
        self._store.check(timeout)
        targets = {number: offset for number, offset in plan.targets.items() if number is not None}
        with self._store.changed:
            found = self._find(plan.topic, plan.subscription)
            if isinstance(found, Group):
                _refuse_members(found, "be moved")
                found.committed.update(targets)
            else:
                found.seek(targets)
            self._store.changed.notify_all()

    def delete(self, topic: str, subscription: str, timeout: float) -> None:
        self._store.check(timeout)
        place = (topic, subscription)
        with self._store.changed:
            found = self._find(topic, subscription)
            if isinstance(found, Group):
                _refuse_members(found, "be deleted")
                del self._store.groups[place]
            else:
                del self._store.subscriptions[place]
            self._store.changed.notify_all()


def _refuse_members(group: Group, what: str) -> None:
    if group.assigned:
        names = ", ".join(f"member {number}" for number in sorted(group.assigned))
        raise InUse(f"group {group.name!r} has members ({names}) and cannot {what}: close them first")


def _progress(found: Subscription | Group, bounds: Bounds) -> Progress:
    number = bounds.partition
    assert number is not None
    if isinstance(found, Group):
        committed = found.committed.get(number)
        begin = bounds.start if committed is None else committed
        return Progress(
            number, committed, bounds, len(found.topic.partitions[number].range(begin, bounds.end))
        )
    return Progress(number, found.settled[number], bounds, found.unsettled(number))
