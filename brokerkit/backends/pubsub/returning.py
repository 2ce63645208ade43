"""Return messages to the broker without waiting for it, and try again what failed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from brokerkit.core.vocabulary.cancellation import Deadline

from .connection import log
from .errors import translate
from .settling import Sent, Settling

GIVE_BACK_SECONDS = 2.0
"""Seconds that one try may take."""
PAUSE_SECONDS = 0.2
"""Seconds until the next try."""


@dataclass(eq=False)
class _Batch:
    """Messages that are being returned.

    Attributes:
        ids: Those that have not been returned yet.
        held: Until when this consumer holds them. The service delivers them again by itself afterwards.
        sent: The try that goes on, if one does.
        pause: Until when there is none.
    """

    ids: Sequence[str]
    held: Deadline
    sent: Sent | None = None
    pause: Deadline = field(default_factory=lambda: Deadline(0.0))


class Returning:
    """The messages that a consumer returns. One thread at a time may call its methods.

    Args:
        settling: Sends the requests.
        seconds: For how long the service reserves a message for this consumer.
    """

    def __init__(self, settling: Settling, seconds: float) -> None:
        self._settling = settling
        self._seconds = seconds
        self._batches: list[_Batch] = []

    def add(self, ids: Sequence[str]) -> None:
        """Begin to return messages."""
        if ids:
            self._batches.append(_Batch(ids, Deadline(self._seconds)))
        self.step()

    def step(self) -> None:
        """Look at the tries that have ended, and begin those that are due. It does not wait."""
        self._batches = [each for each in self._batches if self._goes_on(each)]

    def _goes_on(self, batch: _Batch) -> bool:
        if batch.sent is not None:
            if not batch.sent.done:
                return True
            batch.ids = self._failed(batch.ids, batch.sent)
            batch.sent, batch.pause = None, Deadline(PAUSE_SECONDS)
        if not batch.ids or batch.held.passed:
            return False
        if batch.pause.passed:
            batch.sent = self._settling.begin_deadline(batch.ids, 0, GIVE_BACK_SECONDS)
        return True

    @staticmethod
    def _failed(ids: Sequence[str], sent: Sent) -> Sequence[str]:
        """Return those for which it is tried again."""
        errors = sent.outcomes(ids)
        failed = [each for each, error in zip(ids, errors, strict=True) if error is not None]
        again = [
            each
            for each, error in zip(ids, errors, strict=True)
            if error is not None and translate(error).retryable
        ]
        if again:
            log.info("%d messages could not be returned yet", len(again))
        if len(failed) > len(again):
            log.info("%d messages could not be returned: their deadline ends", len(failed) - len(again))
        return again

    def finish(self, timeout: float) -> None:
        """Wait until all are returned, `timeout` seconds at most."""
        deadline = Deadline(timeout)
        while self._batches and not deadline.passed:
            tries = [each.sent for each in self._batches if each.sent is not None]
            for sent in tries:
                sent.wait(deadline.remaining())
            if not tries:
                time.sleep(min(PAUSE_SECONDS, deadline.remaining()))
            self.step()
