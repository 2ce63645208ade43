"""What is known of messages that were published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .errors import BrokerError, Unavailable

PublishStatus = Literal["confirmed", "failed", "unknown", "duplicate"]


@dataclass(slots=True, frozen=True)
class PublishResult:
    """What is known of one published message.

    status: `confirmed` by the broker; `failed`: surely not stored; `unknown`: it may be stored;
    `duplicate`: not stored, since there is one with the id that its publisher gave it.
    id: the broker's id of the stored message, where it says so. note: what else is to be known of it.
    """

    status: PublishStatus
    id: str | None = None
    error: BrokerError | None = None
    note: str | None = None

    @property
    def ok(self) -> bool:
        """Whether a message of this name is stored: this one, or that of which it is a duplicate."""
        return self.status in ("confirmed", "duplicate")


class PublishFailed(BrokerError):
    """At least one message was not confirmed by the broker.

    ``results`` holds the outcome of every message of the call, in order.
    """

    def __init__(self, *args: object, results: Sequence[PublishResult] = ()) -> None:
        super().__init__(*args)
        self.results: list[PublishResult] = list(results)
        errors = [result.error for result in self.results if result.error is not None]
        self.retryable = bool(errors) and all(error.retryable for error in errors)


def nobody_answered(results: Sequence[PublishResult]) -> bool:
    """Whether not one of several messages was taken, and the broker was unavailable for each."""
    return bool(results) and all(
        not result.ok and isinstance(result.error, Unavailable) and result.error.retryable
        for result in results
    )
