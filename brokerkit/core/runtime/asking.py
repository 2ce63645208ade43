"""Calls of a driver that one thread makes, one after the other, for callers of any thread."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Protocol, TypeVar

from ..contract.at_exit import close_at_exit
from ..contract.consumer import SubscriptionNotFound
from ..vocabulary.errors import BrokerError, Closed, NotFound
from .closing import Closable
from .driver_thread import DriverThread

T = TypeVar("T")


class _Leaving(Protocol):
    def close(self, timeout: float) -> None: ...


class Asking(Closable):
    """A driver's part whose calls are made by one thread.

    Args:
        part: The part of the driver, to close.
        what: What it does, for names of threads and errors, such as "subscriptions".
        name: Names the connection in errors.
        translate: Makes a `BrokerError` of any exception of the driver.
    """

    def __init__(
        self, part: _Leaving, what: str, *, name: str, translate: Callable[[BaseException], BrokerError]
    ) -> None:
        self.name = name
        self._part = part
        self._what = what
        self._translate = translate
        self._driver_thread = DriverThread(f"{what} of {name}")
        close_at_exit(self)

    def _ask(self, question: Callable[[], T], timeout: float) -> T:
        """Make a call of the driver on its thread, and wait a second longer than `timeout`."""
        self._driver_thread.check_process()
        if self._closed:
            raise Closed(f"the {self._what} of {self.name} are closed")

        def asked() -> tuple[T | None, BrokerError | None]:
            try:
                return question(), None
            except Exception as error:
                return None, self._translate(error)

        answer, problem = self._driver_thread.call(asked, timeout=timeout + 1.0)
        if isinstance(problem, SubscriptionNotFound):
            raise NotFound(f"{problem}: subscriptions() lists all") from problem.__cause__
        if problem is not None:
            raise problem
        return answer  # type: ignore[return-value]  # the question's own

    def _leave(self, timeout: float) -> None:
        with contextlib.suppress(Exception):
            self._part.close(timeout)
