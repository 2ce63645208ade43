"""Messages: received ones (`Message`, `Record`), and ones to be published (`OutboundMessage`)."""

from __future__ import annotations

import re
import uuid
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from .arguments import as_integer, check_name, shown_integer, unencodable
from .attributes import NO_ATTRIBUTES, Attributes
from .errors import AckFailed, ConfigError, UnsettledWarning

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_PARTITION = 2**31 - 1


def from_microseconds(value: int | None) -> datetime | None:
    """Return microseconds since 1970 as a UTC datetime, without going through a float.

    None stays None, and a time that no datetime can hold becomes None: a publisher may write anything.
    """
    try:
        return None if value is None else _EPOCH + timedelta(microseconds=value)
    except OverflowError:
        return None


def to_microseconds(value: datetime) -> int:
    """Return a datetime as microseconds since 1970. A naive one is in UTC."""
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


class Delivery(Protocol):
    """The consumer's side of one delivered message, which settles it."""

    @property
    def settled(self) -> bool:
        """Whether it is settled, or cannot be settled any more."""
        ...

    def ack(self, *, require_confirmed: bool = False) -> None:
        """Acknowledge it; see `Message.ack`."""
        ...

    def nack(self, *, delay: float | None = None) -> None:
        """Return it to the broker; see `Message.nack`."""
        ...

    def reject(self, *, reason: str | None = None) -> None:
        """Settle it as one that must not be delivered again; see `Message.reject`."""
        ...


def _delivery_of(item: Message | Record) -> Delivery:
    """Return what settles a message. Raises AckFailed if it did not come from a consumer."""
    if item.delivery is None:
        raise AckFailed(
            f"this {type(item).__name__.lower()} did not come from a consumer, so there is nothing "
            "to settle; messages that were peeked or scanned cannot be acknowledged"
        )
    return item.delivery


@dataclass(slots=True, weakref_slot=True)
class Message:
    """A message of a system that settles each message on its own.

    Attributes:
        id: Unique within the topic, and the same on redelivery.
        data: The payload. None for a null payload, where the system has one.
        key: The ordering or grouping key. None for no key, which is not b"".
        attributes: Headers or properties.
        topic: The topic that it came from.
        publish_time: The best known time of publishing, in UTC.
        ingestion_time: When the broker stored it, only where the broker says so.
        delivery_count: How often it was delivered, from 1. None where the system does not count.
        delivery: Settles it. None for a message that did not come from a consumer.
    """

    id: str
    data: bytes | None
    key: bytes | None = None
    attributes: Attributes = NO_ATTRIBUTES
    topic: str = ""
    publish_time: datetime | None = None
    ingestion_time: datetime | None = None
    delivery_count: int | None = None
    delivery: Delivery | None = field(default=None, repr=False, compare=False)

    def ack(self, *, require_confirmed: bool = False) -> None:
        """Tell the broker that it is processed. Acknowledging twice is fine.

        Args:
            require_confirmed: Raise if the system only sends acknowledgements and cannot confirm them.

        Raises:
            AckFailed: It did not take effect, or was not confirmed.
            LockLost: Its lock expired before.
            NotSupported: A confirmation was required, and the system has none.
            Closed: The consumer is closed.
        """
        _delivery_of(self).ack(require_confirmed=require_confirmed)

    def nack(self, *, delay: float | None = None) -> None:
        """Return it to the broker, to be delivered again. Do nothing if it is settled already.

        Args:
            delay: Seconds before it is delivered again, where the system can delay it.

        Raises:
            AckFailed: It did not take effect.
            NotSupported: The system cannot delay it.
            Closed: The consumer is closed.
        """
        _delivery_of(self).nack(delay=delay)

    def reject(self, *, reason: str | None = None) -> None:
        """Settle it as one that must not be delivered again (dead-letter, terminate).

        Args:
            reason: Why, where the system keeps a reason.

        Raises:
            AckFailed: It did not take effect.
            NotSupported: The system cannot do it.
            Closed: The consumer is closed.
        """
        _delivery_of(self).reject(reason=reason)

    def __del__(self) -> None:
        delivery = getattr(self, "delivery", None)
        if delivery is not None and not delivery.settled:
            warnings.warn(
                f"message {self.id} of {self.topic!r} was dropped without ack() or nack(); "
                "it will be delivered again",
                UnsettledWarning,
                stacklevel=1,
                source=self,
            )


