"""Sending messages in chunks, and again where that cannot change their order or store them twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from ..contract.publisher import PublisherDriver
from ..vocabulary.cancellation import Deadline
from ..vocabulary.capabilities import Capabilities
from ..vocabulary.errors import BrokerError
from ..vocabulary.messages import OutboundMessage
from ..vocabulary.outbound_rows import TopicRows
from ..vocabulary.outcomes import Outcomes, all_ok
from ..vocabulary.results import PublishResult
from .driver_thread import Task
from .repeating import after, known_rows

CHUNK_BYTES = 16_000_000
WINDOW_SECONDS = 2.0
"""How long to ask for the window within which a topic remembers a `dedup_id`."""
FIRST_RETRY_SECONDS = 0.1
LAST_RETRY_SECONDS = 1.0

Outgoing = tuple[str, OutboundMessage]


class Sending(Task[Sequence[PublishResult]]):
    """The messages of one caller on their way.

    The driver's thread calls `finish` or closing calls `fail`; the caller waits.
    """

    def __init__(self, batch: Sequence[Outgoing], deadline: Deadline) -> None:
        super().__init__(lambda: [])
        self.batch = batch
        self.deadline = deadline

    def finish(self, results: Sequence[PublishResult]) -> None:
        """Set the outcomes."""
        self._work = lambda: results
        self.run()


class Sender:
    """What the thread of a publisher does with messages: it sends them, and repeats what is worth it.

    Only the driver's thread calls it. Closing sets `closing` from another thread.

    Attributes:
        closing: Until when messages may be sent although their own deadline is later. None while open.
    """

    def __init__(
        self,
        driver: PublisherDriver,
        translate: Callable[[BaseException], BrokerError],
    ) -> None:
        self._driver = driver
        self._translate = translate
        self.closing: Deadline | None = None

    def send(
        self, batch: Sequence[Outgoing], deadline: Deadline, capabilities: Capabilities
    ) -> Sequence[PublishResult]:
        """Send messages in chunks. Return the outcomes."""
        limit = most_messages(self._driver, capabilities)
        sent = [self._send_chunk(chunk, deadline, capabilities.dedup_ids) for chunk in _chunks(batch, limit)]
        return sent[0] if len(sent) == 1 else [*chain.from_iterable(sent)]

    def _send_chunk(
        self, chunk: Sequence[Outgoing], deadline: Deadline, dedup_ids: bool
    ) -> Sequence[PublishResult]:
        """Send one chunk, and send again what is worth it until the deadline. Return the outcomes."""
        since = time.monotonic()
        first = self._attempt(chunk, deadline)
        if all_ok(first):
            return first
        results = [*first]
        pause = FIRST_RETRY_SECONDS
        while rows := self._to_retry(chunk, results, dedup_ids):
            if self._left(deadline) <= pause:
                break
            time.sleep(pause)
            pause = min(2 * pause, LAST_RETRY_SECONDS)
            rows, later = known_rows(
                chunk,
                results,
                rows,
                lambda: time.monotonic() - since,
                lambda topic: self._window(topic, deadline),
            )
            if not rows and not later:
                break
            again = self._attempt([chunk[row] for row in rows], deadline) if rows else []
            for row, result in zip(rows, again, strict=True):
                results[row] = after(results[row], result)
        return results

    def _window(self, topic: str, deadline: Deadline) -> float | None:
        """Return for how many seconds a topic remembers a `dedup_id`. None if that is not known now."""
        try:
            return self._driver.known_again(topic, max(0.1, min(WINDOW_SECONDS, self._left(deadline))))
        except Exception as error:
            # a topic that cannot be asked is not asked again
            return None if self._translate(error).retryable else 0.0

    def _left(self, deadline: Deadline) -> float:
        """Return the seconds left, which closing may shorten."""
        closing = self.closing
        left = deadline.remaining()
        return left if closing is None else min(left, closing.remaining())

    def _attempt(self, chunk: Sequence[Outgoing], deadline: Deadline) -> Sequence[PublishResult]:
        """Send messages once. Return an outcome for each, also if the driver raises."""
        try:
            results = self._driver.send(chunk, max(0.1, self._left(deadline)))
            if len(results) != len(chunk):
                raise BrokerError(f"the driver gave {len(results)} outcomes for {len(chunk)} messages")
        except BaseException as error:
            problem = self._translate(error)
            return [PublishResult("unknown", error=problem) for _ in chunk]
        if isinstance(results, Outcomes):
            return results.translated(self._translate)
        return [
            result if result.error is None else replace(result, error=self._translate(result.error))
            for result in results
        ]

    def _to_retry(
        self, chunk: Sequence[Outgoing], results: Sequence[PublishResult], dedup_ids: bool
    ) -> list[int]:
        """Return the rows worth another attempt.

        They have a retryable error, were surely not stored (or have a `dedup_id`), and no later message of
        their key or partition was stored, so that another attempt cannot change the order.
        """
        overtaken: set[tuple[str, bytes | int | None]] = set()
        rows = []
        for row in range(len(chunk) - 1, -1, -1):
            (topic, message), result = chunk[row], results[row]
            # with a partition given, the key does not matter: there is no order between partitions
            ordered = topic, message.key if message.partition is None else message.partition
            if result.ok:
                if ordered[1] is not None:
                    overtaken.add(ordered)
                continue
            error = result.error
            safe = result.status == "failed" or dedup_ids
            if error is not None and error.retryable and safe and ordered not in overtaken:
                rows.append(row)
        return rows[::-1]


def most_messages(driver: PublisherDriver, capabilities: Capabilities) -> int:
    """Return how many messages a driver takes at once."""
    return min(driver.most_messages, capabilities.max_batch or driver.most_messages)


def _chunks(batch: Sequence[Outgoing], limit: int) -> Iterator[Sequence[Outgoing]]:
    """Split a batch by the number of messages and by their bytes."""
    payloads = batch.rows.data if isinstance(batch, TopicRows) else [message.data for _, message in batch]
    lengths = [len(data) if data is not None else 0 for data in payloads]
    if len(lengths) <= limit and sum(lengths) <= CHUNK_BYTES:
        yield batch
        return
    begin, size = 0, 0
    for row, length in enumerate(lengths):
        if row > begin and (row - begin >= limit or size + length > CHUNK_BYTES):
            yield batch[begin:row]
            begin, size = row, 0
        size += length
    if begin < len(batch):
        yield batch[begin:]
