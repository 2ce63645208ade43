"""Descriptions of topics: names, ranges, subscriptions, and slices to read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

EXACT = 2**53
"""Every reader of JSON keeps an integer below this as it is."""
Counted = Literal["exact", "at most", "about"]
"""How far a count can be relied on. ``"at most"``: some of the counted offsets may have no message."""


def worth_of(counts: Iterable[Counted]) -> Counted:
    """Return how far the sum of several counts can be relied on."""
    kinds = set(counts)
    return "about" if "about" in kinds else "at most" if "at most" in kinds else "exact"


def hidden_text(bounds: Iterable[Bounds]) -> str:
    """Return in words what cannot be read yet, behind an open transaction. Empty if there is nothing."""
    parts = [
        f"{count_text(each.hidden, 'exact', 'offset')} from {each.end:,} on"
        + ("" if each.partition is None else f" in partition {each.partition}")
        for each in bounds
        if each.hidden
    ]
    return f"not readable yet, behind an open transaction: {', '.join(parts)}" if parts else ""


def count_text(count: int, counted: Counted, what: str = "") -> str:
    """Return a count in words that say how far it can be relied on, such as ``up to 302 messages``."""
    mark = {"exact": "", "at most": "up to ", "about": "about "}[counted] if count else ""
    return f"{mark}{count:,}" + (f" {what}{'' if count == 1 else 's'}" if what else "")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The readable range of one partition.

    A position is an integer that grows along a partition: the offset, where there are offsets. Elsewhere
    the backend defines it, it may have any size, and `show` writes it for users.

    Attributes:
        partition: The number of the partition. None where the system has no partitions.
        start: The first position.
        end: The position after the last.
        messages: How many messages there are, where the broker knows it better than ``end - start``.
        counted: How far `estimate` can be relied on.
        hidden: How many offsets from `end` on cannot be read yet, because a transaction before them is open.
    """

    partition: int | None
    start: int
    end: int
    messages: int | None = None
    counted: Counted = field(default="at most", kw_only=True, compare=False)
    hidden: int = field(default=0, kw_only=True, compare=False)

    @property
    def estimate(self) -> int:
        """How many messages lie in the range. With gaps it is an upper bound, unless it is `exact`."""
        return self.end - self.start if self.messages is None else self.messages

    def place(self, number: int) -> int:
        """Return the position for a number that a user wrote. Raises ConfigError where there is none."""
        return number

    def show(self, position: int) -> str:
        """Return a position as text for users."""
        return f"{position:,}"

    def show_ranges(self, ranges: Iterable[tuple[int, int]]) -> str:
        """Return ranges, each up to but excluding its end, as text for users, with the partition."""
        where = "" if self.partition is None else f" of partition {self.partition}"
        return ", ".join(f"{self.show(first)} to {self.show(stop - 1)}" for first, stop in ranges) + where

    def deleted(self, ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the parts of ranges that lie before the first position."""
        return [(first, min(stop, self.start)) for first, stop in ranges if first < self.start]

    def written(self, position: int) -> int | str:
        """Return a position as users write it for ``start=`` and ``end=``."""
        return position

    def same(self, position: int, other: int) -> bool:
        """Return whether two positions have no place for a message between them."""
        return position == other

    @property
    def exact(self) -> bool:
        """Whether `estimate` is the exact number of messages."""
        return self.counted == "exact" or not self.estimate

    @property
    def dense(self) -> bool:
        """Whether every offset is known to have a message."""
        return self.exact and self.estimate == self.end - self.start

    def advance(self, offset: int, count: int) -> int:
        """Return the offset `count` offsets after another one, or before it if negative."""
        return offset + count

    def after(self, offset: int, messages: int) -> int:
        """Return a later position, about so many messages after this one."""
        return offset + max(1, int(messages / max(self._density, 1e-9)))

    def before(self, offset: int, messages: int) -> int:
        """Return an earlier position, about so many messages before this one."""
        return offset - max(1, round(messages / max(self._density, 1e-9)))

    def between(self, start: int, stop: int) -> int:
        """Return about how many messages lie from `start` up to but excluding `stop`."""
        return round((stop - start) * self._density)

    @property
    def _density(self) -> float:
        return self.estimate / max(1, self.end - self.start)


@dataclass(frozen=True, slots=True)
class TopicInfo:
    """A topic in a list of topics. A count is None if asking for it would be slow or impossible.

    Attributes:
        name: The name of the topic.
        partitions: How many it has.
        messages: How many it holds.
        bytes: How large they are.
        internal: Whether it belongs to the system itself.
        details: What else the system says about it.
        counted: How far `messages` can be relied on.
        dead_letters: How many dead letters the system keeps for it. None where topics of their own have them.
        lacking: How many partitions lack a copy that is up to date. None where the system does not say.
    """

    name: str
    partitions: int | None = None
    messages: int | None = None
    bytes: int | None = None
    internal: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)
    counted: Counted = field(default="exact", kw_only=True, compare=False)
    dead_letters: int | None = field(default=None, kw_only=True)
    lacking: int | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class SubscriptionInfo:
    """A subscription or group of a topic, and how far it has come.

    Attributes:
        name: Its durable name.
        kind: The word of the system for it.
        lag: How many messages are not delivered or not acknowledged yet.
        in_flight: How many messages are delivered and not settled yet.
        members: How many consumers are attached now.
        position: The next offset to be read, by partition.
        details: What else the system says about it.
        counted: How far `lag` can be relied on.
        topic: The topic that it reads. None where that is clear from the context.
        state: The word of the system for its state.
        oldest: When the oldest message was published that counts as lag, in microseconds since 1970.
        last_active: When it last delivered or acknowledged a message, in microseconds since 1970.
    """

    name: str
    kind: str
    lag: int | None = None
    in_flight: int | None = None
    members: int | None = None
    position: Mapping[int | None, int | None] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    counted: Counted = field(default="exact", kw_only=True, compare=False)
    topic: str | None = field(default=None, kw_only=True)
    state: str | None = field(default=None, kw_only=True)
    oldest: int | None = field(default=None, kw_only=True)
    last_active: int | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a partition is stored, as far as the system says so.

    Attributes:
        leader: The server that leads it.
        replicas: The servers that have a copy.
        in_sync: Those whose copy is up to date.
        bytes: How large its messages are.
    """

    leader: str | None = None
    replicas: tuple[str, ...] | None = None
    in_sync: tuple[str, ...] | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a topic.

    Attributes:
        name: Its name. If the value is a time or a size, it ends in the unit: ``.ms``, ``_seconds``.
        value: The value as the system has it.
        changed: Whether it differs from the default. None where the system does not say.
    """

    name: str
    value: Any
    changed: bool | None = None


@dataclass(frozen=True, slots=True)
class TopicDescription:
    """A topic with its partitions and subscriptions.

    Attributes:
        name: The name of the topic.
        partitions: The readable range of each.
        subscriptions: Its subscriptions or groups.
        bytes: How large its messages are, where the system says so.
        details: What else the system says about it.
        placements: Where each partition is stored, by its number.
        settings: Its settings.
        not_shown: What the user may not see, so that it may be missing here: sentences.
    """

    name: str
    partitions: tuple[Bounds, ...]
    subscriptions: tuple[SubscriptionInfo, ...] = ()
    bytes: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    placements: Mapping[int | None, Placement] = field(default_factory=dict, kw_only=True)
    settings: tuple[Setting, ...] = field(default=(), kw_only=True)
    not_shown: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def messages(self) -> int | None:
        """How many messages can be read; see `Bounds.estimate`. None where the system does not say."""
        return sum(bounds.estimate for bounds in self.partitions) if self.partitions else None

    @property
    def counted(self) -> Counted:
        """How far `messages` can be relied on."""
        return worth_of(each.counted for each in self.partitions if not each.exact)

    @property
    def hidden(self) -> str:
        """The part that cannot be read yet, in words; see `hidden_text`."""
        return hidden_text(self.partitions)


@dataclass(frozen=True, slots=True)
class PublishTerms:
    """The rules of a topic for messages that are published to it, as far as the system says so.

    Attributes:
        partitions: How many it has, 0 if it has none. None if that is not known.
        place: Returns the partition of a message with this key that names no partition. None if that is
            not known.
        keeps_times: Whether a `publish_time` is kept. False if the topic stamps messages itself.
        needs_key: Whether a message without a key is refused.
        retention: Messages with an older `publish_time` are deleted. None if none are, or it is not known.
        oldest: How far before the present a `publish_time` may lie. None for any time.
        newest: How far after the present a `publish_time` may lie. None for any time.
        since: The earliest `publish_time` that is possible.
        max_bytes: The largest message, as it is sent.
        known_again: For how long a second message with the same `dedup_id` is dropped. None if it is not,
            or that is not known.
        unknown: Why its settings are not known, so that it may have limits that are not here. Empty if they
            are known.
    """

    partitions: int | None = None
    place: Callable[[bytes], int] | None = None
    keeps_times: bool = True
    needs_key: bool = False
    retention: timedelta | None = None
    oldest: timedelta | None = None
    newest: timedelta | None = None
    since: datetime | None = None
    max_bytes: int | None = None
    known_again: timedelta | None = None
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of one partition that any process can read again. It is picklable and has no secrets.

    Attributes:
        topic: The name of the topic.
        partition: The number of the partition. None where the system has no partitions.
        start: The first position.
        end: The position after the last.
        estimate: How many messages to expect at most.
        since: Rows with an earlier time are left out, in microseconds since 1970.
        until: Rows with this or a later time are left out, in microseconds since 1970.
        counted: How far `estimate` can be relied on.
        only: Where a topic stands for several, those of which messages are wanted: a reader may leave out the
            others. None for all.
    """

    topic: str
    partition: int | None
    start: int
    end: int
    estimate: int = field(default=0, compare=False)
    since: int | None = None
    until: int | None = None
    counted: Counted = field(default="at most", compare=False)
    only: tuple[str, ...] | None = field(default=None, compare=False, repr=False)

    @classmethod
    def from_plain(cls, plain: Sequence[Any]) -> Slice:
        """Return the slice that `plain` was made from."""
        topic, partition, start, end, *others = plain
        found = cls(topic, partition, int(start), int(end), *others)
        return found if found.only is None else replace(found, only=tuple(found.only))

    @property
    def plain(self) -> list[Any]:
        """The slice as a list for JSON. A position that many readers of JSON would round is text."""
        topic, partition, start, end, *others = astuple(self)
        return [topic, partition, _plain(start), _plain(end), *others]

    def after(self, offset: int) -> Slice:
        """Return the part that is left when everything up to and including `offset` was read."""
        start = max(self.start, offset + 1)
        return replace(self, start=start, estimate=min(self.estimate, self.end - start))

    @property
    def empty(self) -> bool:
        """Whether it has no positions."""
        return self.start >= self.end


def _plain(position: int) -> int | str:
    return position if abs(position) < EXACT else str(position)
