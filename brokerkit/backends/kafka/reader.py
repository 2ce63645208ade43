"""The reader: slices of a topic, read without a group, so that nothing on the broker changes."""

from __future__ import annotations

import logging
import uuid
from bisect import bisect_left

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from brokerkit.core.contract.background import close_with_timeout
from brokerkit.core.contract.inspector import ReaderDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import NotFound
from brokerkit.core.vocabulary.topics import Slice

from .codec import Reported
from .connection import ANSWER_SECONDS, KafkaConnection
from .errors import AUTHENTICATION, translating
from .fetching import ClientFetcher, Fetcher
from .group_positions import group_settings
from .native.consumer import NativeConsumer, carried
from .native.library import NotUsable, library
from .options import Properties, ReaderChoice, log
from .watch import Watch

LEADERS_SECONDS = 1.0
BATCH = 16_000
BATCH_BYTES = 8_000_000
"""Approximate limit of a batch in bytes."""
_GONE = frozenset({
    KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION,
    KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError._FATAL,
})  # fmt: skip


class KafkaReader(ReaderDriver):
    """A reader of one slice after the other. Its connections stay open in between.

    Records that the broker deleted in the meantime are skipped. A slice that reaches beyond the end of its
    partition, for example because the topic was recreated, ends there.
    """

    def __init__(
        self, connection: KafkaConnection, properties: Properties, choice: ReaderChoice = "python"
    ) -> None:
        self._connection = connection
        self._watch = Watch.of(properties)
        settings = {
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 20,
            "fetch.queue.backoff.ms": 5,
            "queued.min.messages": 100_000,
            "queued.max.messages.kbytes": 32_768,
            "fetch.message.max.bytes": 4_194_304,
            "topic.metadata.propagation.max.ms": 2000,
            **properties,
            "enable.partition.eof": True,
        }
        # the client library requires the name of a group, which is never joined and commits nothing
        settings = group_settings(settings, f"brokerkit-reader-{uuid.uuid4().hex}", self._watch)
        with translating("opening the reader"):
            self._fetcher = _fetcher(settings, self._watch, choice)
        self._topic: str | None = None
        self._piece: Slice | None = None
        self._attributes = True
        self._next = 0
        self._errors: list[Reported] = []
        self._lost = False

    def start(self, slice_: Slice, *, attributes: bool) -> None:
        if slice_.topic != self._topic:
            # librdkafka would wait for a missing topic to appear
            numbers = self._connection.partitions(slice_.topic, Deadline(ANSWER_SECONDS))
            if (slice_.partition or 0) not in numbers:
                raise NotFound(f"topic {slice_.topic!r} has no partition {slice_.partition}")
            self._find_leaders(slice_.topic)
            self._topic = slice_.topic
        self._piece = slice_
        self._attributes = attributes
        self._next = slice_.start
        self._errors, self._lost = [], False
        self._begin(slice_.start)

    def _find_leaders(self, topic: str) -> None:
        """Ask for the leaders of a topic, for which librdkafka by itself looks once a second."""
        try:
            self._fetcher.find_leaders(topic, LEADERS_SECONDS)
        except KafkaException as error:
            log.info("looking for the leaders of %r: %s", topic, error)

    def _begin(self, offset: int) -> None:
        assert self._piece is not None
        with translating("beginning to read"):
            self._fetcher.assign(self._piece.topic, self._piece.partition or 0, offset)

    def fetch(self, wait: float) -> Columns | None:
        slice_ = self._piece
        if slice_ is None or self._passed(slice_):
            self.stop()
            return None
        if self._lost:
            self._begin(self._next)
            self._lost = False
        try:
            columns, self._errors = self._taken(slice_, wait)
        except BaseException:
            # messages that were taken out of the client are read again
            self._lost = True
            raise
        if columns.length:
            last = columns.offset[-1]
            self._next = max(self._next, last + 1)
            return columns if last < slice_.end else columns.slice(0, bisect_left(columns.offset, slice_.end))
        if self._passed(slice_):
            self.stop()
            return None
        return columns

    def _taken(self, slice_: Slice, wait: float) -> tuple[Columns, list[Reported]]:
        """Return the messages that are here, or else the first to arrive within `wait`, and the errors."""
        columns, errors = self._fetcher.take(
            slice_.topic, slice_.partition or 0, wait, BATCH, BATCH_BYTES, attributes=self._attributes
        )
        if columns is None:
            self._watch.raise_if_refused()
            return Columns.empty(), []
        self._watch.forget()
        return columns, errors

    def _passed(self, slice_: Slice) -> bool:
        """Return whether the slice was read to its end, after a look at what the client reported.

        What it reported behind rows is looked at once they were returned, and again after an error.
        """
        while self._errors and self._next < slice_.end:
            self._note(slice_, self._errors[0])
            del self._errors[0]
        return self._next >= slice_.end

    def stop(self) -> None:
        if self._piece is not None:
            self._piece, self._errors = None, []
            # otherwise a fetch stays pending at the broker and delays the next slice
            self._fetcher.unassign()

    def _note(self, slice_: Slice, reported: Reported) -> None:
        error = reported.error
        code = error.code()
        if code == KafkaError._PARTITION_EOF:
            self._at_end(slice_, reported.offset)
        elif code == KafkaError._AUTO_OFFSET_RESET:
            self._pass_over_deleted(slice_)
        elif code in _GONE or code in AUTHENTICATION or error.fatal():
            raise self._watch.translate(error, f"reading {slice_.topic!r}")
        else:
            log.info("reading %r: %s", slice_.topic, error)

    def _at_end(self, slice_: Slice, offset: int | None) -> None:
        """End the slice at the end of the partition, unless that end is only not visible yet."""
        if offset is not None and offset >= slice_.end:
            self._next = max(self._next, slice_.end)
            return
        _, end = self._range(slice_)
        if end <= (self._next if offset is None else offset):
            self._next = slice_.end

    def _pass_over_deleted(self, slice_: Slice) -> None:
        """Continue with the rest of the slice, if any."""
        start, end = self._range(slice_)
        if self._next < start < slice_.end:
            self._next = start
        elif not start <= self._next < end:
            self._next = slice_.end
            return
        self._begin(self._next)

    def _range(self, slice_: Slice) -> tuple[int, int]:
        """Return the first offset of the slice's partition and the one after the last."""
        deadline = Deadline(ANSWER_SECONDS)
        wanted = [TopicPartition(slice_.topic, slice_.partition or 0)]
        key = (slice_.topic, slice_.partition or 0)
        start = self._connection.starts(wanted, deadline)[key]
        end = self._connection.ends(wanted, deadline)[key]
        return start, end

    def close(self, timeout: float) -> None:
        # closing takes half a minute after the broker was killed, and continues in the background
        close_with_timeout(self._fetcher.close, timeout, "close")


def described_reader(properties: Properties, choice: ReaderChoice) -> str:
    """Return which of the two reads, and why it is not the native one."""
    if choice == "python":
        return choice
    try:
        library()
        carried(properties)
    except NotUsable as problem:
        return f"python, since the native one cannot read: {problem}"
    return "native"


def _fetcher(settings: Properties, watch: Watch, choice: ReaderChoice) -> Fetcher:
    if choice != "python":
        try:
            return NativeConsumer(settings, watch)
        except NotUsable as problem:
            level = logging.WARNING if choice == "native" else logging.INFO
            log.log(level, "the client library reads, since the native reader cannot: %s", problem)
    return ClientFetcher(settings)
