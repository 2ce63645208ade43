"""The plan of a purge and its receipts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .errors import BrokerError
from .subscriptions import MoveStatus, ResetPlan
from .topics import Bounds, Counted

PurgeKind = Literal["log", "messages", "queue", "backlog", "everything"]
"""How a system removes messages: from the beginning of each partition up to a position; single messages of
a log; those that wait in a queue; those that wait for one subscription; or all of a topic at once."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of the plan of a purge: one partition.

    Attributes:
        partition: The number of the partition. None where the system has no partitions.
        start: The first position now. None where there are no positions.
        before: The first position that stays. None where the system goes by a time.
        bounds: The readable range of the partition now. None where the system does not say.
        messages: How many messages are removed. None where that is not known.
        counted: How far `messages` can be relied on.
    """

    partition: int | None
    start: int | None
    before: int | None
    bounds: Bounds | None = None
    messages: int | None = None
    counted: Counted = field(default="at most", kw_only=True)


@dataclass(frozen=True, slots=True)
class PurgePlan:
    """The plan of a purge.

    Attributes:
        topic: The name of the topic.
        kind: How it is done.
        before: What was asked for, in words.
        cuts: What happens to each partition.
        moment: Only messages that were enqueued before it, in microseconds since 1970; for a queue. None for
            all.
        notes: What else is to be known before it is carried out.
        reset: The reset that removes the backlog of a subscription. None elsewhere.
    """

    topic: str
    kind: PurgeKind
    before: str
    cuts: tuple[Cut, ...]
    moment: int | None = None
    notes: tuple[str, ...] = ()
    reset: ResetPlan | None = None

    @property
    def targets(self) -> dict[int | None, int]:
        """The first position that stays, by partition. Partitions that lose nothing are left out."""
        return {
            each.partition: each.before
            for each in self.cuts
            if each.before is not None and (each.start is None or each.before > each.start)
        }

    @property
    def messages(self) -> int | None:
        """How many messages are removed at most. None where that is not known."""
        counts = [each.messages for each in self.cuts]
        return None if None in counts else sum(count or 0 for count in counts)


@dataclass(frozen=True, slots=True)
class PurgeReceipt:
    """What became of one cut.

    Attributes:
        cut: The cut as planned.
        status: "done" if nothing is left before the position, "accepted" where the system does not tell,
            "differs" if something is left, "failed" with the error.
        found: The first position afterwards. None where there are no positions.
        removed: How many messages were removed. None where the system does not say.
        error: Why it was not carried out.
    """

    cut: Cut
    status: MoveStatus
    found: int | None = None
    removed: int | None = None
    error: BrokerError | None = None