@dataclass(slots=True, weakref_slot=True)
class Record:
    """A record of a log: acknowledging it acknowledges all before it in its partition.

    Attributes:
        topic: The topic that it came from.
        partition: The number of the partition.
        offset: The position in the partition. None where the position is not an integer.
        value: The payload. None for a null payload, where the system has one.
        key: The key. None for no key, which is not b"".
        attributes: Headers or properties.
        publish_time: The best known time of publishing, in UTC.
        ingestion_time: When the broker stored it, only where the broker says so.
        id: As the system writes it, unique within the topic.
        delivery: Settles it. None for a record that did not come from a consumer.
    """

    topic: str
    partition: int
    offset: int | None
    value: bytes | None
    key: bytes | None = None
    attributes: Attributes = NO_ATTRIBUTES
    publish_time: datetime | None = None
    ingestion_time: datetime | None = None
    id: str | None = None
    delivery: Delivery | None = field(default=None, repr=False, compare=False)

    def ack(self, *, require_confirmed: bool = False) -> None:
        """Commit everything up to and including this record in its partition.

        The committed position is never moved back.

        Args:
            require_confirmed: Raise if the system only sends acknowledgements and cannot confirm them.

        Raises:
            AckFailed: It did not take effect, or was not confirmed.
            StaleAck: The partition was taken away, or read again, since the record was read.
            LockLost: The record was held for longer than ``hold=`` seconds.
            NotSupported: A confirmation was required, and the system has none.
            Closed: The consumer is closed.
        """
        _delivery_of(self).ack(require_confirmed=require_confirmed)

    def nack(self) -> None:
        """Read the partition again from its first unacknowledged record. Records read before become stale."""
        _delivery_of(self).nack()


def _as_bytes(value: object, what: str) -> bytes | None:
    """Return bytes, with text encoded as UTF-8. None stays None. Raises TypeError and ConfigError."""
    if value is None or type(value) is bytes:
        return value
    if isinstance(value, str):
        try:
            return value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ConfigError(f"{what}: the text has {unencodable(value)}; publish bytes instead") from error
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise TypeError(
        f"{what} must be bytes, str or None, not {type(value).__name__}; "
        "encode it yourself, for example with json.dumps"
    )


def checked_partition(value: object) -> int:
    """Return the number of a partition after checking it.

    Raises:
        TypeError: It is not an integer.
        ConfigError: It is out of range.
    """
    number = as_integer(value)
    if number is None:
        raise TypeError(f"partition must be an integer or None, not {type(value).__name__}")
    if not 0 <= number <= LAST_PARTITION:
        raise ConfigError(f"partition must be between 0 and {LAST_PARTITION:,}, not {shown_integer(number)}")
    return number


def checked_time(value: object) -> datetime:
    """Return a datetime in UTC. A naive one is in UTC already.

    Raises:
        TypeError: It is not a datetime.
        ConfigError: It has nanoseconds, or is beyond the calendar.
    """
    if not isinstance(value, datetime) or value != value:  # pandas' NaT is a datetime, unequal to itself
        raise TypeError(f"publish_time must be a datetime or None, not {type(value).__name__}")
    if getattr(value, "nanosecond", 0):
        raise ConfigError(
            f"publish_time has nanoseconds ({value}), and a message's time microseconds: round it"
        )
    moment = from_microseconds(to_microseconds(value))
    if moment is None:
        raise ConfigError(f"publish_time is beyond the years 1 to 9999 in UTC: {value}")
    return moment


