"""Copies and the positions that remove their originals, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.errors import (
    BrokerError,
    Closed,
    NotFound,
    NotSupported,
    Unauthorized,
    Unavailable,
)
from brokerkit.core.vocabulary.results import PublishResult, PublishStatus

from .copies import Copy
from .sources import Part, RememberedSource

if TYPE_CHECKING:
    from brokerkit.core.runtime.publisher import ConnectedPublisher

_OF_ALL = (Closed, NotFound, NotSupported, Unauthorized, Unavailable)
"""Errors that are due to the topic or the broker, not to one message."""


class Together:
    """Sends copies in transactions that also remember their originals as removed.

    A process that is killed leaves neither a copy whose original is still there, nor the other way round.

    Args:
        publisher: A transactional publisher.
    """

    def __init__(self, publisher: ConnectedPublisher) -> None:
        self._publisher = publisher

    def fence(self) -> None:
        """End what an earlier or another call has under way, and refuse what it begins from now on.

        What is remembered as removed is true only if it is read afterwards.

        Raises:
            BrokerError: The broker does not answer, or refuses transactions.
        """
        # the first transaction registers the publisher
        self._publisher.begin()
        self._publisher.abort()

    def moved(
        self, source: RememberedSource, part: Part, copies: Sequence[Copy], timeout: float | None
    ) -> list[PublishResult]:
        """Move messages of a part, and return the outcome of each. Those that fail stay where they are."""
        moving = _PartMoving(self._publisher, source, part, timeout)
        if copies:
            moving.move(copies)
        moving.keep()
        return [moving.outcomes[each.row] for each in copies]


class _PartMoving:
    def __init__(
        self, publisher: ConnectedPublisher, source: RememberedSource, part: Part, timeout: float | None
    ) -> None:
        self.outcomes: dict[int, PublishResult] = {}
        self._publisher = publisher
        self._source = source
        self._part = part
        self._timeout = timeout
        self._done: list[int] = []

    def move(self, copies: Sequence[Copy]) -> None:
        """Move copies in one transaction, or in several if the broker refuses some of them."""
        results = self._tried(copies)
        if results is not None:
            self.outcomes.update(zip((each.row for each in copies), results, strict=True))
            return
        # a refused batch says nothing of its messages: halves, in order, until one is left
        middle = len(copies) // 2
        self.move(copies[:middle])
        self.move(copies[middle:])

    def _tried(self, copies: Sequence[Copy]) -> list[PublishResult] | None:
        """Send copies in one transaction. Return their outcomes, or None if it is to be tried with fewer."""
        publisher, place = self._publisher, self._source.place
        results: list[PublishResult] = []
        try:
            publisher.begin()
            batch = [(str(each.target), each.message) for each in copies if each.message is not None]
            results = publisher.send(batch, timeout=self._timeout)
            errors = [each.error for each in results if each.error is not None]
            if errors and all(isinstance(each, Unavailable) for each in errors):
                raise errors[0]
            rows = [each.row for each, result in zip(copies, results, strict=True) if result.ok]
            if rows:
                settled = self._source.settled(self._part, [*self._done, *rows])
                publisher.send_positions(place.name, str(place.through), settled)
            # this fails if the broker refused a message, and not if the client did
            publisher.commit(timeout=self._timeout)
        except BrokerError as error:
            in_doubt = self._is_open()
            # what was behind a refused message is said to be unavailable
            own = [each.error for each in results if each.error is not None]
            own.sort(key=lambda each: isinstance(each, Unavailable))
            if not in_doubt and own and len(copies) > 1 and not isinstance(own[0], _OF_ALL):
                return None
            status: PublishStatus = "unknown" if in_doubt else "failed"
            return [PublishResult(status, error=own[0] if own else error)] * len(copies)
        self._done += rows
        return results

    def _is_open(self) -> bool:
        """Abort the transaction, and return whether it may still be open or committed."""
        if self._publisher.in_transaction:
            try:
                self._publisher.abort()
            except BrokerError:
                return True
        return False

    def keep(self) -> None:
        """Take over in the source what is removed and what was left."""
        settled = self._source.settled(self._part, self._done) if self._done else {}
        self._source.keep(self._part, self._done, settled)
