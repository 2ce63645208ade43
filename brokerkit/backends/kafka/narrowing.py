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

Outgoing = tuple[str, OutboundMessage]

OVERTAKEN = (
    "not stored: the broker refused the batch it was in because of another message, and later ones of its "
    "key or partition were stored meanwhile; publish it again where their order does not matter"
)
NO_TIME = (
    "not stored: the broker refused the batch it was in, and the timeout passed before the message at fault "
    "was found; publish it again"
)

IN_TRANSACTION = (
    "not stored: the broker refused the batch it was in because of another message of it, and the "
    "transaction can only be aborted"
)


@dataclass
class Round:
    """The outcome of sending some messages once.

    Attributes:
        results: The result of each message, in order.
        suspected: The rows of each refused batch, where it is not known which of them is wrong.
        again: The rows that were not sent, or refused because of others.
    """

    results: Sequence[PublishResult]
    suspected: list[list[int]] = field(default_factory=list)
    again: list[int] = field(default_factory=list)


def narrowed(
    batch: Sequence[Outgoing],
    first: Round,
    send: Callable[[Sequence[Outgoing]], Round],
    refused: Callable[[Outgoing], bool],
    deadline: Deadline,
) -> list[PublishResult]:
    """Store all messages of a batch that the broker accepts, and return the results, in order.

    Args:
        batch: The messages.
        first: The outcome of sending the whole batch once.
        send: Sends some of the messages once.
        refused: Tells whether a message is known to be refused, so that it is not sent.
        deadline: When to stop sending.

    Returns:
        A result for each message of `batch`.
    """
    results = list(first.results)
    parts = _parts(batch, list(range(len(batch))), first, results, refused)
    while parts:
        part = parts.pop(0)
        if deadline.passed:
            for row in part:
                results[row] = PublishResult("failed", error=BrokerError(NO_TIME, retryable=True))
            continue
        sent = send([batch[row] for row in part])
        for row, result in zip(part, sent.results, strict=True):
            results[row] = result
        parts = _parts(batch, part, sent, results, refused) + parts
    return results


def named(
    batch: Sequence[Outgoing], first: Round, refusal: Callable[[Outgoing], BrokerError | None]
) -> list[PublishResult]:
    """Return the results of a batch of a transaction, naming the messages at fault as far as they are known.

    The broker aborts a transaction of which it refused a batch, so that nothing of it can be sent again.

    Args:
        batch: The messages.
        first: The outcome of sending the whole batch once.
        refusal: Returns why a message is known to be refused. None if it is not.
    """
    results = list(first.results)
    for row in first.again:
        results[row] = PublishResult("failed", error=BrokerError(IN_TRANSACTION))
    for rows in first.suspected:
        wrong = {row: error for row in rows if (error := refusal(batch[row])) is not None}
        for row in rows:
            if row in wrong:
                error = wrong[row]
            elif wrong:
                error = BrokerError(f"{IN_TRANSACTION}: {next(iter(wrong.values()))}")
            else:
                error = BrokerError(
                    f"{results[row].error}. This is due to one or some of {len(rows):,} messages, and in a "
                    "transaction the broker does not say which: outside of one they are found"
                )
            results[row] = PublishResult("failed", error=error)
    return results


def _parts(
    batch: Sequence[Outgoing],
    part: list[int],
    sent: Round,
    results: list[PublishResult],
    refused: Callable[[Outgoing], bool],
) -> list[list[int]]:
    """Return the parts in which the rest of a part is sent again: first what was refused, then the others."""
    suspected = [[part[index] for index in group] for group in sent.suspected]
    again = [part[index] for index in sent.again]
    kept = _not_overtaken(batch, part, results, {row for rows in (*suspected, again) for row in rows})
    parts = []
    for group in suspected:
        rows = [row for row in group if row in kept]
        # if the reason is known, the others are sent together
        known = any(refused(batch[row]) for row in rows)
        middle = len(rows) if known else (len(rows) + 1) // 2
        parts += [rows[:middle], rows[middle:]]
    parts.append([row for row in again if row in kept])
    return [rows for rows in parts if rows]


def _not_overtaken(
    batch: Sequence[Outgoing], part: list[int], results: list[PublishResult], waiting: set[int]
) -> set[int]:
    """Return the rows after which no message of their key or partition was stored.

    The other rows get a failed result that says so.
    """
    stored: set[tuple[str, bytes | int | None]] = set()
    kept = set()
    for row in reversed(part):
        topic, message = batch[row]
        # a given partition alone determines the order: there is none between partitions
        ordered = topic, message.key if message.partition is None else message.partition
        if row not in waiting:
            if results[row].status != "failed" and ordered[1] is not None:
                stored.add(ordered)
        elif ordered in stored:
            results[row] = PublishResult("failed", error=BrokerError(OVERTAKEN))
        else:
            kept.add(row)
    return kept
