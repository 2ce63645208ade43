"""The interface of a source of messages: a queue, its sessions, or its deferred messages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from brokerkit.core.contract.consumer import Outcome

from .settling import Errors

ROUND_TRIP_SECONDS = 0.15
"""How long a request that was just sent is awaited, even by a caller that does not wait: a round trip."""
MAX_MESSAGES = 2_000
STAY_SECONDS = 2.0
"""How often an unused link is serviced."""
DEFAULT_LOCK = 30.0
"""The lock duration assumed until the first message tells it, if the entity may not be looked up."""

Taken = tuple[Sequence[Any], Sequence[Any]]
"""Messages of the client library, and the receipts by which they are settled."""


class Source(ABC):
    """A source of messages. It is used by the thread of one consumer.

    Attributes:
        lock_seconds: How long a message stays locked.
    """

    lock_seconds: float = DEFAULT_LOCK

    @abstractmethod
    def take(self, max_messages: int, wait: float) -> Taken:
        """Return the messages that are here, or else the first to arrive within `wait`.

        Raises the error of receiving.
        """

    @abstractmethod
    def settle(self, receipts: Sequence[Any], outcome: Outcome, reason: str | None) -> Errors: ...

    @abstractmethod
    def extend(self, receipts: Sequence[Any]) -> Errors: ...

    def idle(self) -> None:
        """Keep the connection alive while no caller waits; do not prefetch."""
        return

    @abstractmethod
    def close(self) -> None: ...
