"""Errors of acknowledgements: one of a client library, and one that stands for several."""

from __future__ import annotations

from collections.abc import Mapping

from ..vocabulary.errors import AckFailed, BrokerError


def as_ack_error(error: BrokerError) -> AckFailed:
    """Return an error of settling as an `AckFailed` with the same cause."""
    if isinstance(error, AckFailed):
        return error
    said = "was not confirmed, and may have taken effect" if error.retryable else "did not take effect"
    failed = AckFailed(f"the acknowledgement {said}: {error}", retryable=error.retryable)
    failed.__cause__ = error.__cause__ or error
    return failed


def combined_ack_error(failures: Mapping[int, BrokerError], text: str) -> AckFailed:
    """Return one error for several, of their type if they have one that is an `AckFailed`.

    Args:
        failures: The errors by row, at least one. The first becomes the cause.
        text: The message.
    """
    kinds = {type(error) for error in failures.values()}
    (kind,) = kinds if len(kinds) == 1 else {AckFailed}
    made = (kind if issubclass(kind, AckFailed) else AckFailed)(
        text,
        failures=failures,
        retryable=all(error.retryable for error in failures.values()),
    )
    made.__cause__ = next(iter(failures.values()))
    return made
