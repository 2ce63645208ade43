"""Find out which messages a subscription has not delivered yet. Only the REST endpoint tells."""

from __future__ import annotations

from typing import Any

from brokerkit.core.contract.consumer import BACKLOG_SECONDS, Backlog
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError

from .log import log
from .positions import from_ledgers, pack
from .topics import Topics


class SubscriptionBacklog:
    """The progress of delivery to a subscription, by partition."""

    def __init__(self, topics: Topics, full: str, name: str) -> None:
        self._topics = topics
        self._full = full
        self._name = name

    def look(self, mark: Any, consumer: str, alone: bool) -> Backlog | None:
        """Return whether the broker has more messages to deliver, or None if it does not tell.

        Args:
            mark: The mark of the previous answer, or None.
            consumer: The name of this consumer.
            alone: Whether each partition belongs to one consumer.

        Raises:
            Unavailable: The endpoint does not answer.
        """
        if self._topics.rest is None:
            return None
        try:
            return self._look(mark, consumer, alone, Deadline(BACKLOG_SECONDS))
        except BrokerError as error:
            if error.retryable:
                raise
            log.info("the backlog of subscription %r of %s is unknown: %s", self._name, self._full, error)
            return None

    def _look(self, mark: Any, consumer: str, alone: bool, deadline: Deadline) -> Backlog | None:
        rest = self._topics.required_rest()
        parts = self._topics.parts(self._full, deadline.remaining())
        ends: dict[str, int] = {} if mark is None else mark
        left, blocked = False, False
        for number, part in parts.items():
            internal = rest.internal_stats(part, deadline.remaining())
            cursor = internal["cursors"].get(self._name)
            if mark is None:
                ends[part] = from_ledgers(number, internal).end
            if cursor is None or part not in ends:
                continue
            ledger, entry = map(int, cursor["readPosition"].split(":"))
            if pack(max(0, ledger), max(0, entry)) >= ends[part]:
                continue
            stats = rest.stats(part, deadline.remaining())["subscriptions"].get(self._name, {})
            if alone and stats.get("activeConsumerName") not in (None, "", consumer):
                # another consumer is given this partition
                continue
            left = True
            mine = [each for each in stats.get("consumers", ()) if each.get("consumerName") == consumer]
            blocked = (
                blocked
                or bool(stats.get("blockedSubscriptionOnUnackedMsgs"))
                or any(each.get("blockedConsumerOnUnackedMsgs") for each in mine)
            )
        return Backlog(ends, left, withheld=left and blocked)
