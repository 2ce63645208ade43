"""Operating consumer groups and share groups.

The admin client lists, describes and deletes groups of both kinds. It has no request that moves a share
group or names its members.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from confluent_kafka import TopicPartition

from brokerkit.core.contract.consumer import SubscriptionNotFound
from brokerkit.core.contract.subscriptions import SubscriptionsDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import (
    BrokerError,
    InUse,
    NotSupported,
    StaleAck,
    Unauthorized,
    Unavailable,
)
from brokerkit.core.vocabulary.subscriptions import (
    Listing,
    Member,
    Progress,
    ResetPlan,
    SubscriptionDescription,
)
from brokerkit.core.vocabulary.topics import Bounds, SubscriptionInfo

from . import SHARE_RESET
from .connection import KafkaConnection
from .consumer_groups import Group, groups_of
from .errors import lacks_permission
from .group_positions import positions_of
from .options import Properties, check_c_text, log
from .share_groups import ShareSettings, delete_share_group, share_settings
from .share_state import ShareState, share_states

INTERNAL = frozenset({
    "__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata",
    "__remote_log_metadata",
})  # fmt: skip
GONE_SECONDS = 0.05
SHOWN_MEMBERS = 5


def group_info(group: Group, topic: str, bounds: Sequence[Bounds]) -> SubscriptionInfo:
    """Describe a group with its lag. A partition without a position counts from its first record."""
    positions = {each.partition: group.positions.get(each.partition or 0) for each in bounds}
    lag = sum(_lag(each, positions[each.partition]) for each in bounds)
    return SubscriptionInfo(
        group.name,
        kind="group",
        lag=lag if group.positions else None,
        members=group.members,
        position=positions,
        details={"state": group.state, "protocol": group.kind},
        counted="at most" if lag else "exact",
        topic=topic,
        state=group.state,
    )


def share_group_info(
    name: str, topic: str, states: Mapping[int, ShareState], bounds: Sequence[Bounds]
) -> SubscriptionInfo:
    """Describe a share group with its lag, which is None before the group has read every partition.

    Locked messages count as lag.
    """
    known = {each.partition: states.get(each.partition or 0, ShareState(-1, 0)) for each in bounds}
    begun = all(state.start >= 0 for state in known.values())
    lag = sum(_share_lag(each, known[each.partition]) for each in bounds)
    return SubscriptionInfo(
        name,
        kind="share group",
        lag=lag if begun else None,
        position={number: state.start if state.start >= 0 else None for number, state in known.items()},
        counted="at most" if lag else "exact",
        topic=topic,
    )


def _lag(bounds: Bounds, position: int | None) -> int:
    return max(0, bounds.end - max(bounds.start, position or 0))


def _share_lag(bounds: Bounds, state: ShareState) -> int:
    return max(0, bounds.end - max(bounds.start, state.start) - state.done)


class KafkaSubscriptions(SubscriptionsDriver):
    """The groups of a cluster."""

    def __init__(self, connection: KafkaConnection, properties: Properties) -> None:
        self._connection = connection
        self._properties = properties

    def listed(self, topic: str | None, timeout: float) -> Listing:
        """Return groups with a position in a topic or a member there, and share groups that have read it."""
        check_c_text(topic, "topic")
        deadline = Deadline(timeout)
        bounds, numbers = self._bounds(topic, deadline)
        groups, unseen = groups_of(self._connection, self._properties, numbers, deadline)
        shared, hidden = share_states(self._connection, self._properties, numbers, deadline)
        found = [group_info(each, name, bounds[name]) for name, of in groups.items() for each in of]
        for name, of_topic in shared.items():
            for group, states in of_topic.items():
                found.append(share_group_info(group, name, states, bounds[name]))
        read = {each.topic for each in found if each.topic is not None}
        lacking = {name for name in read if len(bounds[name]) < len(numbers[name])}
        found = [replace(each, lag=None) if each.topic in lacking else each for each in found]
        return Listing(found, (*unseen, *hidden, *_without_leader(lacking)))

    def _bounds(
        self, topic: str | None, deadline: Deadline
    ) -> tuple[dict[str, list[Bounds]], dict[str, list[int]]]:
        """Return the range of each partition of a topic, or of all topics that are not the cluster's own.

        Partitions without a leader have none. Also returned are the numbers of all partitions.
        """
        if topic is not None:
            bounds = self._connection.bounds_of(topic, deadline)
            return {topic: bounds}, {topic: [each.partition for each in bounds if each.partition is not None]}
        known = self._connection.topics(deadline.remaining())
        counts = {name: len(each.partitions) for name, each in known.items() if name not in INTERNAL}
        wanted = [TopicPartition(name, number) for name, count in counts.items() for number in range(count)]
        if not wanted:
            return {}, {}
        starts, ends = self._connection.starts(wanted, deadline), self._connection.ends(wanted, deadline)
        found: dict[str, list[Bounds]] = {name: [] for name in counts}
        for each in wanted:
            place = (each.topic, each.partition)
            if place in starts and place in ends:
                found[each.topic].append(Bounds(each.partition, starts[place], ends[place]))
        return found, {name: list(range(count)) for name, count in counts.items()}

    def described(self, topic: str, subscription: str, timeout: float) -> SubscriptionDescription:
        check_c_text(topic, "topic")
        check_c_text(subscription, "group")
        deadline = Deadline(timeout)
        bounds = self._connection.bounds_of(topic, deadline)
        numbers = [each.partition for each in bounds if each.partition is not None]
        about = self._connection.described_group(subscription, deadline)
        with positions_of(self._connection, self._properties, subscription, topic) as positions:
            committed = positions.committed(numbers, deadline)
        members = tuple(_member(each, topic) for each in about.members)
        if not committed and not members:
            settings = self._share_settings(subscription, deadline)
            if settings is None:
                raise SubscriptionNotFound(
                    f"group {subscription!r} has no position in {topic!r}", topic, subscription
                )
            return self._share_group(topic, subscription, settings, bounds, deadline)
        kind, state = about.type.name.lower(), about.state.name.lower()
        group = Group(subscription, kind, state, sum(bool(each.partitions) for each in members), committed)
        progress = tuple(
            Progress(
                each.partition,
                committed.get(each.partition or 0),
                each,
                _lag(each, committed.get(each.partition or 0)),
                counted="at most",
            )
            for each in bounds
        )
        config, refused = self._config(subscription, ("consumer.",), deadline, known=kind == "consumer")
        settings_shown = {
            "protocol": kind,
            "assignor": about.partition_assignor or None,
            "coordinator": f"{about.coordinator.host}:{about.coordinator.port}"
            if about.coordinator
            else None,
            **config,
        }
        info = group_info(group, topic, bounds)
        return SubscriptionDescription(info, progress, members, settings_shown, refused)

    def _share_group(
        self,
        topic: str,
        group: str,
        settings: ShareSettings,
        bounds: Sequence[Bounds],
        deadline: Deadline,
    ) -> SubscriptionDescription:
        shared, hidden = share_states(self._connection, self._properties, [topic], deadline)
        found = shared[topic].get(group, {})
        states = {each.partition: found.get(each.partition or 0, ShareState(-1, 0)) for each in bounds}
        progress = tuple(
            Progress(
                each.partition,
                state.start if state.start >= 0 else None,
                each,
                _share_lag(each, state) if state.start >= 0 else None,
                counted="at most",
            )
            for each, state in ((each, states[each.partition]) for each in bounds)
        )
        shown = {
            "start": settings.start,
            "lock_seconds": settings.lock_seconds,
            "max_deliveries": settings.deliveries,
            **self._config(group, ("share.", "errors."), deadline)[0],
        }
        info = share_group_info(group, topic, found, bounds)
        return SubscriptionDescription(info, progress, None, shown, hidden)

    def _share_settings(self, group: str, deadline: Deadline) -> ShareSettings | None:
        """Return the settings of a share group. None if there is none, or the user may not see it."""
        try:
            found = share_settings(self._connection, group, deadline)
        except (NotSupported, Unauthorized) as error:
            if isinstance(error, Unauthorized) and not lacks_permission(error):
                raise
            # a broker without share groups, or a user that may not see their configuration
            log.info("configuration of group %r: %s", group, error)
            return None
        return found if found.start is not None else None

    def _config(
        self, group: str, prefixes: tuple[str, ...], deadline: Deadline, *, known: bool = True
    ) -> tuple[dict[str, str], tuple[str, ...]]:
        """Return entries of a group's configuration, and a sentence if they are refused to the user."""
        if not known:
            # the brokers have no configuration of classic groups
            return {}, ()
        try:
            config = self._connection.group_config(group, deadline)
        except BrokerError as error:
            if error.retryable:
                raise
            return {}, (f"the configuration of the group is not shown, since it is refused ({error})",)
        return {name: each.value for name, each in sorted(config.items()) if name.startswith(prefixes)}, ()

    def check_reset(self, plan: ResetPlan, timeout: float) -> tuple[str, ...]:
        deadline = Deadline(timeout)
        about = self._connection.described_group(plan.subscription, deadline)
        if about.state.name == "DEAD" and self._share_settings(plan.subscription, deadline) is not None:
            raise NotSupported(SHARE_RESET)
        refuse_members(plan.subscription, about, "be moved")
        return ()

    def reset(self, plan: ResetPlan, timeout: float) -> None:
        deadline = Deadline(timeout)
        targets = {number: offset for number, offset in plan.targets.items() if number is not None}
        with positions_of(self._connection, self._properties, plan.subscription, plan.topic) as positions:
            try:
                positions.set(targets, deadline)
            except StaleAck as error:
                about = self._connection.described_group(plan.subscription, deadline)
                refuse_members(plan.subscription, about, "be moved")
                raise InUse(
                    f"group {plan.subscription!r} is gaining or losing members, and cannot be moved now"
                ) from error.__cause__

    def delete(self, topic: str, subscription: str, timeout: float) -> None:
        """Delete a whole group. Refused if it has positions in other topics as well."""
        deadline = Deadline(timeout)
        about = self._connection.described_group(subscription, deadline)
        if about.state.name == "DEAD" and self._share_settings(subscription, deadline) is not None:
            delete_share_group(self._connection, subscription, deadline)
            return
        refuse_members(subscription, about, "be deleted")
        self._refuse_other_topics(topic, subscription, deadline)
        self._connection.delete_group(subscription, deadline)
        while self._connection.described_group(subscription, deadline).state.name != "DEAD":
            if deadline.passed:
                raise Unavailable(f"group {subscription!r} was deleted, but is still there")
            time.sleep(GONE_SECONDS)

    def _refuse_other_topics(self, topic: str, group: str, deadline: Deadline) -> None:
        known = self._connection.topics(deadline.remaining())
        others = {name: range(len(each.partitions)) for name, each in known.items() if name != topic}
        with positions_of(self._connection, self._properties, group, topic) as positions:
            found = sorted(positions.committed_in(others, deadline))
        if found:
            raise InUse(
                f"group {group!r} has positions in {', '.join(found[:SHOWN_MEMBERS])} as well, and a group "
                f"is deleted as a whole: s.native.delete_consumer_groups([{group!r}]) does that"
            )


