"""Share groups (KIP-932) as subscriptions: what the broker keeps of them is a configuration.

A share group exists here when its start position has been said. It has no position of its own in a
topic that a client could ask for: it takes one, as its configuration says, when it first reads there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brokerkit.core.cancellation import Deadline
from brokerkit.core.errors import AlreadyExists, ConfigError, NotFound, NotSupported
from brokerkit.core.positions import Earliest, Latest, Position

from .cluster import Cluster

PREFIX = "share."
START = "share.auto.offset.reset"
LOCK = "share.record.lock.duration.ms"
ISOLATION = "share.isolation.level"
NEEDED = "share groups need Apache Kafka 4.2 or later with the feature share.version on"


def create_share_group(
    cluster: Cluster, topic: str, group: str, start: Position, options: Mapping[str, Any], deadline: Deadline
) -> None:
    """Configure a share group: where it begins, and that it reads what is committed only.

    options: more of the group's configuration, by the broker's names (``share.`` ...).
    """
    cluster.partitions(topic, deadline)
    if chosen_start(cluster, group, deadline) is not None:
        raise AlreadyExists(f"share group {group!r} exists already; it goes on from where it is")
    configure(cluster, group, start, options, deadline)


def configure(
    cluster: Cluster, group: str, start: Position, options: Mapping[str, Any], deadline: Deadline
) -> None:
    """Set a share group's configuration."""
    strangers = sorted(name for name in options if not name.startswith(PREFIX))
    if strangers:
        raise ConfigError(
            f"unknown option {', '.join(map(repr, strangers))}; known are the broker's settings of a share "
            f"group by their own names, such as {LOCK} and share.delivery.count.limit"
        )
    if not isinstance(start, Earliest | Latest):
        raise NotSupported(
            f'a share group begins at "earliest" or "latest", not at {start}; a time before now is '
            f'**{{"{START}": "by_duration:PT1H"}}'
        )
    config = {ISOLATION: "read_committed", START: str(start), **{k: str(v) for k, v in options.items()}}
    cluster.set_group_config(group, config, deadline)


def chosen_start(cluster: Cluster, group: str, deadline: Deadline) -> str | None:
    """Where a share group was told to begin; None for one that does not exist."""
    setting = share_config(cluster, group, deadline)[START]
    return setting.value if setting.chosen else None


def ensure_share_group(
    cluster: Cluster, topic: str, group: str, start: Position | None, deadline: Deadline
) -> bool:
    """See that a share group exists; whether it was created now.

    start: where it begins when it does not; None raises NotFound then.
    """
    cluster.partitions(topic, deadline)
    if chosen_start(cluster, group, deadline) is not None:
        return False
    if start is None:
        raise NotFound(
            f"share group {group!r} was not told where to begin: create it with create_subscription("
            f'{topic!r}, {group!r}, share=True, start="earliest"), or give start= to this call'
        )
    configure(cluster, group, start, {}, deadline)
    return True


def lock_seconds(cluster: Cluster, group: str, deadline: Deadline) -> float:
    """For how long a message stays with the member that took it."""
    return int(share_config(cluster, group, deadline)[LOCK].value) / 1000


def share_config(cluster: Cluster, group: str, deadline: Deadline) -> Mapping[str, Any]:
    """What the broker keeps of a share group. Raises NotSupported on a broker without them."""
    config = cluster.group_config(group, deadline)
    if START not in config:
        raise NotSupported(f"this broker has no share groups: {NEEDED}")
    return config
