"""What a browser says of topics: names, ranges, subscriptions, and slices to read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

EXACT = 2**53
"""Below this every reader of JSON keeps an integer as it is."""
Counted = Literal["exact", "at most", "about"]
"""What a count is worth. at most: some of what was counted may be no messages."""
SubscriptionKind = Literal["group", "share group", "consumer", "subscription"]


def worth_of(counts: Iterable[Counted]) -> Counted:
    """What the sum of several counts is worth."""
    kinds = set(counts)
    return "about" if "about" in kinds else "at most" if "at most" in kinds else "exact"


def hidden_text(bounds: Iterable[Bounds]) -> str:
    """What lies behind an open transaction and cannot be read yet, in words; nothing where nothing does."""
    parts = [
        f"{count_text(each.hidden, 'exact', 'offset')} from {each.end:,} on"
        + ("" if each.partition is None else f" in partition {each.partition}")
        for each in bounds
        if each.hidden
    ]
    return f"not readable yet, behind an open transaction: {', '.join(parts)}" if parts else ""


def count_text(count: int, counted: Counted, what: str = "") -> str:
    """A count in words that say what it is worth: ``5 messages``, ``up to 302 messages``."""
    mark = {"exact": "", "at most": "up to ", "about": "about "}[counted] if count else ""
    return f"{mark}{count:,}" + (f" {what}{'' if count == 1 else 's'}" if what else "")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The readable range of one partition: positions from `start` up to but excluding `end`.

    A position is an integer that grows along a partition: the offset, where there are offsets. Where there
    are none it is of the backend's making, may be of any size, and is shown as `show` writes it.
    partition: None where the system has no partitions.
    messages: how many there are, where the broker knows it better than ``end - start``. counted: what
    `estimate` is worth. hidden: offsets behind `end` that cannot be read yet, since a transaction before
    them is open.
    """

    partition: int | None
    start: int
    end: int
    messages: int | None = None
    counted: Counted = field(default="at most", kw_only=True, compare=False)
    hidden: int = field(default=0, kw_only=True, compare=False)

    @property
    def estimate(self) -> int:
        """How many messages lie in the range; gaps make it an upper bound unless it is `exact`."""
        return self.end - self.start if self.messages is None else self.messages

    def place(self, number: int) -> int:
        """The position that a number of a user's names. Raises ConfigError where numbers name none."""
        return number

    def show(self, position: int) -> str:
        """A position as users read it."""
        return f"{position:,}"

    def written(self, position: int) -> int | str:
        """A position as users write it, for `start=` and `end=`."""
        return position

    @property
    def exact(self) -> bool:
        """Whether `estimate` is how many messages there are."""
        return self.counted == "exact" or not self.estimate

    @property
    def dense(self) -> bool:
        """Whether it is known that every offset is a message."""
        return self.exact and self.estimate == self.end - self.start

    def advance(self, offset: int, count: int) -> int:
        """The offset `count` offsets further on, or back when negative."""
        return offset + count

    def after(self, offset: int, messages: int) -> int:
        """A later position with about so many messages between it and this one."""
        return offset + max(1, int(messages / max(self._density, 1e-9)))

    def before(self, offset: int, messages: int) -> int:
        """An earlier position with about so many messages between it and this one."""
        return offset - max(1, round(messages / max(self._density, 1e-9)))

    def between(self, start: int, stop: int) -> int:
        """About how many messages lie from `start` up to but excluding `stop`."""
        return round((stop - start) * self._density)

    @property
    def _density(self) -> float:
        return self.estimate / max(1, self.end - self.start)


@dataclass(frozen=True, slots=True)
class TopicInfo:
    """One line of a topic list. Counts are None where asking would be dear or impossible.

    counted: what `messages` is worth.
    """

    name: str
    partitions: int | None = None
    messages: int | None = None
    bytes: int | None = None
    internal: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)
    counted: Counted = field(default="exact", kw_only=True, compare=False)


@dataclass(frozen=True, slots=True)
class SubscriptionInfo:
    """Who reads a topic, and how far they are.

    lag: messages not yet delivered or acknowledged; counted: what that is worth. in_flight: delivered
    and not yet settled. members: consumers attached now. position: next offset to be read, by partition.
    """

    name: str
    kind: SubscriptionKind
    lag: int | None = None
    in_flight: int | None = None
    members: int | None = None
    position: Mapping[int | None, int | None] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    counted: Counted = field(default="exact", kw_only=True, compare=False)


@dataclass(frozen=True, slots=True)
class TopicDescription:
    """A topic with its partitions, its readers, and what else the system says of it."""

    name: str
    partitions: tuple[Bounds, ...]
    subscriptions: tuple[SubscriptionInfo, ...] = ()
    bytes: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def messages(self) -> int | None:
        """How many messages are readable, see `Bounds.estimate`; None where the system does not say."""
        return sum(bounds.estimate for bounds in self.partitions) if self.partitions else None

    @property
    def counted(self) -> Counted:
        """What `messages` is worth."""
        return worth_of(each.counted for each in self.partitions if not each.exact)

    @property
    def hidden(self) -> str:
        """What cannot be read yet, in words; see `hidden_text`."""
        return hidden_text(self.partitions)


@dataclass(frozen=True, slots=True)
class PublishTerms:
    """What a topic does with what is published to it, as far as the system says so.

    partitions: how many it has, 0 where it has none; None where that is not known. place: the partition
    of a key that names none; None where that is not known. keeps_times: whether a `publish_time` stays;
    false where the topic stamps messages itself. needs_key: a message without a key is refused.
    retention: messages whose `publish_time` is older are deleted; None: none are, or it is not known.
    oldest, newest: how far before and after the present a `publish_time` may lie; None: any. since: the
    first one that there can be. max_bytes: of a message as sent. known_again: for how long a second
    message of the same name is known as such, and dropped; None: not at all, or it is not known.
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


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of one partition that any process can read again: picklable, no secrets.

    start, end: positions, `end` exclusive. estimate: how many messages to expect at most.
    since, until: rows with other times are left out, in microseconds since 1970, `until` exclusive.
    counted: what `estimate` is worth.
    """

    topic: str
    partition: int | None
    start: int
    end: int
    estimate: int = field(default=0, compare=False)
    since: int | None = None
    until: int | None = None
    counted: Counted = field(default="at most", compare=False)

    @classmethod
    def from_plain(cls, plain: Sequence[Any]) -> Slice:
        """The slice that `plain` was made of."""
        topic, partition, start, end, *others = plain
        return cls(topic, partition, int(start), int(end), *others)

    @property
    def plain(self) -> list[Any]:
        """It as JSON has it: a position that many readers of JSON would round is text."""
        topic, partition, start, end, *others = astuple(self)
        return [topic, partition, _plain(start), _plain(end), *others]

    def after(self, offset: int) -> Slice:
        """What is left of it when everything up to and including position `offset` has been read."""
        start = max(self.start, offset + 1)
        return replace(self, start=start, estimate=min(self.estimate, self.end - start))

    @property
    def empty(self) -> bool:
        return self.start >= self.end


def _plain(position: int) -> int | str:
    return position if abs(position) < EXACT else str(position)
