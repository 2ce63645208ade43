"""The method of a session that collects the lag of a subscription over time."""

from __future__ import annotations

import time
from typing import Any

from brokerkit.core.vocabulary.arguments import check_name, check_seconds
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotFound, NotSupported
from brokerkit.display.lag import LagFrame, lag_frame, lag_rows
from brokerkit.display.progress import bar

from ..arguments import check_topic
from ..base import BrokerSession
from ..interrupted import Interrupted


class LagSession(BrokerSession):
    """A session that measures lag."""

    def lag(
        self,
        subscription: str,
        topic: str | None = None,
        *,
        every: float | None = None,
        seconds: float | None = None,
        until: int | None = None,
        progress: bool = True,
    ) -> LagFrame:
        """Return the lag of a subscription now, or collect it over time, as a frame that shows a chart.

        Args:
            subscription: The name of the subscription, durable consumer or group.
            topic: The topic that it reads. None if it reads one only.
            every: Seconds between two samples. None takes one only.
            seconds: End after so many seconds; None is 60 with `every`, unless there is `until`.
            until: End when the lag of all partitions together is not more than this: 0 is caught up.
            progress: Show a progress bar.

        Raises:
            ConfigError: It reads several topics, or an argument cannot be used.
            Interrupted: Ctrl-C was pressed; `.frame` has the samples so far.
            NotFound: There is no such subscription.
            NotSupported: The system does not tell the lag.
            Unavailable: The broker could not be reached for the last sample.
        """
        if every is None and (seconds is not None or until is not None):
            raise ConfigError("seconds= and until= need every=, the seconds between two samples")
        step = check_seconds(every, "every")
        limit = check_seconds(seconds, "seconds")
        chosen = self._topic_of(subscription) if topic is None else check_topic(topic)
        deadline = Deadline(60.0 if limit is None and until is None else limit)
        rows: list[dict[str, Any]] = []
        taken = 0
        begun = time.monotonic()
        try:
            with bar(f"lag of {subscription}", None, "sample", show=progress and step is not None) as shown:
                while True:
                    last = step is None or deadline.passed
                    sample = self._sample(chosen, subscription, last)
                    rows += sample
                    total = sum(each["lag"] for each in sample)
                    shown.set_postfix_str(f"lag {total:,}", refresh=False)
                    shown.update()
                    if last or step is None or (until is not None and sample and total <= until):
                        return lag_frame(rows)
                    taken += 1
                    time.sleep(deadline.slice(max(0.0, begun + taken * step - time.monotonic())))
        except KeyboardInterrupt as interrupt:
            text = f"the lag of {subscription!r}: {taken:,} samples are in session.last_interrupted.frame"
            self.last_interrupted = Interrupted(text, lag_frame(rows))
            raise self.last_interrupted from interrupt

    def _sample(self, topic: str, subscription: str, last: bool) -> list[dict[str, Any]]:
        """Return a sample; none if the broker cannot be reached and there will be others."""
        try:
            described = self.connection.subscriptions().described(topic, subscription, oldest=False)
        except BrokerError as error:
            if last or not error.retryable:
                raise
            return []
        rows = lag_rows(time.time_ns() // 1000, described)
        if any(each["lag"] is None for each in rows):
            raise NotSupported(
                f"the lag of {subscription!r} is not known: this system does not tell it, or nothing has "
                "been read yet"
            )
        return rows

    def _topic_of(self, subscription: str) -> str:
        check_name(subscription, "subscription")
        listed = self.connection.subscriptions().listed(oldest=False)
        found = sorted({each.topic for each in listed if each.name == subscription and each.topic})
        if not found:
            raise NotFound(
                f"there is no subscription {subscription!r}: subscriptions() lists those there are"
            )
        if len(found) > 1:
            raise ConfigError(
                f"{subscription!r} reads {len(found)} topics ({', '.join(found[:10])}): name one, "
                f"topic={found[0]!r}"
            )
        return found[0]
