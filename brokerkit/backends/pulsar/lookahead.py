"""How many messages a reader of the library holds ready.

The library counts messages and no bytes, and it goes on filling its queue while the caller is away. So
the queue is short until messages have been seen to be small. A long queue is given up as soon as they grow,
and whenever the caller goes away, since what comes next may be large.
"""

from __future__ import annotations

LEAST = 8
"""How many messages are held ready while their size is not known."""
MOST = 200
AHEAD_BYTES = 1_600_000
"""About how many bytes a longer queue holds."""
GROWN_BYTES = 12_000_000
"""A queue is too long when as many messages as it holds have more bytes than that."""
LARGE_BYTES = 16_000_000
"""A queue of very large messages is shorter than `LEAST`, so that it holds about so much."""
EVIDENCE = 64
"""After so many messages of a short queue, a longer one is considered."""


class Lookahead:
    """The length of the queue of one reader after the other, by the size of the messages that came.

    Attributes:
        count: The number of messages that the present reader holds ready at most.
    """

    def __init__(self) -> None:
        self.count = LEAST
        self._mean: float | None = None
        self._rows = self._bytes = 0
        self._block_rows = self._block_bytes = 0

    def begin(self) -> int:
        """Return the length of the queue of a reader that is opened now."""
        self.count = self._fitting()
        self._rows = self._bytes = self._block_rows = self._block_bytes = 0
        return self.count

    def unfit(self, size: int, rows: int = 1) -> bool:
        """Count messages of so many bytes. Return whether another reader should be opened behind them."""
        self._rows += rows
        self._bytes += size
        self._block_rows += rows
        self._block_bytes += size
        if self._block_bytes > GROWN_BYTES and self.count > 1:
            mean = self._block_bytes / self._block_rows
            self._block_rows = self._block_bytes = 0
            self._mean = max(mean, self._mean or 0.0)
            return self._fitting() < self.count
        if self._block_rows >= self.count:
            self._block_rows = self._block_bytes = 0
        if self._rows >= EVIDENCE and self.count < MOST:
            self.learn()
            return self._fitting() >= 2 * self.count
        return False

    def learn(self) -> None:
        """Take the messages since the last time into account: growth at once, and the contrary slowly."""
        if self._rows:
            mean = self._bytes / self._rows
            self._mean = mean if self._mean is None else max(mean, self._mean * 2 / 3)
            self._rows = self._bytes = 0

    def forget(self) -> None:
        """Take the size of messages for unknown."""
        self._mean = None
        self._rows = self._bytes = 0

    @property
    def safe(self) -> bool:
        """Whether the queue is so short that it may fill with large messages while the caller is away."""
        return self.count <= LEAST

    def _fitting(self) -> int:
        if self._mean is None:
            return LEAST
        mean = max(1.0, self._mean)
        most_of_large = max(1, min(LEAST, int(LARGE_BYTES / mean)))
        return max(most_of_large, min(MOST, int(AHEAD_BYTES / mean)))
