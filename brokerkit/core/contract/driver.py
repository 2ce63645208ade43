"""What a backend writes: the few things that only its system knows.

Everything that two drivers would both have to write is in the portable half (`consumer`,
`publisher`, `browser`, `connection`). Each driver object has one owner thread, and only that thread
calls it, unless a method says otherwise. A call waits `wait` seconds at most where it has one, and
should come back within 0.2 s otherwise, or within its `timeout`.

A driver raises whatever its client library raises; `Driver.translate` turns that into our tree.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from ..vocabulary.address import Address
from ..vocabulary.capabilities import Capabilities, Model
from ..vocabulary.columns import Columns
from ..vocabulary.errors import AckFailed, BrokerError, NotSupported, Unavailable
from ..vocabulary.messages import OutboundMessage
from ..vocabulary.positions import Position
from ..vocabulary.results import PublishResult
from ..vocabulary.topics import Bounds, PublishTerms, Slice, TopicDescription, TopicInfo
from ..vocabulary.windows import TimeOrder

Partition = tuple[str, int]
"""A (topic, partition) pair."""


class Outcome(Enum):
    """How a message is settled."""

    ACK = "ack"
    NACK = "nack"
    REJECT = "reject"


@dataclass(slots=True)
class Fetched:
    """What one fetch brought: columns, and on the message model one opaque receipt per row."""

    columns: Columns
    receipts: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Backlog:
    """What there was when a consumer was first asked.

    mark: says what that was. left: whether some of it is still to come to this consumer. withheld:
    whether the broker gives no more of it before some of what it gave is settled.
    """

    mark: Any
    left: bool
    withheld: bool = False


@dataclass(frozen=True)
class ConsumerRequest:
    """What a consumer is asked to be.

    topic: what to read. subscription: the durable name, where the system has one. start: where a
    subscription that does not exist yet begins; None: it must exist. options: named by the backend.
    batch_size: about how many messages are wanted at once; None: not known.
    """

    topic: str
    subscription: str | None
    model: Model
    start: Position | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int | None = None


@dataclass(frozen=True)
class SubscriptionRequest:
    """A subscription that is to be created.

    subscription: its durable name. model: what its consumers yield. options: named by the backend.
    """

    topic: str
    subscription: str
    model: Model
    start: Position
    options: Mapping[str, Any] = field(default_factory=dict)


class ConsumerDriver(ABC):
    """Fetches from one subscription."""

    lock_seconds: float | None = None
    """How long a message stays ours without `extend`; None where there is no lock."""

    @abstractmethod
    def attach(self, wait: float) -> bool:
        """Do a step of attaching; true once messages can flow. Called until it is.

        Raises NotFound for a topic or subscription that is not there: attaching creates nothing,
        except a subscription for which the request has a `start`.
        """

    @abstractmethod
    def fetch(self, max_messages: int, wait: float) -> Fetched:
        """What is there now, else the first that comes within `wait`. May be empty, may be more."""

    def backlog(self, mark: Any) -> Backlog | None:
        """What is still to come of what there was; None where that is not known.

        mark: that of the answer before, None the first time: then what there is now is meant. Raises
        when the broker does not answer within two seconds.
        """
        return None

    def wake(self) -> None:
        """Make a waiting `fetch` return early. The one method called from any thread."""
        return

    def idle(self) -> None:
        """Nobody wants messages now, called twice a second: stay alive, take in no more of them."""
        return

    def close(self, timeout: float) -> None:
        """Leave; delete no durable thing and commit nothing."""
        return


class MessageDriver(ConsumerDriver):
    """Messages that are settled one by one."""

    @abstractmethod
    def settle(
        self, receipts: Sequence[Any], outcome: Outcome, *, delay: float | None, reason: str | None
    ) -> list[BaseException | None]:
        """Settle these, and say for each what went wrong, or None."""

    def extend(self, receipts: Sequence[Any]) -> list[BaseException | None]:
        """Keep the locks of these for another `lock_seconds`; not called without `lock_extension`."""
        return [None] * len(receipts)


class RecordDriver(ConsumerDriver):
    """Records of a log, settled by a position per partition."""

    on_lost: Callable[[Collection[Partition]], None]
    """Set by the portable half; called by the driver, from `attach`, `fetch` or `idle`, when
    partitions were taken away."""

    @abstractmethod
    def commit(self, positions: Mapping[Partition, int]) -> Mapping[Partition, BaseException | None]:
        """Commit the next offset to be read of each partition, confirmed, and say what went wrong."""

    @abstractmethod
    def seek(self, positions: Mapping[Partition, int]) -> None:
        """Fetch from these offsets next."""

    def next_offset(self, offset: int) -> int:
        """The position that is committed when `offset` has been processed."""
        return offset + 1


class PublisherDriver(ABC):
    """Sends messages."""

    @abstractmethod
    def send(self, batch: Sequence[tuple[str, OutboundMessage]], timeout: float) -> list[PublishResult]:
        """Send (topic, message) pairs in order and say what became of each.

        `failed` only for what surely was not stored; errors in results are of our tree.
        """

    def known_again(self, topic: str, timeout: float) -> float | None:
        """For how many seconds `topic` knows a `dedup_id` again; None where that cannot be asked now.

        Called only with `Capabilities.dedup_ids`, before what may be stored is sent again.
        """
        return math.inf

    def begin(self, timeout: float) -> None:
        raise NotSupported("this system has no transactions")

    def commit(self, timeout: float) -> None:
        raise NotSupported("this system has no transactions")

    def abort(self, timeout: float) -> None:
        raise NotSupported("this system has no transactions")

    def close(self, timeout: float) -> None:
        return


class ReaderDriver(ABC):
    """Reads slices without side effects; one slice at a time, reused for the next."""

    @abstractmethod
    def start(self, piece: Slice, *, attributes: bool) -> None:
        """Be ready to read a slice; without `attributes` that column may be left empty."""

    @abstractmethod
    def fetch(self, wait: float) -> Columns | None:
        """The next rows; empty when none came within `wait`; None at the end of the slice.

        Only rows of the slice, each once, in order.
        """

    def stop(self) -> None:
        """Let go of the slice, read to its end or not, until the next `start`."""
        return

    def close(self, timeout: float) -> None:
        return


class InspectorDriver(ABC):
    """Looks at topics without changing anything."""

    @abstractmethod
    def topics(self, timeout: float) -> list[TopicInfo]: ...

    @abstractmethod
    def describe(self, topic: str, timeout: float) -> TopicDescription: ...

    @abstractmethod
    def bounds(self, topic: str, timeout: float) -> list[Bounds]: ...

    def at_time(self, topic: str, microseconds: int, timeout: float) -> dict[int | None, int]:
        """Offset of the first message at or after a moment, by partition; left out where none is."""
        raise NotSupported("this system has no time index")

    def terms(self, topic: str, timeout: float) -> PublishTerms:
        """What the topic does with what is published to it. Raises NotFound."""
        numbers = [each.partition for each in self.bounds(topic, timeout) if each.partition is not None]
        return PublishTerms(partitions=len(numbers))

    def time_order(self, topic: str, timeout: float) -> TimeOrder:
        """What `at_time` can promise for a topic; where in doubt, the less."""
        return "near"

    def at_id(self, message_id: str) -> tuple[int | None, int]:
        """Partition and position of a message by its id, where ids are positions. Asks nobody."""
        raise NotSupported("the ids of this system are no positions: give an offset or a time")

    def counted(self, topic: str, bounds: Bounds, position: int, count: int, timeout: float) -> int | None:
        """The position `count` messages further on than another, or back when negative; may be outside.

        None where it is found as well by reading from the end.
        """
        return None

    def close(self, timeout: float) -> None:
        return


class Driver(ABC):
    """An open connection of one backend."""

    capabilities: Capabilities

    @abstractmethod
    def ping(self, timeout: float) -> None:
        """One round trip to the broker."""

    @abstractmethod
    def translate(self, error: BaseException) -> BrokerError:
        """An exception of the client library as one of our tree, with a text that says what to do."""

    @abstractmethod
    def consumer(self, request: ConsumerRequest) -> ConsumerDriver: ...

    @abstractmethod
    def publisher(self, *, transactional_id: str | None = None) -> PublisherDriver:
        """transactional_id: given only where `Capabilities.transactions` says so."""

    def inspector(self) -> InspectorDriver:
        raise NotSupported("this system cannot be browsed without side effects")

    def reader(self) -> ReaderDriver:
        raise NotSupported("this system cannot be read without side effects")

    def create_topic(self, topic: str, *, options: Mapping[str, Any], timeout: float) -> None:
        raise NotSupported("topics of this system cannot be created from here")

    def delete_topic(self, topic: str, *, timeout: float) -> None:
        raise NotSupported("topics of this system cannot be deleted from here")

    def create_subscription(self, request: SubscriptionRequest, *, timeout: float) -> None:
        raise NotSupported("subscriptions of this system cannot be created from here")

    @property
    def native(self) -> Any:
        """The client library's own object, for what only this system has."""
        return None

    def close(self, timeout: float) -> None:
        return


