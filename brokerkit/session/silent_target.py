"""When to give up on a target that does not answer."""

from __future__ import annotations

import time
from collections.abc import Sequence

from brokerkit.core.vocabulary.results import PublishResult, none_answered

BROKE_SECONDS = 5.0
"""An `unknown` outcome that comes sooner is due to a broken connection, not to a silent one."""


def answers_to_nothing(results: Sequence[PublishResult], began: float) -> bool:
    """Return whether the target is silent, so that the next part of the work would only wait in vain.

    Messages that were `unknown` at once were under way when the connection broke, and were not tried again:
    the next part finds a new connection, or fails without one.

    Args:
        results: The outcomes of a part.
        began: When it began, by the monotonic clock.
    """
    if not none_answered(results):
        return False
    waited = time.monotonic() - began > BROKE_SECONDS
    return waited or any(result.status != "unknown" for result in results)
