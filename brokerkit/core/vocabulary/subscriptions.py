"""Subscriptions in full: their progress and members, and the plan and the receipts of a reset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .errors import BrokerError
from .positions import Position
from .topics import Bounds, Counted, SubscriptionInfo

MoveStatus = Literal["done", "accepted", "differs", "failed"]
"""Found there; accepted by a system that does not tell where it is; found elsewhere; refused."""


@dataclass(frozen=True, slots=True)
class AtSnapshot:
    """A snapshot of a subscription, where the system has them."""

    name: str

    def __str__(self) -> str:
        return f"snapshot:{self.name}"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a subscription has come in one partition.

    Attributes:
        partition: The number of the partition. None where the system has no partitions.
        committed: The position up to which everything is settled. None before the first.
        bounds: The readable range of the partition. None where the system does not say.
        lag: How many messages are not settled yet.
        counted: How far `lag` can be relied on.
        oldest: When the oldest of them was published, in microseconds since 1970.
    """

    partition: int | None
    committed: int | None = None
    bounds: Bounds | None = None
    lag: int | None = None
    counted: Counted = field(default="exact", kw_only=True)
    oldest: int | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A consumer that is attached to a subscription now.

    Attributes:
        id: Its id at the broker.
        client: The name that the client gave itself.
        host: Where it runs, as the broker sees it.
        partitions: The partitions that it reads. Empty where they are shared.
        details: What else the system says about it.
    """

    id: str
    client: str | None = None
    host: str | None = None
    partitions: tuple[int, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        name = self.client or self.id
        return f"{name} on {self.host}" if self.host else name


class Listing(list[SubscriptionInfo]):
    """A list of subscriptions that may lack some.

    Attributes:
        not_shown: What the user may not see, so that it may be missing: sentences.
    """

    def __init__(self, found: Iterable[SubscriptionInfo] = (), not_shown: Iterable[str] = ()) -> None:
        super().__init__(found)
        self.not_shown = tuple(not_shown)


@dataclass(frozen=True, slots=True)
class SubscriptionDescription:
    """A subscription with its progress, its members and its settings.

    Attributes:
        info: What a list of subscriptions shows of it.
        progress: How far it has come in each partition.
        members: The consumers that are attached now. None where the system does not say.
        settings: Its settings, in units that the names say.
        not_shown: What the user may not see, so that it may be missing here: sentences.
    """

    info: SubscriptionInfo
    progress: tuple[Progress, ...] = ()
    members: tuple[Member, ...] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    not_shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """A part of the plan of a reset: one partition.

    Attributes:
        partition: The number of the partition. None where the system has no partitions.
        before: Where the subscription is now. None where that is not known.
        after: Where it will be. None where the system goes by a time or a snapshot.
        bounds: The readable range of the partition. None where the system does not say.
        lag_before: How many messages are not settled now.
        lag: How many messages will not be settled then.
        counted: How far `lag` can be relied on.
    """

    partition: int | None
    before: int | None
    after: int | None
    bounds: Bounds | None
    lag_before: int | None = None
    lag: int | None = None
    counted: Counted = field(default="at most", kw_only=True)


@dataclass(frozen=True, slots=True)
class ResetPlan:
    """The plan of a reset.

    Attributes:
        topic: The name of the topic.
        subscription: The name of the subscription.
        to: What was asked for, in words.
        moves: What happens to each partition.
        position: The time or snapshot, where the system has no positions. None elsewhere.
        notes: What else is to be known before it is carried out.
    """

    topic: str
    subscription: str
    to: str
    moves: tuple[Move, ...]
    position: Position | AtSnapshot | None = None
    notes: tuple[str, ...] = ()

    @property
    def targets(self) -> dict[int | None, int]:
        """The position to go to, by partition."""
        return {each.partition: each.after for each in self.moves if each.after is not None}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one move.

    Attributes:
        move: The move as planned.
        status: See `MoveStatus`.
        found: Where the subscription was found afterwards. None where that is not known.
        error: Why it was not carried out.
    """

    move: Move
    status: MoveStatus
    found: int | None = None
    error: BrokerError | None = None
