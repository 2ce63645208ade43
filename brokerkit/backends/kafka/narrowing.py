"""Search for the messages because of which a broker refused a whole batch.

A broker that refuses one record stores nothing of its batch. The rest of the batch is then sent again, in
smaller parts. A message is sent again only if it was not stored, and only if no later message of its key or
partition was stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.core.vocabulary.results import PublishResult

from .errors import codes

Outgoing = tuple[str, OutboundMessage]

WITH_OTHERS = codes("INVALID_RECORD", "INVALID_TIMESTAMP", "MSG_SIZE_TOO_LARGE", "_INVALID_DIFFERENT_RECORD")
"""Delivery errors of a whole batch that may be due to one of its messages."""
OVERTAKEN = (
    "not stored: the broker refused the batch it was in because of another message, and later ones of its "
    "key or partition were stored meanwhile; publish it again where their order does not matter"
)
NO_TIME = (
    "not stored: the broker refused the batch it was in, and the time was over before it was known for which "
    "message; publish it again"
)


@dataclass
class Round:
    """The outcome of sending some messages once.

    Attributes:
        results: The result of each message, in order.
        again: The rows that were refused together with others, or not sent.
    """

    results: list[PublishResult]
    again: list[int] = field(default_factory=list)


def narrowed(
    batch: Sequence[Outgoing],
    first: Round,
    send: Callable[[Sequence[Outgoing]], Round],
    refusal: Callable[[Outgoing], BrokerError | None],
    deadline: Deadline,
) -> list[PublishResult]:
    """Store all messages of a batch that the broker accepts, and return the results, in order.

    Args:
        batch: The messages.
        first: The outcome of sending the whole batch once.
        send: Sends some of the messages once.
        refusal: Returns the known reason why a message cannot be stored, or None.
        deadline: When to stop sending.

    Returns:
        A result for each message of `batch`.
    """
    results = list(first.results)
    rows = _not_overtaken(batch, results, first.again)
    rest = []
    for row in rows:
        why = refusal(batch[row])
        if why is None:
            rest.append(row)
        else:
            results[row] = PublishResult("failed", error=why)
    # if a reason is known, the others are sent together; otherwise in halves
    parts = [rest] if len(rest) < len(rows) else _halves(rest)
    while parts:
        part = parts.pop(0)
        if not part:
            continue
        if deadline.passed:
            for row in part:
                results[row] = PublishResult("failed", error=BrokerError(NO_TIME, retryable=True))
            continue
        sent = send([batch[row] for row in part])
        for row, result in zip(part, sent.results, strict=True):
            results[row] = result
        again = [part[index] for index in sent.again]
        if len(part) > 1 and again:
            parts = _halves(_not_overtaken(batch, results, again)) + parts
    return results


def _halves(rows: list[int]) -> list[list[int]]:
    middle = (len(rows) + 1) // 2
    return [rows[:middle], rows[middle:]]


def _not_overtaken(batch: Sequence[Outgoing], results: list[PublishResult], again: list[int]) -> list[int]:
    """Return the rows after which no message of their key or partition was stored.

    The other rows get a failed result that says so.
    """
    stored: set[tuple[str, bytes | int | None]] = set()
    waiting = set(again)
    kept = []
    for row in range(len(batch) - 1, -1, -1):
        topic, message = batch[row]
        # a given partition alone determines the order: there is none between partitions
        ordered = topic, message.key if message.partition is None else message.partition
        if row not in waiting:
            if results[row].ok and ordered[1] is not None:
                stored.add(ordered)
        elif ordered in stored:
            results[row] = PublishResult("failed", error=BrokerError(OVERTAKEN))
        else:
            kept.append(row)
    return kept[::-1]
