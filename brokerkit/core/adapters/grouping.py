"""Split batches by key, and settle them as a whole."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from ..contract.ack_errors import as_ack_error, combined_ack_error
from ..vocabulary.errors import AckFailed, BrokerError
from ..vocabulary.messages import Message, Record

ItemT = TypeVar("ItemT", Message, Record)
GroupT = TypeVar("GroupT", bound=Hashable)


def group_by_key(batch: Iterable[ItemT]) -> dict[bytes | None, list[ItemT]]:
    """Group messages or records by key, in their order. None is the group of those without a key."""
    return group_by(batch, lambda item: item.key)


def group_by(batch: Iterable[ItemT], function: Callable[[ItemT], GroupT]) -> dict[GroupT, list[ItemT]]:
    """Group by the result of `function`. Groups and their members keep their order."""
    groups: dict[GroupT, list[ItemT]] = {}
    for item in batch:
        groups.setdefault(function(item), []).append(item)
    return groups


def ack_all(messages: Iterable[Message], *, require_confirmed: bool = False) -> None:
    """Acknowledge every message, even after one failed.

    Raises one AckFailed; its `failures` has the error of each that failed, by its index.
    """
    asked = list(messages)
    failures = _tried(asked, lambda message: message.ack(require_confirmed=require_confirmed))
    _report(failures, len(asked), "acknowledgements")


def nack_all(messages: Iterable[Message], *, delay: float | None = None) -> None:
    """Give every message back, even after one failed. Messages that are settled already are left alone.

    delay: seconds before they are delivered again, where the system can.
    Raises one AckFailed; its `failures` has the error of each that failed, by its index.
    """
    asked = list(messages)
    failures = _tried(asked, lambda message: message.nack(delay=delay))
    _report(failures, len(asked), "nacks")


def give_back(messages: Iterable[Message]) -> None:
    """Return unsettled messages to the broker. Raises AckFailed as `nack_all` does."""
    asked = [each for each in messages if _owed(each)]
    failures = _tried(asked, lambda message: message.nack())
    # a message that is settled now was returned by its consumer, which was closed meanwhile
    owed = {index: error for index, error in failures.items() if _owed(asked[index])}
    _report(owed, len(asked), "nacks of undelivered messages")


def _owed(message: Message) -> bool:
    return message.delivery is not None and not message.delivery.settled


def commit_highest(records: Iterable[Record]) -> None:
    """Acknowledge the record with the highest offset of each (topic, partition).

    Where offsets are not integers, the last record of the partition counts as the highest.
    Raises one AckFailed; its `failures` has the error of every record, by its index, whose
    partition could not be committed. The other partitions are committed nevertheless.
    """
    asked = list(records)
    rows: dict[tuple[str, int], list[int]] = {}
    for index, record in enumerate(asked):
        rows.setdefault((record.topic, record.partition), []).append(index)
    highest = [max(indices, key=lambda index: _height(asked[index], index)) for indices in rows.values()]
    failed = _tried([asked[index] for index in highest], lambda record: record.ack())
    failures = {
        index: failed[number]
        for number, indices in enumerate(rows.values())
        if number in failed
        for index in indices
    }
    _report(failures, len(asked), "acknowledgements of records")


def _height(record: Record, index: int) -> tuple[int, int]:
    return (-1 if record.offset is None else record.offset, index)


def _tried(items: Sequence[ItemT], settle: Callable[[ItemT], None]) -> dict[int, BrokerError]:
    failures: dict[int, BrokerError] = {}
    for index, item in enumerate(items):
        try:
            settle(item)
        except BrokerError as error:
            failures[index] = as_ack_error(error)
        except Exception as error:
            problem = AckFailed(f"settling it failed: {type(error).__name__}: {error}")
            problem.__cause__ = error
            failures[index] = problem
    return failures


def _report(failures: Mapping[int, BrokerError], asked: int, what: str) -> None:
    if not failures:
        return
    first = next(iter(failures.values()))
    raise combined_ack_error(
        failures, f"{len(failures)} of {asked} {what} were not confirmed; the first: {first}"
    )
