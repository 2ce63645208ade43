"""The result of a Ctrl-C: the rows read so far, and a scan of the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from brokerkit.core.vocabulary.interrupts import Hold

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

T = TypeVar("T")


class Readable(Protocol):
    """Rows that can still be read: a `Scan`."""

    def to_pandas(self) -> pd.DataFrame:
        """Read them as a DataFrame."""
        ...

    def to_arrow(self) -> pa.Table:
        """Read them as an Arrow table."""
        ...


class Interrupted(KeyboardInterrupt):
    """A KeyboardInterrupt that keeps the results so far.

    Attributes:
        frame: The rows read so far, or the outcomes of the messages published.
        rest: A `Scan` of the rows that were not read; None if there is none.
    """

    def __init__(self, text: str, frame: pd.DataFrame | None = None, rest: Readable | None = None) -> None:
        super().__init__(text)
        self.frame = frame
        self.rest = rest


class Keeper(Protocol):
    """An object that keeps the last interrupt: a session."""

    last_interrupted: Any


def outcome_kept(keeper: Keeper, work: Callable[[Hold], T], left: Callable[[], Interrupted | None]) -> T:
    """Run work whose outcome must not be lost.

    An interrupt raises the error that `left` returns, even during the last steps.

    Args:
        keeper: The session; it keeps the outcome in `last_interrupted` if anything else ends the work.
        work: The work. It calls `begin` of its argument once an interrupt may only be raised in a wait.
        left: Returns the error to raise for an interrupt; None while nothing was done.
    """
    hold = Hold()
    try:
        result = work(hold)
        hold.end()
    except KeyboardInterrupt as interrupt:
        hold.begin()
        error = interrupt if isinstance(interrupt, Interrupted) else left()
        keeper.last_interrupted = error or keeper.last_interrupted
        hold.restore()
        if error is None or error is interrupt:
            raise
        raise error from interrupt
    except BaseException as problem:
        _keep_beside(keeper, problem, left)
        hold.end()
        raise
    return result


def _keep_beside(keeper: Keeper, problem: BaseException, left: Callable[[], Interrupted | None]) -> None:
    if hasattr(problem, "results") or hasattr(problem, "frame"):  # the error itself has them
        return
    error = left()
    if error is not None and error.frame is not None and len(error.frame):
        keeper.last_interrupted = error
        problem.add_note("The outcomes so far are in session.last_interrupted.frame.")
