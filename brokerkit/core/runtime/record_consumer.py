"""Consuming records of a log, which are acknowledged by one position per partition."""

from __future__ import annotations

import time
import weakref
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from ..contract.ack_errors import as_ack_error
from ..contract.consumer import Fetched, Outcome, Partition, RecordDriver
from ..vocabulary.cancellation import Cancellation
from ..vocabulary.errors import BrokerError, LockLost, StaleAck
from ..vocabulary.freed import freed
from ..vocabulary.messages import Record
from .consumer import Consumer
from .consumer_thread import NEVER
from .received import Fetch, ReceivedBatch


class RecordFetch(Fetch):
    """The records of one fetch, with the epoch of each partition.

    The epoch of a partition grows when the partition is taken away, or read again from an earlier offset.
    Records of an older epoch are stale: acknowledging one raises.

    Attributes:
        offsets: By row.
        partitions: By row.
        last: The last offset of each partition.
        epochs: The epoch of each partition at the time of the fetch.
    """

    consumer: RecordConsumer

    def __init__(self, consumer: RecordConsumer, fetched: Fetched) -> None:
        super().__init__(consumer, fetched.columns)
        self.offsets: list[int] = self.columns.positions()
        self.partitions: list[Partition] = list(
            zip(self.columns.values("topic"), self.columns.values("partition"), strict=True)
        )
        self.last: dict[Partition, int] = dict(zip(self.partitions, self.offsets, strict=True))
        self.epochs = {partition: consumer.epochs.get(partition, 0) for partition in self.last}

    def highest(self, rows: Iterable[int]) -> dict[Partition, int]:
        """Return the highest offset of these rows in each partition."""
        partitions, offsets = self.partitions, self.offsets
        found: dict[Partition, int] = {}
        for row in rows:
            partition, offset = partitions[row], offsets[row]
            if partition not in found or found[partition] < offset:
                found[partition] = offset
        return found

    def stale(self, partition: Partition) -> bool:
        """Tell whether a partition was taken away or read again since the fetch."""
        return self.epochs[partition] != self.consumer.epochs.get(partition, 0)

    def settled(self, row: int) -> bool:
        """Tell whether a record is committed or stale."""
        partition = self.partitions[row]
        return self.stale(partition) or self.offsets[row] < self.consumer.marks.get(partition, 0)

    def pending(self, start: int, stop: int) -> list[int]:
        """Return the rows from `start` up to but excluding `stop` that are not settled."""
        if not self.open:
            return []
        return [row for row in range(start, stop) if not self.settled(row)]

    @property
    def open(self) -> bool:
        """Whether any record is not settled."""
        return any(
            not self.stale(partition) and offset >= self.consumer.marks.get(partition, 0)
            for partition, offset in self.last.items()
        )


