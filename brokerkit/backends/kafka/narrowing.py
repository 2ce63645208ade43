"""Finding the messages for which a broker refused the whole batch that they travelled in.

A broker that does not like one record stores nothing of its batch. Nothing that is sent again was stored,
and nothing is sent again behind which a later message of its key or partition was stored.
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
"""Delivery errors of a whole batch, of which perhaps one message is the reason."""
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
    """What came of sending some messages once.

    results: of each, in order. again: the rows among them that were refused with others or not sent.
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
    """The results of a batch when all that could be stored is stored, in order.

    send: sends some of them once. refusal: why a message cannot be stored, as far as it is known.
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
    # with the reason named, the others may go together; else each half is tried
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
    """The rows behind which nothing of their order was stored; the others are told so."""
    stored: set[tuple[str, bytes | int | None]] = set()
    waiting = set(again)
    kept = []
    for row in range(len(batch) - 1, -1, -1):
        topic, message = batch[row]
        # a partition that was named decides alone: there is no order between partitions
        ordered = topic, message.key if message.partition is None else message.partition
        if row not in waiting:
            if results[row].ok and ordered[1] is not None:
                stored.add(ordered)
        elif ordered in stored:
            results[row] = PublishResult("failed", error=BrokerError(OVERTAKEN))
        else:
            kept.append(row)
    return kept[::-1]
