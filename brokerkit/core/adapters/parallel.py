"""Publish a batch from several threads, for topics that have nothing faster."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ..vocabulary.arguments import check_count, check_seconds
from ..vocabulary.cancellation import Cancellation, Deadline
from ..vocabulary.errors import Unavailable
from ..vocabulary.messages import OutboundMessage
from ..vocabulary.protocols import Topic
from ..vocabulary.results import PublishFailed, PublishResult, result_of
from .background import Background, joined
from .pump import INTERRUPT_SECONDS


def publish_in_parallel(
    topic: Topic,
    messages: Sequence[OutboundMessage],
    *,
    workers: int = 8,
    timeout: float | None = None,
) -> list[PublishResult]:
    """Publish all from `workers` threads and return the outcome of each, in order.

    Messages with the same key, or for the same partition, are published in their order, one after the
    other. When one of them is not confirmed, the later ones are not sent and are `failed`; all others go on.
    timeout: seconds for all together; messages that were not begun by then are `failed`. Ctrl-C ends it
    after the messages that are on their way, with a note on the KeyboardInterrupt of what was confirmed.
    """
    count = check_count(workers, "workers")
    work = _Publishing(topic, messages, timeout)
    threads = [Background(work.run, "publish") for _ in range(min(count, work.lane_count))]
    try:
        for thread in threads:
            thread.start()
        joined(threads, None)
    except BaseException as error:
        work.stop.cancel()
        joined(threads, INTERRUPT_SECONDS)
        error.add_note(work.summary())
        raise
    return work.results()


class _Publishing:
    """One call: lanes of messages that must keep their order, shared by all workers."""

    def __init__(self, topic: Topic, messages: Sequence[OutboundMessage], timeout: float | None) -> None:
        self.stop = Cancellation()
        self._topic = topic
        self._messages = list(messages)
        self._deadline = Deadline(check_seconds(timeout, "timeout"))
        self._results: list[PublishResult | None] = [None] * len(self._messages)
        self._lanes: deque[list[int]] = deque()
        keyed: dict[bytes | int, list[int]] = {}
        for index, message in enumerate(self._messages):
            ordered = message.key if message.partition is None else message.partition
            lane = keyed.get(ordered) if ordered is not None else None
            if lane is None:
                lane = []
                self._lanes.append(lane)
                if ordered is not None:
                    keyed[ordered] = lane
            lane.append(index)
        self.lane_count = len(self._lanes)

    def run(self) -> None:
        while True:
            try:
                lane = self._lanes.popleft()
            except IndexError:
                return
            self._run_lane(lane)

    def _run_lane(self, lane: Sequence[int]) -> None:
        blocked: PublishResult | None = None
        at = 0
        for index in lane:
            if self.stop.cancelled:
                return
            if blocked is not None:
                self._results[index] = _not_sent(at, blocked)
                continue
            result = self._publish(self._messages[index])
            self._results[index] = result
            if not result.ok:
                blocked, at = result, index

    def _publish(self, message: OutboundMessage) -> PublishResult:
        remaining = None if self._deadline.at is None else self._deadline.remaining()
        if remaining == 0:
            late = Unavailable(f"not sent: the {self._deadline.seconds:g} s of the call were over (timeout=)")
            return PublishResult("failed", error=late)
        try:
            # not publish(): its error does not say whether the message may be stored
            (result,) = self._topic.publish_batch([message], timeout=remaining)
            return result
        except BaseException as error:
            return result_of(error)

    def results(self) -> list[PublishResult]:
        """The outcome of every message, in order."""
        return [result for result in self._results if result is not None]

    def summary(self) -> str:
        """Say in words what is known after an interrupt."""
        known = self.results()
        confirmed = sum(result.ok for result in known)
        return (
            f"publish_in_parallel was interrupted: {confirmed} of {len(self._messages)} messages were "
            f"confirmed, {len(known) - confirmed} were not, and {len(self._messages) - len(known)} were "
            "not sent or are still on their way"
        )


def _not_sent(index: int, before: PublishResult) -> PublishResult:
    error = PublishFailed(
        f"not sent: message {index} of the batch, which has the same key or partition, is {before.status}"
        + (f" ({before.error})" if before.error is not None else "")
        + "; sending this one would break their order"
    )
    error.__cause__ = before.error
    error.retryable = before.error is not None and before.error.retryable
    return PublishResult("failed", error=error)
