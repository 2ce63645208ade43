"""Publish all messages of a batch concurrently, in order, with an outcome for each."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import pulsar
from pulsar.schema import BytesSchema

from brokerkit.core.contract.forked import keep_in_child
from brokerkit.core.contract.publisher import PublisherDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, Unauthorized, Unavailable
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.outbound_rows import OutboundRows, TopicRows
from brokerkit.core.vocabulary.outcomes import Outcomes
from brokerkit.core.vocabulary.results import PublishResult

from .carried_schemas import CarriedSchemas
from .codec import schema_named
from .log import log
from .names import partition_name
from .sending import Producer, ProducerClosed, Sending
from .size_limits import SizeLimits
from .topics import Topics

PENDING = 20_000
"""How many messages may be pending for a topic. This is more than a batch of the portable half has."""
MOST_MESSAGES = PENDING // 2
BATCH_DELAY_MILLIS = 5
SEQUENCE_BASE = 1
"""Without one the library numbers messages twice if it reconnects before the first confirmation.

A broker that deduplicates then confirms the second of them and drops it.
"""
LARGE_BYTES = 128 * 1024
"""Larger messages are not put into batches, which cannot be cut into chunks and fail as a whole."""
DEDUPLICATED = "Enabled"
NOT_SENT = Unavailable("it was not sent: the messages before it were not confirmed in time")
ANOTHER_BROKER = "since the rows do not say that they come from these brokers"


class Route(NamedTuple):
    """A topic and the name of the schema with which messages are published there, "" without one."""

    topic: str
    schema: str


class PulsarPublisher(PublisherDriver):
    """A publisher with a producer for each topic and schema.

    There is another for large messages if the first one batches.
    """

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._connection = topics.connection
        self._schemas = CarriedSchemas(topics.rest)
        self._limits = SizeLimits(topics)
        self._refused: dict[Route, str] = {}
        self._producers: dict[Route, Producer] = {}
        self._large: dict[Route, Producer] = {}

    most_messages = MOST_MESSAGES

    def send(self, batch: Sequence[tuple[str, OutboundMessage]], timeout: float) -> Sequence[PublishResult]:
        deadline = Deadline(timeout)
        if isinstance(batch, TopicRows) and _plain(batch.rows):
            route = Route(batch.topic, "")
            ways: list[tuple[Route, str | None]] = [(route, None)] * len(batch)
            problem = self._open({route}, deadline).get(route)
            if problem is not None:
                failed = PublishResult("failed", None, problem)
                return Outcomes([None] * len(batch), dict.fromkeys(range(len(batch)), failed))
            if self._limits.of(batch.topic, deadline) is None:
                sending = Sending([self._producers[route]] * len(batch))
                sending.begin_all(batch.rows.data, batch.rows.keys)
                return self._known(ways, sending.outcomes(deadline))
        batch = [*batch]
        ways = self._ways(batch, deadline)
        routes = {route for route, _ in ways}
        problems = self._open(routes, deadline)
        large = [_large(message) for _, message in batch]
        wide = {route for (route, _), is_large in zip(ways, large, strict=True) if is_large}
        problems |= self._open_large(wide - set(problems), deadline)
        usual = {route: self._producers.get(route) for route in routes}
        others = {route: self._large.get(route, usual[route]) for route in wide}
        producers = [
            others[route] if is_large else usual[route]
            for (route, _), is_large in zip(ways, large, strict=True)
        ]
        sending = Sending(producers)
        open_topics = {route.topic for route, _ in ways if route not in problems}
        limits = {each: self._limits.of(each, deadline) for each in open_topics}
        latest: dict[str, Producer | None] = {}
        for row, (topic, message) in enumerate(batch):
            route, unset = ways[row]
            problem = problems.get(route)
            if problem is None and latest.get(topic, producers[row]) is not producers[row]:
                # the messages of two producers may overtake each other
                problem = None if sending.arrived(deadline) else NOT_SENT
            if problem is not None:
                sending.fail(row, problem)
            else:
                latest[topic] = producers[row]
                sending.begin(row, message, unset, limits[topic])
        return self._known(ways, sending.outcomes(deadline))

    def _known(self, ways: Sequence[tuple[Route, str | None]], outcomes: Outcomes) -> Outcomes:
        """Return outcomes, after what was open and believed is given up where they say so."""
        for row, result in outcomes.others.items():
            route, _ = ways[row]
            if isinstance(result.error, ProducerClosed):
                self._forget(route)
            if result.status == "unknown":
                self._limits.forget(route.topic)
        return outcomes

    def _ways(
        self, batch: Sequence[tuple[str, OutboundMessage]], deadline: Deadline
    ) -> list[tuple[Route, str | None]]:
        """Return where each message goes, and why without the schema that it names."""
        plain = {topic: (Route(topic, ""), None) for topic in {topic for topic, _ in batch}}
        named = [row for row, (_, message) in enumerate(batch) if message.attributes]
        self._try([self._route(*batch[row], deadline)[0] for row in named], deadline)
        ways: list[tuple[Route, str | None]] = [plain[topic] for topic, _ in batch]
        for row in named:
            ways[row] = self._route(*batch[row], deadline)
        return ways

    def _route(self, topic: str, message: OutboundMessage, deadline: Deadline) -> tuple[Route, str | None]:
        """Return where a message goes, and why without the schema that it names."""
        name = schema_named(message)
        if name is None:
            return Route(topic, ""), None
        route = Route(topic, name)
        found = self._schemas.of(name, deadline)
        reason = ANOTHER_BROKER if message.elsewhere else self._refused.get(route)
        reason = found if reason is None and isinstance(found, str) else reason
        return (route, None) if reason is None else (Route(topic, ""), reason)

    def _try(self, routes: Iterable[Route], deadline: Deadline) -> None:
        """Open the producers with a schema, in this order, which is that of new versions.

        Note the schemas that a topic does not allow.
        """
        for route in dict.fromkeys(each for each in routes if each.schema and each not in self._producers):
            problem = self._open({route}, deadline).get(route)
            if isinstance(problem, ConfigError | Unauthorized):
                self._refused[route] = f"which the topic does not take: {problem!s:.200}"

    def _open_large(self, routes: set[Route], deadline: Deadline) -> dict[Route, BrokerError]:
        """Open a producer for large messages wherever the usual one makes batches. Return the errors."""
        problems: dict[Route, BrokerError] = {}
        for route in routes - set(self._large):
            usual = self._producers[route]
            if not usual.batching or usual.deduplicated or not self._connection.options.chunking:
                continue
            full = self._topics.full(route.topic)
            try:
                self._large[route] = self._connection.call(
                    partial(self._create, full, False, self._schema(route, deadline), batching=False),
                    deadline.remaining(),
                    f"publishing to {full}",
                )
            except BrokerError as error:
                problems[route] = error
        return problems

    def _open(self, routes: set[Route], deadline: Deadline) -> dict[Route, BrokerError]:
        """Open a producer for each route, and return the errors of those that cannot be opened."""
        problems: dict[Route, BrokerError] = {}
        for route in routes & set(self._producers):
            if self._producers[route].batching and self._limits.of(route.topic, deadline) is not None:
                # it was opened before the limit was known
                self._forget(route)
            elif (
                # the library tries forever to connect to a deleted topic
                not self._producers[route].native.is_connected()
                and (gone := self._topics.gone(route.topic, deadline)) is not None
            ):
                self._forget(route)
                problems[route] = gone
        for route in routes - set(self._producers) - set(problems):
            try:
                full = self._topics.full(route.topic)
                # the library would create a missing topic
                numbers = self._topics.partitions(full, deadline.remaining())
                deduplicated = self._deduplicated(full, numbers, deadline)
                # the policy is applied to a batch as to one message
                batching = self._limits.of(route.topic, deadline) is None
                self._producers[route] = self._connection.call(
                    partial(
                        self._create, full, deduplicated, self._schema(route, deadline), batching=batching
                    ),
                    deadline.remaining(),
                    f"publishing to {full}",
                )
            except BrokerError as error:
                problems[route] = error
        return problems

    def _schema(self, route: Route, deadline: Deadline) -> Any:
        return self._schemas.of(route.schema, deadline) if route.schema else BytesSchema()

    def _create(self, full: str, deduplicated: bool, schema: Any, *, batching: bool) -> Producer:
        # the broker mistakes a batch for a repeat if a later one of another key came before it
        batching = batching and self._connection.options.batching and not deduplicated
        chunking = self._connection.options.chunking and not batching
        native = self._connection.client.create_producer(
            full,
            schema=schema,
            initial_sequence_id=SEQUENCE_BASE,
            max_pending_messages=PENDING,
            max_pending_messages_across_partitions=5 * PENDING,
            batching_enabled=batching,
            chunking_enabled=chunking,
            batching_type=pulsar.BatchingType.KeyBased,
            batching_max_publish_delay_ms=BATCH_DELAY_MILLIS,
        )
        return Producer(keep_in_child(native), deduplicated, batching, chunking, full)

    def _deduplicated(self, full: str, numbers: Sequence[int | None], deadline: Deadline) -> bool:
        """Return whether the broker stores a repeated message only once; False if that is not known."""
        rest = self._topics.rest
        if rest is None:
            return False
        try:
            stats = rest.stats(partition_name(full, numbers[0]), deadline.remaining())
        except BrokerError as error:
            log.info("whether %s is deduplicated is unknown: %s", full, error)
            return False
        return str(stats.get("deduplicationStatus", "")) == DEDUPLICATED

    def _forget(self, route: Route) -> None:
        for producers in (self._producers, self._large):
            if (producer := producers.pop(route, None)) is not None:
                self._connection.submit(partial(_close, producer.native), "leave")

    def close(self, timeout: float) -> None:
        """Flush and close the producers. Those that hang end with the client."""
        deadline = Deadline(timeout)
        producers = [each.native for each in (*self._producers.values(), *self._large.values())]
        self._producers.clear()
        self._large.clear()
        leaving = [self._connection.submit(partial(_leave, each), "leave") for each in producers]
        for each in leaving:
            with contextlib.suppress(TimeoutError):
                each.result(deadline.remaining())


def _plain(rows: OutboundRows) -> bool:
    """Return whether messages have nothing that needs a look at each: no attributes and no large payload."""
    return rows.attributes is None and max(map(len, filter(None, rows.data)), default=0) <= LARGE_BYTES


def _large(message: OutboundMessage) -> bool:
    size = len(message.data or b"")
    if message.attributes:
        size += sum(len(name) + len(str(value)) for name, value in message.attributes)
    return size > LARGE_BYTES


def _leave(producer: Any) -> None:
    # it was closed with its client, or its topic was deleted
    with contextlib.suppress(pulsar.PulsarException):
        producer.flush()
    _close(producer)


def _close(producer: Any) -> None:
    with contextlib.suppress(pulsar.PulsarException):
        producer.close()
