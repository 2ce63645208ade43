"""Share groups (KIP-932) as subscriptions: what the broker keeps of them is a configuration.

A share group exists here when its start position has been said. It has a position of its own in a
topic only from when the first message there is settled: until then it begins, each time it is read,
where its configuration says. So ``latest`` is the end of the topic when the group is being read, and
a group that is created to be read later begins at ``earliest``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brokerkit.core.contract.driver import SubscriptionRequest
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import AlreadyExists, ConfigError, NotFound, NotSupported, Unavailable
from brokerkit.core.vocabulary.positions import Earliest, Latest, Position

from .connection import KafkaConnection

POLL_SECONDS = 0.02
PREFIX = "share."
START = "share.auto.offset.reset"
LOCK = "share.record.lock.duration.ms"
DELIVERIES = "share.delivery.count.limit"
ISOLATION = "share.isolation.level"
NEEDED = "share groups need Apache Kafka 4.2 or later with the feature share.version on"


@dataclass(frozen=True, slots=True)
class ShareSettings:
    """A share group's configuration. start: None for a group that was not told where to begin.

    lock_seconds: for how long a message stays with the member that took it. deliveries: after so many
    the broker delivers a message no more.
    """

    start: str | None
    lock_seconds: float
    deliveries: int


def create_share_group(cluster: KafkaConnection, request: SubscriptionRequest, deadline: Deadline) -> None:
    """Configure a share group: where it begins, and that it reads what is committed only.

    Its options are more of the group's configuration, by the broker's names (``share.`` ...).
    """
    group, start, options = request.subscription, request.start, request.options
    strangers = sorted(name for name in options if not name.startswith(PREFIX))
    if strangers:
        raise ConfigError(
            f"unknown option {', '.join(map(repr, strangers))}; known are the broker's settings of a share "
            f"group by their own names, such as {LOCK} and {DELIVERIES}"
        )
    cluster.partitions(request.topic, deadline)
    if not isinstance(start, Earliest) and START not in options:
        raise NotSupported(
            'a share group that is created to be read later begins at "earliest": Kafka keeps no other '
            f'position for it (start="latest" can be given to the call that reads, {START} sets what it does)'
        )
    if share_settings(cluster, group, deadline).start is not None:
        raise AlreadyExists(f"share group {group!r} exists already; it goes on from where it is")
    _refuse_consumer_group(cluster, group, deadline)
    _configure(cluster, group, start, options, deadline)


def ensure_share_group(
    cluster: KafkaConnection, topic: str, group: str, start: Position | None, deadline: Deadline
) -> ShareSettings:
    """See that a share group exists.

    start: where it begins when it does not; None raises NotFound then.
    """
    cluster.partitions(topic, deadline)
    found = share_settings(cluster, group, deadline)
    if found.start is not None:
        return found
    if start is None:
        raise NotFound(
            f"share group {group!r} was not told where to begin: create it with create_subscription("
            f'{topic!r}, {group!r}, share=True, start="earliest"), or give start= to this call'
        )
    if not isinstance(start, Earliest | Latest):
        raise NotSupported(f'a share group begins at "earliest" or "latest", not at {start}')
    _refuse_consumer_group(cluster, group, deadline)
    return _configure(cluster, group, start, {}, deadline)


def _refuse_consumer_group(cluster: KafkaConnection, group: str, deadline: Deadline) -> None:
    """A name is of one kind of group: the broker lets the other be configured, and then nobody can join."""
    listing = cluster.client.list_consumer_groups(request_timeout=max(0.1, deadline.remaining()))
    groups = cluster.wait(listing, deadline, "listing the groups").valid
    if any(each.group_id == group and each.type.name in ("CLASSIC", "CONSUMER") for each in groups):
        raise AlreadyExists(
            f"{group!r} is a consumer group already, and a name is of one kind of group only: give the share "
            "group another name"
        )


def _configure(
    cluster: KafkaConnection, group: str, start: Position, options: Mapping[str, Any], deadline: Deadline
) -> ShareSettings:
    """Set a group's configuration; comes back when the brokers go by it."""
    more = {name: str(value) for name, value in options.items()}
    config = {ISOLATION: "read_committed", START: str(start), **more}
    cluster.set_group_config(group, config, deadline)
    while True:
        # the controller has it: the brokers hear of it a moment later
        found = share_settings(cluster, group, deadline)
        if found.start is not None:
            return found
        if deadline.passed:
            raise Unavailable(f"share group {group!r} was configured, but the brokers do not go by it yet")
        time.sleep(POLL_SECONDS)


def share_settings(cluster: KafkaConnection, group: str, deadline: Deadline) -> ShareSettings:
    """What the broker keeps of a share group. Raises NotSupported on a broker without them."""
    try:
        config = cluster.group_config(group, deadline)
    except (NotSupported, ConfigError) as error:
        # a broker that is too old refuses the question itself
        raise NotSupported(f"{NEEDED} ({error})") from error
    if START not in config:
        raise NotSupported(f"this broker has no share groups: {NEEDED}")
    start = config[START]
    return ShareSettings(
        start=start.value if start.chosen else None,
        lock_seconds=int(config[LOCK].value) / 1000,
        deliveries=int(config[DELIVERIES].value),
    )
