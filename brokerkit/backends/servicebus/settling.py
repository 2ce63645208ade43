"""Settle messages and keep their locks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from azure.servicebus.exceptions import MessageLockLostError, MessageNotFoundError

from brokerkit.core.contract.consumer import Outcome
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import ConfigError, LockLost

from .client_internals import DISPOSITIONS, Receiver
from .connection import ANSWER_SECONDS
from .errors import translate

MAX_REASON = 4096
WINDOW = 500
"""How many dispositions may be pending at a time."""
MAX_TOKENS = 500
"""How many locks one request renews."""
REJECTED = "rejected"

Errors = list[BaseException | None]


def settle(receiver: Receiver, messages: Sequence[Any], outcome: Outcome, reason: str | None) -> Errors:
    """Settle messages, each with its own confirmation, and return an error or None for each.

    A failure of the connection counts for all messages after it as well.
    """
    how = _operation(receiver, outcome, reason)
    known = _settle_together(receiver, messages, outcome)
    errors: Errors = []
    for place, message in enumerate(messages):
        if place in known:
            errors.append(known[place])
            continue
        try:
            how(message)
            errors.append(None)
        except MessageNotFoundError as error:
            # this is how the service answers for a deferred message that this consumer no longer holds
            errors.append(_lost(error))
        except Exception as error:
            errors.append(error)
            if translate(error).retryable:
                errors.extend(known.get(rest, error) for rest in range(place + 1, len(messages)))
                break
    return errors


def _settle_together(
    receiver: Receiver, messages: Sequence[Any], outcome: Outcome
) -> dict[int, BaseException | None]:
    """Settle many messages at once, as far as that is possible; the others are settled one by one.

    Returns:
        The error of each message by its place, or None. A message that is left out was not settled, or
        its outcome is unknown.
    """
    results: dict[int, BaseException | None] = {}
    if outcome not in DISPOSITIONS or len(messages) < 2:
        return results
    for start in range(0, len(messages), WINDOW):
        part = list(enumerate(messages))[start : start + WINDOW]
        ours = {place: message for place, message in part if receiver.may_settle(message)}
        answered = receiver.settle_together(ours, outcome, Deadline(ANSWER_SECONDS)) if ours else {}
        results.update(answered)
        if len(answered) < len(ours):
            # the service does not answer now, so do not wait for the others either
            break
    return results


def _operation(receiver: Receiver, outcome: Outcome, reason: str | None) -> Callable[[Any], object]:
    settled: Callable[[Any], object]
    if outcome is not Outcome.REJECT:
        settled = receiver.complete_message if outcome is Outcome.ACK else receiver.abandon_message
        return settled
    if reason is not None and len(reason) > MAX_REASON:
        raise ConfigError(f"a reason may have {MAX_REASON:,} characters here, not {len(reason):,}")
    return lambda message: receiver.dead_letter_message(message, reason=reason or REJECTED)


def _lost(error: BaseException) -> LockLost:
    lost = LockLost(f"the lock of the message was lost: it will be, or was, delivered again ({error})")
    lost.__cause__ = error
    return lost


def renew(receiver: Receiver, messages: Sequence[Any], timeout: float) -> Errors:
    """Renew the locks of messages, many with one request, and return an error or None for each."""
    errors: Errors = []
    for start in range(0, len(messages), MAX_TOKENS):
        errors.extend(_renew(receiver, messages[start : start + MAX_TOKENS], timeout))
    return errors


def _renew(receiver: Receiver, messages: Sequence[Any], timeout: float) -> Errors:
    try:
        receiver.renew(list(messages), timeout)
    except (MessageLockLostError, MessageNotFoundError) as error:
        if len(messages) == 1:
            return [_lost(error)]
        # one lost lock makes the whole request fail: find out which
        middle = len(messages) // 2
        return _renew(receiver, messages[:middle], timeout) + _renew(receiver, messages[middle:], timeout)
    except Exception as error:
        return [error] * len(messages)
    return [None] * len(messages)


def locked_for(messages: Sequence[Any]) -> float | None:
    """Return for how many more seconds the messages are locked, as far as they tell."""
    ends = [message.locked_until_utc for message in messages if message.locked_until_utc is not None]
    return (min(ends) - datetime.now(UTC)).total_seconds() if ends else None