def _without_leader(topics: Set[str]) -> tuple[str, ...]:
    """Return a sentence about topics whose lag cannot be told; none if there are none."""
    if not topics:
        return ()
    named = ", ".join(map(repr, sorted(topics)[:SHOWN_MEMBERS]))
    more = f" and {len(topics) - SHOWN_MEMBERS} more" if len(topics) > SHOWN_MEMBERS else ""
    return (f"the lag is not shown in {named}{more}, since a partition there has no leader now",)


def _node(node: Any) -> str | None:
    return None if node is None else f"{node.host}:{node.port}"


def _member(about: Any, topic: str) -> Member:
    assigned = () if about.assignment is None else about.assignment.topic_partitions
    details = {"group_instance_id": about.group_instance_id} if about.group_instance_id else {}
    return Member(
        about.member_id,
        about.client_id,
        str(about.host or "").removeprefix("/") or None,
        tuple(sorted(each.partition for each in assigned if each.topic == topic)),
        details,
    )


def refuse_members(group: str, about: Any, what: str) -> None:
    """Raise InUse, with the names of the members, if a group has some."""
    if not about.members:
        return
    names = [f"{_member(each, '')} ({each.member_id})" for each in about.members]
    more = f" and {len(names) - SHOWN_MEMBERS} more" if len(names) > SHOWN_MEMBERS else ""
    raise InUse(
        f"group {group!r} has members and cannot {what}: stop {', '.join(names[:SHOWN_MEMBERS])}{more}. One "
        "that ended without leaving stays a member until its session times out"
    )
