"""How many messages to ask for at once, so that what the client library holds has a bound in bytes."""

from __future__ import annotations

from ..vocabulary.columns import Columns

FETCH_BYTES = 32_000_000
"""About how many bytes of messages are asked for at once: client libraries only count messages."""
UNKNOWN = 64
"""How many messages are asked for while their size is not known."""
SAMPLE = 256


class FetchSize:
    """The number of messages to ask for, by the size of those that came before.

    It falls at once when larger messages come, and rises by half with each fetch of smaller ones, so that
    some small messages between large ones do not lead to a large fetch.
    """

    def __init__(self) -> None:
        self._mean: float | None = None

    def of(self, wanted: int) -> int:
        """Return how many of the wanted messages to ask for: one at least."""
        if self._mean is None:
            return min(wanted, UNKNOWN)
        return max(1, min(wanted, int(FETCH_BYTES / max(1.0, self._mean))))

    def learn(self, columns: Columns) -> None:
        """Take the size of fetched messages into account."""
        if not columns.length:
            return
        seen = min(columns.length, SAMPLE)
        mean = columns.size(0, seen) / seen
        self._mean = mean if self._mean is None else max(mean, self._mean * 2 / 3)
