"""The contract for drivers: the few things that only a backend knows.

Everything that two drivers would both have to write is in the portable half (``brokerkit.core.runtime``).
These rules hold for every method, unless its docstring says otherwise.

Threads
    Each driver object has one daemon thread, and only that thread calls it, one call at a time. The thread
    of a connection calls the `Driver` and makes the other drivers, in `Driver.consumer`, `Driver.publisher`,
    `Driver.reader`, `Driver.inspector`, `Driver.subscriptions`, `Driver.purging` and `Driver.dead_letters`.
    Each of these then has a thread of its own. A method that any thread may call says so.

Blocking
    A call that takes `wait` or `timeout` returns after that many seconds at most. Any other call should
    return within 0.2 s, because settling waits behind it. A call that overruns is not interrupted: the
    caller is told that the broker did not answer, and the thread stays busy until the call returns.

Errors
    A method may raise whatever its client library raises: `Driver.translate` makes a `BrokerError` of it.
    A `BrokerError` passes as it is, and a TimeoutError becomes `Unavailable`.

Retries
    A call is made once. Where the portable half repeats it after a `retryable` error, the method says so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from ..vocabulary.capabilities import NOT_OFFERED, Capabilities
from ..vocabulary.errors import BrokerError, NotSupported
from .consumer import (
    ConsumerDriver,
    ConsumerRequest,
    SubscriptionRequest,
)
from .dead_letters import DeadLettersDriver
from .error_table import PLAIN
from .inspector import InspectorDriver, ReaderDriver
from .publisher import PublisherDriver
from .purging import PurgingDriver
from .subscriptions import SubscriptionsDriver


class Driver(ABC):
    """An open connection of one backend.

    Made by `Backend.open`. The thread of the connection makes every call except `translate` and `native`,
    `close` last. Errors are raised to the caller, and nothing is repeated. That thread is shared: a call
    that blocks delays all others, so `consumer`, `publisher`, `reader`, `inspector`, `subscriptions` and
    `purging` should only make the object and leave the work to its own thread. The caller waits for them
    for 30 s at most.
    """

    capabilities: Capabilities
    """The capabilities of this connection. They are read when it is open, and must not change afterwards."""

    @abstractmethod
    def ping(self, timeout: float) -> None:
        """Make one round trip to the broker.

        Also called right after `Backend.open`. If it raises then, `close` is called.
        """

    def translate(self, error: BaseException) -> BrokerError:
        """Return an exception of the client library as a `BrokerError` with a text that says what to do.

        Declare an `ErrorTable` for it. By default the error is plain, and names the type of the exception.

        May be called by any thread, also by several at once. It must not block. If it raises, a plain
        `BrokerError` with the text of `error` takes its place. Not called for a `BrokerError` or a
        TimeoutError. The portable half sets ``__cause__`` and masks secrets.
        """
        return PLAIN.translate(error)

    @abstractmethod
    def consumer(self, request: ConsumerRequest) -> ConsumerDriver:
        """Return a consumer that is not attached yet: a `MessageDriver` or `RecordDriver`, by the model.

        Raises:
            ConfigError: An option is unknown or cannot be used.
        """
        ...

    @abstractmethod
    def publisher(self, *, transactional_id: str | None = None) -> PublisherDriver:
        """Return a publisher.

        Args:
            transactional_id: Given only where `Capabilities.transactions` is true.
        """

    def inspector(self) -> InspectorDriver:
        """Return the inspector of the connection. Called on first use, and again only if it raised."""
        raise NotSupported("this system cannot be browsed without side effects")

    def reader(self) -> ReaderDriver:
        """Return a reader. Called when a slice is to be read and all readers are in use."""
        raise NotSupported("this system cannot be read without side effects")

    def create_topic(self, topic: str, *, options: Mapping[str, Any], timeout: float) -> None:
        """Create a topic. The caller waits for a second longer than `timeout`.

        Raises:
            AlreadyExists: There is a topic of that name.
            ConfigError: An option is unknown or cannot be used.
        """
        raise NotSupported("topics of this system cannot be created from here")

    def delete_topic(self, topic: str, *, timeout: float) -> None:
        """Delete a topic with all its messages. The caller waits for a second longer than `timeout`.

        Raises:
            NotFound: The topic does not exist.
        """
        raise NotSupported("topics of this system cannot be deleted from here")

    def create_subscription(self, request: SubscriptionRequest, *, timeout: float) -> None:
        """Create a durable subscription. The caller waits for a second longer than `timeout`.

        Raises:
            NotFound: The topic does not exist.
            AlreadyExists: There is a subscription of that name.
            ConfigError: An option is unknown or cannot be used.
        """
        raise NotSupported("subscriptions of this system cannot be created from here")

    def subscriptions(self) -> SubscriptionsDriver:
        """Return the driver of subscriptions. Called on first use, and again only if it raised.

        Offered where `Capabilities.lacks` does not name every verb.
        """
        raise NotSupported(NOT_OFFERED["subscriptions"])

    def purging(self) -> PurgingDriver:
        """Return the driver that removes messages. Called on first use, and again only if it raised.

        Offered where `Capabilities.lacks` does not name "purge".
        """
        raise NotSupported(NOT_OFFERED["purge"])

    def dead_letters(self) -> DeadLettersDriver:
        """Return the driver of dead letters. Called on first use, and again only if it raised.

        Offered where `Capabilities.lacks` does not name every verb about them.
        """
        raise NotSupported(NOT_OFFERED["dead_letters"])

    @property
    def native(self) -> Any:
        """The client library's own object, for what only this system has. Read by any thread."""
        return None

    def close(self, timeout: float) -> None:
        """Disconnect.

        The last call, made once, after the other drivers of the connection were closed, or have taken three
        quarters of the time: one that hangs may still be in use. It must not raise, because that would
        hide the error of an opening that failed.
        """
        return
