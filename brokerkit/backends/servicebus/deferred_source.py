"""The source of deferred messages, which can be taken only by their sequence numbers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from azure.servicebus import ServiceBusMessageState
from azure.servicebus.exceptions import MessageNotFoundError

from brokerkit.core.vocabulary.errors import NotFound

from .client_internals import Receiver
from .connection import ANSWER_SECONDS, ServiceBusConnection
from .names import EntityName
from .queue_source import QueueSource
from .source import ROUND_TRIP_SECONDS, Taken

AT_ONCE = 250


class DeferredSource(QueueSource):
    """A source that takes each number once.

    Args:
        numbers: The sequence numbers. Without any, all messages that are deferred now are taken.
    """

    def __init__(
        self,
        connection: ServiceBusConnection,
        name: EntityName,
        receiver: Receiver,
        lock_seconds: float | None,
        numbers: Sequence[int],
    ) -> None:
        super().__init__(connection, name, receiver, lock_seconds)
        self._numbers = deque(numbers or _all_deferred(receiver))
        # a missing message is an error only if it was named; others may take some of all
        self._named = bool(numbers)

    def take(self, max_messages: int, wait: float) -> Taken:
        receiver = self._connected(wait)
        if receiver is None or not self._numbers:
            time.sleep(max(ROUND_TRIP_SECONDS, wait))
            return (), ()
        chosen = list(self._numbers)[: min(max_messages, AT_ONCE)]
        try:
            messages = receiver.receive_deferred_messages(chosen, timeout=ANSWER_SECONDS)
        except MessageNotFoundError as error:
            if len(chosen) > 1:
                return self.take(max(1, len(chosen) // 2), wait)
            self._numbers.popleft()
            if self._named:
                raise NotFound(
                    f"{self._name} has no deferred message with the sequence number {chosen[0]}, or another "
                    "receiver has taken it"
                ) from error
            return (), ()
        except Exception:
            self._lose()
            raise
        for _ in chosen:
            self._numbers.popleft()
        return messages, messages


def _all_deferred(receiver: Receiver) -> list[int]:
    found: list[int] = []
    start = 1
    while True:
        messages: list[Any] = receiver.peek_messages(AT_ONCE, sequence_number=start, timeout=ANSWER_SECONDS)
        if not messages:
            return found
        found.extend(
            message.sequence_number
            for message in messages
            if message.state is ServiceBusMessageState.DEFERRED
        )
        start = messages[-1].sequence_number + 1
