"""Consumer groups as their broker describes them: which there are, and what their members read."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, NotFound

from .connection import ATTEMPT_SECONDS, LONGER, KafkaConnection, request_seconds
from .errors import translate
from .group_positions import RETRY_SECONDS, positions_of
from .options import Properties, log

AT_ONCE = 16
"""Number of groups whose positions are read at the same time."""
SHOWN_NAMES = 5


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group as the broker describes it, with regard to one topic.

    Attributes:
        name: The name of the group.
        kind: The group's protocol, in lower case.
        state: The group's state, in lower case.
        members: The number of members that read the topic.
        positions: The committed offset of each partition that has one.
    """

    name: str
    kind: str
    state: str
    members: int
    positions: Mapping[int, int]


def groups_of(
    connection: KafkaConnection,
    properties: Properties,
    topics: Mapping[str, Sequence[int]],
    deadline: Deadline,
) -> tuple[dict[str, list[Group]], tuple[str, ...]]:
    """Return the groups that have committed positions in topics, or members that read them, by topic.

    Also returned are sentences about groups that are refused to the user.

    Args:
        connection: The admin client.
        properties: The properties of the connection.
        topics: The numbers of the partitions, by topic.
        deadline: When to stop waiting.
    """
    some = next(iter(topics), "")

    def positions(name: str) -> dict[str, dict[int, int]]:
        try:
            with positions_of(connection, properties, name, some) as group:
                return group.committed_in(topics, deadline)
        except BrokerError as error:
            if error.retryable:
                raise
            # permission to list groups does not include permission to see their positions
            refused[name] = error
            return {}

    described, refused = _described_groups(connection, deadline)
    found: dict[str, list[Group]] = {topic: [] for topic in topics}
    if not topics:
        return found, ()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="brokerkit kafka groups") as pool:
        committed = dict(zip(described, pool.map(positions, described), strict=True))
    for name, about in described.items():
        for topic, groups in found.items():
            group = _group_in(topic, name, about, committed[name].get(topic, {}))
            if group is not None:
                groups.append(group)
    return found, _refused(refused)


def _described_groups(
    connection: KafkaConnection, deadline: Deadline
) -> tuple[dict[str, Any], dict[str, BrokerError]]:
    """Return the brokers' description of each group, by name, and why a group cannot be described.

    Raises:
        Unavailable: A broker did not name its groups, or did not describe one, before the deadline.
    """
    names = _group_names(connection, deadline)
    found: dict[str, Any] = {}
    refused: dict[str, BrokerError] = {}
    seconds = ATTEMPT_SECONDS
    while missing := [name for name in names if name not in found and name not in refused]:
        attempt = Deadline(min(seconds, deadline.remaining()))
        futures = connection.client.describe_consumer_groups(
            missing, request_timeout=request_seconds(attempt)
        )
        for name in missing:
            try:
                found[name] = connection.wait(futures[name], attempt, f"describing group {name!r}")
            except NotFound:
                # it was deleted meanwhile
                found[name] = None
            except BrokerError as error:
                if not error.retryable:
                    refused[name] = error
                elif deadline.passed:
                    raise
                else:
                    log.info("%s", error)
        seconds *= LONGER
        if any(name not in found and name not in refused for name in missing):
            time.sleep(min(RETRY_SECONDS, deadline.remaining()))
    return {name: about for name, about in found.items() if about is not None}, refused


def _group_names(connection: KafkaConnection, deadline: Deadline) -> list[str]:
    """Return the names of the groups of all brokers, sorted. It asks again while one of them fails."""
    what = "listing groups"
    while True:
        listing = connection.call(
            lambda: connection.client.list_consumer_groups(request_timeout=request_seconds(deadline)),
            deadline,
            what,
        )
        if not listing.errors:
            return sorted(each.group_id for each in listing.valid)
        problem = translate(listing.errors[0], what)
        if not problem.retryable or deadline.remaining() <= RETRY_SECONDS:
            raise problem
        time.sleep(RETRY_SECONDS)


def _refused(refused: Mapping[str, BrokerError]) -> tuple[str, ...]:
    """Return a sentence about groups that are refused to the user; none if there are none."""
    if not refused:
        return ()
    names = [repr(each) for each in sorted(refused)]
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    why = refused[min(refused)]
    groups = "group" if len(names) == 1 else "groups"
    return (f"not shown, since they are refused: {groups} {', '.join(names[:SHOWN_NAMES])}{more} ({why})",)


def _group_in(topic: str, name: str, about: Any, positions: Mapping[int, int]) -> Group | None:
    """Return a group with regard to a topic, or None if it has nothing to do with it."""
    members = sum(_reads(topic, member) for member in about.members)
    if not positions and not members:
        return None
    return Group(name, about.type.name.lower(), about.state.name.lower(), members, positions)


def _reads(topic: str, member: Any) -> bool:
    assignment = member.assignment
    return assignment is not None and any(each.topic == topic for each in assignment.topic_partitions)


def is_without_partition(connection: KafkaConnection, group: str, member: str, deadline: Deadline) -> bool:
    """Return whether a group has given out all partitions, and none to this member.

    Args:
        connection: The admin client.
        group: The name of the group.
        member: The id of the member.
        deadline: When to stop waiting.
    """
    about = connection.described_group(group, deadline)
    own = [each for each in about.members if each.member_id == member]
    return about.state.name == "STABLE" and bool(own) and not own[0].assignment.topic_partitions
