"""Publishing several messages at once, and when to give up on a target that does not answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.results import PublishFailed, PublishInterrupted, PublishResult, none_answered
from brokerkit.frames.outcome import outcome_frame

from ..arguments import check_topic
from ..interrupted import Interrupted

if TYPE_CHECKING:
    from brokerkit.core.runtime.publisher import ConnectedPublisher

BROKE_SECONDS = 5.0
"""An `unknown` outcome that comes sooner is due to a broken connection, not to a silent one."""


class BatchPublishing:
    """One `publish_batch` call, with the outcomes of its messages."""

    def __init__(
        self, publisher: ConnectedPublisher, topic: str, messages: Sequence[OutboundMessage]
    ) -> None:
        self._topic = publisher.topic(check_topic(topic))
        self._messages = messages
        self._sent = False
        self._results: list[PublishResult] = []

    def run(self, timeout: float | None) -> list[PublishResult]:
        """Publish the messages and return their results.

        Raises:
            PublishFailed: Not all were confirmed; the error has every result.
        """
        self._sent = True
        try:
            self._results = self._topic.publish_batch(self._messages, timeout=timeout)
        except (BrokerError, TypeError):
            # it raises before anything is sent; what happens later is a result
            self._sent = False
            raise
        except PublishInterrupted as interrupt:
            self._results = [*interrupt.results]
            raise
        failed = [result for result in self._results if not result.ok]
        if failed:
            text = _failure_text(self._topic.name, self._results, failed)
            raise PublishFailed(text, results=self._results) from failed[0].error
        return self._results

    def interrupted(self) -> Interrupted | None:
        """Return the error for an interrupt, with the outcome of every message."""
        if not self._sent:
            return None
        doubtful = PublishResult("unknown", error=BrokerError("interrupted while it was being published"))
        outcome = outcome_frame(self._results or [doubtful] * len(self._messages))
        return Interrupted(
            f"publishing to {self._topic.name!r} was interrupted: "
            + ", ".join(f"{count:,} {status}" for status, count in outcome.counts.items() if count)
            + ". The outcomes are in session.last_interrupted.frame.",
            outcome,
        )


def _failure_text(topic: str, results: Sequence[PublishResult], failed: Sequence[PublishResult]) -> str:
    unknown = sum(1 for result in failed if result.status == "unknown")
    reason = failed[0].error
    if len(results) == 1:
        what = "may be stored, but was not confirmed" if unknown else "was not published"
        return f"the message to {topic!r} {what}: {reason}"
    doubt = f" ({unknown:,} of them may be stored)" if unknown else ""
    counts = f"{len(failed):,} of {len(results):,} messages"
    return f"{counts} to {topic!r} were not confirmed{doubt}; the first: {reason}"


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
