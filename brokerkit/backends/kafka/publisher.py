"""The publisher: an idempotent producer that reports the outcome of each message."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException

from brokerkit.core.contract.background import close_with_timeout
from brokerkit.core.contract.publisher import PublisherDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.outbound_rows import OutboundRows, TopicRows
from brokerkit.core.vocabulary.results import PublishResult
from brokerkit.core.vocabulary.secrets import revealed
from brokerkit.core.vocabulary.settled_offsets import SettledOffsets

from .clients import Producer
from .connection import KafkaConnection
from .errors import kafka_error, translate, translating
from .narrowing import Round, named, narrowed
from .options import Properties, check_c_text
from .partitioner import DEFAULT as PARTITIONER
from .producing import learned, place_of, produce_rows, stamp_of
from .sending import Reports, Sending, Wave
from .sizes import Header, headers_of, most_bytes
from .terms import TopicTerms, accepts_all, refusal_of, terms_of
from .transactions import Transactions
from .watch import Watch

POLL_SECONDS = 0.05
MOST_MESSAGES = 25_000
POLL_ROWS = 256
"""Number of messages after which delivery reports are read."""
WAVE_LINGER_MS = 900_000
"""How long the client library collects the messages of a wave, unless it is told to send them."""
LINGER_MS = 10
"""How long it collects other messages. What a call has given to it is sent at the end of the call."""
TOPIC_SECONDS = 60.0
"""How long the properties of a topic are cached, in seconds."""
FRESH_SECONDS = 1.0
"""The same before several messages are sent, or one to a partition that is named."""
METADATA_SECONDS = 5.0
DRAIN_SECONDS = 1.0
CLIENT_LIMIT = 1_000_000_000
"""The client's own limit of a message, in bytes. It is high, because the topic's limit applies."""
BATCH_BYTES = 1_000_000
BATCH_ROWS = 1_000_000
"""The client's own limit of messages in a batch. It is high, because that of bytes applies."""
MANY = 1_000_000_000
TRANSACTION_BATCH_BYTES = 16_384
BATCH_ROOM = 400
"""What a batch takes at most besides its records, in bytes: its own header and that of the request."""
NO_TERMS = TopicTerms()


@dataclass(frozen=True, slots=True)
class _Topic:
    """The cached properties of a topic.

    Attributes:
        known_at: When they were read, on the monotonic clock.
        problem: Why the topic cannot be published to, or None.
        terms: What the topic accepts.
    """

    known_at: float
    problem: BrokerError | None = None
    terms: TopicTerms = NO_TERMS


