"""The messages of one call on their way: the waves in which they go out, and what is known of each."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable
from itertools import repeat

from confluent_kafka import KafkaError, Message

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.outcomes import NO_OFFSET, NOT_STORED, Outcomes, Places
from brokerkit.core.vocabulary.results import PublishResult

from .errors import SURELY_NOT_STORED, codes, translate
from .narrowing import NO_TIME, Round

WITH_OTHERS = codes("INVALID_RECORD", "INVALID_TIMESTAMP", "MSG_SIZE_TOO_LARGE", "_INVALID_DIFFERENT_RECORD")
"""Delivery errors of a whole batch that may be due to one of its messages."""
INNOCENT = codes("_INVALID_DIFFERENT_RECORD")
"""Delivery errors of the messages of a refused batch that the broker did not name."""


_Failed = Callable[[int, KafkaError, Message], None]


def _ignore(row: int, error: KafkaError, message: Message) -> None:
    """Take a report before the first call: there is none."""


class Wave:
    """Messages that are on their way together, with at most one batch of each partition.

    Messages without a key and a partition have no order, and may be in more batches.

    Args:
        most_bytes: The bytes of records that surely fit into one batch.
        most_rows: The number of messages that fit into one batch.
        split: Whether messages of a partition may be in more than one batch from the beginning.

    Attributes:
        split: Whether messages of a partition may be in more than one batch.
    """

    def __init__(self, most_bytes: int, most_rows: int, split: bool) -> None:
        self.split = split
        self._most_bytes = most_bytes
        self._most_rows = most_rows
        self._rows = 0
        self._ordered = False
        self._anywhere: dict[str, int] = {}
        self._places: dict[tuple[str, int], int] = {}
        self._fullest: dict[str, int] = {}

    def takes(self, topic: str, message: OutboundMessage, size: int) -> bool:
        """Add a message of this size unless it would need a second batch. Return whether it was added."""
        place = message.partition
        ordered = self._ordered or place is not None or message.key is not None
        anywhere, fullest = self._anywhere.get(topic, 0), self._fullest.get(topic, 0)
        if place is None:
            anywhere += size
        else:
            there = self._places.get((topic, place), 0) + size
            fullest = max(fullest, there)
        full = self._rows >= self._most_rows or anywhere + fullest > self._most_bytes
        if self._rows and ordered and full:
            return False
        self.split = self.split or full
        self._rows += 1
        self._ordered = ordered
        self._anywhere[topic], self._fullest[topic] = anywhere, fullest
        if place is not None:
            self._places[topic, place] = there
        return True


class Reports:
    """The delivery reports of the messages of one producer, by row.

    The functions that take them are made once and used again for each call. After messages were given up,
    late reports of these still come: a new object is needed for the next call then.
    """

    def __init__(self) -> None:
        self._partitions = array("i")
        self._offsets = array("q")
        self._failed: _Failed = _ignore
        self.takers: list[Callable[[KafkaError | None, Message], None]] = []
        """For each row, the function that takes its delivery report."""

    def begin(self, count: int, failed: _Failed) -> None:
        """Begin a call of so many messages; `failed` takes the reports of those that were not delivered."""
        more = count - len(self.takers)
        if more > 0:
            self._partitions.extend(repeat(0, more))
            self._offsets.extend(repeat(NOT_STORED, more))
            self.takers += map(self._taker, range(len(self.takers), count))
        self._offsets[:count] = array("q", [NOT_STORED]) * count
        self._failed = failed

    def _taker(self, row: int) -> Callable[[KafkaError | None, Message], None]:
        partitions, offsets = self._partitions, self._offsets

        def take(error: KafkaError | None, message: Message) -> None:
            if error is None:
                offset = message.offset()
                offsets[row] = NO_OFFSET if offset is None else offset
                partitions[row] = message.partition()  # type: ignore[assignment]  # a stored message has one
            else:
                self._failed(row, error, message)

        return take

    def delivered(self, count: int) -> int:
        """Return how many of the first `count` rows were delivered."""
        return count - self._offsets[:count].count(NOT_STORED)

    def places(self, count: int) -> Places:
        """Return where the first `count` rows were stored."""
        return Places(self._partitions[:count], self._offsets[:count])


class Sending:
    """The messages of one call and the outcomes that are known so far.

    Args:
        count: The number of messages.
        reports: Where the delivery reports of these messages go from now on.

    Attributes:
        given: The number of messages that were given to the client library.
        others: The outcomes of messages that were not confirmed, as far as they are known.
        given_up: Why the rest is not waited for, or None.
        unsent: The rows that were not given to the client library.
    """

    def __init__(self, count: int, reports: Reports) -> None:
        self.given = 0
        self.others: dict[int, PublishResult] = {}
        self.given_up: BrokerError | None = None
        self.unsent: list[int] = []
        self._not_delivered_rows = 0
        self.takers = reports.takers
        """For each row, the function that takes its delivery report."""
        self._reports = reports
        self._count = count
        reports.begin(count, self._not_delivered)
        self._refused: defaultdict[tuple[str | None, int | None], dict[int, int]] = defaultdict(dict)

    @property
    def refused(self) -> bool:
        """Whether the broker refused a batch."""
        return bool(self._refused)

    @property
    def stopped(self) -> bool:
        """Whether no more is to be sent: the broker refused a batch, or the rest is not waited for."""
        return bool(self._refused) or self.given_up is not None

    @property
    def stored(self) -> bool:
        """Whether the broker confirmed a message."""
        return self._reports.delivered(self._count) > 0

    @property
    def waiting(self) -> int:
        """The number of messages without a delivery report."""
        return max(0, self.given - self._not_delivered_rows - self._reports.delivered(self._count))

    def _not_delivered(self, row: int, error: KafkaError, message: Message) -> None:
        self._not_delivered_rows += 1
        code = error.code()
        if code in WITH_OTHERS:
            self._refused[message.topic(), message.partition()][row] = code
        if code in SURELY_NOT_STORED or code in WITH_OTHERS:
            self.others[row] = PublishResult("failed", error=translate(error, "publishing"))
        else:
            problem = self.given_up or translate(error, "publishing")
            self.others[row] = PublishResult("unknown", error=problem)

    def outcomes(self) -> Outcomes:
        """Return an outcome for each message, whether a report of it came or not."""
        why = self.given_up or BrokerError(NO_TIME, retryable=True)
        others = self.others | {row: PublishResult("failed", error=why) for row in self.unsent}
        places = self._reports.places(self._count)
        if NOT_STORED in places.offsets:
            for row, offset in enumerate(places.offsets):
                if offset == NOT_STORED and row not in others:
                    others[row] = PublishResult("unknown", error=self.given_up)
        return Outcomes(places, others)

    def round(self, split: bool) -> Round:
        """Return the outcomes, and what is to be sent again because of a refused batch.

        The broker names the wrong messages of a batch if there are several. If it is one, the client library
        reports the same error for the whole batch.

        Args:
            split: Whether messages of a partition may have been in more than one batch.
        """
        if self.given_up is not None:
            return Round(self.outcomes())
        suspected: list[list[int]] = []
        again = list(self.unsent)
        for codes_by_row in self._refused.values():
            others = [row for row, code in codes_by_row.items() if code in INNOCENT]
            again += others
            named = codes_by_row.keys() - others
            if len(named) > 1 and (split or not others):
                suspected.append(sorted(named))
        return Round(self.outcomes(), suspected, sorted(again))
