"""What many messages of a composer are now, and the jobs in the background that change it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from threading import RLock
from typing import Any

from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.errors import BrokerError, Cancelled, ConfigError
from brokerkit.core.vocabulary.freed import freed
from brokerkit.frames.outcome import OutcomeFrame
from brokerkit.session.publish.pace import check_rate

from ...latest_only_worker import Workers
from .state import Bulk, Target


class HeldState:
    """The state of many messages. Any thread may call it; `now` is a snapshot."""

    def __init__(
        self,
        target: Target,
        tell: Callable[[], None],
        *,
        rate: float | None = None,
        journal: str | PathLike[str] = "",
    ) -> None:
        self._target = target
        self._tell = tell
        self._lock = RLock()
        self._now = Bulk(rate=check_rate(rate), journal=str(journal))
        self._sent: dict[tuple[int, str], tuple[OutcomeFrame, str]] = {}
        """The receipts of these rows and their journal, for each topic that they were sent to."""
        self._offered_by: tuple[Any, str] | None = None
        """The session and the topic that the schemas are offered for."""
        self._workers = Workers(("check", "send", "schemas"), "a composer")

    @property
    def now(self) -> Bulk:
        return self._now

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with freed(self._lock), self._lock:
            yield
            self._now = self._now.with_receipts()
        self._tell()

    def _emptied(self, **changes: Any) -> Bulk:
        """Return the state without a file. What is said of sending stays."""
        now = self._now
        kept = {name: getattr(now, name) for name in ("rate", "journal", "schema", "offered", "versions")}
        return Bulk(**kept, **changes)

    def _set(self, **changes: Any) -> None:
        with self._changing():
            self._now = replace(self._now, **changes)

    def _put(self, cancellation: Cancellation, **changes: Any) -> None:
        """Set what a job found, unless another one replaced it.

        Raises:
            Cancelled: It was replaced.
        """
        with self._changing():
            cancellation.raise_if_cancelled()
            self._now = replace(self._now, **changes)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is read, checked or sent; return whether that is so."""
        return self._workers.wait(timeout)

    def _run(self, worker: str, job: Callable[[Cancellation], None]) -> None:
        def run(cancellation: Cancellation) -> None:
            try:
                job(cancellation)
            except Cancelled:
                raise
            except Exception as error:  # the view must not wait for ever
                self._put(cancellation, problem=reason_of(error), reading=False)

        self._workers[worker].run(run)

    def check_idle(self) -> None:
        """Raise ConfigError if rows are being sent."""
        if self._now.running:
            raise ConfigError("wait until the rows are sent, or stop it")

    def check_arrived(self) -> None:
        """Raise ConfigError while another file is arriving."""
        if self._now.upload is not None:
            raise ConfigError("another file is arriving: wait for it, or cancel it")


def reason_of(error: BaseException) -> str:
    """Return in words why something was not done."""
    if isinstance(error, BrokerError | TimeoutError):
        return str(error) or "no answer in time"
    return f"{type(error).__name__}: {error}"
