"""Consumer groups as subscriptions. A group without a committed position in a topic does not exist there."""

from __future__ import annotations

import time

from brokerkit.core.contract.driver import SubscriptionNotFound, SubscriptionRequest
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import (
    AlreadyExists,
    BrokerError,
    NotSupported,
    StaleAck,
    Unauthorized,
)
from brokerkit.core.vocabulary.positions import Earliest, Position, resolve

from .connection import KafkaConnection
from .groups import Positions, positions_of
from .options import Properties
from .share_groups import share_settings

RETRY_SECONDS = 0.1


def create_subscription(
    cluster: KafkaConnection, properties: Properties, request: SubscriptionRequest, timeout: float
) -> None:
    """Create a subscription by committing the positions at which its group starts.

    Raises:
        AlreadyExists: The group already has positions in the topic, or is a share group.
        NotFound: The topic does not exist.
    """
    deadline = Deadline(timeout)
    topic, group = request.topic, request.subscription
    # report a missing topic before a client is opened for the group
    cluster.partitions(topic, deadline)
    with positions_of(cluster, properties, group, topic) as positions:
        create_group(cluster, positions, topic, group, request.start, deadline)


def _refuse_share_group(cluster: KafkaConnection, group: str, deadline: Deadline) -> None:
    """Raise AlreadyExists if a name belongs to a share group.

    The broker would accept positions of a consumer group, but no member could join it.
    """
    try:
        is_share_group = share_settings(cluster, group, deadline).start is not None
    except (NotSupported, Unauthorized):
        # a broker without share groups, or a user that may not see their configuration
        return
    if is_share_group:
        raise AlreadyExists(
            f"{group!r} is a share group already, and a name is of one kind of group only: give the consumer "
            "group another name, or read as a member of it with share=True"
        )


def find_group(
    cluster: KafkaConnection, positions: Positions, topic: str, group: str, deadline: Deadline
) -> None:
    """Check that a group has positions in a topic.

    Raises:
        AlreadyExists: The name belongs to a share group.
        NotFound: The topic does not exist.
        SubscriptionNotFound: The group has no positions.
    """
    if not positions.committed(cluster.partitions(topic, deadline), deadline):
        _refuse_share_group(cluster, group, deadline)
        raise SubscriptionNotFound(f"group {group!r} has no position in {topic!r}", topic, group)


def create_group(
    cluster: KafkaConnection,
    positions: Positions,
    topic: str,
    group: str,
    start: Position,
    deadline: Deadline,
) -> None:
    """Commit the positions at which a group starts.

    Raises:
        AlreadyExists: The group has positions already, or the name belongs to a share group.
        BrokerError: The group has members but no positions.
        NotFound: The topic does not exist.
    """
    while True:
        if positions.committed(cluster.partitions(topic, deadline), deadline):
            raise AlreadyExists(f"group {group!r} has positions in {topic!r} already; it goes on from there")
        _refuse_share_group(cluster, group, deadline)
        try:
            positions.set(start_offsets(cluster, topic, start, deadline), deadline)
        except StaleAck as error:
            # the group has members that have committed nothing; one of them may be doing so now
            if deadline.remaining() <= RETRY_SECONDS:
                raise BrokerError(
                    f"group {group!r} has members but no position in {topic!r}, so none can be set; "
                    "close its other consumers first",
                ) from error
            time.sleep(RETRY_SECONDS)
        else:
            return


def start_offsets(
    cluster: KafkaConnection, topic: str, start: Position, deadline: Deadline
) -> dict[int, int]:
    """Return the offset of a position in each partition."""
    found = resolve(
        start,
        cluster.bounds_of(topic, deadline),
        lambda moment: cluster.offsets_at(topic, moment, deadline),
        otherwise=Earliest(),
    )
    return {number: offset for number, offset in found.items() if number is not None}
