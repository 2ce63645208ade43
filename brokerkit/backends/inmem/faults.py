"""Breaking the in-memory broker on purpose."""

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
    """What happens to one publish. stored: it is stored, and only its confirmation gets lost."""

    status: PublishStatus
    error: BrokerError
    stored: bool = False


class Faults:
    """Switches for tests: each says what it breaks."""

    def __init__(self, changed: threading.Condition, lose_connections: Callable[[], None]) -> None:
        self._changed = changed
        self._lose_connections = lose_connections
        self._publish: deque[PublishFault] = deque()
        self._acks_to_drop = 0
        self.paused = False
        self.stopped = False

    def fail_publishes(self, times: int, error: BrokerError | None = None) -> None:
        """The next `times` messages are refused, and surely not stored."""
        fault = PublishFault("failed", error or Unavailable("refused by fail_publishes()"))
        with self._changed:
            self._publish.extend([fault] * times)

    def lose_confirmations(self, times: int) -> None:
        """The next `times` messages are stored, but the publisher never hears of it."""
        fault = PublishFault("unknown", Unavailable("lost by lose_confirmations()"), stored=True)
        with self._changed:
            self._publish.extend([fault] * times)

    def drop_acks(self, times: int) -> None:
        """The next `times` acknowledgements fail and do not take effect."""
        with self._changed:
            self._acks_to_drop = times

    def pause(self) -> None:
        """Nothing is answered until `resume`."""
        with self._changed:
            self.paused = True

    def resume(self) -> None:
        with self._changed:
            self.paused = False
            self._changed.notify_all()

    def stop(self) -> None:
        """Everything fails with Unavailable until `start`; leases end, data and positions stay."""
        with self._changed:
            self.stopped = True
            self._lose_connections()
            self._changed.notify_all()

    def start(self) -> None:
        with self._changed:
            self.stopped = False
            self._changed.notify_all()

    def publish_fault(self) -> PublishFault | None:
        with self._changed:
            return self._publish.popleft() if self._publish else None

    def ack_fault(self) -> BrokerError | None:
        if not self._acks_to_drop:
            return None
        self._acks_to_drop -= 1
        return Unavailable("dropped by drop_acks()")

    def refuse_if_stopped(self) -> None:
        if self.stopped:
            raise Unavailable("the in-memory broker is stopped (faults.stop())")

    def check(self, timeout: float) -> None:
        """Wait while paused; raise Unavailable when stopped, or paused for longer than `timeout`."""
        end = time.monotonic() + timeout
        with self._changed:
            while self.paused and not self.stopped:
                if time.monotonic() >= end:
                    raise Unavailable(f"the in-memory broker did not answer within {timeout:g} s (paused)")
                self._changed.wait(min(0.1, max(0.001, end - time.monotonic())))
            self.refuse_if_stopped()
