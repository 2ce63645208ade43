"""Failures of the in-memory broker that tests cause on purpose."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from brokerkit.core.vocabulary.errors import BrokerError, Unavailable
from brokerkit.core.vocabulary.results import PublishStatus


@dataclass(frozen=True, slots=True)
class PublishFault:
    """A failure of one publish.

    Attributes:
        status: The status that the publisher sees.
        error: The error that the publisher sees.
        stored: Whether the message is stored, and only its confirmation is lost.
    """

    status: PublishStatus
    error: BrokerError
    stored: bool = False


class Faults:
    """Switches with which tests cause failures of a broker."""

    def __init__(self, changed: threading.Condition, lose_connections: Callable[[], None]) -> None:
        self._changed = changed
        self._lose_connections = lose_connections
        self._publish: deque[PublishFault] = deque()
        self._acks_to_drop = 0
        self.paused = False
        self.stopped = False

    def fail_publishes(self, times: int, error: BrokerError | None = None) -> None:
        """Refuse the next `times` messages. They are certainly not stored."""
        fault = PublishFault("failed", error or Unavailable("refused by fail_publishes()"))
        with self._changed:
            self._publish.extend([fault] * times)

    def lose_confirmations(self, times: int) -> None:
        """Store the next `times` messages without confirming them."""
        fault = PublishFault("unknown", Unavailable("lost by lose_confirmations()"), stored=True)
        with self._changed:
            self._publish.extend([fault] * times)

    def lose_messages(self, times: int) -> None:
        """Lose the next `times` messages, without saying so."""
        fault = PublishFault("unknown", Unavailable("lost by lose_messages()"))
        with self._changed:
            self._publish.extend([fault] * times)

    def drop_acks(self, times: int) -> None:
        """Fail the next `times` acknowledgements. They have no effect."""
        with self._changed:
            self._acks_to_drop = times

    def pause(self) -> None:
        """Answer nothing until `resume` is called."""
        with self._changed:
            self.paused = True

    def resume(self) -> None:
        """End a pause."""
        with self._changed:
            self.paused = False
            self._changed.notify_all()

    def stop(self) -> None:
        """Fail everything with Unavailable until `start` is called. Leases end; data and positions stay."""
        with self._changed:
            self.stopped = True
            self._lose_connections()
            self._changed.notify_all()

    def start(self) -> None:
        """End a stop."""
        with self._changed:
            self.stopped = False
            self._changed.notify_all()

    def publish_fault(self) -> PublishFault | None:
        """Return the failure of the next publish, or None, and use it up."""
        with self._changed:
            return self._publish.popleft() if self._publish else None

    def ack_fault(self) -> BrokerError | None:
        """Return the error of the next acknowledgement, or None, and use it up."""
        if not self._acks_to_drop:
            return None
        self._acks_to_drop -= 1
        return Unavailable("dropped by drop_acks()")

    def refuse_if_stopped(self) -> None:
        """Raise Unavailable while the broker is stopped."""
        if self.stopped:
            raise Unavailable("the in-memory broker is stopped (faults.stop())")

    def check(self, timeout: float) -> None:
        """Wait while the broker is paused.

        Args:
            timeout: How long to wait, in seconds.

        Raises:
            Unavailable: The broker is stopped, or still paused after `timeout` seconds.
        """
        end = time.monotonic() + timeout
        with self._changed:
            while self.paused and not self.stopped:
                if time.monotonic() >= end:
                    raise Unavailable(f"the in-memory broker did not answer within {timeout:g} s (paused)")
                self._changed.wait(min(0.1, max(0.001, end - time.monotonic())))
            self.refuse_if_stopped()