class RecordConsumer(Consumer[Record]):
    """A consumer of records. Acknowledging one commits everything before it in its partition.

    It has every record protocol of ``brokerkit.core``. Nothing is fetched before a caller asks for it.
    Closing it commits nothing: records that were not acknowledged are read again by the next consumer.

    Only the driver's thread writes `marks`, `epochs`, `_first` and `_reasons`; callers read the first two. No
    position is committed that is before the one in `marks`, until the partition is taken away.

    Attributes:
        marks: The next offset by (topic, partition), as far as this consumer committed it.
        epochs: How often a partition was taken away or read again, by (topic, partition).
    """

    _driver: RecordDriver
    _outstanding: dict[Any, None]

    def __init__(self, driver: RecordDriver, **options: Any) -> None:
        self.marks: dict[Partition, int] = {}
        self.epochs: dict[Partition, int] = {}
        self._first: dict[Partition, int] = {}
        self._reasons: dict[Partition, str] = {}
        # the thread keeps the driver alive, and the driver must not keep this consumer alive
        on_lost = weakref.WeakMethod(self._on_lost)

        def lost(partitions: Collection[Partition]) -> None:
            told = on_lost()
            if told is not None:
                told(partitions)

        driver.on_lost = lost
        super().__init__(driver, **options)

    def next_record(
        self, timeout: float | None = None, *, cancellation: Cancellation | None = None
    ) -> Record | None:
        """Return the next record, or None if none came within `timeout` seconds.

        Args:
            timeout: Seconds to wait. None for no limit.
            cancellation: Ends the wait from another thread.

        Raises:
            Cancelled: `cancellation` was cancelled.
            Closed: The consumer is closed.
            BrokerError: The broker refused, or did not answer until the timeout.
        """
        return self._next(timeout, cancellation)

    def _items(self, received: ReceivedBatch) -> list[Record]:
        return received.records()

    # The driver's thread.

    def _as_fetch(self, fetched: Fetched) -> Fetch:
        fetch = RecordFetch(self, fetched)
        for partition, offset in zip(fetch.partitions, fetch.offsets, strict=True):
            if partition not in self._first:
                self._first[partition] = offset
        return fetch

    def _settle(
        self,
        fetch: RecordFetch,
        rows: Sequence[int],
        outcome: Outcome,
        delay: float | None,
        reason: str | None,
    ) -> dict[int, BrokerError]:
        if outcome is Outcome.NACK:
            self._seek_back({fetch.partitions[row] for row in rows if not fetch.settled(row)})
            return {}
        return self._commit(fetch, rows)

    def _commit(self, fetch: RecordFetch, rows: Sequence[int]) -> dict[int, BrokerError]:
        """Commit the highest of these rows in each partition, unless it is committed or stale."""
        failed: dict[Partition, BrokerError] = {}
        positions: dict[Partition, int] = {}
        for partition, offset in fetch.highest(rows).items():
            position = self._driver.next_offset(offset)
            # committing an older position would move the group back
            if position <= self.marks.get(partition, -1):
                continue
            if fetch.stale(partition):
                failed[partition] = self._stale(partition)
            else:
                positions[partition] = position
        if positions:
            results = self._driver.commit(positions)
            for partition, position in positions.items():
                error = results.get(partition)
                if error is None:
                    self.marks[partition] = position
                else:
                    failed[partition] = as_ack_error(self._translate(error))
        self._outstanding = {each: None for each in self._outstanding if each.open}
        return {
            row: failed[fetch.partitions[row]]
            for row in rows
            if fetch.partitions[row] in failed and not self._committed(fetch, row)
        }

    def _committed(self, fetch: RecordFetch, row: int) -> bool:
        """Tell whether a record is committed."""
        return fetch.offsets[row] < self.marks.get(fetch.partitions[row], 0)

    def _stale(self, partition: Partition) -> BrokerError:
        """Return the error for acknowledging a record of a stale partition."""
        topic, number = partition
        reason = self._reasons.get(partition, "returned")
        kind = LockLost if reason == HELD_TOO_LONG else StaleAck
        return kind(
            f"partition {number} of {topic!r} was {reason} since this record was read; "
            "it will be, or was, delivered again, and nothing was committed"
        )

    def _seek_back(self, partitions: Collection[Partition], reason: str = "returned") -> None:
        """Read partitions again from their first unacknowledged record. Records so far become stale."""
        positions = {each: self.marks.get(each, self._first[each]) for each in partitions}
        if positions:
            self._driver.seek(positions)
            self._forget(positions, reason)

    def _on_lost(self, partitions: Collection[Partition]) -> None:
        """Forget partitions that were taken away. The driver calls it on its thread."""
        self._forget(partitions, "taken away")
        for partition in partitions:
            self.marks.pop(partition, None)
            self._first.pop(partition, None)

    def _forget(self, partitions: Collection[Partition], reason: str) -> None:
        """Make all records of these partitions stale, and drop those that no caller received."""
        for partition in partitions:
            self.epochs[partition] = self.epochs.get(partition, 0) + 1
            self._reasons[partition] = reason
        with freed(self._lock), self._lock:
            kept = [piece for received in self._buffer for piece in self._current(received)]
            self._buffer.clear()
            self._buffer.extend(kept)
        self._outstanding = {each: None for each in self._outstanding if each.open}

    def _current(self, received: ReceivedBatch) -> list[ReceivedBatch]:
        """Return the rows of a batch that are not settled, as a batch of their own or none."""
        rows = received.pending_rows()
        if len(rows) == len(received):
            return [received]
        if not rows:
            return []
        fetch = RecordFetch(self, Fetched(received.fetch.columns.take(rows)))
        fetch.received_at = received.fetch.received_at
        self._outstanding[fetch] = None
        return [ReceivedBatch(fetch, 0, len(fetch))]

    def _keep_alive(self) -> float:
        now = time.monotonic()
        again = NEVER
        for fetch in list(self._outstanding):
            if not fetch.open:
                self._outstanding.pop(fetch, None)
            elif now >= fetch.received_at + self._hold_seconds:
                self._seek_back({p for p in fetch.last if not fetch.stale(p)}, HELD_TOO_LONG)
            else:
                again = min(again, fetch.received_at + self._hold_seconds)
        return again

    def _give_back(self, timeout: float) -> None:
        """Do nothing: records that are not committed are read again by the next consumer."""


HELD_TOO_LONG = "held for longer than hold= seconds"
