"""Read by peeking, which neither takes nor locks a message."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from brokerkit.core.contract.inspector import ReaderDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import NotFound
from brokerkit.core.vocabulary.topics import Slice

from .client_internals import Peeker
from .codec import ENQUEUED, to_columns
from .connection import ANSWER_SECONDS, FRESH_SECONDS, OPEN_SECONDS, ServiceBusConnection
from .errors import translate
from .names import EntityName

AT_ONCE = 250
"""About how many messages the service returns at a time; fewer if they are large."""
FIRST = 1
LAST = 2**63 - 1
LEAST_SECONDS = 0.1


class Peeking:
    """A peeker at one entity after the other. It belongs to one thread."""

    def __init__(self, connection: ServiceBusConnection) -> None:
        self._connection = connection
        self._name: EntityName | None = None
        self._peeker: Peeker | None = None
        self._used_at = 0.0

    def messages(self, name: EntityName, start: int, limit: int, deadline: Deadline) -> Sequence[Any]:
        """Return the first messages from a sequence number on, in order, or none at the end."""
        used_before = self._keep(name)
        try:
            return self._look(name, start, limit, deadline)
        except Exception as error:
            self.close()
            # the service closes an idle link after some minutes, and that of an entity that was deleted, also
            # if there is another one of its name; only the next use shows it
            problem = translate(error)
            lost = problem.retryable or isinstance(problem, NotFound)
            if not used_before or not lost or deadline.passed:
                raise
        return self._look(name, start, limit, deadline)

    def _keep(self, name: EntityName) -> bool:
        """Return whether the last peeker can be used again."""
        if name != self._name or time.monotonic() - self._used_at > FRESH_SECONDS:
            self.close()
        return self._peeker is not None

    def _look(self, name: EntityName, start: int, limit: int, deadline: Deadline) -> Sequence[Any]:
        if self._peeker is None:
            self._peeker, self._name = self._connection.peeker(name), name
        found: Sequence[Any] = self._peeker.peek_messages(
            limit, sequence_number=max(FIRST, start), timeout=max(LEAST_SECONDS, deadline.remaining())
        )
        self._used_at = time.monotonic()
        return found

    def first(self, name: EntityName, start: int, deadline: Deadline) -> Any | None:
        """Return the first message from a sequence number on, or None."""
        found = self.messages(name, start, 1, deadline)
        return found[0] if found else None

    def last_number(self, name: EntityName, first: int, guess: int, deadline: Deadline) -> int:
        """Return the sequence number of the last message.

        Args:
            name: The entity.
            first: The number of a message that exists.
            guess: Where the last message may be.
            deadline: When to give up.
        """
        low, high = first, LAST
        step, next_step = max(1, guess - first), 1
        while low < high:
            probe = min(low + step, high) if high == LAST else (low + high + 1) // 2
            found = self.first(name, probe, deadline)
            if found is None:
                high = probe - 1
            else:
                low = int(found.sequence_number)
                step, next_step = next_step, 2 * next_step
        return low

    def first_at(
        self, name: EntityName, start: int, end: int, milliseconds: int, deadline: Deadline
    ) -> int | None:
        """Return the first sequence number of a range whose message was enqueued at a moment or later."""
        while start < end:
            middle = (start + end) // 2
            found = self.first(name, middle, deadline)
            at = None if found is None else found.raw_amqp_message.annotations.get(ENQUEUED)
            # a message without a time is still to be enqueued
            if found is None or at is None or at >= milliseconds:
                end = middle
            else:
                start = int(found.sequence_number) + 1
        found = self.first(name, start, deadline)
        return None if found is None else int(found.sequence_number)

    def close(self) -> None:
        """Close the last peeker."""
        peeker, self._peeker = self._peeker, None
        if peeker is not None:
            peeker.close()


class ServiceBusReader(ReaderDriver):
    """A reader of one slice after the other. Messages that were taken meanwhile are missing from it."""

    def __init__(self, connection: ServiceBusConnection) -> None:
        self._peeking = Peeking(connection)
        self._name: EntityName | None = None
        self._next = 0
        self._end = 0
        self._attributes = True

    def start(self, slice_: Slice, *, attributes: bool) -> None:
        self._name = EntityName.parse(slice_.topic)
        self._next, self._end, self._attributes = slice_.start, slice_.end, attributes

    def fetch(self, wait: float) -> Columns | None:
        assert self._name is not None
        if self._next >= self._end:
            return None
        deadline = Deadline(OPEN_SECONDS + ANSWER_SECONDS)
        limit = min(AT_ONCE, self._end - self._next)
        found = self._peeking.messages(self._name, self._next, limit, deadline)
        wanted = [message for message in found if message.sequence_number < self._end]
        if not wanted:
            self._next = self._end
            return None
        columns = to_columns(wanted, str(self._name), delivered=False, attributes=self._attributes)
        self._next = int(wanted[-1].sequence_number) + 1
        return columns

    def stop(self) -> None:
        self._next = self._end

    def close(self, timeout: float) -> None:
        self._peeking.close()
