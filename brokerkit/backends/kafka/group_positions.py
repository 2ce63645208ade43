"""The committed positions of a consumer group, with which it begins.

A group without a committed position in a topic does not exist there.

The admin client can list positions too. However, librdkafka 2.16 then dereferences a null pointer, which
ends the process, if the broker answers that it does not coordinate the group; brokers answer so for a while
after they start. Therefore each group's positions are read with a consumer configured for the group, which
never joins it.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from brokerkit.core.contract.background import call_with_timeout, close_with_timeout
from brokerkit.core.contract.consumer import SubscriptionNotFound
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import (
    AlreadyExists,
    BrokerError,
    NotSupported,
    RetentionWarning,
    StaleAck,
    Unauthorized,
)
from brokerkit.core.vocabulary.positions import Earliest, Position, resolve
from brokerkit.core.vocabulary.secrets import revealed

from . import clients
from .connection import KafkaConnection
from .errors import translating
from .options import Properties
from .share_groups import share_settings
from .watch import Watch

ASK_SECONDS = 2.0
RETRY_SECONDS = 0.1
CLOSE_SECONDS = 1.0


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

    def to_read(
        self, numbers: Sequence[int], reached: Mapping[int, int], deadline: Deadline
    ) -> list[TopicPartition]:
        """Return where to read each partition from, and warn if its position was deleted by retention.

        Args:
            numbers: The partitions.
            reached: The next offset of partitions that have been read. For the others it is the committed
                offset.
            deadline: When to stop waiting.
        """
        positions = {**self.committed(numbers, deadline), **reached}
        wanted = [TopicPartition(self._topic, number) for number in numbers]
        starts = self._connection.starts(wanted, deadline)
        found = []
        for number in numbers:
            start = starts[self._topic, number]
            position = positions.get(number, start)
            if position < start:
                self._warn_of_retention(number, position, start)
            found.append(TopicPartition(self._topic, number, max(start, position)))
        return found

    def _warn_of_retention(self, number: int, position: int, start: int) -> None:
        warnings.warn(
            f"offsets {position} to {start - 1} of partition {number} of {self._topic!r} were deleted by "
            f"the broker's retention before group {self._group!r} read them",
            RetentionWarning,
            stacklevel=2,
        )

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
