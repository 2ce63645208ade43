"""Batches of messages that the caller acknowledges."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from brokerkit.core.runtime.received import ReceivedBatch
from brokerkit.core.runtime.silence import Ending
from brokerkit.core.vocabulary.errors import Closed
from brokerkit.core.vocabulary.freed import freed
from brokerkit.display import markup
from brokerkit.display.descriptions import records
from brokerkit.display.sanitize import plain

from .pull import Acknowledging

if TYPE_CHECKING:
    import pandas as pd

    from .pull import AnyConsumer


SHOWN_ROWS = 10
READ_COLUMNS = ["topic", "partition", "offset", "key", "raw_key", "value", "raw"]
SHOWN_COLUMNS = ["topic", "partition", "offset", "key", "value"]


class Batch(markup.Displayed):
    """Messages that stay yours until you settle them.

    Use it as a context manager to acknowledge the batch, or to return it if the block raises::

        with batch:
            work(batch.frame)

    The number of messages is ``len(batch)``.
    """

    def __init__(
        self, origin: Batches, make_frame: Callable[[Sequence[ReceivedBatch]], pd.DataFrame]
    ) -> None:
        self.batches: Sequence[ReceivedBatch] = ()
        self._origin = origin  # keeps the consumer alive while this batch may still be settled
        self._make_frame = make_frame
        self._given_back = False
        self._ending = Ending()

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The messages as a DataFrame."""
        return self._make_frame(self.batches)

    def __len__(self) -> int:
        return sum(len(received) for received in self.batches)

    @property
    def ended(self) -> str:
        """Why the batch ended, in words: "at 500 messages", "at max_bytes=128,000,000", "at the timeout"."""
        return self._ending.why or "with an error"

    @property
    def settled(self) -> bool:
        """Whether every message is acknowledged or returned."""
        return all(received.settled for received in self.batches)

    def ack(self) -> None:
        """Acknowledge all messages; on a log, commit past the last of each partition.

        Acknowledging twice has no effect.

        Raises:
            AckFailed: Some messages were not confirmed; the error has `.frame`.
            StaleAck: The messages no longer belong to this consumer; the error has `.frame`.
            LockLost: The lock on the messages expired; the error has `.frame`.
        """
        Acknowledging(self.batches, lambda: self.frame, kept_in="batch.frame").run()

    def nack(self) -> None:
        """Return all unsettled messages to the broker; on a log, seek back to them."""
        self._given_back = True
        for received in self.batches:
            received.nack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._given_back:
            return
        if kind is None:
            self.ack()
        elif not self.settled:
            self.nack()

    def __repr__(self) -> str:
        return f"<batch of {self._counted}, {'settled' if self.settled else 'not settled'}>"

    @property
    def _counted(self) -> str:
        early = f" {self.ended}" if "max_bytes" in self.ended else ""
        return f"{len(self):,} messages{early}"

    def _repr_html_(self) -> str:
        # key and payload are in one of two columns each: as text, or as bytes that are not text
        rows = [
            (*place, raw_key if key is None else key, raw if value is None else value)
            for *place, key, raw_key, value, raw in records(self.frame[READ_COLUMNS].head(SHOWN_ROWS))
        ]
        owed = "settled" if self.settled else "not settled: batch.ack() or batch.nack()"
        more = len(self) - SHOWN_ROWS
        return markup.block(
            markup.heading(f"batch of {self._counted}, {owed}"),
            markup.table(SHOWN_COLUMNS, rows),
            markup.paragraph(f"and {more:,} more in batch.frame" if more > 0 else ""),
        )


class Batches:
    """An iterator of `Batch` objects with a consumer of its own, endless unless `idle` is given.

    An interrupt while it waits loses nothing: iterate again to get the same messages.

    With `idle` it ends when no message came for so many seconds and, where the broker says how many are
    left, those have come. It then closes its consumer, unless a batch is not settled yet. Iterating again
    opens a new consumer.

    `release` closes the consumer while it holds `_lock`, and so waits for the thread of the consumer. The
    order is `_lock` first, then the locks of the consumer: code that holds one of these, or runs on that
    thread, must not take `_lock`. `__next__` does not hold `_lock` while it waits for messages.
    """

    def __init__(
        self,
        open_consumer: Callable[..., AnyConsumer],
        make_frame: Callable[[Sequence[ReceivedBatch]], pd.DataFrame],
        *,
        start: Any,
        size: int,
        max_bytes: int | None,
        window: float | None,
        idle: float | None,
    ) -> None:
        self._open_consumer = open_consumer
        self._consumer: AnyConsumer | None = open_consumer(start=start)
        self._name = self._consumer.name
        self._make_frame = make_frame
        self._size = size
        self._max_bytes = max_bytes
        self._window = window
        self._idle = idle
        self._lock = threading.RLock()
        self._waiting = False
        self._closed = False
        self._handed_over: weakref.WeakSet[Batch] = weakref.WeakSet()

    @property
    def consumer(self) -> AnyConsumer:
        """The consumer underneath; a new one after `release`."""
        if self._closed:
            raise Closed(f"the batches of {self._name} are closed")
        if self._consumer is None:
            self._consumer = self._open_consumer()
        return self._consumer

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        batch = Batch(self, self._make_frame)
        self._handed_over.add(batch)
        try:
            with freed(self._lock), self._lock:
                self._waiting = True
                consumer = self.consumer
            # no call may come after this one: a signal there would lose the messages
            batch.batches = consumer.fetch_many(
                self._size,
                self._idle,
                window=self._window,
                thorough=True,
                ending=batch._ending,
                max_bytes=self._max_bytes,
            )
        finally:
            self._waiting = False
        if batch.batches:
            return batch
        # a fetch may be under way: its messages are for other consumers, not for a loop that has ended
        self.release()
        raise StopIteration

    def release(self) -> None:
        """Return undelivered messages to the broker, unless a caller is waiting or a batch is unsettled.

        A stopped cell is often run again as it is. The old loop, which Python keeps for its traceback, must
        not hold messages that the new loop waits for.
        """
        with freed(self._lock), self._lock:
            if self._waiting or self._consumer is None or not all(b.settled for b in self._handed_over):
                return
            ended, self._consumer = self._consumer, None
            ended.close()

    def close(self) -> None:
        """Return all unsettled messages to the broker, and close the consumer."""
        self._closed = True
        if self._consumer is not None:
            self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        consumer = getattr(self, "_consumer", None)
        if consumer is not None:
            # it is part of a reference cycle and would otherwise be collected much later
            consumer.drop()

    def __repr__(self) -> str:
        return f"<batches of {self._size:,} from {plain(self._name)}>"