class Backend(Protocol):
    """What an entry point of the group ``brokerkit.backends`` names: a module or an object.

    The entry point's name is the URL scheme.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    def open(self, address: Address, timeout: float) -> Driver:
        """Check the address and options (ConfigError), and connect (Unavailable, Unauthorized).

        The password, and every option whose name or content says that it is a secret, is a `Secret`: keep it
        as one, and call `reveal` (or `secrets.revealed` on a mapping) only in the call that hands it over.
        """
        ...


def translated(driver: Driver, error: BaseException) -> BrokerError:
    """Any exception as one of our tree, ours unchanged."""
    if isinstance(error, BrokerError):
        return error
    if isinstance(error, TimeoutError):
        made: BrokerError = Unavailable(f"the broker did not answer in time ({error or 'timeout'})")
    else:
        made = driver.translate(error)
    made.__cause__ = error
    return made


def as_ack_error(error: BrokerError) -> BrokerError:
    """An error of settling as an `AckFailed`, its cause kept."""
    if isinstance(error, AckFailed):
        return error
    said = "was not confirmed, and may have taken effect" if error.retryable else "did not take effect"
    failed = AckFailed(f"the acknowledgement {said}: {error}", retryable=error.retryable)
    failed.__cause__ = error.__cause__ or error
    return failed