class OutboundMessage:
    """A message to be published.

    No value is converted to a string: one of a wrong type raises a TypeError.

    Args:
        data: The payload: bytes, a str that is encoded as UTF-8, or None for a null payload.
        key: bytes, a str that is encoded as UTF-8, or None for no key.
        attributes: A mapping, (name, value) pairs, or None.
        partition: The partition. None lets the system choose it by the key. Refused unless
            `Capabilities.publish_partition` is true.
        publish_time: A datetime; a naive one is in UTC. None lets the system stamp the message. Refused where
            `Capabilities.publish_time` is None.
        dedup_id: Names the message for systems that drop a second message with the same name.

    Attributes:
        sent_again: Whether the message was read and is sent again, with a new id or the same; see `again`.
        elsewhere: Whether it was read from another broker than it is sent to, where a reference of its
            attributes to what the broker keeps, such as a schema, may mean something else.
    """

    __slots__ = (
        "attributes", "data", "dedup_id", "elsewhere", "key", "partition", "publish_time", "sent_again",
    )  # fmt: skip

    def __init__(
        self,
        data: bytes | str | None,
        key: bytes | str | None = None,
        attributes: object = None,
        *,
        partition: int | None = None,
        publish_time: datetime | None = None,
        dedup_id: str | None = None,
    ) -> None:
        self.data = _as_bytes(data, "data")
        self.key = _as_bytes(key, "key")
        self.attributes = NO_ATTRIBUTES if attributes is None else Attributes(attributes)  # type: ignore[arg-type]  # Attributes checks it
        self.partition = None if partition is None else checked_partition(partition)
        self.publish_time = None if publish_time is None else checked_time(publish_time)
        self.dedup_id = None if dedup_id is None else check_name(dedup_id, "dedup_id")
        self.sent_again: Literal["new id", "same id"] | None = None
        self.elsewhere = False

    def again(self, dedup_id: str, *, keep_id: bool = False) -> OutboundMessage:
        """Return a copy of a message that was read, to be sent again without being dropped as a duplicate.

        Headers that tell a server what to do, or that only the server sets, get the prefix ``bk-``.

        Args:
            dedup_id: Names the copy, unless the message has a `dedup_id` already.
            keep_id: Keep an id among the attributes by which the system may drop it (``$sb.message_id``,
                ``Nats-Msg-Id``). By default it is replaced, and kept in the attribute ``bk-message-id``.
        """
        twin = self._twin(self.dedup_id)
        twin.send_again(dedup_id, keep_id=keep_id)
        return twin

    def send_again(self, dedup_id: str, *, keep_id: bool = False, elsewhere: bool = False) -> None:
        """Mark this message as one that was read and is sent again.

        Takes the same arguments as `again`, and `elsewhere`, whether it was read from another broker.
        """
        self.elsewhere = elsewhere
        self.dedup_id = self.dedup_id or dedup_id
        self.sent_again = "same id" if keep_id else "new id"

    def named(self, dedup_id: str) -> OutboundMessage:
        """Return a copy with this `dedup_id`, or the message itself if it has one already."""
        if self.dedup_id is not None:
            return self
        return self._twin(dedup_id)

    def _twin(self, dedup_id: str | None) -> OutboundMessage:
        """Return a copy with another `dedup_id`."""
        twin = OutboundMessage.__new__(OutboundMessage)
        twin.data, twin.key, twin.attributes = self.data, self.key, self.attributes
        twin.partition, twin.publish_time = self.partition, self.publish_time
        twin.dedup_id, twin.sent_again, twin.elsewhere = dedup_id, self.sent_again, self.elsewhere
        return twin

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OutboundMessage):
            return NotImplemented
        return self._fields() == other._fields()

    def _fields(self) -> tuple[object, ...]:
        return self.data, self.key, self.attributes, self.partition, self.publish_time

    __hash__ = None  # type: ignore[assignment]  # equal by value and mutable

    def __repr__(self) -> str:
        size = "null" if self.data is None else f"{len(self.data)} bytes"
        text = f"{size}, key={self.key!r}, attributes={len(self.attributes)}"
        if self.partition is not None:
            text += f", partition={self.partition}"
        if self.publish_time is not None:
            text += f", publish_time={self.publish_time.isoformat()}"
        return f"OutboundMessage({text})"


MESSAGE_ID = "bk-message-id"
"""The attribute with the id that a message had before it was sent again with a new one."""

_OURS = re.compile(r"bk-[0-9a-f]{32}[-.]")


def new_run() -> str:
    """Return a new prefix for the `dedup_id` of the messages of one call."""
    return f"bk-{uuid.uuid4().hex}"


def is_ours(name: str) -> bool:
    """Tell whether a `dedup_id` was made by `new_run`, and not by the publisher of the message."""
    return _OURS.match(name) is not None