class KafkaPublisher(PublisherDriver):
    """A publisher to existing topics. A key goes to the same partition as with the Java client.

    A message that is larger than its topic allows is refused before it is sent, because the broker would
    refuse its whole batch.

    As long as the configuration of the topics says that the broker accepts every message, none waits for
    another. If it is changed while they are on their way, those that were overtaken fail besides those that
    are wrong. Otherwise messages go out in waves: of ordered messages, at most one batch of each partition is
    on its way. Nothing is then stored behind a batch that the broker refuses, and the rest of it can be sent
    again in its order.
    """

    def __init__(
        self, connection: KafkaConnection, properties: Properties, transactional_id: str | None
    ) -> None:
        self._connection = connection
        self._watch = Watch.of(properties)
        self._compressed = any(
            str(properties.get(name, "none")) != "none" for name in ("compression.type", "compression.codec")
        )
        self._batch_bytes = BATCH_BYTES if transactional_id is None else TRANSACTION_BATCH_BYTES
        self._properties: Properties = {
            "partitioner": PARTITIONER,
            "queue.buffering.max.messages": 200_000,
            "batch.num.messages": BATCH_ROWS,
            "topic.metadata.propagation.max.ms": 5000,
            **properties,
            "message.max.bytes": CLIENT_LIMIT,
            "enable.idempotence": True,
            "acks": "all",
            "message.timeout.ms": 0,
            "linger.ms": properties.get("linger.ms", LINGER_MS),
            "error_cb": self._watch,
        }
        self._transactional = transactional_id is not None
        if transactional_id is not None:
            self._properties["transactional.id"] = transactional_id
            # librdkafka requires a value between the timeouts of a request and of the transaction
            self._properties["message.timeout.ms"] = min(
                60_000, int(self._properties.get("transaction.timeout.ms", 60_000))
            )
        self._transactions = Transactions(properties, self._watch)
        self._fatal: KafkaError | None = None
        self._topics: dict[str, _Topic] = {}
        self._refusing: set[str] = set()
        self._in_waves = False
        self._reports = Reports()
        self._producer = self._open()

    def _open(self) -> Producer:
        self._fatal = None
        linger = WAVE_LINGER_MS if self._in_waves else self._properties["linger.ms"]
        properties = {**self._properties, "batch.size": self._batch_size, "linger.ms": linger}
        with translating("opening the publisher"):
            return Producer(revealed(properties))

    @property
    def _batch_size(self) -> int:
        return min(self._batch_bytes, int(self._properties.get("batch.size", self._batch_bytes)))

    # Sending.

    most_messages = MOST_MESSAGES

    def send(self, batch: Sequence[tuple[str, OutboundMessage]], timeout: float) -> Sequence[PublishResult]:
        deadline = Deadline(timeout)
        if isinstance(batch, TopicRows):
            topics = [batch.topic]
        else:
            topics = list(dict.fromkeys(topic for topic, _ in batch))
            if len(topics) == 1:
                batch = TopicRows(topics[0], OutboundRows.of([message for _, message in batch]))
        seconds = FRESH_SECONDS if len(batch) != 1 or batch[0][1].partition is not None else TOPIC_SECONDS
        for topic in topics:
            self._look(topic, deadline, seconds)
        first = self._round(batch, deadline)
        if not (first.suspected or first.again):
            return first.results
        self._refusing.update(topics)
        for topic in topics:
            # the reason may be a change of the topic, for example that it is compacted now
            self._topics.pop(topic, None)
            self._look(topic, deadline)
        if self._transactional:
            return named(batch, first, lambda each: self._refusal(*each))
        return narrowed(
            batch,
            first,
            lambda part: self._round(part, deadline),
            lambda each: self._refusal(*each) is not None,
            deadline,
        )

    def _round(self, batch: Sequence[tuple[str, OutboundMessage]], deadline: Deadline) -> Round:
        """Send messages once, wave by wave. After a wave of which the broker refused some, send no more."""
        sending, wave = Sending(len(batch), self._reports), self._wave()
        try:
            if isinstance(batch, TopicRows) and self._all_accepted(batch.topic, batch.rows):
                self._send_all(sending, batch, deadline)
            else:
                wave = self._send_each(sending, batch, wave, deadline)
            self._wait(sending, deadline)
        except BaseException:
            # its late reports are not those of the next call
            self._reports = Reports()
            raise
        if self._fatal and not self._transactional and not sending.given_up:
            if not sending.refused and not sending.stored:
                # the next producer would fail for the same reason
                sending.given_up = translate(self._fatal, "publishing")
            self._producer = self._open()
        return sending.round(wave.split)

    def _all_accepted(self, topic: str, rows: OutboundRows) -> bool:
        """Return whether the broker surely accepts all of these messages, whatever the others are."""
        if self._in_waves or (topic in self._refusing and not self._transactional):
            return False
        known = self._topics[topic]
        limit, surely = None if self._compressed else known.terms.max_bytes, not self._transactional
        return known.problem is None and accepts_all(topic, known.terms, rows, limit, surely=surely)

    def _send_all(self, sending: Sending, batch: TopicRows, deadline: Deadline) -> None:
        """Give messages of one topic to the client library that the broker surely accepts."""
        rows, begin = batch.rows, 0
        while begin < len(rows):
            if not self._transactional and (sending.stopped or self._fatal):
                sending.unsent.extend(range(begin, len(rows)))
                return
            end = min(begin + POLL_ROWS, len(rows))
            given = produce_rows(self._producer, batch.topic, rows, sending.takers, begin, end)
            sending.given += given
            begin += given
            if begin < end:
                message = rows.message(begin)
                self._produce(sending, begin, batch.topic, message, headers_of(message.attributes), deadline)
                begin += 1
            self._serve(0)

    def _send_each(
        self, sending: Sending, batch: Sequence[tuple[str, OutboundMessage]], wave: Wave, deadline: Deadline
    ) -> Wave:
        """Give messages to the client library one by one, wave by wave. Return the last wave."""
        for row, (topic, message) in enumerate(batch):
            refused = self._refusal(topic, message)
            if refused is not None:
                sending.others[row] = PublishResult("failed", error=refused)
                continue
            headers = headers_of(message.attributes)
            if not (self._in_waves or self._surely_accepted(topic, message, headers)):
                self._wait(sending, deadline)
                if not sending.stopped and not self._fatal:
                    self._in_waves = True
                    self._producer = self._open()
                    wave = self._wave()
            if self._in_waves and not sending.stopped:
                size = most_bytes(message, headers)
                if not wave.takes(topic, message, size):
                    self._wait(sending, deadline)
                    if not sending.stopped:
                        wave = self._wave()
                        wave.takes(topic, message, size)
            if not self._transactional and (sending.stopped or self._fatal):
                sending.unsent.extend(range(row, len(batch)))
                break
            self._produce(sending, row, topic, message, headers, deadline)
            if row % POLL_ROWS == POLL_ROWS - 1:
                self._serve(0)
        return wave

    def _wave(self) -> Wave:
        known = self._properties
        return Wave(
            min(self._batch_size - BATCH_ROOM, 1024 * int(known.get("queue.buffering.max.kbytes", MANY))),
            min(int(known["queue.buffering.max.messages"]), int(known["batch.num.messages"])),
            split=not self._in_waves,
        )

    def _surely_accepted(self, topic: str, message: OutboundMessage, headers: list[Header]) -> bool:
        """Return whether the broker surely accepts a message that `_refusal` does not refuse."""
        if self._transactional:
            return True
        # without compression, `_refusal` knows the size on the wire
        size = most_bytes(message, headers) if self._compressed else 0
        known = self._topics[topic].terms
        return known.surely_accepts(message.publish_time, size) and topic not in self._refusing

    def _serve(self, seconds: float, *, all_sent: bool = False) -> None:
        """Serve delivery reports. With time for it, send what the client library collected."""
        try:
            if seconds and (all_sent or self._in_waves):
                self._producer.flush(seconds)
            else:
                self._producer.poll(seconds)
        except KafkaException as error:
            # raised once, when the client library gives this producer up
            found: KafkaError = error.args[0]
            if not found.fatal() or self._transactional:
                raise
            self._fatal = found

    def _refusal(self, topic: str, message: OutboundMessage) -> BrokerError | None:
        known = self._topics[topic]
        limit = CLIENT_LIMIT if self._compressed or known.terms.max_bytes is None else known.terms.max_bytes
        return known.problem or refusal_of(topic, known.terms, message, limit)

    def _produce(
        self,
        sending: Sending,
        row: int,
        topic: str,
        message: OutboundMessage,
        headers: list[Header],
        deadline: Deadline,
    ) -> None:
        try:
            place, stamp = place_of(message.partition), stamp_of(message.publish_time)
            taker = sending.takers[row]
            while True:
                try:
                    self._producer.produce(
                        topic, message.data, message.key, place, taker, None, stamp, headers
                    )
                except BufferError:
                    if deadline.passed:
                        raise
                    self._serve(POLL_SECONDS)
                else:
                    sending.given += 1
                    return
        except BufferError as error:
            problem: BrokerError = self._watch.unavailable("publishing: the queue is full")
            problem.__cause__ = error
        except (KafkaException, TypeError, ValueError) as error:
            found = kafka_error(error)
            if found is not None and found.code() == KafkaError._FATAL and not self._transactional:
                # nothing of this producer is sent any more; the next one sends the message
                self._fatal = self._fatal or found
                sending.unsent.append(row)
                return
            problem = self._watch.translate(error, "publishing")
        sending.others[row] = PublishResult("failed", error=problem)

    def _wait(self, sending: Sending, deadline: Deadline) -> None:
        """Wait until every message has a delivery report. Give up the others at the deadline."""
        refused: BrokerError | None = None
        while sending.waiting and not deadline.passed and refused is None:
            self._serve(min(POLL_SECONDS, deadline.remaining()), all_sent=True)
            try:
                self._watch.raise_if_refused()
            except BrokerError as error:
                refused = error
        if sending.waiting:
            sending.given_up = refused or self._watch.unavailable("publishing: no confirmation in time")
            self._renew(sending)

    def _renew(self, sending: Sending) -> None:
        """Purge unsent messages and replace the producer, so that its failed state is not reused."""
        old = self._producer
        old.purge(in_queue=True, in_flight=True, blocking=False)
        end = Deadline(DRAIN_SECONDS)
        while sending.waiting and not end.passed:
            old.poll(POLL_SECONDS)
        self._reports = Reports()
        self._topics.clear()
        if not self._transactional:
            self._watch.forget()
            self._producer = self._open()

    # Properties of topics.

    def _look(self, topic: str, deadline: Deadline, seconds: float = TOPIC_SECONDS) -> None:
        """Look up a topic unless it is cached, because librdkafka would wait for a missing one to appear."""
        known = self._topics.get(topic)
        if known is not None and known.problem is None and time.monotonic() < known.known_at + seconds:
            return
        terms, problem = NO_TERMS, None
        recent = known is not None and time.monotonic() < known.known_at + TOPIC_SECONDS
        try:
            check_c_text(topic, "topic")
            look = Deadline(min(METADATA_SECONDS, deadline.remaining()))
            terms = terms_of(self._connection, topic, self._properties, look)
        except BrokerError as error:
            if recent and known is not None and known.problem is None and error.retryable:
                # the client library may get through to the broker before the deadline
                return
            problem = error
        terms = learned(self._producer, topic, known.terms if known else None, terms, deadline)
        self._topics[topic] = _Topic(time.monotonic(), problem, terms)
        if (limit := terms.max_bytes) is not None and limit < self._batch_bytes:
            # batches above the topic's limit would be refused whole
            self._batch_bytes = limit
            if self._transactional:
                # the producer of an open transaction stays: what is sent at once fits into one batch
                self._in_waves = True
            else:
                self._producer = self._open()

    # Transactions.

    def begin(self, timeout: float) -> None:
        self._transactions.begin(self._producer, timeout)

    def send_positions(
        self,
        topic: str,
        subscription: str,
        settled: Mapping[int | None, SettledOffsets],
        timeout: float,
    ) -> None:
        self._transactions.send_positions(self._producer, topic, subscription, settled, timeout)

    def commit(self, timeout: float) -> None:
        self._transactions.commit(self._producer, timeout)

    def abort(self, timeout: float) -> None:
        self._transactions.abort(self._producer, timeout)

    def close(self, timeout: float) -> None:
        producer = self._producer
        # what is still queued was reported as unknown; closing may hang if the broker does
        close_with_timeout(lambda: producer.flush(timeout), timeout, "close")
        self._transactions.close()
