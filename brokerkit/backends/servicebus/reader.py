"""Read slices by peeking."""

from __future__ import annotations

from brokerkit.core.contract.driver import ReaderDriver
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.topics import Slice

from .codec import to_columns
from .connection import ANSWER_SECONDS, OPEN_SECONDS, ServiceBusConnection
from .names import EntityName
from .peeking import AT_ONCE, Peeking


class ServiceBusReader(ReaderDriver):
    """A reader of one slice after the other. Messages that were taken meanwhile are missing from it."""

    def __init__(self, connection: ServiceBusConnection) -> None:
        self._peeking = Peeking(connection)
        self._name: EntityName | None = None
        self._next = 0
        self._end = 0
        self._attributes = True

    def start(self, piece: Slice, *, attributes: bool) -> None:
        self._name = EntityName.parse(piece.topic)
        self._next, self._end, self._attributes = piece.start, piece.end, attributes

    def fetch(self, wait: float) -> Columns | None:
        if self._name is None:
            raise ConfigError("no slice was started")
        if self._next >= self._end:
            return None
        deadline = Deadline(OPEN_SECONDS + ANSWER_SECONDS)
        most = min(AT_ONCE, self._end - self._next)
        found = self._peeking.messages(self._name, self._next, most, deadline)
        wanted = [message for message in found if message.sequence_number < self._end]
        if not wanted:
            self._next = self._end
            return None
        self._next = int(wanted[-1].sequence_number) + 1
        return to_columns(wanted, str(self._name), delivered=False, attributes=self._attributes)

    def stop(self) -> None:
        self._next = self._end

    def close(self, timeout: float) -> None:
        self._peeking.close()
