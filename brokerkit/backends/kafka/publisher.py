"""The publisher: an idempotent producer that reports the outcome of each message."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message

from brokerkit.core.contract.background import bounded
from brokerkit.core.contract.driver import PublisherDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import (
    BrokerError,
    ConfigError,
    NotFound,
    NotSupported,
    TooLarge,
    Unauthorized,
)
from brokerkit.core.vocabulary.messages import OutboundMessage, to_microseconds
from brokerkit.core.vocabulary.results import PublishResult
from brokerkit.core.vocabulary.secrets import revealed
from brokerkit.core.vocabulary.topics import PublishTerms

from .clients import Producer
from .connection import KafkaConnection, translate_call
from .errors import SURELY_NOT_STORED, from_code, translate
from .narrowing import NO_TIME, WITH_OTHERS, Round, narrowed
from .options import Properties, check_c_text
from .partitioner import DEFAULT as PARTITIONER
from .terms import FIRST_TIME, terms_of
from .watch import Watch

POLL_SECONDS = 0.05
POLL_ROWS = 256
"""Number of messages after which delivery reports are read."""
TOPIC_SECONDS = 60.0
"""How long the properties of a topic are cached, in seconds."""
LOOK_SECONDS = 5.0
DRAIN_SECONDS = 1.0
CLIENT_LIMIT = 1_000_000_000
"""The client's own limit of a message, in bytes. It is high, because the topic's limit applies."""
BATCH_BYTES = 1_000_000
TRANSACTION_BATCH_BYTES = 16_384
ANY_PARTITION = -1
PRESENT = 0
"""The timestamp that stands for the present."""
BATCH_HEADER = 61
"""Size of the header of a record batch, in bytes."""


NO_TERMS = PublishTerms()


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
    terms: PublishTerms = NO_TERMS


class KafkaPublisher(PublisherDriver):
    """A publisher to existing topics. A key goes to the same partition as with the Java client.

    A message that is larger than its topic allows is refused before it is sent, because the broker would
    refuse its whole batch.
    """

    def __init__(
        self, cluster: KafkaConnection, properties: Properties, transactional_id: str | None
    ) -> None:
        self._cluster = cluster
        self._watch = Watch(str(properties["bootstrap.servers"]))
        self._compressed = any(
            str(properties.get(name, "none")) != "none" for name in ("compression.type", "compression.codec")
        )
        self._batch_bytes = BATCH_BYTES if transactional_id is None else TRANSACTION_BATCH_BYTES
        self._properties: Properties = {
            "linger.ms": 2,
            "partitioner": PARTITIONER,
            "queue.buffering.max.messages": 200_000,
            "topic.metadata.propagation.max.ms": 5000,
            **properties,
            "message.max.bytes": CLIENT_LIMIT,
            "enable.idempotence": True,
            "acks": "all",
            "message.timeout.ms": 0,
            "error_cb": self._watch,
        }
        self._transactional = transactional_id is not None
        if transactional_id is not None:
            self._properties["transactional.id"] = transactional_id
            # librdkafka requires a value between the timeouts of a request and of the transaction
            self._properties["message.timeout.ms"] = min(
                60_000, int(self._properties.get("transaction.timeout.ms", 60_000))
            )
        self._initialised = False
        self._topics: dict[str, _Topic] = {}
        self._producer = self._open()

    def _open(self) -> Producer:
        size = min(self._batch_bytes, int(self._properties.get("batch.size", self._batch_bytes)))
        return translate_call(
            lambda: Producer(revealed({**self._properties, "batch.size": size})), "opening the publisher"
        )

    # Sending.

    def send(self, batch: Sequence[tuple[str, OutboundMessage]], timeout: float) -> list[PublishResult]:
        deadline = Deadline(timeout)
        topics = list(dict.fromkeys(topic for topic, _ in batch))
        for topic in topics:
            self._look(topic, deadline)
        first = self._round(batch, deadline)
        if not first.again or self._transactional:
            return first.results
        for topic in topics:
            # the reason may be a change of the topic, for example that it is compacted now
            self._topics.pop(topic, None)
            self._look(topic, deadline)
        return narrowed(
            batch,
            first,
            lambda part: self._round(part, deadline),
            lambda each: self._refusal(*each),
            deadline,
        )

    def _round(self, batch: Sequence[tuple[str, OutboundMessage]], deadline: Deadline) -> Round:
        """Send messages once. If the broker refuses some, those that are still queued are not sent."""
        trouble = self._watch.last
        sending = _Sending(len(batch), None if self._transactional else self._hold_back)
        for row, (topic, message) in enumerate(batch):
            if sending.held_back:
                sending.unsent.append(row)
                continue
            refused = self._refusal(topic, message)
            if refused is not None:
                sending.results[row] = PublishResult("failed", error=refused)
            else:
                self._produce(sending, row, topic, message, deadline)
            if row % POLL_ROWS == POLL_ROWS - 1:
                self._producer.poll(0)
        self._wait(sending, deadline)
        # if a connection was lost meanwhile, purged messages may have been sent before they were queued again
        again = sending.refused + (sending.purged if self._watch.last is trouble else []) + sending.unsent
        for row in sending.unsent:
            sending.results[row] = PublishResult("failed", error=BrokerError(NO_TIME, retryable=True))
        return Round(sending.outcomes(), sorted(again) if sending.given_up is None else [])

    def _hold_back(self) -> None:
        self._producer.purge(in_queue=True, in_flight=False, blocking=False)

    def _refusal(self, topic: str, message: OutboundMessage) -> BrokerError | None:
        known = self._topics[topic]
        if known.problem is not None:
            return known.problem
        terms = known.terms
        if message.key is None and terms.needs_key:
            return ConfigError(f"a compacted topic needs a key, and {topic!r} is compacted (cleanup.policy)")
        if (
            message.partition is not None
            and terms.partitions is not None
            and message.partition >= terms.partitions
        ):
            return NotFound(
                f"{topic!r} has no partition {message.partition}: it has {terms.partitions}, from 0"
            )
        if message.publish_time is not None:
            refused = time_refusal(topic, message.publish_time, terms)
            if refused is not None:
                return refused
        for name, _ in message.attributes:
            if "\0" in name:
                return ConfigError(f"the attribute name {name!r} has a NUL, which would end it on the way")
        limit = CLIENT_LIMIT if self._compressed or terms.max_bytes is None else terms.max_bytes
        if not message.attributes and len(message.data or b"") + len(message.key or b"") < limit // 2:
            return None
        size = batch_bytes(message)
        if size > limit:
            return TooLarge(
                f"the message takes {size:,} bytes with key, attributes and framing; {topic!r} "
                f"accepts {limit:,} (max.message.bytes of the topic)"
            )
        return None

    def _produce(
        self, sending: _Sending, row: int, topic: str, message: OutboundMessage, deadline: Deadline
    ) -> None:
        try:
            headers = _headers(message)
            place = ANY_PARTITION if message.partition is None else message.partition
            moment = message.publish_time
            stamp = PRESENT if moment is None else to_microseconds(moment) // 1000
            while True:
                try:
                    self._producer.produce(
                        topic, message.data, message.key, place, sending.waiter(row), None, stamp, headers
                    )
                except BufferError:
                    if deadline.passed:
                        raise
                    self._producer.poll(POLL_SECONDS)
                else:
                    sending.waiting += 1
                    return
        except BufferError as error:
            problem: BrokerError = self._watch.unavailable("publishing: the queue is full")
            problem.__cause__ = error
        except (KafkaException, TypeError, ValueError) as error:
            problem = translate(error, "publishing")
        sending.results[row] = PublishResult("failed", error=problem)

    def _wait(self, sending: _Sending, deadline: Deadline) -> None:
        """Wait until every message has a delivery report. Give up the others at the deadline."""
        refused: BrokerError | None = None
        while sending.waiting and not deadline.passed and refused is None:
            self._producer.poll(min(POLL_SECONDS, deadline.remaining()))
            try:
                self._watch.raise_if_refused()
            except Unauthorized as error:
                refused = error
        if sending.waiting:
            sending.given_up = refused or self._watch.unavailable("publishing: no confirmation in time")
            self._renew(sending)

    def _renew(self, sending: _Sending) -> None:
        """Purge unsent messages and replace the producer, so that its failed state is not reused."""
        old = self._producer
        old.purge(in_queue=True, in_flight=True, blocking=False)
        end = Deadline(DRAIN_SECONDS)
        while sending.waiting and not end.passed:
            old.poll(POLL_SECONDS)
        self._topics.clear()
        if not self._transactional:
            self._watch.forget()
            self._producer = self._open()

    # Properties of topics.

    def _look(self, topic: str, deadline: Deadline) -> None:
        """Look up a topic unless it is cached, because librdkafka would wait for a missing one to appear."""
        known = self._topics.get(topic)
        if known is not None and known.problem is None and time.monotonic() < known.known_at + TOPIC_SECONDS:
            return
        terms, problem = NO_TERMS, None
        try:
            check_c_text(topic, "topic")
            look = Deadline(min(LOOK_SECONDS, deadline.remaining()))
            terms = terms_of(self._cluster, topic, self._properties, look)
        except BrokerError as error:
            problem = error
        self._topics[topic] = _Topic(time.monotonic(), problem, terms)
        limit = terms.max_bytes
        if limit is not None and limit < self._batch_bytes and not self._transactional:
            # batches above the topic's limit would be refused whole
            self._batch_bytes = limit
            self._producer = self._open()

    # Transactions.

    def begin(self, timeout: float) -> None:
        if not self._initialised:
            self._transact(self._producer.init_transactions, timeout, "registering the transactional id")
            self._initialised = True
        translate_call(self._producer.begin_transaction, "beginning the transaction")

    def commit(self, timeout: float) -> None:
        self._transact(self._producer.commit_transaction, timeout, "committing the transaction")

    def abort(self, timeout: float) -> None:
        self._transact(self._producer.abort_transaction, timeout, "aborting the transaction")

    def _transact(self, work: Callable[[float], Any], timeout: float, what: str) -> None:
        """Call a function of the producer until it succeeds or the time is up.

        When it is called again, librdkafka continues the same operation.
        """
        deadline = Deadline(timeout)
        while True:
            try:
                work(max(0.1, min(1.0, deadline.remaining())))
            except KafkaException as error:
                self._producer.poll(0)
                self._watch.raise_if_refused()
                found: KafkaError = error.args[0]
                if found.code() == KafkaError._TIMED_OUT and deadline.passed:
                    raise self._watch.unavailable(what) from error
                if not found.retriable():
                    raise translate(error, what) from error
                if deadline.passed:
                    raise translate(error, what) from error
            else:
                return

    def close(self, timeout: float) -> None:
        producer = self._producer
        # what is still queued was reported as unknown; closing may hang if the broker does
        with contextlib.suppress(TimeoutError):
            bounded(lambda: producer.flush(timeout), timeout, "close")


class _Sending:
    """The messages of one call and the outcomes that are known so far.

    Args:
        count: The number of messages.
        hold_back: Called once when the broker refuses a batch; purges the messages that are still queued.

    Attributes:
        refused: The rows of refused batches.
        purged: The rows that were purged from the queue.
        unsent: The rows that were not queued any more.
    """

    def __init__(self, count: int, hold_back: Callable[[], None] | None) -> None:
        self.results: list[PublishResult | None] = [None] * count
        self.waiting = 0
        self.given_up: BrokerError | None = None
        self.held_back = False
        self.refused: list[int] = []
        self.purged: list[int] = []
        self.unsent: list[int] = []
        self._hold_back = hold_back

    def waiter(self, row: int) -> Callable[[KafkaError | None, Message], None]:
        def delivered(error: KafkaError | None, message: Message) -> None:
            self.waiting -= 1
            if error is None:
                self.results[row] = PublishResult("confirmed", f"{message.partition()}-{message.offset()}")
            else:
                self._not_delivered(row, error)

        return delivered

    def _not_delivered(self, row: int, error: KafkaError) -> None:
        code = error.code()
        if code in WITH_OTHERS:
            self.refused.append(row)
            if not self.held_back and self._hold_back is not None:
                self.held_back = True
                self._hold_back()
        elif code == KafkaError._PURGE_QUEUE and self.held_back and self.given_up is None:
            self.purged.append(row)
        if code in SURELY_NOT_STORED or code in WITH_OTHERS:
            self.results[row] = PublishResult("failed", error=from_code(error, "publishing"))
        else:
            problem = self.given_up or from_code(error, "publishing")
            self.results[row] = PublishResult("unknown", error=problem)

    def outcomes(self) -> list[PublishResult]:
        return [
            result if result is not None else PublishResult("unknown", error=self.given_up)
            for result in self.results
        ]


def time_refusal(topic: str, moment: datetime, terms: PublishTerms) -> BrokerError | None:
    """Return the reason why a topic would not keep this publish time, or None."""
    if not terms.keeps_times:
        return NotSupported(
            f"{topic!r} stamps messages itself (message.timestamp.type=LogAppendTime) and would drop "
            "publish_time=: leave it out, or put the time into an attribute"
        )
    if moment < FIRST_TIME:
        return ConfigError(f"publish_time {moment.isoformat()} is not after 1970, where Kafka's times begin")
    age = datetime.now(UTC) - moment
    if terms.oldest is not None and age > terms.oldest:
        return ConfigError(
            f"publish_time {moment.isoformat()} is older than {topic!r} takes: {terms.oldest} "
            "(message.timestamp.before.max.ms of the topic)"
        )
    if terms.newest is not None and -age > terms.newest:
        return ConfigError(
            f"publish_time {moment.isoformat()} is further ahead than {topic!r} takes: {terms.newest} "
            "(message.timestamp.after.max.ms of the topic)"
        )
    return None


def _headers(message: OutboundMessage) -> list[tuple[str, str | bytes | None]]:
    """Return the attributes as Kafka headers. The portable layer has checked their types."""
    headers: list[tuple[str, str | bytes | None]] = []
    for name, value in message.attributes:
        if value is None or isinstance(value, bytes):
            headers.append((name, value))
        elif isinstance(value, str):
            headers.append((name, value.encode("utf-8")))
        else:
            raise TypeError(f"attribute {name!r} must be str, bytes or None, not {type(value).__name__}")
    return headers


def _field(data: str | bytes | None) -> int:
    """Return the size of a field in bytes, including its length, which is a varint in zigzag encoding."""
    raw = data.encode("utf-8") if isinstance(data, str) else data
    return 1 if raw is None else _varint(len(raw)) + len(raw)


def _varint(number: int) -> int:
    return max(1, ((number << 1).bit_length() + 6) // 7)


def batch_bytes(message: OutboundMessage) -> int:
    """Return the size of an uncompressed record batch of this message alone, which brokers limit."""
    headers = _headers(message)
    # attributes, time and offset relative to the batch take one byte each in a batch of one
    body = 3 + _field(message.key) + _field(message.data) + _varint(len(headers))
    for name, value in headers:
        body += _field(name) + _field(value)
    return BATCH_HEADER + _varint(body) + body
