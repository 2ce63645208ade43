"""Share groups (KIP-932) as subscriptions, of which the broker keeps a configuration.

A share group is considered to exist when its start position is configured. It has a position in a topic only
after it has settled its first message there. Until then it starts where its configuration says each time it
is read. Therefore ``latest`` means the end of the topic at the time of reading, and a group that is created
to be read later starts at ``earliest``.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brokerkit.core.contract.consumer import SubscriptionNotFound, SubscriptionRequest
from brokerkit.core.contract.options import refuse_unknown
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
    """A share group's configuration.

    Attributes:
        start: Where the group starts; None if it was not configured.
        lock_seconds: How long a message is locked for the member that took it.
        deliveries: Most deliveries of a message.
    """

    start: str | None
    lock_seconds: float
    deliveries: int


def create_share_group(connection: KafkaConnection, request: SubscriptionRequest, deadline: Deadline) -> None:
    """Create a share group that reads only committed messages, by configuring where it starts.

    The options of the request are further entries of the group's configuration, under the broker's names
    (``share.`` ...).

    Raises:
        AlreadyExists: There is a share group or consumer group of this name.
        ConfigError: An option is unknown or was refused by the broker.
        NotFound: The topic does not exist.
        NotSupported: The broker has no share groups, or the start position is not "earliest".
    """
    group, start, options = request.subscription, request.start, request.options
    refuse_unknown(
        (name for name in options if not name.startswith(PREFIX)),
        f"the broker's settings of a share group by their own names, such as {LOCK} and {DELIVERIES}",
    )
    connection.partitions(request.topic, deadline)
    if not isinstance(start, Earliest) and START not in options:
        raise NotSupported(
            'a share group that is created to be read later begins at "earliest": Kafka keeps no other '
            f'position for it (start="latest" can be given to the call that reads, {START} sets what it does)'
        )
    if share_settings(connection, group, deadline).start is not None:
        raise AlreadyExists(f"share group {group!r} already exists; it goes on from where it is")
    _refuse_consumer_group(connection, group, deadline)
    _configure(connection, group, start, options, deadline)


def find_share_group(
    connection: KafkaConnection, topic: str, group: str, deadline: Deadline
) -> ShareSettings:
    """Return the configuration of a share group.

    Raises:
        NotFound: The topic does not exist.
        NotSupported: The broker has no share groups.
        SubscriptionNotFound: It is not configured where the group starts.
    """
    connection.partitions(topic, deadline)
    found = share_settings(connection, group, deadline)
    if found.start is None:
        raise SubscriptionNotFound(f"share group {group!r} has no start position", topic, group)
    return found


def begin_share_group(connection: KafkaConnection, group: str, start: Position, deadline: Deadline) -> None:
    """Configure where a share group starts that is read now.

    Raises:
        AlreadyExists: The name belongs to a consumer group.
        NotSupported: `start` is not "earliest" or "latest".
    """
    if not isinstance(start, Earliest | Latest):
        raise NotSupported(f'a share group begins at "earliest" or "latest", not at {start}')
    _refuse_consumer_group(connection, group, deadline)
    _configure(connection, group, start, {}, deadline)


def _refuse_consumer_group(connection: KafkaConnection, group: str, deadline: Deadline) -> None:
    """Raise AlreadyExists if a name belongs to a consumer group.

    The broker would accept the configuration of a share group, but no member could join it.
    """
    listing = connection.client.list_consumer_groups(request_timeout=max(0.1, deadline.remaining()))
    groups = connection.wait(listing, deadline, "listing the groups").valid
    if any(each.group_id == group and each.type.name in ("CLASSIC", "CONSUMER") for each in groups):
        raise AlreadyExists(
            f"{group!r} is a consumer group already, and a name is of one kind of group only: give the share "
            "group another name"
        )


def forget_share_group(connection: KafkaConnection, group: str, deadline: Deadline) -> None:
    """Remove what `begin_share_group` wrote, so that the name is free for a consumer group."""
    connection.clear_group_config(group, (ISOLATION, START), deadline)


def delete_share_group(connection: KafkaConnection, group: str, deadline: Deadline) -> None:
    """Delete a share group with its progress and its configuration.

    Raises:
        InUse: The group has members, which the admin client cannot name.
    """
    # a group that was never read has a configuration only
    with contextlib.suppress(NotFound):
        connection.delete_group(group, deadline)
    config = connection.group_config(group, deadline)
    connection.clear_group_config(group, [name for name in config if name.startswith(PREFIX)], deadline)
    while share_settings(connection, group, deadline).start is not None:
        if deadline.passed:
            raise Unavailable(f"share group {group!r} was deleted, but the brokers still show it")
        time.sleep(POLL_SECONDS)


def _configure(
    connection: KafkaConnection, group: str, start: Position, options: Mapping[str, Any], deadline: Deadline
) -> ShareSettings:
    """Set a group's configuration, and wait until the brokers apply it."""
    more = {name: str(value) for name, value in options.items()}
    config = {ISOLATION: "read_committed", START: str(start), **more}
    connection.set_group_config(group, config, deadline)
    while True:
        # the controller has it; the brokers receive it a moment later
        found = share_settings(connection, group, deadline)
        if found.start is not None:
            return found
        if deadline.passed:
            raise Unavailable(f"share group {group!r} was configured, but the brokers do not apply it yet")
        time.sleep(POLL_SECONDS)


def share_settings(connection: KafkaConnection, group: str, deadline: Deadline) -> ShareSettings:
    """Return the broker's configuration of a share group.

    Raises:
        NotSupported: The broker has no share groups.
    """
    try:
        config = connection.group_config(group, deadline)
    except (NotSupported, ConfigError) as error:
        # a broker that is too old refuses the query itself
        raise NotSupported(f"{NEEDED} ({error})") from error
    if START not in config:
        raise NotSupported(f"this broker has no share groups: {NEEDED}")
    start = config[START]
    return ShareSettings(
        start=start.value if start.chosen else None,
        lock_seconds=int(config[LOCK].value) / 1000,
        deliveries=int(config[DELIVERIES].value),
    )
