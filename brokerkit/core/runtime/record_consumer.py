"""Consuming records of a log, acknowledged by a position per partition."""

from __future__ import annotations

import time
import weakref
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from ..contract.driver import Fetched, Outcome, Partition, RecordDriver, as_ack_error
from ..vocabulary.cancellation import Cancellation
from ..vocabulary.errors import BrokerError, LockLost, StaleAck
from ..vocabulary.messages import Record
from .consumer import NEVER, Consumer
from .received import Fetch, ReceivedBatch


class RecordFetch(Fetch):
    """Fetched records with the epoch of each of their partitions.

    A partition's epoch grows when it is taken away or sought back: older receipts are then stale.
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

    def stale(self, partition: Partition) -> bool:
        return self.epochs[partition] != self.consumer.epochs.get(partition, 0)

    def settled(self, row: int) -> bool:
        partition = self.partitions[row]
        return self.stale(partition) or self.offsets[row] < self.consumer.marks.get(partition, 0)

    def pending(self, start: int, stop: int) -> list[int]:
        if not self.open:
            return []
        return [row for row in range(start, stop) if not self.settled(row)]

    @property
    def open(self) -> bool:
        return any(
            not self.stale(partition) and offset >= self.consumer.marks.get(partition, 0)
            for partition, offset in self.last.items()
        )


class RecordConsumer(Consumer):
    """Consumes records; acknowledging one commits everything before it in its partition.

    marks: the committed position by (topic, partition), as far as this consumer committed it.
    """

    _driver: RecordDriver
    _outstanding: set[Any]

    def __init__(self, driver: RecordDriver, **options: Any) -> None:
        self.marks: dict[Partition, int] = {}
        self.epochs: dict[Partition, int] = {}
        self._first: dict[Partition, int] = {}
        self._reasons: dict[Partition, str] = {}
        # the owner thread keeps the driver alive, which must not keep this alive
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
        """The next record, or None when none came within `timeout` seconds."""
        records = self._next_items(1, timeout, cancellation)
        return records[0] if records else None

    def next_batch(
        self,
        max_messages: int,
        timeout: float | None = None,
        *,
        cancellation: Cancellation | None = None,
    ) -> list[Record]:
        """Up to `max_messages`: as soon as there are that many, or what is there at `timeout`."""
        return self._next_items(max_messages, timeout, cancellation)

    def _items(self, held: ReceivedBatch) -> list[Record]:
        return held.records()

    def __iter__(self) -> Iterator[Record]:
        """Records for ever."""
        while True:
            record = self.next_record()
            if record is not None:
                yield record

    # The owner thread.

    def _chunk(self, fetched: Fetched) -> Fetch:
        chunk = RecordFetch(self, fetched)
        for partition, offset in zip(chunk.partitions, chunk.offsets, strict=True):
            if partition not in self._first:
                self._first[partition] = offset
        return chunk

    def _settle(
        self,
        chunk: RecordFetch,
        rows: Sequence[int],
        outcome: Outcome,
        delay: float | None,
        reason: str | None,
    ) -> dict[int, BrokerError]:
        if outcome is Outcome.NACK:
            self._seek_back({chunk.partitions[row] for row in rows if not chunk.settled(row)})
            return {}
        return self._commit(chunk, rows)

    def _commit(self, chunk: RecordFetch, rows: Sequence[int]) -> dict[int, BrokerError]:
        failed: dict[Partition, BrokerError] = {}
        positions: dict[Partition, int] = {}
        for row in rows:
            partition = chunk.partitions[row]
            position = self._driver.next_offset(chunk.offsets[row])
            # committing an older position would rewind the group
            if position <= max(self.marks.get(partition, -1), positions.get(partition, -1)):
                continue
            if chunk.stale(partition):
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
        self._outstanding = {each for each in self._outstanding if each.open}
        return {
            row: failed[chunk.partitions[row]]
            for row in rows
            if chunk.partitions[row] in failed and not self._committed(chunk, row)
        }

    def _committed(self, chunk: RecordFetch, row: int) -> bool:
        return chunk.offsets[row] < self.marks.get(chunk.partitions[row], 0)

    def _stale(self, partition: Partition) -> BrokerError:
        topic, number = partition
        reason = self._reasons.get(partition, "given back")
        kind = LockLost if reason == HELD_TOO_LONG else StaleAck
        return kind(
            f"partition {number} of {topic!r} was {reason} since this record was read; "
            "it will be, or was, delivered again, and nothing was committed"
        )

    def _seek_back(self, partitions: Collection[Partition], reason: str = "given back") -> None:
        """Read these again from their first unacknowledged record; receipts so far become stale."""
        positions = {each: self.marks.get(each, self._first[each]) for each in partitions}
        if positions:
            self._driver.seek(positions)
            self._forget(positions, reason)

    def _on_lost(self, partitions: Collection[Partition]) -> None:
        self._forget(partitions, "taken away")
        for partition in partitions:
            self.marks.pop(partition, None)
            self._first.pop(partition, None)

    def _forget(self, partitions: Collection[Partition], reason: str) -> None:
        """Make all receipts of these partitions stale, and drop their rows that nobody took."""
        for partition in partitions:
            self.epochs[partition] = self.epochs.get(partition, 0) + 1
            self._reasons[partition] = reason
        with self._lock:
            kept = [piece for held in self._buffer for piece in self._current(held)]
            self._buffer.clear()
            self._buffer.extend(kept)
        self._outstanding = {each for each in self._outstanding if each.open}

    def _current(self, held: ReceivedBatch) -> list[ReceivedBatch]:
        """The rows of a batch that are not stale, as a batch of their own."""
        rows = held.pending_rows()
        if len(rows) == len(held):
            return [held]
        if not rows:
            return []
        chunk = RecordFetch(self, Fetched(held.chunk.columns.take(rows)))
        chunk.received_at = held.chunk.received_at
        self._outstanding.add(chunk)
        return [ReceivedBatch(chunk, 0, len(chunk))]

    def _keep_alive(self) -> float:
        now = time.monotonic()
        again = NEVER
        for chunk in list(self._outstanding):
            if not chunk.open:
                self._outstanding.discard(chunk)
            elif now >= chunk.received_at + self._hold_seconds:
                self._seek_back({p for p in chunk.last if not chunk.stale(p)}, HELD_TOO_LONG)
            else:
                again = min(again, chunk.received_at + self._hold_seconds)
        return again

    def _give_back(self) -> None:
        """Nothing to do: what is not committed is read again by whoever comes next."""


HELD_TOO_LONG = "held for longer than hold= seconds"
