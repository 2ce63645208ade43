"""Slices of a topic, read without a group: nothing on the broker changes."""

from __future__ import annotations

import contextlib
import uuid

from confluent_kafka import KafkaError, Message, TopicPartition

from brokerkit.core.contract.background import bounded
from brokerkit.core.contract.driver import ReaderDriver
from brokerkit.core.contract.garbage_collection import gc_paused
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import NotFound
from brokerkit.core.vocabulary.secrets import revealed
from brokerkit.core.vocabulary.topics import Slice

from .clients import Consumer
from .codec import columns_of, split_errors
from .connection import KafkaConnection, translate_call
from .errors import AUTHENTICATION, from_code
from .groups import group_settings
from .options import LOGGER, Properties
from .watch import Watch

BATCH = 2_000
BATCH_BYTES = 8_000_000
"""About how large a batch may be, judged by its first message."""
LOOK_SECONDS = 10.0
_GONE = frozenset({
    KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION,
    KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError._FATAL,
})  # fmt: skip


class KafkaReader(ReaderDriver):
    """Reads one slice after the other with one client, whose connections stay open in between.

    Rows that the broker has deleted meanwhile are passed over: reading goes on at what is left. A
    slice that reaches beyond the end of its partition (created anew since) ends there.
    """

    def __init__(self, cluster: KafkaConnection, properties: Properties) -> None:
        self._cluster = cluster
        self._watch = Watch(str(properties["bootstrap.servers"]))
        settings = {
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 20,
            "fetch.queue.backoff.ms": 5,
            "queued.min.messages": 100_000,
            "queued.max.messages.kbytes": 65_536,
            "fetch.message.max.bytes": 4_194_304,
            "topic.metadata.propagation.max.ms": 2000,
            **properties,
            "enable.partition.eof": True,
        }
        # the client library asks for the name of a group; it is never joined and commits nothing
        settings = group_settings(settings, f"brokerkit-reader-{uuid.uuid4().hex}", self._watch)
        self._consumer = translate_call(lambda: Consumer(revealed(settings)), "opening the reader")
        self._topic: str | None = None
        self._piece: Slice | None = None
        self._attributes = True
        self._next = 0

    def start(self, piece: Slice, *, attributes: bool) -> None:
        if piece.topic != self._topic:
            # librdkafka would wait for a missing topic to appear
            numbers = self._cluster.partitions(piece.topic, Deadline(LOOK_SECONDS))
            if (piece.partition or 0) not in numbers:
                raise NotFound(f"topic {piece.topic!r} has no partition {piece.partition}")
            self._topic = piece.topic
        self._piece = piece
        self._attributes = attributes
        self._next = piece.start
        self._begin(piece.start)

    def _begin(self, offset: int) -> None:
        assert self._piece is not None
        partition = TopicPartition(self._piece.topic, self._piece.partition or 0, offset)
        translate_call(lambda: self._consumer.assign([partition]), "beginning to read")

    def fetch(self, wait: float) -> Columns | None:
        piece = self._piece
        if piece is None or self._next >= piece.end:
            self.stop()
            return None
        first = self._consumer.poll(wait)
        if first is None:
            self._watch.raise_if_refused()
            return Columns.empty()
        self._watch.forget()
        # thousands of messages at once would set off the collector several times
        most = max(1, min(BATCH, BATCH_BYTES // (len(first) + 1)))
        with gc_paused():
            rows, errors = split_errors([first, *self._consumer.consume(most, 0)])
            columns = self._rows(piece, rows)
        for error in errors:
            self._note(piece, error)
        if not columns.length and self._next >= piece.end:
            self.stop()
            return None
        return columns

    def _rows(self, piece: Slice, messages: list[Message]) -> Columns:
        """The messages as columns, without those beyond the end of the slice."""
        if not messages:
            return Columns.empty()
        columns = columns_of(
            messages, piece.topic, partition=piece.partition or 0, attributes=self._attributes
        )
        offsets = columns.offset
        self._next = max(self._next, offsets[-1] + 1)
        if offsets[-1] < piece.end:
            return columns
        return columns.slice(0, sum(offset < piece.end for offset in offsets))

    def stop(self) -> None:
        if self._piece is not None:
            self._piece = None
            # no fetch is left waiting at the broker, which the next slice would wait behind
            self._consumer.unassign()

    def _note(self, piece: Slice, message: Message) -> None:
        error = message.error()
        assert error is not None
        code = error.code()
        if code == KafkaError._PARTITION_EOF:
            self._at_end(piece, message.offset())
        elif code == KafkaError._AUTO_OFFSET_RESET:
            self._pass_over_deleted(piece)
        elif code in _GONE or code in AUTHENTICATION or error.fatal():
            raise from_code(error, f"reading {piece.topic!r}")
        else:
            LOGGER.info("reading %r: %s", piece.topic, error)

    def _at_end(self, piece: Slice, offset: int | None) -> None:
        """The partition ends here for now: so does the slice, unless its end is only not visible yet."""
        if offset is not None and offset >= piece.end:
            self._next = max(self._next, piece.end)
            return
        _, end = self._range(piece)
        if end <= (self._next if offset is None else offset):
            self._next = piece.end

    def _pass_over_deleted(self, piece: Slice) -> None:
        """Go on with what is left of the slice, if anything is."""
        start, end = self._range(piece)
        if self._next < start < piece.end:
            self._next = start
        elif not start <= self._next < end:
            self._next = piece.end
            return
        self._begin(self._next)

    def _range(self, piece: Slice) -> tuple[int, int]:
        """The first offset that is there and the one behind the last."""
        deadline = Deadline(LOOK_SECONDS)
        wanted = [TopicPartition(piece.topic, piece.partition or 0)]
        key = (piece.topic, piece.partition or 0)
        start = self._cluster.starts(wanted, deadline)[key]
        end = self._cluster.ends(wanted, deadline)[key]
        return start, end

    def close(self, timeout: float) -> None:
        # after its broker was killed, closing takes half a minute: it goes on in the background
        with contextlib.suppress(TimeoutError):
            bounded(self._consumer.close, timeout, "close")
