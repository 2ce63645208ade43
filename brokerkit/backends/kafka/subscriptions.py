"""Consumer groups as subscriptions. A group without a committed position in a topic does not exist there."""

from __future__ import annotations

import time

from brokerkit.core.contract.driver import SubscriptionRequest
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import (
    AlreadyExists,
    BrokerError,
    NotFound,
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
        if not ensure_positions(cluster, positions, topic, group, request.start, deadline):
            raise AlreadyExists(f"group {group!r} has positions in {topic!r} already; it goes on from there")


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


def ensure_positions(
    cluster: KafkaConnection,
    positions: Positions,
    topic: str,
    group: str,
    start: Position | None,
    deadline: Deadline,
) -> bool:
    """Make sure that a group has positions in a topic.

    Args:
        cluster: The connection.
        positions: The positions of the group in the topic.
        topic: The name of the topic.
        group: The name of the group.
        start: Where a group without positions starts; None to set none.
        deadline: When to give up.

    Returns:
        Whether positions were set now.

    Raises:
        AlreadyExists: The name belongs to a share group.
        BrokerError: The group has members but no positions.
        NotFound: The topic does not exist, or the group has no positions and `start` is None.
    """
    while True:
        if positions.committed(cluster.partitions(topic, deadline), deadline):
            return False
        _refuse_share_group(cluster, group, deadline)
        if start is None:
            raise NotFound(
                f"group {group!r} has no position in {topic!r}: create it with "
                f'create_subscription({topic!r}, {group!r}, start="earliest"), or give start= to this call'
            )
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
            return True


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
