"""When a target that does not answer is given up."""

from __future__ import annotations

import time
from collections.abc import Sequence

from brokerkit.core.vocabulary.results import PublishResult, nobody_answered

BROKE_SECONDS = 5.0
"""An `unknown` that is known sooner comes of a connection that broke, and not of one that is silent."""


def answers_to_nothing(results: Sequence[PublishResult], began: float) -> bool:
    """Whether the target is silent, so that another part of the work would only wait in vain, too.

    What was `unknown` at once was under way when the connection broke, and was not tried again: the next
    part finds a new connection, or fails for want of one.

    Args:
        results: the outcomes of a part.
        began: when it was begun, by the monotonic clock.
    """
    if not nobody_answered(results):
        return False
    waited = time.monotonic() - began > BROKE_SECONDS
    return waited or any(result.status != "unknown" for result in results)
