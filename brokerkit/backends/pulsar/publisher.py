"""Publishing: all messages of a batch under way together, in order, with an outcome for each."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulsar

from brokerkit.core.cancellation import Deadline
from brokerkit.core.driver import PublisherDriver
from brokerkit.core.errors import BrokerError, NotFound, Unavailable
from brokerkit.core.messages import OutboundMessage, PublishResult

from . import safety
from .errors import SURELY_NOT_STORED, named, result_name
from .log import LOGGER
from .names import partition_name
from .outbound import encode
from .positions import id_text
from .topics import Topics

PENDING = 20_000
"""How many messages may be under way to a topic; more than a batch of the portable half has."""
BATCH_DELAY_MILLIS = 5
LOOK_SECONDS = 2.0
CLOSED = "AlreadyClosed"
DEDUPLICATED = "Enabled"
LOOK_AGAIN_SECONDS = 0.02
"""The library waits longer than this before it connects once more."""
TAKEN_FOR_A_REPEAT = BrokerError(
    "the broker deduplicates the topic and took it for a repeat, as it does with batches of several keys: "
    "connect with admin=http://HOST:8080, or without batching=true"
)
TWICE = BrokerError(
    "it may be stored twice: the connection was lost while it was under way, and the client library sent it "
    "once more; a topic that the broker deduplicates stores it once"
)


class PulsarPublisher(PublisherDriver):
    """One producer of the library for each topic."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._link = topics.link
        self._producers: dict[str, _Producer] = {}

    def send(self, batch: Sequence[tuple[str, OutboundMessage]], timeout: float) -> list[PublishResult]:
        deadline = Deadline(timeout)
        problems = self._open({topic for topic, _ in batch}, deadline)
        sending = _Sending([self._producers.get(topic) for topic, _ in batch])
        for row, (topic, message) in enumerate(batch):
            problem = problems.get(topic)
            if problem is not None:
                sending.fail(row, problem)
            else:
                sending.begin(row, message)
        results = sending.results(deadline)
        for (topic, _), result in zip(batch, results, strict=True):
            if isinstance(result.error, ProducerClosed):
                self._forget(topic)
        return results

    def _open(self, topics: set[str], deadline: Deadline) -> dict[str, BrokerError]:
        """Have a producer for each topic; the errors of those that cannot be opened."""
        problems: dict[str, BrokerError] = {}
        for topic in topics & set(self._producers):
            if not self._producers[topic].native.is_connected():
                # the library connects to a deleted topic for ever
                gone = self._gone(topic, deadline)
                if gone is not None:
                    self._forget(topic)
                    problems[topic] = gone
        for topic in topics - set(self._producers) - set(problems):
            try:
                full = self._topics.full(topic)
                # the library would create a missing topic
                numbers = self._topics.partitions(full, deadline.remaining())
                deduplicated = self._deduplicated(full, numbers, deadline)
                self._producers[topic] = self._link.run(
                    lambda full=full, known=deduplicated: self._create(full, known),  # type: ignore[misc]  # the ones of this turn
                    deadline.remaining(),
                    f"publishing to {full}",
                )
            except BrokerError as error:
                problems[topic] = error
        return problems

    def _gone(self, topic: str, deadline: Deadline) -> NotFound | None:
        """Why a topic is not there any more; None when it is, or the broker does not tell."""
        try:
            self._topics.partitions(self._topics.full(topic), min(LOOK_SECONDS, deadline.remaining()))
        except NotFound as error:
            return error
        except BrokerError as error:
            LOGGER.info("%s", error)
        return None

    def _create(self, full: str, deduplicated: bool) -> _Producer:
        native = self._link.client.create_producer(
            full,
            max_pending_messages=PENDING,
            max_pending_messages_across_partitions=5 * PENDING,
            # the broker takes a batch for a repeat when a later one of another key came before it
            batching_enabled=self._link.options.batching and not deduplicated,
            batching_type=pulsar.BatchingType.KeyBased,
            batching_max_publish_delay_ms=BATCH_DELAY_MILLIS,
        )
        return _Producer(safety.watch(native), deduplicated, self._link.options.batching)

    def _deduplicated(self, full: str, numbers: Sequence[int | None], deadline: Deadline) -> bool:
        """Whether the broker stores a repeat only once; False where nobody says."""
        admin = self._topics.admin
        if admin is None:
            return False
        try:
            stats = admin.stats(partition_name(full, numbers[0]), deadline.remaining())
        except BrokerError as error:
            LOGGER.info("whether %s is deduplicated is not known: %s", full, error)
            return False
        return str(stats.get("deduplicationStatus", "")) == DEDUPLICATED

    def _forget(self, topic: str) -> None:
        producer = self._producers.pop(topic, None)
        if producer is not None:
            self._link.begin(lambda: _close(producer.native), "leave")

    def close(self, timeout: float) -> None:
        """Flush and close the producers; what hangs ends with the client."""
        deadline = Deadline(timeout)
        producers = [self._producers.pop(topic).native for topic in list(self._producers)]
        leaving = [self._link.begin(lambda each=each: _leave(each), "leave") for each in producers]  # type: ignore[misc]  # the one of this turn
        for each in leaving:
            with contextlib.suppress(TimeoutError):
                each.result(deadline.remaining())


