"""Messages that were received and may not be settled yet."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

from ..contract.ack_errors import combined_ack_error
from ..contract.consumer import Outcome
from ..vocabulary.arguments import check_seconds
from ..vocabulary.capabilities import Capabilities
from ..vocabulary.columns import Columns
from ..vocabulary.errors import BrokerError, NotSupported
from ..vocabulary.messages import Message, Record


class Settler(Protocol):
    """The part of a consumer that received messages use."""

    @property
    def closed(self) -> bool:
        """Whether nothing can be settled any more."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """The capabilities for received messages."""
        ...

    def settle(
        self,
        fetch: Fetch,
        rows: Sequence[int],
        outcome: Outcome,
        *,
        delay: float | None,
        reason: str | None,
    ) -> dict[int, BrokerError]:
        """Settle rows of a fetch. Return the errors of those that failed, by row."""
        ...


class Fetch(ABC):
    """The messages of one fetch, and the state of each row.

    Only the driver's thread changes the state. Any thread may read it: a row that is not settled may become
    so right afterwards, and settling it again then does nothing or raises, as its consumer says.

    Attributes:
        consumer: Settles the messages.
        columns: The messages, one per row.
        received_at: The monotonic time of the fetch.
    """

    def __init__(self, consumer: Settler, columns: Columns) -> None:
        self.consumer = consumer
        self.columns = columns
        self.received_at = time.monotonic()
        self._rows: Columns | None = None

    def __len__(self) -> int:
        return self.columns.length

    @property
    def rows(self) -> Columns:
        """The columns as Python lists, made once, for callers that read row by row."""
        if self._rows is None:
            self._rows = self.columns.as_lists()
        return self._rows

    @abstractmethod
    def settled(self, row: int) -> bool:
        """Tell whether a row is settled, or cannot be settled any more."""

    def pending(self, start: int, stop: int) -> list[int]:
        """Return the rows from `start` up to but excluding `stop` that are not settled."""
        return [row for row in range(start, stop) if not self.settled(row)]

    def settle(self, rows: Sequence[int], outcome: Outcome, delay: float | None, reason: str | None) -> None:
        """Settle rows through the consumer.

        Raises:
            AckFailed: Some rows were not settled. One error says so for several rows, with `failures` by
                their place in `rows`.
            NotSupported: The system cannot settle a message so.
        """
        capabilities = self.consumer.capabilities
        if delay is not None and not capabilities.nack_delay:
            raise NotSupported("nack(delay=) is not offered by this system; nack() without a delay is")
        if outcome is Outcome.REJECT and not capabilities.reject:
            raise NotSupported(
                "reject() is not offered by this system: nack() returns the message, ack() skips it"
            )
        failures = self.consumer.settle(
            self, rows, outcome, delay=check_seconds(delay, "delay"), reason=reason
        )
        if failures:
            by_index = {index: failures[row] for index, row in enumerate(rows) if row in failures}
            raise _combined(by_index, len(rows))


def _combined(failures: dict[int, BrokerError], asked: int) -> BrokerError:
    first = next(iter(failures.values()))
    if asked == 1:
        return first
    return combined_ack_error(
        failures, f"{len(failures)} of {asked} acknowledgements were not confirmed; the first: {first}"
    )


def require_confirmation(consumer: Settler, wanted: bool) -> None:
    """Raise NotSupported if a confirmed acknowledgement is wanted and the system cannot confirm."""
    if wanted and consumer.capabilities.ack == "sent":
        raise NotSupported(
            "this system only sends acknowledgements and cannot confirm them; call ack() without "
            "require_confirmed, and expect redelivery after a crash"
        )


class RowDelivery:
    """Settles one message or record of a fetch; see `Delivery`."""

    __slots__ = ("_fetch", "_row")

    def __init__(self, fetch: Fetch, row: int) -> None:
        self._fetch = fetch
        self._row = row

    @property
    def settled(self) -> bool:
        """Whether it is settled, or cannot be settled any more."""
        return self._fetch.consumer.closed or self._fetch.settled(self._row)

    def ack(self, *, require_confirmed: bool = False) -> None:
        """Acknowledge it."""
        require_confirmation(self._fetch.consumer, require_confirmed)
        self._fetch.settle([self._row], Outcome.ACK, None, None)

    def nack(self, *, delay: float | None = None) -> None:
        """Return it to the broker, to be delivered again."""
        self._fetch.settle([self._row], Outcome.NACK, delay, None)

    def reject(self, *, reason: str | None = None) -> None:
        """Settle it as one that must not be delivered again."""
        self._fetch.settle([self._row], Outcome.REJECT, None, reason)


class ReceivedBatch:
    """A batch that a caller received: rows of one fetch, settled together or one by one.

    `ack`, `nack` and `reject` settle all rows that are not settled yet.
    """

    __slots__ = ("_fetch", "_start", "_stop")

    def __init__(self, fetch: Fetch, start: int, stop: int) -> None:
        self._fetch = fetch
        self._start = start
        self._stop = stop

    def __len__(self) -> int:
        return self._stop - self._start

    @property
    def fetch(self) -> Fetch:
        """The fetch that the rows belong to."""
        return self._fetch

    @property
    def columns(self) -> Columns:
        """The messages, one per row."""
        return self._fetch.columns.slice(self._start, self._stop)

    def fitting(self, count: int, room: int) -> tuple[int, int]:
        """Return how many of the first `count` rows have at most `room` bytes together, and their bytes."""
        return self._fetch.columns.fitting(self._start, min(self._stop, self._start + count), room)

    @property
    def nbytes(self) -> int:
        """The bytes of the keys, payloads and attributes."""
        return self._fetch.columns.size(self._start, self._stop)

    @property
    def settled(self) -> bool:
        """Whether every row is settled, or cannot be settled any more."""
        return all(map(self._fetch.settled, range(self._start, self._stop)))

    def split(self, count: int) -> tuple[ReceivedBatch, ReceivedBatch]:
        """Return the first `count` rows and the rest, as batches."""
        middle = self._start + count
        return ReceivedBatch(self._fetch, self._start, middle), ReceivedBatch(self._fetch, middle, self._stop)

    def pending_rows(self) -> list[int]:
        """Return the rows that are not settled, as rows of the fetch."""
        return self._fetch.pending(self._start, self._stop)

    def ack(self, *, require_confirmed: bool = False) -> None:
        """Acknowledge all rows; on a log, commit the highest offset of each partition.

        Args:
            require_confirmed: Raise if the system only sends acknowledgements and cannot confirm them.

        Raises:
            AckFailed: Some acknowledgements did not take effect, or were not confirmed; `failures` has the
                errors by row.
            NotSupported: A confirmation was required, and the system has none.
            Closed: The consumer is closed.
        """
        require_confirmation(self._fetch.consumer, require_confirmed)
        self._settle(Outcome.ACK, None, None)

    def nack(self, *, delay: float | None = None) -> None:
        """Return all rows to the broker that are not settled, to be delivered again.

        Args:
            delay: Seconds before they are delivered again, where the system can delay it.
        """
        self._settle(Outcome.NACK, delay, None)

    def reject(self, *, reason: str | None = None) -> None:
        """Settle all rows as messages that must not be delivered again.

        Args:
            reason: Why, where the system keeps a reason.
        """
        self._settle(Outcome.REJECT, None, reason)

    def _settle(self, outcome: Outcome, delay: float | None, reason: str | None) -> None:
        self._fetch.settle(range(self._start, self._stop), outcome, delay, reason)

    def messages(self) -> list[Message]:
        """Return one `Message` per row."""
        rows = self._fetch.rows.slice(self._start, self._stop)
        return rows.to_messages(self._deliveries())

    def records(self) -> list[Record]:
        """Return one `Record` per row."""
        rows = self._fetch.rows.slice(self._start, self._stop)
        return rows.to_records(self._deliveries())

    def _deliveries(self) -> list[Any]:
        return [RowDelivery(self._fetch, row) for row in range(self._start, self._stop)]
