"""The part that consumers of messages and of records share: attaching, fetching and leaving."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future
from typing import Any

import pulsar

from brokerkit.core.contract.background import ended
from brokerkit.core.contract.consumer import Backlog, ConsumerRequest, SubscriptionNotFound
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import Closed, Unavailable
from brokerkit.core.vocabulary.positions import Position

from .admin import Subscriptions
from .backlog import SubscriptionBacklog
from .connection import leave
from .errors import translate
from .interrupted import forget_consumers_that_left
from .prefetching import fitting
from .schemas import TopicSchemas, version_of
from .subscription_options import SubscriptionOptions
from .topics import Topics

OPEN_SECONDS = 15.0
CLOSE_SECONDS = 5.0
ANSWER_SECONDS = 5.0
"""How long the REST endpoint may take to answer one question."""
REACH_SECONDS = 5.0
"""How long a broker may take to answer after acknowledgements were passed to the client."""
FAILOVER_SECONDS = 1.2
"""How long the broker delays the first message of the chosen consumer of a failover subscription."""
ARRIVAL_MILLIS = 50
"""How long a message from the broker may take to pass through the client."""
FETCH_BYTES = 32_000_000
"""A fetch ends at about so many bytes; what else is ready is for the next."""
SLICE_MILLIS = 40
"""How long one attempt to receive takes, so that acknowledgements do not wait behind it."""


class SubscriptionClient:
    """A consumer of the library, opened in the background and opened again after it was closed.

    Attributes:
        options: How it subscribes.
        topic: The full name of the topic.
        schemas: The schemas of the messages that were fetched.
    """

    def __init__(self, topics: Topics, subscriptions: Subscriptions, request: ConsumerRequest) -> None:
        self.options = SubscriptionOptions(topics.connection, request.model, request.options)
        self.topic = topics.full(request.topic)
        self._subscriptions = subscriptions
        self._backlog = SubscriptionBacklog(topics, self.topic, request.subscription or "")
        self.schemas = TopicSchemas(topics.rest, self.topic)
        self._topics = topics
        self._connection = topics.connection
        self._request = request
        self._opening: Future[Any] | None = None
        self._consumer: Any = None
        self._begun = Deadline(0.0)
        self._early: list[Any] = []
        self._closed = False
        self._created = False
        self._woken = threading.Event()

    @property
    def open(self) -> bool:
        """Whether the library's consumer is open."""
        return self._consumer is not None

    def attach(self, wait: float) -> bool:
        """Return whether the consumer is open within `wait` seconds."""
        if self._consumer is None and not self._opened(wait):
            return False
        return self._flowing(wait)

    def _opened(self, wait: float) -> bool:
        if self._opening is None:
            self._opening = self._connection.submit(self._subscribe, f"subscribe {self.topic}")
        if not ended(self._opening, wait):
            return False
        opening, self._opening = self._opening, None
        try:
            self._consumer = opening.result()
        except Exception as error:
            raise translate(error, f"consuming {self.topic}") from error
        self._begun = Deadline(FAILOVER_SECONDS if self.options.type == "failover" else 0.0)
        return True

    def _flowing(self, wait: float) -> bool:
        """Return whether messages flow by now: the first one is here, or would be."""
        if not self._early and not self._begun.passed:
            with contextlib.suppress(pulsar.Timeout):
                millis = int(1000 * min(wait, self._begun.remaining()))
                self._early.append(self._consumer.receive(timeout_millis=millis))
        return bool(self._early) or self._begun.passed

    def _subscribe(self) -> Any:
        request, name = self._request, self._request.subscription or ""
        if self._topics.rest is None and request.start is not None and not self._created:
            raise SubscriptionNotFound(f"{self.topic!r} may have no subscription {name!r}", self.topic, name)
        self._subscriptions.find(self.topic, name, OPEN_SECONDS)
        self.schemas = TopicSchemas(self._topics.rest, self.topic)
        if self.options.type == "shared" and self._topics.rest is not None:
            forget_consumers_that_left(self._topics, self.topic, name, OPEN_SECONDS)
        prefetch = self.options.prefetch
        if prefetch is None:
            prefetch = fitting(self._topics, self.topic, OPEN_SECONDS)
        consumer = self.options.subscribe(self._connection, self.topic, name, prefetch)
        if self._closed:
            leave(consumer)
            raise Closed("the consumer was closed while it was opened")
        return consumer

    def create_subscription(self, start: Position, timeout: float) -> None:
        """Create the subscription where it is missing."""
        name = self._request.subscription or ""
        self._subscriptions.complete(self.topic, name, start, self.options, timeout)
        self._created = True

    def fetch(self, limit: int, wait: float) -> list[Any]:
        """Return the messages that are here, or else the first to arrive within `wait`."""
        self._woken.clear()
        if not self.attach(wait):
            return []
        consumer, deadline = self._consumer, Deadline(wait)
        messages, self._early = self._early, []
        size = 0
        while len(messages) < limit and size < FETCH_BYTES:
            millis = 0 if messages else min(SLICE_MILLIS, int(1000 * deadline.remaining()))
            try:
                messages.append(consumer.receive(timeout_millis=millis))
                size += len(messages[-1].data())
            except pulsar.Timeout:
                if messages or deadline.passed or self._woken.is_set():
                    break
        if not messages:
            self.check_connected()
        try:
            self.schemas.learn([*map(version_of, messages)], ANSWER_SECONDS)
        except BaseException:
            # the next call returns what the library returned
            self._early = messages
            raise
        return messages

    def check_connected(self) -> None:
        """Raise Unavailable if the connection is lost, or the consumer is being opened again."""
        if self._consumer is None:
            raise Unavailable(f"the consumer of {self.topic} is not open yet")
        if not self._consumer.is_connected():
            raise Unavailable(f"the connection to the broker of {self.topic} is lost; the client reconnects")

    def confirm_reachable(self) -> None:
        """Raise Unavailable unless the broker answers after the last acknowledgements."""
        self.check_connected()
        self._connection.partitions(self.topic, REACH_SECONDS)
        self.check_connected()

    def backlog(self, mark: Any) -> Backlog | None:
        """Return the backlog as `ConsumerDriver.backlog` does.

        Waits for messages that the broker has already sent.
        """
        self.check_connected()
        found = self._backlog.look(mark, self._consumer.consumer_name(), not self.options.counts)
        # its answer comes on the connection of the messages, behind those that were sent before
        self.confirm_reachable()
        if found is not None and not found.left and self._arrived():
            return Backlog(found.mark, True)
        return found

    def _arrived(self) -> bool:
        """Return whether a message is here, which the next `fetch` returns."""
        with contextlib.suppress(pulsar.Timeout):
            self._early.append(self._consumer.receive(timeout_millis=ARRIVAL_MILLIS))
        return bool(self._early)

    @property
    def native(self) -> Any:
        """The library's consumer. Raises Closed if it is not open."""
        if self._consumer is None:
            raise Closed(f"the consumer of {self.topic} is not open")
        return self._consumer

    def wake(self) -> None:
        """Make a waiting `fetch` return early."""
        self._woken.set()

    def let_go(self, timeout: float = CLOSE_SECONDS) -> None:
        """Close the library's consumer. All messages that are not acknowledged are redelivered at once."""
        consumer, self._consumer = self._consumer, None
        self._early.clear()
        if consumer is not None:
            # a call that hangs continues in the background, and ends with the client
            with contextlib.suppress(TimeoutError):
                self._connection.submit(lambda: leave(consumer), "leave").result(timeout)

    def close(self, timeout: float) -> None:
        """Close for good. The subscription stays."""
        self._closed = True
        with contextlib.suppress(Closed):
            self.let_go(timeout)
