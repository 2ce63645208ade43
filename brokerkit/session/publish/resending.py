"""Whether rows of unknown outcome may be sent again: as long as the topic recognizes them.

A topic that drops a second message of the same name does so for a limited time. The outcome frame records
when its unknown rows were sent, and for how long the topic recognized names then. Older rows stay unknown,
until their status is set to `failed`.

A message that was read has an id already, by which a topic may drop it: ``$sb.message_id`` where a queue
of Service Bus detects duplicates, ``Nats-Msg-Id`` of another publisher. With ``message_ids="new"`` it is
sent under a new id, and the old one is kept in the attribute ``bk-message-id``; the outcome's `note` says
so. With ``"keep"`` it is sent as it is: JetStream then reports `duplicate`, Service Bus reports nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from brokerkit.core.runtime.repeating import MARGIN_SECONDS
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.notes import note
from brokerkit.core.vocabulary.results import PublishResult

if TYPE_CHECKING:
    from ..base import BrokerSession

SENT_BY = "unknown_since"
WINDOW = "known_again_seconds"
WINDOW_SECONDS = 1.0
"""If a topic does not answer in this time, publishing starts without knowing."""


def known_again(session: BrokerSession, topic: str) -> float | None:
    """Return for how many seconds a topic recognizes a name; None if it does not, or does not say."""
    if not session.capabilities.dedup_ids:
        return None
    try:
        window = session.inspector.terms(topic, timeout=WINDOW_SECONDS).known_again
    except BrokerError:
        # publish even if the topic does not answer now
        return None
    return None if window is None else window.total_seconds()


class UnknownRowsWarning(UserWarning):
    """Rows that may be stored were not sent again when a frame or a copy was resumed."""


class KnownNames:
    """When rows of unknown outcome were first sent, and for how long they are recognized.

    Args:
        window: Seconds; None if not known.
    """

    def __init__(self, window: float | None) -> None:
        self._window = window
        self._since: float | None = None
        self._told = False

    def take_over(self, known: Mapping[str, Any]) -> None:
        """Continue from the outcome of an earlier call, with the shorter of the old and the new window."""
        since, window = known.get(SENT_BY), known.get(WINDOW)
        self._since = datetime.fromisoformat(since).timestamp() if isinstance(since, str) else None
        # if the topic did not answer then, its answer now counts
        if isinstance(window, int | float) and self._window is not None:
            self._window = min(self._window, float(window))

    def may_repeat(self) -> bool:
        """Return whether an unknown row that is sent now is certainly stored only once."""
        if self._window is None or self._since is None:
            return False
        elapsed = time.time() - self._since
        return 0 <= elapsed <= self._window - min(MARGIN_SECONDS, self._window / 2)

    def sent(self, at: float, results: Sequence[PublishResult | None]) -> None:
        """Note the messages sent from `at` on, in seconds since 1970.

        Args:
            at: When sending began.
            results: Their outcomes; None where the outcome is not known yet.
        """
        if any(result is None or result.status == "unknown" for result in results):
            self._since = at if self._since is None else min(at, self._since)

    @property
    def refusal(self) -> BrokerError:
        """The error that says why an unknown row is not sent again."""
        return BrokerError(
            f"it may be stored, and is not sent again: the topic {self._how_long}. Look for it; if it is "
            "missing, publish it alone"
        )

    @property
    def _how_long(self) -> str:
        if self._window is None:
            return "would store it a second time"
        if self._since is None:
            return "may not know it again, since it is not known when it was sent"
        return f"knows a message again for {self._window:g} s only"

    def note_left(self, rows: int) -> None:
        """Warn once that rows of unknown outcome are not sent again."""
        if not rows or self._told:
            return
        self._told = True
        note(
            f"{rows:,} rows of unknown outcome may be stored and are not sent again: the topic "
            f"{self._how_long}. They stay unknown. Look for them, and publish those that are missing alone "
            "(in Python also by resume= with the outcome frame, and 'failed' in their status)",
            UnknownRowsWarning,
        )

    def details(self) -> dict[str, Any]:
        """Return the facts for an outcome frame to remember."""
        if self._since is None:
            return {}
        since = datetime.fromtimestamp(self._since, UTC).isoformat()
        return {SENT_BY: since, WINDOW: self._window}
