"""The contract for consumers: what is asked of them, what they fetch, and how they settle it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ..vocabulary.capabilities import Model
from ..vocabulary.columns import Columns
from ..vocabulary.errors import NotFound, NotSupported
from ..vocabulary.positions import Position

Partition = tuple[str, int]
"""A (topic, partition) pair."""
BACKLOG_SECONDS = 2.0
"""Seconds that a driver may spend on a question of `ConsumerDriver.backlog`."""


class SubscriptionNotFound(NotFound):
    """The topic exists, but not the subscription. Callers get a NotFound with the line that creates it.

    Args:
        text: What is missing.
        topic: The name of the topic for `Driver.create_subscription`.
        subscription: The name of the subscription for it.
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
        columns: The messages, one per row.
        receipts: One per row on the message model, to settle the message with; empty on the record model.
            Only the driver knows what is in a receipt.
    """

    columns: Columns
    receipts: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Backlog:
    """The messages that there were when a consumer was first asked, and whether all have come.

    Attributes:
        mark: Where those messages end. Passed back with the next question.
        left: Whether the broker has some of them to deliver now. Those that a consumer holds are not among
            them: a caller who acknowledges at the end would wait for its own messages.
        withheld: Whether the broker sends no more of them until some that it sent are settled.
    """

    mark: Any
    left: bool
    withheld: bool = False


@dataclass(frozen=True)
class ConsumerRequest:
    """A request for a consumer.

    Attributes:
        topic: The topic to read.
        subscription: Its durable name, where the system has one.
        model: What the consumer yields. Only a model that the system has.
        start: Where a subscription begins that does not exist yet. None if it must exist.
        options: Options by the names that the backend documents, not checked yet.
        batch_size: About how many messages are wanted at once. None if that is not known.
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
        topic: The topic that it reads.
        subscription: Its durable name.
        model: What its consumers yield. Only a model that the system has.
        start: Where it begins.
        options: Options by the names that the backend documents, not checked yet.
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
            wait: Seconds that the step may take, 0.2 at most.

        Raises:
            NotFound: The topic does not exist.
            SubscriptionNotFound: The topic exists, but not the subscription.
        """

    def create_subscription(self, start: Position, timeout: float) -> None:
        """Create the subscription of the request, with those of the request's options that are for this.

        Called after `attach` raised `SubscriptionNotFound`, if the request has a `start`. After a retryable
        error `attach` is called again. If another client is faster, it may raise `AlreadyExists`, which is
        shown only if the subscription is still not found.

        Args:
            start: Where the subscription begins.
            timeout: Seconds that the call may take, 0.1 at least.
        """
        raise NotSupported("subscriptions of this system cannot be created from here")

    @abstractmethod
    def fetch(self, max_messages: int, wait: float) -> Fetched:
        """Return what is there now, else the first messages that come within `wait` seconds.

        Called again and again, only while a caller waits for messages. The result may be empty, and
        may have more than `max_messages` rows: the rest is kept for the next caller. It may have fewer than
        there are: end it after some 8 to 32 MB, since nothing above bounds the bytes of one fetch.

        A retryable error is not shown: the fetch is repeated 0.2 s later, and the error is raised if it
        lasts until the caller's timeout. Any other error is raised to the caller at once, and the next
        caller tries again. Messages that the call had taken before it raised must come with a later one.

        Args:
            max_messages: How many messages callers still need, 1 at least.
            wait: Seconds that the call may wait for the first message, from 0 to 0.2. Settling waits
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
            timeout: Seconds that it may take, 0.1 at least. The caller waits no longer than that, and is
                then warned.
        """
        return


class MessageDriver(ConsumerDriver):
    """A consumer of messages that are settled one by one."""

    redelivers_by_key: bool = False
    """Whether the return of a message brings back the later ones of its key, also acknowledged ones.

    Known once attached.
    """

    def stop(self, timeout: float) -> Sequence[Any]:
        """Ask for no more messages, and return the receipts of those that were not fetched.

        Called once, before all that is not settled is returned with one call of `settle`, and then `close`;
        also when attaching failed or never began. A broker that redelivers at once would otherwise send what
        is returned to this consumer again. A driver that fetches only what `fetch` returns need not stop.

        Args:
            timeout: Seconds that it may take.
        """
        return ()

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
            receipts: At least one, none of which was settled successfully before. They may come from
                several fetches.
            outcome: REJECT only where `Capabilities.reject` is true.
            delay: Seconds before a NACK takes effect. Given only where `Capabilities.nack_delay` is true.
            reason: Why the messages are rejected, or None.
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
            positions: The next offset to be read of each partition, as `next_offset` returned it: at
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

        Called for the highest acknowledged row of each partition. It must not ask the broker or raise.
        """
        return offset + 1
