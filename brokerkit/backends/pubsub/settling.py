"""Acknowledge, extend and return many messages at once, with an outcome for each.

A subscription with exactly-once delivery tells the outcome of each id. Other subscriptions accept every
id, and do not tell which ones came too late.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import grpc

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import LockLost, Unavailable

from .connection import Call, PubSubConnection
from .errors import error_info, translate
from .limits import MAX_ID_BYTES, MAX_IDS
from .methods import ACKNOWLEDGE, MODIFY_ACK_DEADLINE

PAUSE_SECONDS = 0.1

Failures: TypeAlias = dict[str, BaseException]


class Sent:
    """Requests that were sent, and the ids that each of them is about."""

    def __init__(self, calls: Sequence[tuple[Sequence[str], Call]]) -> None:
        self._calls = calls

    @property
    def done(self) -> bool:
        """Whether all are answered."""
        return all(call.done() for _, call in self._calls)

    def wait(self, timeout: float) -> None:
        """Wait for the answers, `timeout` seconds at most."""
        deadline = Deadline(timeout)
        with suppress(grpc.FutureTimeoutError):
            for _, call in self._calls:
                call.exception(deadline.remaining())

    def failures(self) -> Failures:
        """Wait for the answers, and return the failures by id."""
        failures: Failures = {}
        for part, call in self._calls:
            error = call.exception()
            if error is not None:
                failures.update(_failures(part, error))
        return failures

    def outcomes(self, ids: Sequence[str]) -> list[BaseException | None]:
        """Wait for the answers, and return an error or None for each id."""
        failed = self.failures()
        return [failed.get(each) for each in ids]


class Settling:
    """A settler of the messages of one subscription, by their acknowledgement ids.

    Args:
        connection: The connection.
        path: The full path of the subscription.
        ordered: Whether the subscription keeps the order of a key.
    """

    def __init__(self, connection: PubSubConnection, path: str, *, ordered: bool = False) -> None:
        self._connection = connection
        self._path = path
        # on Google's emulator, messages that are returned at once are overtaken by later ones of their key;
        # those whose deadline passes are not (measured)
        self._least_seconds = 1 if ordered and connection.emulator else 0

    def acknowledge(self, ids: Sequence[str], timeout: float) -> list[BaseException | None]:
        """Acknowledge messages, and retry temporary failures for `timeout` seconds.

        Returns:
            An error or None for each id.
        """
        deadline = Deadline(timeout)
        failures: Failures = {}
        left = list(ids)
        while True:
            failed = self._begin_ack(left, deadline.remaining()).failures()
            failures.update({each: error for each, error in failed.items() if not translate(error).retryable})
            left = [each for each in left if each in failed and each not in failures]
            if not left or deadline.remaining() <= PAUSE_SECONDS:
                failures.update({each: failed[each] for each in left})
                return [failures.get(each) for each in ids]
            time.sleep(PAUSE_SECONDS)

    def _begin_ack(self, ids: Sequence[str], timeout: float) -> Sent:
        submit, path = self._connection.submit, self._path
        return Sent(
            [(part, submit(ACKNOWLEDGE, timeout, subscription=path, ack_ids=part)) for part in _parts(ids)]
        )

    def set_deadline(self, ids: Sequence[str], seconds: int, timeout: float) -> list[BaseException | None]:
        """Set the deadlines to `seconds` from now; 0 gives the messages back at once.

        Returns:
            An error or None for each id.
        """
        return self.begin_deadline(ids, seconds, timeout).outcomes(ids)

    def begin_deadline(self, ids: Sequence[str], seconds: int, timeout: float) -> Sent:
        """Ask for the same as `set_deadline`, without waiting for the answers."""
        submit, path = self._connection.submit, self._path
        fields: dict[str, Any] = {
            "subscription": path,
            "ack_deadline_seconds": max(seconds, self._least_seconds),
        }
        return Sent(
            [(part, submit(MODIFY_ACK_DEADLINE, timeout, ack_ids=part, **fields)) for part in _parts(ids)]
        )


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    start, size = 0, 0
    for number, each in enumerate(ids):
        if number - start >= MAX_IDS or (size + len(each) > MAX_ID_BYTES and number > start):
            yield ids[start:number]
            start, size = number, 0
        size += len(each)
    if start < len(ids):
        yield ids[start:]


def _failures(part: Sequence[str], error: Any) -> Failures:
    """Return what a failed request says of each of its ids."""
    info = error_info(error)
    reasons = dict(info.metadata) if info is not None else {}
    if not any(each in reasons for each in part):
        return dict.fromkeys(part, error)
    failures: Failures = {each: _reason(reasons[each]) for each in part if each in reasons}
    if translate(error).retryable:
        # an id that is not named may have failed as well, and asking twice does no harm
        failures.update({each: error for each in part if each not in reasons})
    for failure in failures.values():
        if failure is not error:
            failure.__cause__ = error
    return failures


def _reason(reason: str) -> BaseException:
    if reason.startswith("TRANSIENT"):
        return Unavailable(f"the service could not do it now ({reason})")
    return LockLost(
        "the acknowledgement deadline had passed, or the message was settled elsewhere: it will be, or was, "
        f"delivered again ({reason})"
    )
