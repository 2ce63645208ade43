"""The contract for drivers: the few things that only a backend knows.

Everything that two drivers would both have to write is in the portable half (``brokerkit.core.runtime``).
These rules hold for every method, unless its docstring says otherwise.

Threads
    Each driver object has one daemon thread, and only that thread calls it, one call at a time. The thread
    of a connection calls the `Driver` and makes the other drivers, in `Driver.consumer`, `Driver.publisher`,
    `Driver.reader` and `Driver.inspector`. Each of these then has a thread of its own. A method that any
    thread may call says so.

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

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ..vocabulary.capabilities import Capabilities, Model
from ..vocabulary.columns import Columns
from ..vocabulary.errors import BrokerError, NotFound, NotSupported
from ..vocabulary.messages import OutboundMessage
from ..vocabulary.positions import Position
from ..vocabulary.results import PublishResult
from ..vocabulary.topics import Bounds, PublishTerms, Slice, TopicDescription, TopicInfo
from ..vocabulary.windows import TimeOrder
from .error_table import PLAIN

Partition = tuple[str, int]
"""A (topic, partition) pair."""


class SubscriptionNotFound(NotFound):
    """The topic exists, but not the subscription. Callers get a NotFound with the line that creates it.

    Args:
        text: what is missing.
        topic: the name of the topic for `Driver.create_subscription`.
        subscription: the name of the subscription for it.
    """

    def __init__(self, text: str, topic: str, subscription: str) -> None:
        super().__init__(text)
        self.topic = topic
        self.subscription = subscription


class Outcome(Enum):
    """How a message is settled."""

    ACK = "ack"
    NACK = "nack"
    REJECT = "reject"


@dataclass(slots=True)
class Fetched:
    """The messages of one fetch.

    Attributes:
        columns: the messages, one per row.
        receipts: one per row on the message model, to settle the message with; empty on the record model.
            Only the driver knows what is in a receipt.
    """

    columns: Columns
    receipts: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Backlog:
    """The messages that there were when a consumer was first asked, and whether all have come.

    Attributes:
        mark: where those messages end. Passed back with the next question.
        left: whether some of them are still to come to this consumer.
        withheld: whether the broker sends no more of them until some that it sent are settled.
    """

    mark: Any
    left: bool
    withheld: bool = False


@dataclass(frozen=True)
class ConsumerRequest:
    """A request for a consumer.

    Attributes:
        topic: the topic to read.
        subscription: its durable name, where the system has one.
        model: what the consumer yields. Only a model that the system has.
        start: where a subscription begins that does not exist yet. None if it must exist.
        options: options by the names that the backend documents, not checked yet.
        batch_size: about how many messages are wanted at once. None if that is not known.
    """

    topic: str
    subscription: str | None
    model: Model
    start: Position | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int | None = None


@dataclass(frozen=True)
class SubscriptionRequest:
    """A request to create a subscription.

    Attributes:
        topic: the topic that it reads.
        subscription: its durable name.
        model: what its consumers yield. Only a model that the system has.
        start: where it begins.
        options: options by the names that the backend documents, not checked yet.
    """

    topic: str
    subscription: str
    model: Model
    start: Position
    options: Mapping[str, Any] = field(default_factory=dict)


class ConsumerDriver(ABC):
    """A consumer of one subscription.

    Made by `Driver.consumer`. The thread of the consumer makes every call except `wake`, in this order:
    `attach` until it returns true, then the other methods, and `close` last. `attach` and `fetch` are called
    only while a caller waits for messages.
    """

    lock_seconds: float | None = None
    """Seconds for which the broker reserves a message without `extend`. None where there are no locks."""

    @abstractmethod
    def attach(self, wait: float) -> bool:
        """Do a step of attaching. Return true once messages can flow.

        Called again at once while it returns false and a caller waits, for ``connect_timeout=`` seconds
        in all; then the caller gets `Unavailable`. The next caller goes on from the state that is left.
        Not called any more after it returned true. Attaching creates nothing: where the subscription does
        not exist and the request has a `start`, the portable half calls `create_subscription` and then
        `attach` again.

        A retryable error is not shown: the step is repeated 0.2 s later, within the same time. Any other
        error is raised to the caller, and the next caller tries again.

        Args:
            wait: seconds that the step may take, 0.2 at most.

        Raises:
            NotFound: the topic does not exist.
            SubscriptionNotFound: the topic exists, but not the subscription.
        """

    def create_subscription(self, start: Position, timeout: float) -> None:
        """Create the subscription of the request, with those of the request's options that are for this.

        Called after `attach` raised `SubscriptionNotFound`, if the request has a `start`. After a retryable
        error `attach` is called again. If another client is faster, it may raise `AlreadyExists`, which is
        shown only if the subscription is still not found.

        Args:
            start: where the subscription begins.
            timeout: seconds that the call may take, 0.1 at least.
        """
        raise NotSupported("subscriptions of this system cannot be created from here")

    @abstractmethod
    def fetch(self, max_messages: int, wait: float) -> Fetched:
        """Return what is there now, else the first messages that come within `wait` seconds.

        Called again and again, only while a caller waits for messages. The result may be empty, and
        may have more than `max_messages` rows: the rest is kept for the next caller.

        A retryable error is not shown: the fetch is repeated 0.2 s later, and the error is raised if it
        lasts until the caller's timeout. Any other error is raised to the caller at once, and the next
        caller tries again. Messages that the call had taken before it raised must come with a later one.

        Args:
            max_messages: how many messages callers still need, 1 at least.
            wait: seconds that the call may wait for the first message, from 0 to 0.2. Settling waits
                behind it.
        """

    def backlog(self, mark: Any) -> Backlog | None:
        """Tell whether messages that were there are still to come. Return None where that is not known.

        Called only after attaching, when no message came for a while, to tell a slow broker from an
        empty subscription. It should raise when the broker does not answer within two seconds; the
        caller waits for three at most.

        After a retryable error, or no answer in time, the caller waits for messages again and then asks
        again, until nothing came for 30 s. Any other error is raised to the caller.

        Args:
            mark: `Backlog.mark` of the answer before. None the first time: it is then about the messages
                that are there now.
        """
        return None

    def wake(self) -> None:
        """Make a waiting `fetch` return early, because something is to be settled or closed.

        May be called by any thread at any time, also before `attach`, while another method runs, and
        after `close`. It must not block or raise.
        """
        return

    def idle(self) -> None:
        """Keep the connection alive; do not prefetch.

        Called about twice a second after attaching, while no caller waits for more messages than there
        are. After an error it is called again at its next turn. An error that is not retryable is also
        raised to the next caller.
        """
        return

    def close(self, timeout: float) -> None:
        """Leave the subscription. Delete nothing durable and commit nothing.

        The last call, made once, also when attaching failed or never began. On the message model all
        that was not settled was returned before, by `MessageDriver.settle`. What it raises is ignored.

        Args:
            timeout: seconds that it may take, 0.1 at least. The caller waits no longer than that, and is
                then warned.
        """
        return


class MessageDriver(ConsumerDriver):
    """A consumer of messages that are settled one by one."""

    @abstractmethod
    def settle(
        self, receipts: Sequence[Any], outcome: Outcome, *, delay: float | None, reason: str | None
    ) -> list[BaseException | None]:
        """Settle messages. Return an error or None for each receipt, in order.

        Where the system can confirm it, return after the confirmation. It may block; the caller waits for
        30 s and then gets `Unavailable`, while the call goes on. Nothing is repeated. An error of one
        receipt, and one that is raised, for all of them, reaches the caller as `AckFailed`; a
        `NotSupported` that is raised stays one. `LockLost` for a receipt says that the message is lost
        to this consumer.

        Also called to return messages: those held for longer than ``hold=``, where a call that raises may be
        repeated 0.2 s later, and all that is not settled before `close`, where errors are ignored.

        Args:
            receipts: at least one, none of which was settled successfully before. They may come from
                several fetches.
            outcome: REJECT only where `Capabilities.reject` is true.
            delay: seconds before a NACK takes effect. Given only where `Capabilities.nack_delay` is true.
            reason: why the messages are rejected, or None.
        """

    def extend(self, receipts: Sequence[Any]) -> list[BaseException | None]:
        """Keep the locks of messages for another `lock_seconds`. Return an error or None for each receipt.

        Called a third of `lock_seconds` after the fetch and after each extension, for all messages of the
        fetch that are not settled, until ``hold=`` has passed. Called only where `lock_seconds` is set and
        `Capabilities.lock_extension` is true.

        After a retryable error of one receipt all of the fetch are extended again a twentieth of
        `lock_seconds` later. Any other error of a receipt says that the lock is lost. After an error that is
        raised the call is repeated 0.2 s later; if it is not retryable, the next caller gets it too.
        """
        return [None] * len(receipts)


class RecordDriver(ConsumerDriver):
    """A consumer of the records of a log, settled by one position per partition."""

    on_lost: Callable[[Collection[Partition]], None]
    """The function to call when partitions were taken away from this consumer.

    Set by the portable half before the first call. Call it on the consumer's thread only, from inside
    `attach`, `fetch` or `idle`. Unacknowledged records of these partitions are then stale, and those that
    no caller received yet are dropped.
    """

    @abstractmethod
    def commit(self, positions: Mapping[Partition, int]) -> Mapping[Partition, BaseException | None]:
        """Commit a position for each partition. Return the errors by partition.

        A partition that is missing in the result, or None there, is committed: return after the broker
        confirmed it. It may block; the caller waits for 30 s and then gets `Unavailable`, while the call
        goes on. Nothing is repeated. An error of one partition, and one that is raised, for all of them,
        reaches the caller as `AckFailed`.

        Args:
            positions: the next offset to be read of each partition, as `next_offset` returned it: at
                least one, each after the last that this consumer committed, and none of a partition
                that was taken away.
        """

    @abstractmethod
    def seek(self, positions: Mapping[Partition, int]) -> None:
        """Fetch from these offsets next, without anything that was prefetched.

        Called when records were returned by `nack`, and when they were held for longer than ``hold=``. If it
        raises, no receipt becomes stale: `nack` reports the error as `AckFailed`. For the other reason the
        call is repeated 0.2 s later, and an error that is not retryable also reaches the next caller.
        """

    def next_offset(self, offset: int) -> int:
        """Return the position to be committed once `offset` has been processed.

        Called for each row that is acknowledged. It must not ask the broker or raise.
        """
        return offset + 1


class PublisherDriver(ABC):
    """A publisher to any topic of a connection.

    Made by `Driver.publisher`. The thread of the publisher makes every call, `close` last. For `begin`,
    `commit` and `abort` the caller waits for five seconds longer than `timeout`, and then gets `Unavailable`
    while the call goes on. None of the three is repeated.
    """

    @abstractmethod
    def send(self, batch: Sequence[tuple[str, OutboundMessage]], timeout: float) -> list[PublishResult]:
        """Send messages in order. Return the outcome of each, in the same order.

        Return the status ``failed`` only if the message was surely not stored, and ``unknown`` in doubt,
        because a failed message is sent again if its error is retryable. A message of unknown outcome is
        sent again only with the same `dedup_id`, if its error is retryable and `known_again` allows it.
        A message is not sent again once a later one of its key or partition was stored. There are 0.1 s
        to 1 s between attempts, until the caller's timeout. Errors in results must be instances of
        `BrokerError`.

        An error that is raised, or a result of another length, makes every outcome ``unknown``. The
        same rules say whether the messages are sent again.

        Args:
            batch: (topic, message) pairs, possibly of several callers and topics: at least one, 5,000 or
                `Capabilities.max_batch` at most, and 16 MB of payload unless a single message is larger. Each
                agrees with the capabilities, and has a `dedup_id` where `Capabilities.dedup_ids` is true.
            timeout: seconds that the call may take, 0.1 at least. A caller waits for five seconds longer
                than its own timeout, and then reports its outcomes as unknown.
        """

    def known_again(self, topic: str, timeout: float) -> float | None:
        """Return for how many seconds `topic` remembers a `dedup_id`. None if that cannot be asked now.

        Called before messages of unknown outcome are sent again, only where `Capabilities.dedup_ids` is
        true. After None or a retryable error it is asked again before the next attempt. After any other
        error the messages are not sent again.

        Args:
            timeout: seconds that the call may take, from 0.1 to 2.
        """
        return math.inf

    def begin(self, timeout: float) -> None:
        """Begin a transaction.

        Called only for a publisher with a transactional id, outside a transaction. An error is raised to
        the caller, and no transaction has begun.
        """
        raise NotSupported("this system has no transactions")

    def commit(self, timeout: float) -> None:
        """Commit the open transaction, and return after the broker confirmed it.

        An error is raised to the caller. The transaction is then still open for the portable half, which
        may call `commit` again or `abort`.
        """
        raise NotSupported("this system has no transactions")

    def abort(self, timeout: float) -> None:
        """Abort the open transaction, also after a `commit` that raised.

        An error is raised to the caller, and the transaction is still open. Also called before `close`
        when a transaction is open; what it raises then is ignored.
        """
        raise NotSupported("this system has no transactions")

    def close(self, timeout: float) -> None:
        """Let go of everything, after all that was being published has an outcome or ran out of time.

        The last call, made once. What it raises is ignored. The caller waits no longer than `timeout`.
        """
        return


class ReaderDriver(ABC):
    """A reader of slices without side effects, one slice after the other.

    Made by `Driver.reader`, one for each slice that is read at the same time. The thread of the reader
    makes every call, `close` last. Each slice is a call of `start`, calls of `fetch`, and a call of `stop`
    if the reader is kept for another slice. After an error or a cancellation it is closed instead.
    """

    @abstractmethod
    def start(self, piece: Slice, *, attributes: bool) -> None:
        """Prepare to read a slice.

        A retryable error is not shown: the call is repeated 0.2 s later without a `stop` before it, and
        the error is raised if nothing came for 30 s (``stall=``). Any other error is raised at once.

        Args:
            piece: the slice, which is not empty.
            attributes: false if the column of attributes may be left empty.
        """

    @abstractmethod
    def fetch(self, wait: float) -> Columns | None:
        """Return the next rows of the slice. Empty if none came within `wait`, None at the end.

        Return only rows of the slice, each once, in order. Rows with other times than the slice asks for
        may be among them: the portable half leaves them out. One batch is fetched ahead, so the columns
        that were returned before may still be in use.

        A retryable error is not shown: the fetch is repeated 0.2 s later and goes on where the one before
        ended. The error is raised if nothing came for 30 s (``stall=``). Any other error is raised at once.

        Args:
            wait: seconds that the call may wait for the first row, 0.2.
        """

    def stop(self) -> None:
        """Let go of the slice, which was read to its end or given up, until the next `start`.

        The caller does not wait for it. What it raises is ignored.
        """
        return

    def close(self, timeout: float) -> None:
        """Let go of everything, also in the middle of a slice.

        The last call, made once. What it raises is ignored.

        Args:
            timeout: seconds that it may take, 1.
        """
        return


class InspectorDriver(ABC):
    """A view of topics that changes nothing.

    Made by `Driver.inspector`, once per connection. The thread of the inspector makes every call except
    `at_id`, `close` last. The caller waits for a second longer than the `timeout` that it passes, and then
    gets `Unavailable`. Errors are raised to the caller, and nothing is repeated.
    """

    @abstractmethod
    def topics(self, timeout: float) -> list[TopicInfo]:
        """Return every topic that may be listed, in any order."""
        ...

    @abstractmethod
    def describe(self, topic: str, timeout: float) -> TopicDescription:
        """Return what the system says about a topic, without reading messages.

        Raises:
            NotFound: the topic does not exist.
        """
        ...

    @abstractmethod
    def bounds(self, topic: str, timeout: float) -> list[Bounds]:
        """Return the readable range of each partition.

        Raises:
            NotFound: the topic does not exist.
        """
        ...

    def at_time(self, topic: str, microseconds: int, timeout: float) -> dict[int | None, int]:
        """Return the offset of the first message at or after a moment, by partition.

        A partition without such a message is left out. `time_order` says how far the answer can be
        relied on.

        Args:
            microseconds: the moment, since 1970 in UTC.
        """
        raise NotSupported("this system has no time index")

    def terms(self, topic: str, timeout: float) -> PublishTerms:
        """Return what the topic does with messages that are published to it.

        Raises:
            NotFound: the topic does not exist.
        """
        numbers = [each.partition for each in self.bounds(topic, timeout) if each.partition is not None]
        return PublishTerms(partitions=len(numbers))

    def time_order(self, topic: str, timeout: float) -> TimeOrder:
        """Return what `at_time` can promise for a topic. In doubt, the weaker promise.

        Called before `at_time`, only if a time is among the positions.
        """
        return "near"

    def at_id(self, message_id: str) -> tuple[int | None, int]:
        """Return partition and position of a message by its id, where ids are positions.

        Called by the thread of the caller, possibly while another method runs. It must not ask the broker
        or block, and its errors are not translated: raise only instances of `BrokerError`.

        Raises:
            NotSupported: the ids of this system are no positions.
            ConfigError: this is not an id of this system.
        """
        raise NotSupported("the ids of this system are no positions: give an offset or a time")

    def counted(self, topic: str, bounds: Bounds, position: int, count: int, timeout: float) -> int | None:
        """Return the position `count` messages after another one, or before it if negative.

        The result may be outside the bounds. Return None to let the portable half find it: by the
        offsets alone, or for a negative `count` by reading back from the end.
        """
        return None

    def close(self, timeout: float) -> None:
        """Let go of everything. The last call, made once. What it raises is ignored."""
        return


class Driver(ABC):
    """An open connection of one backend.

    Made by `Backend.open`. The thread of the connection makes every call except `translate` and `native`,
    `close` last. Errors are raised to the caller, and nothing is repeated. That thread is shared: a call
    that blocks delays all others, so `consumer`, `publisher`, `reader` and `inspector` should only make the
    object and leave the work to its own thread. The caller waits for them for 30 s at most.
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
            ConfigError: an option is unknown or cannot be used.
        """
        ...

    @abstractmethod
    def publisher(self, *, transactional_id: str | None = None) -> PublisherDriver:
        """Return a publisher.

        Args:
            transactional_id: given only where `Capabilities.transactions` is true.
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
            AlreadyExists: there is a topic of that name.
            ConfigError: an option is unknown or cannot be used.
        """
        raise NotSupported("topics of this system cannot be created from here")

    def delete_topic(self, topic: str, *, timeout: float) -> None:
        """Delete a topic with all its messages. The caller waits for a second longer than `timeout`.

        Raises:
            NotFound: the topic does not exist.
        """
        raise NotSupported("topics of this system cannot be deleted from here")

    def create_subscription(self, request: SubscriptionRequest, *, timeout: float) -> None:
        """Create a durable subscription. The caller waits for a second longer than `timeout`.

        Raises:
            NotFound: the topic does not exist.
            AlreadyExists: there is a subscription of that name.
            ConfigError: an option is unknown or cannot be used.
        """
        raise NotSupported("subscriptions of this system cannot be created from here")

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
