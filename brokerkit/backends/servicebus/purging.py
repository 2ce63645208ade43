"""Removing messages from queues, subscriptions and their sub-queues."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.servicebus import ServiceBusMessageState
from azure.servicebus.exceptions import OperationTimeoutError

from brokerkit.core.contract.consumer import Outcome
from brokerkit.core.contract.purging import PurgingDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, InUse, NotFound, Unavailable
from brokerkit.core.vocabulary.purging import PurgePlan

from .client_internals import Receiver
from .connection import NEXT_SESSION, ServiceBusConnection
from .entities import counts, find_if_permitted
from .errors import translate
from .names import EntityName
from .reader import AT_ONCE, FIRST, Peeking
from .settling import settle

BATCH = 500
"""How many messages one request deletes, or one receiver takes at a time. The standard tier allows 500."""
SLICE_SECONDS = 5.0
"""How long messages are taken one after the other until the caller is told how many."""
WAIT_SECONDS = 1.0
"""How long a receiver waits for another message before there is none."""
CLOCK_SECONDS = 300
"""How far the clock of the service may be ahead of this one, where no time was chosen."""
PICKING = 0.7
"""The share of the time in which single messages are looked for."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ServiceBusPurging(PurgingDriver):
    """A remover of messages, by batch deletion where the service has it, else by taking them out."""

    at_once = 100_000

    def __init__(self, connection: ServiceBusConnection) -> None:
        self._connection = connection
        self._peeking = Peeking(connection)
        self._deletes = True

    def check(self, plan: PurgePlan, timeout: float) -> tuple[str, ...]:
        name = EntityName.parse(plan.topic)
        if plan.kind == "messages" and name.sub_queue is None:
            return (
                "those before them are locked meanwhile and given back, which raises their delivery counts",
            )
        return ("deferred, scheduled and locked messages stay",) if plan.kind == "queue" else ()

    def waiting(self, topic: str, moment: int | None, timeout: float) -> int:
        deadline = Deadline(timeout)
        name = EntityName.parse(topic)
        found = find_if_permitted(self._connection, name.owner, deadline)
        if found is not None and moment is None:
            known = counts(self._connection, name.owner, found.kind, deadline)
            return known.active if name.sub_queue is None else known.in_part(name.sub_queue)
        until = None if moment is None else EPOCH + timedelta(microseconds=moment)
        count, start = 0, FIRST
        while messages := self._peeking.messages(name, start, AT_ONCE, deadline):
            for each in messages:
                if until is not None and (each.enqueued_time_utc or until) >= until:
                    continue
                count += each.state is ServiceBusMessageState.ACTIVE
            start = int(messages[-1].sequence_number) + 1
        return count

    def take_out(self, topic: str, moment: int | None, most: int, timeout: float) -> int:
        deadline = Deadline(min(timeout, SLICE_SECONDS))
        name = EntityName.parse(topic)
        sessions = self._by_session(name, deadline)
        if self._deletes and not sessions:
            before = int(1000 * (time.time() + CLOCK_SECONDS)) if moment is None else -(-moment // 1000)
            peeker = self._connection.peeker(name)
            with contextlib.closing(peeker):
                deleted = peeker.delete_batch(min(most, BATCH), before, timeout)
            if deleted is not None:
                return deleted
            self._deletes = False
        until = None if moment is None else EPOCH + timedelta(microseconds=moment)
        taken = 0
        for receiver in self._receivers(name, sessions, deadline):
            taken += _take(receiver, until, most - taken, deadline)
            if taken >= most:
                break
        return taken

    def _by_session(self, name: EntityName, deadline: Deadline) -> bool:
        if name.sub_queue is not None:
            return False
        found = find_if_permitted(self._connection, name.owner, deadline)
        return found is not None and found.sessions

    def _receivers(self, name: EntityName, sessions: bool, deadline: Deadline) -> Iterator[Receiver]:
        """Yield the receiver of an entity, or those of the sessions that are free, one after the other."""
        if not sessions:
            with contextlib.closing(self._connection.receiver(name)) as receiver:
                yield receiver
            return
        while not deadline.passed:
            try:
                receiver = self._connection.session(name, NEXT_SESSION, WAIT_SECONDS)
            except OperationTimeoutError:
                return
            with contextlib.closing(receiver):
                yield receiver

    def remove(
        self, topic: str, places: Sequence[tuple[int | None, int]], timeout: float
    ) -> list[BrokerError | None]:
        """Cancel scheduled messages, and take out deferred ones by their numbers, others as they come."""
        deadline = Deadline(timeout)
        name = EntityName.parse(topic)
        numbers = [number for _, number in places]
        known: dict[int, BrokerError | None] = {}
        gone = NotFound("it is not there any more")
        states = self._states(name, numbers, deadline)
        deferred = [each for each, state in states.items() if state is ServiceBusMessageState.DEFERRED]
        scheduled = [each for each, state in states.items() if state is ServiceBusMessageState.SCHEDULED]
        if scheduled:
            with contextlib.closing(self._connection.sender(name, deadline.remaining())) as sender:
                sender.cancel_scheduled_messages(scheduled, timeout=deadline.remaining())
            known.update(dict.fromkeys(scheduled))
        if states.keys() <= known.keys():
            return [known.get(number, gone) for number in numbers]
        sessions = self._by_session(name, deadline)
        # some time is left to give back what was taken besides
        picking = Deadline(PICKING * deadline.remaining())
        for receiver in self._receivers(name, sessions, picking):
            if deferred and not sessions:
                _settled(receiver, receiver.receive_deferred_messages(deferred), known)
            left = states.keys() - known.keys()
            if not left:
                break
            _pick(receiver, left, known, picking)
        held: BrokerError = InUse("it is locked by another consumer, or deferred in a session")
        if picking.passed:
            held = Unavailable(f"it was not reached within {timeout:g} s: purge it again")
        return [known.get(number, held if number in states else gone) for number in numbers]

    def _states(
        self, name: EntityName, numbers: Sequence[int], deadline: Deadline
    ) -> dict[int, ServiceBusMessageState]:
        """Return the states of the messages that are there."""
        found: dict[int, ServiceBusMessageState] = {}
        wanted = sorted(numbers)
        while wanted:
            messages = self._peeking.messages(name, wanted[0], AT_ONCE, deadline)
            if not messages:
                break
            here = {int(each.sequence_number): each.state for each in messages}
            found.update((number, here[number]) for number in wanted if number in here)
            last = max(here)
            wanted = [number for number in wanted if number > last]
        return found

    def close(self, timeout: float) -> None:
        self._peeking.close()


def _take(receiver: Receiver, until: datetime | None, most: int, deadline: Deadline) -> int:
    """Take out messages that were enqueued before a moment, and return how many."""
    taken = 0
    while taken < most and not deadline.passed:
        messages = receiver.receive_messages(min(most - taken, BATCH), max_wait_time=WAIT_SECONDS)
        if not messages:
            break
        gone = [each for each in messages if until is None or (each.enqueued_time_utc or until) < until]
        later = [each for each in messages if each not in gone]
        errors = settle(receiver, gone, Outcome.ACK, None)
        taken += errors.count(None)
        if later:
            settle(receiver, later, Outcome.NACK, None)
            break
        problem = next((each for each in errors if each is not None), None)
        if problem is not None and not taken:
            raise problem
    return taken


def _pick(
    receiver: Receiver, wanted: set[int], known: dict[int, BrokerError | None], deadline: Deadline
) -> None:
    """Take messages as they come, settle the wanted ones, and give the others back at the end."""
    others: list[Any] = []
    last = max(wanted)
    try:
        while wanted and not deadline.passed:
            messages = receiver.receive_messages(BATCH, max_wait_time=WAIT_SECONDS)
            if not messages:
                break
            ours = [each for each in messages if each.sequence_number in wanted]
            others += [each for each in messages if each.sequence_number not in wanted]
            _settled(receiver, ours, known)
            wanted.difference_update(known)
            if min(each.sequence_number for each in messages) > last:
                break
    finally:
        if others:
            settle(receiver, others, Outcome.NACK, None)


def _settled(receiver: Receiver, messages: Sequence[Any], known: dict[int, BrokerError | None]) -> None:
    errors = settle(receiver, messages, Outcome.ACK, None)
    for each, error in zip(messages, errors, strict=True):
        known[int(each.sequence_number)] = None if error is None else translate(error)
