"""Keep the pending pull requests of a closed consumer for the next consumer of the subscription.

Such a request cannot be cancelled: the service may still lease messages to it. Those messages are the
next of the subscription, so a consumer that this connection opens within a moment gets them. Without one
they are returned.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from brokerkit.core.vocabulary.cancellation import Deadline

from .inbox import Inbox

KEEP_SECONDS = 1.0
"""How long a request is kept for the next consumer."""

GiveBack = Callable[[Sequence[Any]], object]


@dataclass(eq=False)
class _Place:
    """A request without a consumer.

    Attributes:
        returned: Until when the messages that its consumer has returned may come to it.
        kept: Until when a consumer may get it.
    """

    path: str
    inbox: Inbox
    give_back: GiveBack
    returned: Deadline
    kept: Deadline = field(default_factory=lambda: Deadline(KEEP_SECONDS))
    timer: threading.Timer | None = None


class Parking:
    """The requests without a consumer, by subscription. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: list[_Place] = []

    def park(self, path: str, inbox: Inbox, give_back: GiveBack, returned: Deadline) -> None:
        """Keep a request.

        Args:
            path: The full path of the subscription.
            inbox: The inbox whose request is pending.
            give_back: Called with the messages that no consumer takes.
            returned: Until when the messages that its consumer has returned may come to it.
        """
        place = _Place(path, inbox, give_back, returned)
        with self._lock:
            self._places.append(place)
        inbox.watch(lambda: self._arrived(place))

    def take(self, path: str) -> Inbox | None:
        """Return the oldest kept request of a subscription, or None if there is none."""
        with self._lock:
            for place in self._places:
                if place.path == path and not place.kept.passed and not place.inbox.failed:
                    self._remove(place)
                    break
            else:
                return None
        place.inbox.watch(None)
        return place.inbox

    def _arrived(self, place: _Place) -> None:
        """Return the messages of an answer to the broker, which may take a while.

        Called by a thread of grpc or by `park`.
        """
        with self._lock:
            if place in self._places and place.timer is None:
                place.timer = threading.Timer(max(0.0, place.kept.remaining()), self._end, (place,))
                place.timer.daemon = True
                place.timer.start()

    def _end(self, place: _Place) -> None:
        with self._lock:
            if place not in self._places:
                return
            self._remove(place)
        self._return(place)

    def _remove(self, place: _Place) -> None:
        """Remove a request. The caller holds the lock."""
        self._places.remove(place)
        if place.timer is not None:
            place.timer.cancel()

    @staticmethod
    def _return(place: _Place) -> None:
        received = place.inbox.answered()
        if received:
            place.give_back(received)

    def close(self, timeout: float) -> None:
        """Return to the broker the messages that arrive, within `timeout` seconds.

        Those that a consumer has just returned are awaited: a request that is cancelled would take them from
        the next consumer for as long as their deadline lasts.
        """
        deadline = Deadline(timeout)
        with self._lock:
            places = list(self._places)
            for place in places:
                self._remove(place)
        for place in places:
            place.inbox.wait(min(place.returned.remaining(), deadline.remaining()))
            self._return(place)
