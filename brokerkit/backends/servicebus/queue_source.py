"""The source of messages in a queue, subscription or sub-queue, each locked by itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from brokerkit.core.contract.background import abandon, ended, submit
from brokerkit.core.contract.consumer import Outcome
from brokerkit.core.vocabulary.errors import Unavailable

from .client_internals import Receiver
from .connection import ANSWER_SECONDS, ServiceBusConnection, log
from .errors import translate
from .names import EntityName
from .settling import Errors, locked_for, renew, settle
from .source import DEFAULT_LOCK, MAX_MESSAGES, ROUND_TRIP_SECONDS, STAY_SECONDS, Source, Taken


class QueueSource(Source):
    """A source with one receiver, opened again if its connection is lost.

    Receipts are the messages themselves.

    Attributes:
        lock_seconds: How long a message stays locked; None if it is not known yet.
    """

    def __init__(
        self,
        connection: ServiceBusConnection,
        name: EntityName,
        receiver: Receiver,
        lock_seconds: float | None,
    ) -> None:
        self._connection = connection
        self._name = name
        self._receiver: Receiver | None = receiver
        self._opening: Future[Receiver] | None = None
        self._lock_known = lock_seconds is not None
        self.lock_seconds = lock_seconds or DEFAULT_LOCK
        self._resting = True
        self._stayed_at = time.monotonic()

    def _connected(self, wait: float) -> Receiver | None:
        """Return the open receiver, or None if it does not open within `wait`.

        Raises the error of opening it.
        """
        if self._receiver is not None and self._receiver.is_open:
            return self._receiver
        if self._opening is None:
            self._lose()
            self._opening = submit(
                lambda: self._connection.receiver(self._name),
                f"servicebus receiver of {self._name}",
            )
        if not ended(self._opening, wait):
            return None
        opening, self._opening = self._opening, None
        self._receiver = opening.result()
        self._stayed_at = time.monotonic()
        return self._receiver

    def _lose(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            submit(receiver.close, f"servicebus receiver of {self._name}")

    def take(self, max_messages: int, wait: float) -> Taken:
        receiver = self._connected(wait)
        if receiver is None:
            return (), ()
        self._resting = False
        try:
            messages = receiver.receive_messages(
                min(max_messages, MAX_MESSAGES), max_wait_time=max(ROUND_TRIP_SECONDS, wait)
            )
        except Exception:
            self._lose()
            raise
        self._stayed_at = time.monotonic()
        if messages and not self._lock_known:
            self.lock_seconds = max(1.0, locked_for(messages) or DEFAULT_LOCK)
            self._lock_known = True
        return messages, messages

    def settle(self, receipts: Sequence[Any], outcome: Outcome, reason: str | None) -> Errors:
        receiver = self._connected(ANSWER_SECONDS)
        if receiver is None:
            raise Unavailable(f"the connection to {self._name} was lost and could not be made again in time")
        # a message of a lost receiver is settled by its lock token
        return settle(receiver, receipts, outcome, reason)

    def extend(self, receipts: Sequence[Any]) -> Errors:
        receiver = self._connected(ROUND_TRIP_SECONDS)
        if receiver is None:
            return [Unavailable("the connection was lost; it is being made again")] * len(receipts)
        return renew(receiver, receipts, ANSWER_SECONDS)

    def idle(self) -> None:
        receiver = self._receiver
        if receiver is None or not receiver.is_open:
            return
        try:
            if not self._resting:
                self._resting = True
                receiver.rest()
            elif time.monotonic() - self._stayed_at > STAY_SECONDS:
                self._stayed_at = time.monotonic()
                receiver.stay()
        except Exception as error:
            # no caller waits for it, so the next call opens it again
            log.info("the connection to %s was lost: %s", self._name, translate(error))
            self._lose()

    def close(self) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            abandon(opening, lambda made: made.close())
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.close()
