"""Publishing: all messages of a batch under way together, in order, with an outcome for each."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from typing import Any

import pulsar

from brokerkit.core.cancellation import Deadline
from brokerkit.core.driver import PublisherDriver
from brokerkit.core.errors import BrokerError, NotFound, Unavailable
from brokerkit.core.messages import OutboundMessage, PublishResult

from . import safety
from .errors import SURELY_NOT_STORED, named, result_name
from .log import LOGGER
from .outbound import encode
from .positions import id_text
from .topics import Topics

PENDING = 20_000
"""How many messages may be under way to a topic; more than a batch of the portable half has."""
BATCH_DELAY_MILLIS = 5
LOOK_SECONDS = 2.0
CLOSED = "AlreadyClosed"


class PulsarPublisher(PublisherDriver):
    """One producer of the library for each topic."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._link = topics.link
        self._producers: dict[str, Any] = {}

    def send(self, batch: Sequence[tuple[str, OutboundMessage]], timeout: float) -> list[PublishResult]:
        deadline = Deadline(timeout)
        problems = self._open({topic for topic, _ in batch}, deadline)
        sending = _Sending(len(batch))
        for row, (topic, message) in enumerate(batch):
            problem = problems.get(topic)
            if problem is not None:
                sending.fail(row, problem)
            else:
                sending.begin(row, self._producers[topic], message)
        results = sending.results(deadline)
        for (topic, _), result in zip(batch, results, strict=True):
            if isinstance(result.error, ProducerClosed):
                self._forget(topic)
        return results

    def _open(self, topics: set[str], deadline: Deadline) -> dict[str, BrokerError]:
        """Have a producer for each topic; the errors of those that cannot be opened."""
        problems: dict[str, BrokerError] = {}
        for topic in topics & set(self._producers):
            if not self._producers[topic].is_connected():
                # the library connects to a deleted topic for ever
                gone = self._gone(topic, deadline)
                if gone is not None:
                    self._forget(topic)
                    problems[topic] = gone
        for topic in topics - set(self._producers) - set(problems):
            try:
                full = self._topics.full(topic)
                # the library would create a missing topic
                self._topics.partitions(full, deadline.remaining())
                self._producers[topic] = self._link.run(
                    lambda full=full: self._create(full),  # type: ignore[misc]  # the one of this turn
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

    def _create(self, full: str) -> Any:
        return safety.watch(
            self._link.client.create_producer(
                full,
                max_pending_messages=PENDING,
                max_pending_messages_across_partitions=5 * PENDING,
                batching_enabled=self._link.options.batching,
                batching_type=pulsar.BatchingType.KeyBased,
                batching_max_publish_delay_ms=BATCH_DELAY_MILLIS,
            )
        )

    def _forget(self, topic: str) -> None:
        producer = self._producers.pop(topic, None)
        if producer is not None:
            self._link.begin(lambda: _close(producer), "leave")

    def close(self, timeout: float) -> None:
        """Flush and close the producers; what hangs ends with the client."""
        deadline = Deadline(timeout)
        producers = [self._producers.pop(topic) for topic in list(self._producers)]
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


class _Sending:
    """One batch on its way. The library calls back from threads of its own."""

    def __init__(self, length: int) -> None:
        self._results: list[PublishResult | None] = [None] * length
        self._missing = length
        self._lock = threading.Lock()
        self._complete = threading.Event()

    def begin(self, row: int, producer: Any, message: OutboundMessage) -> None:
        def done(result: Any, message_id: Any) -> None:
            self._set(row, _outcome(result, message_id))

        try:
            encoded = encode(message)
            producer.send_async(
                encoded.content, done, properties=encoded.properties, partition_key=encoded.partition_key
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
        self._complete.wait(deadline.remaining())
        late = Unavailable(f"the broker did not confirm it within {deadline.seconds:g} s; it may be stored")
        with self._lock:
            return [result or PublishResult("unknown", None, late) for result in self._results]


def _outcome(result: Any, message_id: Any) -> PublishResult:
    if result == pulsar.Result.Ok:
        return PublishResult("confirmed", id_text(message_id))
    name = result_name(result)
    if name == CLOSED:
        return PublishResult("failed", None, ProducerClosed("the producer was closed before this was sent"))
    problem = named(name, "publishing")
    return PublishResult("failed" if name in SURELY_NOT_STORED else "unknown", None, problem)
