"""What comes from a broker (`Message`, `Record`) and what goes to one (`OutboundMessage`)."""

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
    """Microseconds since 1970 as a UTC datetime, without going through a float.

    None also for what no datetime can hold: a publisher may have written anything.
    """
    try:
        return None if value is None else _EPOCH + timedelta(microseconds=value)
    except OverflowError:
        return None


def to_microseconds(value: datetime) -> int:
    """A datetime as microseconds since 1970; a naive one is taken as UTC."""
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


class Delivery(Protocol):
    """The consumer's side of one delivered message: how it is settled."""

    @property
    def settled(self) -> bool:
        """Whether nothing is owed to the broker any more."""
        ...

    def ack(self, *, require_confirmed: bool = False) -> None: ...

    def nack(self, *, delay: float | None = None) -> None: ...

    def reject(self, *, reason: str | None = None) -> None: ...


def _delivery_of(item: Message | Record) -> Delivery:
    if item.delivery is None:
        raise AckFailed(
            f"this {type(item).__name__.lower()} did not come from a consumer, so there is nothing "
            "to settle; messages that were peeked or scanned cannot be acknowledged"
        )
    return item.delivery


@dataclass(slots=True, weakref_slot=True)
class Message:
    """A message of a system that settles each message on its own.

    id: unique within the topic, the same again on redelivery.
    key: ordering or grouping key; None is "no key" and is not b"".
    data: the payload; None is a null payload, where the system has one.
    publish_time: best known time of publishing, UTC.
    ingestion_time: when the broker stored it, only where the broker says so.
    delivery_count: how often it has been delivered, from 1; None where the system does not count.
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

        Raises LockLost or AckFailed when it did not take effect, and NotSupported for
        `require_confirmed` where the system only sends acknowledgements.
        """
        _delivery_of(self).ack(require_confirmed=require_confirmed)

    def nack(self, *, delay: float | None = None) -> None:
        """Give it back, to be delivered again (after `delay` seconds, where the system can).

        Does nothing when it was settled already.
        """
        _delivery_of(self).nack(delay=delay)

    def reject(self, *, reason: str | None = None) -> None:
        """Settle it as one that must not be delivered again (dead-letter, terminate)."""
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

    offset: position within (topic, partition); None where the system's position is not an integer.
    id: as the system writes it; unique within the topic.
    The other fields are those of `Message`.
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

        Never moves the committed position back. Raises StaleAck when the partition was taken away
        or given back since the record was read.
        """
        _delivery_of(self).ack(require_confirmed=require_confirmed)

    def nack(self) -> None:
        """Seek the partition back to its first unacknowledged record; later receipts become stale."""
        _delivery_of(self).nack()


def _as_bytes(value: object, what: str) -> bytes | None:
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
    """The number of a partition. Raises TypeError, and ConfigError where it is out of range."""
    number = as_integer(value)
    if number is None:
        raise TypeError(f"partition must be an integer or None, not {type(value).__name__}")
    if not 0 <= number <= LAST_PARTITION:
        raise ConfigError(f"partition must be between 0 and {LAST_PARTITION:,}, not {shown_integer(number)}")
    return number


def checked_time(value: object) -> datetime:
    """A time as a datetime in UTC; a naive one is taken as UTC.

    Raises TypeError for what is no datetime, and ConfigError for a moment that a message cannot have.
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

    data and key: bytes; str is encoded as UTF-8; None is a null payload or no key. Anything else
    is a TypeError: nothing is ever stringified.
    partition: where it goes; None lets the system choose by the key. publish_time: a datetime, naive as
    UTC; None lets the system stamp it. Each is refused where `Capabilities.publish_partition` or
    `publish_time` says that the system does not keep it.
    dedup_id: names the message for systems that drop a second publish of the same name.
    sent_again: whether the message was read and is sent once more, with an id of its own or with that
    which it had; see `again`.
    """

    __slots__ = ("attributes", "data", "dedup_id", "key", "partition", "publish_time", "sent_again")

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

    def again(self, dedup_id: str, *, keep_id: bool = False) -> OutboundMessage:
        """The same message as one that was read and is sent once more, not to be taken for its original.

        It is named `dedup_id`, unless it has a name already. An id among its attributes, by which the system
        would drop it (``$sb.message_id``, ``Nats-Msg-Id``), is replaced and kept in the attribute
        ``bk-message-id``, unless `keep_id`. Headers that tell a server what to do, or that only it sets, are
        renamed, with ``bk-`` before them.
        """
        twin = self._twin(self.dedup_id or dedup_id)
        twin.sent_again = "same id" if keep_id else "new id"
        return twin

    def named(self, dedup_id: str) -> OutboundMessage:
        """The same message under this `dedup_id`, unless it has one already."""
        if self.dedup_id is not None:
            return self
        return self._twin(dedup_id)

    def _twin(self, dedup_id: str | None) -> OutboundMessage:
        twin = OutboundMessage.__new__(OutboundMessage)
        twin.data, twin.key, twin.attributes = self.data, self.key, self.attributes
        twin.partition, twin.publish_time = self.partition, self.publish_time
        twin.dedup_id, twin.sent_again = dedup_id, self.sent_again
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
"""The attribute with the id that a message had before it was sent again under one of its own."""

_OURS = re.compile(r"bk-[0-9a-f]{32}[-.]")


def new_run() -> str:
    """The beginning of names by which a system knows the messages of one call again."""
    return f"bk-{uuid.uuid4().hex}"


def is_ours(name: str) -> bool:
    """Whether a message was named by us, and not by its publisher."""
    return _OURS.match(name) is not None
