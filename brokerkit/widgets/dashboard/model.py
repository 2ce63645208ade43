"""The state of a dashboard: a thread that looks again and again, as long as there is a viewer."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.arguments import check_seconds
from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import BrokerError, Cancelled, ConfigError
from brokerkit.core.vocabulary.latch import Latch
from brokerkit.core.vocabulary.positions import microseconds_of

from ..browse.lifetime import tied
from ..latest_only_worker import LatestOnlyWorker
from .looks import Looks

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession

LEAST, MOST = 1.0, 3_600.0
"""Seconds between two looks."""
STEP = 0.5
"""Seconds between two checks whether to look."""


class DashboardModel:
    """A dashboard, without a widget. Any thread may call it.

    Attributes:
        session: The session.
        looks: What was found.
        every: Seconds between two looks.
        paused: Whether it looks no more until it is resumed.
        problem: Why the last look failed.
        on_change: Called after each look and each change.
        looked: Set after the first look.
        attended: Returns whether there is a viewer.
    """

    def __init__(self, session: DataSession, every: float | str) -> None:
        self.session = session
        self.looks = Looks(session)
        self.every = seconds_of(every)
        self.paused = False
        self.problem: BrokerError | None = None
        self.on_change: Callable[[], None] | None = None
        self.attended: Callable[[], bool] = lambda: True
        self._worker = LatestOnlyWorker(f"dashboard of {session.name}")
        self.looked = Latch()
        self._soon = True
        self.running = True
        self._cell = tied(self, session)
        self._worker.run(_looking(weakref.ref(self)))

    def look_again(self, every: float | str | None = None) -> None:
        """Look soon, and from then on in another rhythm."""
        if every is not None:
            self.every = seconds_of(every)
        self._soon = True
        if not self.running and not self.session.connection.closed:
            self.running = True
            self._worker.run(_looking(weakref.ref(self)))
        self.tell()

    def pause(self, on: bool) -> None:
        """Look no more, or again."""
        self.paused = on
        self._soon = not on
        self.tell()

    def stop(self, why: str = "it was stopped") -> None:
        """Look no more; what was found stays."""
        self.running = False
        self._worker.stop()
        self.tell()

    def forget(self) -> None:
        """Stop, and drop what was found."""
        self.stop()
        self.looks = Looks(self.session)

    def close(self, timeout: float = 2.0) -> None:
        """Stop, and wait for the thread."""
        self.stop()
        self._worker.wait(timeout)

    def tell(self, *what: str) -> None:
        """Show what has changed."""
        if self.on_change is not None:
            self.on_change()

    def step(self, cancellation: Cancellation, last: float) -> float:
        """Look if it is time; return when the last look was."""
        now = time.monotonic()
        if self.paused or not self.attended() or not (self._soon or now - last >= self.every):
            return last
        self._soon = False
        try:
            self._look(cancellation)
            self.looked.set()
            self.tell()
        except Cancelled:
            raise
        except Exception as error:
            # the thread would end, and the view would wait for the next look for ever
            self.running = False
            self.problem = BrokerError(f"it stopped: {type(error).__name__}: {error}; Refresh tries it again")
            self.tell()
        return now

    def _look(self, cancellation: Cancellation) -> None:
        try:
            self.looks.look(cancellation)
            self.problem = None
        except (BrokerError, TimeoutError) as error:
            cancellation.raise_if_cancelled()
            self.problem = (
                error if isinstance(error, BrokerError) else BrokerError(str(error) or "no answer in time")
            )
            if self.session.connection.closed:
                self.running = False


def _looking(owner: weakref.ref[DashboardModel]) -> Callable[[Cancellation], None]:
    """Return the job that looks until its dashboard is stopped, or gone."""

    def job(cancellation: Cancellation) -> None:
        last = float("-inf")
        while not cancellation.cancelled:
            model = owner()
            if model is None or not model.running:
                return
            last = model.step(cancellation, last)
            del model
            cancellation.wait(STEP)

    return job


def seconds_of(every: float | str) -> float:
    """Return seconds from a number, or a text such as ``5s`` or ``1min``.

    Raises:
        ConfigError: It is neither, too short or too long.
    """
    seconds = _spoken(every) if isinstance(every, str) else check_seconds(every, "every")
    if seconds is None or not LEAST <= seconds <= MOST:
        raise ConfigError(f'every= is from 1 s to 1 h, such as 5 or "30s", not {every!r:.40}')
    return seconds


def _spoken(text: str) -> float | None:
    try:
        found = microseconds_of(text)
    except OverflowError:
        return None
    return None if found is None else found / 1e6
