"""Settle many messages at once. The client library sends one disposition and waits for its outcome.

This module sends all dispositions first and then waits for their outcomes. The library then settles the
unanswered ones, one by one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from azure.servicebus._pyamqp.constants import LinkState
from azure.servicebus._pyamqp.error import MessageException
from azure.servicebus._pyamqp.outcomes import Accepted, Modified
from azure.servicebus._pyamqp.receiver import check_disposition_outcome, outcome_name

from brokerkit.core.contract.driver import Outcome
from brokerkit.core.vocabulary.cancellation import Deadline

from .client_internals import Receiver, error_of

log = logging.getLogger("brokerkit.servicebus")

WINDOW = 500
"""How many dispositions may be pending at a time."""

_STATES: dict[Outcome, Any] = {
    Outcome.ACK: Accepted(),
    Outcome.NACK: Modified(delivery_failed=True, undeliverable_here=False),
}


def settle_together(
    receiver: Receiver, messages: Sequence[Any], outcome: Outcome, timeout: float
) -> dict[int, BaseException | None]:
    """Settle messages of the receiver's own link.

    Returns:
        The error of each message by its place, or None. A message that is left out was not settled, or
        its outcome is unknown.
    """
    results: dict[int, BaseException | None] = {}
    if outcome not in _STATES or len(messages) < 2:
        return results
    for start in range(0, len(messages), WINDOW):
        part = list(enumerate(messages))[start : start + WINDOW]
        ours = {place: message for place, message in part if receiver.may_settle(message)}
        answered = _settle_part(receiver.link, ours, outcome, Deadline(timeout)) if ours else {}
        results.update(answered)
        if len(answered) < len(ours):
            # the service does not answer now, so do not wait for the others either
            break
    return results


def _settle_part(
    link: Any, waiting: Mapping[int, Any], outcome: Outcome, deadline: Deadline
) -> dict[int, BaseException | None]:
    state = _STATES[outcome]
    outcomes = link._pending_dispositions
    try:
        for message in waiting.values():
            outcomes[message._delivery_id] = {"settled": False, "outcome": None}
            link._outgoing_disposition(message._delivery_id, None, message._delivery_tag, False, state, True)
        while not all(outcomes[each._delivery_id]["settled"] for each in waiting.values()):
            if deadline.passed or link.state in (LinkState.DETACHED, LinkState.ERROR):
                break
            link._session._connection.listen(wait=False)
    except Exception as error:
        # the connection failed: what was answered is known, the rest is settled again
        log.info("settling was interrupted: %s", error)
    results: dict[int, BaseException | None] = {}
    for place, message in waiting.items():
        answer = outcomes.pop(message._delivery_id, None)
        if answer is None or not answer["settled"]:
            continue
        try:
            check_disposition_outcome(message._delivery_id, answer["outcome"], outcome_name(state))
        except MessageException as error:
            results[place] = error_of(error)
        else:
            message._settled = True
            results[place] = None
    return results
