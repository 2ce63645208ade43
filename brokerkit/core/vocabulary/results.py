"""The outcomes of publishing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .errors import BrokerError, ConfigError, NotFound, NotSupported, TooLarge, Unauthorized, Unavailable

PublishStatus = Literal["confirmed", "failed", "unknown", "duplicate"]
_REFUSED = (ConfigError, NotFound, NotSupported, TooLarge, Unauthorized)


@dataclass(slots=True, frozen=True)
class PublishResult:
    """The outcome of publishing one message.

    Attributes:
        status: ``"confirmed"`` if the broker stored it, ``"failed"`` if it was surely not stored,
            ``"unknown"`` if it may be stored, ``"duplicate"`` if it was not stored because there is one
            with the id that its publisher gave it.
        id: The id of the stored message, where the broker returns it.
        error: Why it is not known to be stored.
        note: Anything else worth knowing, in words.
    """

    status: PublishStatus
    id: str | None = None
    error: BrokerError | None = None
    note: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the message is stored: this one, or the one that it duplicates."""
        return self.status in ("confirmed", "duplicate")


class PublishFailed(BrokerError):
    """At least one message was not confirmed by the broker.

    Attributes:
        results: The outcome of every message of the call, in order.
    """

    def __init__(self, *args: object, results: Sequence[PublishResult] = ()) -> None:
        super().__init__(*args)
        self.results: list[PublishResult] = list(results)
        errors = [result.error for result in self.results if result.error is not None]
        self.retryable = bool(errors) and all(error.retryable for error in errors)


class PublishInterrupted(KeyboardInterrupt):
    """A KeyboardInterrupt during publishing, after which the outcome of every message is known.

    Attributes:
        results: The outcomes, in order.
    """

    def __init__(self, results: Sequence[PublishResult]) -> None:
        super().__init__("interrupted while publishing")
        self.results = results


def none_answered(results: Sequence[PublishResult]) -> bool:
    """Tell whether no message was stored, and the broker was unavailable for each of them."""
    return bool(results) and all(
        not result.ok and isinstance(result.error, Unavailable) and result.error.retryable
        for result in results
    )


def result_of(error: BaseException) -> PublishResult:
    """Return the outcome of a message whose publishing raised: `unknown` unless it surely was not stored."""
    if isinstance(error, PublishFailed) and len(error.results) == 1:
        return error.results[0]
    if isinstance(error, BrokerError):
        return PublishResult("failed" if isinstance(error, _REFUSED) else "unknown", error=error)
    problem = BrokerError(f"publishing raised {type(error).__name__}: {error}")
    problem.__cause__ = error
    return PublishResult("unknown", error=problem)
