"""What a consumer takes messages from: a queue, its sessions, or its deferred messages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from brokerkit.core.contract.driver import Outcome

from .settling import Errors

LOOK_SECONDS = 0.15
"""A request that has just been sent is given the time of a round trip, even by who does not wait."""
MAX_MESSAGES = 2_000
STAY_SECONDS = 2.0
"""How often a link that nobody uses is looked after."""
DEFAULT_LOCK = 30.0
"""Assumed until the first message says it, where the entity may not be looked up."""

Taken = tuple[Sequence[Any], Sequence[Any]]
"""Messages of the client library, and the receipts by which they are settled."""


class Source(ABC):
    """Used by the thread of one consumer. lock_seconds: how long a message stays ours."""

    lock_seconds: float = DEFAULT_LOCK

    @abstractmethod
    def take(self, max_messages: int, wait: float) -> Taken:
        """What is there now, else the first that comes within `wait`. Raises what keeps it from looking."""

    @abstractmethod
    def settle(self, receipts: Sequence[Any], outcome: Outcome, reason: str | None) -> Errors: ...

    @abstractmethod
    def extend(self, receipts: Sequence[Any]) -> Errors: ...

    def idle(self) -> None:
        """Nobody wants messages now: stay connected, take in no more."""
        return

    @abstractmethod
    def close(self) -> None: ...
