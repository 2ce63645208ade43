"""The outcome of a message whose publishing raised an error."""

from __future__ import annotations

from ..vocabulary.errors import BrokerError, ConfigError, NotFound, NotSupported, TooLarge, Unauthorized
from ..vocabulary.results import PublishFailed, PublishResult

_REFUSED = (ConfigError, NotFound, NotSupported, TooLarge, Unauthorized)


def result_of(error: BaseException) -> PublishResult:
    """Return the outcome of a message whose publishing raised: `unknown` unless it surely was not stored."""
    if isinstance(error, PublishFailed) and len(error.results) == 1:
        return error.results[0]
    if isinstance(error, BrokerError):
        return PublishResult("failed" if isinstance(error, _REFUSED) else "unknown", error=error)
    problem = BrokerError(f"publishing raised {type(error).__name__}: {error}")
    problem.__cause__ = error
    return PublishResult("unknown", error=problem)
