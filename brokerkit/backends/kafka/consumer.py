"""A consumer that reads the records of a topic as a member of a consumer group."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from brokerkit.core.contract.background import call_with_timeout, close_with_timeout
from brokerkit.core.contract.consumer import (
    BACKLOG_SECONDS,
    Backlog,
    ConsumerRequest,
    Fetched,
    Partition,
    RecordDriver,
)
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import BrokerError, StaleAck, Unavailable
from brokerkit.core.vocabulary.positions import Position
from brokerkit.core.vocabulary.secrets import revealed

from . import clients
from .codec import split_errors, to_columns
from .connection import ANSWER_SECONDS, KafkaConnection
from .consumer_groups import is_without_partition
from .errors import AUTHENTICATION, translating
from .group_positions import Positions, create_group, find_group, group_settings
from .options import Properties, log, passed_through
from .watch import Watch

BATCH = 2_000
"""Most messages of one fetch. Larger ones cost more per message, in garbage collection and cache misses."""
LEAST = 500
COMMIT_SECONDS = 10.0
LOOK_SECONDS = 0.5
"""Between two looks at whether the group gives this member no partition."""
SESSION_MS = 10_000
"""Milliseconds until a group drops a dead member; shorter than the next member waits to attach."""
SPARE_MESSAGES = 4
"""Messages that `KafkaConsumer.idle` may receive, one per call, before it pauses the partitions."""

_FATAL = frozenset({
    KafkaError._FATAL, KafkaError._UNKNOWN_TOPIC, KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.FENCED_INSTANCE_ID, KafkaError._AUTHENTICATION,
    KafkaError.INCONSISTENT_GROUP_PROTOCOL, KafkaError.INVALID_SESSION_TIMEOUT,
})  # fmt: skip
"""Errors after which librdkafka delivers nothing more. It reports each of them once."""


class KafkaConsumer(RecordDriver):
    """A member of a consumer group that reads one topic.

    A partition without a committed position, because it was added after the group began, is read from its
    first record. So is a partition whose position was deleted by retention; this gives a `RetentionWarning`.
    """

    def __init__(self, connection: KafkaConnection, properties: Properties, request: ConsumerRequest) -> None:
        assert request.subscription is not None
        self._connection = connection
        self._topic = request.topic
        self._group = request.subscription
        own = passed_through(request.options)
        # with the protocol of KIP-848 the broker sets the session timeout
        self._new_protocol = {**properties, **own}.get("group.protocol") == "consumer"
        self._watch = Watch.of(properties)
        self._properties: Properties = {
            "queued.min.messages": 20_000,
            "queued.max.messages.kbytes": 32_768,
            "fetch.wait.max.ms": 100,
            # the default is a second, and the queue is empty before that
            "fetch.queue.backoff.ms": 5,
            **({} if self._new_protocol else {"session.timeout.ms": SESSION_MS}),
            **properties,
            **own,
            "enable.partition.eof": True,
        }
        self._incremental = (
            "cooperative" in str(self._properties.get("partition.assignment.strategy", ""))
            or self._new_protocol
        )
        self._next_look = Deadline(LOOK_SECONDS)
        self._consumer: Consumer | None = None
        self._assigned: set[int] = set()
        self._subscribed = False
        self._attached = False
        self._joining = False
        self._spare: list[Message] = []
        self._paused: set[int] = set()
        self._out_of_range: set[int] = set()
        self._reached: dict[int, int] = {}
        self._error: BrokerError | None = None
        self._closing = False
        self.on_lost: Callable[[Collection[Partition]], None] = lambda _: None

    def attach(self, wait: float) -> bool:
        if not self._subscribed:
            self._subscribe()
        consumer = self._client
        self._raise_latched()
        # short steps, because poll does not return when its callback assigns partitions
        deadline = Deadline(wait)
        while not self._attached:
            self._keep(consumer.poll(min(0.02, deadline.remaining())))
            self._watch.raise_if_refused()
            self._raise_latched()
            self._attached = self._attached or self._is_without_partition()
            if deadline.passed:
                break
        return self._attached

    def _subscribe(self) -> None:
        if self._consumer is None:
            settings = group_settings(self._properties, self._group, self._watch)
            with translating("opening the consumer"):
                self._consumer = clients.Consumer(revealed(settings))
        find_group(
            self._connection, self._groups_positions, self._topic, self._group, Deadline(ANSWER_SECONDS)
        )
        self._consumer.subscribe(
            [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        self._subscribed = True

    def create_subscription(self, start: Position, timeout: float) -> None:
        create_group(
            self._connection, self._groups_positions, self._topic, self._group, start, Deadline(timeout)
        )

    @property
    def _groups_positions(self) -> Positions:
        return Positions(self._connection, self._client, self._watch, self._group, self._topic)

    # librdkafka calls these from inside poll and consume, so in the thread that owns the consumer.

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [each.partition for each in partitions]
        self._joining = False
        self._assigned.update(numbers)
        try:
            begin = self._groups_positions.to_read(numbers, {}, Deadline(ANSWER_SECONDS))
        except BrokerError as error:
            # librdkafka then looks up the positions itself, without a time limit
            log.warning("positions of group %r in %r: %s", self._group, self._topic, error)
            self._assign(consumer, partitions)
        else:
            self._assign(consumer, begin)
            self._reached.update((each.partition, each.offset) for each in begin)
        self._attached = True

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._incremental:
            consumer.incremental_assign(partitions)
        else:
            consumer.assign(partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._on_revoke(consumer, partitions, thrown_out=True)

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition], thrown_out: bool = False) -> None:
        if self._closing:
            return
        lost = {each.partition for each in partitions}
        self._assigned -= lost
        # the group gives them out again, and says which, if only that it is none
        self._joining = thrown_out or not self._incremental or not self._assigned
        self._paused -= lost
        self._out_of_range -= lost
        for number in lost:
            self._reached.pop(number, None)
        self._spare = [message for message in self._spare if message.partition() not in lost]
        self.on_lost([(self._topic, number) for number in lost])

    def _is_without_partition(self) -> bool:
        """Return whether the group gives this member no partition, which KIP-848's members are not told."""
        member = self._client.memberid() if self._new_protocol else None
        if not member or not self._next_look.passed:
            return False
        self._next_look = Deadline(LOOK_SECONDS)
        try:
            return is_without_partition(self._connection, self._group, member, Deadline(ANSWER_SECONDS))
        except BrokerError as error:
            log.info("members of group %r: %s", self._group, error)
            return False

    # Fetching.

    @property
    def _client(self) -> Consumer:
        assert self._consumer is not None
        return self._consumer

    def _keep(self, message: Message | None) -> None:
        """Store a polled message for the next fetch, or handle its error."""
        if message is None:
            return
        if message.error() is None:
            self._spare.append(message)
        else:
            self._note(message)

    def fetch(self, max_messages: int, wait: float) -> Fetched:
        consumer = self._client
        self._raise_latched()
        if self._paused:
            self._resume()
        limit = min(max(max_messages, LEAST), BATCH)
        messages, self._spare = self._spare, []
        messages += consumer.consume(limit, 0)
        if not messages and wait > 0:
            message = consumer.poll(wait)
            if message is not None:
                messages = [message, *consumer.consume(limit, 0)]
        messages, errors = split_errors(messages)
        for error in errors:
            self._note(error)
        if self._out_of_range:
            # if this fails, the next fetch returns them
            self._spare = messages
            self._restart_out_of_range()
            messages, self._spare = self._spare, []
        if not messages:
            self._watch.raise_if_refused()
            self._raise_latched()
            return Fetched(Columns.empty())
        columns = to_columns(messages, self._topic)
        owned = self._assigned
        if not owned.issuperset(columns.partition):
            # the partition was revoked after its messages were received
            columns = columns.take([row for row, number in enumerate(columns.partition) if number in owned])
        # dict keeps the last record of each partition
        last = dict(zip(columns.partition, columns.offset, strict=True))
        self._reached.update((number, offset + 1) for number, offset in last.items())
        return Fetched(columns)

    def backlog(self, mark: Any) -> Backlog | None:
        """Return the readable end of each assigned partition, and whether records are left before it.

        Transaction markers, which are not records, may be just before the end.

        Raises:
            Unavailable: The group is giving out its partitions, or one of them has no leader.
        """
        if self._joining and not self._is_without_partition():
            raise Unavailable(f"group {self._group!r} is giving out the partitions of {self._topic!r} again")
        ours, mark = self._assigned, mark or {}
        if wanted := [TopicPartition(self._topic, number) for number in sorted(ours.difference(mark))]:
            ends = self._connection.ends(wanted, Deadline(BACKLOG_SECONDS))
            mark = {**mark, **{number: end for (_, number), end in ends.items()}}
            if not mark.keys() >= ours:
                raise Unavailable(f"a partition of {self._topic!r} has no leader now")
        left = any(number in ours and self._reached.get(number, 0) < end for number, end in mark.items())
        return Backlog(mark, left)

    def _note(self, message: Message) -> None:
        """Handle an error that arrived as a message."""
        error = message.error()
        assert error is not None
        code = error.code()
        if code == KafkaError._PARTITION_EOF:
            self._at_end(message)
        elif code == KafkaError._AUTO_OFFSET_RESET:
            number = message.partition()
            if number in self._assigned:
                self._out_of_range.add(number)
        elif error.fatal() or code in _FATAL or code in AUTHENTICATION:
            self._error = self._watch.translate(error, f"reading {self._topic!r} as {self._group!r}")
        else:
            log.info("reading %r as %r: %s", self._topic, self._group, error)

    def _at_end(self, message: Message) -> None:
        """Note that a partition was read to its end, even if its last offsets held no records to deliver."""
        number, offset = message.partition(), message.offset()
        if number in self._assigned and number is not None and offset is not None:
            self._reached[number] = max(offset, self._reached.get(number, 0))

    def _raise_latched(self) -> None:
        if self._error is not None:
            raise self._error

    def _restart_out_of_range(self) -> None:
        """Continue at the start of partitions whose positions were deleted or never existed."""
        consumer, numbers = self._client, sorted(self._out_of_range)
        current = {each.partition: each for each in consumer.position(consumer.assignment())}
        reached = {n: current[n].offset for n in numbers if n in current and current[n].offset >= 0}
        renewed = self._groups_positions.to_read(numbers, reached, Deadline(ANSWER_SECONDS))
        ends = self._connection.ends(renewed, Deadline(ANSWER_SECONDS))
        for each in renewed:
            # beyond the end: the topic was recreated, and nothing of the new one was read yet
            if each.offset > ends.get((each.topic, each.partition), each.offset):
                each.offset = OFFSET_BEGINNING
        self._out_of_range = set()
        if self._incremental:
            consumer.incremental_unassign(renewed)
            consumer.incremental_assign(renewed)
        else:
            current.update((each.partition, each) for each in renewed)
            consumer.assign(list(current.values()))

    def idle(self) -> None:
        consumer = self._client
        if len(self._spare) >= SPARE_MESSAGES and self._paused != self._assigned:
            self._pause(self._assigned - self._paused)
        self._keep(consumer.poll(0))

    def _pause(self, numbers: Collection[int]) -> None:
        self._client.pause([TopicPartition(self._topic, number) for number in numbers])
        self._paused.update(numbers)

    def _resume(self) -> None:
        self._client.resume([TopicPartition(self._topic, number) for number in self._paused])
        self._paused.clear()

    # Settling.

    def commit(self, positions: Mapping[Partition, int]) -> Mapping[Partition, BaseException | None]:
        results: dict[Partition, BaseException | None] = {}
        offsets = []
        for (topic, number), offset in positions.items():
            if number in self._assigned:
                offsets.append(TopicPartition(topic, number, offset))
            else:
                results[topic, number] = StaleAck(
                    f"partition {number} of {topic!r} was taken away since this record was read"
                )
        if offsets:
            results.update(self._commit(offsets))
        return results

    def _commit(self, offsets: list[TopicPartition]) -> dict[Partition, BaseException | None]:
        consumer, translate = self._client, self._watch.translate
        what = f"committing for group {self._group!r}"
        try:
            # librdkafka waits for a lost coordinator without a time limit
            answer = call_with_timeout(
                lambda: consumer.commit(offsets=offsets, asynchronous=False), COMMIT_SECONDS, "commit"
            )
        except (KafkaException, TimeoutError) as error:
            timed_out = isinstance(error, TimeoutError)
            problem = self._watch.unavailable(what) if timed_out else translate(error, what)
            return {(each.topic, each.partition): problem for each in offsets}
        return {
            (each.topic, each.partition): None if each.error is None else translate(each.error, what)
            for each in answer
        }

    def seek(self, positions: Mapping[Partition, int]) -> None:
        consumer = self._client
        numbers = {number for _, number in positions}
        self._spare = [message for message in self._spare if message.partition() not in numbers]
        if self._paused:
            self._resume()
        for (topic, number), offset in positions.items():
            if number in self._assigned:
                self._reached[number] = offset
                self._seek_one(consumer, TopicPartition(topic, number, offset))

    def _seek_one(self, consumer: Consumer, partition: TopicPartition) -> None:
        deadline = Deadline(ANSWER_SECONDS)
        while True:
            try:
                consumer.seek(partition)
            except KafkaException as error:
                # the partition was just assigned, and its fetcher has not started
                if error.args[0].code() != KafkaError._STATE or deadline.passed:
                    raise
                time.sleep(0.01)
            else:
                return

    def close(self, timeout: float) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is None:
            return
        self._closing = True
        # closing takes half a minute after the broker was killed, and continues in the background
        close_with_timeout(consumer.close, timeout, "close")

    @property
    def native(self) -> Any:
        """The `confluent_kafka.Consumer`, once attaching has begun."""
        return self._consumer
