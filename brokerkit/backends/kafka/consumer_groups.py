"""Consumer groups: their committed positions, with which they begin, and their members.

A group without a committed position in a topic does not exist there.

The admin client can list positions too. However, librdkafka 2.16 then dereferences a null pointer, which
ends the process, if the broker answers that it does not coordinate the group; brokers answer so for a while
after they start. Therefore each group's positions are read with a consumer configured for the group, which
never joins it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from brokerkit.core.contract.background import call_with_timeout, close_with_timeout
from brokerkit.core.contract.consumer import SubscriptionNotFound
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
from brokerkit.core.vocabulary.secrets import revealed

from . import clients
from .connection import ATTEMPT_SECONDS, LONGER, KafkaConnection, request_seconds
from .errors import translate, translating
from .options import Properties, log
from .share_groups import share_settings
from .watch import Watch

AT_ONCE = 16
"""Number of groups whose positions are read at the same time."""
ASK_SECONDS = 2.0
RETRY_SECONDS = 0.1
CLOSE_SECONDS = 1.0
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


def group_settings(properties: Properties, group: str, watch: Watch) -> Properties:
    """Return the properties of a group's client that neither commits nor resets positions by itself."""
    return {
        **properties,
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "error_cb": watch,
    }


class Positions:
    """The committed positions of one group in one topic."""

    def __init__(
        self, connection: KafkaConnection, consumer: Consumer, watch: Watch, group: str, topic: str
    ) -> None:
        self._connection = connection
        self._consumer = consumer
        self._watch = watch
        self._group = group
        self._topic = topic

    def committed(self, numbers: Iterable[int], deadline: Deadline) -> dict[int, int]:
        """Return the committed offset, which is the next to be read, of each partition that has one."""
        found = self.committed_in({self._topic: numbers}, deadline)
        return found.get(self._topic, {})

    def noted(self, numbers: Iterable[int], deadline: Deadline) -> dict[int, tuple[int, str | None]]:
        """Return the committed offset of each partition that has one, with the note that came with it."""
        answer = self._committed({self._topic: numbers}, deadline)
        return {each.partition: (each.offset, each.metadata) for each in answer if each.offset >= 0}

    def committed_in(
        self, topics: Mapping[str, Iterable[int]], deadline: Deadline
    ) -> dict[str, dict[int, int]]:
        """Return the committed offsets in several topics, by topic and partition."""
        found: dict[str, dict[int, int]] = {}
        for each in self._committed(topics, deadline):
            if each.offset >= 0:
                found.setdefault(each.topic, {})[each.partition] = each.offset
        return found

    def _committed(self, topics: Mapping[str, Iterable[int]], deadline: Deadline) -> list[TopicPartition]:
        asked = [TopicPartition(topic, number) for topic, numbers in topics.items() for number in numbers]
        what = f"positions of group {self._group!r}"
        while True:
            try:
                seconds = min(ASK_SECONDS, deadline.remaining())
                answer = self._consumer.committed(asked, timeout=max(0.1, seconds))
                for each in answer:
                    if each.error is not None:
                        raise KafkaException(each.error)
            except KafkaException as error:
                # librdkafka never stops looking for the coordinator of a group that it may not see
                self._connection.check_group(self._group, Deadline(min(ASK_SECONDS, deadline.remaining())))
                self._retry(error, deadline, what)
            else:
                return answer

    def set(
        self, offsets: Mapping[int, int], deadline: Deadline, notes: Mapping[int, str] | None = None
    ) -> None:
        """Commit positions for a group without members, each with its note if there is one.

        Raises:
            StaleAck: The group has members.
        """
        wanted = [
            TopicPartition(self._topic, number, offset, (notes or {}).get(number, ""))
            for number, offset in offsets.items()
        ]
        what = f"setting the positions of group {self._group!r}"
        while True:
            try:
                self._commit(wanted, deadline)
            except TimeoutError as error:
                raise self._watch.unavailable(what) from error
            except KafkaException as error:
                self._retry(error, deadline, what)
            else:
                return

    def _commit(self, wanted: list[TopicPartition], deadline: Deadline) -> None:
        # librdkafka waits for a lost coordinator without a time limit
        answer = call_with_timeout(
            lambda: self._consumer.commit(offsets=wanted, asynchronous=False),
            max(0.1, deadline.remaining()),
            "commit",
        )
        for each in answer:
            if each.error is not None:
                raise KafkaException(each.error)

    def _retry(self, error: KafkaException, deadline: Deadline, what: str) -> None:
        """Wait before the next attempt, or raise if the error is permanent or the time is up."""
        self._watch.raise_if_refused()
        problem = self._watch.translate(error, what)
        if not problem.retryable:
            raise problem from problem.__cause__
        if deadline.remaining() <= RETRY_SECONDS:
            if error.args[0].code() in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._WAIT_COORD):
                raise self._watch.unavailable(what) from error
            raise problem from problem.__cause__
        time.sleep(RETRY_SECONDS)


@contextlib.contextmanager
def positions_of(
    connection: KafkaConnection, properties: Properties, group: str, topic: str
) -> Iterator[Positions]:
    """Open a client of a group, yield the group's positions, and close the client."""
    watch = Watch.of(properties)
    settings = group_settings(properties, group, watch)
    with translating(f"group {group!r}"):
        consumer = clients.Consumer(revealed(settings))
    try:
        yield Positions(connection, consumer, watch, group, topic)
    finally:
        # closing takes half a minute when the broker is gone, and continues in the background
        close_with_timeout(consumer.close, CLOSE_SECONDS, "close")


def _refuse_share_group(connection: KafkaConnection, group: str, deadline: Deadline) -> None:
    """Raise AlreadyExists if a name belongs to a share group.

    The broker would accept positions of a consumer group, but no member could join it.
    """
    try:
        is_share_group = share_settings(connection, group, deadline).start is not None
    except (NotSupported, Unauthorized):
        # a broker without share groups, or a user that may not see their configuration
        return
    if is_share_group:
        raise AlreadyExists(
            f"{group!r} is a share group already, and a name is of one kind of group only: give the consumer "
            "group another name, or read as a member of it with share=True"
        )


def find_group(
    connection: KafkaConnection, positions: Positions, topic: str, group: str, deadline: Deadline
) -> None:
    """Check that a group has positions in a topic.

    Raises:
        AlreadyExists: The name belongs to a share group.
        NotFound: The topic does not exist.
        SubscriptionNotFound: The group has no positions.
    """
    if not positions.committed(connection.partitions(topic, deadline), deadline):
        _refuse_share_group(connection, group, deadline)
        raise SubscriptionNotFound(f"group {group!r} has no position in {topic!r}", topic, group)


def create_group(
    connection: KafkaConnection,
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
        if positions.committed(connection.partitions(topic, deadline), deadline):
            raise AlreadyExists(f"group {group!r} has positions in {topic!r} already; it goes on from there")
        _refuse_share_group(connection, group, deadline)
        try:
            positions.set(start_offsets(connection, topic, start, deadline), deadline)
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
    connection: KafkaConnection, topic: str, start: Position, deadline: Deadline
) -> dict[int, int]:
    """Return the offset of a position in each partition."""
    found = resolve(
        start,
        connection.bounds_of(topic, deadline),
        lambda moment: connection.offsets_at(topic, moment, deadline),
        otherwise=Earliest(),
    )
    return {number: offset for number, offset in found.items() if number is not None}


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