def _leave(producer: Any) -> None:
    # closed with its client, or its topic was deleted
    with contextlib.suppress(pulsar.PulsarException):
        producer.flush()
    _close(producer)


def _close(producer: Any) -> None:
    with contextlib.suppress(pulsar.PulsarException):
        producer.close()


class ProducerClosed(Unavailable):
    """The library closed the producer, as when its topic is deleted: the next attempt opens another."""


@dataclass(frozen=True, slots=True)
class _Producer:
    """A producer of the library. deduplicated: what it sends once more is stored once.

    batching: it was asked for.
    """

    native: Any
    deduplicated: bool
    batching: bool


class _Sending:
    """One batch on its way. The library calls back from threads of its own.

    producers: of each row, where there is one.
    """

    def __init__(self, producers: Sequence[_Producer | None]) -> None:
        self._producers = producers
        self._results: list[PublishResult | None] = [None] * len(producers)
        self._missing = len(producers)
        self._repeated: set[int] = set()
        self._lock = threading.Lock()
        self._complete = threading.Event()

    def begin(self, row: int, message: OutboundMessage) -> None:
        producer = self._producers[row]
        assert producer is not None

        def done(result: Any, message_id: Any) -> None:
            outcome = _outcome(result, message_id)
            if outcome.ok and outcome.id is None and producer.batching and not producer.deduplicated:
                outcome = PublishResult("unknown", None, TAKEN_FOR_A_REPEAT)
            self._set(row, outcome)

        try:
            encoded = encode(message)
            producer.native.send_async(
                encoded.content,
                done,
                properties=encoded.properties,
                partition_key=encoded.partition_key,
                **encoded.fields,
            )
        except BrokerError as error:
            self.fail(row, error)
        except pulsar.PulsarException as error:
            problem = named(type(error).__name__, "publishing")
            problem.__cause__ = error
            self.fail(row, problem)

    def fail(self, row: int, error: BrokerError) -> None:
        """It was not sent."""
        self._set(row, PublishResult("failed", None, error))

    def _set(self, row: int, result: PublishResult) -> None:
        with self._lock:
            if self._results[row] is None:
                self._results[row] = result
                self._missing -= 1
            complete = not self._missing
        if complete:
            self._complete.set()

    def results(self, deadline: Deadline) -> list[PublishResult]:
        """The outcomes; of what was not confirmed in time it is unknown whether it will be stored."""
        while not self._complete.wait(min(LOOK_AGAIN_SECONDS, deadline.remaining())) and not deadline.passed:
            self._note_lost_connections()
        late = Unavailable(f"the broker did not confirm it within {deadline.seconds:g} s; it may be stored")
        with self._lock:
            return [
                PublishResult("unknown", None, late)
                if result is None
                else replace(result, error=TWICE)
                if result.ok and row in self._repeated
                else result
                for row, result in enumerate(self._results)
            ]

    def _note_lost_connections(self) -> None:
        """Remember what the library will send once more, of which the first may have been stored."""
        for producer in {each for each in self._producers if each is not None and not each.deduplicated}:
            if not producer.native.is_connected():
                with self._lock:
                    self._repeated |= {
                        row
                        for row, each in enumerate(self._producers)
                        if each is producer and self._results[row] is None
                    }


def _outcome(result: Any, message_id: Any) -> PublishResult:
    if result == pulsar.Result.Ok:
        # of a repeat that the broker did not store once more there is no id
        return PublishResult("confirmed", id_text(message_id) if message_id.ledger_id() >= 0 else None)
    name = result_name(result)
    if name == CLOSED:
        return PublishResult("failed", None, ProducerClosed("the producer was closed before this was sent"))
    problem = named(name, "publishing")
    return PublishResult("failed" if name in SURELY_NOT_STORED else "unknown", None, problem)
